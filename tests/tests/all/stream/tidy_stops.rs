//! The nightly tidying removes nothing when the table lacks many reservations whose exports exist: after a restore from a
//! backup, or with the name of another table.

use std::time::Duration;

use common::{bucket::ObjectHead, context::Context};
use local::system::sdk_config;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    api::{id, sgtin},
    harness::Running,
    repository::template,
    stream::deliver,
    sweep::{sweep, sweep_unrecorded, sweep_within},
};

/// Stores the exports of so many reservations that no row has.
async fn strangers(running: &Running, count: usize) {
    let bucket = running.context().bucket();
    for _ in 0..count {
        let key = format!("exports/{}/{}/1.csv", Uuid::now_v7(), Uuid::new_v4());
        let head = ObjectHead {
            key: &key,
            content_type: "text/csv",
            reservation: String::new(),
            rows: 1,
            contents: String::new(),
            origin: String::new(),
        };
        bucket.put(&head, b"a\n".to_vec()).await.unwrap();
    }
}

async fn objects(running: &Running) -> usize {
    running.context().bucket().objects("exports/").await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_a_hundred_unknown_reservations_stop_the_run_until_an_operator_says_so() {
    let running = Running::paused().await;
    let posted = running.api.post(&sgtin(10)).await;
    deliver(running.context(), &[id(&posted)]).await;
    strangers(&running, 101).await;
    // Something to remove of a reservation that is known: that stays too.
    let item = running.store().reservation(id(&posted).parse().unwrap()).await.unwrap().unwrap();
    let left = format!("exports/{}/{}/0.csv", item.id, item.incarnation);
    let head = ObjectHead {
        key: &left,
        content_type: "text/csv",
        reservation: String::new(),
        rows: 1,
        contents: String::new(),
        origin: String::new(),
    };
    running.context().bucket().put(&head, b"a\n".to_vec()).await.unwrap();
    assert_eq!(objects(&running).await, 103);

    let task = json!({"task": "tidy", "min_age_seconds": 0});
    let _ = running.context().metrics().take();
    let answer = sweep(running.context(), &task).await;
    assert_eq!((&answer["looked"], &answer["unknown"]), (&json!(103), &json!(101)), "{answer}");
    let message = answer["stopped"].as_str().unwrap();
    assert!(message.contains("101 of 102") && message.contains("\"remove_unknown\": true"), "{message}");
    assert_eq!(objects(&running).await, 103);
    assert_eq!(running.context().metrics().take().to_string(), "TidyStopped=101", "the metric of the alarm");

    // As the schedule sends it, the run judges nothing that is younger than an hour.
    assert_eq!(sweep(running.context(), &json!({"task": "tidy"})).await, json!({"looked": 103}));

    let task = json!({"task": "tidy", "min_age_seconds": 0, "remove_unknown": true});
    assert_eq!(sweep(running.context(), &task).await, json!({"looked": 103}));
    assert_eq!(objects(&running).await, 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_unknown_reservations_are_tidied() {
    let running = Running::paused().await;
    strangers(&running, 100).await;
    let task = json!({"task": "tidy", "min_age_seconds": 0});
    assert_eq!(sweep(running.context(), &task).await, json!({"looked": 100}));
    assert_eq!(objects(&running).await, 0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_has_no_time_looks_at_nothing_and_removes_nothing() {
    let running = Running::paused().await;
    strangers(&running, 3).await;
    let task = json!({"task": "tidy", "min_age_seconds": 0});
    // The last ten seconds are reserved.
    for seconds in [0, 9] {
        let answer = sweep_within(running.context(), &task, Duration::from_secs(seconds)).await.unwrap();
        assert_eq!((answer, objects(&running).await), (json!({"looked": 0}), 3), "{seconds} s");
    }
    let answer = sweep_within(running.context(), &task, Duration::from_secs(60)).await.unwrap();
    assert_eq!((answer, objects(&running).await), (json!({"looked": 3}), 0));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_lacks_every_row_empties_no_bucket() {
    let running = Running::paused().await;
    strangers(&running, 150).await;
    // A table that exists, and whose rows are no reservations.
    let mut wrong = running.context().config().clone();
    wrong.tables.reservations.clone_from(&wrong.tables.files);
    let context = Context::new(wrong, &sdk_config(running.system.s3()));
    let answer = sweep_unrecorded(&context, &json!({"task": "tidy", "min_age_seconds": 0})).await;
    assert!(answer["stopped"].is_string(), "{answer}");
    assert_eq!(objects(&running).await, 150);
    running.stop().await;
}

#[test]
fn what_is_deleted_can_be_undone_for_as_long_as_the_tables_can_be_restored() {
    let template = template();
    let bucket = &template["Resources"]["ExportsBucket"]["Properties"];
    assert_eq!(bucket["VersioningConfiguration"], json!({"Status": "Enabled"}));
    let rules = bucket["LifecycleConfiguration"]["Rules"].as_array().unwrap();
    let days: Vec<&Value> = rules.iter().map(|rule| &rule["NoncurrentVersionExpiration"]["NoncurrentDays"]).collect();
    // Point-in-time recovery reaches back 35 days (DynamoDB Developer Guide, "Point-in-time backups").
    assert_eq!(days, [&Value::Null, &json!(35)]);
    assert!(rules.iter().all(|rule| rule["Expiration"].is_null() && rule["ExpirationInDays"].is_null()));
    for (name, resource) in template["Resources"].as_object().unwrap() {
        let statements = resource["Properties"]["Policies"].to_string();
        assert!(!statements.contains("s3:DeleteObjectVersion"), "{name} may delete what was deleted before");
    }
}
