//! EPC pure identity URIs (EPC Tag Data Standard 2.x, section 6.3): written, and read back as element strings.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::digits::{check_digit, has_check_digit, is_digits};
use super::epc_binary::EpcError;
use super::namespace::Namespace;
use super::prefix::CompanyPrefix;
use super::product::checked_part;
use super::template::Template;
use super::types::CodeType;

/// Minimum number of digits of the company prefix in an EPC: the partition tables of the standard (section 14) start at six.
pub(super) const MIN_EPC_PREFIX: usize = 6;

/// The characters of serials and part identifiers that URIs of EPCs escape, and no others (appendices A and G).
const ESCAPED: &AsciiSet = &CONTROLS.add(b'"').add(b'#').add(b'%').add(b'&').add(b'/').add(b'<').add(b'>').add(b'?');

/// A serial or part identifier as URIs of EPCs have it.
pub(super) fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// The template of the EPC URI of a namespace's codes; empty if [`certain_prefix`] finds that the URI is not certain.
pub(super) fn pure_identity(namespace: &Namespace, width: usize, prefix: Option<&CompanyPrefix>) -> Template {
    let Ok(prefix) = certain_prefix(namespace, prefix) else {
        return Template::new();
    };
    let head = format!("urn:epc:id:{}:{}.", namespace.code_type, prefix.as_str());
    body(namespace, width, prefix.as_str(), &head).unwrap_or_default()
}

/// The company prefix with which a namespace's codes have EPCs.
///
/// An EPC is certain if the company prefix is known and has at least six digits, GS1 licenses it to companies, the key
/// starts with the prefix (after the indicator digit), and the check digit of the key is correct. The EPC omits the
/// check digit, so with an incorrect one it would be equal to the EPC of another product's code.
///
/// # Errors
/// The first of these that does not hold.
pub(super) fn certain_prefix(namespace: &Namespace, prefix: Option<&CompanyPrefix>) -> Result<CompanyPrefix, EpcError> {
    let code_type = namespace.code_type;
    let ai = code_type.application_identifier();
    ai.ok_or(EpcError::NoEpc(code_type))?;
    let own = namespace.company_prefix().and_then(|prefix| CompanyPrefix::parse(prefix).ok());
    let prefix = own.or_else(|| prefix.cloned()).ok_or(EpcError::PrefixMissing)?;
    if prefix.digits() < MIN_EPC_PREFIX {
        return Err(EpcError::PrefixTooShort(prefix.digits()));
    }
    if !starts_with(namespace, &prefix) {
        return Err(EpcError::OtherPrefix(prefix.as_str().to_owned()));
    }
    if !has_epcs(namespace, &prefix) {
        return Err(EpcError::PrefixReserved);
    }
    if !checked_part(code_type, &namespace.key).is_none_or(has_check_digit) {
        return Err(EpcError::CheckDigit);
    }
    Ok(prefix)
}

/// Whether the key starts with the prefix and continues behind it. A GTIN starts with its indicator digit.
fn starts_with(namespace: &Namespace, prefix: &CompanyPrefix) -> bool {
    let key = match namespace.code_type {
        CodeType::Sscc | CodeType::Giai | CodeType::Gsrn => return true,
        CodeType::Sgtin | CodeType::Itip => namespace.key.get(1..).unwrap_or_default(),
        _ => &namespace.key,
    };
    key.strip_prefix(prefix.as_str()).is_some_and(|rest| !rest.is_empty())
}

/// Whether keys with this company prefix have EPCs. Numbers that are unique in a company or region only would be equal
/// to those of others (EPC Tag Data Standard 2.3, sections 7.3.2 to 7.3.8).
fn has_epcs(namespace: &Namespace, prefix: &CompanyPrefix) -> bool {
    // The indicator digit of a GTIN-8, ISBN or ISMN is always 0.
    let is_gtin = matches!(namespace.code_type, CodeType::Sgtin | CodeType::Itip) && namespace.key.starts_with('0');
    !prefix.is_reserved() || (is_gtin && prefix.is_of_gtins_only())
}

/// `head`, and what the URI has behind the company prefix and its dot.
pub(super) fn body(namespace: &Namespace, width: usize, prefix: &str, head: &str) -> Option<Template> {
    let key = namespace.key.as_str();
    let start = || Template::new().literal(head);
    let serial = |template: Template| template.literal(".").slot(0, width);
    // A 13-digit key is company prefix, reference and check digit.
    let reference = |key: &str| Some(key.strip_prefix(prefix)?.strip_suffix(char::is_numeric)?.to_owned());
    // A 14-digit key starts with an indicator digit, which the URI puts between the prefix and the item reference.
    let item = |gtin: &str| {
        let (indicator, rest) = gtin.split_at_checked(1)?;
        Some(format!("{indicator}{}", reference(rest)?))
    };
    Some(match namespace.code_type {
        CodeType::Sgtin => serial(start().literal(&item(key)?)),
        CodeType::Grai => serial(start().literal(&reference(key)?)),
        CodeType::Gdti => serial(start().literal(&reference(key)?)),
        CodeType::Sgcn => serial(start().literal(&reference(key)?)),
        CodeType::Itip => {
            let (gtin, rest) = key.split_at_checked(14)?;
            let (piece, total) = rest.split_at_checked(2)?;
            let template = start().literal(&item(gtin)?);
            serial(template.literal(&format!(".{piece}.{total}")))
        }
        CodeType::Cpi => {
            let part = key.strip_prefix(prefix).filter(|part| !part.is_empty())?;
            serial(start().literal(&escaped(part)))
        }
        CodeType::Giai => start().slot(0, width),
        // The URI omits the check digit.
        CodeType::Sscc => start().slot(0, width.checked_sub(1)?),
        CodeType::Gsrn => start().slot(0, width.checked_sub(1)?),
        CodeType::ShortCode => return None,
    })
}

