//! The tags of a pool as a template. All but a few digits of a tag are the same for every code of a pool, so a row of an
//! export needs only the digits computed in which its varying part lies.

use super::scheme::{EpcError, EpcScheme, MAX_FILTER, PoolForm, Serial};
use super::tag::EpcTag;
use crate::code::epc;
use crate::code::namespace::Namespace;
use crate::code::pool::PoolSpec;
use crate::code::prefix::CompanyPrefix;
use crate::code::template::Piece;
use crate::code::types::CodeType;

/// Characters that become digits together: eight of seven bits are fourteen whole digits.
const GROUP: usize = 8;
/// Digits of a group.
const GROUP_DIGITS: usize = GROUP * 7 / 4;

/// The tags of a pool's codes: scheme, filter value, and how each varying part becomes a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpcColumn {
    scheme: EpcScheme,
    filter: u8,
    uri: Vec<Piece>,
    before: String,
    digits: HexDigits,
    after: usize,
}

impl EpcColumn {
    /// Chooses the scheme of a pool's codes, or checks the one that is named, and compiles their tags. A scheme fits if it
    /// holds every code that the pool can have. Without a name it is the shortest that does; without a filter value, that
    /// of [`EpcScheme::default_filter`]. `width` is the length of the varying part.
    ///
    /// # Errors
    /// The errors of [`EpcError`].
    pub(in crate::code) fn compile(
        spec: &PoolSpec,
        width: usize,
        prefix: Option<&CompanyPrefix>,
        scheme: Option<EpcScheme>,
        filter: Option<u8>,
    ) -> Result<Self, EpcError> {
        let namespace = &spec.namespace;
        let prefix = epc::certain_prefix(namespace, prefix)?;
        let part = match spec.code_type {
            CodeType::Cpi => namespace.key.strip_prefix(prefix.as_str()).unwrap_or_default(),
            _ => "",
        };
        let form = PoolForm {
            code_type: spec.code_type,
            character_set: spec.character_set,
            length: spec.length,
            prefix_digits: prefix.digits(),
            part,
        };
        let scheme = match scheme {
            Some(scheme) => scheme.check(&form).map(|()| scheme)?,
            None => EpcScheme::of_type(spec.code_type)
                .find(|scheme| scheme.check(&form).is_ok())
                .ok_or(EpcError::NoEpc(spec.code_type))?,
        };
        let filter = filter.unwrap_or_else(|| scheme.default_filter());
        if filter > MAX_FILTER {
            return Err(EpcError::Filter);
        }
        let head = format!("urn:epc:tag:{scheme}:{filter}.{}.", prefix.as_str());
        let uri = epc::body(namespace, width, prefix.as_str(), &head).ok_or(EpcError::NoEpc(spec.code_type))?.pieces();
        // Whatever the varying part is, the bits before it are the same.
        let sample = "1".repeat(width);
        let tag = tag_of(namespace, &prefix, scheme, filter, &sample).ok_or(EpcError::NoEpc(spec.code_type))?;
        let (before, digits, after) = split(&tag, width).ok_or(EpcError::NoEpc(spec.code_type))?;
        Ok(Self { scheme, filter, uri, before, digits, after })
    }

    /// The scheme of every tag.
    #[must_use]
    pub const fn scheme(&self) -> EpcScheme {
        self.scheme
    }

    /// The filter value of every tag.
    #[must_use]
    pub const fn filter(&self) -> u8 {
        self.filter
    }

    /// The tag URI. Its slots lie within the varying part.
    #[must_use]
    pub fn uri(&self) -> &[Piece] {
        &self.uri
    }

    /// The hexadecimal digits before those that differ.
    #[must_use]
    pub fn before(&self) -> &str {
        &self.before
    }

    /// The hexadecimal digits that differ.
    #[must_use]
    pub const fn digits(&self) -> &HexDigits {
        &self.digits
    }

    /// The number of zeros behind the digits that differ.
    #[must_use]
    pub const fn after(&self) -> usize {
        self.after
    }

