//! EPC pure identity URIs (EPC Tag Data Standard 2.x, section 6.3).

use super::digits::has_check_digit;
use super::namespace::Namespace;
use super::prefix::CompanyPrefix;
use super::product::checked_part;
use super::template::{Template, encoded};
use super::types::CodeType;

/// Minimum number of digits of the company prefix in an EPC: the partition tables of the standard (section 14) start at six.
const MIN_EPC_PREFIX: usize = 6;

/// The template of the EPC URI of a namespace's codes; empty if the URI is not certain.
///
/// The URI is certain if the company prefix is known and has at least six digits, GS1 licenses it to companies, the key
/// starts with the prefix (after the indicator digit), and the check digit of the key is correct. The URI omits the
/// check digit, so with an incorrect one it would be equal to the URI of another product's code.
pub(super) fn pure_identity(namespace: &Namespace, width: usize, prefix: Option<&CompanyPrefix>) -> Template {
    let own = namespace.company_prefix().and_then(|prefix| CompanyPrefix::parse(prefix).ok());
    let Some(prefix) = own.as_ref().or(prefix) else {
        return Template::new();
    };
    let checked = checked_part(namespace.code_type, &namespace.key);
    if prefix.digits() < MIN_EPC_PREFIX || !has_epcs(namespace, prefix) || !checked.is_none_or(has_check_digit) {
        return Template::new();
    }
    body(namespace, width, prefix.as_str()).unwrap_or_default()
}

/// Whether keys with this company prefix have EPCs. Numbers that are unique in a company or region only would be equal
/// to those of others (EPC Tag Data Standard 2.3, sections 7.3.2 to 7.3.8).
fn has_epcs(namespace: &Namespace, prefix: &CompanyPrefix) -> bool {
    // The indicator digit of a GTIN-8, ISBN or ISMN is always 0.
    let is_gtin = matches!(namespace.code_type, CodeType::Sgtin | CodeType::Itip) && namespace.key.starts_with('0');
    !prefix.is_reserved() || (is_gtin && prefix.is_of_gtins_only())
}

fn body(namespace: &Namespace, width: usize, prefix: &str) -> Option<Template> {
    let key = namespace.key.as_str();
    let start = |scheme: &str| Template::new().literal(&format!("urn:epc:id:{scheme}:{prefix}."));
    let serial = |template: Template| template.literal(".").slot(0, width);
    // A 13-digit key is company prefix, reference and check digit.
    let reference = |key: &str| Some(key.strip_prefix(prefix)?.strip_suffix(char::is_numeric)?.to_owned());
    // A 14-digit key starts with an indicator digit, which the URI puts between the prefix and the item reference.
    let item = |gtin: &str| {
        let (indicator, rest) = gtin.split_at_checked(1)?;
        Some(format!("{indicator}{}", reference(rest)?))
    };
    Some(match namespace.code_type {
        CodeType::Sgtin => serial(start("sgtin").literal(&item(key)?)),
        CodeType::Grai => serial(start("grai").literal(&reference(key)?)),
        CodeType::Gdti => serial(start("gdti").literal(&reference(key)?)),
        CodeType::Sgcn => serial(start("sgcn").literal(&reference(key)?)),
        CodeType::Itip => {
            let (gtin, rest) = key.split_at_checked(14)?;
            let (piece, total) = rest.split_at_checked(2)?;
            let template = start("itip").literal(&item(gtin)?);
            serial(template.literal(&format!(".{piece}.{total}")))
        }
        CodeType::Cpi => {
            let part = key.strip_prefix(prefix).filter(|part| !part.is_empty())?;
            serial(start("cpi").literal(&encoded(part)))
        }
        CodeType::Giai => start("giai").slot(0, width),
        // The URI omits the check digit.
        CodeType::Sscc => start("sscc").slot(0, width.checked_sub(1)?),
        CodeType::Gsrn => start("gsrn").slot(0, width.checked_sub(1)?),
        CodeType::ShortCode => return None,
    })
}
