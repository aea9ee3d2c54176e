//! The audit rows of `admin reservation retry` and `admin failures replay`: one for each change, and none without.

use ::admin::failure::Exit;
use common::{operations::directory::Author, store::Saved};
use serde_json::{Value, json};

use super::{admin, admin_json, body, operated, reserve};
use crate::support::{
    api::id,
    faults::{Fault, Network},
    harness::Running,
};

/// What the audit rows of an object say was done: action, before and after; the oldest first.
async fn audits(running: &Running, object: &Value) -> Vec<Value> {
    let object = format!("reservation {}", id(object));
    let rows = admin_json(running, "audits", &["audit", "--object", &object]).await;
    let rows = rows.as_array().unwrap().iter().rev();
    rows.map(|row| json!([row["action"], row["before"], row["after"]])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_a_reservation_by_hand_has_an_audit_row_in_its_transaction() {
    let running = operated().paused().start().await;
    let open = running.api.post(&body("sscc", 5, "csv")).await;
    admin_json(&running, "reservation_retry", &["reservation", "retry", id(&open)]).await;
    assert_eq!(audits(&running, &open).await, [json!(["reservation.wake", null, { "woken": true }])]);
    let complete = reserve(&running, &body("sscc", 5, "csv")).await;
    assert_eq!(admin(&running, &["reservation", "retry", id(&complete)]).await.exit, Exit::Refused);
    assert_eq!(audits(&running, &complete).await, [Value::Null; 0]);
    admin_json(&running, "reservation_retry", &["reservation", "retry", id(&complete), "--again"]).await;
    let opened = json!(["reservation.open", { "status": "complete" }, { "status": "in_progress" }]);
    assert_eq!(audits(&running, &complete).await, [opened]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wake_that_comes_too_late_leaves_no_audit_row() {
    let running = operated().paused().start().await;
    let object = running.api.post(&body("sscc", 5, "csv")).await;
    let read = running.store().reservation(id(&object).parse().unwrap()).await.unwrap().unwrap();
    // Another writer changes it between the read and the wake.
    running.store().wake(&read, running.context().now()).await.unwrap();
    let author = Author { by: "somebody".to_owned(), now: running.context().now() };
    let audit = author.audit("reservation.wake", "reservation", id(&object));
    let stale = running.store().wake_audited(&read, running.context().now(), &audit).await.unwrap();
    assert_eq!(stale, Saved::Stale);
    assert_eq!(audits(&running, &object).await, [Value::Null; 0]);
    // Of a wake whose answer is lost there is one.
    let now = running.store().reservation(read.id).await.unwrap().unwrap();
    let network = Network::failing("TransactWriteItems", Fault::LoseAnswer);
    let worker = network.worker(&running, |_| ());
    let woken = worker.store().wake_audited(&now, worker.now(), &audit).await.unwrap();
    assert_eq!(woken, Saved::Done);
    assert_eq!(audits(&running, &object).await.len(), 1);
    running.stop().await;
}