    /// All hexadecimal digits of a tag: whole words of 16 bits.
    #[must_use]
    pub fn len(&self) -> usize {
        self.before.len() + self.digits.len() + self.after
    }

    /// Whether a tag has no digits, which no scheme does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The hexadecimal digits of the tag of one code.
    #[must_use]
    pub fn hex(&self, varying: &str) -> String {
        let mut digits = vec![b'0'; self.digits.len()];
        self.digits.write(varying.as_bytes(), &mut digits);
        let digits = String::from_utf8(digits).unwrap_or_default();
        format!("{}{digits}{}", self.before, "0".repeat(self.after))
    }
}

/// The tag of one code.
fn tag_of(
    namespace: &Namespace,
    prefix: &CompanyPrefix,
    scheme: EpcScheme,
    filter: u8,
    varying: &str,
) -> Option<EpcTag> {
    let key = namespace.key.as_str();
    let without_check_digit =
        |key: &str| Some(key.strip_prefix(prefix.as_str())?.strip_suffix(char::is_numeric)?.to_owned());
    let item = |gtin: &str| {
        let (indicator, rest) = gtin.split_at_checked(1)?;
        Some(format!("{indicator}{}", without_check_digit(rest)?))
    };
    let serial = Some(varying.to_owned());
    let (reference, pieces, serial) = match namespace.code_type {
        CodeType::Sgtin => (item(key)?, None, serial),
        CodeType::Itip => {
            let (gtin, rest) = key.split_at_checked(14)?;
            let (piece, total) = rest.split_at_checked(2)?;
            (item(gtin)?, Some([piece.to_owned(), total.to_owned()]), serial)
        }
        CodeType::Grai | CodeType::Gdti | CodeType::Sgcn => (without_check_digit(key)?, None, serial),
        CodeType::Cpi => (key.strip_prefix(prefix.as_str())?.to_owned(), None, serial),
        CodeType::Giai => (varying.to_owned(), None, None),
        // The check digit is no part of an EPC.
        CodeType::Sscc | CodeType::Gsrn => (varying.get(..varying.len().checked_sub(1)?)?.to_owned(), None, None),
        CodeType::ShortCode => return None,
    };
    Some(EpcTag { scheme, filter, prefix: prefix.as_str().to_owned(), reference, pieces, serial })
}

/// The digits before the varying ones, those, and the number of zeros behind them.
fn split(tag: &EpcTag, width: usize) -> Option<(String, HexDigits, usize)> {
    use super::scheme::Reference;
    let (mut bits, varying) = tag.bits()?;
    let len = bits.len().div_ceil(16) * 4;
    bits.pad(len * 4);
    let (before, carry, carried) = bits.hex_before(varying);
    let layout = tag.scheme.layout();
    let prefix_bits = |all: u32| Some(all - u32::try_from(varying.checked_sub(14)?).ok()?);
    let number = |bits: u32, len: usize, first: u64| {
        let used = carried + bits;
        let shift = used.next_multiple_of(4) - used;
        // Header, filter, partition and a prefix of at least 20 bits are whole digits but for two bits, and no number has more
        // than 62.
        (used + shift <= 64).then_some((Kind::Number { carry: carry << bits, shift, first }, len, used + shift))
    };
    let text = || Some((Kind::Text, width, (carried + 7 * u32::try_from(width).ok()?).next_multiple_of(4)));
    let (kind, len_of_varying, used) = match (layout.serial, layout.reference) {
        (Serial::Number { bits }, _) => number(bits, width, 0)?,
        (Serial::Digits { bits }, _) => number(bits, width, 10_u64.checked_pow(u32::try_from(width).ok()?)?)?,
        (Serial::Text { .. }, _) => text()?,
        (Serial::None, Reference::Digits { bits, .. }) => number(prefix_bits(bits)?, width.checked_sub(1)?, 0)?,
        (Serial::None, Reference::Number { bits }) => number(prefix_bits(bits)?, width, 0)?,
        (Serial::None, Reference::Text { .. }) => text()?,
        (Serial::None, _) => return None,
    };
    let digits = HexDigits { kind, carry, carried, from_varying: len_of_varying, len: usize::try_from(used / 4).ok()? };
    let after = len.checked_sub(before.len() + digits.len)?;
    Some((before, digits, after))
}

