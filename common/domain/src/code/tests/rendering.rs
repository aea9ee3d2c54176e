//! The rendered forms of each type of code.

use super::*;
use crate::code::{CodeError, FNC1, Field, Piece, has_check_digit};

fn options() -> RenderOptions {
    RenderOptions {
        digital_link_domain: "https://id.example.com/".to_owned(),
        short_code_domain: Some("https://go.example.com".to_owned()),
        company_prefix: Some(PREFIX.to_owned()),
        url_suffix: Some("?src=label".to_owned()),
        lot_and_dates: LotAndDates::default(),
    }
}

/// The templates of the pool's codes, with each slot written as `<from..to>`.
fn shapes(namespace: &str, set: CharacterSet, options: &RenderOptions) -> [String; 5] {
    let renderer = renderer(&spec(namespace, set), options);
    Field::ALL.map(|field| {
        renderer
            .pieces(field)
            .iter()
            .map(|piece| match piece {
                Piece::Literal(text) => text.clone(),
                Piece::Slot { from, to } => format!("<{from}..{to}>"),
            })
            .collect()
    })
}

#[test]
fn each_type_has_the_forms_of_its_standard() {
    use CharacterSet::{Alphanumeric, Numeric, Rfid96};
    for (namespace, set, expected) in [
        (
            "sgtin#19506000134359#8",
            Alphanumeric,
            [
                "<0..8>",
                "https://id.example.com/01/19506000134359/21/<0..8>?src=label",
                "(01)19506000134359(21)<0..8>",
                "urn:epc:id:sgtin:9506000.113435.<0..8>",
                "011950600013435921<0..8>",
            ],
        ),
        (
            "sscc#9506000#18",
            Numeric,
            [
                "<0..1>9506000<1..11>",
                "https://id.example.com/00/<0..1>9506000<1..11>?src=label",
                "(00)<0..1>9506000<1..11>",
                "urn:epc:id:sscc:9506000.<0..10>",
                "00<0..1>9506000<1..11>",
            ],
        ),
        (
            "grai#9506000134352#12",
            Rfid96,
            [
                "<0..12>",
                "https://id.example.com/8003/09506000134352<0..12>?src=label",
                "(8003)09506000134352<0..12>",
                "urn:epc:id:grai:9506000.13435.<0..12>",
                "800309506000134352<0..12>",
            ],
        ),
        ("short_code#deployment#6", Alphanumeric, ["<0..6>", "https://go.example.com/<0..6>?src=label", "", "", ""]),
        (
            "giai#9506000#8",
            Alphanumeric,
            [
                "9506000<0..8>",
                "https://id.example.com/8004/9506000<0..8>?src=label",
                "(8004)9506000<0..8>",
                "urn:epc:id:giai:9506000.<0..8>",
                "80049506000<0..8>",
            ],
        ),
        (
            "gsrn#9506000#18",
            Numeric,
            [
                "9506000<0..11>",
                "https://id.example.com/8018/9506000<0..11>?src=label",
                "(8018)9506000<0..11>",
                "urn:epc:id:gsrn:9506000.<0..10>",
                "80189506000<0..11>",
            ],
        ),
        (
            "gdti#9506000134352#17",
            Alphanumeric,
            [
                "<0..17>",
                "https://id.example.com/253/9506000134352<0..17>?src=label",
                "(253)9506000134352<0..17>",
                "urn:epc:id:gdti:9506000.13435.<0..17>",
                "2539506000134352<0..17>",
            ],
        ),
        (
            "itip#195060001343590102#20",
            Alphanumeric,
            [
                "<0..20>",
                "https://id.example.com/8006/195060001343590102/21/<0..20>?src=label",
                "(8006)195060001343590102(21)<0..20>",
                "urn:epc:id:itip:9506000.113435.01.02.<0..20>",
                "8006195060001343590102\u{1d}21<0..20>",
            ],
        ),
        (
            "cpi#9506000A/1#B-2#7",
            Numeric,
            [
                "<0..7>",
                "https://id.example.com/8010/9506000A%2F1%23B-2/8011/<0..7>?src=label",
                "(8010)9506000A/1#B-2(8011)<0..7>",
                "urn:epc:id:cpi:9506000.A%2F1%23B-2.<0..7>",
                "80109506000A/1#B-2\u{1d}8011<0..7>",
            ],
        ),
        (
            "sgcn#9506000134352#12",
            Numeric,
            [
                "<0..12>",
                "https://id.example.com/255/9506000134352<0..12>?src=label",
                "(255)9506000134352<0..12>",
                "urn:epc:id:sgcn:9506000.13435.<0..12>",
                "2559506000134352<0..12>",
            ],
        ),
    ] {
        assert_eq!(shapes(namespace, set, &options()), expected);
    }
}

