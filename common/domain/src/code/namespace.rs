//! Namespaces. Codes are unique within a namespace; each namespace has one pool and one permutation.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::CodeError;
use super::prefix::CompanyPrefix;
use super::product::{is_key, key_path};
use super::types::CodeType;

/// The key of the namespaces of short codes, which the whole deployment shares.
pub const DEPLOYMENT_KEY: &str = "deployment";

/// The scope within which codes are unique, as text `{code_type}#{key}#{length}`.
///
/// - `key`: the product key for types with products (see [`super::ProductKey::key`]), the GS1 Company Prefix for
///   `sscc`, `gsrn` and `giai`, [`DEPLOYMENT_KEY`] for `short_code`.
/// - `length`: characters of the serial or reference. It is part of the namespace because strings of different lengths never
///   collide. For `sscc` and `gsrn` it is always 18, the digits of the whole key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Namespace {
    /// The type of the codes.
    pub code_type: CodeType,
    /// The product key, company prefix or [`DEPLOYMENT_KEY`].
    pub key: String,
    /// Characters of the varying part; 18 for `sscc` and `gsrn`.
    pub length: u8,
}

impl Namespace {
    /// Makes a namespace.
    ///
    /// # Errors
    /// [`CodeError::MalformedNamespace`] if the key is not valid for the type or the length is out of range.
    pub fn new(code_type: CodeType, key: &str, length: u8) -> Result<Self, CodeError> {
        let namespace = Self { code_type, key: key.to_owned(), length };
        if namespace.is_valid() { Ok(namespace) } else { Err(CodeError::MalformedNamespace) }
    }

    /// The key path of the product (`/01/…`) for types with products.
    #[must_use]
    pub fn product(&self) -> Option<String> {
        key_path(self.code_type, &self.key)
    }

    /// The company prefix that the codes are built from, for `sscc`, `gsrn` and `giai`.
    #[must_use]
    pub fn company_prefix(&self) -> Option<&str> {
        self.code_type.needs_company_prefix().then_some(self.key.as_str())
    }

    /// Maximum length of the varying part for this type and key. A GIAI has at most 30 characters including the company
    /// prefix (AI 8004, X..30).
    pub(super) fn longest(code_type: CodeType, key: &str) -> u8 {
        let most = code_type.max_length();
        if code_type == CodeType::Giai {
            most.min(u8::try_from(30_usize.saturating_sub(key.len())).unwrap_or(0))
        } else {
            most
        }
    }

    fn is_valid(&self) -> bool {
        let key_fits = match self.code_type {
            CodeType::ShortCode => self.key == DEPLOYMENT_KEY,
            CodeType::Sscc | CodeType::Giai | CodeType::Gsrn => CompanyPrefix::parse(&self.key).is_ok(),
            _ => is_key(self.code_type, &self.key),
        };
        let lengths = self.code_type.min_length()..=Self::longest(self.code_type, &self.key);
        key_fits && lengths.contains(&self.length)
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}#{}", self.code_type, self.key, self.length)
    }
}

impl FromStr for Namespace {
    type Err = CodeError;

    /// Reads exactly the text that `Display` writes: the length has no sign and no leading zero.
    fn from_str(text: &str) -> Result<Self, CodeError> {
        let malformed = || CodeError::MalformedNamespace;
        // A part identifier may contain `#`, so the key is the text between the first and the last one.
        let (code_type, rest) = text.split_once('#').ok_or_else(malformed)?;
        let (key, length) = rest.rsplit_once('#').ok_or_else(malformed)?;
        let code_type: CodeType = code_type.parse().map_err(|_| malformed())?;
        if length.starts_with(['0', '+']) {
            return Err(malformed());
        }
        Self::new(code_type, key, length.parse().map_err(|_| malformed())?)
    }
}

impl TryFrom<String> for Namespace {
    type Error = CodeError;

    fn try_from(text: String) -> Result<Self, CodeError> {
        text.parse()
    }
}

impl From<Namespace> for String {
    fn from(namespace: Namespace) -> Self {
        namespace.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_back() {
        for text in [
            "sgtin#19361758000003#8",
            "sscc#0614141#18",
            "grai#9506000134352#16",
            "short_code#deployment#6",
            "giai#0614#20",
            "giai#061414112345#18",
            "gsrn#0614141#18",
            "gdti#9506000134352#17",
            "itip#095060001343520102#20",
            "cpi#9506000#A/1#12",
            "sgcn#9506000134352#12",
        ] {
            let namespace: Namespace = text.parse().unwrap();
            assert_eq!(namespace.to_string(), text);
            let json = serde_json::to_string(&namespace).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<Namespace>(&json).unwrap(), namespace);
        }
    }

    #[test]
    fn malformed_text_is_refused() {
        for text in [
            "",
            "#",
            "##",
            "sgtin#19361758000003",
            "sgtin#19361758000003#",
            "sgtin#19361758000003#08",
            "sgtin#19361758000003#+8",
            "sgtin#19361758000003#5",
            "sgtin#19361758000003#21",
            "sgtin#1936175800000#8",
            "sscc#0614141#17",
            "short_code##8",
            "giai#061414112345#19",
            "cpi#9506000A#6",
            "SGTIN#19361758000003#8",
        ] {
            assert_eq!(text.parse::<Namespace>(), Err(CodeError::MalformedNamespace), "{text}");
        }
    }
}
