//! The types of code that this service allocates, and the character sets that their serials may use.
//!
//! These are facts of the standards: GS1 General Specifications, section 3 (Application Identifiers), and the
//! GS1 Barcode Syntax Dictionary, release 2026-07-27.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Number of digits of an SSCC and of a GSRN (AI 00 and 8018: N18).
pub const FIXED_KEY_LENGTH: u8 = 18;

/// Minimum length of a serial. Less than 1/10,000 of a pool may be issued, so a shorter serial would leave almost no codes, and
/// FF1 needs a domain of at least one million (NIST SP 800-38G Rev. 1, section 5.1).
pub const MIN_SERIAL_LENGTH: u8 = 6;

/// A text is not the name of a code type, one of [`CodeType::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("code_type must be one of sgtin, sscc, grai, short_code, giai, gsrn, gdti, itip, cpi, sgcn")]
pub struct UnknownCodeType;

/// A text is not the name of a character set, one of [`CharacterSet::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("character_set must be one of alphanumeric, uppercase, numeric, hex, rfid96")]
pub struct UnknownCharacterSet;

/// The type of code of a reservation. In JSON, in the tables and in namespaces it is written in `snake_case`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeType {
    /// A trade item instance: GTIN and serial, `(01)…(21)…`.
    Sgtin,
    /// A logistic unit: Serial Shipping Container Code, `(00)…`.
    Sscc,
    /// A returnable asset: asset type and serial, `(8003)0…`.
    Grai,
    /// A short code of the deployment itself, for short links; no GS1 key.
    ShortCode,
    /// An individual asset: company prefix and asset reference, `(8004)…`.
    Giai,
    /// A recipient of a service: Global Service Relation Number, `(8018)…`.
    Gsrn,
    /// A document: document type and serial, `(253)…`.
    Gdti,
    /// A piece of a trade item: ITIP and serial, `(8006)…(21)…`.
    Itip,
    /// A component or part: part identifier and serial, `(8010)…(8011)…`.
    Cpi,
    /// A coupon: Global Coupon Number with serial, `(255)…`.
    Sgcn,
}

impl CodeType {
    /// Every type, in the order of the documentation.
    pub const ALL: [Self; 10] = [
        Self::Sgtin,
        Self::Sscc,
        Self::Grai,
        Self::ShortCode,
        Self::Giai,
        Self::Gsrn,
        Self::Gdti,
        Self::Itip,
        Self::Cpi,
        Self::Sgcn,
    ];

    /// The name clients use, such as `sgtin` or `short_code`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sgtin => "sgtin",
            Self::Sscc => "sscc",
            Self::Grai => "grai",
            Self::ShortCode => "short_code",
            Self::Giai => "giai",
            Self::Gsrn => "gsrn",
            Self::Gdti => "gdti",
            Self::Itip => "itip",
            Self::Cpi => "cpi",
            Self::Sgcn => "sgcn",
        }
    }

    /// The primary Application Identifier of the element string; none for a short code.
    #[must_use]
    pub const fn application_identifier(self) -> Option<&'static str> {
        match self {
            Self::Sgtin => Some("01"),
            Self::Sscc => Some("00"),
            Self::Grai => Some("8003"),
            Self::ShortCode => None,
            Self::Giai => Some("8004"),
            Self::Gsrn => Some("8018"),
            Self::Gdti => Some("253"),
            Self::Itip => Some("8006"),
            Self::Cpi => Some("8010"),
            Self::Sgcn => Some("255"),
        }
    }

    /// The Application Identifier that carries the serial, if the serial is an element of its own.
    #[must_use]
    pub const fn serial_ai(self) -> Option<&'static str> {
        match self {
            Self::Sgtin | Self::Itip => Some("21"),
            Self::Cpi => Some("8011"),
            _ => None,
        }
    }

    /// The Application Identifier of the product's key path (`/01/…`), for the types that need a product.
    #[must_use]
    pub const fn product_ai(self) -> Option<&'static str> {
        if self.needs_product() { self.application_identifier() } else { None }
    }

    /// Whether codes of this type are serials of a product. A reservation must then name the product.
    #[must_use]
    pub const fn needs_product(self) -> bool {
        matches!(self, Self::Sgtin | Self::Grai | Self::Gdti | Self::Itip | Self::Cpi | Self::Sgcn)
    }

    /// Whether codes of this type are built from the organisation's GS1 Company Prefix alone.
    #[must_use]
    pub const fn needs_company_prefix(self) -> bool {
        matches!(self, Self::Sscc | Self::Giai | Self::Gsrn)
    }

    /// Whether codes of this type may have a lot and dates: those of trade items and of their pieces (GS1 Barcode
    /// Syntax Dictionary, `req` of AI 10, 11, 15 and 17).
    #[must_use]
    pub const fn has_lot_and_dates(self) -> bool {
        matches!(self, Self::Sgtin | Self::Itip)
    }

    /// Whether the codes count up (`sscc`, `gsrn`) instead of looking random.
    #[must_use]
    pub const fn is_counted(self) -> bool {
        matches!(self, Self::Sscc | Self::Gsrn)
    }

    /// The type whose product key path begins with this Application Identifier.
    #[must_use]
    pub fn of_product_ai(ai: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code_type| code_type.product_ai() == Some(ai))
    }

    /// Minimum length: 18, the whole key, for `sscc` and `gsrn`.
    ///
    /// The serial of a `cpi` must not start with 0 (AI 8011, `nozeroprefix`), so six digits would leave fewer than the million
    /// values that FF1 needs. Its minimum is seven.
    #[must_use]
    pub const fn min_length(self) -> u8 {
        match self {
            Self::Sscc | Self::Gsrn => FIXED_KEY_LENGTH,
            Self::Cpi => 7,
            _ => MIN_SERIAL_LENGTH,
        }
    }

    /// Maximum length: the limit of the AI, and at most 20, because 62^20 still fits 128 bits. A `giai` is also limited to 30
    /// characters including the company prefix (see [`super::PoolSpec::resolve`]).
    #[must_use]
    pub const fn max_length(self) -> u8 {
        match self {
            Self::Sgtin | Self::Itip | Self::Giai | Self::ShortCode => 20,
            Self::Sscc | Self::Gsrn => FIXED_KEY_LENGTH,
            Self::Grai => 16,
            Self::Gdti => 17,
            Self::Cpi | Self::Sgcn => 12,
        }
    }

    /// Whether serials of this type may use the character set.
    #[must_use]
    pub const fn allows(self, character_set: CharacterSet) -> bool {
        match self {
            Self::Sscc | Self::Gsrn | Self::Cpi | Self::Sgcn => {
                matches!(character_set, CharacterSet::Numeric)
            }
            Self::Sgtin | Self::Grai => true,
            _ => !matches!(character_set, CharacterSet::Rfid96),
        }
    }
}

