//! One Idempotency-Key stands for one document: its creations are made once, all or none.

use serde_json::{Value, json};

use super::Service;
use crate::support::{
    api::{RESERVATIONS, Reply},
    harness::Setup,
};

/// A creation under an alias.
fn create(alias: &str, quantity: i64) -> String {
    format!(
        "{alias}: create_code_reservation_item(data: {{ reserved_for: \"/417/9312345000012\", code_type: \"sscc\", \
         quantity: {quantity} }}) {{ id quantity }}"
    )
}

async fn send(service: &Service, key: &str, fields: &[String]) -> Reply {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    let body = json!({ "query": format!("mutation {{ {} }}", fields.join(" ")) });
    let body = Some(body.to_string().into_bytes());
    service.running.send("POST", "/graphql", Some("graphql-writer"), &headers, body).await
}

fn code(body: &Value) -> &str {
    body["errors"][0]["extensions"]["code"].as_str().unwrap_or_else(|| panic!("{body}"))
}

async fn rows(service: &Service) -> usize {
    let path = format!("{RESERVATIONS}?limit=-1&fields=id&filter[code_type][_eq]=sscc&filter[quantity][_lt]=50");
    service.running.get(&path, "graphql-writer").await.json()["data"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_document_with_the_key_creates_nothing_of_itself() {
    let service = Service::with(Setup::new().paused()).await;
    let before = rows(&service).await;
    let first = send(&service, "K", &[create("a", 1)]).await;
    assert_eq!(rows(&service).await, before + 1);
    // More creations than the first document had, fewer, and the same one in another document.
    for other in [vec![create("a", 1), create("b", 2)], vec![create("a", 3), create("b", 2)], vec![create("b", 1)]] {
        let answer = send(&service, "K", &other).await.parsed();
        assert_eq!((code(&answer), &answer["data"]), ("INVALID_PAYLOAD", &Value::Null), "{answer}");
        assert_eq!(answer["errors"].as_array().unwrap().len(), 1);
        assert_eq!(rows(&service).await, before + 1);
    }
    // The key of REST and GraphQL is one.
    assert_eq!(send(&service, "K", &[create("a", 1)]).await.text, first.text);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_creations_of_a_document_are_made_once_or_none_is() {
    let service = Service::with(Setup::new().paused()).await;
    let before = rows(&service).await;
    let three = [create("a", 1), create("b", 2), create("c", 3)];
    let (one, two) = futures::future::join(send(&service, "all", &three), send(&service, "all", &three)).await;
    assert_eq!(one.text, two.text);
    let data = &one.json()["data"];
    assert_eq!([&data["a"]["quantity"], &data["b"]["quantity"], &data["c"]["quantity"]], [1, 2, 3]);
    assert_eq!(rows(&service).await, before + 3);
    // The second creation is bad, so the first is not made either; the error names the second.
    let bad = send(&service, "bad", &[create("a", 1), create("b", 0), create("c", 3)]).await.parsed();
    assert_eq!(
        (code(&bad), &bad["data"], &bad["errors"][0]["path"]),
        ("FAILED_VALIDATION", &Value::Null, &json!(["b"]))
    );
    assert_eq!(rows(&service).await, before + 3);
    // Nothing was remembered: the key is free for a document that is right.
    assert!(send(&service, "bad", &[create("a", 1)]).await.json()["data"]["a"]["id"].is_string());
    assert_eq!(rows(&service).await, before + 4);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_key_refuses_the_document_before_anything_is_done() {
    let service = Service::with(Setup::new().paused()).await;
    let before = rows(&service).await;
    let two = [create("a", 1), create("b", 2)];
    let refused = send(&service, "sch\u{fc}ssel", &two).await;
    assert_eq!((refused.status, code(&refused.parsed())), (400, "INVALID_PAYLOAD"));
    let long = send(&service, &"k".repeat(256), &two).await.parsed();
    assert_eq!((code(&long), &long["data"]), ("INVALID_PAYLOAD", &Value::Null));
    assert_eq!(rows(&service).await, before);
    // The longest key holds for any number of creations.
    let longest = "k".repeat(255);
    let made = send(&service, &longest, &two).await;
    assert!(made.json()["data"]["b"]["id"].is_string());
    assert_eq!(send(&service, &longest, &two).await.text, made.text);
    assert_eq!(rows(&service).await, before + 2);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_with_a_key_that_creates_does_nothing_else() {
    let service = Service::with(Setup::new().paused()).await;
    let before = rows(&service).await;
    let made = send(&service, "one", &[create("a", 1)]).await.json()["data"]["a"]["id"].as_str().unwrap().to_owned();
    let delete = format!("d: delete_code_reservation_item(id: \"{made}\") {{ id }}");
    let refused = send(&service, "two", &[delete.clone(), create("a", 1)]).await;
    assert_eq!((refused.status, code(&refused.parsed())), (400, "INVALID_PAYLOAD"));
    assert_eq!(rows(&service).await, before + 1);
    // Without a creation the key says nothing, as over REST.
    assert_eq!(send(&service, "two", &[delete]).await.json()["data"]["d"]["id"], made);
    assert_eq!(rows(&service).await, before);
    service.stop().await;
}
