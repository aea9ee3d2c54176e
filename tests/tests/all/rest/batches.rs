//! Batch writes are atomic and bounded, and a request under an Idempotency-Key is done once.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{ADMIN, WRITER, seeded};
use crate::support::{
    api::{RESERVATIONS, Reply, encoded},
    harness::Running,
};

fn made(reference: &str) -> Value {
    json!({"reserved_for": "ORG-CUSTOM-3", "code_type": "short_code", "quantity": 1, "reference_id": reference})
}

async fn count(server: &Running, filter: &Value) -> u64 {
    let path = format!("{RESERVATIONS}?aggregate[count]=*&filter={}", encoded(filter));
    server.get(&path, ADMIN).await.data()[0]["count"].as_str().unwrap().parse().unwrap()
}

async fn of(server: &Running, reference: &str) -> u64 {
    count(server, &json!({"reference_id": {"_eq": reference}})).await
}

fn ids(rows: &Value) -> Vec<String> {
    rows.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

async fn create(server: &Running, count: usize, reference: &str) -> Vec<String> {
    let rows: Value = (0..count).map(|_| made(reference)).collect();
    ids(&server.json("POST", RESERVATIONS, ADMIN, &rows).await.data())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_rows_are_written_at_once_and_one_more_is_refused() {
    let server = seeded().start().await;
    let made_ids = create(&server, 100, "hundred").await;
    assert_eq!((made_ids.len(), of(&server, "hundred").await), (100, 100));
    let more: Value = (0..101).map(|_| made("more")).collect();
    let refused = |reply: &Reply, most: &str| {
        assert_eq!((reply.status, reply.code().as_str()), (400, "INVALID_PAYLOAD"), "{}", reply.text);
        assert!(reply.reason().contains(most), "{}", reply.reason());
    };
    refused(&server.json("POST", RESERVATIONS, ADMIN, &more).await, "100");
    // The key takes one of the 100 actions of the transaction.
    let ninety_nine: Value = (0..99).map(|_| made("keyed")).collect();
    let hundred: Value = (0..100).map(|_| made("keyed")).collect();
    let keyed = async |key: &str, body: &Value| {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        server.send("POST", RESERVATIONS, Some(ADMIN), &headers, Some(body.to_string().into_bytes())).await
    };
    refused(&keyed("too many", &hundred).await, "99");
    assert_eq!(keyed("enough", &ninety_nine).await.data().as_array().unwrap().len(), 99);
    assert_eq!((of(&server, "more").await, of(&server, "keyed").await), (0, 99));

    let mut too_many = made_ids.clone();
    too_many.push("03343178-982f-4b83-8dcb-916595070e51".to_owned());
    let data = json!({"reference_id": "changed"});
    let rows =
        |ids: &[String]| -> Value { ids.iter().map(|id| json!({"id": id, "reference_id": "changed"})).collect() };
    let everything = json!({"filter": {"reference_id": {"_in": ["hundred", "keyed"]}}, "limit": -1});
    refused(&server.json("PATCH", RESERVATIONS, ADMIN, &json!({"keys": too_many, "data": data})).await, "100");
    refused(&server.json("PATCH", RESERVATIONS, ADMIN, &rows(&too_many)).await, "100");
    refused(&server.json("PATCH", RESERVATIONS, ADMIN, &json!({"query": everything, "data": data})).await, "100");
    refused(&server.json("DELETE", RESERVATIONS, ADMIN, &json!(too_many)).await, "100");
    refused(&server.json("DELETE", RESERVATIONS, ADMIN, &json!({"keys": too_many})).await, "100");
    refused(&server.json("DELETE", RESERVATIONS, ADMIN, &json!({"query": everything})).await, "100");
    assert_eq!(of(&server, "changed").await, 0);

    // A query without a limit selects 100 rows, as in Directus.
    let by_query = json!({"query": {"filter": {"reference_id": {"_in": ["hundred", "keyed"]}}}, "data": data});
    assert_eq!(server.json("PATCH", RESERVATIONS, ADMIN, &by_query).await.data().as_array().unwrap().len(), 100);
    assert_eq!(of(&server, "changed").await, 100);
    assert_eq!(server.json("PATCH", RESERVATIONS, ADMIN, &rows(&made_ids)).await.data().as_array().unwrap().len(), 100);
    assert_eq!(server.json("DELETE", RESERVATIONS, ADMIN, &json!(made_ids)).await.status, 204);
    assert_eq!(count(&server, &json!({"id": {"_in": made_ids}})).await, 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_written_whole_or_not_at_all() {
    let server = seeded().start().await;
    let known = create(&server, 3, "batch").await;
    let unknown = Uuid::new_v4().to_string();
    let keys = json!([known[0], known[1], unknown]);
    let data = json!({"reference_id": "changed"});
    let bad_row = json!([{"id": known[0], "reference_id": "changed"}, {"id": known[1], "quantity": 0}]);
    let unknown_row = json!([{"id": known[0], "reference_id": "changed"}, {"id": unknown, "reference_id": "changed"}]);
    for (method, body, status) in [
        ("PATCH", json!({"keys": keys, "data": data}), 403),
        ("PATCH", json!({"keys": [known[0], "nope"], "data": data}), 403),
        ("PATCH", unknown_row, 403),
        ("PATCH", bad_row, 400),
        ("PATCH", json!([{"reference_id": "changed"}]), 400),
        ("PATCH", json!({"keys": known, "data": {"nope": 1}}), 403),
        ("DELETE", keys.clone(), 403),
        ("DELETE", json!({ "keys": keys }), 403),
        ("DELETE", json!({}), 400),
        ("POST", json!([made("changed"), {"quantity": 1}]), 400),
        (
            "POST",
            json!([made("changed"), {"id": known[0], "reserved_for": "x", "code_type": "short_code", "quantity": 1}]),
            400,
        ),
    ] {
        assert_eq!(server.json(method, RESERVATIONS, ADMIN, &body).await.status, status, "{method} {body}");
        assert_eq!((of(&server, "batch").await, of(&server, "changed").await), (3, 0), "{method} {body}");
    }
    // Fields, order, filter and limit of the query string apply to the answer.
    let body = json!({"keys": [known[2], known[0], known[1]], "data": data});
    let path = format!("{RESERVATIONS}?fields=id,reference_id&sort=-id&limit=2");
    let shown = server.json("PATCH", &path, ADMIN, &body).await.data();
    let mut order = known.clone();
    order.sort();
    order.reverse();
    assert_eq!(ids(&shown), order[..2]);
    assert_eq!(shown[0].as_object().unwrap().keys().collect::<Vec<_>>(), ["id", "reference_id"]);
    assert_eq!(of(&server, "changed").await, 3);
    // A row that the filter does not match is written, and the answer is 204, as in Directus.
    let one = format!("{RESERVATIONS}/{}?filter[status][_eq]=complete", known[0]);
    assert_eq!(
        server.json("PATCH", &one, ADMIN, &json!({"reference_id": "unseen"})).await.shape(),
        (204, String::new())
    );
    let path = format!("{RESERVATIONS}?filter[status][_eq]=complete");
    assert_eq!(server.json("POST", &path, ADMIN, &made("unseen")).await.shape(), (204, String::new()));
    assert_eq!(of(&server, "unseen").await, 2);
    // An unknown member in `fields` is an error before anything is written.
    assert_eq!(server.json("POST", &format!("{RESERVATIONS}?fields=nope"), ADMIN, &made("nope")).await.status, 403);
    assert_eq!(of(&server, "nope").await, 0);
    let csv = server.json("POST", &format!("{RESERVATIONS}?export=csv&fields=reference_id"), ADMIN, &made("csv")).await;
    assert_eq!(
        (csv.header("content-type"), csv.text.as_str()),
        ("text/csv; charset=utf-8", "\"reference_id\"\n\"csv\"")
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relation_is_a_key_or_an_object_that_holds_one() {
    let server = seeded().start().await;
    let input = json!({"reserved_for": {"id": "ORG-CUSTOM-3"}, "code_type": "short_code", "quantity": 1,
        "purchase_order": {"id": "90000000-0000-4000-8000-000000000001"}});
    let made = server.json("POST", RESERVATIONS, ADMIN, &input).await.data();
    assert_eq!(made["reserved_for"], "ORG-CUSTOM-3");
    assert_eq!(made["purchase_order"], "90000000-0000-4000-8000-000000000001");
    let path = format!("{RESERVATIONS}/{}", made["id"].as_str().unwrap());
    let changed = server.json("PATCH", &path, ADMIN, &json!({"reserved_for": {"id": "/417/5555999200016"}})).await;
    assert_eq!(changed.data()["reserved_for"], "/417/5555999200016");
    let nested = json!({"reserved_for": {"id": "/417/5555999200016", "city": "Perth"}});
    let refused = server.json("PATCH", &path, ADMIN, &nested).await;
    assert_eq!(refused.status, 403);
    assert!(refused.reason().contains("collection \"organisation\""));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_a_key_is_done_once() {
    let server = seeded().start().await;
    let send = async |token: &str, key: &str, body: &Value| {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        server.send("POST", RESERVATIONS, Some(token), &headers, Some(body.to_string().into_bytes())).await
    };
    let first = send(ADMIN, "key-1", &made("once")).await;
    assert_eq!(first.status, 200);
    let again = send(ADMIN, "key-1", &made("once")).await;
    assert_eq!(again.shape(), first.shape());
    // The first answer is returned again, although the row has changed since.
    let path = format!("{RESERVATIONS}/{}", first.data()["id"].as_str().unwrap());
    server.json("PATCH", &path, ADMIN, &json!({"reference_id": "renamed"})).await.data();
    assert_eq!(send(ADMIN, "key-1", &made("once")).await.shape(), first.shape());
    assert_eq!((of(&server, "once").await, of(&server, "renamed").await), (0, 1));

    let other = send(ADMIN, "key-1", &made("other")).await;
    assert_eq!((other.status, other.code().as_str()), (422, "INVALID_PAYLOAD"));
    assert!(other.reason().contains("Idempotency-Key"));
    // A key belongs to its user.
    assert_eq!(send(WRITER, "key-1", &made("other")).await.status, 200);
    assert_eq!(of(&server, "other").await, 1);
    // A request that failed is not stored, so the corrected one can use the same key.
    assert_eq!(send(ADMIN, "key-2", &json!({"quantity": 0})).await.status, 400);
    assert_eq!(send(ADMIN, "key-2", &made("mended")).await.status, 200);
    // The same after a conflict with an existing id.
    let mut taken = made("taken");
    taken["id"] = first.data()["id"].clone();
    assert_eq!(send(ADMIN, "key-3", &taken).await.code(), "RECORD_NOT_UNIQUE");
    assert_eq!(send(ADMIN, "key-3", &made("free")).await.status, 200);

    let batch = json!([made("list"), made("list")]);
    let first = send(ADMIN, "key-4", &batch).await;
    assert_eq!(send(ADMIN, "key-4", &batch).await.shape(), first.shape());
    assert_eq!(of(&server, "list").await, 2);
    let long = "k".repeat(256);
    assert_eq!(send(ADMIN, &long, &made("long")).await.code(), "INVALID_PAYLOAD");
    assert_eq!(send(ADMIN, &long[1..], &made("long")).await.status, 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_requests_under_one_key_make_one_row() {
    let server = seeded().start().await;
    for round in 0..5 {
        let (key, reference) = (format!("key-{round}"), format!("same-{round}"));
        let body = made(&reference).to_string().into_bytes();
        let headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
        let requests = (0..12).map(|_| server.send("POST", RESERVATIONS, Some(WRITER), &headers, Some(body.clone())));
        let replies = futures::future::join_all(requests).await;
        let mut bodies: Vec<_> = replies.iter().map(Reply::shape).collect();
        bodies.dedup();
        assert_eq!(bodies.len(), 1, "{bodies:?}");
        assert_eq!((bodies[0].0, of(&server, &reference).await), (200, 1));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_update_is_lost() {
    let server = seeded().start().await;
    let id = create(&server, 1, "start").await.remove(0);
    let path = format!("{RESERVATIONS}/{id}");
    // Several clients change different members of one row at the same time.
    let edits = [
        json!({"reference_id": "r"}),
        json!({"purchase_order": "p"}),
        json!({"url_suffix": "?a=b"}),
        json!({"error_message": "m"}),
        json!({"quantity": 7}),
        json!({"export_type": "xml"}),
    ];
    let writes = edits.iter().map(|edit| server.json("PATCH", &path, ADMIN, edit));
    for reply in futures::future::join_all(writes).await {
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
    let item = server.get(&path, ADMIN).await.data();
    for edit in &edits {
        for (member, value) in edit.as_object().unwrap() {
            assert_eq!(&item[member], value, "{member}");
        }
    }
    server.stop().await;
}
