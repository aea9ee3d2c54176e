//! What a person pastes, or a scanner types, as one of the forms by which codes are looked up.
//!
//! Recognises links, element strings with brackets, EPC URIs: pure identity, tag and raw (EPC Tag Data Standard 2.3,
//! sections 6.3 and 12), the hexadecimal digits of an RFID tag's memory, and the data of GS1 symbols: Application
//! Identifiers without brackets, FNC1 as the group separator 0x1D (GS1 General Specifications, section 7.8). Everything
//! else is a bare code.

use super::digits::is_digits;
use super::epc::{element_string_of_epc, is_visible};
use super::epc_binary::EpcTag;
use super::product::product_path;
use super::types::CodeType;

/// Maximum length of a serial. What is longer and reads as a tag is none.
const MAX_SERIAL: usize = 20;

/// The separator of elements, as scanners send FNC1.
const GROUP_SEPARATOR: char = '\u{1d}';

/// The Application Identifiers that the data of a symbol may have here, with their lengths: those of the keys and
/// serials that this service issues, and the attributes that are printed beside them. `true` stands for a length that
/// is fixed.
pub(super) const IDENTIFIERS: [(&str, usize, bool); 17] = [
    ("8003", 30, false),
    ("8004", 30, false),
    ("8006", 18, true),
    ("8010", 30, false),
    ("8011", 12, false),
    ("8018", 18, true),
    ("253", 30, false),
    ("255", 25, false),
    ("00", 18, true),
    ("01", 14, true),
    ("10", 20, false),
    ("11", 6, true),
    ("12", 6, true),
    ("13", 6, true),
    ("15", 6, true),
    ("17", 6, true),
    ("21", 20, false),
];

/// A code in a form by which it is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scanned {
    /// A Digital Link or a short link.
    Link(String),
    /// An element string with brackets.
    Elements(String),
    /// An RFID tag: the hexadecimal digits of its EPC memory, or its tag URI (`urn:epc:tag:…`). Digits may be a code as
    /// well.
    Tag(String),
    /// A code as an export contains it, with the key path of its product if one is given.
    Code {
        /// The code.
        code: String,
        /// The product.
        product: Option<String>,
    },
}

/// The form of a text; `None` for one that can be no code. With a product, a text that is neither a link, an element
/// string nor a tag is a code of that product.
#[must_use]
pub fn scanned(text: &str, product: Option<&str>) -> Option<Scanned> {
    let text = without_symbology(text.trim());
    if text.is_empty() {
        return None;
    }
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    if lower.starts_with("http://") || lower.starts_with("https://") {
        return Some(Scanned::Link(text.to_owned()));
    }
    if lower.starts_with("urn:epc:") {
        return of_epc(text);
    }
    if text.starts_with('(') {
        return Some(Scanned::Elements(text.to_owned()));
    }
    if text.split_once('/').is_some_and(|(host, _)| host.contains('.') && !host.contains(char::is_whitespace)) {
        return Some(Scanned::Link(format!("https://{text}")));
    }
    let product = product.map(str::trim).filter(|product| !product.is_empty());
    if let Some(tag) = of_memory(text).filter(|tag| product.is_none() || tag.len() > MAX_SERIAL) {
        return Some(Scanned::Tag(tag));
    }
    if product.is_none()
        && let Some(elements) = of_symbol(text)
    {
        return Some(Scanned::Elements(elements));
    }
    let is_code = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let product = product.map(|product| product_path(CodeType::Sgtin, product).into_owned());
    is_code.then(|| Scanned::Code { code: text.to_owned(), product })
}

/// The text without the symbology identifier (`]d2`), the FNC1 with which scanners begin, and blanks around both.
fn without_symbology(text: &str) -> &str {
    let text = match text.strip_prefix(']') {
        Some(rest) => rest.get(2..).unwrap_or_default(),
        None => text,
    };
    text.trim_matches(|character: char| character == GROUP_SEPARATOR || character.is_whitespace())
}

/// The data of a symbol as an element string with brackets; `None` if it is none, or has no key.
fn of_symbol(text: &str) -> Option<String> {
    let (mut elements, mut rest, mut has_key) = (String::new(), text, false);
    while !rest.is_empty() {
        let (ai, length, is_fixed) = IDENTIFIERS.into_iter().find(|(ai, ..)| rest.starts_with(ai))?;
        let data = rest.strip_prefix(ai)?;
        let end = match is_fixed {
            true => length,
            false => data.find(GROUP_SEPARATOR).unwrap_or(data.len()),
        };
        let (value, after) = data.split_at_checked(end)?;
        let fits = !value.is_empty() && value.len() <= length && (!is_fixed || is_digits(value, length));
        if !fits || !is_visible(value) {
            return None;
        }
        has_key |= CodeType::ALL.iter().any(|code_type| code_type.application_identifier() == Some(ai));
        elements.push_str(&format!("({ai}){value}"));
        rest = after.trim_start_matches(GROUP_SEPARATOR);
    }
    has_key.then_some(elements)
}

