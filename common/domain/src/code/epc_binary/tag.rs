//! One RFID tag as a value: the fields of its EPC, read from and written as hexadecimal digits and URIs.
//!
//! This is the plain implementation, one field after the other as the standard describes them (EPC Tag Data Standard,
//! sections 14.3 to 14.5). Rows of exports use [`super::column`].

use percent_encoding::percent_decode_str;

use super::bits::Bits;
use super::scheme::{EpcScheme, MAX_FILTER, Reference, Serial, is_part_number};
use crate::code::digits::{check_digit, is_digits};
use crate::code::epc::{MIN_EPC_PREFIX, escaped};
use crate::code::prefix::MAX_PREFIX_LENGTH;
use crate::code::types::CodeType;

/// Maximum number of hexadecimal digits of an EPC memory bank: 31 words, which the length field of a tag can state (Gen2
/// air interface, section 6.3.2.1.2).
const MAX_HEX: usize = 31 * 4;

/// Maximum bytes of a URI that is read; the longest tag URI has less than 100.
const MAX_URI: usize = 256;

/// The EPC of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpcTag {
    pub(super) scheme: EpcScheme,
    pub(super) filter: u8,
    /// The company prefix.
    pub(super) prefix: String,
    /// What follows the prefix in the URI: for a GTIN the indicator digit and the item reference, for an SSCC the extension
    /// digit and the serial reference. Not percent-encoded.
    pub(super) reference: String,
    /// The number of the piece and the number of pieces.
    pub(super) pieces: Option<[String; 2]>,
    /// The serial, for the schemes that have one.
    pub(super) serial: Option<String>,
}

impl EpcTag {
    /// The scheme.
    #[must_use]
    pub const fn scheme(&self) -> EpcScheme {
        self.scheme
    }

    /// The filter value, 0 to 7.
    #[must_use]
    pub const fn filter(&self) -> u8 {
        self.filter
    }

