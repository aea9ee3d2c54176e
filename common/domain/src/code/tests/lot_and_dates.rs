//! Lot and dates in the forms of a code, and codes that are looked up with them.

use proptest::prelude::*;

use super::*;
use crate::code::{Day, by_code, by_digital_link, by_join_key, check_lot, join_key_contradicts, link_contradicts};

fn day(text: &str) -> Option<Day> {
    Some(Day::parse(text).unwrap())
}

/// A lot with a character of each kind that a form escapes, and all dates.
fn all() -> LotAndDates {
    LotAndDates {
        lot: Some("A/1+\"%".to_owned()),
        production_date: day("2026-05-01"),
        best_before: day("2027-11-30"),
        expiry_date: day("2028-02-29"),
    }
}

fn with(known: LotAndDates, suffix: Option<&str>) -> RenderOptions {
    RenderOptions {
        company_prefix: Some(PREFIX.to_owned()),
        url_suffix: suffix.map(str::to_owned),
        lot_and_dates: known,
        ..RenderOptions::default()
    }
}

#[test]
fn each_form_has_them_where_its_standard_wants_them() {
    let lot = LotAndDates { lot: Some("LOT".to_owned()), ..LotAndDates::default() };
    let expiry = LotAndDates { expiry_date: day("2027-12-31"), ..LotAndDates::default() };
    for (namespace, known, suffix, element_string, barcode_data, link) in [
        (
            "sgtin#19506000134359#8",
            all(),
            Some("?a=b"),
            "(01)19506000134359(11)260501(15)271130(17)280229(10)A/1+\"%(21)<serial>",
            "011950600013435911260501152711301728022910A/1+\"%\u{1d}21<serial>",
            "/01/19506000134359/10/A%2F1%2B%22%25/21/<serial>?11=260501&15=271130&17=280229&a=b",
        ),
        (
            "itip#195060001343590102#8",
            all(),
            None,
            "(8006)195060001343590102(11)260501(15)271130(17)280229(10)A/1+\"%(21)<serial>",
            "8006195060001343590102\u{1d}11260501152711301728022910A/1+\"%\u{1d}21<serial>",
            "/8006/195060001343590102/10/A%2F1%2B%22%25/21/<serial>?11=260501&15=271130&17=280229",
        ),
        (
            "sgtin#19506000134359#8",
            lot,
            Some("a=b"),
            "(01)19506000134359(10)LOT(21)<serial>",
            "011950600013435910LOT\u{1d}21<serial>",
            "/01/19506000134359/10/LOT/21/<serial>?a=b",
        ),
        (
            "sgtin#19506000134359#8",
            expiry,
            Some(""),
            "(01)19506000134359(17)271231(21)<serial>",
            "01195060001343591727123121<serial>",
            "/01/19506000134359/21/<serial>?17=271231",
        ),
    ] {
        let code = renderer(&spec(namespace, CharacterSet::Hex), &with(known, suffix)).code(7).unwrap();
        let filled = |text: &str| text.replace("<serial>", &code.code);
        assert_eq!(code.element_string, filled(element_string));
        assert_eq!(code.barcode_data, filled(barcode_data));
        assert_eq!(code.digital_link, format!("https://id.gs1.org{}", filled(link)));
    }
}

#[test]
fn they_change_neither_the_code_nor_its_key_nor_its_epc() {
    for spec in every_pool() {
        let code = |known| renderer(&spec, &with(known, None)).code(spec.capacity() / 2).unwrap();
        let (plain, known) = (code(LotAndDates::default()), code(all()));
        assert_eq!((&known.code, &known.epc_join_key), (&plain.code, &plain.element_string), "{}", spec.namespace);
        assert_eq!((&known.epc_uri, &known.epc_join_key), (&plain.epc_uri, &plain.epc_join_key));
        // Other types have no lot and no dates.
        assert_eq!(known != plain, spec.code_type.has_lot_and_dates(), "{}", spec.namespace);
    }
}

