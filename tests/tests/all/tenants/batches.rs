//! The limit of a batch counts its entries, whatever they name.

use common::directory::Role;
use serde_json::{Value, json};

use super::{document, person, row};
use crate::support::{api::RESERVATIONS, harness::Running};

async fn versions(server: &Running) -> Value {
    server.get(&format!("{RESERVATIONS}?fields=id,reference_id,date_updated&limit=-1"), "Anna").await.data()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_entries_are_allowed_and_one_more_is_not_even_of_one_id() {
    let server = Running::paused().await;
    person(&server, "Anna", Role::Writer, Some(&["A"])).await;
    let id = server.json("POST", RESERVATIONS, "Anna", &row("A")).await.data()["id"].as_str().unwrap().to_owned();
    let before = versions(&server).await;
    let data = json!({"reference_id": "changed"});
    let times = |number: usize, one: Value| Value::Array(vec![one; number]);
    for number in [101, 5_000] {
        for (method, body) in [
            ("POST", times(number, row("A"))),
            ("PATCH", times(number, json!({"id": id, "reference_id": "changed"}))),
            ("PATCH", json!({"keys": times(number, json!(id)), "data": data})),
            ("PATCH", json!({"keys": times(number, json!("no id")), "data": data})),
            ("DELETE", times(number, json!(id))),
            ("DELETE", json!({"keys": times(number, json!(id))})),
        ] {
            let reply = server.json(method, RESERVATIONS, "Anna", &body).await;
            assert_eq!((reply.status, reply.code().as_str()), (400, "INVALID_PAYLOAD"), "{method}: {}", reply.text);
            let reason = format!("{number} rows in one request, 100 at most are allowed");
            assert_eq!(reply.reason(), reason, "{method}");
        }
    }
    let ids = vec![format!("\"{id}\""); 101].join(", ");
    let rows = vec![format!("{{id: \"{id}\", reference_id: \"changed\"}}"); 101].join(", ");
    let new = vec!["{reserved_for: \"A\", code_type: \"short_code\", quantity: 1}"; 101].join(", ");
    for root in [
        format!("create_code_reservation_items(data: [{new}]) {{ id }}"),
        format!("update_code_reservation_items(ids: [{ids}], data: {{reference_id: \"changed\"}}) {{ id }}"),
        format!("update_code_reservation_batch(data: [{rows}]) {{ id }}"),
        format!("delete_code_reservation_items(ids: [{ids}]) {{ ids }}"),
    ] {
        let reply = document(&server, "Anna", &format!("mutation {{ x: {root} }}")).await;
        assert_eq!(reply.code(), "INVALID_PAYLOAD", "{}", reply.text);
    }
    // Ids in variables are the same.
    let query = "mutation($ids: [ID]!) { delete_code_reservation_items(ids: $ids) { ids } }";
    let body = json!({"query": query, "variables": {"ids": times(101, json!(id))}});
    assert_eq!(server.json("POST", "/graphql", "Anna", &body).await.code(), "INVALID_PAYLOAD");
    assert_eq!(versions(&server).await, before);

    let keys = json!({"keys": times(100, json!(id)), "data": data});
    assert_eq!(server.json("PATCH", RESERVATIONS, "Anna", &keys).await.data().as_array().unwrap().len(), 1);
    assert_eq!(server.json("DELETE", RESERVATIONS, "Anna", &times(100, json!(id))).await.status, 204);
    server.stop().await;
}
