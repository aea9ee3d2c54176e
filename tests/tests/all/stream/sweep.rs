//! What the schedule mends: reservations that nobody works on, and what nobody refers to.

use std::{sync::Arc, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{TimeDelta, Utc};
use common::{
    bucket::ObjectHead,
    context::Context,
    reservation::{ExportKey, Reservation, Status, Timestamp},
};
use lambda_runtime::LambdaEvent;
use local::{calls, invocation::Invoked};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    faults::{Fault, Wire},
    home::{End, Home, ONE_PART, five_parts, invoke},
};

async fn sweep(context: &Arc<Context>, task: &Value) -> Value {
    let invoked = Invoked { name: "sweep".to_owned(), timeout: Duration::from_secs(900) };
    let recorded = calls::recorded(context, "sweep");
    let context = recorded.as_deref().unwrap_or(context);
    ::sweep::handle(context, LambdaEvent::new(task.clone(), invoked.context("test"))).await.unwrap()
}

async fn wake(home: &Home) -> (u64, u64) {
    let answer = sweep(home.context(), &json!({"task": "wake"})).await;
    (answer["woken"].as_u64().unwrap(), answer["ended"].as_u64().unwrap())
}

/// Makes the last progress look as if it were long ago.
async fn age(home: &Home, id: Uuid, minutes: i64) {
    let at = Timestamp::new(Utc::now() - TimeDelta::minutes(minutes));
    home.edit(id, "SET progress_at = :value", AttributeValue::S(at.to_string())).await;
}

