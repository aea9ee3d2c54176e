//! A single reservation is read in the same call as the token and the user, once the process knows whose the token was.
//! What the caller may see is decided afterwards, from what that call has read.

use aws_sdk_dynamodb::types::AttributeValue;
use common::{
    directory::Role,
    operations::{Caller, OperationError, Session, read},
    query::{Budget, RawQuery},
    store::token_hash,
};
use serde_json::json;
use uuid::Uuid;

use crate::support::{
    api::{RESERVATIONS, sgtin, with},
    by_hand::{set, text},
    counting::{counted, total},
    harness::{Running, TOKEN as ADMINISTRATOR},
    rows::user,
};

/// Reads a reservation as the function does: the caller, then the row. Gives the reads of both steps.
async fn read_twice(server: &Running, token: &str, id: Uuid) -> [(Result<String, OperationError>, usize, usize); 2] {
    let (context, counter) = counted(&server.system, |_| ());
    let mut found = Vec::new();
    for _ in 0..2 {
        let now = context.now();
        let (user, ahead) = context.identity().user_and_row(context.store(), token, Some(id), now).await.unwrap();
        let caller = user.map_or_else(Caller::nobody, Caller::user);
        let first = total(&counter.take()).calls;
        let budget = Budget::default();
        let session = Session::new(&caller, now, &budget);
        let raw = RawQuery::default();
        let shown = read::one(&context, session, id, &raw, ahead).await;
        found.push((shown.map(|(_, row)| row["reference_id"].to_string()), first, total(&counter.take()).calls));
    }
    found.try_into().unwrap()
}

