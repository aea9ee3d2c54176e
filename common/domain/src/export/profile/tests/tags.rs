//! RFID tags in profiles: which scheme, and when a reservation is refused.

use serde_json::{Value, json};

use crate::code::{CharacterSet, PoolSpec, RenderOptions, Renderer, Secret};
use crate::export::profile::{Particulars, Profile, ProfileFault};
use crate::export::{FileHead, Form, Rows};
use crate::reservation::Values;

const LINE: &str = "{epc_hex} {epc_tag_uri} {epc_bank}";

fn profile(epc: Value) -> Profile {
    Profile::read(&json!({"name": "tags", "extension": "txt", "base": "lines", "line": LINE, "epc": epc})).unwrap()
}

fn rows(epc: Value, namespace: &str, set: CharacterSet, prefix: Option<&str>) -> Result<String, ProfileFault> {
    let spec = PoolSpec::from_pool(namespace.parse().unwrap(), set).unwrap();
    let key = Secret::new(&[7; 32]).unwrap().pool_key(&spec.namespace);
    let options = RenderOptions { company_prefix: prefix.map(str::to_owned), ..RenderOptions::default() };
    let renderer = Renderer::new(&spec, &key, &options).unwrap();
    let head = FileHead { reservation: "r", code_type: spec.code_type };
    let values = Values::default();
    let particulars = Particulars { namespace: &spec.namespace, company_prefix: prefix, values: &values };
    let profile = profile(epc);
    profile.check(&renderer, &head, &particulars, 3)?;
    let rows = Rows::compile(Form::Profile(&profile, particulars), renderer, 0, 3, &head).unwrap();
    let mut out = Vec::new();
    rows.write(1..4, &mut out).unwrap();
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn the_scheme_is_the_shortest_unless_the_profile_names_it() {
    use CharacterSet::{Numeric, Rfid96};
    let prefix = Some("9506000");
    let short = rows(json!({}), "sgtin#19506000134359#12", Rfid96, prefix).unwrap();
    assert!(
        short.lines().all(|row| row.starts_with("3036") && row.contains(":sgtin-96:1.") && row.ends_with(" E")),
        "{short}"
    );
    let long = json!({"scheme": "sgtin-198", "filter": 3});
    let long = rows(long, "sgtin#19506000134359#12", Rfid96, prefix).unwrap();
    assert!(
        long.lines().all(|row| row.starts_with("3676") && row.contains(":sgtin-198:3.") && row.ends_with(" A")),
        "{long}"
    );
    let sscc = rows(json!({"filter": 6}), "sscc#9506000#18", Numeric, None).unwrap();
    assert!(sscc.lines().all(|row| row.starts_with("31D6") && row.contains(":sscc-96:6.")), "{sscc}");
}

#[test]
fn codes_without_a_certain_epc_and_schemes_that_do_not_fit_are_refused_by_name() {
    use CharacterSet::{Alphanumeric, Numeric};
    let good = "sgtin#19506000134359#8";
    for (epc, namespace, set, prefix, member, part) in [
        (json!({"scheme": "sgtin-96"}), good, Alphanumeric, Some("9506000"), "export_type", "use sgtin-198"),
        (json!({"scheme": "sscc-96"}), good, Alphanumeric, Some("9506000"), "export_type", "for sscc, not for sgtin"),
        (json!({}), good, Alphanumeric, None, "reserved_for", "has none"),
        (json!({}), good, Alphanumeric, Some("95060"), "reserved_for", "at least 6 digits"),
        (json!({}), good, Alphanumeric, Some("9312345"), "product", "starts with"),
        (json!({}), "sgtin#19506000134350#8", Alphanumeric, Some("9506000"), "product", "check digit"),
        (json!({}), "gsrn#9506#18", Numeric, None, "reserved_for", "at least 6 digits"),
        (json!({}), "short_code#deployment#8", Alphanumeric, Some("9506000"), "export_type", "short_code"),
    ] {
        let fault = rows(epc.clone(), namespace, set, prefix).unwrap_err();
        assert_eq!(fault.member, member, "{epc} {namespace}: {}", fault.reason);
        assert!(fault.reason.contains(part), "{epc} {namespace}: {}", fault.reason);
    }
}
