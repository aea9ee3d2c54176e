//! A list reads the token and the user together with its rows, once the process knows whose the token was. Nothing of it is
//! shown if that is not true any more.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::AttributeValue;
use common::{
    context::Context,
    directory::{Role, User},
    reservation::Reservation,
    store::token_hash,
};
use lambda_runtime::{Context as LambdaContext, LambdaEvent};
use local::functions::{self, Handler};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    api::RESERVATIONS,
    by_hand::{set, text},
    counting::counted,
    harness::{Running, TOKEN as ADMINISTRATOR},
    meanwhile::meanwhile,
    repository::event_file,
    rows::{reservation, store, user},
};

fn of(organisation: &str) -> AttributeValue {
    AttributeValue::L(vec![text(organisation)])
}

/// Rows of the organisations A (with a reference) and B, in turn.
async fn filled(server: &Running, rows: usize) {
    let row = |n: usize| -> Reservation {
        let organisation = ["A", "B"][n % 2];
        let mut row = reservation(&json!({"reserved_for": organisation, "code_type": "sscc", "quantity": n,
            "reference_id": format!("of {organisation}")}));
        row.id = Uuid::new_v4();
        row.seeded = true;
        row
    };
    store(server.context(), &(1..=rows).map(row).collect::<Vec<_>>()).await;
}

/// The function, as one process that answers several requests.
fn function(context: &Arc<Context>) -> Handler {
    functions::http("list-reservations", context).unwrap()
}

/// The status and the body of a list.
async fn list(function: &Handler, token: &str, query: &str) -> (u64, Value) {
    let mut event = event_file("list-reservations/get.json").json();
    event["headers"]["authorization"] = json!(format!("Bearer {token}"));
    event["rawQueryString"] = json!(query);
    let answer = function(LambdaEvent::new(event, LambdaContext::default())).await.unwrap();
    let body = answer["body"].as_str().and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default();
    (answer["statusCode"].as_u64().unwrap(), body)
}

