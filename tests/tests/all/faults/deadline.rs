//! A store that hangs: every request is answered in the contract's shape before its function's time limit, and what was
//! written stays.
//!
//! The time limits here are real but short, and nothing is measured: `Invoked` ends an invocation as Lambda does, so an answer
//! at all says that the request's own deadline came first. (Tokio's paused clock is a feature of the crate that would make
//! `cargo test` compile the AWS SDK a second time.)

use std::{collections::BTreeSet, time::Duration};

use aws_smithy_runtime_api::client::http::{HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use common::context::Context;
use lambda_http::LambdaEvent;
use local::{
    functions,
    invocation::{Invoked, request_id},
    options::Options,
    system::sdk_config,
};
use serde_json::{Value, json};

use crate::support::{
    api::{RESERVATIONS, sgtin},
    fault_proxy::{Cut, Worker},
    invariants,
    repository::event_files,
    system::Running,
};

/// What a function answers within its time limit.
async fn invoke(context: &std::sync::Arc<Context>, binary: &str, seconds: u64, event: Value) -> Value {
    let function = functions::http(binary, context).unwrap();
    let invoked = Invoked { name: binary.to_owned(), timeout: Duration::from_secs(seconds) };
    let event = LambdaEvent::new(event, invoked.context(&request_id()));
    invoked.run(function(event)).await.unwrap()
}

/// Whether it is SERVICE_UNAVAILABLE in the contract's shape; the answer to HEAD has no body.
fn is_unavailable(answer: &Value) -> bool {
    if answer["statusCode"] != 503 {
        return false;
    }
    assert_eq!(answer["headers"]["retry-after"], "1", "{answer}");
    let Some(body) = answer["body"].as_str().filter(|body| !body.is_empty()) else { return true };
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["errors"][0]["extensions"]["code"], "SERVICE_UNAVAILABLE", "{answer}");
    assert!(body["errors"][0]["message"].is_string(), "{answer}");
    true
}

/// Like a store behind a connection that is never closed and never answers.
#[derive(Debug)]
struct Hangs;

impl aws_smithy_runtime_api::client::http::HttpConnector for Hangs {
    fn call(&self, _: aws_smithy_runtime_api::client::orchestrator::HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(std::future::pending())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_answered_before_its_function_ends_when_the_stores_hang() {
    let running = Running::start(Options { pause_stream: true, ..Options::in_memory() }).await;
    let mut config = running.context().config().clone();
    config.secret =
        common::config::SecretSource::SecretsManager("arn:aws:secretsmanager:eu-central-1:0:secret:s".into());
    let client = http_client_fn(|_, _| SharedHttpConnector::new(Hangs));
    let sdk = sdk_config(running.system.s3()).to_builder().http_client(client).build();
    let context = Context::new(config, &sdk);

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
        // What needs no store is answered as ever; nothing else than a 503 says that a store failed.
        assert!(answer["statusCode"] != 500 && answer["headers"]["x-request-id"].is_string(), "{name}: {answer}");
    }
    running.system.stop().await;
}

/// An event of `POST`, as the gateway makes it.
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
    let running = Running::start(Options { pause_stream: true, ..Options::in_memory() }).await;
    let count = async |worker: &Worker, key: &str| {
        invoke(&worker.context, "create-reservations", 29, post(RESERVATIONS, Some(key), &sgtin(10))).await;
        worker.requests().len()
    };
    let healthy = Worker::new(&running, Cut::Never, |_| ()).await;
    let requests = count(&healthy, "k").await;
    assert!(requests >= 3, "{:?}", healthy.requests());
    let mut made = 1;
    for cut in (0..requests).flat_map(|number| [Cut::HangBefore(number), Cut::HangAfter(number)]) {
        let key = format!("{cut:?}");
        let event = post(RESERVATIONS, Some(&key), &sgtin(10));
        let worker = Worker::new(&running, cut, |_| ()).await;
        let answer = invoke(&worker.context, "create-reservations", 2, event.clone()).await;
        assert!(worker.is_cut() && is_unavailable(&answer), "{cut:?}: {answer}");
        // The client cannot know whether it was written. Under the same key it asks again, and again.
        let first = invoke(&healthy.context, "create-reservations", 29, event.clone()).await;
        let second = invoke(&healthy.context, "create-reservations", 29, event).await;
        assert_eq!((&first["statusCode"], &first["body"]), (&json!(200), &second["body"]), "{cut:?}");
        made += 1;
        assert_eq!(list(&running, "limit=-1&fields=id").await.len(), made, "{cut:?}");
    }
    running.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_cut_off_says_which_mutations_are_done() {
    let running = Running::start(Options { pause_stream: true, ..Options::in_memory() }).await;
    let mutation = |name: &str| {
        format!(
            "{name}: create_code_reservation_item(data: {{reserved_for: \"/417/9312345000012\", code_type: \"sgtin\", \
             quantity: 10, product: \"/01/19361758000003\", reference_id: \"{name}\"}}) {{ reference_id }}"
        )
    };
    let document = json!({ "query": format!("mutation {{ {} {} {} }}", mutation("a"), mutation("b"), mutation("c")) });
    let event = post("/graphql", None, &document);
    let whole = Worker::new(&running, Cut::Never, |_| ()).await;
    let answer = invoke(&whole.context, "graphql", 29, event.clone()).await;
    assert_eq!(answer["statusCode"], 200, "{answer}");
    let writes: Vec<usize> =
        (0..).zip(whole.requests()).filter(|(_, r)| r.starts_with("PutItem")).map(|(n, _)| n).collect();
    assert_eq!(writes.len(), 3, "{:?}", whole.requests());

    let worker = Worker::new(&running, Cut::HangBefore(writes[1]), |_| ()).await;
    let answer = invoke(&worker.context, "graphql", 6, event).await;
    assert_eq!(answer["statusCode"], 200, "{answer}");
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["data"], json!({ "a": { "reference_id": "a" }, "b": null, "c": null }));
    let errors: Vec<_> =
        body["errors"].as_array().unwrap().iter().map(|e| (&e["path"][0], &e["extensions"]["code"])).collect();
    let unavailable = json!("SERVICE_UNAVAILABLE");
    assert_eq!(errors, [(&json!("b"), &unavailable), (&json!("c"), &unavailable)]);
    // The third was not begun: after the request that hangs there is only its retries.
    let after = worker.requests().split_off(writes[1]);
    assert!(after.iter().all(|request| request.starts_with("PutItem") && request.contains("\"S\":\"b\"")), "{after:?}");
    let rows = list(&running, "fields=reference_id").await;
    assert_eq!(rows.len(), 4, "three of the whole document, one of the one that was cut off");
    invariants::assert_consistent(&whole.context).await;
    running.system.stop().await;
}
