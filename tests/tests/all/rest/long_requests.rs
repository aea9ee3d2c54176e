//! Requests that are too long for API Gateway are refused by the gateway of `local` in the same form; what docs/api.md
//! names instead works.

use serde_json::json;

use super::edges::{Raw, send};
use crate::support::{
    api::{RESERVATIONS, encoded},
    harness::{Running, Setup, TOKEN},
};

/// What API Gateway allows of request line and header values together, in bytes.
const MOST: usize = 10_240;

/// A GET whose request line and header values have `size` bytes: by a long query string, or by a long header.
async fn get(running: &Running, size: usize, by_header: bool, filler: &str) -> Raw {
    let request = |target: &str, header: &str| {
        format!(
            "GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nX-Filler: {header}\r\nConnection: close\r\n\r\n"
        )
    };
    let target = format!("{RESERVATIONS}?fields=id&limit=1&x=");
    let line = format!("GET {target} HTTP/1.1").len();
    let values = "x".len() + format!("Bearer {TOKEN}").len() + "close".len();
    let rest = size - line - values;
    let long = filler.repeat(rest / filler.len()) + &"a".repeat(rest % filler.len());
    let request = if by_header { request(&target, &long) } else { request(&format!("{target}{long}"), "") };
    send(running.system.address().unwrap(), request.as_bytes()).await
}

#[tokio::test]
async fn a_request_line_and_headers_above_the_limit_are_refused_as_by_the_gateway() {
    let running = Running::paused().await;
    for by_header in [false, true] {
        // Characters that are encoded on the way count as they were sent.
        for filler in ["a", "{\"}"] {
            let just = get(&running, MOST, by_header, filler).await;
            assert_eq!((just.status, just.json()), (200, json!({"data": []})), "{by_header} {filler}");
            for size in [MOST + 1, MOST + 5_000, 100_000] {
                let refused = get(&running, size, by_header, filler).await;
                assert_eq!(refused.status, 431, "{size} {by_header} {filler}: {refused:?}");
                assert_eq!(refused.json(), json!({"message": "Request Header Fields Too Large"}));
                assert_eq!(refused.header("content-type"), Some("application/json"));
                assert_eq!(refused.header("cache-control"), Some("no-store"));
            }
        }
    }
    // Names of headers do not count.
    let names: String = (0..90).map(|n| format!("X-{}-{n}: \r\n", "a".repeat(120))).collect();
    let request = format!(
        "GET {RESERVATIONS}?limit=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n{names}Connection: close\r\n\r\n"
    );
    let answer = send(running.system.address().unwrap(), request.as_bytes()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    running.stop().await;
}

#[tokio::test]
async fn each_request_of_a_connection_is_judged_by_its_own_size() {
    let running = Running::paused().await;
    let get = |length: usize, more: &str| {
        let long = "a".repeat(length);
        format!(
            "GET {RESERVATIONS}?limit=1&x={long} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n{more}\r\n"
        )
    };
    let requests = [get(1, ""), get(MOST, ""), get(2, ""), get(MOST, "Connection: close\r\n")].concat();
    let answers = send(running.system.address().unwrap(), requests.as_bytes()).await;
    let all = format!("{}\r\n\r\n{}", answers.head, answers.body);
    let statuses: Vec<_> =
        all.lines().filter_map(|line| line.split("HTTP/1.1 ").nth(1)).map(|status| status.get(..3).unwrap()).collect();
    assert_eq!(statuses, ["200", "431", "200", "431"], "{all}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_query_works_in_a_body_and_with_the_switch_also_in_the_query_string() {
    let keys: Vec<String> = (0..400).map(|n| format!("0193aaaa-0000-7000-8000-{n:012}")).collect();
    let filter = json!({"id": {"_in": keys}});
    let path = format!("{RESERVATIONS}?fields=id&filter={}", encoded(&filter));
    assert!(path.len() > MOST);
    let running = Running::paused().await;
    let reply = running.get(&path, TOKEN).await;
    assert_eq!((reply.status, reply.json()), (431, json!({"message": "Request Header Fields Too Large"})));
    let query = json!({"filter": filter, "fields": ["id"]});
    let search = running.json("SEARCH", RESERVATIONS, TOKEN, &json!({ "query": query })).await;
    assert_eq!(search.data(), json!([]));
    let document = "query ($ids: [ID]) { code_reservation(filter: { id: { _in: $ids } }) { id } }";
    let body = json!({"query": document, "variables": {"ids": keys}});
    let graphql = running.json("POST", "/graphql", TOKEN, &body).await;
    assert_eq!(graphql.data(), json!({"code_reservation": []}));
    let deleted = running.json("DELETE", RESERVATIONS, TOKEN, &json!({"query": query})).await;
    assert_eq!(deleted.status, 204, "{}", deleted.text);
    running.stop().await;

    let running = Setup::new().paused().long_requests().start().await;
    assert_eq!(running.get(&path, TOKEN).await.data(), json!([]));
    running.stop().await;
}