/// The organisations in an answer, or the code of its error.
fn organisations((status, body): &(u64, Value)) -> String {
    if *status != 200 {
        return format!("{status} {}", body["errors"][0]["extensions"]["code"].as_str().unwrap_or_default());
    }
    let mut found: Vec<&str> =
        body["data"].as_array().unwrap().iter().filter_map(|row| row["reserved_for"].as_str()).collect();
    found.sort_unstable();
    found.dedup();
    found.join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_its_user_and_the_rows_of_a_page_are_one_call() {
    let server = Running::paused().await;
    filled(&server, 150).await;
    let (context, counter) = counted(&server.system, |_| ());
    let lists = function(&context);
    let calls = |query: &'static str| {
        let (lists, counter) = (Arc::clone(&lists), counter.clone());
        async move {
            counter.take();
            let (status, body) = list(&lists, ADMINISTRATOR, query).await;
            let reads = counter.take();
            let of = |name: &str| reads.get(name).map_or(0, |reads| reads.calls);
            let rows = body["data"].as_array().map_or(0, Vec::len);
            (status, rows, of("GetItem"), of("Query"), of("BatchGetItem"))
        }
    };
    // Token, then user; then entries, then rows.
    assert_eq!(calls("limit=25").await, (200, 25, 2, 1, 1));
    assert_eq!(calls("limit=25").await, (200, 25, 0, 1, 1));
    assert_eq!(calls("limit=25&fields=id&sort=-date_created").await, (200, 25, 0, 1, 1));
    assert_eq!(calls("limit=25&filter[quantity][_gt]=0&fields=*").await.4, 1);
    // A call reads a hundred items. Of two, the second reads the last rows at the same time.
    assert_eq!(calls("limit=98").await, (200, 98, 0, 1, 1));
    assert_eq!(calls("limit=99").await, (200, 99, 0, 1, 2));
    assert_eq!(calls("limit=100").await, (200, 100, 0, 1, 2));
    assert_eq!(calls("limit=150").await, (200, 150, 0, 2, 3));
    // Where no row is read, and where the parameters are refused, they are read alone.
    assert_eq!(calls("filter[reserved_for][_eq]=C").await, (200, 0, 0, 1, 1));
    assert_eq!(calls("aggregate[count]=*").await.4, 1);
    assert_eq!(calls("limit=none").await, (400, 0, 0, 0, 1));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_changed_since_the_last_list_count() {
    let server = Running::paused().await;
    filled(&server, 12).await;
    let context = Arc::clone(server.context());
    let member = user(Role::Reader, Some(&["A"]));
    server.store().seed_user(&member, Some("reader")).await.unwrap();
    let path = format!("{RESERVATIONS}?limit=5&fields=reserved_for");
    // From the gateway, so that all requests are those of one process.
    let seen = async || {
        let reply = server.get(&path, "reader").await;
        organisations(&(reply.status.into(), serde_json::from_str(&reply.text).unwrap_or_default()))
    };
    let change = async |name: &str, value| set(&context, "user", &member.id, name, value).await;
    for _ in 0..2 {
        assert_eq!(seen().await, "A");
    }
    for (name, value, expected) in [
        ("organisations", of("B"), "B"),
        ("organisations", AttributeValue::L(Vec::new()), ""),
        ("organisations", text("*"), "A B"),
        ("status", text("suspended"), "401 INVALID_CREDENTIALS"),
        ("status", text("active"), "A B"),
        ("role", text("none"), "403 FORBIDDEN"),
        ("role", text("reader"), "A B"),
        ("organisations", of("A"), "A"),
    ] {
        change(name, value).await;
        // The first request after a change, and one that knows it already.
        for request in 1..=2 {
            assert_eq!(seen().await, expected, "{name}, request {request}");
        }
    }

    // The token ends, is revoked, and then belongs to somebody else.
    set(&context, "token", &token_hash("reader"), "valid_until", text("2020-01-01T00:00:00.000Z")).await;
    assert_eq!(seen().await, "401 INVALID_CREDENTIALS");
    set(&context, "token", &token_hash("reader"), "valid_until", text("2999-01-01T00:00:00.000Z")).await;
    assert_eq!((seen().await, seen().await), ("A".to_owned(), "A".to_owned()));
    server.store().revoke_other_tokens(&member.id, "").await.unwrap();
    assert_eq!(seen().await, "401 INVALID_CREDENTIALS");
    server.store().seed_user(&member, Some("reader")).await.unwrap();
    assert_eq!((seen().await, seen().await), ("A".to_owned(), "A".to_owned()));
    server.store().revoke_other_tokens(&member.id, "").await.unwrap();
    server.store().seed_user(&user(Role::Reader, Some(&["B"])), Some("reader")).await.unwrap();
    assert_eq!((seen().await, seen().await), ("B".to_owned(), "B".to_owned()));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_a_list_is_refused_to_a_token_that_was_revoked() {
    let server = Running::paused().await;
    filled(&server, 120).await;
    let member = user(Role::Reader, None);
    for (number, query) in [
        "limit=1",
        "limit=110",
        "limit=0",
        "limit=none",
        "fields=codes",
        "filter[status][_eq]=error",
        "filter[quantity][_gt]=3&sort=-quantity",
        "search=of",
        "aggregate[count]=*",
        "aggregate[sum]=quantity&groupBy[]=reserved_for",
        "meta=*",
        "export=csv",
        "filter[id][_eq]=00000000-0000-4000-8000-000000000000",
    ]
    .into_iter()
    .enumerate()
    {
        let token = format!("reader-{number}");
        server.store().seed_user(&member, Some(&token)).await.unwrap();
        let path = format!("{RESERVATIONS}?{query}");
        let before = [server.get(&path, &token).await, server.get(&path, &token).await];
        assert_eq!(before[0].status, before[1].status, "{query}");
        assert_eq!(before[0].text, before[1].text, "{query}");
        assert_ne!(before[0].status, 401, "{query}");
        server.store().revoke_other_tokens(&member.id, "").await.unwrap();
        let after = server.get(&path, &token).await;
        assert_eq!((after.status, after.code().as_str()), (401, "INVALID_CREDENTIALS"), "{query}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_of_the_user_that_a_filter_names_is_that_of_now() {
    let server = Running::paused().await;
    filled(&server, 12).await;
    let member = User { first_name: Some("of A".to_owned()), ..user(Role::Reader, None) };
    server.store().seed_user(&member, Some("reader")).await.unwrap();
    let query = "limit=5&filter[reference_id][_eq]=$CURRENT_USER.first_name";
    let (context, lists) = (server.context(), function(server.context()));
    for (name, expected) in [("of A", "A"), ("of A", "A"), ("of B", "B"), ("of nobody", "")] {
        set(context, "user", &member.id, "first_name", text(name)).await;
        assert_eq!(organisations(&list(&lists, "reader", query).await), expected, "{name}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_that_cannot_be_read_is_the_same_error_as_without_the_assumption() {
    let server = Running::paused().await;
    filled(&server, 4).await;
    let member = user(Role::Reader, None);
    server.store().seed_user(&member, Some("reader")).await.unwrap();
    let (context, lists) = (server.context(), function(server.context()));
    assert_eq!(organisations(&list(&lists, "reader", "limit=5").await), "A B");
    set(context, "user", &member.id, "role", AttributeValue::N("1".to_owned())).await;
    for _ in 0..2 {
        assert_eq!(list(&lists, "reader", "limit=5").await.0, 500);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_change_before_or_after_the_entries_are_read_count() {
    let server = Running::paused().await;
    filled(&server, 12).await;
    for (name, value, expected) in [
        ("organisations", of("B"), "B"),
        ("status", text("suspended"), "401 INVALID_CREDENTIALS"),
        ("role", text("none"), "403 FORBIDDEN"),
    ] {
        for call in [1, 2] {
            let token = format!("reader-{name}-{call}");
            let member = user(Role::Reader, Some(&["A"]));
            server.store().seed_user(&member, Some(&token)).await.unwrap();
            // How many calls before the change, and the change.
            let pending = Arc::new(Mutex::new(None));
            let (other, id, change) = (Arc::clone(server.context()), member.id.clone(), Arc::clone(&pending));
            let context = meanwhile(
                &server,
                |_| (),
                move || {
                    let due = change.lock().unwrap().as_mut().is_some_and(|(calls, _)| {
                        *calls -= 1;
                        *calls == 0
                    });
                    let value = change.lock().unwrap().take_if(|_| due).map(|(_, value)| value);
                    let (other, id) = (Arc::clone(&other), id.clone());
                    Box::pin(async move {
                        if let Some(value) = value {
                            set(&other, "user", &id, name, value).await;
                        }
                    })
                },
            );
            let lists = function(&context);
            assert_eq!(organisations(&list(&lists, &token, "limit=5").await), "A");
            *pending.lock().unwrap() = Some((call, value.clone()));
            assert_eq!(organisations(&list(&lists, &token, "limit=5").await), expected, "{name}, call {call}");
            assert!(pending.lock().unwrap().is_none());
        }
    }
    server.stop().await;
}
