//! The schemas of inputs against the rules that the service applies: what the one accepts, the other accepts.

use common::{
    code::CodeType,
    reservation::{Rules, create::Draft},
};
use serde_json::{Value, json};

use crate::support::{
    api::with,
    contract::{mismatch, whole},
};

fn schema() -> &'static Value {
    &whole()["components"]["schemas"]["CodeReservationCreate"]
}

/// A product of each type that needs one.
fn product(code_type: CodeType) -> Option<&'static str> {
    Some(match code_type {
        CodeType::Sgtin => "/01/09506000134352",
        CodeType::Grai => "/8003/09506000123455",
        CodeType::Gdti => "/253/9506000654324",
        CodeType::Itip => "/8006/095060001343520102",
        CodeType::Cpi => "/8010/9506000AB#-12",
        CodeType::Sgcn => "/255/9506000777771",
        CodeType::Sscc | CodeType::ShortCode | CodeType::Giai | CodeType::Gsrn => return None,
    })
}

fn input(code_type: CodeType) -> Value {
    let members = json!({"reserved_for": "/417/9506000111117", "quantity": 1, "product": product(code_type)});
    with(&members, json!({"code_type": code_type.as_str()}))
}

#[test]
fn an_input_that_the_schema_refuses_is_refused_and_one_of_each_type_is_accepted() {
    let rules = Rules::default();
    let mut refused = 0;
    for code_type in CodeType::ALL {
        let plain = input(code_type);
        assert_eq!(mismatch(schema(), &plain), None, "{code_type}");
        let changes = [
            json!({}),
            json!({"product": null}),
            json!({"product": "/01/0950600013435"}),
            json!({"product": "/01/09506000134352"}),
            json!({"product": "/8003/09506000123455"}),
            json!({"product": "/8010/9506"}),
            json!({"product": "/8010/950x000AB"}),
            json!({"quantity": 0}),
            json!({"quantity": 100_000_001}),
            json!({"quantity": 1.5}),
            json!({"quantity": null}),
            json!({"length": 5}),
            json!({"length": 6}),
            json!({"length": 12}),
            json!({"length": 18}),
            json!({"length": 20}),
            json!({"length": 21}),
            json!({"length": null}),
            json!({"character_set": "numeric"}),
            json!({"character_set": "hex"}),
            json!({"character_set": "rfid96"}),
            json!({"character_set": "kanji"}),
            json!({"character_set": null}),
            json!({"export_type": "xls"}),
            json!({"export_type": "xml.gz"}),
            json!({"export_type": "xlsx"}),
            json!({"lot": "A/1"}),
            json!({"lot": 17}),
            json!({"lot": "A B"}),
            json!({"lot": "x".repeat(21)}),
            json!({"lot": null}),
            json!({"expiry_date": "2027-12-31"}),
            json!({"expiry_date": "2027-12"}),
            json!({"best_before": "2076-01-01"}),
            json!({"production_date": null}),
            json!({"production_date": 20_270_101}),
            json!({"export_type": null}),
            json!({"status": "new"}),
            json!({"status": "complete"}),
            json!({"reference_id": "é".repeat(255)}),
            json!({"reference_id": "é".repeat(256)}),
            json!({"reference_id": 5}),
            json!({"reference_id": true}),
            json!({"purchase_order": null}),
            json!({"id": "0193aaaa-0000-7000-8000-000000000001"}),
            json!({"id": "x"}),
            json!({"reserved_for": ""}),
            json!({"reserved_for": null}),
        ];
        for change in changes {
            let input = with(&plain, change);
            let reason = mismatch(schema(), &input);
            let parsed = Draft::parse(&input, &rules);
            // A type without products takes any text for one. Lengths and sets also depend on each other.
            if reason.is_some() {
                refused += 1;
                assert!(parsed.is_err(), "{input}: the document refuses it: {reason:?}");
            }
            let depends = input.get("length").is_some_and(|length| !length.is_null())
                || input.get("character_set").is_some_and(|set| !set.is_null());
            if !depends {
                assert_eq!(reason.is_none(), parsed.is_ok(), "{input}: {reason:?}, {parsed:?}");
            }
        }
    }
    assert!(refused > 100, "{refused}");
}
