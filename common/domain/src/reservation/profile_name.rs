//! [`ProfileName`]: the name of an export profile.

use std::fmt;

use super::export_type::Format;

/// Maximum length of a name in bytes.
const MAX: usize = 32;

/// The names of the profiles that are part of the service. Their definitions are in `export::profile::built_in`.
pub const BUILT_IN_PROFILES: [&str; 9] =
    ["excel", "excel-semicolon", "bartender", "nicelabel", "zpl", "zpl-qr", "epcis", "zpl-rfid", "pdf"];

/// A name that no profile may have, because it means something else in an `export_type`.
const RESERVED: &str = "gz";

/// The name of an export profile: 2 to 32 characters, a lower-case letter and then such letters, digits and hyphens. No
/// built-in format has such a name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProfileName {
    bytes: [u8; MAX],
    length: u8,
}

impl ProfileName {
    /// The form of a name as a regular expression (ECMA 262).
    pub const PATTERN: &'static str = "[a-z][a-z0-9-]{1,31}";

    /// Reads a name. `None` if it has another form, or is the name of a built-in format or a reserved one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let has_form = (2..=MAX).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(is_plain);
        let is_taken = text == RESERVED || Format::ALL.iter().any(|format| format.as_str() == text);
        if !has_form || is_taken {
            return None;
        }
        let mut bytes = [0; MAX];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self { bytes, length: u8::try_from(text.len()).ok()? })
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.bytes.get(..usize::from(self.length)).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }

    /// Whether the profile is part of the service.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        BUILT_IN_PROFILES.contains(&self.as_str())
    }
}

impl fmt::Debug for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_2_to_32_lower_case_letters_digits_and_hyphens_and_is_no_format() {
        for good in ["ab", "a1", "a-", "my-printer-2", "csv-de", &"a".repeat(32)] {
            assert_eq!(ProfileName::parse(good).unwrap().as_str(), good);
        }
        let long = "a".repeat(33);
        for bad in [
            "", "a", "1a", "-a", "A1", "a_b", "a.b", "a b", "aü", "csv", "txt", "json", "ndjson", "yaml", "xml", "gz",
            &long,
        ] {
            assert_eq!(ProfileName::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn names_sort_as_their_texts_and_the_built_in_ones_are_names() {
        let name = |text| ProfileName::parse(text).unwrap();
        assert!(name("ab") < name("ab-") && name("ab-") < name("abc"));
        assert!(BUILT_IN_PROFILES.iter().all(|built_in| name(built_in).is_built_in()));
        assert!(!name("excel-de").is_built_in());
    }
}