    /// Reads the hexadecimal digits of an EPC memory bank from its header on, in either case. Zeros behind the EPC do not
    /// count: some readers give the digits of the EPC, others whole words, or all that the tag has. `None` for what no
    /// scheme of [`EpcScheme::ALL`] can have written, such as too few digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        if text.len() > MAX_HEX {
            return None;
        }
        let mut bits = Bits::of_hex(text)?;
        let scheme = EpcScheme::of_header(bits.take(8)?)?;
        let layout = scheme.layout();
        let filter = u8::try_from(bits.take(3)?).ok()?;
        let digits = MAX_PREFIX_LENGTH.checked_sub(usize::try_from(bits.take(3)?).ok()?)?;
        let prefix_bits = prefix_bits(digits)?;
        let prefix = padded(bits.take(prefix_bits)?, digits)?;
        let reference = match layout.reference {
            Reference::Digits { bits: all, digits: total } => {
                padded(bits.take(all - prefix_bits)?, total.checked_sub(digits)?)?
            }
            Reference::Number { bits: all } => bits.take(all - prefix_bits)?.to_string(),
            Reference::PartNumber { bits: all, digits: most } => {
                let number = bits.take(all - prefix_bits)?.to_string();
                Some(number).filter(|number| number.len() + digits <= most)?
            }
            Reference::Text { bits: all } => fitting(text_of(&mut bits, all - prefix_bits)?, digits)?,
            Reference::Part => fitting(part_of(&mut bits)?, digits)?,
        };
        let pieces = if layout.pieces { Some([padded(bits.take(7)?, 2)?, padded(bits.take(7)?, 2)?]) } else { None };
        let serial = match layout.serial {
            Serial::None => None,
            Serial::Number { bits: count } => Some(bits.take(count)?.to_string()),
            Serial::Digits { bits: count } => {
                let number = bits.take(count)?.to_string();
                Some(number.strip_prefix('1').filter(|serial| !serial.is_empty())?.to_owned())
            }
            Serial::Text { bits: count } => Some(text_of(&mut bits, count)?),
        };
        bits.is_rest_zero().then_some(Self { scheme, filter, prefix, reference, pieces, serial })
    }

    /// Reads a tag as people have it: [`Self::from_hex`], or [`Self::from_uri`].
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Self::from_hex(text).or_else(|| Self::from_uri(text))
    }

    /// Reads a tag URI (`urn:epc:tag:…`), or a pure identity URI (`urn:epc:id:…`), which has no scheme and no filter
    /// value: it gets those that hold every code. `None` for other texts, and for values that the scheme cannot hold.
    #[must_use]
    pub fn from_uri(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("urn:epc:").filter(|rest| rest.len() <= MAX_URI)?;
        let (kind, rest) = rest.split_once(':')?;
        let (name, fields) = rest.split_once(':')?;
        let (scheme, filter, fields) = match kind {
            "tag" => {
                let (filter, fields) = fields.split_once('.')?;
                let filter = Some(filter).filter(|filter| is_digits(filter, 1))?.parse().ok()?;
                (name.parse::<EpcScheme>().ok()?, filter, fields)
            }
            "id" => {
                let scheme = EpcScheme::ALL.into_iter().find(|scheme| scheme.code_type().as_str() == name)?.long();
                (scheme, 0, fields)
            }
            _ => return None,
        };
        let layout = scheme.layout();
        let has_serial = layout.serial != Serial::None;
        // A serial may contain dots, so it takes the rest.
        let count = 2 + if layout.pieces { 2 } else { 0 } + usize::from(has_serial);
        let mut parts = fields.splitn(count, '.').map(|part| percent_decode_str(part).decode_utf8().ok());
        let mut next = || Some(parts.next()??.into_owned());
        let (prefix, reference) = (next()?, next()?);
        let pieces = if layout.pieces { Some([next()?, next()?]) } else { None };
        let serial = if has_serial { Some(next()?) } else { None };
        let tag = Self { scheme, filter, prefix, reference, pieces, serial };
        tag.bits().is_some().then_some(tag)
    }

    /// The tag URI.
    #[must_use]
    pub fn uri(&self) -> String {
        let Self { scheme, filter, prefix, reference, .. } = self;
        let mut uri = format!("urn:epc:tag:{scheme}:{filter}.{prefix}.{}", escaped(reference));
        for part in self.pieces.iter().flatten().chain(&self.serial) {
            uri.push('.');
            uri.push_str(&escaped(part));
        }
        uri
    }

    /// The contents of the EPC memory bank as upper-case hexadecimal digits, in whole words of 16 bits; `None` if a value does
    /// not fit its field.
    #[must_use]
    pub fn hex(&self) -> Option<String> {
        let (mut bits, _) = self.bits()?;
        bits.pad(bits.len().div_ceil(16) * 16);
        Some(bits.hex_before(bits.len()).0)
    }

    /// The bits, and where the field begins in which the codes of a pool differ: the serial, or the reference of the
    /// schemes without one.
    pub(super) fn bits(&self) -> Option<(Bits, usize)> {
        let layout = self.scheme.layout();
        let digits = self.prefix.len();
        let prefix_bits = prefix_bits(digits)?;
        let mut bits = Bits::default();
        bits.push(self.scheme.header().into(), 8)?;
        bits.push(Some(self.filter).filter(|filter| *filter <= MAX_FILTER)?.into(), 3)?;
        bits.push((MAX_PREFIX_LENGTH - digits).try_into().ok()?, 3)?;
        bits.push(number(&self.prefix, digits)?, prefix_bits)?;
        let mut varying = bits.len();
        match layout.reference {
            Reference::Digits { bits: all, digits: total } => {
                bits.push(number(&self.reference, total.checked_sub(digits)?)?, all - prefix_bits)?;
            }
            Reference::Number { bits: all } => bits.push(plain_number(&self.reference)?, all - prefix_bits)?,
            Reference::PartNumber { bits: all, digits: most } => {
                let part = Some(&self.reference).filter(|part| part.len() + digits <= most)?;
                bits.push(plain_number(part)?, all - prefix_bits)?;
            }
            Reference::Text { bits: all } => {
                let text = fitting(&self.reference, digits)?;
                push_text(&mut bits, text, all - prefix_bits)?;
            }
            Reference::Part => {
                let part = fitting(&self.reference, digits)?;
                push_part(&mut bits, part)?;
            }
        }
        if layout.pieces {
            for piece in self.pieces.as_ref()? {
                bits.push(number(piece, 2)?, 7)?;
            }
        }
        if layout.serial != Serial::None {
            varying = bits.len();
        }
        match layout.serial {
            Serial::None => {}
            Serial::Number { bits: count } => bits.push(plain_number(self.serial.as_ref()?)?, count)?,
            Serial::Digits { bits: count } => {
                // Twelve digits behind a 1 are below 2^41.
                let serial = self.serial.as_ref().filter(|serial| (1..=12).contains(&serial.len()))?;
                bits.push(number(&format!("1{serial}"), serial.len() + 1)?, count)?;
            }
            Serial::Text { bits: count } => push_text(&mut bits, self.serial.as_ref()?, count)?,
        }
        bits.pad(layout.bits);
        Some((bits, varying))
    }

    /// The key as its Application Identifier has it, with its check digit (without the 0 of AI 8003), and the serial; the
    /// whole key for the types whose serial is the end of the key.
    pub(in crate::code) fn key_and_serial(&self) -> Option<(String, &str)> {
        let Self { prefix, reference, .. } = self;
        let closed = |body: String| Some(format!("{body}{}", check_digit(&body)?));
        // An indicator or extension digit precedes the company prefix.
        let rotated = || {
            let (first, rest) = reference.split_at_checked(1)?;
            closed(format!("{first}{prefix}{rest}"))
        };
        let key = match self.scheme.code_type() {
            CodeType::Sgtin | CodeType::Sscc => rotated()?,
            CodeType::Itip => {
                let [piece, total] = self.pieces.as_ref()?;
                format!("{}{piece}{total}", rotated()?)
            }
            CodeType::Grai | CodeType::Gsrn | CodeType::Gdti | CodeType::Sgcn => {
                closed(format!("{prefix}{reference}"))?
            }
            CodeType::Giai | CodeType::Cpi => format!("{prefix}{reference}"),
            CodeType::ShortCode => return None,
        };
        Some((key, self.serial.as_deref().unwrap_or_default()))
    }
}

