//! `admin profile`.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Operated, ran, valid};
use crate::support::{
    api::{id, sgtin, with},
    harness::completed,
    repository::root,
};

/// A folder with files of profiles.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path: PathBuf = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

const LABEL: &str =
    "# For the printer in hall 3.\nname: hall-3\nextension: txt\nbase: lines\nline: \"{code};{position}\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_stored_used_changed_and_removed() {
    let operated = Operated::start().await;
    let files = Files::new();
    let yaml = files.write("label.yaml", LABEL);
    let done = operated.json("profile_change", &["profile", "add", &yaml]).await;
    assert_eq!((&done["effect"], &done["name"]), (&json!("created"), &json!("hall-3")));
    let again = operated.json("profile_change", &["profile", "add", &yaml]).await;
    assert_eq!((&again["effect"], &again["sha256"]), (&json!("unchanged"), &done["sha256"]));

    let created = operated.running.api.post(&with(&sgtin(2), json!({ "export_type": "hall-3" }))).await;
    let item = completed(&operated.running.api, id(&created)).await;
    let bytes = operated.running.api.download(item["export_file"].as_str().unwrap()).await;
    assert!(String::from_utf8(bytes).unwrap().ends_with(";2\n"));

    let shown = operated.json("profile", &["profile", "show", "hall-3"]).await;
    let json = files.write("label.json", &shown["profile"].to_string());
    assert_eq!(operated.json("profile_change", &["profile", "add", &json]).await["effect"], "unchanged");
    let other = files.write("other.json", &shown["profile"].to_string().replace(';', "|"));
    let changed = operated.json("profile_change", &["profile", "add", &other]).await;
    assert_eq!(changed["effect"], "changed");
    assert_ne!(changed["sha256"], done["sha256"]);

    operated.done(&["organisation", "add", "A"]).await;
    operated.done(&["profile", "add", &yaml, "--organisation", "A"]).await;
    assert!(
        operated.ran(&["profile", "add", &yaml, "--organisation", "B"]).await.refused().contains("no organisation B")
    );
    let list = operated.json("profiles", &["profile", "list"]).await;
    let own: Vec<Value> = list.as_array().unwrap().iter().filter(|one| one["built_in"] == false).cloned().collect();
    let names: Vec<_> = own.iter().map(|one| (one["name"].clone(), one["organisation"].clone())).collect();
    assert_eq!(names, [(json!("hall-3"), Value::Null), (json!("hall-3"), json!("A"))]);
    assert!(operated.done(&["profile", "list"]).await.contains("excel-semicolon"));

    operated.ran(&["profile", "remove", "hall-3"]).await.wrong_use();
    let removed = operated.json("profile_change", &["profile", "remove", "hall-3", "--yes"]).await;
    assert_eq!(removed["effect"], "removed");
    assert!(operated.ran(&["profile", "show", "hall-3"]).await.refused().contains("no profile hall-3"));
    operated.ran(&["profile", "remove", "hall-3", "--yes"]).await.refused();
    operated.done(&["profile", "show", "hall-3", "--organisation", "A"]).await;
    // The file can still be written again, with the version with which it was made, and is found to be right.
    operated.running.api.patch(id(&created), &json!({ "status": "new" })).await;
    let item = completed(&operated.running.api, id(&created)).await;
    let bytes = operated.running.api.download(item["export_file"].as_str().unwrap()).await;
    assert!(String::from_utf8(bytes).unwrap().ends_with(";2\n"));
    operated.done(&["check"]).await;

    let audits = operated.json("audits", &["audit", "--action", "profile"]).await;
    let actions: Vec<_> = audits
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {}", one["action"].as_str().unwrap(), one["object"]))
        .collect();
    assert_eq!(
        actions,
        [
            "profile.remove \"profile hall-3\"",
            "profile.add \"profile hall-3 of A\"",
            "profile.add \"profile hall-3\"",
            "profile.add \"profile hall-3\"",
        ]
    );
    operated.running.stop().await;
}