/// The stream gave up: its records are gone.
async fn drop_records(home: &mut Home) {
    while let records = home.records().await
        && !records.is_empty()
    {
        home.done(&records);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reservation_without_progress_is_woken_and_completes() {
    let mut home = Home::new(ONE_PART).await;
    let never_begun = home.create("csv", five_parts("csv")).await;
    let begun = home.create("csv.gz", five_parts("csv.gz")).await;
    let wire = Wire::new(None);
    let records = home.records().await;
    let of_begun: Vec<_> =
        records.iter().filter(|record| record.event.to_string().contains(&begun.to_string())).cloned().collect();
    assert_eq!(invoke(&home.worker(&wire), &wire, &of_begun).await, End::Done);
    drop_records(&mut home).await;
    assert_eq!(home.item(begun).await.export.unwrap().next_part, 2);

    // Not yet: 14 minutes are no reason.
    age(&home, begun, 14).await;
    age(&home, never_begun, 14).await;
    drop_records(&mut home).await;
    assert_eq!(wake(&home).await, (0, 0));
    age(&home, begun, 15).await;
    age(&home, never_begun, 16).await;
    drop_records(&mut home).await;
    assert_eq!(wake(&home).await, (2, 0));
    assert_eq!((home.item(begun).await.attempts, home.item(never_begun).await.attempts), (1, 1));
    // Waking is progress: the next run does not wake them again.
    assert_eq!(wake(&home).await, (0, 0));
    // The write itself brought the records.
    home.settle().await;
    for id in [never_begun, begun] {
        home.assert_exported(id).await;
    }
    assert_eq!(wake(&home).await, (0, 0));
    home.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_eight_tries_a_reservation_ends_and_leaves_nothing_and_a_client_may_try_again() {
    let mut home = Home::new(ONE_PART).await;
    let id = home.create("csv", five_parts("csv")).await;
    let wire = Wire::new(None);
    let records = home.records().await;
    assert_eq!(invoke(&home.worker(&wire), &wire, &records).await, End::Done);
    for attempt in 1..=8 {
        drop_records(&mut home).await;
        age(&home, id, 20).await;
        assert_eq!(wake(&home).await, (1, 0));
        assert_eq!(home.item(id).await.attempts, attempt);
    }
    assert_eq!(home.keys().await.1.len(), 1, "the upload is kept as long as there is hope");
    age(&home, id, 20).await;
    drop_records(&mut home).await;
    assert_eq!(wake(&home).await, (0, 1));
    let item = home.item(id).await;
    assert_eq!((item.status, &item.export), (Status::Error, &None));
    assert!(item.error_message.unwrap().contains("8 times"));
    home.settle().await;
    home.assert_sound().await;
    assert_eq!(home.keys().await, (vec![], vec![]));

    assert_eq!(home.patch(id, &json!({"status": "new"})).await, 200);
    home.settle().await;
    let bytes = home.assert_exported(id).await;
    assert!(bytes.starts_with(b"position,"));
    home.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_forgives_earlier_tries() {
    let home = Home::new(ONE_PART).await;
    let id = home.create("csv", five_parts("csv")).await;
    home.edit(id, "SET attempts = :value", AttributeValue::N("7".to_owned())).await;
    let wire = Wire::new(None);
    let records = home.records().await;
    assert_eq!(invoke(&home.worker(&wire), &wire, &records).await, End::Done);
    assert_eq!(home.item(id).await.attempts, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_worker_left_of_deleted_and_finished_reservations_is_tidied() {
    let mut home = Home::new(ONE_PART).await;
    let deleted = home.create("csv", five_parts("csv")).await;
    let complete = home.create("csv", five_parts("csv")).await;
    let running = home.create("csv", five_parts("csv")).await;
    home.settle().await;
    let item = home.item(deleted).await;
    assert_eq!(home.delete(deleted).await, 204);
    home.settle().await;
    // A worker that died after the record of the deletion: an object and an upload that no record speaks of any more.
    leave(&home, &item, "csv").await;
    // Leftovers of a complete reservation: an older generation, and an upload of the very key of its export.
    let item = home.item(complete).await;
    leave(&home, &Reservation { generation: 0, ..item.clone() }, "json").await;
    let key = ExportKey::of(&item, "csv".parse().unwrap()).to_string();
    home.context().bucket().create_upload(&head(&key, &item)).await.unwrap();
    // A running one.
    assert_eq!(home.patch(running, &json!({"status": "new"})).await, 200);
    let wire = Wire::new(None);
    let records = home.records().await;
    assert_eq!(invoke(&home.worker(&wire), &wire, &records).await, End::Done);
    home.done(&records);
    let (objects, uploads) = home.keys().await;
    assert_eq!((objects.len(), uploads.len()), (4, 4), "{objects:?} {uploads:?}");

    // What is younger than an hour is left alone.
    assert_eq!(sweep(home.context(), &json!({"task": "tidy"})).await, json!({"looked": 8}));
    assert_eq!(home.keys().await.0.len(), 4);
    let task = json!({"task": "tidy", "min_age_seconds": 0});
    // What belongs to their objects has gone when the uploads are listed.
    assert_eq!(sweep(home.context(), &task).await, json!({"looked": 5}));
    let (objects, uploads) = home.keys().await;
    assert_eq!((objects.len(), uploads.len()), (2, 1), "{objects:?} {uploads:?}");
    assert!(uploads.first().unwrap().contains(&running.to_string()));
    home.settle().await;
    home.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sweep_itself_may_die_anywhere() {
    let mut home = Home::new(ONE_PART).await;
    let id = home.create("csv", five_parts("csv")).await;
    home.settle().await;
    let item = home.item(id).await;
    assert_eq!(home.delete(id).await, 204);
    home.settle().await;
    let task = json!({"task": "tidy", "min_age_seconds": 0});
    leave(&home, &item, "csv").await;
    let wire = Wire::new(None);
    sweep(&home.worker(&wire), &task).await;
    let calls = wire.calls().len();
    assert_eq!(home.keys().await, (vec![], vec![]));
    for fault in [Fault::DieBefore, Fault::DieAfter] {
        for at in 1..=calls {
            leave(&home, &item, "csv").await;
            let wire = Wire::new(Some((at, fault)));
            let worker = home.worker(&wire);
            tokio::select! {
                _ = sweep(&worker, &task) => panic!("it did not die at call {at}"),
                () = wire.struck() => {}
            }
            sweep(home.context(), &task).await;
            assert_eq!(home.keys().await, (vec![], vec![]), "{fault:?} at call {at}");
        }
    }
    home.assert_sound().await;
}

fn head<'a>(key: &'a str, item: &Reservation) -> ObjectHead<'a> {
    ObjectHead { key, content_type: "text/csv", reservation: item.id.to_string(), rows: 1 }
}

/// An object and an upload of a generation.
async fn leave(home: &Home, item: &Reservation, extension: &str) {
    let bucket = home.context().bucket();
    let key = ExportKey::of(item, extension.parse().unwrap()).to_string();
    bucket.put(&head(&key, item), b"x".to_vec()).await.unwrap();
    bucket.create_upload(&head(&key, item)).await.unwrap();
}
