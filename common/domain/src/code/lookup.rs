//! Look-up of a code: the namespaces that it may belong to, and its varying part.
//!
//! The text of a code does not determine the character set of its pool. If the key starts with a company prefix, the text
//! does not determine where the prefix ends either. A look-up therefore returns candidates. The caller reads the pools that
//! exist among them, which know their character sets, and [`super::Permutation::index_of`] finds the index. A text that is
//! not a code has no candidates.

use percent_encoding::percent_decode_str;

use super::digits::{has_check_digit, is_digits};
use super::namespace::{DEPLOYMENT_KEY, Namespace};
use super::prefix::{MAX_PREFIX_LENGTH, MIN_PREFIX_LENGTH};
use super::product::product_key;
use super::types::{CodeType, FIXED_KEY_LENGTH};

/// A namespace that a code may belong to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// The namespace; its pool may not exist.
    pub namespace: Namespace,
    /// The varying part, as [`super::Permutation::index_of`] takes it.
    pub varying: String,
}

/// Candidates of a `code` as an export contains it, with the product that it was reserved for.
///
/// The serial of that product comes first. The types without products follow, because their reservations may name a product
/// too: SSCC, GSRN and GIAI with every length of company prefix, then the short code.
#[must_use]
pub fn by_code(code: &str, product: Option<&str>) -> Vec<Candidate> {
    let of_product = product
        .and_then(|path| {
            let ai = path.strip_prefix('/')?.split('/').next()?;
            let code_type = CodeType::of_product_ai(ai)?;
            let key = product_key(code_type, path, false).ok()?;
            serial(code_type, key.key(), code)
        })
        .into_iter();
    of_product
        .chain(fixed_key(CodeType::Sscc, code))
        .chain(fixed_key(CodeType::Gsrn, code))
        .chain(asset(code))
        .chain(serial(CodeType::ShortCode, DEPLOYMENT_KEY, code))
        .collect()
}

/// Candidates of a GS1 Digital Link URI or a short link. Scheme, host, any path before the primary key, query and fragment
/// are ignored.
#[must_use]
pub fn by_digital_link(link: &str) -> Vec<Candidate> {
    let path = link.split(['?', '#']).next().unwrap_or_default();
    let (path, has_host) = match path.split_once("://") {
        Some((_, after)) => (after, true),
        None => (path, false),
    };
    let Some(segments) =
        path.split('/').map(|segment| percent_decode_str(segment).decode_utf8().ok()).collect::<Option<Vec<_>>>()
    else {
        return Vec::new();
    };
    let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
    // A host alone is not a code, even if it looks like one.
    let segments = match segments.split_first() {
        Some((_, rest)) if has_host => rest,
        _ => segments.as_slice(),
    };
    match segments {
        [.., ai, key, serial_ai, serial_text] if is_serial_ai(ai, serial_ai) => of_elements(ai, key, Some(serial_text)),
        [.., ai, key] if is_sole_ai(ai) => of_elements(ai, key, None),
        [code] if has_host => serial(CodeType::ShortCode, DEPLOYMENT_KEY, code).into_iter().collect(),
        [.., _, code] => serial(CodeType::ShortCode, DEPLOYMENT_KEY, code).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// Candidates of an `epc_join_key`: an element string with bracketed Application Identifiers.
#[must_use]
pub fn by_join_key(join_key: &str) -> Vec<Candidate> {
    let Some((ai, rest)) = bracketed(join_key) else {
        return Vec::new();
    };
    match rest.split_once('(') {
        None if is_sole_ai(ai) => of_elements(ai, rest, None),
        Some((key, second)) => match second.split_once(')') {
            Some((serial_ai, text)) if is_serial_ai(ai, serial_ai) => of_elements(ai, key, Some(text)),
            _ => Vec::new(),
        },
        None => Vec::new(),
    }
}

fn bracketed(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('(')?.split_once(')')
}

/// Whether `serial_ai` carries the serial of the key in `ai`.
fn is_serial_ai(ai: &str, serial_ai: &str) -> bool {
    of_ai(ai).is_some_and(|code_type| code_type.serial_ai() == Some(serial_ai))
}

/// Whether the AI carries the key and its serial in one element.
fn is_sole_ai(ai: &str) -> bool {
    of_ai(ai).is_some_and(|code_type| code_type.serial_ai().is_none())
}

fn of_ai(ai: &str) -> Option<CodeType> {
    CodeType::ALL.into_iter().find(|code_type| code_type.application_identifier() == Some(ai))
}

fn of_elements(ai: &str, key: &str, serial_text: Option<&str>) -> Vec<Candidate> {
    let Some(code_type) = of_ai(ai) else {
        return Vec::new();
    };
    match (code_type, serial_text) {
        (CodeType::Sscc | CodeType::Gsrn, None) => fixed_key(code_type, key).collect(),
        (CodeType::Giai, None) => asset(key).collect(),
        (_, Some(text)) => serial(code_type, key, text).into_iter().collect(),
        (_, None) => {
            // 13 digits, then the serial. In AI 8003 a 0 precedes them.
            let key = match code_type {
                CodeType::Grai => key.strip_prefix('0'),
                _ => Some(key),
            };
            key.and_then(|key| key.split_at_checked(13))
                .and_then(|(key, text)| serial(code_type, key, text))
                .into_iter()
                .collect()
        }
    }
}

/// The candidate for a serial of a product or for a short code.
fn serial(code_type: CodeType, key: &str, text: &str) -> Option<Candidate> {
    candidate(code_type, key, text.len(), text)
}

/// The candidates for an 18-digit key, one for every length of company prefix.
fn fixed_key(code_type: CodeType, key: &str) -> impl Iterator<Item = Candidate> {
    let valid = is_digits(key, usize::from(FIXED_KEY_LENGTH)) && has_check_digit(key);
    (MIN_PREFIX_LENGTH..=MAX_PREFIX_LENGTH).filter(move |_| valid).filter_map(move |length| {
        let (extension, rest) = match code_type {
            CodeType::Sscc => key.split_at_checked(1)?,
            _ => ("", key),
        };
        let (prefix, reference) = rest.split_at_checked(length)?;
        let varying = format!("{extension}{reference}");
        candidate(code_type, prefix, key.len(), &varying)
    })
}

/// The candidates for an individual asset identifier, one for every length of company prefix.
fn asset(key: &str) -> impl Iterator<Item = Candidate> {
    (MIN_PREFIX_LENGTH..=MAX_PREFIX_LENGTH).filter_map(move |length| {
        let (prefix, reference) = key.split_at_checked(length)?;
        candidate(CodeType::Giai, prefix, reference.len(), reference)
    })
}

fn candidate(code_type: CodeType, key: &str, length: usize, varying: &str) -> Option<Candidate> {
    // Every character set consists of ASCII letters and digits; a text with other characters was never issued.
    if !varying.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let length = u8::try_from(length).ok()?;
    Some(Candidate { namespace: Namespace::new(code_type, key, length).ok()?, varying: varying.to_owned() })
}
