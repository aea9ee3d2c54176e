//! Mistakes in profiles: each is reported with its place and with what would be right.

use serde_json::{Value, json};

use crate::export::profile::{MAX_CANONICAL, Profile, check_own_name};
use crate::reservation::ProfileName;

/// A profile without mistakes, with these members instead of its own; null removes one.
fn with(base: &str, more: Value) -> Value {
    let mut document = match base {
        "delimited" => json!({"columns": [{"name": "c", "source": "code"}]}),
        "fixed" => json!({"columns": [{"source": "code", "width": 20}]}),
        "lines" => json!({"line": "{code}"}),
        _ => json!({"row": "{code}\n"}),
    };
    let members = document.as_object_mut().unwrap();
    members.extend([
        ("name".to_owned(), json!("my-printer")),
        ("extension".to_owned(), json!("txt")),
        ("base".to_owned(), json!(base)),
    ]);
    for (name, value) in more.as_object().unwrap() {
        members.insert(name.clone(), value.clone());
    }
    document
}

#[test]
fn every_mistake_is_named_with_its_place_and_what_would_be_right() {
    let column = |more: Value| json!({"columns": [more]});
    let cases: Vec<(&str, Value, &str, &str)> = vec![
        ("lines", json!({"name": null}), "name", "missing"),
        ("lines", json!({"name": 7}), "name", "a text is needed, not a number; put it in quotes"),
        ("lines", json!({"name": "My Printer"}), "name", "lower-case letter"),
        ("lines", json!({"name": "csv"}), "name", "not that of a built-in format"),
        ("lines", json!({"extension": null}), "extension", "missing"),
        ("lines", json!({"extension": ".txt"}), "extension", "without a leading dot"),
        ("lines", json!({"extension": "txt.gz"}), "extension", "without gz"),
        ("lines", json!({"media_type": "text"}), "media_type", "text/csv"),
        ("lines", json!({"media_type": "text/plain; charset=x"}), "media_type", "without parameters"),
        ("lines", json!({"description": "x".repeat(256)}), "description", "255 at most"),
        ("lines", json!({"base": null}), "base", "delimited, fixed, lines, template"),
        ("lines", json!({"base": "excel"}), "base", "\"excel\" is not one of delimited"),
        ("lines", json!({"encoding": "latin1"}), "encoding", "utf-8, utf-16le, iso-8859-1, windows-1252"),
        ("lines", json!({"encoding": "iso-8859-1", "byte_order_mark": true}), "byte_order_mark", "no byte order mark"),
        ("lines", json!({"byte_order_mark": "yes"}), "byte_order_mark", "true or false is needed, not a text"),
        ("lines", json!({"line_end": "cr"}), "line_end", "lf, crlf"),
        ("lines", json!({"colums": []}), "colums", "no such member; the members are name, "),
        ("lines", json!({"delimiter": ";"}), "delimiter", "belongs to delimited"),
        ("lines", json!({"line": null}), "line", "missing"),
        ("lines", json!({"line": "x"}), "line", "{digital_link}"),
        ("lines", json!({"line": "{code"}), "line", "no closing brace"),
        ("lines", json!({"line": "code}"}), "line", "no opening one"),
        ("lines", json!({"line": "{codes}"}), "line", "\"codes\" is no source; the sources are position"),
        ("lines", json!({"line": "{code}\n"}), "line", "line break"),
        ("lines", json!({"line": ["{code}"]}), "line", "a text is needed, not a list"),
        (
            "lines",
            json!({"line": "€{code}", "encoding": "iso-8859-1"}),
            "line",
            "iso-8859-1 has no character '€' (U+20AC)",
        ),
        ("lines", json!({"line": "a\u{0}{code}"}), "line", "U+0000"),
        ("lines", json!({"escape": "html"}), "escape", "none, xml, json, csv, zpl"),
        ("lines", json!({"max_rows": 0}), "max_rows", "1 to 2147483647"),
        ("lines", json!({"barcode": "fnc1"}), "barcode", "members with names"),
        ("lines", json!({"barcode": {"fnc": "~1"}}), "barcode.fnc", "fnc1, start, doubled"),
        ("lines", json!({"barcode": {"fnc1": ""}}), "barcode.fnc1", "must not be empty"),
        ("lines", json!({"barcode": {"fnc1": "\n"}}), "barcode.fnc1", "control character"),
        ("lines", json!({"barcode": {"fnc1": "\u{1}"}}), "barcode.fnc1", "control character"),
        ("lines", json!({"barcode": {"fnc1": "1"}}), "barcode.fnc1", "cannot be told from a code"),
        ("lines", json!({"barcode": {"start": "]d1"}}), "barcode.start", "none, fnc1, ]C1"),
        ("lines", json!({"barcode": {"doubled": "__"}}), "barcode.doubled", "one character"),
        ("lines", json!({"barcode": {"doubled": "1"}}), "barcode.doubled", "letters and digits"),
        (
            "lines",
            json!({"defaults": {"code": "x"}}),
            "defaults.code",
            "only reference_id, purchase_order, organisation_name",
        ),
        ("lines", json!({"defaults": {"lot_number": "x"}}), "defaults.lot_number", "is no source"),
        ("lines", json!({"defaults": {"reference_id": 7}}), "defaults.reference_id", "put it in quotes"),
        ("lines", json!({"line": "{barcode_data}", "escape": "xml"}), "line", "barcode.fnc1"),
        (
            "lines",
            json!({"line": "{barcode_data}", "escape": "xml", "barcode": {"fnc1": "\u{1d}"}}),
            "line",
            "barcode.fnc1",
        ),
        ("lines", json!({"line": "{row_count}"}), "line", "{digital_link}"),
        ("lines", json!({"extension": "gz.txt"}), "extension", "without gz"),
        ("lines", json!({"extension": "tgz"}), "extension", "without gz"),
        (
            "fixed",
            json!({"columns": vec![json!({"source": "code", "width": 4000}); 17]}),
            "columns",
            "68000 characters wide; 65536 at most",
        ),
        ("delimited", json!({"columns": null}), "columns", "missing"),
        ("delimited", json!({"columns": []}), "columns", "an empty one"),
        ("delimited", json!({"columns": {"name": "c"}}), "columns", "a list of columns is needed, not an object"),
        ("delimited", json!({"columns": ["code"]}), "columns[0]", "members with names"),
        ("delimited", column(json!({"source": "code"})), "columns[0].name", "missing"),
        ("delimited", column(json!({"name": "c"})), "columns[0]", "source, constant or text"),
        (
            "delimited",
            column(json!({"name": "c", "source": "code", "text": "x"})),
            "columns[0]",
            "source, text; one of them",
        ),
        ("delimited", column(json!({"name": "c", "source": "Code"})), "columns[0].source", "\"Code\" is no source"),
        ("delimited", column(json!({"name": "c", "source": "code", "width": 5})), "columns[0].width", "base fixed"),
        ("delimited", column(json!({"name": "c", "constant": 12})), "columns[0].constant", "put it in quotes"),
        (
            "delimited",
            column(json!({"name": "c", "sauce": "code"})),
            "columns[0].sauce",
            "the members are name, source",
        ),
        (
            "delimited",
            json!({"columns": [{"name": "c", "source": "code"}, {"name": "c", "source": "serial"}]}),
            "columns[1].name",
            "already",
        ),
        ("delimited", json!({"delimiter": ",,"}), "delimiter", "one character"),
        ("delimited", json!({"delimiter": "x"}), "delimiter", "must not be a letter"),
        ("delimited", json!({"delimiter": "\""}), "delimiter", "a quotation mark"),
        ("delimited", json!({"quoting": "some"}), "quoting", "minimal, all, text, none"),
        ("delimited", json!({"header": "yes"}), "header", "true or false"),
        (
            "delimited",
            json!({"quoting": "none", "columns": [{"name": "c", "constant": "a,b"}]}),
            "columns[0].constant",
            "choose another quoting than none",
        ),
        (
            "delimited",
            json!({"encoding": "windows-1252", "columns": [{"name": "Ω", "source": "code"}]}),
            "columns[0].name",
            "windows-1252 has no character 'Ω'",
        ),
        ("fixed", column(json!({"source": "code"})), "columns[0].width", "missing"),
        ("fixed", column(json!({"source": "code", "width": 0})), "columns[0].width", "1 to 4000"),
        ("fixed", column(json!({"source": "code", "width": "5"})), "columns[0].width", "a whole number"),
        ("fixed", column(json!({"constant": "abc", "width": 2})), "columns[0].constant", "the column is 2 wide"),
        ("fixed", column(json!({"source": "code", "width": 9, "pad": "ab"})), "columns[0].pad", "one character"),
        ("fixed", column(json!({"source": "code", "width": 9, "pad": "é"})), "columns[0].pad", "ASCII"),
        ("fixed", column(json!({"source": "code", "width": 9, "align": "centre"})), "columns[0].align", "left, right"),
        ("fixed", column(json!({"text": "n{position}", "width": 9})), "columns[0].text", "must be alone"),
        (
            "fixed",
            json!({"header": true, "columns": [{"name": "number", "source": "code", "width": 3}]}),
            "columns[0].name",
            "6 characters, and the column is 3 wide",
        ),
        ("fixed", column(json!({"constant": "a\nb", "width": 5})), "columns[0].constant", "line break"),
        ("template", json!({"row": null}), "row", "missing"),
        ("template", json!({"row": []}), "row", "no text"),
        ("template", json!({"row": "label\n"}), "row", "{code}"),
        ("template", json!({"row": ["{code}", "{serials}"]}), "row[1]", "is no source"),
        ("template", json!({"header": "{code}"}), "header", "differs from row to row"),
        ("template", json!({"footer": "{position}"}), "footer", "differs from row to row"),
        ("template", json!({"rows_per_block": 21}), "rows_per_block", "1 to 20"),
        ("template", json!({"row": ["{code}", "{code}"], "rows_per_block": 3}), "rows_per_block", "row has 2 texts"),
        ("template", json!({"block_header": "["}), "block_header", "rows_per_block to 2"),
        ("template", json!({"escape": "xml", "row": "<a>{barcode_data}</a>"}), "row", "XML cannot hold"),
        ("template", json!({"escape": "xml", "header": "\u{1b}"}), "header", "XML cannot hold the character U+001B"),
        (
            "template",
            json!({"row": format!("{{code}}{}", "x".repeat(4_000)), "rows_per_block": 20}),
            "rows_per_block",
            "80000 characters without their slots; 65536 at most",
        ),
        (
            "template",
            json!({"row": format!("{{code}}{}", "x".repeat(4_000)), "rows_per_block": 10, "encoding": "utf-16le"}),
            "rows_per_block",
            "32768 at most",
        ),
        ("lines", json!({"epc": {"filter": 2}}), "epc", "nothing shows a tag"),
        ("lines", json!({"epc": {"scheme": "sscc-96"}, "line": "{code} {epc_bank}"}), "epc", "nothing shows a tag"),
        ("lines", json!({"epc": {"scheme": "giai-96"}, "line": "{epc_hex}"}), "epc.scheme", "use giai-202"),
        ("lines", json!({"epc": {"scheme": "gdti-96"}, "line": "{epc_tag_uri}"}), "epc.scheme", "use gdti-174"),
        ("lines", json!({"epc": {"scheme": "itip-110"}, "line": "{epc_hex}"}), "epc.scheme", "use itip-212"),
        (
            "lines",
            json!({"epc": {"scheme": "sgcn-96"}, "line": "{epc_hex} {gtin}"}),
            "epc.scheme",
            "sgcn-96 is a scheme for codes of type sgcn, and these do not have gtin",
        ),
        (
            "lines",
            json!({"epc": {"scheme": "giai-202"}, "line": "{epc_hex} {serial}"}),
            "epc.scheme",
            "these do not have serial",
        ),
    ];
    assert!(cases.len() >= 40);
    for (base, more, path, part) in cases {
        let document = with(base, more);
        let mistakes = Profile::read(&document).unwrap_err();
        let found = mistakes.iter().any(|mistake| mistake.path == path && mistake.message.contains(part));
        assert!(found, "{document}: {path}: …{part}… is not among {mistakes:?}");
        assert!(mistakes.iter().all(|mistake| !mistake.message.is_empty()), "{mistakes:?}");
    }
}

