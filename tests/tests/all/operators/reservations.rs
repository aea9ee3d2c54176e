//! `admin reservation`.

use admin::failure::Exit;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use super::{admin, admin_json, body, operated, reserve};
use crate::support::{
    api::id,
    harness::{Running, completed},
    stream::deliver,
};

const NONE: &str = "00000000-0000-4000-8000-000000000009";

/// Sets the time of the last progress back.
async fn age(running: &Running, object: &Value) {
    let table = &running.context().config().tables.reservations;
    let update = running.context().dynamodb().update_item().table_name(table);
    let update = update.key("id", AttributeValue::S(id(object).to_owned()));
    let update = update.update_expression("SET progress_at = :at");
    update
        .expression_attribute_values(":at", AttributeValue::S("2026-01-01T00:00:00.000Z".into()))
        .send()
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reservation_is_shown_with_its_range_and_progress() {
    let running = operated().paused().start().await;
    reserve(&running, &body("sscc", 5, "csv")).await;
    let object = reserve(&running, &body("sscc", 10, "csv")).await;
    let shown = admin_json(&running, "reservation", &["reservation", "show", id(&object)]).await;
    assert_eq!((&shown["status"], &shown["pool"]), (&json!("complete"), &json!("sscc#9506000#18")));
    assert_eq!((&shown["first_index"], &shown["last_index"]), (&json!(5), &json!(14)));
    assert_eq!((&shown["attempts"], &shown["generation"]), (&json!(0), &json!(1)));
    let people = admin(&running, &["reservation", "show", id(&object)]).await.out;
    assert!(people.contains("5 to 14"), "{people}");
    for command in ["show", "retry", "wait"] {
        let ran = admin(&running, &["reservation", command, NONE]).await;
        assert_eq!((ran.exit, ran.err.contains("There is no reservation")), (Exit::Refused, true), "{ran:?}");
        assert_eq!(admin(&running, &["reservation", command, "x"]).await.exit, Exit::WrongUse);
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stuck_reservations_are_listed_woken_and_completed() {
    let running = operated().paused().start().await;
    let stuck = running.api.post(&body("sscc", 5, "csv")).await;
    let young = running.api.post(&body("sscc", 5, "csv")).await;
    age(&running, &stuck).await;
    let list = admin_json(&running, "reservation_stuck", &["reservation", "stuck"]).await;
    assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
    assert_eq!((&list[0]["id"], &list[0]["attempts"]), (&stuck["id"], &json!(0)));
    let all = admin_json(&running, "reservation_stuck", &["reservation", "stuck", "--minutes", "0"]).await;
    assert_eq!(all.as_array().unwrap().len(), 2);
    let retried = admin_json(&running, "reservation_retry", &["reservation", "retry", id(&stuck)]).await;
    assert_eq!(retried, json!({ "id": stuck["id"], "effect": "woken" }));
    // The worker that takes it up will count the attempt.
    assert_eq!(admin_json(&running, "reservation", &["reservation", "show", id(&stuck)]).await["attempts"], 0);
    let row = running.store().reservation(id(&stuck).parse().unwrap()).await.unwrap().unwrap();
    assert!(row.woken);
    deliver(running.context(), &[id(&stuck), id(&young)]).await;
    let waited = admin_json(&running, "reservation", &["reservation", "wait", id(&stuck)]).await;
    assert_eq!(waited["status"], "complete");
    assert_eq!(admin(&running, &["reservation", "stuck", "--minutes", "0"]).await.out, "No reservation is stuck.\n");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_reservation_opens_again_and_a_complete_one_only_on_request() {
    let running = operated().paused().start().await;
    let other = json!({ "reserved_for": "/417/1", "code_type": "sscc", "quantity": 3, "export_type": "csv" });
    let posted = running.api.post(&other).await;
    deliver(running.context(), &[id(&posted)]).await;
    assert_eq!(running.api.get(id(&posted)).await["status"], "error");
    assert_eq!(admin(&running, &["reservation", "wait", id(&posted)]).await.exit, Exit::Refused);
    let organisation = json!({ "id": "/417/1", "organisation_company_prefix": "4006381" });
    running.store().seed_organisation(&serde_json::from_value(organisation).unwrap()).await.unwrap();
    let retried = admin_json(&running, "reservation_retry", &["reservation", "retry", id(&posted)]).await;
    assert_eq!(retried["effect"], "opened");
    deliver(running.context(), &[id(&posted)]).await;
    let complete = running.api.get(id(&posted)).await;
    assert_eq!(complete["status"], "complete", "{complete}");
    assert_eq!(complete["user_updated"], complete["user_created"], "an operator is no user");

    let refused = admin(&running, &["reservation", "retry", id(&posted)]).await;
    assert_eq!((refused.exit, refused.err.contains("--again")), (Exit::Refused, true), "{refused:?}");
    assert_eq!(running.api.get(id(&posted)).await, complete);
    assert_eq!(admin(&running, &["reservation", "retry", id(&posted), "--again"]).await.exit, Exit::Done);
    assert_eq!(running.api.get(id(&posted)).await["status"], "in_progress");
    deliver(running.context(), &[id(&posted)]).await;
    let shown = admin_json(&running, "reservation", &["reservation", "show", id(&posted)]).await;
    assert_eq!((&shown["generation"], &shown["first_index"]), (&json!(2), &json!(0)), "the same codes");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_ends_with_the_reservation_or_with_the_time() {
    let running = operated().paused().start().await;
    let waiting = running.api.post(&body("sscc", 5, "csv")).await;
    let ran = admin(&running, &["reservation", "wait", id(&waiting), "--timeout", "1"]).await;
    assert_eq!((ran.exit, ran.err.contains("not at an end after 1 s")), (Exit::Refused, true), "{ran:?}");
    running.stop().await;
    let running = operated().start().await;
    let posted = running.api.post(&body("sgtin", 20_000, "csv")).await;
    let arguments = ["reservation", "wait", id(&posted)];
    let (ran, _) = tokio::join!(admin(&running, &arguments), completed(&running.api, id(&posted)));
    assert_eq!(ran.exit, Exit::Done, "{ran:?}");
    running.stop().await;
}