#[test]
fn the_epc_uri_is_empty_rather_than_guessed() {
    let epc = |namespace: &str, prefix: Option<&str>| {
        let options = RenderOptions { company_prefix: prefix.map(str::to_owned), ..options() };
        let set = match namespace.parse::<Namespace>().unwrap().code_type {
            CodeType::Sscc | CodeType::Gsrn | CodeType::Cpi => CharacterSet::Numeric,
            _ => CharacterSet::Alphanumeric,
        };
        let [_, _, _, epc, _] = shapes(namespace, set, &options);
        epc
    };
    // An unknown prefix, the prefix of another company, the seed's GTIN with its incorrect check digit, and a prefix that is
    // too short for an EPC.
    assert_eq!(epc("sgtin#19506000134359#8", None), "");
    assert_eq!(epc("sgtin#19506000134359#8", Some("4006381")), "");
    assert_eq!(epc("sgtin#19361758000003#8", Some("9361758")), "");
    assert_eq!(epc("sgtin#19506000134359#8", Some("95060")), "");
    assert_eq!(epc("sscc#95060#18", None), "");
    // Prefixes that GS1 reserves: restricted circulation, coupons, refunds and publications.
    assert_eq!(epc("sgtin#02000001234563#8", Some("2000001")), "");
    assert_eq!(epc("sgtin#00412345678903#8", Some("0412345")), "");
    assert_eq!(epc("grai#9801234567892#8", Some("9801234")), "");
    assert_eq!(epc("gdti#9900001234569#8", Some("9900001")), "");
    assert_eq!(epc("cpi#2000001A#8", Some("2000001")), "");
    assert_eq!(epc("giai#0200001#8", None), "");
    assert_eq!(epc("gsrn#9771234#18", None), "");
    assert_eq!(epc("sscc#0001234#18", None), "");
    assert_eq!(epc("sgtin#09771234567898#8", Some("977123456")), "");
    // ISBN and GTIN-8 have EPCs, as GTINs with the indicator digit 0 only.
    assert_eq!(epc("sgtin#09788175257665#8", Some("978817525")), "urn:epc:id:sgtin:978817525.0766.<0..8>");
    assert_eq!(epc("sgtin#19788175257662#8", Some("978817525")), "");
    assert_eq!(epc("gdti#9788175257665#8", Some("978817525")), "");
    assert_eq!(epc("sgtin#00000095010939#8", Some("00000950")), "urn:epc:id:sgtin:00000950.01093.<0..8>");
    assert_eq!(epc("sgtin#00000020010935#8", Some("00000200")), "");
    // If the namespace has a prefix, that of the options is ignored.
    assert_eq!(epc("sscc#9506000#18", Some("4006381")), "urn:epc:id:sscc:9506000.<0..10>");
    // A prefix of twelve digits leaves no reference, and the component is empty.
    assert_eq!(epc("grai#9506000134352#8", Some("950600013435")), "urn:epc:id:grai:950600013435..<0..8>");
    assert_eq!(epc("sgtin#19506000134359#8", Some("950600013435")), "urn:epc:id:sgtin:950600013435.1.<0..8>");
}

#[test]
fn a_short_code_without_domain_has_no_link() {
    for domain in [None, Some(String::new())] {
        let options = RenderOptions { short_code_domain: domain, ..options() };
        let spec = spec("short_code#deployment#6", CharacterSet::Hex);
        let code = renderer(&spec, &options).code(0).unwrap();
        assert_eq!(code.code.len(), 6);
        assert_eq!(code.digital_link, "");
        assert_eq!(code.element_string, "");
        assert_eq!(code.epc_uri, "");
        assert_eq!(code.barcode_data, "");
        assert_eq!(code.epc_join_key, "");
    }
}

#[test]
fn the_suffix_is_a_query_with_or_without_its_mark() {
    let spec = spec("sgtin#19506000134359#8", CharacterSet::Hex);
    let link = |suffix: Option<&str>| {
        let options = RenderOptions { url_suffix: suffix.map(str::to_owned), ..RenderOptions::default() };
        renderer(&spec, &options).code(1).unwrap().digital_link
    };
    let plain = link(None);
    assert!(plain.starts_with("https://id.gs1.org/01/19506000134359/21/"));
    assert_eq!(link(Some("")), plain);
    assert_eq!(link(Some("?")), plain);
    assert_eq!(link(Some("a=b&c=d")), format!("{plain}?a=b&c=d"));
    assert_eq!(link(Some("?a=b&c=d")), format!("{plain}?a=b&c=d"));
}

