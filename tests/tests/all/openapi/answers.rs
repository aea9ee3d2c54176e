//! Answers of the running system: the check that every answer of these tests goes through finds what is wrong, and
//! refusals of every kind are as the document says.

use common::reservation::Rules;
use directory::openapi::{View, document};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::{ADMIN, DOCUMENT, EDITOR, NONE, READER, WRITER, described};
use crate::support::{
    api::{RESERVATIONS, Reply},
    contract::{breach, operation, whole},
};

/// An answer of the service with this body.
fn answer(status: u16, body: &Value) -> Reply {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("content-type", "application/json; charset=utf-8"),
        ("x-request-id", "r"),
        ("cache-control", "private, no-cache"),
        ("etag", "W/\"1-0123456789abcdef\""),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    Reply { status, headers, text: body.to_string() }
}

#[test]
fn an_answer_that_the_document_does_not_have_is_found() {
    let good = json!({"data": [{"id": "0193aaaa-0000-7000-8000-000000000001", "quantity": 5, "status": "new"}]});
    assert_eq!(breach("GET", RESERVATIONS, &answer(200, &good)), None);
    let wrong = [
        (200, json!({"data": [{"quantity": "5"}]}), "body"),
        (200, json!({"data": [{"status": "gone"}]}), "body"),
        (200, json!({"data": [{"id": null}]}), "body"),
        (200, json!({"data": [{"date_created": "yesterday"}]}), "body"),
        (200, json!({"data": {}}), "body"),
        (200, json!({"rows": []}), "body"),
        (200, json!({"data": [], "meta": {"pages": 1}}), "body"),
        (400, json!({"errors": []}), "body"),
        (400, json!({"errors": [{"message": "x", "extensions": {"code": "FORBIDDEN"}}]}), "body"),
        (403, json!({"errors": [{"extensions": {"code": "FORBIDDEN"}}]}), "body"),
        (418, json!({}), "status"),
        (204, json!({}), "status"),
    ];
    for (status, body, what) in wrong {
        let reason = breach("GET", RESERVATIONS, &answer(status, &body));
        assert!(reason.as_ref().is_some_and(|reason| reason.contains(what)), "{status} {body}: {reason:?}");
    }
    for name in ["x-request-id", "etag", "cache-control"] {
        let mut reply = answer(200, &good);
        reply.headers.remove(name);
        let reason = breach("GET", RESERVATIONS, &reply);
        assert!(reason.is_some_and(|reason| reason.contains(name)), "{name}");
    }
    let mut csv = answer(200, &good);
    csv.headers.insert("content-type", HeaderValue::from_static("image/png"));
    assert!(breach("GET", RESERVATIONS, &csv).is_some());
    assert!(breach("PUT", RESERVATIONS, &answer(200, &good)).is_some(), "no operation");
}

#[test]
fn a_request_finds_its_operation() {
    for (method, path, expected) in [
        ("GET", "/users/me", Some("getMe")),
        ("GET", "/users/x/", Some("getUser")),
        ("HEAD", "/users/x", Some("getUserHead")),
        ("SEARCH", RESERVATIONS, Some("searchReservations")),
        ("GET", "/items/organisation/a/b", Some("getOrganisation")),
        ("GET", "/files/a/b", None),
        ("PUT", "/files/a", None),
        ("GET", "/", None),
    ] {
        let found = operation(whole(), method, path).map(|operation| operation["operationId"].as_str().unwrap());
        assert_eq!(found, expected, "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_caller_gets_the_document_of_its_rights() {
    use common::directory::Role;
    let running = described().await;
    let rules = Rules { max_quantity: 100_000_000, ..running.context().config().rules() };
    for (token, view) in [
        (Some(ADMIN), View::of_role(Role::Admin, false)),
        (Some(EDITOR), View::of_role(Role::Writer, false)),
        (Some(WRITER), View::of_role(Role::Writer, true)),
        (Some(READER), View::of_role(Role::Reader, false)),
        (Some(NONE), View::of_role(Role::None, false)),
        (None, View::public()),
    ] {
        let reply = running.send("GET", DOCUMENT, token, &[], None).await;
        assert_eq!(reply.status, 200, "{token:?}: {}", reply.text);
        assert_eq!(reply.parsed(), document(&view, &rules), "{token:?}");
        assert_eq!(reply.header("content-type"), "application/json; charset=utf-8");
        assert_eq!(reply.header("cache-control"), "private, no-cache");
        // The same caller is told that it is still the same; another one, whose document is another, is not.
        let tag = reply.header("etag").to_owned();
        let again = running.send("GET", DOCUMENT, token, &[("if-none-match", &tag)], None).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""), "{token:?}");
        let slash = running.send("GET", &format!("{DOCUMENT}/"), token, &[], None).await;
        assert_eq!(slash.shape(), reply.shape(), "{token:?}");
        let head = running.send("HEAD", DOCUMENT, token, &[], None).await;
        assert_eq!((head.status, head.text.as_str(), head.header("etag")), (200, "", tag.as_str()), "{token:?}");
    }
    let bad = running.send("GET", DOCUMENT, Some("not-a-token"), &[], None).await;
    assert_eq!((bad.status, bad.code().as_str()), (401, "INVALID_CREDENTIALS"));
    let below = running.get(&format!("{DOCUMENT}/more"), ADMIN).await;
    assert_eq!((below.status, below.code().as_str()), (404, "ROUTE_NOT_FOUND"));
    running.stop().await;
}

#[test]
fn the_document_is_far_below_what_an_answer_may_have() {
    // It grows with the routes and collections only, but a list of examples without end would show here.
    let bytes = whole().to_string().len();
    assert!(bytes < 450_000, "{bytes} bytes");
}
