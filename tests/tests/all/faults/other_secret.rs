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
use serde_json::{Value, json};

use crate::support::{
    api::{RESERVATIONS, encoded, sgtin, with},
    faults::{Fault, Network},
    harness::TOKEN,
    invariants::items,
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

/// Removes the row, as in tables without a pool.
async fn forget(system: &ManualSystem) {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let delete = system.context().dynamodb().delete_item().table_name(&system.context().config().tables.pools);
    delete.key("namespace", text("secret")).key("entry", text("check")).send().await.unwrap();
}

/// The status of `/server/health`, as another process of the function would answer.
async fn is_healthy(system: &ManualSystem) -> bool {
    let config = system.context().config().clone();
    Context::new(config, &sdk_config(system.running.system.s3())).health().await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_another_secret_nothing_is_allocated_and_no_code_is_shown() {
    let mut system = ManualSystem::new(NO_END).await;
    forget(&system).await;
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

/// Tables of an older version do not say which secret is theirs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_that_do_not_know_their_secret_learn_no_wrong_one_and_wait_for_the_right_one() {
    for known_first in [false, true] {
        let mut system = ManualSystem::new(NO_END).await;
        let first = system.create("csv", 10).await;
        system.settle().await;
        forget(&system).await;
        let mut waiting = vec![
            system.create_with(&with(&sgtin(5), json!({ "product": "/01/09312345000012" }))).await,
            system.create("csv", 5).await,
        ];
        if known_first {
            waiting.reverse();
        }
        // For longer than a reservation has attempts.
        for _ in 0..10 {
            for id in &waiting {
                let wrong = other(&system);
                assert_eq!(deliver(&wrong, vec![hint(1, &id.to_string())]).await, ["1"]);
                let item = system.item(*id).await;
                assert_eq!((item.status, item.range, item.attempts), (Status::New, None, 0), "it waits");
                age(&system, *id, 20).await;
            }
            drop_records(&mut system).await;
            assert_eq!(wake(&system).await, 2);
        }
        assert_eq!(row(&system).await, None, "the wrong secret is not the tables'");
        system.settle().await;
        for id in waiting.into_iter().chain([first]) {
            system.assert_exported(id).await;
        }
        let right = system.context().secret().await.unwrap().check_value();
        assert_eq!(row(&system).await.map(|row| (row.check, row.mismatch)), Some((right, None)));
        system.assert_sound().await;
    }
}

/// The check value of a context's own secret, which it does not hand out.
async fn wrong_check(wrong: &Context) -> String {
    let SecretSource::Value(text) = &wrong.config().secret else { panic!("a value") };
    Secret::new(text.as_bytes()).unwrap().check_value()
}

/// Stores the check value of another secret, without a record of it: for every function it is its own that is wrong.
async fn replace_check(system: &ManualSystem) {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let edit = system.context().dynamodb().update_item().table_name(&system.context().config().tables.pools);
    let edit = edit.key("namespace", text("secret")).key("entry", text("check"));
    let edit = edit.update_expression("SET #check = :other REMOVE mismatch, mismatch_at");
    let edit = edit.expression_attribute_names("#check", "check");
    edit.expression_attribute_values(":other", text("0123456789abcdef")).send().await.unwrap();
}

/// A request that needs codes: function, method, route, id, query, body.
type Asked<'a> = (&'a str, &'a str, &'a str, &'a str, String, Value);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_codes_are_503_and_reservations_without_codes_are_served() {
    let mut system = ManualSystem::new(NO_END).await;
    let id = system.create("csv", 10).await;
    system.settle().await;
    let shown = system.running.get(&format!("{RESERVATIONS}/{id}?fields=codes.id,codes.digital_link"), TOKEN).await;
    let code = shown.json()["data"]["codes"][0].clone();
    let (id, code_id) = (id.to_string(), code["id"].as_str().unwrap());
    let filter = json!({"codes": {"_some": {"digital_link": {"_eq": code["digital_link"]}}}});
    let by_code = format!("filter={}", encoded(&filter));
    let by_query = json!({"query": {"filter": filter}, "data": {"purchase_order": "changed"}});
    let (all, one) = (RESERVATIONS, "/items/code_reservation/{id}");
    let document = json!({"query": "{ code_reservation { codes { code } } }"});
    let of_reservation = format!("filter[reservation][_eq]={id}");
    let requests: Vec<Asked<'_>> = vec![
        ("list-reservations", "GET", all, "", by_code.clone(), Value::Null),
        ("get-reservation", "GET", one, &id, "fields=id,codes.code".to_owned(), Value::Null),
        ("create-reservations", "POST", all, "", by_code, sgtin(1)),
        ("update-reservations", "PATCH", all, "", String::new(), by_query.clone()),
        ("delete-reservations", "DELETE", all, "", String::new(), json!({"query": by_query["query"]})),
        ("list-codes", "GET", "/items/unique_code", "", of_reservation, Value::Null),
        ("list-codes", "GET", "/items/unique_code/{id}", code_id, String::new(), Value::Null),
        ("labels", "GET", "/items/unique_code/{id}/label.svg", code_id, String::new(), Value::Null),
        ("graphql", "POST", "/graphql", "", String::new(), document),
    ];
    let rows = || items::<Value>(system.context(), &system.context().config().tables.reservations);
    let before = rows().await;
    for asked in requests {
        replace_check(&system).await;
        let fresh = Context::new(system.context().config().clone(), &sdk_config(system.running.system.s3()));
        let (binary, method, route, ..) = asked;
        let answer = ask(&fresh, asked).await;
        if binary == "graphql" {
            let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
            assert_eq!(body["errors"][0]["extensions"]["code"], "SERVICE_UNAVAILABLE", "{body}");
        } else {
            assert_eq!(answer["statusCode"], 503, "{method} {route}: {answer}");
        }
        assert!(row(&system).await.unwrap().mismatch.is_some(), "{binary} records it");
        assert!(fresh.health().await.is_err());
    }
    assert_eq!(rows().await, before);
    let fresh = Context::new(system.context().config().clone(), &sdk_config(system.running.system.s3()));
    let plain = ("get-reservation", "GET", one, id.as_str(), "fields=id,status".to_owned(), Value::Null);
    assert_eq!(ask(&fresh, plain).await["statusCode"], 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_with_codes_says_that_the_service_does_not_answer() {
    let mut system = ManualSystem::new(NO_END).await;
    let id = system.create("csv", 10).await;
    system.settle().await;
    replace_check(&system).await;
    let fresh = Context::new(system.context().config().clone(), &sdk_config(system.running.system.s3()));
    let session = fresh.identity().sign_in_with_token(fresh.store(), TOKEN, fresh.now()).await.unwrap().unwrap();
    let path = format!("/console/reservations/{id}");
    let event = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
        "cookies": [format!("__Host-console_session={}", session.text)],
        "requestContext": { "http": { "method": "GET", "path": path }, "requestId": "r-1" }, "isBase64Encoded": false,
    });
    let invoked = Invoked { name: "console".to_owned(), timeout: Duration::from_secs(29) };
    let handler = functions::http("console", &fresh).unwrap();
    let answer = handler(LambdaEvent::new(event, invoked.context(&request_id()))).await.unwrap();
    assert_eq!(answer["statusCode"], 503, "{answer}");
    assert!(answer["body"].as_str().unwrap().contains("The service does not answer right now"), "{answer}");
    assert!(row(&system).await.unwrap().mismatch.is_some(), "console records it");
}