#[test]
fn a_code_is_found_by_each_of_its_forms() {
    for spec in every_pool().iter().filter(|spec| spec.code_type.has_lot_and_dates()) {
        let renderer = renderer(spec, &with(all(), Some("k=v")));
        let code = renderer.code(3).unwrap();
        let product = spec.namespace.product();
        for candidates in [
            by_digital_link(&code.digital_link),
            by_join_key(&code.element_string),
            by_join_key(&code.epc_join_key),
            by_code(&code.code, product.as_deref()),
        ] {
            let found = candidates.iter().find(|candidate| candidate.namespace == spec.namespace).unwrap();
            assert_eq!(renderer.permutation().index_of(&found.varying), Some(3));
        }
        assert!(!link_contradicts(&code.digital_link, &all()) && !join_key_contradicts(&code.element_string, &all()));
    }
}

#[test]
fn a_text_that_states_another_lot_or_date_contradicts() {
    let link = |tail: &str| link_contradicts(&format!("https://e.example/x/01/19506000134359{tail}"), &all());
    for tail in [
        "/21/AbC12345",
        "/10/A%2F1%2B%22%25/21/AbC12345",
        "/22/2A/10/A%2F1%2B%22%25/21/AbC12345",
        "/21/AbC12345?10=A%2F1%2B%22%25",
        "/21/AbC12345?17=280229&15=271130&11=260501",
        "/21/AbC12345?17=280200",
        "/21/AbC12345?exp=280229",
        "/21/AbC12345?7003=2712312359&16=200101",
    ] {
        assert!(!link(tail), "{tail}");
    }
    for tail in [
        "/10/A/21/AbC12345",
        "/10/A%2F1%2B%22%25a/21/AbC12345",
        "/lot/a/ser/AbC12345",
        "/10/%ff/21/AbC12345",
        "/21/AbC12345?10=A",
        "/21/AbC12345?17=280228",
        "/21/AbC12345?k=v;17=280228",
        "/21/AbC12345?17=280229&17=280228",
        "/21/AbC12345?%317=271231",
        "/21/AbC12345?exp=271231",
        "/21/AbC12345?11=260502",
        "/21/AbC12345?15=271200",
        "/21/AbC12345?17=",
    ] {
        assert!(link(tail), "{tail}");
    }
    let text = |tail: &str| join_key_contradicts(&format!("(01)19506000134359{tail}"), &all());
    for tail in ["(21)AbC12345", "(21)AbC12345(10)A/1+\"%", "(17)280229\u{1d}(21)AbC12345", "(21)AbC12345(240)X"] {
        assert!(!text(tail), "{tail}");
    }
    for tail in
        ["(21)AbC12345(10)A", "(10)A/1+\"%(21)AbC12345(10)B", "(17)280228(21)AbC12345", "(11)260531(21)AbC12345"]
    {
        assert!(text(tail), "{tail}");
    }
    // Nothing is known of these codes.
    let unknown = LotAndDates::default();
    assert!(!link_contradicts("https://e.example/01/19506000134359/10/A/21/AbC12345?17=271231", &unknown));
    assert!(!join_key_contradicts("(01)19506000134359(10)A(21)AbC12345", &unknown));
}

/// The characters of AI 10.
const LOT: &str = "[!\"%-?A-Z_a-z]{1,20}";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Each lot that is accepted is the only reading of what is rendered with it.
    #[test]
    fn every_lot_is_read_back_from_link_and_element_string(lot in LOT, other in LOT) {
        let known = |lot: &str| LotAndDates { lot: Some(lot.to_owned()), ..all() };
        prop_assume!(check_lot(&lot).is_ok());
        let spec = spec("sgtin#19506000134359#8", CharacterSet::Hex);
        let code = renderer(&spec, &with(known(&lot), Some("k=v"))).code(5).unwrap();
        prop_assert!(!link_contradicts(&code.digital_link, &known(&lot)));
        prop_assert!(!join_key_contradicts(&code.element_string, &known(&lot)));
        if lot != other {
            prop_assert!(link_contradicts(&code.digital_link, &known(&other)));
            prop_assert!(join_key_contradicts(&code.element_string, &known(&other)));
        }
        let found = [by_digital_link(&code.digital_link), by_join_key(&code.element_string)];
        for candidates in found {
            prop_assert_eq!(candidates.len(), 1);
            prop_assert_eq!(&candidates[0].varying, &code.code);
        }
    }
}
