//! Look-up of rendered codes: their namespaces and indexes.

use super::*;
use crate::code::{Candidate, by_code, by_digital_link, by_join_key};

/// The index that the candidates lead to if only this pool exists.
fn index(candidates: &[Candidate], spec: &PoolSpec) -> Option<u64> {
    let mut found = candidates.iter().filter(|candidate| candidate.namespace == spec.namespace);
    let candidate = found.next()?;
    assert!(found.next().is_none(), "one candidate for a namespace");
    permutation(spec).index_of(&candidate.varying)
}

#[test]
fn every_form_of_every_code_leads_back_to_its_index() {
    let options = RenderOptions {
        short_code_domain: Some("https://go.example.com/x".to_owned()),
        url_suffix: Some("src=/01/label".to_owned()),
        ..RenderOptions::default()
    };
    for spec in every_pool() {
        let renderer = renderer(&spec, &options);
        for at in [0, 1, spec.capacity() / 2, spec.capacity() - 1] {
            let code = renderer.code(at).unwrap();
            let product = spec.namespace.product();
            assert_eq!(index(&by_code(&code.code, product.as_deref()), &spec), Some(at));
            assert_eq!(index(&by_digital_link(&code.digital_link), &spec), Some(at), "{}", code.digital_link);
            if spec.code_type != CodeType::ShortCode {
                assert_eq!(index(&by_join_key(&code.epc_join_key), &spec), Some(at));
            }
        }
    }
}

#[test]
fn scheme_host_path_before_and_query_do_not_matter() {
    let expected = by_digital_link("https://id.gs1.org/01/19506000134359/21/AbC12345");
    assert_eq!(
        expected,
        [Candidate { namespace: "sgtin#19506000134359#8".parse().unwrap(), varying: "AbC12345".to_owned() }]
    );
    for link in [
        "http://example.com:8080/any/path/01/19506000134359/21/AbC12345?x=1&y=/00/1#part",
        "https://id.gs1.org/01/19506000134359/21/AbC12345/",
        "https://id.gs1.org/01/19506000134359/21/AbC12345/?x=1",
        "id.gs1.org/01/19506000134359/21/AbC12345",
        "/01/19506000134359/21/AbC12345",
        "01/19506000134359/21/AbC12345",
        "https://id.gs1.org/01/19506000134359/21/%41bC1234%35",
    ] {
        assert_eq!(by_digital_link(link), expected, "{link}");
    }
}

#[test]
fn the_parts_of_a_component_identifier_are_decoded() {
    let expected = [Candidate { namespace: "cpi#9506000A/1#B-2#7".parse().unwrap(), varying: "1234567".to_owned() }];
    assert_eq!(by_digital_link("https://id.gs1.org/8010/9506000A%2F1%23B-2/8011/1234567"), expected);
    assert_eq!(by_join_key("(8010)9506000A/1#B-2(8011)1234567"), expected);
}

#[test]
fn keys_with_a_prefix_are_looked_up_under_every_prefix_length() {
    let lengths = |candidates: Vec<Candidate>| -> Vec<usize> {
        candidates.iter().map(|candidate| candidate.namespace.key.len()).collect()
    };
    assert_eq!(lengths(by_join_key("(00)106141412345678908")), Vec::from_iter(4..=12));
    assert_eq!(lengths(by_join_key("(8018)106141412345678908")), Vec::from_iter(4..=12));
    // The reference has at least six characters, and everything before it is digits.
    assert_eq!(lengths(by_join_key("(8004)9506000123456")), [4, 5, 6, 7]);
    assert_eq!(lengths(by_join_key("(8004)950600ABCDEFGH")), [4, 5, 6]);
    // A bare code may be any of the types without products.
    let candidates = by_code("106141412345678908", None);
    let count = |code_type| candidates.iter().filter(|candidate| candidate.namespace.code_type == code_type).count();
    assert_eq!((count(CodeType::Sscc), count(CodeType::Gsrn), count(CodeType::Giai)), (9, 9, 9));
    assert_eq!(count(CodeType::ShortCode), 1);
}

#[test]
fn malformed_codes_have_no_candidates() {
    for link in [
        "",
        "/",
        "https://",
        "https://AbC12345",
        "AbC12345",
        "https://id.gs1.org/01/19506000134/21/AbC12345",
        "https://id.gs1.org/01/19506000134359/21/AbC12345//",
        "https://id.gs1.org/01/19506000134359/21/AbC-2345",
        "https://id.gs1.org/01/19506000134359/21/AbC1",
        "https://id.gs1.org/00/106141412345678900",
        "https://id.gs1.org/00/10614141234567890",
        "https://id.gs1.org/8003/19506000134352ABCDEF",
        "https://id.gs1.org/253/%39%ff",
        "https://go.example.com/AbC%2F345",
    ] {
        assert_eq!(by_digital_link(link), [], "{link}");
    }
    for key in [
        "",
        "(",
        "()",
        "(01)19506000134359",
        "01195060001343592112345678",
        "(01)19506000134359(10)AbC12345",
        "(00)106141412345678900",
        "(21)AbC12345",
        "(8004)AB06000123456",
        "(253)9506000134352",
    ] {
        assert_eq!(by_join_key(key), [], "{key}");
    }
    for code in ["", "AbC", "AbC 2345", "ÄbC12345", "0123456789012345678901234567890"] {
        assert_eq!(by_code(code, Some("/01/19506000134359")), [], "{code}");
    }
    // A malformed product does not exclude the types without products.
    assert_eq!(by_code("AbC12345", Some("/01/1")).len(), 1);
}

#[test]
fn what_no_index_has_is_not_found() {
    for spec in every_pool() {
        let permutation = permutation(&spec);
        let good = permutation.varying(0).unwrap();
        assert_eq!(permutation.index_of(&good), Some(0));
        for bad in [
            String::new(),
            format!("{good}0"),
            good[1..].to_owned(),
            good.replace(|_: char| true, "!"),
            good.replace(|_: char| true, "I").replacen('I', "O", 1),
        ] {
            let found = permutation.index_of(&bad);
            // `IO…` is a valid serial in the alphanumeric set.
            if spec.character_set != CharacterSet::Alphanumeric || bad.len() != good.len() {
                assert_eq!(found, None, "{bad} in {}", spec.namespace);
            }
        }
    }
    // An incorrect check digit, and numbers just outside the range of a 96-bit tag.
    let sscc = permutation(&spec("sscc#9506000#18", CharacterSet::Numeric));
    let good = sscc.varying(77).unwrap();
    for digit in '0'..='9' {
        let text = format!("{}{digit}", &good[..good.len() - 1]);
        assert_eq!(sscc.index_of(&text), (text == good).then_some(77));
    }
    let rfid96 = permutation(&spec("sgtin#19506000134359#12", CharacterSet::Rfid96));
    for (text, exists) in [
        ("099999999999", false),
        ("100000000000", true),
        ("274877906943", true),
        ("274877906944", false),
        ("999999999999", false),
    ] {
        assert_eq!(rfid96.index_of(text).is_some(), exists, "{text}");
    }
    let cpi = permutation(&spec("cpi#9506000A1#7", CharacterSet::Numeric));
    assert_eq!(cpi.index_of("0999999"), None);
    assert!(cpi.index_of("1000000").is_some());
    assert!(cpi.index_of("9999999").is_some());
}
