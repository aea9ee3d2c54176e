//! The sweep: it wakes reservations without progress, ends them after eight attempts, tidies the bucket, and finds rows
//! in partitions that no list reads. Without the sweep, RSV-5 would not hold after a fault.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use common::{
    bucket::ObjectHead,
    config::{Config, LAST_INDEX_STAGE},
    context::Context,
    reservation::{ExportKey, Reservation, Status},
};
use local::system::sdk_config;
use serde_json::json;
use uuid::Uuid;

use crate::support::{
    api::{id, sgtin},
    faults::{Fault, Network},
    harness::{Running, Setup},
    invariants::stored,
    manual::{End, ManualSystem, ONE_PART, five_parts, invoke},
    stream::deliver,
    sweep::{age, drop_records, minutes_ago, sweep, sweep_within, wake},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reservation_without_progress_is_woken_and_completes() {
    let mut system = ManualSystem::new(ONE_PART).await;
    let never_begun = system.create("csv", five_parts("csv")).await;
    let begun = system.create("csv.gz", five_parts("csv.gz")).await;
    let network = Network::healthy();
    let records = system.records().await;
    let of_begun: Vec<_> =
        records.iter().filter(|record| record.event.to_string().contains(&begun.to_string())).cloned().collect();
    assert_eq!(invoke(&system.worker(&network), &network, &of_begun).await, End::Done);
    drop_records(&mut system).await;
    assert_eq!(system.item(begun).await.export.unwrap().next_part, 2);

    // After 14 minutes nothing is woken, after 15 both are.
    age(&system, begun, 14).await;
    age(&system, never_begun, 14).await;
    drop_records(&mut system).await;
    assert_eq!(wake(&system).await, 0);
    age(&system, begun, 15).await;
    age(&system, never_begun, 16).await;
    drop_records(&mut system).await;
    // The last five seconds are reserved.
    let task = json!({"task": "wake"});
    let answer = sweep_within(system.context(), &task, Duration::from_secs(4)).await.unwrap();
    assert_eq!(answer, json!({"woken": 0}));
    assert_eq!(wake(&system).await, 2);
    for id in [begun, never_begun] {
        let item = system.item(id).await;
        assert_eq!((item.attempts, item.woken), (0, true), "the worker counts, not the sweep");
    }
    // Waking sets the time of the progress, so the next run does not wake them again.
    assert_eq!(wake(&system).await, 0);
    // The write of the sweep is a stream record, which starts the next step.
    system.settle().await;
    for id in [never_begun, begun] {
        system.assert_exported(id).await;
    }
    assert_eq!(wake(&system).await, 0);
    system.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_eight_tries_a_reservation_ends_and_leaves_nothing_and_a_client_may_try_again() {
    let mut system = ManualSystem::new(ONE_PART).await;
    let id = system.create("csv", five_parts("csv")).await;
    let network = Network::healthy();
    let records = system.records().await;
    assert_eq!(invoke(&system.worker(&network), &network, &records).await, End::Done);
    for attempt in 1..=8 {
        drop_records(&mut system).await;
        age(&system, id, 20).await;
        drop_records(&mut system).await;
        assert_eq!(wake(&system).await, 1);
        // The parts of this try cannot be stored.
        let network = Network::failing("UploadPart", Fault::RefuseBefore);
        let records = system.records().await;
        assert_eq!(invoke(&system.worker(&network), &network, &records).await, End::Failed);
        let item = system.item(id).await;
        assert_eq!((item.attempts, item.woken), (attempt, false));
        // The same record again is the same wake.
        assert_eq!(invoke(&system.worker(&network), &network, &records).await, End::Failed);
        assert_eq!(system.item(id).await.attempts, attempt);
    }
    assert_eq!(system.keys().await.1.len(), 1, "the upload is kept until the reservation ends");
    age(&system, id, 20).await;
    drop_records(&mut system).await;
    assert_eq!(wake(&system).await, 1);
    system.settle().await;
    let item = system.item(id).await;
    assert_eq!((item.status, &item.export), (Status::Error, &None));
    assert!(item.error_message.unwrap().contains("8 times"));
    system.settle().await;
    system.assert_sound().await;
    assert_eq!(system.keys().await, (vec![], vec![]));

    assert_eq!(system.patch(id, &json!({"status": "new"})).await, 200);
    system.settle().await;
    let bytes = system.assert_exported(id).await;
    assert!(bytes.starts_with(b"position,"));
    system.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_forgives_earlier_tries() {
    let system = ManualSystem::new(ONE_PART).await;
    let id = system.create("csv", five_parts("csv")).await;
    system.edit(id, "SET attempts = :value", AttributeValue::N("7".to_owned())).await;
    let network = Network::healthy();
    let records = system.records().await;
    assert_eq!(invoke(&system.worker(&network), &network, &records).await, End::Done);
    assert_eq!(system.item(id).await.attempts, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_worker_left_of_deleted_and_finished_reservations_is_tidied() {
    let mut system = ManualSystem::new(ONE_PART).await;
    let deleted = system.create("csv", five_parts("csv")).await;
    let complete = system.create("csv", five_parts("csv")).await;
    let running = system.create("csv", five_parts("csv")).await;
    system.settle().await;
    let item = system.item(deleted).await;
    assert_eq!(system.delete(deleted).await, 204);
    system.settle().await;
    // What a worker left that died after the record of the deletion: an object and an upload without a further record.
    leave(&system, &item, "csv").await;
    // Leftovers of a complete reservation: an older generation, and an upload with the key of its export.
    let item = system.item(complete).await;
    leave(&system, &Reservation { generation: 0, ..item.clone() }, "json").await;
    let key = ExportKey::of(&item, "csv").to_string();
    system.context().bucket().create_upload(&head(&key, &item)).await.unwrap();
    // A reservation whose export runs.
    assert_eq!(system.patch(running, &json!({"status": "new"})).await, 200);
    let network = Network::healthy();
    let records = system.records().await;
    assert_eq!(invoke(&system.worker(&network), &network, &records).await, End::Done);
    system.done(&records);
    let (objects, uploads) = system.keys().await;
    assert_eq!((objects.len(), uploads.len()), (4, 4), "{objects:?} {uploads:?}");

    // Objects and uploads younger than an hour are kept.
    assert_eq!(sweep(system.context(), &json!({"task": "tidy"})).await, json!({"looked": 8}));
    assert_eq!(system.keys().await.0.len(), 4);
    let task = json!({"task": "tidy", "min_age_seconds": 0});
    assert_eq!(sweep(system.context(), &task).await, json!({"looked": 8}));
    let (objects, uploads) = system.keys().await;
    assert_eq!((objects.len(), uploads.len()), (2, 1), "{objects:?} {uploads:?}");
    assert!(uploads.first().unwrap().contains(&running.to_string()));
    system.settle().await;
    system.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_upload_of_the_very_file_of_a_complete_reservation_is_removed() {
    let mut system = ManualSystem::new(ONE_PART).await;
    let id = system.create("csv", five_parts("csv")).await;
    system.settle().await;
    let key = system.keys().await.0.remove(0);
    system.context().bucket().create_upload(&head(&key, &system.item(id).await)).await.unwrap();
    sweep(system.context(), &json!({"task": "tidy", "min_age_seconds": 0})).await;
    assert_eq!(system.keys().await, (vec![key], vec![]));
    system.assert_exported(id).await;
    system.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sweep_itself_may_die_anywhere() {
    let mut system = ManualSystem::new(ONE_PART).await;
    let id = system.create("csv", five_parts("csv")).await;
    system.settle().await;
    let item = system.item(id).await;
    assert_eq!(system.delete(id).await, 204);
    system.settle().await;
    let task = json!({"task": "tidy", "min_age_seconds": 0});
    leave(&system, &item, "csv").await;
    let network = Network::healthy();
    sweep(&system.worker(&network), &task).await;
    let calls = network.calls().len();
    assert_eq!(system.keys().await, (vec![], vec![]));
    for fault in [Fault::DieBefore, Fault::DieAfter] {
        for at in 1..=calls {
            leave(&system, &item, "csv").await;
            let network = Network::failing(at, fault);
            let worker = system.worker(&network);
            tokio::select! {
                _ = sweep(&worker, &task) => panic!("it did not die at call {at}"),
                () = network.struck() => {}
            }
            sweep(system.context(), &task).await;
            assert_eq!(system.keys().await, (vec![], vec![]), "{fault:?} at call {at}");
        }
    }
    system.assert_sound().await;
}

fn head<'a>(key: &'a str, item: &Reservation) -> ObjectHead<'a> {
    ObjectHead {
        key,
        content_type: "text/csv",
        reservation: item.id.to_string(),
        rows: 1,
        contents: String::new(),
        origin: String::new(),
    }
}

/// Leaves an object and an upload of a generation.
async fn leave(system: &ManualSystem, item: &Reservation, extension: &str) {
    let bucket = system.context().bucket();
    let key = ExportKey::of(item, extension).to_string();
    bucket.put(&head(&key, item), b"x".to_vec()).await.unwrap();
    bucket.create_upload(&head(&key, item)).await.unwrap();
}

/// Stores a new reservation whose last progress was so many minutes ago.
async fn old(running: &Running, minutes: i64, attempts: u32) -> Uuid {
    let posted = running.api.post(&sgtin(10)).await;
    let store = running.context().store();
    let item = store.reservation(id(&posted).parse().unwrap()).await.unwrap().unwrap();
    let (own, incarnation) = (Uuid::new_v4(), Uuid::new_v4());
    let progress_at = Some(minutes_ago(minutes));
    store.seed_reservation(&Reservation { id: own, incarnation, attempts, progress_at, ..item }).await.unwrap();
    running.api.delete(id(&posted)).await;
    own
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_progress_is_tried_again_and_ends_after_eight_tries() {
    // In tables of all ages: those before the index by status have another index of open rows.
    for stage in [0, LAST_INDEX_STAGE] {
        tried_again_and_ended(Setup::new().paused().parameter("IndexStage", stage).start().await).await;
    }
}

async fn tried_again_and_ended(running: Running) {
    let context = running.context();
    let (young, stale, last) = (old(&running, 14, 0).await, old(&running, 16, 7).await, old(&running, 16, 8).await);
    let item = async |id| context.store().reservation(id).await.unwrap().unwrap();
    let before = item(young).await;

    assert_eq!(sweep(context, &json!({"task": "wake"})).await, json!({ "woken": 2 }));
    assert_eq!(item(young).await, before);
    let woken = item(stale).await;
    assert_eq!((woken.status, woken.attempts), (Status::New, 7));
    assert!(woken.progress_at > Some(minutes_ago(1)), "the next attempt comes after the same time");
    assert_eq!(sweep(context, &json!({"task": "wake"})).await, json!({ "woken": 0 }));
    deliver(context, &[&last.to_string()]).await;
    let ended = item(last).await;
    assert_eq!(ended.status, Status::Error);
    assert_eq!(ended.error_message.as_deref(), Some("It failed 8 times. Set the status to \"new\" to try again."));

    // The write of the sweep starts the next step, and progress resets the attempts. So does a client who reopens it.
    deliver(context, &[&stale.to_string()]).await;
    let done = item(stale).await;
    assert_eq!((done.status, done.attempts), (Status::Complete, 0));
    running.api.patch(&last.to_string(), &json!({ "status": "new" })).await;
    assert_eq!((item(last).await.status, item(last).await.attempts), (Status::New, 0));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_still_be_written_is_not_tidied() {
    let running = Running::paused().await;
    let context = running.context();
    let posted = running.api.post(&sgtin(10)).await;
    deliver(context, &[id(&posted)]).await;
    // An object that no reservation refers to; it is too young to be removed.
    let key = format!("exports/{}/{}/1.csv", Uuid::new_v4(), Uuid::new_v4());
    let head = ObjectHead {
        key: &key,
        content_type: "text/csv",
        reservation: String::new(),
        rows: 1,
        contents: String::new(),
        origin: String::new(),
    };
    context.bucket().put(&head, b"a\n".to_vec()).await.unwrap();
    let before = stored(context).await.exports;
    assert_eq!(sweep(context, &json!({"task": "tidy"})).await, json!({ "looked": 2 }));
    let after = stored(context).await.exports;
    assert_eq!((after.objects, after.files), (before.objects, before.files));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_partitions_that_no_list_reads_are_found_once_shards_was_lowered() {
    let running = Running::paused().await;
    let with_shards = |shards| {
        let config = Config { shards, ..running.context().config().clone() };
        Context::new(config, &sdk_config(running.system.s3()))
    };
    let sweep = async |context: &Context| sweep(context, &json!({"task": "shards"})).await["stray_shards"].clone();
    let (many, few) = (with_shards(256), with_shards(3));
    // The shard of an id is the number of its last four bytes, modulo the number of shards.
    let posted = running.api.post(&sgtin(10)).await;
    let item = many.store().reservation(id(&posted).parse().unwrap()).await.unwrap().unwrap();
    for shard in [0, 2, 3, 255] {
        let (own, incarnation) = (Uuid::from_u128(0x4000_8000_0000_0000_0000 << 48 | shard), Uuid::new_v4());
        many.store().seed_reservation(&Reservation { id: own, incarnation, ..item.clone() }).await.unwrap();
    }
    assert_eq!(sweep(&many).await, json!([]), "every possible partition is read");
    assert_eq!(sweep(&few).await, json!([3, 255]));
    let figures = few.metrics().take().to_string();
    assert_eq!(figures, "StrayShards=2", "the metric of the alarm");
    assert_eq!(sweep(&with_shards(4)).await, json!([255]), "a partition that is read again is no longer reported");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_row_of_a_partition_that_no_list_reads_is_woken() {
    let running = Running::paused().await;
    let config = Config { shards: 200, ..running.context().config().clone() };
    let many = Context::new(config, &sdk_config(running.system.s3()));
    let stale = old(&running, 16, 0).await;
    let item = many.store().reservation(stale).await.unwrap().unwrap();
    running.api.delete(&stale.to_string()).await;
    // In shard 199 of 200; the sweep has one.
    let own = Uuid::from_u128(0x4000_8000_0000_0000_0000 << 48 | 199);
    many.store().seed_reservation(&Reservation { id: own, ..item }).await.unwrap();
    assert_eq!(sweep(running.context(), &json!({"task": "wake"})).await, json!({ "woken": 1 }));
    running.stop().await;
}
