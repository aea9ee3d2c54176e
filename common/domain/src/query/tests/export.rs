//! Lists as files.

use super::*;
use crate::query::ListFormat;
use crate::query::files::csv;
use crate::query::plan::Column;
use crate::reservation::{Disposition, content_disposition};

fn write(format: &str, data: Value) -> String {
    ListFormat::from_name(format).unwrap().write(&query(&format!("export={format}")).unwrap(), &data)
}

/// A table with these columns.
fn table(columns: &[&str], data: Value) -> String {
    let column = |name: &&str| Column::of(name.split('.').map(str::to_owned).collect());
    csv::write(&columns.iter().map(column).collect::<Vec<_>>(), &data)
}

#[test]
fn csv_quotes_texts_and_leaves_nulls_empty() {
    let rows = json!([{"a": "x\"y", "b": 1, "c": null}, {"a": null, "b": null, "c": null}, {"a": "", "b": true, "d": ["k", 1]}]);
    assert_eq!(
        table(&["a", "b", "c", "d"], rows),
        "\"a\",\"b\",\"c\",\"d\"\n\"x\"\"y\",1,,\n\"\",true,,\"[\"\"k\"\",1]\""
    );
    assert_eq!(table(&["a"], json!([{"a": "two\r\nlines, and a comma"}])), "\"a\"\n\"two\r\nlines, and a comma\"");
    assert!(write("csv_utf8", json!([])).starts_with("\u{feff}\"id\","));
    assert_eq!(
        table(&["u.name", "u.x"], json!([{"u": {"name": "A", "x": null}}, {"u": null}, {"u": {"x": 2}}])),
        "\"u.name\",\"u.x\"\n\"A\",\n,2"
    );
    assert_eq!(table(&["id"], json!({"id": 1})), "\"id\"\n1");
}

#[test]
fn no_cell_of_csv_is_taken_for_a_formula() {
    let cells = |text: &str| {
        let column = Column::of_member(text);
        csv::write(&[column], &json!([{ text: text }]))
    };
    for formula in [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\tx",
        "\rx",
        "\nx",
        "＝1",
        "＋1",
        "－1",
        "＠x",
        " =1",
        "'=1",
        "\u{a0}=1",
        "\u{feff}=1",
        "\u{0}=1",
        "-",
        "=\",\"=1",
    ] {
        let quoted = formula.replace('"', "\"\"");
        assert_eq!(cells(formula), format!("\"'{quoted}\"\n\"'{quoted}\""), "header and cell");
    }
    assert_eq!(cells("\"=1"), "\"'\"\"=1\"\n\"'\"\"=1\"");
    for text in ["a=1", "1-2", "a@b.example", "/01/1", "'x", " x", "2024-01-01", "", "*", "http://x/?a=b"] {
        assert_eq!(cells(text), format!("\"{text}\"\n\"{text}\""));
    }
    assert_eq!(table(&["a", "b", "c"], json!([{"a": -5, "b": "-5", "c": -0.5}])), "\"a\",\"b\",\"c\"\n-5,\"'-5\",-0.5");
    assert_eq!(table(&["u.=a"], json!([{"u": {"=a": ["=1"]}}])), "\"u.=a\"\n\"[\"\"=1\"\"]\"");
}

#[test]
fn an_element_of_xml_has_a_valid_name_whatever_the_members_name() {
    for (member, name) in
        [("a_1", "a_1"), ("1a", "_1a"), ("_", "_"), ("a b", "a_b"), ("a><b", "a__b"), ("é", "__"), ("", "_")]
    {
        assert_eq!(
            write("xml", json!({ member: 1 })),
            format!("<?xml version='1.0'?>\n<data>\n    <{name}>1</{name}>\n</data>")
        );
        assert!(write("xml", json!([{ member: ["x"] }])).contains(&format!("<{name}>x</{name}>")));
        assert!(write("xml", json!([{ member: {} }])).contains(&format!("<{name}/>")));
    }
}

#[test]
fn json_is_indented_by_tabs() {
    assert_eq!(write("json", json!([{"a": "é", "b": null}])), "[\n\t{\n\t\t\"a\": \"é\",\n\t\t\"b\": null\n\t}\n]");
    assert_eq!(write("json", json!([])), "[]");
}

