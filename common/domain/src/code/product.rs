//! Products: the key path of a reservation's product, such as `/01/09506000134352`, and the key in it.

use std::borrow::Cow;

use super::digits::{check_digit, is_digits};
use super::error::CodeError;
use super::prefix::CompanyPrefix;
use super::types::CodeType;

/// Maximum number of characters of a component or part identifier (AI 8010, Y..30).
const CPI_MAX: usize = 30;
/// Minimum: the shortest company prefix and one character of reference.
const CPI_MIN: usize = 5;

/// The key of a product, taken from its key path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProductKey {
    code_type: CodeType,
    key: String,
}

impl ProductKey {
    /// The type of code whose serials belong to the product.
    #[must_use]
    pub const fn code_type(&self) -> CodeType {
        self.code_type
    }

    /// The key: a GTIN-14, the 13 digits of an asset type, document type or coupon, the 18 digits of an ITIP, or a part
    /// identifier. It does not include the leading 0 of AI 8003.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The key path, such as `/01/09506000134352`: exactly the text from which it was read.
    #[must_use]
    pub fn path(&self) -> String {
        key_path(self.code_type, &self.key).unwrap_or_default()
    }

    /// Whether the check digit is correct; always true for a part identifier, which has none.
    #[must_use]
    pub fn has_right_check_digit(&self) -> bool {
        expected_check_digit(self.code_type, &self.key).is_none_or(|(found, expected)| found == expected)
    }
}

impl ProductKey {
    /// Whether the key is built from a company prefix. A GTIN begins with its indicator digit, every other key with the
    /// prefix.
    #[must_use]
    pub fn is_built_from(&self, prefix: &CompanyPrefix) -> bool {
        let from_prefix = match self.code_type {
            CodeType::Sgtin | CodeType::Itip => self.key.get(1..),
            _ => Some(self.key.as_str()),
        };
        from_prefix.is_some_and(|key| key.starts_with(prefix.as_str()))
    }
}

/// Parses the key path of a product of that type. Each type has only one form, so that one product has one namespace:
/// `/01/` and 14 digits, `/8003/0` and 13, `/253/` and 13, `/255/` and 13, `/8006/` and 18, or
/// `/8010/` and a part identifier (not percent-encoded).
///
/// # Errors
/// [`CodeError::ProductForm`] if the text has another form, if the piece number of an ITIP exceeds its total (AI 8006,
/// `pieceoftotal`), or if the type has no products. [`CodeError::CheckDigit`] if `strict_check_digits` is on and the check
/// digit is incorrect.
pub fn product_key(code_type: CodeType, product: &str, strict_check_digits: bool) -> Result<ProductKey, CodeError> {
    let malformed = CodeError::ProductForm { code_type };
    let key = code_type
        .product_ai()
        .and_then(|ai| product.strip_prefix('/')?.strip_prefix(ai))
        .and_then(|rest| rest.strip_prefix('/'))
        .and_then(|rest| match code_type {
            CodeType::Grai => rest.strip_prefix('0'),
            _ => Some(rest),
        })
        .filter(|key| is_key(code_type, key))
        .ok_or(malformed)?;
    if strict_check_digits
        && let Some((found, expected)) = expected_check_digit(code_type, key)
        && found != expected
    {
        return Err(CodeError::CheckDigit { found, expected });
    }
    Ok(ProductKey { code_type, key: key.to_owned() })
}

/// The key path of a product that a person wrote as a bare number: a GTIN of 8, 12, 13 or 14 digits for `sgtin`, the 13
/// digits of an asset type, document type or coupon, the 18 digits of an ITIP. Any other text is returned as it is.
#[must_use]
pub fn product_path(code_type: CodeType, text: &str) -> Cow<'_, str> {
    let digits = if text.bytes().all(|byte| byte.is_ascii_digit()) { text.len() } else { 0 };
    let key = match (code_type, digits) {
        (CodeType::Sgtin, 8 | 12 | 13 | 14) => format!("{text:0>14}"),
        (CodeType::Grai | CodeType::Gdti | CodeType::Sgcn, 13) | (CodeType::Itip, 18) => text.to_owned(),
        _ => return text.into(),
    };
    key_path(code_type, &key).map_or_else(|| text.into(), Cow::from)
}

