//! Primary keys of GS1 Digital Link, the qualifiers that may follow each of them, and their short names.
//!
//! Only facts of the standard; what a link means to this service is in [`super::link`].

/// A primary key.
#[derive(Debug)]
pub(super) struct PrimaryKey {
    /// Its Application Identifier.
    pub(super) ai: &'static str,
    /// The Application Identifiers that may follow in the path, in this order. Each may be left out.
    pub(super) qualifiers: &'static [&'static str],
}

/// GS1 Digital Link URI Syntax 1.6, section 4.9, and the attribute `dlpkey` of the GS1 Barcode Syntax Dictionary.
///
/// The dictionary lists 235 after AI 01 as an alternative to the other qualifiers, and readers accept it behind them.
/// The last rows were primary keys in Digital Link 1.0 and 1.1 only.
const PRIMARY_KEYS: [PrimaryKey; 21] = [
    PrimaryKey { ai: "00", qualifiers: &[] },
    PrimaryKey { ai: "01", qualifiers: &["22", "10", "21", "235"] },
    PrimaryKey { ai: "253", qualifiers: &[] },
    PrimaryKey { ai: "255", qualifiers: &[] },
    PrimaryKey { ai: "401", qualifiers: &[] },
    PrimaryKey { ai: "402", qualifiers: &[] },
    PrimaryKey { ai: "414", qualifiers: &["254", "7040"] },
    PrimaryKey { ai: "415", qualifiers: &["8020"] },
    PrimaryKey { ai: "417", qualifiers: &["7040"] },
    PrimaryKey { ai: "8003", qualifiers: &[] },
    PrimaryKey { ai: "8004", qualifiers: &["7040"] },
    PrimaryKey { ai: "8006", qualifiers: &["22", "10", "21"] },
    PrimaryKey { ai: "8010", qualifiers: &["8011"] },
    PrimaryKey { ai: "8013", qualifiers: &[] },
    PrimaryKey { ai: "8017", qualifiers: &["8019"] },
    PrimaryKey { ai: "8018", qualifiers: &["8019"] },
    PrimaryKey { ai: "410", qualifiers: &["254"] },
    PrimaryKey { ai: "411", qualifiers: &["254"] },
    PrimaryKey { ai: "412", qualifiers: &["254"] },
    PrimaryKey { ai: "413", qualifiers: &["254"] },
    PrimaryKey { ai: "416", qualifiers: &["254"] },
];

/// The short names of Digital Link 1.0 and 1.1, which readers still accept.
const NAMES: [(&str, &str); 30] = [
    ("sscc", "00"),
    ("gtin", "01"),
    ("lot", "10"),
    ("exp", "17"),
    ("ser", "21"),
    ("cpv", "22"),
    ("gdti", "253"),
    ("glnx", "254"),
    ("gcn", "255"),
    ("ginc", "401"),
    ("gsin", "402"),
    ("shipto", "410"),
    ("billto", "411"),
    ("purchasedfrom", "412"),
    ("shipfor", "413"),
    ("gln", "414"),
    ("payto", "415"),
    ("glnprod", "416"),
    ("party", "417"),
    ("expdt", "7003"),
    ("grai", "8003"),
    ("giai", "8004"),
    ("itip", "8006"),
    ("cpid", "8010"),
    ("cpsn", "8011"),
    ("gmn", "8013"),
    ("gsrnp", "8017"),
    ("gsrn", "8018"),
    ("srin", "8019"),
    ("refno", "8020"),
];

/// The Application Identifier that a part of a link names, as a number or by its short name. The standard writes
/// `payTo` and GS1's own tools write `payto`, so the case of names is ignored.
pub(super) fn application_identifier(text: &str) -> Option<&str> {
    if is_number(text) {
        return Some(text);
    }
    NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, ai)| *ai)
}

/// Whether a text is a short name of Digital Link 1.0 or 1.1.
pub(crate) fn is_short_name(text: &str) -> bool {
    !is_number(text) && application_identifier(text).is_some()
}

/// The primary key that a part of a link names.
pub(super) fn primary_key(text: &str) -> Option<&'static PrimaryKey> {
    let ai = application_identifier(text)?;
    PRIMARY_KEYS.iter().find(|key| key.ai == ai)
}

/// Whether a text consists of digits, as Application Identifiers do.
pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::CodeType;

    #[test]
    fn every_type_with_an_identifier_has_a_primary_key_that_its_serial_may_follow() {
        for code_type in CodeType::ALL {
            if let Some(ai) = code_type.application_identifier() {
                let key = primary_key(ai).unwrap();
                assert!(code_type.serial_ai().is_none_or(|serial| key.qualifiers.contains(&serial)), "{code_type}");
            }
        }
    }

    #[test]
    fn a_name_is_its_number_in_any_case() {
        assert_eq!(application_identifier("payTo"), Some("415"));
        assert_eq!(application_identifier("8020"), Some("8020"));
        assert_eq!(application_identifier("serial"), None);
        assert_eq!(application_identifier(""), None);
        assert_eq!(primary_key("gtin").unwrap().ai, "01");
        assert!(primary_key("lot").is_none());
    }
}
