//! PATCH requests that break a rule: the exact error, and nothing is written.

use common::reservation::{ExportProgress, Status};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    rest::refusals::{OTHER, OWN, Paused, broken_rules, failed, forbidden_because, one_of},
    support::{
        api::{RESERVATIONS, id, sgtin},
        stream::deliver,
    },
};

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_breaks_a_rule_changes_nothing() {
    let paused = Paused::start().await;
    let api = paused.api("writer");
    let fresh = id(&api.post(&sgtin(10)).await).to_owned();
    let at = |id: &str| format!("{RESERVATIONS}/{id}");
    let field = |name: &str| {
        forbidden_because(&format!(
            "You don't have permission to access field \"{name}\" in collection \"code_reservation\" or it does not exist. \
             Queried in root."
        ))
    };
    let patch = |id: &str, body: Value| api.request("PATCH", &at(id)).json(&body);
    paused.refuses(patch(&fresh, json!({ "nope": 1 })), 403, &[field("nope")]).await;
    paused.refuses(patch(&fresh, json!({ "quantity": 5, "range": {} })), 403, &[field("range")]).await;
    for (members, errors) in broken_rules() {
        let names: Vec<_> = members.as_object().unwrap().keys().map(String::as_str).collect();
        // An id in a PATCH is ignored. Changes of the status are tested below.
        let applies = names.len() == 1 && !["id", "status"].contains(&names[0]);
        if applies {
            paused.refuses(patch(&fresh, members), 400, &errors).await;
        }
    }
    let reserved = failed("quantity_reserved", "lte", Some(json!(10)), "Value has to be less than or equal to 10.");
    paused.refuses(patch(&fresh, json!({ "quantity_reserved": 11 })), 400, &[reserved]).await;

    // Changes of the status that the contract does not allow, for every status with and without a range.
    let step = |current: &str, wanted: &str, allowed: &[&str]| {
        let reason =
            format!("A reservation that is {current} cannot be set to {wanted}; allowed now: {}.", allowed.join(", "));
        failed("status", "in", Some(json!(allowed)), &reason)
    };
    let statuses = ["new", "in_progress", "complete", "error"];
    paused.refuses(patch(&fresh, json!({ "status": "nonsense" })), 400, &[one_of("status", &statuses)]).await;
    paused.refuses(patch(&fresh, json!({ "status": null })), 400, &[one_of("status", &statuses)]).await;
    let error = step("new", "in_progress", &["new", "complete", "error"]);
    paused.refuses(patch(&fresh, json!({ "status": "in_progress" })), 400, &[error]).await;

    let context = paused.running.context();
    deliver(context, &[&fresh]).await;
    let complete = fresh;
    let error = step("complete", "error", &["complete", "new"]);
    paused.refuses(patch(&complete, json!({ "status": "error" })), 400, &[error]).await;
    let store = context.store();
    let stored = store.reservation(complete.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(stored.status, Status::Complete);

    // Rows of the other statuses, as a worker stores them.
    let mut row = stored;
    (row.id, row.incarnation, row.export_file) = (Uuid::new_v4(), Uuid::new_v4(), None);
    (row.status, row.export) = (Status::InProgress, Some(ExportProgress::begin()));
    store.seed_reservation(&row).await.unwrap();
    let running = row.id.to_string();
    for wanted in ["complete", "new"] {
        let error = step("in_progress", wanted, &["in_progress", "error"]);
        paused.refuses(patch(&running, json!({ "status": wanted })), 400, &[error]).await;
    }
    for (name, old, new) in [("export_type", json!("csv"), json!("xml")), ("url_suffix", Value::Null, json!("?a=b"))] {
        let reason = format!("{name} cannot change while the export is being written.");
        paused.refuses(patch(&running, json!({ name: new })), 400, &[failed(name, "eq", Some(old), &reason)]).await;
    }
    (row.id, row.incarnation) = (Uuid::new_v4(), Uuid::new_v4());
    (row.status, row.export) = (Status::Error, None);
    store.seed_reservation(&row).await.unwrap();
    let ended = row.id.to_string();
    for wanted in ["complete", "in_progress"] {
        let error = step("error", wanted, &["error", "new"]);
        paused.refuses(patch(&ended, json!({ "status": wanted })), 400, &[error]).await;
    }
    for (name, old, new) in [
        ("code_type", json!("sgtin"), json!("short_code")),
        ("product", json!("/01/19361758000003"), json!("/01/09361758000003")),
        ("quantity", json!(10), json!(11)),
        ("reserved_for", json!(OWN), json!(OTHER)),
        ("length", Value::Null, json!(9)),
        ("character_set", Value::Null, json!("hex")),
    ] {
        let error = failed(name, "eq", Some(old), &format!("{name} cannot change once the codes are reserved."));
        for id in [&complete, &running, &ended] {
            paused.refuses(patch(id, json!({ name: new })), 400, std::slice::from_ref(&error)).await;
        }
    }
    paused.running.stop().await;
}
