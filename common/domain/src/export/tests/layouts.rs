//! The exact layout of every format, and the inputs that cannot be compiled.

use super::samples::{self, HEAD_ID, Sample};
use crate::code::CodeError;
use crate::export::{ExportError, FileHead, Format, Rows};

fn sample(name: &str) -> Sample {
    samples::all().into_iter().find(|sample| sample.name == name).unwrap()
}

fn head(sample: &Sample) -> FileHead<'static> {
    FileHead { reservation: HEAD_ID, code_type: sample.code_type }
}

fn text(sample: &Sample, format: Format) -> String {
    let rows = Rows::compile(format, sample.renderer.clone(), 40, 2, &head(sample)).unwrap();
    let mut out = Vec::new();
    rows.write(1..3, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn each_format_looks_as_documented() {
    let sample = sample("sgtin");
    let [a, b] = [40, 41].map(|index| sample.renderer.code(index).unwrap().code);
    assert_eq!((a.len(), a == b), (8, false));
    assert_eq!(
        text(&sample, Format::Csv),
        format!(
            "position,code,digital_link,element_string,epc_uri\n\
             1,{a},\"https://id.gs1.org/01/09506000134352/21/{a}?lot=A,1&who='me'\",(01)09506000134352(21){a},urn:epc:id:sgtin:9506000.013435.{a}\n\
             2,{b},\"https://id.gs1.org/01/09506000134352/21/{b}?lot=A,1&who='me'\",(01)09506000134352(21){b},urn:epc:id:sgtin:9506000.013435.{b}\n"
        )
    );
    assert_eq!(
        text(&sample, Format::Txt),
        format!(
            "https://id.gs1.org/01/09506000134352/21/{a}?lot=A,1&who='me'\n\
             https://id.gs1.org/01/09506000134352/21/{b}?lot=A,1&who='me'\n"
        )
    );
    let object = |position: u8, code: &str| {
        format!(
            "{{\"position\":{position},\"code\":\"{code}\",\
             \"digital_link\":\"https://id.gs1.org/01/09506000134352/21/{code}?lot=A,1&who='me'\",\
             \"element_string\":\"(01)09506000134352(21){code}\",\
             \"epc_uri\":\"urn:epc:id:sgtin:9506000.013435.{code}\"}}"
        )
    };
    assert_eq!(text(&sample, Format::Json), format!("[\n{},\n{}\n]\n", object(1, &a), object(2, &b)));
    assert_eq!(text(&sample, Format::Ndjson), format!("{}\n{}\n", object(1, &a), object(2, &b)));
    let mapping = |position: u8, code: &str| {
        format!(
            "- position: {position}\n  code: \"{code}\"\n  \
             digital_link: \"https://id.gs1.org/01/09506000134352/21/{code}?lot=A,1&who='me'\"\n  \
             element_string: \"(01)09506000134352(21){code}\"\n  \
             epc_uri: \"urn:epc:id:sgtin:9506000.013435.{code}\"\n"
        )
    };
    assert_eq!(text(&sample, Format::Yaml), mapping(1, &a) + &mapping(2, &b));
    let element = |position: u8, code: &str| {
        format!(
            "<code position=\"{position}\"><value>{code}</value>\
             <digital_link>https://id.gs1.org/01/09506000134352/21/{code}?lot=A,1&amp;who=&apos;me&apos;</digital_link>\
             <element_string>(01)09506000134352(21){code}</element_string>\
             <epc_uri>urn:epc:id:sgtin:9506000.013435.{code}</epc_uri></code>\n"
        )
    };
    assert_eq!(
        text(&sample, Format::Xml),
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <codes reservation=\"&lt;a&amp;&quot;b&apos;&gt;\" type=\"sgtin\">\n{}{}</codes>\n",
            element(1, &a),
            element(2, &b)
        )
    );
}

#[test]
fn a_short_code_without_a_domain_prints_the_code() {
    let sample = sample("short code");
    let [a, b] = [40, 41].map(|index| sample.renderer.code(index).unwrap().code);
    assert_eq!(text(&sample, Format::Txt), format!("{a}\n{b}\n"));
    assert_eq!(
        text(&sample, Format::Csv),
        format!("position,code,digital_link,element_string,epc_uri\n1,{a},,,\n2,{b},,,\n")
    );
}

#[test]
fn a_file_has_at_least_one_row_and_at_most_what_an_integer_of_the_api_holds() {
    let sample = sample("sgtin");
    let compile = |start_index, quantity| {
        Rows::compile(Format::Csv, sample.renderer.clone(), start_index, quantity, &head(&sample))
    };
    assert!(matches!(compile(0, 0), Err(ExportError::RowCount(0))));
    assert!(matches!(compile(0, 2_147_483_648), Err(ExportError::RowCount(2_147_483_648))));
    assert!(matches!(compile(u64::MAX, 1), Err(ExportError::RowCount(1))));
    assert!(matches!(compile(u64::MAX - 1, 1), Err(ExportError::Code(CodeError::OutOfRange))));
    assert_eq!(compile(0, 2_147_483_647).unwrap().quantity(), 2_147_483_647);
}

#[test]
fn what_some_format_cannot_carry_is_refused_by_all() {
    let sample = sample("sgtin");
    for format in Format::ALL {
        for character in ['\0', '\n', '\r', '\u{7F}', '\u{85}', '\u{2028}', '\u{FFFE}'] {
            let id = format!("id{character}");
            let head = FileHead { reservation: &id, code_type: sample.code_type };
            let refused = Rows::compile(format, sample.renderer.clone(), 0, 1, &head).unwrap_err();
            assert!(matches!(refused, ExportError::Character(named) if named == character), "{refused}");
        }
    }
}

#[test]
fn a_file_of_more_codes_than_its_pool_has_is_refused_before_it_is_begun() {
    // With a company prefix of 7 digits, the extension digit and a serial reference of 9 digits vary.
    let sample = sample("sscc");
    let space = 10_000_000_000;
    let compile = |start_index, quantity| {
        Rows::compile(Format::Csv, sample.renderer.clone(), start_index, quantity, &head(&sample))
    };
    let last_ten = compile(space - 10, 10).unwrap();
    let mut out = Vec::new();
    last_ten.write(1..11, &mut out).unwrap();
    assert_eq!(out.len() as u64, last_ten.total_len());
    assert!(matches!(compile(space - 10, 11), Err(ExportError::Code(CodeError::OutOfRange))));
}
