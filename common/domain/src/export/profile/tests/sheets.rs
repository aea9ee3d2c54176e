//! Profiles with the base `sheet`.

use serde_json::{Value, json};

use crate::code::CodeType;
use crate::export::profile::{Mistake, Particulars, Profile, built_in};
use crate::export::tests::samples::{self, COMPANY_PREFIX, HEAD_ID, Sample};
use crate::export::{Cursor, ExportError, ExportFile, FileHead, Form, PartPlan, PartPolicy};
use crate::reservation::{ProfileName, Values};

fn file(profile: &Profile, gzip: bool, sample: &Sample, quantity: u64) -> Result<ExportFile, ExportError> {
    let values = Values { purchase_order: Some("PO-1".to_owned()), ..super::files::values() };
    let head = FileHead { reservation: HEAD_ID, code_type: sample.code_type };
    let particulars =
        Particulars { namespace: &sample.namespace, company_prefix: Some(COMPANY_PREFIX), values: &values };
    let form = Form::Profile(profile, particulars);
    // Even the smallest parts do not divide a sheet.
    let policy = PartPolicy { single_max: 1, part_len: 1, max_part_len: 1 << 30, max_parts: 10_000 };
    ExportFile::compile(form, gzip, sample.renderer.clone(), 0, quantity, &head, &policy)
}

fn written(file: &ExportFile) -> Vec<u8> {
    let mut out = Vec::new();
    let end = file.write_part(Cursor::START, &mut out).unwrap();
    assert!(file.is_done(end));
    out
}

fn sample(code_type: CodeType) -> Sample {
    samples::all().into_iter().find(|sample| sample.code_type == code_type).unwrap()
}

fn sheet(more: Value) -> Profile {
    let mut profile = json!({"name": "labels", "extension": "pdf", "base": "sheet"});
    profile.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Profile::read(&profile).unwrap_or_else(|wrong| panic!("{profile} {wrong:?}"))
}

#[test]
fn the_plain_sheet_shows_every_type_of_code() {
    let profile = built_in(ProfileName::parse("pdf").unwrap()).unwrap();
    assert_eq!(profile.content_type(), "application/pdf");
    for sample in samples::all() {
        let plain = file(profile, false, &sample, 50).unwrap();
        assert_eq!((plain.plan(), plain.known_len(), plain.extension()), (PartPlan::Single, None, "pdf"));
        let bytes = written(&plain);
        assert!(bytes.starts_with(b"%PDF-1.4\n") && bytes.ends_with(b"%%EOF\n"), "{}", sample.code_type);
        assert_eq!(bytes, written(&plain), "the bytes are reproducible");
        let mut unpacked = Vec::new();
        let packed = written(&file(profile, true, &sample, 50).unwrap());
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(packed.as_slice()), &mut unpacked).unwrap();
        assert_eq!(unpacked, bytes);
    }
}

#[test]
fn more_labels_than_a_sheet_can_have_are_refused_with_a_way_out() {
    let profile = sheet(json!({}));
    let sample = sample(CodeType::Sgtin);
    assert!(file(&profile, false, &sample, 10_000).is_ok());
    let Err(ExportError::Profile(fault)) = file(&profile, false, &sample, 10_001) else { panic!("it was accepted") };
    assert_eq!((fault.member, fault.rule, fault.most), ("quantity", "lte", Some(10_000)));
    assert!(fault.reason.contains("zpl"), "{}", fault.reason);
    let fewer = sheet(json!({"max_rows": 7}));
    assert!(matches!(file(&fewer, false, &sample, 8), Err(ExportError::Profile(fault)) if fault.most == Some(7)));
}

#[test]
fn labels_that_do_not_fit_are_refused_before_the_first_byte() {
    for (more, code_type, part) in [
        (json!({"sheet": {"columns": 20, "rows": 50, "padding": 0}}), CodeType::Sgtin, "symbol"),
        (
            json!({"sheet": {"columns": 10, "rows": 20, "padding": 1}, "text": "{element_string} {element_string}"}),
            CodeType::Sgtin,
            "does not fit",
        ),
        (json!({"text": "{reference_id}"}), CodeType::Sgtin, "font lacks"),
        (
            json!({"symbol": {"data": "{digital_link}{digital_link}{digital_link}{digital_link}{digital_link}"}}),
            CodeType::Sgtin,
            "213",
        ),
        (json!({"symbol": {"kind": "datamatrix"}}), CodeType::ShortCode, "barcode_data"),
        (json!({"text": "{gtin}"}), CodeType::Sscc, "gtin"),
    ] {
        let Err(ExportError::Profile(fault)) = file(&sheet(more.clone()), false, &sample(code_type), 5) else {
            panic!("{more} was accepted")
        };
        assert!(fault.reason.contains(part), "{more}: {}", fault.reason);
        let member = if part == "font lacks" { "reference_id" } else { "export_type" };
        assert_eq!(fault.member, member, "{more}: {}", fault.reason);
    }
}

