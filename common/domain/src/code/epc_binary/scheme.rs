//! The schemes: what their binary encodings consist of, and which codes each of them can hold.

use std::fmt;
use std::str::FromStr;

use crate::code::digits::is_digits;
use crate::code::types::{CharacterSet, CodeType};

/// The greatest filter value: it has three bits (EPC Tag Data Standard, section 10).
pub const MAX_FILTER: u8 = 7;

/// Maximum digits of company prefix and part identifier in `cpi-96` (table 14-24).
const CPI_96_DIGITS: usize = 15;

/// Why a reservation's codes have no binary encoding, or not the one that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EpcError {
    /// Short codes are no GS1 keys.
    #[error("codes of type {0} have no EPC")]
    NoEpc(CodeType),
    /// The organisation has no company prefix.
    #[error("an EPC needs the organisation's GS1 Company Prefix, and it has none")]
    PrefixMissing,
    /// The tables of the standard begin with six digits.
    #[error("an EPC needs a GS1 Company Prefix of at least 6 digits; the organisation's has {0}")]
    PrefixTooShort(usize),
    /// Keys with this prefix are not unique in the world.
    #[error("the organisation's company prefix lies in a range that GS1 reserves, so its keys have no EPC")]
    PrefixReserved,
    /// The company prefix of the organisation is not that of the product.
    #[error("an EPC needs a key that starts with the organisation's GS1 Company Prefix {0}")]
    OtherPrefix(String),
    /// The EPC leaves the check digit out, so that with a wrong one it would name another product.
    #[error("an EPC needs a product with a right check digit")]
    CheckDigit,
    /// The scheme is one of other codes.
    #[error("{scheme} is a scheme for {}, not for {code_type}", scheme.code_type())]
    OtherType {
        /// The scheme asked for.
        scheme: EpcScheme,
        /// The type of the codes.
        code_type: CodeType,
    },
    /// Not every code of the reservation fits.
    #[error("{scheme} cannot hold every code of the reservation: {reason}; use {}", scheme.long())]
    DoesNotFit {
        /// The scheme asked for.
        scheme: EpcScheme,
        /// What does not fit.
        reason: &'static str,
    },
    /// A filter value has three bits.
    #[error("a filter value is 0 to 7")]
    Filter,
    /// The text is not the name of a scheme.
    #[error("the EPC scheme must be one of {}", EpcScheme::ALL.map(EpcScheme::as_str).join(", "))]
    UnknownScheme,
}

/// A binary encoding of the EPC Tag Data Standard. As text `sgtin-96`, `cpi-var`, as in a tag URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EpcScheme {
    /// A trade item with a serial number below 2^38.
    Sgtin96,
    /// A trade item with a serial of up to 20 characters.
    Sgtin198,
    /// A logistic unit.
    Sscc96,
    /// A returnable asset with a serial number below 2^38.
    Grai96,
    /// A returnable asset with a serial of up to 16 characters.
    Grai170,
    /// An asset whose reference is a number.
    Giai96,
    /// An asset with any reference.
    Giai202,
    /// A recipient of a service.
    Gsrn96,
    /// A document with a serial number below 2^41.
    Gdti96,
    /// A document with a serial of up to 17 characters.
    Gdti174,
    /// A coupon.
    Sgcn96,
    /// A part whose identifier is a number, with a serial number below 2^31.
    Cpi96,
    /// A part with any identifier, with a serial number below 2^40. Its length depends on the identifier.
    CpiVar,
    /// A piece of a trade item with a serial number below 2^38.
    Itip110,
    /// A piece of a trade item with a serial of up to 20 characters.
    Itip212,
}

/// What follows header, filter, partition and company prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    /// A number with leading zeros. `bits` and `digits` count those of the company prefix too.
    Digits { bits: u32, digits: usize },
    /// A number without leading zeros. `bits` counts those of the company prefix too.
    Number { bits: u32 },
    /// Characters of seven bits. `bits` counts those of the company prefix too.
    Text { bits: u32 },
    /// A number without leading zeros; `digits` is the maximum, with the company prefix.
    PartNumber { bits: u32, digits: usize },
    /// Characters of six bits, ended by six zeros.
    Part,
}

/// The serial at the end of an encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Serial {
    /// The serial is the end of the reference.
    None,
    /// A number without leading zeros.
    Number { bits: u32 },
    /// Digits, written as a number that begins with 1, so that leading zeros are kept.
    Digits { bits: u32 },
    /// Characters of seven bits, followed by zeros.
    Text { bits: u32 },
}

