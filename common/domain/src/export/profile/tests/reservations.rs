//! What a profile cannot show of a reservation is refused with the member that is the reason.

use serde_json::{Value, json};

use super::files::values;
use crate::code::CodeType;
use crate::code::Field;
use crate::export::FileHead;
use crate::export::profile::{Particulars, Profile, ProfileFault, Source};
use crate::export::tests::samples::{self, Sample};
use crate::reservation::Values;

fn line(line: &str, more: Value) -> Profile {
    let mut document = json!({"name": "my-printer", "extension": "txt", "base": "lines", "line": line});
    document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Profile::read(&document).unwrap()
}

fn check_with(
    profile: &Profile,
    sample: &Sample,
    prefix: Option<&str>,
    values: &Values,
    quantity: u64,
) -> Result<(), ProfileFault> {
    let head = FileHead { reservation: "id", code_type: sample.code_type };
    let particulars = Particulars { namespace: &sample.namespace, company_prefix: prefix, values };
    profile.check(&sample.renderer, &head, &particulars, quantity)
}

fn check(profile: &Profile, sample: &Sample, values: &Values) -> Result<(), ProfileFault> {
    check_with(profile, sample, Some("9506000"), values, 100)
}

fn named(name: &str) -> Sample {
    samples::all().into_iter().find(|sample| sample.name == name).unwrap()
}

#[test]
fn a_source_that_the_type_lacks_is_named_and_no_column_is_ever_empty() {
    for sample in samples::all() {
        for source in Source::ALL {
            let profile = line(&format!("{{code}}{{{}}}", source.as_str()), json!({}));
            let complete = Values { organisation_name: Some("Acme".to_owned()), ..values() };
            let result = check(&profile, &sample, &complete);
            let lacks = source.is_lacking(sample.code_type)
                || (source == Source::EpcUri || source.is_tag()) && sample.renderer.length(Field::EpcUri) == 0
                || source == Source::DigitalLink && sample.renderer.length(Field::DigitalLink) == 0;
            match result {
                Ok(()) => assert!(!lacks, "{} {}", sample.name, source.as_str()),
                // The reason is a member of the reservation, or its organisation.
                Err(fault) if source.is_tag() && !source.is_lacking(sample.code_type) => {
                    assert!(lacks && fault.reason.contains("RFID tags"), "{} {fault:?}", sample.name);
                    assert!(["reserved_for", "product"].contains(&fault.member), "{} {fault:?}", sample.name);
                }
                Err(fault) => {
                    assert!(lacks && fault.member == "export_type", "{} {fault:?}", sample.name);
                    assert!(fault.reason.contains(&format!("my-printer shows {}", source.as_str())), "{fault}");
                }
            }
        }
    }
}

#[test]
fn each_type_lacks_what_its_keys_do_not_have() {
    let lacking = |code_type: CodeType| -> Vec<&str> {
        Source::ALL.into_iter().filter(|source| source.is_lacking(code_type)).map(Source::as_str).collect()
    };
    assert_eq!(lacking(CodeType::Sgtin), [""; 0]);
    assert_eq!(lacking(CodeType::Sscc), ["serial", "gtin", "product"]);
    assert_eq!(lacking(CodeType::Giai), ["serial", "gtin", "check_digit", "product"]);
    assert_eq!(lacking(CodeType::Grai), ["gtin"]);
    assert_eq!(
        lacking(CodeType::ShortCode),
        [
            "canonical_link",
            "element_string",
            "barcode_data",
            "epc_uri",
            "epc_hex",
            "epc_tag_uri",
            "epc_bank",
            "gtin",
            "key",
            "check_digit",
            "product"
        ]
    );
}

#[test]
fn data_that_hold_the_text_for_fnc1_are_refused() {
    let profile = |barcode: Value| line("{barcode_data}", json!({"barcode": barcode}));
    for (lot, fnc1) in [("A_1B", "_1"), ("A<GS>B", "<GS>")] {
        let fault = check(&profile(json!({"fnc1": fnc1})), &samples::of_lot(lot), &values()).unwrap_err();
        assert_eq!(fault.member, "lot", "{fault}");
        assert!(fault.reason.contains(fnc1), "{fault}");
        assert_eq!(check(&profile(json!({"fnc1": fnc1})), &samples::of_lot("AB"), &values()), Ok(()));
    }
    // The escape character is doubled, so a reader can tell them apart.
    assert_eq!(check(&profile(json!({"fnc1": "_1", "doubled": "_"})), &samples::of_lot("A_1B"), &values()), Ok(()));
}

