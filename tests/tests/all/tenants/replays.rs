//! A request under an Idempotency-Key that was used before is answered by the rights of today.

use aws_sdk_dynamodb::types::AttributeValue;
use common::directory::Role;
use serde_json::{Value, json};

use super::{person, row, set, text};
use crate::support::{
    api::{RESERVATIONS, Reply},
    harness::{Running, TOKEN},
};

async fn send(server: &Running, path: &str, token: &str, key: &str, body: &Value) -> Reply {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    server.send("POST", path, Some(token), &headers, Some(body.to_string().into_bytes())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_was_taken_away_is_missing_in_a_replay_too() {
    let server = Running::paused().await;
    let id = person(&server, "Anna", Role::Writer, Some(&["A", "B"])).await;
    let only = |name: &str| Some(AttributeValue::L(vec![text(name)]));
    let mutation = "mutation { create_code_reservation_item(data: {reserved_for: \"A\", code_type: \"short_code\", \
                    quantity: 1}) { id user_created { first_name } } }";
    let requests = [
        (RESERVATIONS, "one", row("A")),
        (RESERVATIONS, "several", json!([row("A"), row("A")])),
        (RESERVATIONS, "both", json!([row("A"), row("B")])),
        ("/graphql", "graphql", json!({ "query": mutation })),
    ];
    let replay = async || {
        let mut replies = Vec::new();
        for (path, key, body) in &requests {
            replies.push(send(&server, path, "Anna", key, body).await);
        }
        replies
    };
    let first = replay().await;
    let rows = async || server.get(&format!("{RESERVATIONS}?limit=-1&fields=id"), TOKEN).await.data();
    let there = rows().await;
    assert_eq!(there.as_array().unwrap().len(), 6);
    let shapes = |replies: &[Reply]| replies.iter().map(Reply::shape).collect::<Vec<_>>();
    assert_eq!(shapes(&replay().await), shapes(&first));

    // Neither the row that is there nor one that was deleted since.
    for deleted in [false, true] {
        if deleted {
            let ids: Vec<_> = there.as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
            assert_eq!(server.json("DELETE", RESERVATIONS, TOKEN, &json!(ids)).await.status, 204);
            assert_eq!(shapes(&replay().await), shapes(&first), "what was deleted was made once all the same");
        }
        set(&server, &id, "organisations", only("B")).await;
        for reply in replay().await {
            assert_eq!(reply.code(), "FORBIDDEN", "{}", reply.text);
            assert!(!reply.text.contains("first_name"), "{}", reply.text);
        }
        set(&server, &id, "organisations", Some(AttributeValue::L(vec![text("B"), text("A")]))).await;
        assert_eq!(shapes(&replay().await), shapes(&first), "the order says nothing");
        set(&server, &id, "role", Some(text("reader"))).await;
        for reply in replay().await {
            assert!(matches!(reply.code().as_str(), "FORBIDDEN" | "GRAPHQL_VALIDATION"), "{}", reply.text);
        }
        set(&server, &id, "role", Some(text("writer"))).await;
        set(&server, &id, "status", Some(text("suspended"))).await;
        for reply in replay().await {
            assert_eq!(reply.code(), "INVALID_CREDENTIALS");
        }
        set(&server, &id, "status", Some(text("active"))).await;
        set(&server, &id, "organisations", None).await;
        for reply in replay().await {
            assert_eq!(reply.code(), "INVALID_CREDENTIALS");
        }
        set(&server, &id, "organisations", Some(AttributeValue::L(vec![text("A"), text("B")]))).await;
        assert_eq!(shapes(&replay().await), shapes(&first));
    }
    assert_eq!(rows().await, json!([]), "no replay made a row");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_went_to_another_organisation_is_not_shown_by_a_replay() {
    let server = Running::paused().await;
    person(&server, "Anna", Role::Writer, Some(&["A"])).await;
    for (key, body) in [("one", row("A")), ("list", json!([row("A"), row("A")]))] {
        let first = send(&server, RESERVATIONS, "Anna", key, &body).await.data();
        let made = first.as_array().and_then(|rows| rows.last()).unwrap_or(&first);
        let path = format!("{RESERVATIONS}/{}", made["id"].as_str().unwrap());
        assert_eq!(server.json("PATCH", &path, TOKEN, &json!({"reserved_for": "B"})).await.status, 200);
        let again = send(&server, RESERVATIONS, "Anna", key, &body).await;
        assert_eq!((again.status, again.code().as_str()), (403, "FORBIDDEN"), "{}", again.text);
        assert_eq!(again.shape(), server.get(&path, "Anna").await.shape());
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_shows_what_may_be_read_today() {
    let server = Running::paused().await;
    let id = person(&server, "Zoe", Role::Admin, None).await;
    let path = format!("{RESERVATIONS}?fields=*,user_created.*");
    let first = send(&server, &path, "Zoe", "key", &row("A")).await;
    assert_eq!(first.data()["user_created"]["email"], "Zoe@people.example");
    set(&server, &id, "organisations", Some(AttributeValue::L(vec![text("A")]))).await;
    // The answer that is kept was for an administrator of all, whatever members are asked for now.
    for path in [&path, RESERVATIONS] {
        let again = send(&server, path, "Zoe", "key", &row("A")).await;
        assert_eq!(again.data()["id"], first.data()["id"]);
        assert!(!again.text.contains("people.example"), "{}", again.text);
    }
    assert_eq!(
        send(&server, &format!("{RESERVATIONS}?fields=user_created.email"), "Zoe", "key", &row("A")).await.status,
        403
    );
    // Nothing can be built of a row that is gone.
    let made = format!("{RESERVATIONS}/{}", first.data()["id"].as_str().unwrap());
    assert_eq!(server.json("DELETE", &made, TOKEN, &Value::Null).await.status, 204);
    assert_eq!(send(&server, RESERVATIONS, "Zoe", "key", &row("A")).await.status, 403);
    server.stop().await;
}