#[test]
fn a_bad_company_prefix_is_an_error_and_not_an_empty_column() {
    let spec = spec("sgtin#19506000134359#8", CharacterSet::Hex);
    let options = RenderOptions { company_prefix: Some("95".to_owned()), ..RenderOptions::default() };
    let key = secret().pool_key(&spec.namespace);
    assert_eq!(Renderer::new(&spec, &key, &options).unwrap_err(), CodeError::CompanyPrefixForm);
}

#[test]
fn counted_keys_count_up_with_right_check_digits() {
    for (namespace, first) in [
        ("sscc#9506000#18", ["095060000000000000", "095060000000000017"]),
        ("gsrn#9506000#18", ["950600000000000006", "950600000000000013"]),
    ] {
        let spec = spec(namespace, CharacterSet::Numeric);
        let renderer = renderer(&spec, &options());
        let code = |index| renderer.code(index).unwrap().code;
        for (index, start) in (0..).zip(first) {
            // The digit before the check digit counts; the check digit is verified below.
            assert_eq!(code(index)[..17], start[..17]);
        }
        for index in (0..1_000).chain(9_999_999_000..10_000_000_000) {
            let code = code(index);
            assert_eq!(code.len(), 18);
            assert!(has_check_digit(&code), "{code}");
        }
        assert_eq!(renderer.code(10_000_000_000), Err(CodeError::OutOfRange));
    }
    // The last SSCC has the last extension digit.
    let spec = spec("sscc#9506000#18", CharacterSet::Numeric);
    let last = renderer(&spec, &options()).code(9_999_999_999).unwrap();
    assert!(last.code.starts_with("99506000999999999"));
}

#[test]
fn pieces_and_bytes_make_the_same_codes_as_one_by_one() {
    for spec in every_pool() {
        let renderer = renderer(&spec, &options());
        let start = spec.capacity() / 2;
        let width = renderer.width();
        let mut bytes = vec![0; 70 * width];
        renderer.fill(start, &mut bytes).unwrap();
        for (index, row) in (start..).zip(bytes.chunks(width)).step_by(23) {
            let code = renderer.code(index).unwrap();
            let forms = [&code.code, &code.digital_link, &code.element_string, &code.epc_uri, &code.barcode_data];
            for (field, form) in Field::ALL.into_iter().zip(forms) {
                let mut text = String::new();
                for piece in renderer.pieces(field) {
                    match piece {
                        Piece::Literal(literal) => text.push_str(literal),
                        Piece::Slot { from, to } => {
                            text.push_str(std::str::from_utf8(&row[*from..*to]).unwrap());
                        }
                    }
                }
                assert_eq!(&text, form);
                assert_eq!(renderer.length(field), form.len());
            }
            assert_eq!(code.epc_join_key, code.element_string);
        }
    }
}

/// The rule of docs/codes.md, written for the element strings of all types: brackets stand for nothing, and a separator
/// follows every value but the last, unless the Application Identifier is 00 or 01.
fn data_of(element_string: &str) -> String {
    let elements: Vec<_> = element_string.split('(').skip(1).filter_map(|element| element.split_once(')')).collect();
    let data = elements.iter().map(|(ai, value)| match *ai {
        "00" | "01" => format!("{ai}{value}"),
        _ => format!("{ai}{value}{FNC1}"),
    });
    let data: String = data.collect();
    data.strip_suffix(FNC1).unwrap_or(&data).to_owned()
}

#[test]
fn barcode_data_has_a_separator_where_an_element_of_no_predefined_length_is_followed_by_another() {
    for spec in every_pool() {
        let code = renderer(&spec, &options()).code(spec.capacity() / 3).unwrap();
        assert_eq!(code.barcode_data, data_of(&code.element_string), "{}", spec.namespace);
    }
}

#[test]
fn what_cannot_be_filled_is_refused_and_left_alone() {
    for spec in every_pool() {
        let renderer = renderer(&spec, &options());
        let width = renderer.width();
        let mut bytes = vec![b'.'; width * 2];
        let refused = Err(CodeError::OutOfRange);
        assert_eq!(renderer.fill(0, &mut bytes[..width + 1]), refused);
        assert_eq!(renderer.fill(u64::MAX, &mut bytes), refused);
        if let Ok(space) = u64::try_from(spec.space()) {
            assert_eq!(renderer.fill(space - 1, &mut bytes), refused);
            assert_eq!(renderer.fill(space, &mut bytes[..width]), refused);
            assert!(bytes.iter().all(|byte| *byte == b'.'));
            assert_eq!(renderer.fill(space - 2, &mut bytes), Ok(()));
        }
        assert_eq!(renderer.fill(0, &mut []), Ok(()));
    }
}