/// The fields of a scheme.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// All bits; for `cpi-var` the minimum.
    pub(super) bits: usize,
    pub(super) reference: Reference,
    /// Whether the number of a piece and the number of pieces follow, seven bits each.
    pub(super) pieces: bool,
    pub(super) serial: Serial,
}

impl EpcScheme {
    /// Every scheme.
    pub const ALL: [Self; 15] = [
        Self::Sgtin96,
        Self::Sgtin198,
        Self::Sscc96,
        Self::Grai96,
        Self::Grai170,
        Self::Giai96,
        Self::Giai202,
        Self::Gsrn96,
        Self::Gdti96,
        Self::Gdti174,
        Self::Sgcn96,
        Self::Cpi96,
        Self::CpiVar,
        Self::Itip110,
        Self::Itip212,
    ];

    /// The name in a tag URI (section 12.3.1).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sgtin96 => "sgtin-96",
            Self::Sgtin198 => "sgtin-198",
            Self::Sscc96 => "sscc-96",
            Self::Grai96 => "grai-96",
            Self::Grai170 => "grai-170",
            Self::Giai96 => "giai-96",
            Self::Giai202 => "giai-202",
            Self::Gsrn96 => "gsrn-96",
            Self::Gdti96 => "gdti-96",
            Self::Gdti174 => "gdti-174",
            Self::Sgcn96 => "sgcn-96",
            Self::Cpi96 => "cpi-96",
            Self::CpiVar => "cpi-var",
            Self::Itip110 => "itip-110",
            Self::Itip212 => "itip-212",
        }
    }

    /// The first eight bits (section 14.2, table 14-1).
    #[must_use]
    pub const fn header(self) -> u8 {
        match self {
            Self::Gdti96 => 0x2C,
            Self::Gsrn96 => 0x2D,
            Self::Sgtin96 => 0x30,
            Self::Sscc96 => 0x31,
            Self::Grai96 => 0x33,
            Self::Giai96 => 0x34,
            Self::Sgtin198 => 0x36,
            Self::Grai170 => 0x37,
            Self::Giai202 => 0x38,
            Self::Cpi96 => 0x3C,
            Self::CpiVar => 0x3D,
            Self::Gdti174 => 0x3E,
            Self::Sgcn96 => 0x3F,
            Self::Itip110 => 0x40,
            Self::Itip212 => 0x41,
        }
    }

    /// The type of the codes that it encodes.
    #[must_use]
    pub const fn code_type(self) -> CodeType {
        match self {
            Self::Sgtin96 | Self::Sgtin198 => CodeType::Sgtin,
            Self::Sscc96 => CodeType::Sscc,
            Self::Grai96 | Self::Grai170 => CodeType::Grai,
            Self::Giai96 | Self::Giai202 => CodeType::Giai,
            Self::Gsrn96 => CodeType::Gsrn,
            Self::Gdti96 | Self::Gdti174 => CodeType::Gdti,
            Self::Sgcn96 => CodeType::Sgcn,
            Self::Cpi96 | Self::CpiVar => CodeType::Cpi,
            Self::Itip110 | Self::Itip212 => CodeType::Itip,
        }
    }

    /// The scheme with this header.
    pub(super) fn of_header(header: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| u64::from(scheme.header()) == header)
    }

    /// The scheme of the same type that holds every code of it.
    #[must_use]
    pub const fn long(self) -> Self {
        match self {
            Self::Sgtin96 => Self::Sgtin198,
            Self::Grai96 => Self::Grai170,
            Self::Giai96 => Self::Giai202,
            Self::Gdti96 => Self::Gdti174,
            Self::Cpi96 => Self::CpiVar,
            Self::Itip110 => Self::Itip212,
            other => other,
        }
    }

    /// The schemes of a type, the short one first; none for a short code.
    pub(super) fn of_type(code_type: CodeType) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |scheme| scheme.code_type() == code_type)
    }

    /// The filter value of tags for which nothing else is asked: 1 for `sgtin` (an item for the point of sale), and 0 ("all
    /// others") for the other types, whose further values the standard reserves or gives to special cases such as unit
    /// loads (section 10).
    #[must_use]
    pub const fn default_filter(self) -> u8 {
        match self.code_type() {
            CodeType::Sgtin => 1,
            _ => 0,
        }
    }

    /// The fields (sections 14.5.1 to 14.5.10).
    pub(super) const fn layout(self) -> Layout {
        const fn fields(bits: usize, reference: Reference, serial: Serial) -> Layout {
            Layout { bits, reference, pieces: false, serial }
        }
        let item = Reference::Digits { bits: 44, digits: 13 };
        let asset_type = Reference::Digits { bits: 44, digits: 12 };
        let seventeen = Reference::Digits { bits: 58, digits: 17 };
        let document = Reference::Digits { bits: 41, digits: 12 };
        match self {
            Self::Sgtin96 => fields(96, item, Serial::Number { bits: 38 }),
            Self::Sgtin198 => fields(198, item, Serial::Text { bits: 140 }),
            // 24 reserved bits follow.
            Self::Sscc96 | Self::Gsrn96 => fields(96, seventeen, Serial::None),
            Self::Grai96 => fields(96, asset_type, Serial::Number { bits: 38 }),
            Self::Grai170 => fields(170, asset_type, Serial::Text { bits: 112 }),
            Self::Giai96 => fields(96, Reference::Number { bits: 82 }, Serial::None),
            Self::Giai202 => fields(202, Reference::Text { bits: 188 }, Serial::None),
            Self::Gdti96 => fields(96, document, Serial::Number { bits: 41 }),
            Self::Gdti174 => fields(174, document, Serial::Text { bits: 119 }),
            Self::Sgcn96 => fields(96, document, Serial::Digits { bits: 41 }),
            Self::Cpi96 => {
                fields(96, Reference::PartNumber { bits: 51, digits: CPI_96_DIGITS }, Serial::Number { bits: 31 })
            }
            Self::CpiVar => fields(86, Reference::Part, Serial::Number { bits: 40 }),
            Self::Itip110 => Layout { bits: 110, reference: item, pieces: true, serial: Serial::Number { bits: 38 } },
            Self::Itip212 => Layout { bits: 212, reference: item, pieces: true, serial: Serial::Text { bits: 140 } },
        }
    }

    /// Whether every code that a pool can have fits: the choice holds for a whole reservation, whatever its serials are.
    ///
    /// # Errors
    /// [`EpcError::OtherType`] or [`EpcError::DoesNotFit`].
    pub(super) fn check(self, pool: &PoolForm<'_>) -> Result<(), EpcError> {
        let PoolForm { code_type, character_set, length, prefix_digits, part } = *pool;
        if self.code_type() != code_type {
            return Err(EpcError::OtherType { scheme: self, code_type });
        }
        let does_not_fit = |reason| Err(EpcError::DoesNotFit { scheme: self, reason });
        match self {
            // No serial of another set is certain to be a number without leading zeros.
            Self::Sgtin96 | Self::Grai96 if character_set != CharacterSet::Rfid96 => {
                does_not_fit("a serial can have letters or begin with 0, but with character_set rfid96")
            }
            // These types do not allow that set.
            Self::Giai96 | Self::Gdti96 | Self::Itip110 => does_not_fit("a serial can have letters or begin with 0"),
            // 2^31 − 1 has ten digits.
            Self::Cpi96 if length > 9 => does_not_fit("a serial of this length can exceed 2,147,483,647"),
            Self::Cpi96 if !is_part_number(part) => does_not_fit("the part identifier is no number"),
            Self::Cpi96 if prefix_digits + part.len() > CPI_96_DIGITS => {
                does_not_fit("the part identifier has too many digits")
            }
            _ => Ok(()),
        }
    }
}

/// What decides which schemes hold every code of a pool.
#[derive(Clone, Copy, Debug)]
pub(super) struct PoolForm<'a> {
    pub(super) code_type: CodeType,
    pub(super) character_set: CharacterSet,
    /// Characters of the varying part.
    pub(super) length: u8,
    /// Digits of the company prefix.
    pub(super) prefix_digits: usize,
    /// The part identifier of a `cpi` without the company prefix; empty for other types.
    pub(super) part: &'a str,
}

/// Whether a part identifier is a number without leading zeros.
pub(super) fn is_part_number(part: &str) -> bool {
    is_digits(part, part.len()) && !part.is_empty() && (part == "0" || !part.starts_with('0'))
}

impl fmt::Display for EpcScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for EpcScheme {
    type Err = EpcError;

    fn from_str(text: &str) -> Result<Self, EpcError> {
        Self::ALL.into_iter().find(|scheme| scheme.as_str() == text).ok_or(EpcError::UnknownScheme)
    }
}