/// The element string of an EPC pure identity URI of a type that this service issues; `None` for any other text. The check
/// digit that the URI omits is computed (EPC Tag Data Standard 2.x, section 7).
#[must_use]
pub fn element_string_of_epc(uri: &str) -> Option<String> {
    let (scheme, body) = uri.trim().strip_prefix("urn:epc:id:")?.split_once(':')?;
    let parts: Vec<&str> = body.split('.').collect();
    let decoded = |part: &str| {
        let part = percent_decode_str(part).decode_utf8().ok()?;
        is_visible(&part).then(|| Cow::into_owned(part))
    };
    // The indicator or extension digit stands before the reference, and before the company prefix in the key.
    let moved = |prefix: &str, reference: &str, digits: usize| {
        let (first, reference) = reference.split_at_checked(1)?;
        checked(&format!("{first}{prefix}{reference}"), digits)
    };
    Some(match (scheme, parts.as_slice()) {
        ("sgtin", [prefix, item, serial]) => format!("(01){}(21){}", moved(prefix, item, 13)?, decoded(serial)?),
        ("itip", [prefix, item, piece, total, serial]) if is_digits(piece, 2) && is_digits(total, 2) => {
            format!("(8006){}{piece}{total}(21){}", moved(prefix, item, 13)?, decoded(serial)?)
        }
        ("sscc", [prefix, reference]) => format!("(00){}", moved(prefix, reference, 17)?),
        ("gsrn", [prefix, reference]) => format!("(8018){}", checked(&format!("{prefix}{reference}"), 17)?),
        ("grai", [prefix, asset, serial]) => {
            format!("(8003)0{}{}", checked(&format!("{prefix}{asset}"), 12)?, decoded(serial)?)
        }
        ("gdti", [prefix, document, serial]) => {
            format!("(253){}{}", checked(&format!("{prefix}{document}"), 12)?, decoded(serial)?)
        }
        ("sgcn", [prefix, coupon, serial]) => {
            format!("(255){}{}", checked(&format!("{prefix}{coupon}"), 12)?, decoded(serial)?)
        }
        ("giai", [prefix, asset]) => format!("(8004){prefix}{}", decoded(asset)?),
        ("cpi", [prefix, part, serial]) => format!("(8010){prefix}{}(8011){}", decoded(part)?, decoded(serial)?),
        _ => return None,
    })
}

/// Whether a value has visible ASCII characters only, as all of GS1's have (General Specifications, section 7.11).
pub(super) fn is_visible(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Digits with their check digit; `None` unless there are so many.
fn checked(body: &str, digits: usize) -> Option<String> {
    let digit = check_digit(body).filter(|_| is_digits(body, digits))?;
    Some(format!("{body}{digit}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::{CharacterSet, LotAndDates, PoolSpec, RenderOptions, Renderer, Secret};

    #[test]
    fn the_uri_of_every_type_leads_back_to_its_element_string() {
        let secret = Secret::new(&[7; 32]).unwrap();
        for (namespace, set) in [
            ("sgtin#09506000134352#8", CharacterSet::Alphanumeric),
            ("sscc#9506000#18", CharacterSet::Numeric),
            ("gsrn#9506000#18", CharacterSet::Numeric),
            ("giai#9506000#8", CharacterSet::Alphanumeric),
            ("grai#9506000123455#10", CharacterSet::Numeric),
            ("gdti#9506000654324#8", CharacterSet::Alphanumeric),
            ("sgcn#9506000777771#12", CharacterSet::Numeric),
            ("itip#095060001343520102#8", CharacterSet::Alphanumeric),
            ("cpi#9506000A/#1#12", CharacterSet::Numeric),
        ] {
            let spec = PoolSpec::from_pool(namespace.parse().unwrap(), set).unwrap();
            let options = RenderOptions {
                digital_link_domain: "https://id.example".to_owned(),
                short_code_domain: None,
                company_prefix: Some("9506000".to_owned()),
                url_suffix: None,
                lot_and_dates: LotAndDates::default(),
            };
            let renderer = Renderer::new(&spec, &secret.pool_key(&spec.namespace), &options).unwrap();
            for index in [0, 1, 41] {
                let code = renderer.code(index).unwrap();
                assert!(code.epc_uri.starts_with("urn:epc:id:"), "{namespace}");
                assert_eq!(element_string_of_epc(&code.epc_uri), Some(code.element_string), "{}", code.epc_uri);
            }
        }
    }

    #[test]
    fn other_texts_have_no_element_string() {
        for text in [
            "",
            "urn:epc:id:",
            "urn:epc:id:sgtin:",
            "urn:epc:id:sgtin:1.2",
            "urn:epc:id:sgtin:9506000..x",
            "urn:epc:id:sscc:9506000.",
            "urn:epc:id:sscc:95x6000.01",
            "urn:epc:id:sgln:9506000.12345.0",
            // The number of a piece and the total have two digits each.
            "urn:epc:id:itip:9506000.013435.1.02.x",
            "urn:epc:id:itip:9506000.013435.01.2.x",
            "urn:epc:tag:sgtin-96:3.9506000.013435.1",
            "urn:epc:id:giai:9506000.%FF",
            "https://id.gs1.org/00/1",
        ] {
            assert_eq!(element_string_of_epc(text), None, "{text}");
        }
    }
}
