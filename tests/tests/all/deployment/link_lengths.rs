//! The table of the lengths of links in docs/codes.md is what the renderer writes.

use std::fs;

use common::{
    code::{CodeRequest, CodeType, Field, PoolSpec, RenderOptions, Renderer, Secret, SerialDefaults},
    config::DEFAULT_DOMAIN,
};

use crate::support::repository::root;

/// Maximum length of an identifier in EN 18219.
const MOST: usize = 70;

/// The keys of a row: those of its shortest, default and longest links.
struct Keys {
    name: &'static str,
    code_type: CodeType,
    /// The products, or the company prefixes of types without products.
    keys: [&'static str; 3],
}

const fn keys(name: &'static str, code_type: CodeType, keys: [&'static str; 3]) -> Keys {
    Keys { name, code_type, keys }
}

/// One row for each type, and one more for the characters of a part that links have to encode.
const ROWS: [Keys; 11] = [
    keys("`sgtin`", CodeType::Sgtin, ["/01/09506000134352"; 3]),
    keys("`sscc`", CodeType::Sscc, ["9506", "9506000", "950600013435"]),
    keys("`grai`", CodeType::Grai, ["/8003/09506000134352"; 3]),
    keys("`short_code`", CodeType::ShortCode, [""; 3]),
    keys("`giai`", CodeType::Giai, ["9506", "9506000", "9506000134"]),
    keys("`gsrn`", CodeType::Gsrn, ["9506", "9506000", "950600013435"]),
    keys("`gdti`", CodeType::Gdti, ["/253/9506000134352"; 3]),
    keys("`itip`", CodeType::Itip, ["/8006/095060001343520102"; 3]),
    keys("`cpi`", CodeType::Cpi, ["/8010/9506A", "/8010/9506000ABC", "/8010/9506000ABC9506000ABC9506000ABC"]),
    keys(
        "`cpi`, all characters encoded",
        CodeType::Cpi,
        ["/8010/9506#", "/8010/9506######", "/8010/9506//////////////////////////"],
    ),
    keys("`sgcn`", CodeType::Sgcn, ["/255/9506000134352"; 3]),
];

/// Characters behind the domain of the links with this key and length of the serial; the default length without one.
fn length(code_type: CodeType, key: &str, serial: Option<u8>) -> usize {
    let request = CodeRequest {
        code_type,
        product: code_type.needs_product().then_some(key),
        company_prefix: code_type.needs_company_prefix().then_some(key),
        length: serial,
        character_set: None,
    };
    let spec = PoolSpec::resolve(&request, &SerialDefaults::default(), false).unwrap();
    let options = RenderOptions { short_code_domain: Some(DEFAULT_DOMAIN.to_owned()), ..RenderOptions::default() };
    let secret = Secret::new(&[7; 32]).unwrap();
    let renderer = Renderer::new(&spec, &secret.pool_key(&spec.namespace), &options).unwrap();
    renderer.length(Field::DigitalLink) - DEFAULT_DOMAIN.len()
}

fn row(row: &Keys) -> String {
    let Keys { name, code_type, keys: [least, usual, most] } = row;
    let shortest = length(*code_type, least, Some(code_type.min_length()));
    let usual = length(*code_type, usual, None);
    let longest = length(*code_type, most, Some(code_type.max_length()));
    let with_default = match code_type {
        CodeType::ShortCode => "–".to_owned(),
        _ => (DEFAULT_DOMAIN.len() + longest).to_string(),
    };
    let domain = MOST.checked_sub(longest).map_or_else(|| "–".to_owned(), |left| left.to_string());
    format!("| {name} | {shortest} | {usual} | {longest} | {with_default} | {domain} |")
}

#[test]
fn the_documented_lengths_of_links_are_those_of_the_renderer() {
    let document = fs::read_to_string(root().join("docs/codes.md")).unwrap();
    let header =
        format!("| type | shortest | default | longest | longest with `{DEFAULT_DOMAIN}` | domain for {MOST} |");
    let (_, table) = document.split_once(&header).expect("the table of lengths");
    let written: Vec<_> = table.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    assert_eq!(written, ROWS.iter().map(row).collect::<Vec<_>>());
    assert!(CodeType::ALL.iter().all(|code_type| ROWS.iter().any(|row| row.code_type == *code_type)));
}