#[test]
fn symbols_text_and_layout_are_those_of_the_profile() {
    let profile = sheet(json!({
        "sheet": {"page": {"width": 100, "height": 50.5}, "columns": 1, "rows": 1, "margin_x": 2.25, "font_size": 9.5},
        "symbol": {"kind": "gs1-qr", "quiet_zone": 2},
        "text": "{gtin}\n{code} {position}/{row_count} {purchase_order}",
    }));
    let bytes = written(&file(&profile, false, &sample(CodeType::Sgtin), 3).unwrap());
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("/MediaBox[0 0 283.464 143.149]") && text.contains("/Count 3/"), "{text:.400}");
    let again = Profile::parse(&profile.canonical()).unwrap();
    assert_eq!((again.canonical(), again), (profile.canonical(), profile));
}

#[test]
fn a_gs1_symbol_whose_data_is_never_gs1_data_is_refused_with_its_place() {
    let profile = |kind: &str, data: &str| json!({"name": "labels", "extension": "pdf", "base": "sheet", "symbol": {"kind": kind, "data": data}});
    for data in [
        "{code}",
        "{digital_link}",
        "{canonical_link}",
        "{element_string}",
        "{epc_uri}",
        "{product}{serial}",
        "{gtin}{serial}",
        "01{gtin}(21){serial}",
        "ORDER {code}",
        "{barcode_data}-{position}",
        "20{position}",
        "10A{barcode_data}",
        "{barcode_data}91{serial}{gtin}",
        "05{barcode_data}",
        // Six digits, more than a sheet has labels.
        "17{quantity}{barcode_data}",
        "00{gtin}{serial}",
        "{reference_id}{digital_link}",
        "{reference_id}{serial}",
        "{key}",
        "9{code}",
    ] {
        for kind in ["datamatrix", "gs1-qr"] {
            let mistakes = Profile::read(&profile(kind, data)).unwrap_err();
            let is_expected = |one: &Mistake| one.path == "symbol.data" && one.message.contains("GS1 data");
            assert!(mistakes.iter().any(is_expected), "{kind} {data}: {mistakes:?}");
        }
        assert!(Profile::read(&profile("qr", data)).is_ok(), "a plain QR code carries {data}");
    }
    // Data of one type, and text that it lacks.
    let mut both = profile("datamatrix", "00{code}");
    both["text"] = json!("{gtin}");
    assert_eq!(Profile::read(&both).unwrap_err()[0].path, "symbol.data");
    // A scheme that never fits is the only mistake.
    let mut scheme = profile("datamatrix", "98{epc_hex}");
    scheme["epc"] = json!({"scheme": "giai-96"});
    let mistakes = Profile::read(&scheme).unwrap_err();
    assert_eq!(mistakes.iter().map(|one| one.path.as_str()).collect::<Vec<_>>(), ["epc.scheme"]);
    for data in [
        "{barcode_data}",
        "17271231{barcode_data}",
        "01{gtin}21{serial}",
        "00{code}",
        "8004{key}",
        "{barcode_data}91A",
        "01{gtin}10{reference_id}{position}",
        "17{purchase_order}{barcode_data}",
        "1126{purchase_order}{barcode_data}",
        "4120{purchase_order}{barcode_data}",
        "3103000{quantity}{barcode_data}",
        "240{quantity}{serial}",
        "98{epc_hex}",
        "00{key}37{position}",
        "20{row_count}{barcode_data}",
    ] {
        let read = Profile::read(&profile("datamatrix", data));
        assert!(read.is_ok(), "{data}: {read:?}");
    }
}

