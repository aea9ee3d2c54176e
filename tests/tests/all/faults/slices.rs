//! Parts that fail, uploads that are lost, and workers that are overtaken: where a slice ends, what is written again, and
//! what is counted (RSV-4, RSV-5).

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_sdk_dynamodb::types::AttributeValue;
use common::reservation::{ExportProgress, RENDERER_VERSION, Status};
use serde_json::json;
use uuid::Uuid;

use crate::support::{
    api::with,
    faults::{Course, Fault, Network, Plan, Request},
    harness::wait_until,
    manual::{End, ManualSystem, NO_END, ONE_PART, begin, body, events, five_parts, head_of, invoke},
    stream::handle_within,
};

/// What happens to the first request of single parts, by their number; and how many requests there were.
#[derive(Debug, Default)]
struct Parts {
    faults: Mutex<BTreeMap<u32, Course>>,
    /// Of all others.
    usual: Course,
    sent: AtomicUsize,
}

impl Parts {
    fn fail(faults: impl Into<BTreeMap<u32, Course>>) -> Self {
        Self { faults: Mutex::new(faults.into()), ..Self::default() }
    }
}

impl Plan for Parts {
    fn next(&self, request: &Request) -> Course {
        let Some(part) = request.part else { return Course::default() };
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.faults.lock().unwrap().remove(&part).unwrap_or(self.usual)
    }
}