/// Bits of a company prefix by its digits (the partition tables of section 14.5, all alike).
fn prefix_bits(digits: usize) -> Option<u32> {
    const BITS: [u32; MAX_PREFIX_LENGTH + 1 - MIN_EPC_PREFIX] = [20, 24, 27, 30, 34, 37, 40];
    BITS.get(digits.checked_sub(MIN_EPC_PREFIX)?).copied()
}

/// A number as exactly so many digits; `None` if it has more.
fn padded(number: u64, digits: usize) -> Option<String> {
    if digits == 0 {
        return (number == 0).then(String::new);
    }
    Some(format!("{number:0digits$}")).filter(|text| text.len() == digits)
}

/// The number of exactly so many digits.
fn number(text: &str, digits: usize) -> Option<u64> {
    if digits == 0 { text.is_empty().then_some(0) } else { text.parse().ok().filter(|_| is_digits(text, digits)) }
}

/// A number without leading zeros.
fn plain_number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| is_part_number(text))
}

/// Whether GS1 serials may have the character (GS1 General Specifications, figure 7.11-1; EPC Tag Data Standard, appendix
/// A): 82 characters.
fn is_text_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!\"%&'()*+,-./:;<=>?_".contains(&byte)
}

/// Whether part identifiers may have the character (appendix G).
fn is_part_character(byte: u8) -> bool {
    byte.is_ascii_digit() || byte.is_ascii_uppercase() || b"#-/".contains(&byte)
}

/// Appends a text in seven bits a character, and zeros up to `count` bits.
fn push_text(bits: &mut Bits, text: &str, count: u32) -> Option<()> {
    let end = bits.len() + usize::try_from(count).ok()?;
    for byte in text.bytes() {
        bits.push(Some(byte).filter(|byte| is_text_character(*byte))?.into(), 7)?;
    }
    bits.pad(end);
    (!text.is_empty() && bits.len() == end).then_some(())
}

/// A text that is an identifier with a prefix of so many digits: both have 30 characters at most (AI 8004 and 8010, X..30 and
/// Y..30). The bits have room for more.
fn fitting<T: AsRef<str>>(text: T, digits: usize) -> Option<T> {
    (text.as_ref().len() + digits <= 30).then_some(text)
}

/// Reads what [`push_text`] writes.
fn text_of(bits: &mut Bits, count: u32) -> Option<String> {
    let mut text = String::new();
    let mut ended = false;
    for _ in 0..count / 7 {
        let byte = u8::try_from(bits.take(7)?).ok()?;
        ended |= byte == 0;
        if ended && byte != 0 {
            return None;
        }
        if !ended {
            text.push(char::from(Some(byte).filter(|byte| is_text_character(*byte))?));
        }
    }
    let is_padded = bits.take(count % 7)? == 0;
    (is_padded && !text.is_empty()).then_some(text)
}

/// Appends a part identifier in six bits a character, the low ones of ASCII, and six zeros (section 14.3.8).
fn push_part(bits: &mut Bits, part: &str) -> Option<()> {
    for byte in part.bytes() {
        bits.push(u64::from(Some(byte).filter(|byte| is_part_character(*byte))? & 0x3F), 6)?;
    }
    bits.push(0, 6)?;
    (!part.is_empty()).then_some(())
}

/// Reads what [`push_part`] writes.
fn part_of(bits: &mut Bits) -> Option<String> {
    let mut part = String::new();
    // Bounded by the bits that there are.
    loop {
        let low = u8::try_from(bits.take(6)?).ok()?;
        if low == 0 {
            return (!part.is_empty()).then_some(part);
        }
        // Letters are 1 to 26, all others lie in the second quarter of ASCII.
        let byte = if low < 0x20 { low | 0x40 } else { low };
        part.push(char::from(Some(byte).filter(|byte| is_part_character(*byte))?));
    }
}
