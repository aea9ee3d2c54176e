//! Look-up of a code: the namespaces that it may belong to, and its varying part.
//!
//! The text of a code does not determine the character set of its pool. If the key starts with a company prefix, the text
//! does not determine where the prefix ends either. A look-up therefore returns candidates. The caller reads the pools that
//! exist among them, which know their character sets, and [`super::Permutation::index_of`] finds the index. A text that is
//! not a code has no candidates.

use std::borrow::Cow;

use super::digits::{has_check_digit, is_digits};
use super::epc_binary::EpcTag;
use super::link::{self, Elements, Link, parse_element_string};
use super::lot_and_dates::LotAndDates;
use super::namespace::{DEPLOYMENT_KEY, Namespace};
use super::prefix::{MAX_PREFIX_LENGTH, MIN_PREFIX_LENGTH};
use super::primary_keys::is_number;
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

/// Candidates of a GS1 Digital Link URI or a short link, whatever its domain. A link of a key that this service does
/// not issue is no short link. For the caller, which knows the domains, there is [`super::is_short_link`].
#[must_use]
pub fn by_digital_link(link: &str) -> Vec<Candidate> {
    match link::parse(link) {
        Some(Link::Key(elements)) => of_elements(&elements),
        Some(Link::Other(code)) => serial(CodeType::ShortCode, DEPLOYMENT_KEY, &code).into_iter().collect(),
        None => Vec::new(),
    }
}

/// Candidates of an `epc_join_key`: an element string with bracketed Application Identifiers. Other elements, such as a
/// lot or an expiry date, may stand before, between and after those of the code.
#[must_use]
pub fn by_join_key(join_key: &str) -> Vec<Candidate> {
    parse_element_string(join_key).map(|elements| of_elements(&elements)).unwrap_or_default()
}

/// Whether a link states another lot or date than the code has. The look-up of a code must refuse such a link: it is on
/// another item, or it is forged. What the link does not state, and what the code does not have, contradicts nothing.
#[must_use]
pub fn link_contradicts(link: &str, known: &LotAndDates) -> bool {
    match link::parse(link) {
        Some(Link::Key(elements)) => elements.contradict(known),
        _ => false,
    }
}

/// As [`link_contradicts`], for an element string with bracketed Application Identifiers.
#[must_use]
pub fn join_key_contradicts(join_key: &str, known: &LotAndDates) -> bool {
    parse_element_string(join_key).is_some_and(|elements| elements.contradict(known))
}

/// Candidates of an RFID tag: the hexadecimal digits of its EPC memory bank, in either case, or its URI (`urn:epc:tag:…`,
/// `urn:epc:id:…`). Filter value and scheme do not matter: every tag of a code leads to it.
#[must_use]
pub fn by_epc(text: &str) -> Vec<Candidate> {
    let text = text.trim_matches(link::is_noise);
    let tag = EpcTag::from_text(text);
    let code_type = tag.as_ref().map(|tag| tag.scheme().code_type());
    match (code_type, tag.as_ref().and_then(EpcTag::key_and_serial)) {
        (Some(code_type @ (CodeType::Sscc | CodeType::Gsrn)), Some((key, _))) => fixed_key(code_type, &key).collect(),
        (Some(CodeType::Giai), Some((key, _))) => asset(&key).collect(),
        (Some(code_type), Some((key, text))) => serial(code_type, &key, text).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// The candidates of every type whose Application Identifiers are among the elements.
fn of_elements(elements: &Elements) -> Vec<Candidate> {
    CodeType::ALL.into_iter().flat_map(|code_type| of_type(code_type, elements).unwrap_or_default()).collect()
}

fn of_type(code_type: CodeType, elements: &Elements) -> Option<Vec<Candidate>> {
    let key = elements.get(code_type.application_identifier()?)?;
    if let Some(serial_ai) = code_type.serial_ai() {
        let key = if code_type == CodeType::Sgtin { gtin_14(key) } else { key.into() };
        return Some(serial(code_type, &key, elements.get(serial_ai)?).into_iter().collect());
    }
    Some(match code_type {
        CodeType::Sscc | CodeType::Gsrn => fixed_key(code_type, key).collect(),
        CodeType::Giai => asset(key).collect(),
        _ => {
            // 13 digits, then the serial. In AI 8003 a 0 precedes them.
            let key = if code_type == CodeType::Grai { key.strip_prefix('0')? } else { key };
            let (key, text) = key.split_at_checked(13)?;
            serial(code_type, key, text).into_iter().collect()
        }
    })
}

/// A GTIN-8, GTIN-12 or GTIN-13 as the GTIN-14 that AI 01 holds. Digital Link 1.0 and 1.1 allowed the short forms.
fn gtin_14(gtin: &str) -> Cow<'_, str> {
    if matches!(gtin.len(), 8 | 12 | 13) && is_number(gtin) { format!("{gtin:0>14}").into() } else { gtin.into() }
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