/// What a function answers with this context.
async fn ask(context: &Arc<Context>, (binary, method, route, id, query, body): Asked<'_>) -> Value {
    let path = route.replace("{id}", id);
    let mut event = json!({
        "version": "2.0", "routeKey": format!("{method} {route}"), "rawPath": path, "rawQueryString": query,
        "headers": { "authorization": format!("Bearer {TOKEN}"), "content-type": "application/json" },
        "requestContext": { "http": { "method": method, "path": path }, "requestId": "r-1" }, "isBase64Encoded": false,
    });
    if !id.is_empty() {
        event["pathParameters"] = json!({ "id": id });
    }
    if !body.is_null() {
        event["body"] = json!(body.to_string());
    }
    let invoked = Invoked { name: binary.to_owned(), timeout: Duration::from_secs(29) };
    let handler = functions::http(binary, context).unwrap();
    handler(LambdaEvent::new(event, invoked.context(&request_id()))).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_may_die_at_any_call_of_the_first_allocation() {
    let mut system = ManualSystem::new(NO_END).await;
    let mut calls = 0;
    for fault in [Fault::DieBefore, Fault::DieAfter, Fault::LoseAnswer] {
        for at in 1.. {
            forget(&system).await;
            let id = system.create("csv", 5).await;
            let network = system.drain_with(at, fault).await;
            system.assert_exported(id).await;
            assert!(row(&system).await.is_some_and(|row| row.mismatch.is_none()), "{fault:?} at {at}");
            if !network.has_failed() {
                break;
            }
            calls += 1;
        }
    }
    assert!(calls > 15, "{calls}");
    system.assert_sound().await;
}