impl fmt::Display for CodeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for CodeType {
    type Err = UnknownCodeType;

    fn from_str(text: &str) -> Result<Self, UnknownCodeType> {
        Self::ALL.into_iter().find(|code_type| code_type.as_str() == text).ok_or(UnknownCodeType)
    }
}

/// The characters that a serial may use. None of them needs percent-encoding, CSV quoting or XML escaping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CharacterSet {
    /// `0-9 A-Z a-z`, 62 characters.
    Alphanumeric,
    /// `0-9 A-Z` without `I` and `O`, which are easily misread: 34 characters.
    Uppercase,
    /// `0-9`, padded with zeros to the length (but a `cpi` serial never starts with 0).
    Numeric,
    /// `0-9 A-F`.
    Hex,
    /// Twelve digits, 100,000,000,000 … 274,877,906,943: below 2^38, so that the serial fits the 38 bits of
    /// SGTIN-96 and GRAI-96 (EPC Tag Data Standard, section 14), which hold no leading zeros.
    Rfid96,
}

impl CharacterSet {
    /// Every set, the default first.
    pub const ALL: [Self; 5] = [Self::Alphanumeric, Self::Uppercase, Self::Numeric, Self::Hex, Self::Rfid96];

    /// The name clients use, such as `alphanumeric` or `rfid96`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alphanumeric => "alphanumeric",
            Self::Uppercase => "uppercase",
            Self::Numeric => "numeric",
            Self::Hex => "hex",
            Self::Rfid96 => "rfid96",
        }
    }

    /// The characters, ordered by their value as digits.
    #[must_use]
    pub const fn symbols(self) -> &'static [u8] {
        match self {
            Self::Alphanumeric => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            Self::Uppercase => b"0123456789ABCDEFGHJKLMNPQRSTUVWXYZ",
            Self::Numeric | Self::Rfid96 => b"0123456789",
            Self::Hex => b"0123456789ABCDEF",
        }
    }

    /// The number of characters.
    #[must_use]
    pub const fn radix(self) -> u32 {
        match self {
            Self::Alphanumeric => 62,
            Self::Uppercase => 34,
            Self::Numeric | Self::Rfid96 => 10,
            Self::Hex => 16,
        }
    }
}

impl fmt::Display for CharacterSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for CharacterSet {
    type Err = UnknownCharacterSet;

    fn from_str(text: &str) -> Result<Self, UnknownCharacterSet> {
        Self::ALL.into_iter().find(|set| set.as_str() == text).ok_or(UnknownCharacterSet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_equal_the_serialised_form() {
        for code_type in CodeType::ALL {
            assert_eq!(code_type.as_str().parse::<CodeType>().unwrap(), code_type);
            let json = serde_json::to_string(&code_type).unwrap();
            assert_eq!(json, format!("\"{code_type}\""));
        }
        for set in CharacterSet::ALL {
            assert_eq!(set.as_str().parse::<CharacterSet>().unwrap(), set);
            assert_eq!(serde_json::to_string(&set).unwrap(), format!("\"{}\"", set.as_str()));
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_all_names_that_are_known() {
        let error = "SGTIN".parse::<CodeType>().unwrap_err().to_string();
        let names = CodeType::ALL.map(CodeType::as_str).join(", ");
        assert_eq!(error, format!("code_type must be one of {names}"));
        let error = "".parse::<CharacterSet>().unwrap_err().to_string();
        let names = CharacterSet::ALL.map(CharacterSet::as_str).join(", ");
        assert_eq!(error, format!("character_set must be one of {names}"));
    }

    #[test]
    fn symbols_are_distinct_ascending_and_as_many_as_the_radix() {
        for set in CharacterSet::ALL {
            assert_eq!(set.symbols().len(), set.radix() as usize);
            assert!(set.symbols().is_sorted_by(|a, b| a < b));
        }
    }

    #[test]
    fn every_product_ai_leads_back_to_its_type() {
        for code_type in CodeType::ALL {
            if let Some(ai) = code_type.product_ai() {
                assert_eq!(CodeType::of_product_ai(ai), Some(code_type));
            }
        }
        assert_eq!(CodeType::of_product_ai("00"), None);
    }
}
