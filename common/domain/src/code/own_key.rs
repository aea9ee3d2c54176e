//! Whether a key belongs to a company: the rule by which a caller with limited organisations may choose the character
//! set of a namespace, and by which an organisation may read about its pool.

use super::prefix::CompanyPrefix;
use super::product::product_key;
use super::types::CodeType;

/// Whether the key of a request's namespace is built from one of these company prefixes.
///
/// - A product's key must start with a prefix, after the indicator digit of a GTIN (see
///   [`super::ProductKey::is_built_from`]).
/// - `sscc`, `gsrn` and `giai` are built from the prefix of the reservation's own organisation, so their key always is.
/// - Short codes share one key in the whole deployment, which belongs to no company.
#[must_use]
pub fn is_own_key(code_type: CodeType, product: Option<&str>, prefixes: &[CompanyPrefix]) -> bool {
    if code_type.needs_company_prefix() {
        return true;
    }
    let key = product.and_then(|product| product_key(code_type, product, false).ok());
    key.is_some_and(|key| prefixes.iter().any(|prefix| key.is_built_from(prefix)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_own(code_type: CodeType, product: &str, prefixes: &[&str]) -> bool {
        let prefixes: Vec<_> = prefixes.iter().map(|prefix| CompanyPrefix::parse(prefix).unwrap()).collect();
        is_own_key(code_type, Some(product), &prefixes)
    }

    #[test]
    fn a_key_starts_with_the_prefix_after_the_indicator_digit_of_a_gtin() {
        for (code_type, product) in [
            (CodeType::Sgtin, "/01/19506000134352"),
            (CodeType::Itip, "/8006/095060001343520102"),
            (CodeType::Grai, "/8003/09506000134352"),
            (CodeType::Gdti, "/253/9506000134352"),
            (CodeType::Sgcn, "/255/9506000134352"),
            (CodeType::Cpi, "/8010/9506000-A1"),
        ] {
            assert!(is_own(code_type, product, &["0614141", "9506000"]), "{product}");
            assert!(!is_own(code_type, product, &["0614141", "9506001"]), "{product}");
            assert!(!is_own(code_type, product, &[]), "{product}");
        }
    }

    #[test]
    fn the_indicator_digit_is_no_part_of_the_prefix() {
        assert!(!is_own(CodeType::Sgtin, "/01/19506000134352", &["1950600"]));
        assert!(!is_own(CodeType::Itip, "/8006/095060001343520102", &["0950600"]));
        assert!(is_own(CodeType::Sgtin, "/01/00614141000012", &["0614141"]));
    }

    #[test]
    fn keys_built_from_the_organisations_prefix_are_its_own_and_short_codes_are_nobodys() {
        for code_type in CodeType::ALL {
            let own = is_own_key(code_type, None, &[CompanyPrefix::parse("9506000").unwrap()]);
            assert_eq!(own, code_type.needs_company_prefix(), "{code_type}");
        }
        assert!(!is_own(CodeType::ShortCode, "/01/19506000134352", &["9506000"]));
        // A key of another form is none.
        assert!(!is_own(CodeType::Sgtin, "/253/9506000134352", &["9506"]));
    }
}