#[test]
fn a_missing_value_is_named_unless_there_is_a_default() {
    let sample = named("sgtin");
    for (source, member) in
        [("reference_id", "reference_id"), ("purchase_order", "purchase_order"), ("organisation_name", "reserved_for")]
    {
        let text = format!("{{code}} {{{source}}}");
        let fault = check(&line(&text, json!({})), &sample, &Values::default()).unwrap_err();
        assert_eq!((fault.member, fault.rule), (member, "required"), "{fault}");
        assert!(fault.reason.contains(source), "{fault}");
        for default in ["", "none"] {
            let profile = line(&text, json!({"defaults": {source: default}}));
            assert_eq!(check(&profile, &sample, &Values::default()), Ok(()), "{source} {default:?}");
        }
    }
    let fault = check_with(&line("{code}{company_prefix}", json!({})), &sample, None, &values(), 5).unwrap_err();
    assert_eq!((fault.member, fault.rule), ("reserved_for", "required"));
}

#[test]
fn a_value_that_the_file_cannot_hold_is_named() {
    let sample = named("sgtin");
    let with = |text: &str| Values { reference_id: Some(text.to_owned()), ..values() };
    let profile = line("{code} {reference_id}", json!({"encoding": "iso-8859-1"}));
    assert_eq!(check(&profile, &sample, &with("Ä")), Ok(()));
    let fault = check(&profile, &sample, &with("5 €")).unwrap_err();
    assert_eq!((fault.member, fault.rule), ("reference_id", "regex"));
    assert!(fault.reason.contains("'€' (U+20AC), a character that iso-8859-1 lacks"), "{fault}");
    let fault = check(&line("{code} {reference_id}", json!({})), &sample, &with("a\u{7}")).unwrap_err();
    assert!(fault.reason.contains("U+0007"), "{fault}");
    let fault = check(&line("{code} {reference_id}", json!({})), &sample, &with(&"x".repeat(1_001))).unwrap_err();
    assert!(fault.reason.contains("more than 1000 characters"), "{fault}");
}

#[test]
fn a_value_that_needs_quotes_is_refused_by_a_profile_without_quotes() {
    let sample = named("sgtin");
    let document = json!({"name": "my-printer", "extension": "txt", "base": "delimited", "quoting": "none",
        "delimiter": ".", "columns": [{"name": "r", "source": "reference_id"}, {"name": "e", "source": "epc_uri"}]});
    let profile = Profile::read(&document).unwrap();
    let with = |text: &str| Values { reference_id: Some(text.to_owned()), ..values() };
    let fault = check(&profile, &sample, &with("a.b")).unwrap_err();
    assert_eq!((fault.member, fault.rule), ("reference_id", "regex"), "{fault}");
    // An EPC URI has dots.
    let fault = check(&profile, &sample, &with("ab")).unwrap_err();
    assert!(fault.member == "export_type" && fault.reason.contains("\"e\""), "{fault}");
}

#[test]
fn a_value_that_is_wider_than_its_column_is_refused() {
    let sample = named("sgtin");
    let document = json!({"name": "my-printer", "extension": "txt", "base": "fixed", "columns": [
        {"source": "position", "width": 3}, {"source": "reference_id", "width": 4}, {"source": "code", "width": 8}]});
    let profile = Profile::read(&document).unwrap();
    let with = |text: &str| Values { reference_id: Some(text.to_owned()), ..values() };
    let check = |values: &Values, quantity| check_with(&profile, &sample, None, values, quantity);
    assert_eq!(check(&with("ÄÄÄÄ"), 999), Ok(()));
    assert_eq!(check(&with("ÄÄÄÄ"), 1_000).unwrap_err().member, "quantity");
    let fault = check(&with("ÄÄÄÄÄ"), 999).unwrap_err();
    assert!(fault.member == "reference_id" && fault.reason.contains("4 characters wide"), "{fault}");
    let wide = named("sgtin of 20 digits");
    let fault = check_with(&profile, &wide, None, &with("a"), 5).unwrap_err();
    assert!(fault.member == "export_type" && fault.reason.contains("{code} has 20"), "{fault}");
}

#[test]
fn a_file_has_no_more_rows_than_its_profile_allows_and_no_endless_row() {
    let sample = named("sgtin");
    let profile = line("{code}", json!({"max_rows": 7}));
    let check = |profile: &Profile, quantity| check_with(profile, &sample, None, &values(), quantity);
    assert_eq!(check(&profile, 7), Ok(()));
    let fault = check(&profile, 8).unwrap_err();
    assert_eq!((fault.member, fault.rule, fault.most), ("quantity", "lte", Some(7)));
    let long = line(&"{digital_link}".repeat(500), json!({}));
    assert_eq!(check(&long, 8), Ok(()));
    let document = json!({"name": "my-printer", "extension": "txt", "base": "template", "rows_per_block": 20,
        "row": "{digital_link}".repeat(100)});
    let fault = check(&Profile::read(&document).unwrap(), 8).unwrap_err();
    assert!(fault.reason.contains("65536 at most"), "{fault}");
}