#[tokio::test]
async fn check_and_preview_need_no_deployment() {
    let files = Files::new();
    let place = "/nowhere/at/all";
    let yaml = files.write("label.yml", LABEL);
    let checked = valid("profile_check", &ran(place, &["--json", "profile", "check", &yaml]).await.done());
    assert_eq!(checked["sources"], json!(["position", "code"]));
    assert!(ran(place, &["profile", "check", &yaml]).await.done().contains("hall-3"));
    let shown = ran(place, &["profile", "preview", &yaml, "--rows", "2", "--type", "sscc"]).await.done();
    assert!(shown.lines().count() == 2 && shown.ends_with(";2\n"), "{shown}");
    for name in common::reservation::BUILT_IN_PROFILES {
        let preview = valid("profile_preview", &ran(place, &["--json", "profile", "preview", name]).await.done());
        assert!(preview["text"].as_str().unwrap().contains("09506000134352"), "{preview}");
    }
    let labels = ran(place, &["profile", "preview", "pdf", "--rows", "1"]).await.done();
    assert!(labels.contains("/01/09506000134352/21/") && labels.contains("(01)09506000134352(21)"), "{labels}");
    let raw = ran(place, &["profile", "preview", "zpl", "--raw", "--rows", "1"]).await.done();
    assert!(raw.starts_with("^XA\n") && raw.ends_with("^XZ\n"), "{raw}");
    assert!(
        ran(place, &["profile", "preview", "zpl", "--type", "short_code"]).await.refused().contains("element_string")
    );
    let gs = files.write(
        "gs.json",
        r#"{"name":"gs","extension":"txt","base":"lines","line":"{barcode_data}","barcode":{"start":"fnc1"}}"#,
    );
    assert!(ran(place, &["profile", "preview", &gs]).await.done().starts_with("\\u{1d}01"));
    let excel = files.write("excel.yaml", &LABEL.replace("hall-3", "excel"));
    assert!(ran(place, &["profile", "check", &excel]).await.refused().contains("built-in profile"));
}

#[tokio::test]
async fn a_preview_has_the_codes_that_are_asked_for() {
    let files = Files::new();
    let tags = |scheme: &str| {
        let text = format!(
            "name: tags\nextension: txt\nbase: lines\nline: '{{epc_tag_uri}} {{code}}'\nepc:\n  scheme: {scheme}\n"
        );
        files.write(&format!("{scheme}.yaml"), &text)
    };
    let preview = async |scheme: &str, more: &[&str]| {
        let file = tags(scheme);
        ran("/nowhere", &[&["profile", "preview", &file, "--rows", "1"], more].concat()).await
    };
    assert!(preview("sgtin-96", &[]).await.refused().contains("use sgtin-198"));
    for (scheme, more, start, length) in [
        ("sgtin-96", &["--character-set", "rfid96"][..], "urn:epc:tag:sgtin-96:1.9506000.013435.", 12),
        ("grai-96", &["--type", "grai", "--character-set", "rfid96"], "urn:epc:tag:grai-96:0.9506000.12345.", 12),
        ("sgtin-198", &["--length", "20"], "urn:epc:tag:sgtin-198:1.9506000.013435.", 20),
        ("sgtin-198", &["--character-set", "numeric", "--length", "9"], "urn:epc:tag:sgtin-198:1.9506000.013435.", 9),
        (
            "sgtin-96",
            &["--character-set", "rfid96", "--product", "80614141123458", "--company-prefix", "0614141"],
            "urn:epc:tag:sgtin-96:1.0614141.812345.",
            12,
        ),
        (
            "cpi-96",
            &["--type", "cpi", "--product", "/8010/95060001", "--length", "9"],
            "urn:epc:tag:cpi-96:0.9506000.1.",
            9,
        ),
        ("sscc-96", &["--type", "sscc", "--company-prefix", "0614141"], "urn:epc:tag:sscc-96:0.0614141.", 18),
    ] {
        let shown = preview(scheme, more).await.done();
        let (uri, code) = shown.trim_end().split_once(' ').unwrap();
        assert!(uri.starts_with(start) && code.len() == length, "{scheme} {more:?}: {shown}");
    }
    for (more, part) in [
        (&["--product", "80614141123458", "--character-set", "rfid96"][..], "starts with"),
        (&["--product", "/01/09506000134351"], "check digit"),
        (&["--length", "21"], "length must be 6 to 20"),
        (&["--character-set", "rfid96", "--length", "8"], "length must be 12"),
        (&["--type", "cpi", "--character-set", "hex"], "character_set hex cannot be used"),
        (&["--type", "sscc", "--product", "80614141123458"], "leave --product out"),
        (&["--type", "sscc", "--company-prefix", "061"], "4 to 12 digits"),
    ] {
        let reason = preview("sgtin-96", more).await.refused();
        assert!(reason.contains(part), "{more:?}: {reason}");
    }
    for wrong in [["--character-set", "letters"], ["--length", "x"]] {
        preview("sgtin-96", &wrong).await.wrong_use();
    }
    // As for a reservation: data that is no GS1 data of this type of code.
    let sheet = "name: labels\nextension: pdf\nbase: sheet\nsymbol: {kind: datamatrix, data: '00{code}'}\ntext: ''\n";
    let sheet = files.write("sheet.yaml", sheet);
    ran("/nowhere", &["profile", "preview", &sheet, "--type", "sscc"]).await.done();
    assert!(ran("/nowhere", &["profile", "preview", &sheet]).await.refused().contains("no GS1 data"));
}

