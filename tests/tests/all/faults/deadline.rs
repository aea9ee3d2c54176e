//! Stores that hang: every request is answered with a 503 in the contract's form before the time limit of its function,
//! and what was written stays.
//!
//! The time limits are real but short, and nothing is measured. `Invoked` ends an invocation as Lambda does, so any
//! answer proves that the deadline of the request came first. (Tokio's paused clock is a feature of the crate; with it
//! `cargo test` would compile the AWS SDK a second time.)

use std::{collections::BTreeSet, time::Duration};

use common::{config::SecretSource, context::Context};
use lambda_http::LambdaEvent;
use local::{
    functions,
    invocation::{Invoked, request_id},
};
use serde_json::{Value, json};

use crate::support::{
    api::{RESERVATIONS, sgtin},
    faults::{Fault, Network, Request},
    harness::Running,
    invariants,
    repository::event_files,
};

/// The answer of a function within its time limit.
async fn invoke(context: &std::sync::Arc<Context>, binary: &str, seconds: u64, event: Value) -> Value {
    let function = functions::http(binary, context).unwrap();
    let invoked = Invoked { name: binary.to_owned(), timeout: Duration::from_secs(seconds) };
    let event = LambdaEvent::new(event, invoked.context(&request_id()));
    invoked.run(function(event)).await.unwrap()
}

/// Whether an answer is SERVICE_UNAVAILABLE in the contract's form. The answer to HEAD has no body.
fn is_unavailable(answer: &Value) -> bool {
    if answer["statusCode"] != 503 {
        return false;
    }
    assert_eq!(answer["headers"]["retry-after"], "1", "{answer}");
    let Some(body) = answer["body"].as_str().filter(|body| !body.is_empty()) else { return true };
    if answer["headers"]["content-type"] == "text/html; charset=utf-8" {
        assert!(body.starts_with("<!DOCTYPE html>"), "{answer}");
        return true;
    }
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["errors"][0]["extensions"]["code"], "SERVICE_UNAVAILABLE", "{answer}");
    assert!(body["errors"][0]["message"].is_string(), "{answer}");
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_answered_before_its_function_ends_when_the_stores_hang() {
    let running = Running::paused().await;
    let context = Network::failing(1, Fault::DieBefore).worker(&running, |config| {
        config.secret = SecretSource::SecretsManager("arn:aws:secretsmanager:eu-central-1:0:secret:s".into());
    });

    let requests = event_files().into_iter().filter(|file| file.json().get("routeKey").is_some());
    let answers = requests.map(|file| {
        let context = &context;
        async move { (file.binary.clone(), file.name.clone(), invoke(context, &file.binary, 4, file.json()).await) }
    });
    let answers = futures::future::join_all(answers).await;
    let unavailable = answers.iter().filter(|(_, _, answer)| is_unavailable(answer));
    let unavailable: BTreeSet<_> = unavailable.map(|(binary, _, _)| binary).collect();
    let all: BTreeSet<_> = answers.iter().map(|(binary, _, _)| binary).collect();
    assert_eq!(unavailable, all, "each function has an event that needs a store");
    for (_, name, answer) in &answers {
        // A request that needs no store is answered as usual.
        assert!(answer["statusCode"] != 500 && answer["headers"]["x-request-id"].is_string(), "{name}: {answer}");
    }
    running.stop().await;
}

/// The event of a POST, as the gateway creates it.
fn post(path: &str, key: Option<&str>, body: &Value) -> Value {
    let mut event = json!({
        "version": "2.0", "routeKey": format!("POST {path}"), "rawPath": path, "rawQueryString": "",
        "headers": { "authorization": "Bearer local-token", "content-type": "application/json" },
        "requestContext": { "http": { "method": "POST", "path": path }, "requestId": "r-1" },
        "body": body.to_string(), "isBase64Encoded": false,
    });
    if let Some(key) = key {
        event["headers"]["idempotency-key"] = json!(key);
    }
    event
}

async fn list(running: &Running, query: &str) -> Vec<Value> {
    running.api.send("GET", &format!("{RESERVATIONS}?{query}")).await.data().as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_hangs_anywhere_is_answered_and_its_key_still_makes_it_once() {
    let running = Running::paused().await;
    let network = Network::healthy();
    let healthy = network.worker(&running, |_| ());
    invoke(&healthy, "create-reservations", 29, post(RESERVATIONS, Some("k"), &sgtin(10))).await;
    let requests = network.calls().len();
    assert!(requests >= 3, "{:?}", network.calls());
    let mut made = 1;
    for (number, fault) in (1..=requests).flat_map(|number| [(number, Fault::DieBefore), (number, Fault::DieAfter)]) {
        let key = format!("{fault:?} {number}");
        let event = post(RESERVATIONS, Some(&key), &sgtin(10));
        let network = Network::failing(number, fault);
        let hanging = network.worker(&running, |_| ());
        let answer = invoke(&hanging, "create-reservations", 2, event.clone()).await;
        assert!(network.has_failed() && is_unavailable(&answer), "{key}: {answer}");
        // The client cannot know whether the row was written. It sends the request again, twice, under the same key.
        let first = invoke(&healthy, "create-reservations", 29, event.clone()).await;
        let second = invoke(&healthy, "create-reservations", 29, event).await;
        assert_eq!((&first["statusCode"], &first["body"]), (&json!(200), &second["body"]), "{key}");
        made += 1;
        assert_eq!(list(&running, "limit=-1&fields=id").await.len(), made, "{key}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_cut_off_says_which_mutations_are_done() {
    let running = Running::paused().await;
    let mutation = |name: &str| {
        format!(
            "{name}: create_code_reservation_item(data: {{reserved_for: \"/417/9312345000012\", code_type: \"sgtin\", \
             quantity: 10, product: \"/01/19361758000003\", reference_id: \"{name}\"}}) {{ reference_id }}"
        )
    };
    let document = json!({ "query": format!("mutation {{ {} {} {} }}", mutation("a"), mutation("b"), mutation("c")) });
    let event = post("/graphql", None, &document);
    let network = Network::healthy();
    let healthy = network.worker(&running, |_| ());
    let answer = invoke(&healthy, "graphql", 29, event.clone()).await;
    assert_eq!(answer["statusCode"], 200, "{answer}");
    let writes: Vec<usize> =
        (1..).zip(network.calls()).filter(|(_, call)| call == "TransactWriteItems").map(|(number, _)| number).collect();
    assert_eq!(writes.len(), 3, "{:?}", network.calls());

    let network = Network::failing(writes[1], Fault::DieBefore);
    let answer = invoke(&network.worker(&running, |_| ()), "graphql", 6, event).await;
    assert_eq!(answer["statusCode"], 200, "{answer}");
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["data"], json!({ "a": { "reference_id": "a" }, "b": null, "c": null }));
    let errors: Vec<_> =
        body["errors"].as_array().unwrap().iter().map(|e| (&e["path"][0], &e["extensions"]["code"])).collect();
    let unavailable = json!("SERVICE_UNAVAILABLE");
    assert_eq!(errors, [(&json!("b"), &unavailable), (&json!("c"), &unavailable)]);
    // The third mutation was not started: the request that hangs is followed only by its retries.
    let after = network.requests().split_off(writes[1] - 1);
    let is_second =
        |request: &Request| request.operation == "TransactWriteItems" && request.body.contains("\"S\":\"b\"");
    assert!(after.iter().all(is_second), "{after:?}");
    let rows = list(&running, "fields=reference_id").await;
    assert_eq!(rows.len(), 4, "three of the first document, one of the second");
    invariants::assert_consistent(&healthy).await;
    running.stop().await;
}