#[test]
fn data_that_is_gs1_data_of_other_reservations_only_is_refused_when_it_is_known() {
    let checked = |data: &str, code_type: CodeType, reference_id: &str, quantity: u64| {
        let profile = sheet(json!({"symbol": {"kind": "datamatrix", "data": data}, "text": ""}));
        let sample = sample(code_type);
        let values = Values { reference_id: Some(reference_id.to_owned()), ..super::files::values() };
        let head = FileHead { reservation: HEAD_ID, code_type };
        let particulars =
            Particulars { namespace: &sample.namespace, company_prefix: Some(COMPANY_PREFIX), values: &values };
        profile.check(&sample.renderer, &head, &particulars, quantity)
    };
    use CodeType::{Sgtin, Sscc};
    for (data, code_type, reference, quantity, is_good) in [
        ("{barcode_data}", Sgtin, "A", 5, true),
        ("00{code}", Sscc, "A", 5, true),
        ("00{code}", Sgtin, "A", 5, false),
        ("{barcode_data}91A", Sscc, "A", 5, true),
        ("{barcode_data}91A", Sgtin, "A", 5, false),
        ("01{gtin}10{reference_id}{position}", Sgtin, "LOT-7", 5, true),
        ("01{gtin}10{reference_id}{position}", Sgtin, "LOT 7", 5, false),
        ("01{gtin}10{reference_id}{position}", Sgtin, "Größe", 5, false),
        ("01{gtin}10{reference_id}{position}", Sgtin, "A123456789012345678", 9, true),
        ("01{gtin}10{reference_id}{position}", Sgtin, "A123456789012345678", 10, false),
        ("17{reference_id}{barcode_data}", Sgtin, "271231", 5, true),
        ("17{reference_id}{barcode_data}", Sgtin, "27123", 5, false),
        ("20{row_count}{barcode_data}", Sgtin, "A", 99, true),
        ("20{row_count}{barcode_data}", Sgtin, "A", 9, false),
    ] {
        let result = checked(data, code_type, reference, quantity);
        assert_eq!(result.is_ok(), is_good, "{data} {reference} {quantity}: {result:?}");
        if let Err(fault) = result {
            let (member, part) = match reference {
                "Größe" => ("reference_id", "printable ASCII"),
                _ => ("export_type", "no GS1 data"),
            };
            assert_eq!((fault.member, fault.reason.contains(part)), (member, true), "{}", fault.reason);
        }
    }
}

#[test]
fn letters_are_no_digits_of_an_element_whatever_the_sample() {
    use crate::code::{CharacterSet, PoolSpec, RenderOptions, Renderer, Secret};
    let profile = sheet(json!({"symbol": {"kind": "datamatrix", "data": "00{code}"}, "text": ""}));
    for (set, is_good) in
        [(CharacterSet::Numeric, true), (CharacterSet::Alphanumeric, false), (CharacterSet::Hex, false)]
    {
        let spec = PoolSpec::from_pool("sgtin#09506000134352#18".parse().unwrap(), set).unwrap();
        let key = Secret::new(&[7; 32]).unwrap().pool_key(&spec.namespace);
        let renderer = Renderer::new(&spec, &key, &RenderOptions::default()).unwrap();
        let head = FileHead { reservation: HEAD_ID, code_type: CodeType::Sgtin };
        let values = Values::default();
        let particulars = Particulars { namespace: &spec.namespace, company_prefix: None, values: &values };
        let result = profile.check(&renderer, &head, &particulars, 5);
        assert_eq!(result.is_ok(), is_good, "{set}: {result:?}");
    }
}