/// The digits of a tag in which the codes of a pool differ, computed from the varying part of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HexDigits {
    kind: Kind,
    /// The bits before the varying ones that share a digit with them, and how many there are, at most three.
    carry: u64,
    carried: u32,
    /// How many bytes of the varying part count, from its beginning.
    from_varying: usize,
    len: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A number. `carry` lies above its bits, `shift` zeros follow, and `first` is added.
    Number { carry: u64, shift: u32, first: u64 },
    /// Characters of seven bits.
    Text,
}

impl HexDigits {
    /// How many digits [`Self::write`] writes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether no digit differs, which no scheme has.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Writes the digits of one code over `out`, as many as fit. `varying` is the varying part, ASCII letters and digits.
    #[inline]
    pub fn write(&self, varying: &[u8], out: &mut [u8]) {
        let varying = varying.get(..self.from_varying).unwrap_or(varying);
        match self.kind {
            Kind::Number { carry, shift, first } => {
                let number = (carry | (decimal(varying).wrapping_add(first))) << shift;
                let hex = hex(number);
                if let Some(digits) = hex.get(hex.len().saturating_sub(out.len())..) {
                    out.copy_from_slice(digits);
                }
            }
            Kind::Text => self.write_text(varying, out),
        }
    }

    #[inline]
    fn write_text(&self, text: &[u8], out: &mut [u8]) {
        let mut carry = self.carry;
        let keep = (1_u64 << self.carried) - 1;
        let mut places = out.chunks_mut(GROUP_DIGITS);
        for group in text.chunks(GROUP) {
            let Some(place) = places.next() else { return };
            let mut bytes = [0; GROUP];
            bytes[..group.len()].copy_from_slice(group);
            // The carried bits, then 56 of the group; the lowest are carried to the next one. The last group is filled with
            // zeros, which belong to the tag.
            let bits = (carry << 56) | seven_bits(bytes);
            carry = bits & keep;
            write_group(bits >> self.carried, place);
        }
        // What the last group carried, if its characters fill its digits.
        if let Some(place) = places.next() {
            write_group(carry << (56 - self.carried), place);
        }
    }
}

/// Writes the leading digits of 56 bits, as many as there is place for.
#[inline]
fn write_group(bits: u64, place: &mut [u8]) {
    let hex = hex(bits << 8);
    if let Some(digits) = hex.get(..place.len()) {
        place.copy_from_slice(digits);
    }
}

/// The number of a decimal text of at most 18 digits.
#[inline]
fn decimal(text: &[u8]) -> u64 {
    text.iter().fold(0, |number: u64, byte| number.wrapping_mul(10).wrapping_add(u64::from(byte.wrapping_sub(b'0'))))
}

/// The low seven bits of eight bytes, side by side: 56 bits.
#[inline]
fn seven_bits(bytes: [u8; GROUP]) -> u64 {
    let bytes = u64::from_be_bytes(bytes);
    let pairs = (bytes & 0x007F_007F_007F_007F) | ((bytes & 0x7F00_7F00_7F00_7F00) >> 1);
    let fours = (pairs & 0x0000_3FFF_0000_3FFF) | ((pairs & 0x3FFF_0000_3FFF_0000) >> 2);
    (fours & 0x0FFF_FFFF) | ((fours & 0x0FFF_FFFF_0000_0000) >> 4)
}

/// The sixteen upper-case hexadecimal digits of a number.
#[inline]
fn hex(number: u64) -> [u8; 16] {
    const PAIRS: [[u8; 2]; 256] = pairs();
    let mut digits = [0; 16];
    for (byte, place) in number.to_be_bytes().into_iter().zip(digits.chunks_exact_mut(2)) {
        place.copy_from_slice(&PAIRS[usize::from(byte)]);
    }
    digits
}

/// Both digits of every byte.
const fn pairs() -> [[u8; 2]; 256] {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [DIGITS[byte >> 4], DIGITS[byte & 15]];
        byte += 1;
    }
    pairs
}
