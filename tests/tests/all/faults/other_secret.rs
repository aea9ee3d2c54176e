//! The stack is deployed again on its tables, with another secret. No code is allocated and none is shown; when the secret is
//! restored, everything goes on.

use std::{sync::Arc, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use common::{
    code::Secret,
    config::{Config, SecretSource},
    context::Context,
    operations::OperationError,
    reservation::Status,
    store::SecretCheck,
};
use lambda_runtime::LambdaEvent;
use local::{
    functions,
    invocation::{Invoked, request_id},
    system::sdk_config,
};
use serde_json::json;

use crate::support::{
    api::{RESERVATIONS, sgtin, with},
    faults::Network,
    harness::TOKEN,
    invariants::everything,
    manual::{ManualSystem, NO_END},
    stream::{hint, invoke as deliver},
    sweep::{age, drop_records, wake},
};

/// A context over the same stores with another secret.
fn other(system: &ManualSystem) -> Arc<Context> {
    let secret = SecretSource::Value("another secret of sixty-four characters, which is not that one".to_owned());
    let config = Config { secret, ..system.context().config().clone() };
    Context::new(config, &sdk_config(system.running.system.s3()))
}

async fn row(system: &ManualSystem) -> Option<SecretCheck> {
    system.store().secret_check().await.unwrap()
}

/// The status of `/server/health`, as another process of the function would answer.
async fn is_healthy(system: &ManualSystem) -> bool {
    let config = system.context().config().clone();
    Context::new(config, &sdk_config(system.running.system.s3())).health().await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_another_secret_nothing_is_allocated_and_no_code_is_shown() {
    let mut system = ManualSystem::new(NO_END).await;
    assert_eq!(row(&system).await, None);
    assert!(is_healthy(&system).await);
    let first = system.create("csv", 10).await;
    system.settle().await;
    let right = system.context().secret().await.unwrap().check_value();
    assert_eq!(row(&system).await.map(|row| (row.check, row.mismatch)), Some((right.clone(), None)));

    // A reservation in the pool that exists and one in a new one.
    let (known, fresh) = (
        system.create("csv", 5).await,
        system.create_with(&with(&sgtin(5), json!({ "product": "/01/09312345000012" }))).await,
    );
    let wrong = other(&system);
    for id in [known, fresh] {
        assert_eq!(deliver(&wrong, vec![hint(1, &id.to_string())]).await, ["1"]);
        let item = system.item(id).await;
        assert_eq!((item.status, item.range), (Status::New, None), "it waits");
    }
    let noted = row(&system).await.unwrap();
    assert_eq!((noted.check.as_str(), noted.mismatch.as_deref()), (right.as_str(), Some(&*wrong_check(&wrong).await)));
    assert!(noted.mismatch_at.is_some());
    assert!(!is_healthy(&system).await, "the row is all that health may read");
    // An old file is not written again with other codes, nor is any code computed.
    assert_eq!(system.patch(first, &json!({"status": "new"})).await, 200);
    assert_eq!(deliver(&wrong, vec![hint(1, &first.to_string())]).await, ["1"]);
    assert_eq!(system.item(first).await.status, Status::InProgress);
    let error: OperationError = wrong.secret().await.unwrap_err().into();
    assert!(matches!(error, OperationError::Unavailable(_)), "{error:?}");

    // However long it lasts: a wake is not an attempt.
    for _ in 0..10 {
        for id in [known, fresh] {
            age(&system, id, 20).await;
        }
        drop_records(&mut system).await;
        assert_eq!(wake(&system).await, 2);
        for id in [known, fresh] {
            assert_eq!(deliver(&wrong, vec![hint(1, &id.to_string())]).await, ["1"]);
        }
    }
    // With the right secret again, everything is done, and health says so.
    let network = Network::healthy();
    let worker = system.worker(&network);
    let records = vec![hint(1, &first.to_string()), hint(2, &known.to_string()), hint(3, &fresh.to_string())];
    assert_eq!(deliver(&worker, records).await, [""; 0]);
    for id in [first, known, fresh] {
        system.assert_exported(id).await;
    }
    assert_eq!(row(&system).await.and_then(|row| row.mismatch), None);
    assert!(is_healthy(&system).await);
    system.settle().await;
    system.assert_sound().await;
}

/// The check value of a context's own secret, which it does not hand out.
async fn wrong_check(wrong: &Context) -> String {
    let SecretSource::Value(text) = &wrong.config().secret else { panic!("a value") };
    Secret::new(text.as_bytes()).unwrap().check_value()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_codes_are_503_and_reservations_without_codes_are_served() {
    let mut system = ManualSystem::new(NO_END).await;
    let id = system.create("csv", 10).await;
    system.settle().await;
    let shown = system.running.get(&format!("{RESERVATIONS}/{id}?fields=id,codes.id"), TOKEN).await;
    let code = shown.json()["data"]["codes"][0]["id"].as_str().unwrap().to_owned();
    // The stored check value is that of another secret: for the functions it is theirs that is wrong.
    let table = &system.context().config().tables.pools;
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let edit = system.context().dynamodb().update_item().table_name(table);
    let edit = edit.key("namespace", text("secret")).key("entry", text("check"));
    let edit = edit.update_expression("SET #check = :other").expression_attribute_names("#check", "check");
    edit.expression_attribute_values(":other", text("0123456789abcdef")).send().await.unwrap();
    let fresh = Context::new(system.context().config().clone(), &sdk_config(system.running.system.s3()));
    let before = everything(&fresh).await.len();
    let id = id.to_string();
    let of_reservation = format!("filter[reservation][_eq]={id}");
    for (binary, route, id, query) in [
        ("get-reservation", "/items/code_reservation/{id}", id.as_str(), "fields=id,codes.code"),
        ("list-codes", "/items/unique_code", "", of_reservation.as_str()),
        ("list-codes", "/items/unique_code/{id}", code.as_str(), ""),
    ] {
        assert_eq!(get(&fresh, binary, route, id, query).await, 503, "{route}");
    }
    assert_eq!(get(&fresh, "get-reservation", "/items/code_reservation/{id}", &id, "fields=id,status").await, 200);
    assert_eq!(everything(&fresh).await.len(), before);
    assert!(fresh.health().await.is_err());
}

/// The status of a GET that a function answers with this context.
async fn get(context: &Arc<Context>, binary: &str, route: &str, id: &str, query: &str) -> u64 {
    let path = route.replace("{id}", id);
    let mut event = json!({
        "version": "2.0", "routeKey": format!("GET {route}"), "rawPath": path, "rawQueryString": query,
        "headers": { "authorization": format!("Bearer {TOKEN}") },
        "requestContext": { "http": { "method": "GET", "path": path }, "requestId": "r-1" }, "isBase64Encoded": false,
    });
    if !id.is_empty() {
        event["pathParameters"] = json!({ "id": id });
    }
    let invoked = Invoked { name: binary.to_owned(), timeout: Duration::from_secs(29) };
    let handler = functions::http(binary, context).unwrap();
    let answer = handler(LambdaEvent::new(event, invoked.context(&request_id()))).await.unwrap();
    answer["statusCode"].as_u64().unwrap()
}