#[test]
fn a_version_that_was_stored_before_a_rule_stays_readable() {
    for more in [
        json!({"extension": "txt", "media_type": "text/plain"}),
        json!({"symbol": {"kind": "datamatrix", "data": "{code}"}}),
        json!({"epc": {"filter": 2}}),
        json!({"text": "x".repeat(513)}),
    ] {
        let mut profile = json!({"name": "labels", "extension": "pdf", "base": "sheet"});
        profile.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert!(Profile::read(&profile).is_err(), "{more}");
        let stored = Profile::stored(&profile.to_string()).unwrap();
        assert_eq!(Profile::stored(&stored.canonical()), Ok(stored), "{more}");
    }
    assert!(Profile::stored(r#"{"name": "labels", "extension": "pdf", "base": "sheets"}"#).is_err());
    assert!(Profile::stored("{").is_err());
}

#[test]
fn a_plain_qr_carries_any_text() {
    let profile = sheet(json!({"symbol": {"data": "{code} Größe {reference_id}"}}));
    let sample = sample(CodeType::Sgtin);
    let values = Values { reference_id: Some("東京".to_owned()), ..super::files::values() };
    let head = FileHead { reservation: HEAD_ID, code_type: CodeType::Sgtin };
    let particulars =
        Particulars { namespace: &sample.namespace, company_prefix: Some(COMPANY_PREFIX), values: &values };
    profile.check(&sample.renderer, &head, &particulars, 5).unwrap();
    let form = Form::Profile(&profile, particulars);
    let file = ExportFile::compile(form, false, sample.renderer.clone(), 0, 5, &head, &PartPolicy::default()).unwrap();
    let labels = file.labels().unwrap().unwrap();
    assert_eq!(labels.matches(" Größe 東京\n").count(), 5, "{labels}");
    assert!(written(&file).starts_with(b"%PDF"));
}

#[test]
fn what_is_a_default_is_not_written() {
    let explicit = sheet(json!({
        "sheet": {"page": "a4", "columns": 3, "rows": 8, "margin_y": 4.5, "padding": 3.0, "font_size": 7},
        "symbol": {"kind": "qr", "quiet_zone": 4},
    }));
    assert_eq!(explicit.canonical(), sheet(json!({})).canonical());
    assert_eq!(explicit.canonical(), r#"{"base":"sheet","extension":"pdf","name":"labels"}"#);
    let letter = sheet(json!({"sheet": {"page": "letter"}}));
    assert!(letter.canonical().contains(r#""page":{"height":279.4,"width":215.9}"#), "{}", letter.canonical());
}

#[test]
fn a_wrong_layout_is_refused_with_its_place() {
    for (more, path, part) in [
        (json!({"sheet": {"columns": 0}}), "sheet", "columns must be 1 to 20"),
        (json!({"sheet": {"columns": 2.5}}), "sheet.columns", "a whole number is needed"),
        (json!({"sheet": {"margin_x": 4.555}}), "sheet.margin_x", "two decimals"),
        (json!({"sheet": {"margin_x": -1}}), "sheet.margin_x", "millimetres"),
        (json!({"sheet": {"font_size": "7"}}), "sheet.font_size", "points"),
        (json!({"sheet": {"page": "a5"}}), "sheet.page", "a4, letter"),
        (json!({"sheet": {"page": {"width": 10, "height": 100}}}), "sheet", "width of the page"),
        (json!({"sheet": {"margin_y": 200}}), "sheet", "no room"),
        (json!({"sheet": {"column": 3}}), "sheet.column", "no such member"),
        (json!({"symbol": {"kind": "aztec"}}), "symbol.kind", "qr, datamatrix, gs1-qr"),
        (json!({"symbol": {"data": "constant"}}), "symbol.data", "nothing of a code"),
        (json!({"symbol": {"data": "{code}\n"}}), "symbol.data", "printable characters only"),
        (json!({"symbol": {"data": "10Größe{serial}", "kind": "gs1-qr"}}), "symbol.data", "printable ASCII"),
        (json!({"extension": "txt"}), "extension", "pdf is needed, not \"txt\""),
        (json!({"extension": "a4.pdf"}), "extension", "pdf is needed"),
        (json!({"media_type": "text/plain"}), "media_type", "application/pdf is needed, not \"text/plain\""),
        (json!({"text": "x".repeat(513)}), "text", "513 bytes without its slots; 512 at most"),
        (json!({"text": format!("{}{{code}}{}", "x".repeat(300), "y".repeat(213))}), "text", "513 bytes"),
        (json!({"symbol": {"data": format!("{{code}}{}", "ü".repeat(107))}}), "symbol.data", "214 bytes"),
        (json!({"epc": {"filter": 2}}), "epc", "nothing shows a tag"),
        (json!({"epc": {"scheme": "sgtin-198"}, "text": "{epc_bank}"}), "epc", "epc_hex or epc_tag_uri"),
        (json!({"epc": {"scheme": "sscc-96"}, "text": "{epc_hex} {gtin}"}), "epc.scheme", "do not have gtin"),
        (json!({"text": "Größe {code}"}), "text", "printable ASCII"),
        (json!({"text": "{serial_number}"}), "text", "no source"),
        (json!({"encoding": "utf-16le"}), "encoding", "no such member"),
        (json!({"row": "{code}"}), "row", "no such member"),
        (json!({"epc": {"filter": 8}}), "epc.filter", "0 to 7"),
        (json!({"epc": {"scheme": "sgtin-64"}}), "epc.scheme", "sgtin-96"),
    ] {
        let mut profile = json!({"name": "labels", "extension": "pdf", "base": "sheet"});
        profile.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let wrong = Profile::read(&profile).unwrap_err();
        let is_expected = |one: &Mistake| one.path == path && one.message.contains(part);
        assert!(wrong.iter().any(is_expected), "{more}: {wrong:?}");
    }
}