#[test]
fn every_scheme_that_fits_some_reservation_is_accepted() {
    use crate::code::EpcScheme;
    for scheme in EpcScheme::ALL {
        let document = with("lines", json!({"line": "{epc_hex}", "epc": {"scheme": scheme.as_str(), "filter": 0}}));
        let never = matches!(scheme, EpcScheme::Giai96 | EpcScheme::Gdti96 | EpcScheme::Itip110);
        assert_eq!(Profile::read(&document).is_err(), never, "{scheme}");
    }
}

#[test]
fn what_is_no_object_or_no_json_is_one_mistake() {
    for document in [json!(7), json!([]), json!("x"), Value::Null] {
        let mistakes = Profile::read(&document).unwrap_err();
        assert_eq!((mistakes.len(), mistakes[0].path.as_str()), (1, ""));
    }
    let mistakes = Profile::parse("{\n \"name\": x}").unwrap_err();
    assert!(mistakes[0].to_string().contains("line 2"), "{mistakes:?}");
}

#[test]
fn all_mistakes_are_found_at_once() {
    let document =
        json!({"name": "A", "extension": "", "base": "delimited", "quoting": "x", "columns": [{}, {"name": "a"}]});
    let paths: Vec<String> = Profile::read(&document).unwrap_err().into_iter().map(|mistake| mistake.path).collect();
    assert_eq!(paths, ["name", "extension", "quoting", "columns[0].name", "columns[0]", "columns[1]"]);
}

#[test]
fn a_profile_has_8_kilobytes_at_most() {
    let long = |count: usize| with("template", json!({"header": "x".repeat(count)}));
    let overhead = Profile::read(&long(1)).unwrap().canonical().len() - 1;
    assert!(Profile::read(&long(MAX_CANONICAL - overhead)).is_ok());
    let mistakes = Profile::read(&long(MAX_CANONICAL - overhead + 1)).unwrap_err();
    assert!(mistakes[0].message.contains("8193 bytes as JSON; 8192 at most"), "{mistakes:?}");
}

#[test]
fn the_names_of_built_in_profiles_are_not_for_operators() {
    let name = |text| ProfileName::parse(text).unwrap();
    assert!(check_own_name(name("my-printer")).is_ok());
    let mistake = check_own_name(name("excel")).unwrap_err();
    assert!(mistake.path == "name" && mistake.message.contains("built-in profile (excel, "), "{mistake}");
}