/// The form of the key paths of a type as a regular expression (ECMA 262), for descriptions of the API; `None` for
/// types without products. What [`product_key`] checks besides cannot be written as one: a piece number beyond its
/// total and, if they are strict, check digits.
#[must_use]
pub fn product_pattern(code_type: CodeType) -> Option<String> {
    let key = match code_type {
        CodeType::Sgtin => "[0-9]{14}".to_owned(),
        CodeType::Grai | CodeType::Gdti | CodeType::Sgcn => "[0-9]{13}".to_owned(),
        CodeType::Itip => "[0-9]{18}".to_owned(),
        CodeType::Cpi => format!("[0-9]{{4}}[-#/0-9A-Z]{{{},{}}}", CPI_MIN - 4, CPI_MAX - 4),
        CodeType::Sscc | CodeType::ShortCode | CodeType::Giai | CodeType::Gsrn => return None,
    };
    key_path(code_type, &key).map(|path| format!("^{path}$"))
}

/// Whether the text is a product key of that type, as [`ProductKey::key`] returns it.
pub(super) fn is_key(code_type: CodeType, key: &str) -> bool {
    match code_type {
        CodeType::Sgtin => is_digits(key, 14),
        CodeType::Grai | CodeType::Gdti | CodeType::Sgcn => is_digits(key, 13),
        CodeType::Itip => is_digits(key, 18) && is_piece_of_total(key),
        CodeType::Cpi => is_part(key),
        CodeType::Sscc | CodeType::ShortCode | CodeType::Giai | CodeType::Gsrn => false,
    }
}

/// The key path of a product key; `None` for types without products.
pub(super) fn key_path(code_type: CodeType, key: &str) -> Option<String> {
    let ai = code_type.product_ai()?;
    let zero = if code_type == CodeType::Grai { "0" } else { "" };
    Some(format!("/{ai}/{zero}{key}"))
}

/// The part of a product key that ends with a check digit: the GTIN of an ITIP, the whole key of other types.
pub(super) fn checked_part(code_type: CodeType, key: &str) -> Option<&str> {
    match code_type {
        CodeType::Sgtin | CodeType::Grai | CodeType::Gdti | CodeType::Sgcn => Some(key),
        CodeType::Itip => key.get(..14),
        _ => None,
    }
}

fn expected_check_digit(code_type: CodeType, key: &str) -> Option<(char, char)> {
    let checked = checked_part(code_type, key)?;
    let (body, last) = checked.split_at_checked(checked.len().checked_sub(1)?)?;
    Some((last.chars().next()?, check_digit(body)?))
}

/// Whether the last four digits of an ITIP are a piece number, 01 to the total, and the total.
fn is_piece_of_total(itip: &str) -> bool {
    match (itip.get(14..16), itip.get(16..18)) {
        (Some(piece), Some(total)) => piece != "00" && piece <= total,
        _ => false,
    }
}