/// The status and the code of the error of a request that is refused.
async fn refusal(server: &Running, path: &str, token: &str) -> (u16, String) {
    let reply = server.get(path, token).await;
    (reply.status, reply.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_token_its_user_and_the_row_are_one_call() {
    let server = Running::paused().await;
    let id = server.api.post(&with(&sgtin(3), json!({"reference_id": "PO-1"}))).await;
    let id = Uuid::try_parse(id["id"].as_str().unwrap()).unwrap();
    let [(first, ..), (second, calls, later)] = read_twice(&server, ADMINISTRATOR, id).await;
    assert_eq!((first.unwrap(), second.unwrap(), calls, later), ("\"PO-1\"".to_owned(), "\"PO-1\"".to_owned(), 1, 0));
    // One that does not exist needs no second look either.
    let [_, (missing, calls, later)] = read_twice(&server, ADMINISTRATOR, Uuid::new_v4()).await;
    assert!(matches!(missing, Err(OperationError::Forbidden(_))), "{missing:?}");
    assert_eq!((calls, later), (1, 0));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_the_request_gives_the_same_row_before_and_after_the_token_is_known() {
    let server = Running::paused().await;
    let row = server.api.post(&with(&sgtin(3), json!({"reference_id": "PO-1"}))).await;
    let id = row["id"].as_str().unwrap().to_owned();
    let member = user(Role::Reader, None);
    let header = |token: &str| vec![("authorization", format!("Bearer {token}"))];
    for (number, (path, form)) in [
        (format!("{RESERVATIONS}/{id}"), "header"),
        (format!("{RESERVATIONS}/{id}/"), "header"),
        (format!("{RESERVATIONS}/{}", id.to_uppercase()), "header"),
        (format!("{RESERVATIONS}/{id}?fields=id,reference_id,codes"), "cookie"),
        (format!("{RESERVATIONS}/{id}?fields=id,reference_id"), "query"),
    ]
    .into_iter()
    .enumerate()
    {
        let token = format!("reader-{number}");
        server.store().seed_user(&member, Some(&token)).await.unwrap();
        let (path, headers) = match form {
            "cookie" => (path, vec![("cookie", format!("directus_session_token={token}"))]),
            "query" => (format!("{path}&access_token={token}"), Vec::new()),
            _ => (path, header(&token)),
        };
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut seen = Vec::new();
        for method in ["GET", "GET", "HEAD", "GET"] {
            let reply = server.send(method, &path, None, &headers, None).await;
            assert_eq!(reply.status, 200, "{method} {path} {form}");
            if method == "GET" {
                assert_eq!(reply.data()["reference_id"], "PO-1");
                seen.push(reply.text);
            }
        }
        seen.dedup();
        assert_eq!(seen.len(), 1, "{path}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_has_ended_is_refused_although_it_was_known() {
    let server = Running::paused().await;
    let row = server.api.post(&sgtin(3)).await;
    let path = format!("{RESERVATIONS}/{}", row["id"].as_str().unwrap());
    server.store().seed_user(&user(Role::Reader, None), Some("short")).await.unwrap();
    for _ in 0..2 {
        assert_eq!(server.get(&path, "short").await.status, 200);
    }
    set(server.context(), "token", &token_hash("short"), "valid_until", text("2020-01-01T00:00:00.000Z")).await;
    for _ in 0..2 {
        assert_eq!(refusal(&server, &path, "short").await, (401, "INVALID_CREDENTIALS".to_owned()));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_lost_the_right_since_the_last_request_sees_no_row() {
    let server = Running::paused().await;
    let row = server.api.post(&with(&sgtin(3), json!({"reserved_for": "A"}))).await;
    let path = format!("{RESERVATIONS}/{}", row["id"].as_str().unwrap());
    let member = user(Role::Reader, Some(&["A"]));
    server.store().seed_user(&member, Some("reader-a")).await.unwrap();
    assert_eq!(server.get(&path, "reader-a").await.data()["reserved_for"], "A");
    assert_eq!(server.get(&path, "reader-a").await.data()["reserved_for"], "A");

    let change = |name: &'static str, value: AttributeValue| set(server.context(), "user", &member.id, name, value);
    let of = |organisation: &str| AttributeValue::L(vec![text(organisation)]);
    change("organisations", of("B")).await;
    assert_eq!(refusal(&server, &path, "reader-a").await, (403, "FORBIDDEN".to_owned()));
    change("organisations", of("A")).await;
    change("status", text("suspended")).await;
    assert_eq!(refusal(&server, &path, "reader-a").await, (401, "INVALID_CREDENTIALS".to_owned()));
    change("status", text("active")).await;
    assert_eq!(server.get(&path, "reader-a").await.status, 200);

    // The token now belongs to somebody who may see other rows.
    let other = user(Role::Reader, Some(&["B"]));
    server.store().revoke_other_tokens(&member.id, "").await.unwrap();
    assert_eq!(refusal(&server, &path, "reader-a").await, (401, "INVALID_CREDENTIALS".to_owned()));
    server.store().seed_user(&other, Some("reader-a")).await.unwrap();
    assert_eq!(refusal(&server, &path, "reader-a").await, (403, "FORBIDDEN".to_owned()));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_read_is_an_error_only_for_those_who_may_read() {
    let server = Running::paused().await;
    let id = Uuid::new_v4();
    let table = &server.context().config().tables.reservations;
    let put = server.context().dynamodb().put_item().table_name(table);
    let put = put.item("id", text(&id.to_string())).item("status", AttributeValue::N("1".to_owned()));
    put.send().await.unwrap();
    server.store().seed_user(&user(Role::None, None), Some("no-right")).await.unwrap();
    for (token, expected) in [(ADMINISTRATOR, 500), ("no-right", 403)] {
        for _ in 0..2 {
            assert_eq!(server.get(&format!("{RESERVATIONS}/{id}"), token).await.status, expected, "{token}");
        }
    }
    // What else the row is read with is not refused.
    let [_, (corrupt, calls, later)] = read_twice(&server, ADMINISTRATOR, id).await;
    assert!(matches!(corrupt, Err(OperationError::Internal(_))), "{corrupt:?}");
    assert_eq!((calls, later), (1, 0));
    server.stop().await;
}