const REFUSED: Course = Course { before: Duration::ZERO, fault: Some(Fault::RefuseBefore), after: Duration::ZERO };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slice_ends_before_its_first_part_that_fails_and_counts_the_parts_before_it() {
    let mut system = ManualSystem::new(NO_END).await;
    let quantity = 3 * five_parts("csv");
    let id = system.create("csv", quantity).await;
    // The second part fails after the third one has failed.
    let late = Course { before: Duration::from_millis(500), ..REFUSED };
    let plan = Arc::new(Parts::fail([(2, late), (3, REFUSED)]));
    let network = Network::following(plan.clone());
    let worker = system.worker(&network);
    let records = system.records().await;
    assert_eq!(invoke(&worker, &network, &records).await, End::Done);
    system.done(&records);
    let item = system.item(id).await;
    let export = item.export.unwrap();
    assert_eq!((export.next_part, export.restarts), (2, 0), "the first part is stored, whatever was sent behind it");
    let sent = plan.sent.load(Ordering::Relaxed);
    // The one that was being rendered when the failure came.
    assert!((3..=4).contains(&sent), "{sent} parts: none is begun after one has failed");

    let first = worker.metrics().take().to_string();
    assert!(first.contains(&format!("RowsExported={} ", item.quantity_reserved.unwrap())), "{first}");
    while let records = system.records().await
        && !records.is_empty()
    {
        assert_eq!(invoke(&worker, &network, &records).await, End::Done);
        system.done(&records);
    }
    let bytes = system.assert_exported(id).await;
    let second = worker.metrics().take().to_string();
    let sum = |name: &str| {
        let figure = |line: &str| line.split(' ').find_map(|word| word.strip_prefix(name)?.parse::<usize>().ok());
        figure(&first).unwrap() + figure(&second).unwrap()
    };
    assert_eq!(sum("BytesExported="), bytes.len(), "what was sent again counts once: {first}; {second}");
    assert_eq!(sum("RowsExported="), usize::try_from(quantity).unwrap(), "{first}; {second}");
    system.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slice_whose_first_part_fails_is_no_progress() {
    let mut system = ManualSystem::new(NO_END).await;
    let id = system.create("csv", five_parts("csv")).await;
    let network = Network::following(Arc::new(Parts::fail([(1, REFUSED)])));
    let records = system.records().await;
    assert_eq!(invoke(&system.worker(&network), &network, &records).await, End::Failed, "the record comes again");
    assert_eq!(system.item(id).await.version, 2, "only the allocation was written");
    system.settle().await;
    system.assert_exported(id).await;
    system.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_is_lost_for_the_ninth_time_ends_the_reservation_with_the_reason() {
    for restarts in [7, 8] {
        let mut system = ManualSystem::new(ONE_PART).await;
        let id = system.create("csv", five_parts("csv")).await;
        system.run_to_part(id, 2).await;
        system.set(id, &["export", "restarts"], AttributeValue::N(restarts.to_string())).await;
        assert_eq!(system.abort_uploads().await, 1);
        let (network, records) = (Network::healthy(), system.records().await);
        assert_eq!(invoke(&system.worker(&network), &network, &records).await, End::Done);
        system.done(&records);
        let item = system.item(id).await;
        if restarts == 7 {
            let export = item.export.unwrap();
            assert_eq!((item.status, export.restarts, export.next_part), (Status::InProgress, 8, 1));
            system.settle().await;
            system.assert_exported(id).await;
        } else {
            assert_eq!(item.status, Status::Error);
            let message = item.error_message.unwrap();
            assert!(message.contains("lost again and again"), "{message}");
        }
        system.assert_sound().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_lacks_parts_is_begun_again_whether_its_length_is_known_or_not() {
    for export_type in ["csv", "csv.gz"] {
        let mut system = ManualSystem::new(ONE_PART).await;
        let id = system.create(export_type, five_parts(export_type)).await;
        system.run_to_part(id, 2).await;
        // Parts 3 to 5 go to an upload without the first two.
        let bucket = system.context().bucket();
        let key = system.keys().await.1.remove(0);
        assert_eq!(system.abort_uploads().await, 1);
        let other = bucket.create_upload(&head_of(&key, id)).await.unwrap();
        system.set(id, &["export", "upload_id"], AttributeValue::S(other)).await;
        let network = system.settle().await;
        assert_eq!(network.count("CompleteMultipartUpload"), 1, "{export_type}: {:?}", network.calls());
        system.assert_exported(id).await;
        system.assert_sound().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_without_a_gap_whose_parts_have_another_length_is_begun_again() {
    let mut system = ManualSystem::new(NO_END).await;
    let id = system.create("csv", five_parts("csv")).await;
    let network = Network::failing("CompleteMultipartUpload", Fault::DieBefore);
    let worker = system.worker(&network);
    let records = system.records().await;
    assert_eq!(invoke(&worker, &network, &records).await, End::Killed);
    let bucket = system.context().bucket();
    let upload = bucket.open_uploads("exports/").await.unwrap().remove(0);
    bucket
        .upload_part(&upload.key, &upload.id, 2, b"of a worker that renders otherwise".to_vec().into())
        .await
        .unwrap();
    let network = system.settle().await;
    assert_eq!(network.count("AbortMultipartUpload"), 1, "{:?}", network.calls());
    system.assert_exported(id).await;
    system.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_without_time_to_wait_for_the_object_restarts_nothing_and_looks_less_and_less_often() {
    let mut system = ManualSystem::new(ONE_PART).await;
    let id = system.create("csv", five_parts("csv")).await;
    system.run_to_part(id, 2).await;
    assert_eq!(system.abort_uploads().await, 1);
    let network = Network::healthy();
    let worker = network.worker(&system.running, |config| {
        (config.slice, config.object_wait) = (ONE_PART, Duration::from_secs(60));
    });
    let events = events(&system.records().await);
    // Five seconds are kept for what comes after.
    let failed = handle_within(&worker, events, Duration::from_secs(6)).await;
    assert_eq!(failed.len(), 1, "the record comes again");
    let export = system.item(id).await.export.unwrap();
    assert_eq!((export.restarts, export.next_part), (0, 3));
    // After 0, 50, 150, 350 and 750 ms, and at the end.
    let looks = network.count("HeadObject");
    assert!((1..=8).contains(&looks), "{looks} looks");
    system.settle().await;
    system.assert_exported(id).await;
    system.assert_sound().await;
}

/// A worker that is held at this request of the reservation's next slice, while the test does something else; then it goes
/// on. Gives the requests after that.
async fn overtaken<F: Future<Output = ManualSystem>>(
    system: ManualSystem,
    operation: &'static str,
    meanwhile: impl FnOnce(ManualSystem) -> F,
) -> (ManualSystem, Vec<String>) {
    let network = Network::failing(operation, Fault::HoldBefore);
    let worker = system.worker(&network);
    let task = begin(&worker, &system.records().await);
    network.struck().await;
    let before = network.calls().len();
    let system = meanwhile(system).await;
    network.release();
    assert_eq!(task.await.unwrap(), [""; 0]);
    let after = network.calls().split_off(before);
    (system, after)
}

/// Whether it neither looked for an object nor wrote anything (parts of a lost upload are none), but only looked at the
/// reservation and removed what is not
/// its file.
fn only_tidied(calls: &[String]) -> bool {
    let tidies =
        ["UploadPart", "GetItem", "ListMultipartUploads", "AbortMultipartUpload", "ListObjectsV2", "DeleteObjects"];
    calls.iter().all(|call| tidies.contains(&call.as_str()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_whose_upload_another_one_completed_or_lost_leaves_the_reservation_to_it() {
    // Completed: the status differs.
    let mut system = ManualSystem::new(ONE_PART).await;
    let id = system.create("csv", five_parts("csv")).await;
    system.run_to_part(id, 2).await;
    let (system, after) = overtaken(system, "UploadPart", async |mut system: ManualSystem| {
        system.settle().await;
        system
    })
    .await;
    assert!(only_tidied(&after), "{after:?}");
    system.assert_exported(id).await;
    system.assert_sound().await;

    // Lost, and begun again: only the progress differs.
    let mut system = ManualSystem::new(ONE_PART).await;
    let id = system.create("csv", five_parts("csv")).await;
    system.run_to_part(id, 2).await;
    let (mut system, after) = overtaken(system, "UploadPart", async |system: ManualSystem| {
        assert_eq!(system.abort_uploads().await, 1);
        let (network, records) = (Network::healthy(), system.records().await);
        assert_eq!(invoke(&system.worker(&network), &network, &records).await, End::Done);
        assert_eq!(system.item(id).await.export.map(|export| (export.restarts, export.next_part)), Some((1, 1)));
        system
    })
    .await;
    assert!(only_tidied(&after), "{after:?}");
    assert_eq!(system.item(id).await.export.unwrap().restarts, 1);
    system.settle().await;
    system.assert_exported(id).await;
    system.assert_sound().await;

    // Begun again by a newer renderer: only the generation differs.
    let system = ManualSystem::new(NO_END).await;
    let id = system.create("csv", five_parts("csv")).await;
    let (mut system, after) = overtaken(system, "UploadPart", async |system: ManualSystem| {
        assert_eq!(system.abort_uploads().await, 1);
        system.freeze_as(id, RENDERER_VERSION - 1).await;
        let (network, records) = (Network::healthy(), system.records().await);
        assert_eq!(invoke(&system.worker(&network), &network, &records).await, End::Done);
        let item = system.item(id).await;
        assert_eq!((item.status, item.generation, item.export), (Status::InProgress, 2, Some(ExportProgress::begin())));
        system
    })
    .await;
    assert!(only_tidied(&after), "{after:?}");
    system.settle().await;
    system.assert_exported(id).await;
    system.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_a_worker_writes_after_its_reservation_was_deleted_or_made_anew_is_removed() {
    for again in [false, true] {
        let system = ManualSystem::new(NO_END).await;
        let id = system.create("csv", 5).await;
        let (system, _) = overtaken(system, "PutObject", async |mut system: ManualSystem| {
            assert_eq!(system.delete(id).await, 204);
            if again {
                let made = system.create_with(&with(&body("csv", 5), json!({ "id": id }))).await;
                assert_eq!(made, id);
            }
            // The records of the deletion come before the file.
            system.settle().await;
            system
        })
        .await;
        let (objects, uploads) = system.keys().await;
        assert_eq!((objects.len(), uploads.len()), (usize::from(again), 0), "{objects:?}");
        if again {
            system.assert_exported(id).await;
        }
        system.assert_sound().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_export_that_is_slow_holds_up_no_other_one() {
    let mut system = ManualSystem::new(NO_END).await;
    let mut ids = Vec::<Uuid>::new();
    for _ in 0..5 {
        ids.push(system.create("csv", 5).await);
    }
    let network = Network::failing("PutObject", Fault::HoldBefore);
    let worker = system.worker(&network);
    let records = system.records().await;
    let task = begin(&worker, &records);
    network.struck().await;
    wait_until("all others are written", || async { (network.count("PutObject") == 5).then_some(()) }).await;
    network.release();
    assert_eq!(task.await.unwrap(), [""; 0]);
    system.done(&records);
    system.settle().await;
    for id in ids {
        system.assert_exported(id).await;
    }
    system.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_exports_of_a_batch_get_equal_shares_of_its_time() {
    // Each round of two parts takes a second, and each export has more parts than fit into all of the time.
    let mut system = ManualSystem::new(Duration::from_secs(6)).await;
    let usual = Course { before: Duration::from_secs(1), ..Course::default() };
    let network = Network::following(Arc::new(Parts { usual, ..Parts::default() }));
    let mut ids = Vec::new();
    for _ in 0..2 {
        ids.push(system.create("csv", 10 * five_parts("csv")).await);
    }
    let records = system.records().await;
    assert_eq!(invoke(&system.worker(&network), &network, &records).await, End::Done);
    for id in &ids {
        let export = system.item(*id).await.export.unwrap();
        assert!(
            (3..40).contains(&export.next_part),
            "part {}: more than the one that everybody gets",
            export.next_part
        );
    }
    system.done(&records);
    system.settle().await;
    for id in ids {
        system.assert_exported(id).await;
    }
}