/// 40 mistakes: the lines of a file, the line of the mistake, and a part of the message.
#[tokio::test]
async fn every_mistake_is_reported_with_its_line() {
    let files = Files::new();
    let long_text = format!("text: '{}'\nsymbol:", "x".repeat(513));
    let long_data = format!("{{barcode_data}}91{}", "x".repeat(212));
    let long_rows = format!(
        "base: template\nrows_per_block: 20\nblock_header: '{}'\nseparator: '{}'",
        "x".repeat(1_000),
        "y".repeat(3_400)
    );
    let delimited = "name: my-printer\nextension: csv\nbase: delimited\ncolumns:\n  - name: code\n    source: code\n";
    let fixed = "name: my-printer\nextension: txt\nbase: fixed\ncolumns:\n  - source: code\n    width: 20\n";
    let lines = "name: my-printer\nextension: txt\nbase: lines\nline: '{code}'\n";
    let template = "name: my-printer\nextension: txt\nbase: template\nrow: |\n  ^XA{code}^XZ\n";
    let sheet =
        "name: my-printer\nextension: pdf\nbase: sheet\nsymbol:\n  kind: datamatrix\n  data: '{barcode_data}'\n";
    let cases: [(&str, &str, &str, usize, &str); 57] = [
        (lines, "name: my-printer", "name: My Printer", 1, "name: \"My Printer\" cannot be the name"),
        (lines, "name: my-printer", "name: csv", 1, "built-in format"),
        (lines, "name: my-printer", "name: 12", 1, "put it in quotes"),
        (lines, "name: my-printer\n", "", 1, "name: this member is missing"),
        (lines, "extension: txt", "extension: .txt", 2, "without a leading dot"),
        (lines, "extension: txt", "extension: txt.gz", 2, "without gz"),
        (lines, "extension: txt", "extension: txt\nencoding: latin-1", 3, "utf-8, utf-16le, iso-8859-1, windows-1252"),
        (
            lines,
            "extension: txt",
            "extension: txt\nencoding: iso-8859-1\nbyte_order_mark: true",
            4,
            "no byte order mark",
        ),
        (lines, "extension: txt", "extension: txt\nbyte_order_mark: maybe", 3, "true or false"),
        (lines, "extension: txt", "extension: txt\nline_end: cr", 3, "lf, crlf"),
        (lines, "extension: txt", "extension: txt\nmedia_type: text", 3, "text/csv"),
        (lines, "extension: txt", "extension: txt\nmax_rows: 0", 3, "1 to 2147483647"),
        (lines, "extension: txt", "extension: txt\ncolour: red", 3, "no such member"),
        (lines, "extension: txt", "extension: txt\ndelimiter: ;", 3, "belongs to delimited"),
        (lines, "extension: txt", "extension: txt\nextension: csv", 3, "twice"),
        (lines, "extension: txt", "extension: txt\nbarcode:\n  fnc1: ''", 4, "must not be empty"),
        (lines, "extension: txt", "extension: txt\nbarcode:\n  start: fnc2", 4, "none, fnc1"),
        (lines, "extension: txt", "extension: txt\nbarcode:\n  doubled: ab", 4, "one character"),
        (lines, "extension: txt", "extension: txt\ndefaults:\n  code: x", 4, "only reference_id"),
        (lines, "base: lines", "base: line", 3, "delimited, fixed, lines, template"),
        (lines, "{code}", "{codes}", 4, "\"codes\" is no source"),
        (lines, "{code}", "{code", 4, "no closing brace"),
        (lines, "{code}", "code}", 4, "no opening one"),
        (lines, "{code}", "label", 4, "shows nothing of a code"),
        (lines, "line: '{code}'", "line: '{barcode_data}'\nescape: xml", 4, "barcode.fnc1"),
        (lines, "line: '{code}'", "line: '€ {code}'\nencoding: iso-8859-1", 4, "no character '€' (U+20AC)"),
        (lines, "line: '{code}'", "line: '{code}'\nescape: html", 5, "none, xml, json, csv, zpl"),
        (lines, "line: '{code}'", "line: &a '{code}'", 4, "anchor"),
        (lines, "line: '{code}'", "line: [", 5, "not YAML"),
        (delimited, "    source: code", "    source: Code", 6, "\"Code\" is no source; the sources are position"),
        (delimited, "    source: code", "    constant: 7", 6, "put it in quotes"),
        (delimited, "    source: code\n", "", 5, "source, constant or text"),
        (delimited, "    source: code", "    source: code\n  - name: code\n    constant: x", 7, "already"),
        (delimited, "    source: code", "    source: code\n    width: 5", 7, "base fixed"),
        (delimited, "base: delimited", "base: delimited\ndelimiter: x", 4, "must not be a letter"),
        (delimited, "base: delimited", "base: delimited\nquoting: some", 4, "minimal, all, text, none"),
        (delimited, "base: delimited", "base: delimited\nheader: 1", 4, "true or false"),
        (delimited, "    source: code", "    constant: 'a,b'\nquoting: none", 6, "another quoting than none"),
        (fixed, "    width: 20\n", "", 5, "columns[0].width: this member is missing"),
        (fixed, "width: 20", "width: 0", 6, "1 to 4000"),
        (fixed, "width: 20", "width: 20\n    pad: ab", 7, "one character"),
        (fixed, "  - source: code", "  - text: '{position}.'", 5, "must be alone"),
        (template, "row: |\n  ^XA{code}^XZ\n", "row: '{code}'\nheader: '{position}'\n", 5, "differs from row to row"),
        (template, "base: template", "base: template\nrows_per_block: 30", 4, "1 to 20"),
        (template, "base: template", "base: template\nblock_footer: x", 4, "rows_per_block to 2"),
        (lines, "{code}'", "{code}'\nepc:\n  filter: 2", 5, "nothing shows a tag"),
        (lines, "{code}'", "{epc_hex}'\nepc:\n  filter: 2\n  scheme: giai-96", 7, "use giai-202"),
        (lines, "{code}'", "{epc_hex} {gtin}'\nepc:\n  scheme: sscc-96", 6, "do not have gtin"),
        (sheet, "extension: pdf", "extension: txt", 2, "a sheet is a PDF: pdf is needed"),
        (sheet, "extension: pdf", "extension: pdf\nmedia_type: text/plain", 3, "application/pdf is needed"),
        (sheet, "{barcode_data}", "{digital_link}", 6, "carries GS1 data"),
        (sheet, "{barcode_data}", "(01){gtin}(21){serial}", 6, "01{gtin}21{serial}"),
        (sheet, "{barcode_data}", "ORDER {code}", 6, "carries GS1 data"),
        (sheet, "{barcode_data}", "10Ü{serial}", 6, "printable ASCII"),
        (sheet, "symbol:", &long_text, 4, "513 bytes without its slots; 512 at most"),
        (sheet, "{barcode_data}", &long_data, 6, "bytes without its slots; 213 at most"),
        (template, "base: template", &long_rows, 4, "65536 at most"),
    ];
    for (text, from, to, line, part) in cases {
        assert!(text.contains(from), "{from}");
        let file = files.write("wrong.yaml", &text.replacen(from, to, 1));
        let reason = ran("/nowhere", &["profile", "check", &file]).await.wrong_use();
        let found =
            reason.lines().any(|message| message.contains(&format!("wrong.yaml:{line}: ")) && message.contains(part));
        assert!(found, "{to}: line {line}, …{part}…\n{reason}");
    }
    let json = files.write(
        "wrong.json",
        "{\n  \"name\": \"ab\",\n  \"extension\": \"txt\",\n  \"base\": \"lines\",\n  \"line\": 7\n}",
    );
    assert!(
        ran("/nowhere", &["profile", "check", &json])
            .await
            .wrong_use()
            .contains("wrong.json:5: line: a text is needed")
    );
    for name in ["profile.txt", "profile"] {
        let file = files.write(name, lines);
        assert!(ran("/nowhere", &["profile", "check", &file]).await.wrong_use().contains(".yaml, .yml or .json"));
    }
    assert!(ran("/nowhere", &["profile", "check", "/none.yaml"]).await.wrong_use().contains("/none.yaml"));
}