/// Whether the text is a part identifier: characters of GS1's set 39 that start with the company prefix, at least four digits.
fn is_part(key: &str) -> bool {
    (CPI_MIN..=CPI_MAX).contains(&key.len())
        && key.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase() || b"#-/".contains(&byte))
        && key.get(..4).is_some_and(|start| is_digits(start, 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_accepts_its_one_form() {
        for (code_type, product, key) in [
            (CodeType::Sgtin, "/01/19361758000003", "19361758000003"),
            (CodeType::Grai, "/8003/09506000134352", "9506000134352"),
            (CodeType::Gdti, "/253/9506000134352", "9506000134352"),
            (CodeType::Sgcn, "/255/9506000134352", "9506000134352"),
            (CodeType::Itip, "/8006/095060001343520102", "095060001343520102"),
            (CodeType::Cpi, "/8010/9506000-A/B#1", "9506000-A/B#1"),
        ] {
            let parsed = product_key(code_type, product, false).unwrap();
            assert_eq!((parsed.key(), parsed.path().as_str()), (key, product));
        }
    }

    #[test]
    fn a_bare_number_becomes_the_key_path_of_its_type_and_nothing_else_changes() {
        for (code_type, text, path) in [
            (CodeType::Sgtin, "19361758000003", "/01/19361758000003"),
            (CodeType::Sgtin, "9506000134352", "/01/09506000134352"),
            (CodeType::Sgtin, "95060001", "/01/00000095060001"),
            (CodeType::Grai, "9506000134352", "/8003/09506000134352"),
            (CodeType::Gdti, "9506000134352", "/253/9506000134352"),
            (CodeType::Itip, "095060001343520102", "/8006/095060001343520102"),
            (CodeType::Sgtin, "/01/19361758000003", "/01/19361758000003"),
            (CodeType::Sgtin, "123456789", "123456789"),
            (CodeType::Cpi, "9506000134352", "9506000134352"),
            (CodeType::Sscc, "106141412345678908", "106141412345678908"),
            (CodeType::Sgtin, "", ""),
        ] {
            assert_eq!(product_path(code_type, text), path, "{code_type} {text}");
        }
    }

    #[test]
    fn the_form_of_each_type_is_described() {
        for (code_type, pattern) in [
            (CodeType::Sgtin, Some("^/01/[0-9]{14}$")),
            (CodeType::Grai, Some("^/8003/0[0-9]{13}$")),
            (CodeType::Gdti, Some("^/253/[0-9]{13}$")),
            (CodeType::Sgcn, Some("^/255/[0-9]{13}$")),
            (CodeType::Itip, Some("^/8006/[0-9]{18}$")),
            (CodeType::Cpi, Some("^/8010/[0-9]{4}[-#/0-9A-Z]{1,26}$")),
            (CodeType::Sscc, None),
        ] {
            assert_eq!(product_pattern(code_type).as_deref(), pattern, "{code_type}");
        }
    }

    #[test]
    fn no_other_form_is_accepted() {
        for (code_type, product) in [
            (CodeType::Sgtin, "01/19361758000003"),
            (CodeType::Sgtin, "/01/9361758000003"),
            (CodeType::Sgtin, "/01/19361758000003/"),
            (CodeType::Sgtin, "/8003/09506000134352"),
            (CodeType::Sgtin, "/01/1936175800000٣"),
            (CodeType::Grai, "/8003/9506000134352"),
            (CodeType::Grai, "/8003/19506000134352"),
            (CodeType::Gdti, "/253/9506000134352ABC"),
            (CodeType::Itip, "/8006/095060001343520002"),
            (CodeType::Itip, "/8006/095060001343520302"),
            (CodeType::Cpi, "/8010/9506"),
            (CodeType::Cpi, "/8010/950A600"),
            (CodeType::Cpi, "/8010/9506000a"),
            (CodeType::Cpi, "/8010/9506000%23"),
            (CodeType::Sscc, "/00/106141412345678908"),
            (CodeType::ShortCode, ""),
        ] {
            assert_eq!(product_key(code_type, product, false), Err(CodeError::ProductForm { code_type }), "{product}");
        }
    }

    #[test]
    fn a_wrong_check_digit_is_refused_only_when_strict() {
        let product = "/01/19361758000003";
        let lenient = product_key(CodeType::Sgtin, product, false).unwrap();
        assert!(!lenient.has_right_check_digit());
        let error = product_key(CodeType::Sgtin, product, true).unwrap_err();
        assert_eq!(error, CodeError::CheckDigit { found: '3', expected: '0' });
        assert_eq!(error.field(), Some("product"));
        assert!(product_key(CodeType::Itip, "/8006/095060001343520102", true).is_ok());
        let right = product_key(CodeType::Sgtin, "/01/19361758000000", true).unwrap();
        assert!(right.has_right_check_digit());
        // The check digit of an ITIP is that of its GTIN.
        let error = product_key(CodeType::Itip, "/8006/095060001343530102", true).unwrap_err();
        assert_eq!(error, CodeError::CheckDigit { found: '3', expected: '2' });
        // A part identifier has none.
        assert!(product_key(CodeType::Cpi, "/8010/9506000-A/B#1", true).unwrap().has_right_check_digit());
    }
}
