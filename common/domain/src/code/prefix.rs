//! GS1 Company Prefixes.

use super::digits::is_digits;
use super::error::CodeError;

/// Minimum number of digits of a GS1 Company Prefix (GS1 General Specifications, section 1.4).
pub const MIN_PREFIX_LENGTH: usize = 4;
/// Maximum number of digits of a GS1 Company Prefix (same section).
pub const MAX_PREFIX_LENGTH: usize = 12;

/// Beginnings of numbers that GS1 licenses to no company, so that keys built from them are unique in one company or
/// region only, or are no GS1 keys (GS1 General Specifications, section 1.4.2 and those that the EPC Tag Data Standard
/// 2.3 names in sections 7.3.2 to 7.3.8).
const RESERVED: [&[&str]; 6] = [
    // Numbers within a company, and those kept free because of GTIN-8.
    &["00000", "0001", "0002", "0003", "0004", "0005", "0006", "0007", "04"],
    // Numbers within a region.
    &["02", "2"],
    // Kept for future use; once for coupons.
    &["05"],
    // General Manager Numbers of the EPC scheme GID, and GTIN-8.
    &["951", "96"],
    // ISSN, ISBN and ISMN.
    &["977", "978", "979"],
    // Refund receipts and coupons.
    &["980", "981", "982", "983", "984", "99"],
];

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

    /// Whether the prefix lies in a range that GS1 reserves, for example for restricted circulation, coupons or
    /// publications.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        RESERVED.iter().copied().flatten().any(|start| self.0.starts_with(start))
    }

    /// Whether the reserved prefix is one with which the EPC Tag Data Standard 2.3 builds EPCs of GTINs nevertheless:
    /// of a GTIN-8, `00000` and its first three digits (section 7.3.2, without RCN-8); of an ISBN or ISMN, its digits
    /// up to the publisher (section 7.3.8.1).
    #[must_use]
    pub fn is_of_gtins_only(&self) -> bool {
        let first_of_gtin_8 = self.0.strip_prefix("00000").filter(|digits| digits.len() == 3);
        first_of_gtin_8.is_some_and(|digits| !digits.starts_with(['0', '2']))
            || self.0.starts_with("978")
            || self.0.starts_with("979")
    }
}

/// Whether two organisations must not have these prefixes at the same time: one prefix is the beginning of the other, so keys
/// built from them could collide. Equal prefixes share one pool and do not conflict.
#[must_use]
pub fn prefixes_conflict(a: &str, b: &str) -> bool {
    a != b && (a.starts_with(b) || b.starts_with(a))
}

/// The proper beginnings of a prefix that are prefixes themselves, the shortest first: at most eight. Exactly these and
/// the continuations of the prefix conflict with it ([`prefixes_conflict`]).
pub fn prefix_beginnings(prefix: &str) -> impl Iterator<Item = &str> {
    (MIN_PREFIX_LENGTH..prefix.len()).filter_map(|length| prefix.get(..length))
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
    fn ranges_that_gs1_licenses_to_no_company_are_reserved() {
        let is_reserved = |text: &str| CompanyPrefix::parse(text).unwrap().is_reserved();
        for reserved in [
            "0000000",
            "0000099",
            "00000950",
            "0001234",
            "0007999",
            "0200000",
            "0299999",
            "0400000",
            "0499999",
            "0500000",
            "2000000",
            "2999999",
            "9510000",
            "9600000",
            "9699999",
            "977123456",
            "978817525",
            "979000",
            "9800000",
            "9810000",
            "9849999",
            "9900000",
            "999999999999",
        ] {
            assert!(is_reserved(reserved), "{reserved}");
        }
        for licensed in [
            "0000100", "00009999", "0000999", "0008000", "0009999", "0010000", "0199999", "0300000", "0399999",
            "0600000", "1300000", "3000000", "4006381", "9500000", "9521141", "9529999", "9700000", "9769999",
            "9312345",
        ] {
            assert!(!is_reserved(licensed), "{licensed}");
        }
    }

    #[test]
    fn gtins_have_epcs_with_some_reserved_prefixes() {
        let of_gtins = |text: &str| CompanyPrefix::parse(text).unwrap().is_of_gtins_only();
        for prefix in ["00000950", "00000100", "978817525", "979000123"] {
            assert!(of_gtins(prefix), "{prefix}");
        }
        for prefix in ["00000012", "00000212", "0000095", "000009501", "977123456", "9800000", "2000000"] {
            assert!(!of_gtins(prefix), "{prefix}");
        }
    }

    #[test]
    fn only_the_beginning_of_another_prefix_conflicts() {
        assert!(prefixes_conflict("0614141", "061414"));
        assert!(prefixes_conflict("061414", "0614141"));
        assert!(!prefixes_conflict("0614141", "0614141"));
        assert!(!prefixes_conflict("0614141", "0614142"));
    }

    #[test]
    fn the_beginnings_of_a_prefix_are_the_shorter_prefixes_that_conflict_with_it() {
        assert_eq!(prefix_beginnings("0614141").collect::<Vec<_>>(), ["0614", "06141", "061414"]);
        assert_eq!(prefix_beginnings("0614").count(), 0);
        let longest = "931234500001";
        assert_eq!(prefix_beginnings(longest).count(), 8);
        assert!(prefix_beginnings(longest).all(|start| prefixes_conflict(start, longest)));
    }
}