/// The schema accepts what the type accepts, and knows the same members.
#[test]
fn the_schema_in_docs_is_that_of_the_type() {
    use common::export::profile::{MEMBERS, Profile, Source, all_built_in};
    let text = fs::read_to_string(root().join("docs/export-profile.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let own = crate::support::profiles::of_every_base();
    let all = all_built_in().iter().map(Profile::to_value).chain(own.iter().cloned()).chain([
        json!({ "name": "ab", "extension": "txt", "base": "lines", "line": "{epc_hex}", "epc": { "scheme": "cpi-var" } }),
        json!({ "name": "ab", "extension": "pdf", "base": "sheet", "media_type": "application/pdf",
            "epc": { "scheme": "sgtin-198", "filter": 2 }, "symbol": { "kind": "gs1-qr", "data": "01{gtin}98{epc_hex}" },
            "text": "x".repeat(512) }),
        json!({ "name": "ab", "extension": "pdf", "base": "sheet", "symbol": { "data": "Größe {code}" } }),
    ]);
    for document in all {
        assert_eq!(Profile::read(&document).map(drop), Ok(()), "{document}");
        let errors: Vec<_> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{document} {errors:?}");
    }
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<std::collections::BTreeSet<_>>();
    let known: std::collections::BTreeSet<String> =
        MEMBERS.iter().filter(|(_, of)| of.is_empty()).map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(&schema["properties"]), known);
    for variant in schema["oneOf"].as_array().unwrap() {
        let base = variant["properties"]["base"]["const"].as_str().unwrap();
        let known =
            MEMBERS.iter().filter(|(_, of)| of.is_empty() || of.contains(&base)).map(|(name, _)| (*name).to_owned());
        assert_eq!(names(&variant["properties"]), known.collect(), "{base}");
    }
    let sources: Vec<Value> = Source::ALL.iter().map(|source| json!(source.as_str())).collect();
    assert_eq!(schema["$defs"]["source"]["enum"], json!(sources));
    for wrong in [
        json!({ "name": "ab", "extension": "txt", "base": "lines" }),
        json!({ "name": "ab", "extension": "txt", "base": "lines", "line": "x", "columns": [] }),
        json!({ "name": "A", "extension": "txt", "base": "lines", "line": "{code}" }),
        json!({ "name": "ab", "extension": "txt", "base": "fixed", "columns": [{ "source": "code" }] }),
        json!({ "name": "ab", "extension": "txt", "base": "delimited", "columns": [{ "name": "c", "source": "codes" }] }),
        json!({ "name": "ab", "extension": "txt", "base": "lines", "line": "{epc_hex}", "epc": { "filter": 8 } }),
        json!({ "name": "ab", "extension": "txt", "base": "lines", "line": "{epc_hex}", "epc": { "scheme": "sgtin-64" } }),
        json!({ "name": "ab", "extension": "txt", "base": "lines", "line": "{epc_hex}", "epc": { "scheme": "giai-96" } }),
        json!({ "name": "ab", "extension": "txt", "base": "sheet" }),
        json!({ "name": "ab", "extension": "pdf", "base": "sheet", "media_type": "text/plain" }),
        json!({ "name": "ab", "extension": "pdf", "base": "sheet", "encoding": "utf-8" }),
        json!({ "name": "ab", "extension": "pdf", "base": "sheet", "sheet": { "columns": 0 } }),
        json!({ "name": "ab", "extension": "pdf", "base": "sheet", "symbol": { "kind": "aztec" } }),
    ] {
        assert!(!validator.is_valid(&wrong), "{wrong}");
        assert!(Profile::read(&wrong).is_err(), "{wrong}");
    }
}
