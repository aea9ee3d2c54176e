//! GS1 Company Prefixes.

use super::digits::is_digits;
use super::error::CodeError;

/// Minimum number of digits of a GS1 Company Prefix (GS1 General Specifications, section 1.4).
pub const MIN_PREFIX_LENGTH: usize = 4;
/// Maximum number of digits of a GS1 Company Prefix (same section).
pub const MAX_PREFIX_LENGTH: usize = 12;

/// A GS1 Company Prefix: 4 to 12 digits, leading zeros included.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CompanyPrefix(String);

impl CompanyPrefix {
    /// Parses a prefix.
    ///
    /// # Errors
    /// [`CodeError::CompanyPrefixForm`] unless the text is 4 to 12 ASCII digits and nothing else.
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        if (MIN_PREFIX_LENGTH..=MAX_PREFIX_LENGTH).contains(&text.len()) && is_digits(text, text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(CodeError::CompanyPrefixForm)
        }
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number of digits, 4 to 12.
    #[must_use]
    pub fn digits(&self) -> usize {
        self.0.len()
    }
}

/// Whether two organisations must not have these prefixes at the same time: one prefix is the beginning of the other, so keys
/// built from them could collide. Equal prefixes share one pool and do not conflict.
#[must_use]
pub fn prefixes_conflict(a: &str, b: &str) -> bool {
    a != b && (a.starts_with(b) || b.starts_with(a))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_four_to_twelve_digits() {
        for good in ["0614", "0614141", "931234500001"] {
            assert_eq!(CompanyPrefix::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "061", "9312345000012", "06141a1", " 0614141", "٠٦١٤"] {
            assert_eq!(CompanyPrefix::parse(bad), Err(CodeError::CompanyPrefixForm), "{bad}");
        }
    }

    #[test]
    fn only_the_beginning_of_another_prefix_conflicts() {
        assert!(prefixes_conflict("0614141", "061414"));
        assert!(prefixes_conflict("061414", "0614141"));
        assert!(!prefixes_conflict("0614141", "0614141"));
        assert!(!prefixes_conflict("0614141", "0614142"));
    }
}
