//! No input makes the parsers panic, and every accepted text is written back unchanged.

use super::*;
use crate::code::{
    Candidate, CompanyPrefix, by_code, by_digital_link, by_join_key, check_digit, has_check_digit, prefixes_conflict,
    product_key, validate_request,
};

/// The pieces of the generated texts: parts of valid ones, and text that breaks careless parsers.
const PIECES: [&str; 64] = [
    "/",
    "//",
    "://",
    "https://id.gs1.org",
    "go.example.com",
    "?",
    "#",
    "&",
    "=",
    "(",
    ")",
    "()",
    "(01)",
    "(21)",
    "(00)",
    "(8003)",
    "(8004)",
    "(8018)",
    "(253)",
    "(8006)",
    "(8010)",
    "(8011)",
    "(255)",
    "/01/",
    "/21/",
    "/00/",
    "/8003/",
    "/8004/",
    "/8018/",
    "/253/",
    "/8006/",
    "/8010/",
    "/8011/",
    "/255/",
    "19506000134359",
    "9506000134352",
    "09506000134352",
    "106141412345678908",
    "195060001343590102",
    "9506000A/1#B-2",
    "9506",
    "9506000",
    "950600013435",
    "AbC12345",
    "123456",
    "0",
    "1",
    "9",
    "A",
    "z",
    "-",
    "+8",
    "#8",
    "#18",
    "%",
    "%2F",
    "%ff",
    "%C3%A9",
    "é",
    "٣",
    "\0",
    "\u{10ffff}",
    "sgtin#",
    "short_code#deployment#",
];

/// Valid texts; one change makes them almost valid.
const WHOLE: [&str; 12] = [
    "https://id.gs1.org/01/19506000134359/21/AbC12345?x=y",
    "https://id.gs1.org/00/106141412345678908",
    "https://id.gs1.org/8010/9506000A%2F1%23B-2/8011/1234567",
    "https://go.example.com/AbC12345",
    "(8006)195060001343590102(21)AbC12345",
    "(8003)09506000134352AbC12345",
    "(8018)106141412345678908",
    "/01/19506000134359",
    "/8006/195060001343590102",
    "cpi#9506000A/1#B-2#7",
    "sscc#9506000#18",
    "giai#950600013435#18",
];

fn text(cases: &mut Cases) -> String {
    let mut text = String::new();
    if cases.below(3) == 0 {
        text.push_str(WHOLE[cases.below(WHOLE.len())]);
    } else {
        for _ in 0..cases.below(7) {
            text.push_str(PIECES[cases.below(PIECES.len())]);
        }
    }
    // Sometimes the text is cut or one character is replaced.
    match cases.below(4) {
        0 => {
            let end = (0..=cases.below(text.len() + 1)).rev();
            let end = end.clone().find(|end| text.is_char_boundary(*end));
            text.truncate(end.unwrap_or(0));
        }
        1 => {
            let at = cases.below(text.chars().count() + 1);
            let letter = char::from_u32(u32::try_from(cases.next() % 0x300).unwrap());
            text = text.chars().enumerate().map(|(place, old)| letter.filter(|_| place == at).unwrap_or(old)).collect();
        }
        _ => {}
    }
    text
}

#[test]
fn a_million_texts_are_parsed_without_panic() {
    let mut cases = Cases(2);
    let (mut candidates, mut products, mut namespaces) = (0, 0, 0);
    for round in 0..1_000_000 {
        let text = text(&mut cases);
        let code_type = CodeType::ALL[round % CodeType::ALL.len()];

        if let Ok(product) = product_key(code_type, &text, round % 2 == 0) {
            assert_eq!(product.path(), text);
            products += 1;
        }
        if let Ok(namespace) = text.parse::<Namespace>() {
            assert_eq!(namespace.to_string(), text);
            namespaces += 1;
        }
        if let Ok(prefix) = CompanyPrefix::parse(&text) {
            assert_eq!(prefix.as_str(), text);
        }
        if let Ok(code_type) = text.parse::<CodeType>() {
            assert_eq!(code_type.as_str(), text);
        }
        assert!(text.parse::<CharacterSet>().is_err());
        if has_check_digit(&text) {
            let (body, _) = text.split_at(text.len() - 1);
            assert!(text.ends_with(check_digit(body).unwrap()));
        }
        if prefixes_conflict(&text, PREFIX) {
            assert!(text.starts_with(PREFIX) || PREFIX.starts_with(&text));
        }

        let found = by_digital_link(&text)
            .into_iter()
            .chain(by_join_key(&text))
            .chain(by_code(&text, Some(&text)))
            .chain(by_code("AbC12345", Some(&text)));
        for candidate in found {
            let Candidate { namespace, varying } = candidate;
            assert_eq!(namespace.to_string().parse::<Namespace>().unwrap(), namespace);
            assert!(varying.len() <= 20);
            candidates += 1;
        }
        let request = CodeRequest {
            code_type,
            product: Some(&text),
            company_prefix: Some(&text),
            length: Some(cases.next().to_le_bytes()[0]),
            character_set: Some(CharacterSet::ALL[round % 5]),
        };
        let errors = validate_request(&request, &SerialDefaults::default(), false);
        let resolved = PoolSpec::resolve(&request, &SerialDefaults::default(), false);
        assert!(errors.is_empty() || resolved.is_err());
    }
    // The generated texts are close enough to valid ones that every parser gets past its first step.
    assert!(candidates > 10_000, "{candidates}");
    assert!(products > 1_000, "{products}");
    assert!(namespaces > 10_000, "{namespaces}");
}

#[test]
fn permutations_and_renderers_take_any_number_and_text() {
    let mut cases = Cases(3);
    for spec in every_pool() {
        let options = RenderOptions {
            digital_link_domain: text(&mut cases),
            short_code_domain: Some(text(&mut cases)),
            company_prefix: None,
            url_suffix: Some(text(&mut cases)),
            lot_and_dates: LotAndDates::default(),
        };
        let renderer = renderer(&spec, &options);
        for _ in 0..20 {
            let index = cases.next() >> cases.below(64);
            let code = renderer.code(index);
            assert_eq!(code.is_ok(), u128::from(index) < spec.space());
            assert_eq!(renderer.permutation().varying(index).is_some(), code.is_ok());
            let varying = text(&mut cases);
            if let Some(index) = renderer.permutation().index_of(&varying) {
                assert_eq!(renderer.permutation().varying(index), Some(varying));
            }
            let quantity = cases.next();
            assert_eq!(
                spec.fits(index, quantity),
                index.checked_add(quantity).is_some_and(|end| end <= spec.capacity())
            );
        }
    }
}

#[test]
fn specifications_that_do_not_fit_are_refused() {
    let good = spec("sgtin#19506000134359#8", CharacterSet::Hex);
    let key = secret().pool_key(&good.namespace);
    let mut bad = vec![];
    for length in [0, 5, 21, u8::MAX] {
        let mut spec = good.clone();
        spec.namespace.length = length;
        bad.push(spec);
    }
    for namespace_key in ["", "1", "19506000134359é"] {
        let mut spec = good.clone();
        spec.namespace.key = namespace_key.to_owned();
        bad.push(spec);
    }
    let mut spec = good.clone();
    spec.character_set = CharacterSet::Rfid96;
    bad.push(spec);
    for spec in bad {
        assert!(Permutation::new(&spec, &key).is_err(), "{spec:?}");
        assert!(Renderer::new(&spec, &key, &RenderOptions::default()).is_err());
    }
}
