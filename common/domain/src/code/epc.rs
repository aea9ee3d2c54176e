//! EPC pure identity URIs (EPC Tag Data Standard 2.x, section 6.3).

use super::digits::has_check_digit;
use super::namespace::Namespace;
use super::prefix::CompanyPrefix;
use super::product::checked_part;
use super::template::{Template, encoded};
use super::types::CodeType;

/// Fewest digits of the company prefix in an EPC: the partition tables of the standard (section 14) begin at six.
const MIN_EPC_PREFIX: usize = 6;

/// The URI of a namespace's codes; empty unless it can be told without guessing.
///
/// It is written when the company prefix is known and has at least six digits, the key starts with it (after the
/// indicator digit), and the key's check digit is right: the URI leaves the check digit out, so that a wrong one would
/// name the codes of another product.
pub(super) fn pure_identity(namespace: &Namespace, width: usize, prefix: Option<&CompanyPrefix>) -> Template {
    let own = namespace.company_prefix().and_then(|prefix| CompanyPrefix::parse(prefix).ok());
    let Some(prefix) = own.as_ref().or(prefix) else {
        return Template::new();
    };
    let checked = checked_part(namespace.code_type, &namespace.key);
    if prefix.digits() < MIN_EPC_PREFIX || !checked.is_none_or(has_check_digit) {
        return Template::new();
    }
    body(namespace, width, prefix.as_str()).unwrap_or_default()
}

fn body(namespace: &Namespace, width: usize, prefix: &str) -> Option<Template> {
    let key = namespace.key.as_str();
    let start = |scheme: &str| Template::new().literal(&format!("urn:epc:id:{scheme}:{prefix}."));
    let serial = |template: Template| template.literal(".").slot(0, width);
    // 13 digits: company prefix, reference, check digit.
    let reference = |key: &str| Some(key.strip_prefix(prefix)?.strip_suffix(char::is_numeric)?.to_owned());
    // 14 digits: the indicator goes between the prefix and the item reference.
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
        // Without the check digit.
        CodeType::Sscc => start("sscc").slot(0, width.checked_sub(1)?),
        CodeType::Gsrn => start("gsrn").slot(0, width.checked_sub(1)?),
        CodeType::ShortCode => return None,
    })
}