#[test]
fn xml_has_an_element_for_each_row_and_member() {
    assert_eq!(write("xml", json!([])), "<?xml version='1.0'?>\n<data/>");
    assert_eq!(
        write("xml", json!([{"a": "<&>", "b": null, "u": {"n": 1}, "codes": ["x", "y"]}, {"a": ""}])),
        "<?xml version='1.0'?>\n<data>\n    <data>\n        <a>&lt;&amp;></a>\n        <b>null</b>\n        <u>\n            <n>1</n>\n        </u>\n        <codes>x</codes>\n        <codes>y</codes>\n    </data>\n    <data>\n        <a/>\n    </data>\n</data>"
    );
    assert_eq!(write("xml", json!({"a": 1})), "<?xml version='1.0'?>\n<data>\n    <a>1</a>\n</data>");
    assert_eq!(write("xml", json!([{"codes": ["", "x"]}])).matches("<codes").count(), 2);
    assert!(write("xml", json!([{"codes": ["", "x"]}])).contains("<codes/>\n        <codes>x</codes>"));
}

#[test]
fn a_text_in_xml_is_what_a_parser_reads() {
    let element = |text: &str| {
        let file = write("xml", json!({ "a": text }));
        file.lines().skip(2).collect::<Vec<_>>().join("\n").trim().trim_end_matches("</data>").trim_end().to_owned()
    };
    assert_eq!(element("two\nlines\tand a tab"), "<a>two\nlines\tand a tab</a>");
    assert_eq!(element("a\r\nb\rc"), "<a>a&#13;\nb&#13;c</a>", "a parser reads plain line ends as line feeds");
    assert_eq!(element(" kept "), "<a> kept </a>");
    assert_eq!(element("]]>"), "<a>]]&gt;</a>");
    for illegal in ['\0', '\u{1}', '\u{8}', '\u{b}', '\u{c}', '\u{1f}', '\u{fffe}', '\u{ffff}'] {
        assert_eq!(element(&format!("x{illegal}y")), "<a>x\u{fffd}y</a>", "{illegal:?}");
    }
    assert_eq!(element("\u{7f}\u{85}\u{2028}😀"), "<a>\u{7f}\u{85}\u{2028}😀</a>");
}

#[test]
fn yaml_quotes_what_could_be_something_else() {
    let line = |text: &str| write("yaml", json!([{"a": text}])).trim_end().to_owned();
    for plain in ["x", "a b", "/01/1", "a:b", "a#b", "a, b [c]", "1.2.3", "2024-01", "12:3x", "é中", "a'b", "it is"] {
        assert_eq!(line(plain), format!("- a: {plain}"));
    }
    for quoted in [
        "1",
        "1.5",
        "0x1F",
        "1_000",
        "true",
        "yes",
        "No",
        "null",
        "~",
        "2024-01-01",
        "2024-01-01T00:00:00.000Z",
        "- x",
        "?a",
        "a: b",
        "a #b",
        " a",
        "a ",
        "a:",
        "12:30:45",
        "#x",
        "@x",
        "%x",
        ".5",
        "1e5",
        "=",
        "*a",
        "&a",
        "!a",
        "{a",
        "[a",
        ",a",
    ] {
        assert_eq!(line(quoted), format!("- a: '{quoted}'"));
    }
    assert_eq!(line(""), "- a: ''");
    assert_eq!(line("it's: x"), "- a: 'it''s: x'");
    assert_eq!(line("tab\there"), "- a: \"tab\\there\"");
}

#[test]
fn yaml_writes_long_and_broken_texts_as_blocks() {
    let line = |text: &str| write("yaml", json!([{"a": text, "b": 1}]));
    assert_eq!(line("one\ntwo"), "- a: |-\n    one\n    two\n  b: 1\n");
    assert_eq!(line("one\n"), "- a: |\n    one\n  b: 1\n");
    assert_eq!(line("one\n\n"), "- a: |+\n    one\n\n  b: 1\n");
    let long = "word ".repeat(20);
    let folded = line(long.trim_end());
    assert!(folded.starts_with("- a: >-\n    word word"), "{folded}");
    assert!(folded.lines().all(|l| l.len() <= 80), "{folded}");
}

#[test]
fn yaml_nests_lists_and_objects() {
    assert_eq!(
        write("yaml", json!([{"id": 1, "u": {"name": null}, "codes": ["x", "y"], "none": []}])),
        "- id: 1\n  u:\n    name: null\n  codes:\n    - x\n    - 'y'\n  none: []\n"
    );
    assert_eq!(write("yaml", json!([])), "[]\n");
}

#[test]
fn an_attachment_is_named_after_collection_and_time() {
    let format = query("export=csv_utf8").unwrap().export.unwrap();
    assert_eq!(
        content_disposition(Disposition::Attachment, &format.file_name("code_reservation", now())),
        "attachment; filename=\"code_reservation 20250331-120000.csv\""
    );
    assert_eq!(format.content_type(), "text/csv; charset=utf-8");
}
