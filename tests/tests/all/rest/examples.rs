//! The example requests of the specification, as printed there: a reservation becomes a file of codes.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::support::{
    api::{Api, RESERVATIONS, id, id_in_names, sgtin},
    harness::{Running, completed},
    invariants::assert_settled,
};

/// The members of the object, in the order of the specification.
const MEMBERS: [&str; 18] = [
    "id",
    "user_created",
    "date_created",
    "user_updated",
    "date_updated",
    "reserved_for",
    "code_type",
    "quantity",
    "status",
    "export_type",
    "export_file",
    "url_suffix",
    "product",
    "quantity_reserved",
    "error_message",
    "reference_id",
    "purchase_order",
    "codes",
];

/// The body of the POST example, byte by byte.
const POST: &str = r#"{
"reserved_for": "/417/9312345000012",
"code_type": "sgtin",
"quantity": 100,
"export_type": "csv",
"product": "/01/19361758000003",
"reference_id": "BATCH-2024-001"
}"#;

/// The body of the PATCH example.
const PATCH: &str = r#"{
"status": "complete",
"quantity_reserved": 100,
"reference_id": "BATCH-2024-001-UPDATED"
}"#;

fn members(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

/// Sends this body without changing a byte.
async fn send(api: &Api, method: &str, path: &str, body: &'static str) -> Value {
    let request = api.request(method, path).header("content-type", "application/json").body(body);
    Api::try_send(request).await.unwrap().data()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rest_examples_of_the_specification_work_as_printed() {
    let running = Running::in_memory().await;
    let api = &running.api;

    let posted = send(api, "POST", RESERVATIONS, POST).await;
    assert_eq!(members(&posted), MEMBERS);
    let id = id(&posted).to_owned();
    for (member, value) in [
        ("user_updated", Value::Null),
        ("date_updated", Value::Null),
        ("reserved_for", json!("/417/9312345000012")),
        ("code_type", json!("sgtin")),
        ("quantity", json!(100)),
        ("status", json!("new")),
        ("export_type", json!("csv")),
        ("export_file", Value::Null),
        ("url_suffix", Value::Null),
        ("product", json!("/01/19361758000003")),
        ("quantity_reserved", Value::Null),
        ("error_message", Value::Null),
        ("reference_id", json!("BATCH-2024-001")),
        ("purchase_order", Value::Null),
        ("codes", json!([])),
    ] {
        assert_eq!(posted[member], value, "{member}");
    }
    let created = posted["date_created"].as_str().unwrap();
    assert!(created.len() == "2026-01-02T03:04:05.678Z".len() && created.ends_with('Z'), "{created}");

    let done = completed(api, &id).await;
    assert_eq!(members(&done), MEMBERS);
    assert_eq!(done["quantity_reserved"], 100);
    assert_eq!(done["user_updated"], Value::Null, "no user changed it");
    assert_eq!(done["codes"].as_array().unwrap().len(), 100);
    the_file_has_100_different_codes(api, &done).await;

    let patched = send(api, "PATCH", &format!("{RESERVATIONS}/{id}"), PATCH).await;
    assert_eq!(members(&patched), MEMBERS);
    assert_eq!((&patched["status"], &patched["quantity_reserved"]), (&json!("complete"), &json!(100)));
    assert_eq!(patched["reference_id"], "BATCH-2024-001-UPDATED");
    assert_eq!(patched["user_updated"], posted["user_created"]);
    assert_eq!(api.get(&id).await, patched);

    let listed = api.send("GET", RESERVATIONS).await;
    assert_eq!(listed.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(listed.parsed(), json!({ "data": [patched] }));
    assert_settled(running.context()).await;

    api.delete(&id).await;
    assert_eq!(api.send("GET", RESERVATIONS).await.parsed(), json!({ "data": [] }));
    assert_eq!(api.send("GET", &format!("{RESERVATIONS}/{id}")).await.status, 403);
    assert_settled(running.context()).await;
    running.stop().await;
}

async fn the_file_has_100_different_codes(api: &Api, done: &Value) {
    let file = done["export_file"].as_str().unwrap();
    let described = api.send("GET", &format!("/files/{file}")).await.data();
    assert_eq!(described["filename_download"], json!(format!("BATCH-2024-001-{}.csv", id_in_names(&id(done)))));
    assert_eq!(described["type"], "text/csv; charset=utf-8");
    let bytes = api.download(file).await;
    // Directus shows a bigint as text.
    assert_eq!(described["filesize"], bytes.len().to_string());
    let text = String::from_utf8(bytes).unwrap();
    let mut rows = text.strip_suffix('\n').unwrap().split('\n');
    assert_eq!(rows.next(), Some("position,code,digital_link,element_string,epc_uri"));
    let mut codes = HashSet::new();
    for (row, position) in rows.zip(1..) {
        let fields: Vec<_> = row.split(',').collect();
        let code =
            fields[2].strip_prefix("https://id.gs1.org/01/19361758000003/21/").unwrap_or_else(|| panic!("{row}"));
        assert!(code.len() == 8 && code.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{row}");
        assert_eq!(fields[..2], [position.to_string().as_str(), code]);
        assert_eq!(fields[3], format!("(01)19361758000003(21){code}"));
        assert!(codes.insert(code.to_owned()), "{code} twice");
    }
    assert_eq!(codes.len(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_array_is_created_in_its_order_and_a_list_shows_up_to_limit() {
    let running = Running::in_memory().await;
    let api = &running.api;
    let bodies: Vec<Value> = (0..100).map(|_| sgtin(1)).collect();
    let first = api.post(&json!(bodies)).await;
    let second = api.post(&json!([sgtin(1)])).await;
    let ids = |list: &Value| list.as_array().unwrap().iter().map(|object| id(object).to_owned()).collect::<Vec<_>>();
    let mut all = ids(&first);
    assert_eq!(all.len(), 100);
    assert!(all.is_sorted(), "ids are in the order of time");
    assert_eq!(ids(&api.send("GET", RESERVATIONS).await.data()), all, "100 unless told otherwise");
    all.extend(ids(&second));
    let list = async |query: &str| ids(&api.send("GET", &format!("{RESERVATIONS}?{query}")).await.data());
    assert_eq!(list("limit=-1").await, all);
    assert_eq!(list("limit=2&offset=3").await, all[3..5]);
    assert_eq!(list("limit=40&page=3").await, all[80..]);
    assert_eq!(list("limit=0").await, [""; 0]);
    let counted = api.send("GET", &format!("{RESERVATIONS}?limit=1&fields=id&meta=*")).await.parsed();
    assert_eq!(counted["meta"], json!({ "total_count": 101, "filter_count": 101 }));
    assert_eq!(counted["data"], json!([{ "id": all[0] }]));
    for id in &all {
        completed(api, id).await;
    }
    assert_settled(running.context()).await;
    running.stop().await;
}