/// An EPC URI: pure identity, tag or raw. `None` for another scheme or form. Up to the scheme, it may be in any case.
fn of_epc(uri: &str) -> Option<Scanned> {
    let (end, _) = uri.match_indices(':').nth(3).or_else(|| uri.match_indices('.').next())?;
    let (head, body) = uri.split_at_checked(end)?;
    let uri = format!("{}{body}", head.to_ascii_lowercase());
    // `urn:epc:raw:96.x3034…`: the number of bits, then the digits.
    if let Some(raw) = uri.strip_prefix("urn:epc:raw:") {
        return of_memory(raw.split_once('.')?.1.strip_prefix(['x', 'X'])?).map(Scanned::Tag);
    }
    match element_string_of_epc(&uri) {
        Some(elements) => Some(Scanned::Elements(elements)),
        None => EpcTag::from_uri(&uri).filter(|_| uri.starts_with("urn:epc:tag:")).map(|_| Scanned::Tag(uri)),
    }
}

/// The hexadecimal digits of a tag's EPC memory. Readers show them in either case, in groups, and after `0x`.
fn of_memory(text: &str) -> Option<String> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    let is_between = |character: char| matches!(character, ' ' | '-' | ':');
    let digits: String = digits.chars().filter(|character| !is_between(*character)).collect();
    EpcTag::from_hex(&digits).map(|_| digits.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::{LotAndDates, PoolSpec, RenderOptions, Renderer, Secret};

    fn elements(text: &str) -> Option<String> {
        match scanned(text, None) {
            Some(Scanned::Elements(elements)) => Some(elements),
            _ => None,
        }
    }

    #[test]
    fn blanks_and_separators_around_what_is_scanned_do_not_count_in_any_order() {
        let text = "(01)09506000134352(21)AB12";
        for (before, after) in [(" ", " \u{1d}"), ("]d2\u{1d} ", "\u{1d} "), ("]d2 \u{1d}", " \u{1d} \u{1d}")] {
            assert_eq!(elements(&format!("{before}{text}{after}")).as_deref(), Some(text), "{before:?} {after:?}");
        }
    }

    #[test]
    fn an_epc_becomes_the_element_string_of_its_code_for_every_type() {
        let secret = Secret::new(&[7; 32]).unwrap();
        for namespace in [
            "sgtin#09506000134352#8",
            "sscc#9506000#18",
            "grai#9506000134352#8",
            "giai#9506000#8",
            "gsrn#9506000#18",
            "gdti#9506000134352#8",
            "itip#095060001343520102#8",
            "cpi#9506000A/B#9",
            "sgcn#9506000134352#12",
        ] {
            let namespace: crate::code::Namespace = namespace.parse().unwrap();
            let set = if namespace.code_type.allows(crate::code::CharacterSet::Alphanumeric) {
                crate::code::CharacterSet::Alphanumeric
            } else {
                crate::code::CharacterSet::Numeric
            };
            let spec = PoolSpec::from_pool(namespace.clone(), set).unwrap();
            let options = RenderOptions {
                digital_link_domain: "https://id.gs1.org".to_owned(),
                short_code_domain: None,
                company_prefix: Some("9506000".to_owned()),
                url_suffix: None,
                lot_and_dates: LotAndDates::default(),
            };
            let renderer = Renderer::new(&spec, &secret.pool_key(&namespace), &options).unwrap();
            for index in [0, 1, 99] {
                let code = renderer.code(index).unwrap();
                assert!(code.epc_uri.starts_with("urn:epc:id:"), "{namespace}: {code:?}");
                assert_eq!(elements(&code.epc_uri), Some(code.element_string.clone()), "{}", code.epc_uri);
                // The data of the symbol is the element string without brackets, FNC1 after what has no fixed length.
                let (ai, rest) = code.element_string[1..].split_once(')').unwrap();
                let data = match rest.split_once('(') {
                    Some((key, serial)) => {
                        let separator = if namespace.code_type == CodeType::Cpi { "\u{1d}" } else { "" };
                        format!("]d2{ai}{key}{separator}{}", serial.replacen(')', "", 1))
                    }
                    None => format!("{ai}{rest}"),
                };
                assert_eq!(elements(&data), Some(code.element_string.clone()), "{data:?}");
            }
        }
    }

    #[test]
    fn links_are_links_with_and_without_a_scheme() {
        for (text, link) in [
            ("https://id.gs1.org/01/09506000134352/21/a", "https://id.gs1.org/01/09506000134352/21/a"),
            ("  HTTP://x.example/abc ", "HTTP://x.example/abc"),
            ("id.gs1.org/01/09506000134352/21/a", "https://id.gs1.org/01/09506000134352/21/a"),
        ] {
            assert_eq!(scanned(text, None), Some(Scanned::Link(link.to_owned())), "{text}");
        }
    }

    #[test]
    fn a_bare_code_keeps_its_product() {
        let code = |code: &str, product: Option<&str>| {
            Some(Scanned::Code { code: code.to_owned(), product: product.map(str::to_owned) })
        };
        assert_eq!(scanned("9L7cjZjJ", Some("/01/19361758000003")), code("9L7cjZjJ", Some("/01/19361758000003")));
        assert_eq!(scanned("9L7cjZjJ", Some("9506000134352")), code("9L7cjZjJ", Some("/01/09506000134352")));
        assert_eq!(scanned("106141412345678908", None), code("106141412345678908", None), "it begins like a lot");
        // With its product, a serial that looks like data of a symbol is a serial.
        assert_eq!(scanned("0106141412345678", Some("/01/1")), code("0106141412345678", Some("/01/1")));
    }

    #[test]
    fn what_is_printed_beside_the_code_does_not_count_and_what_is_no_code_is_none() {
        assert_eq!(
            elements("]d20109506000134352172612311 0LOT".replace(' ', "").as_str()),
            Some("(01)09506000134352(17)261231(10)LOT".to_owned())
        );
        assert_eq!(elements("010950600013435210LOT\u{1d}21abc"), Some("(01)09506000134352(10)LOT(21)abc".to_owned()));
        for text in [
            // An empty lot, one that is too long, one with a space, and a GTIN with a letter.
            "010950600013435210",
            "010950600013435210ABCDEFGHIJKLMNOPQRSTU",
            "010950600013435210LO T",
            "010950600013435A21abc",
        ] {
            assert_eq!(elements(text), None, "{text}");
        }
        assert_eq!(
            elements("010950600013435210ABCDEFGHIJKLMNOPQRST"),
            Some("(01)09506000134352(10)ABCDEFGHIJKLMNOPQRST".to_owned())
        );
        for text in [
            "",
            "  ",
            "]d2",
            "urn:epc:id:sgtin:9506000.1",
            "urn:epc:id:pgln:1.2",
            "urn:epc:tag:sgtin-96:3.1.2.3",
            "urn:epc:tag:",
            "urn:epc:raw:",
            "urn:epc:raw:96.3034257BF7194E4000001A85",
            "urn:epc:raw:96.xFF34257BF7194E4000001A85",
            "a b",
            "é",
            "-",
        ] {
            assert_eq!(scanned(text, None), None, "{text}");
        }
        assert_eq!(elements("urn:epc:id:sgtin:95060001.034352.a"), None, "too many digits");
    }

    #[test]
    fn a_tag_is_read_as_readers_show_its_memory_and_as_a_uri() {
        // Appendix E.3 of the EPC Tag Data Standard.
        let digits = "3074257BF7194E4000001A85";
        assert_eq!(EpcTag::from_hex(digits).unwrap().uri(), "urn:epc:tag:sgtin-96:3.0614141.812345.6789");
        let tag = Some(Scanned::Tag(digits.to_owned()));
        for text in [
            digits.to_owned(),
            digits.to_ascii_lowercase(),
            format!(" 0x{digits}\n"),
            "3074 257B F719 4E40 0000 1A85".to_owned(),
            "30:74:25:7b:f7:19:4e:40:00:00:1a:85".to_owned(),
            "307425-7BF7194E-4000001A85".to_owned(),
            format!("URN:EPC:RAW:96.x{digits}"),
        ] {
            assert_eq!(scanned(&text, None), tag, "{text}");
        }
        // A tag is longer than a serial, so a product that is still in the form does not matter.
        assert_eq!(scanned(digits, Some("/01/09506000134352")), tag);
        let uri = "urn:epc:tag:sgtin-96:3.0614141.812345.6789";
        assert_eq!(scanned(uri, None), Some(Scanned::Tag(uri.to_owned())));
        assert_eq!(
            scanned(&uri.replace("urn:epc:tag:sgtin", "URN:EPC:Tag:SGTIN"), None),
            Some(Scanned::Tag(uri.to_owned()))
        );
        // Digits that no scheme wrote are a code.
        let other = "FF74257BF7194E4000001A85";
        assert_eq!(scanned(other, None), Some(Scanned::Code { code: other.to_owned(), product: None }));
    }

    #[test]
    fn no_text_makes_it_panic() {
        for text in [
            "]",
            "]é",
            "(",
            "01",
            "010",
            "urn:epc:id:",
            "urn:epc:id::",
            "urn:epc:raw:96.x",
            "urn:epc:é.é",
            "0x",
            "urn:epc:id:sscc:.",
            "\u{1d}",
            "https://",
            "é/x",
            "8003é",
        ] {
            let _ = scanned(text, Some("é"));
            let _ = scanned(text, None);
        }
    }
}
