//! A mutation of several rows names every bad one, with the index of its row.

use serde_json::{Value, json};

use super::{NORTH, SOUTH, Service};

/// Code, index and field of every error.
fn errors(body: &Value) -> Vec<(&str, u64, Value)> {
    let entries = body["errors"].as_array().unwrap();
    let part = |entry: &'_ Value| entry["extensions"]["field"].clone();
    entries
        .iter()
        .map(|entry| {
            let extensions = &entry["extensions"];
            (extensions["code"].as_str().unwrap(), extensions["index"].as_u64().unwrap(), part(entry))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_row_of_a_mutation_is_named() {
    let service = Service::start().await;
    let all = "{ code_reservation_aggregated { countAll } }";
    let before = service.data(all).await;
    let row = |more: &str| format!("{{ reserved_for: \"/417/9312345000012\", code_type: \"short_code\" {more} }}");
    let create = format!(
        "mutation {{ made: create_code_reservation_items(data: [{}, {}, {}, {}]) {{ id }} }}",
        row("quantity: 1"),
        row("quantity: 0"),
        row("quantity: 1, export_type: \"docx\""),
        row("")
    );
    let (status, body) = service.ask("graphql-admin", &create).await;
    let (failed, quantity) = ("FAILED_VALIDATION", json!("quantity"));
    let expected = [(failed, 1, quantity.clone()), (failed, 2, json!("export_type")), (failed, 3, quantity.clone())];
    assert_eq!((status, errors(&body)), (200, expected.to_vec()), "{body}");
    for entry in body["errors"].as_array().unwrap() {
        assert_eq!((&entry["path"], &entry["extensions"]["path"]), (&json!(["made"]), &json!([])));
        assert!(entry["locations"].is_array());
    }
    assert!(body.get("data").is_none(), "a list cannot be null: {body}");
    assert_eq!(service.data(all).await, before);

    let update =
        "mutation ($data: [update_code_reservation_input!]) { update_code_reservation_batch(data: $data) { id } }";
    let data = json!([{"id": NORTH, "reference_id": "x"}, {"id": SOUTH, "length": 99}, {"quantity": 1}]);
    let (_, body) = service.ask_with("graphql-admin", update, json!({ "data": data })).await;
    assert_eq!(errors(&body), [(failed, 1, json!("length")), ("INVALID_PAYLOAD", 2, Value::Null)], "{body}");
    let row = service.data(&format!("{{ code_reservation_by_id(id: \"{NORTH}\") {{ reference_id }} }}")).await;
    assert_ne!(row["code_reservation_by_id"]["reference_id"], "x");

    // A single row has no index.
    let one = "mutation { create_code_reservation_item(data: { quantity: 0 }) { id } }";
    let (_, body) = service.ask("graphql-admin", one).await;
    assert!(body["errors"][0]["extensions"].get("index").is_none(), "{body}");
    service.stop().await;
}
