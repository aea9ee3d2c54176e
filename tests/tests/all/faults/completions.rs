//! The completion of a multipart upload is slow, or loses its answer, or another worker looks while it is under way. The
//! file is written once, and its parts are not written again (RSV-4, RSV-5).

use std::{sync::Arc, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use common::{bucket::ObjectHead, context::Context, reservation::Status};
use uuid::Uuid;

use crate::support::{
    faults::{Fault, Network},
    harness::wait_until,
    manual::{End, ManualSystem, NO_END, ONE_PART, five_parts, head_of, invoke},
};

/// A worker that waits long for an object. The completion that it waits for is released by the test.
fn patient(system: &ManualSystem, network: &Network, slice: Duration) -> Arc<Context> {
    network.worker(&system.running, |config| {
        (config.slice, config.object_wait) = (slice, Duration::from_secs(60));
    })
}

/// Delivers batches until a worker on this network is killed or held.
async fn run_until_struck(system: &mut ManualSystem, network: &Network) {
    let worker = system.worker(network);
    loop {
        let records = system.records().await;
        assert!(!records.is_empty(), "{:?}", network.calls());
        match invoke(&worker, network, &records).await {
            End::Done => system.done(&records),
            End::Killed => return,
            End::Failed => panic!("{:?}", network.calls()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_completion_that_is_silent_for_12_seconds_is_sent_once() {
    let mut system = ManualSystem::new(NO_END).await;
    let id = system.create("csv", five_parts("csv")).await;
    let slow = Fault::SlowBody(Duration::from_secs(12));
    let network = system.drain_with("CompleteMultipartUpload", slow).await;
    assert!(network.has_failed());
    assert_eq!(network.count("CompleteMultipartUpload"), 1, "{:?}", network.calls());
    assert_eq!(network.count("UploadPart"), 5, "{:?}", network.calls());
    system.assert_exported(id).await;
    system.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_of_a_store_is_cut_off_for_its_silence() {
    let mut system = ManualSystem::new(NO_END).await;
    // One call of each store, longer than the SDK's limit for silence and shorter than the time-out of a try.
    for operation in ["ListParts", "ListMultipartUploads"] {
        let id = system.create("csv", five_parts("csv")).await;
        let network = system.drain_with(operation, Fault::SlowBody(Duration::from_secs(8))).await;
        assert!(network.has_failed());
        assert_eq!(network.count("ListParts"), 1, "{operation}: {:?}", network.calls());
        system.assert_exported(id).await;
    }
    system.assert_sound().await;
}

/// While a worker's completion is under way, S3 shows neither the upload nor the object to another worker. When the
/// completion is done, and its worker dead, the other one finds the object.
async fn waits_for_the_object(slice: Duration, hidden: &[&'static str]) {
    let mut system = ManualSystem::new(slice).await;
    let id = system.create("csv", five_parts("csv")).await;
    let first = Network::failing("CompleteMultipartUpload", Fault::HoldBefore);
    // The worker that completes is held and never told that it may end: it is the test that completes its upload.
    run_until_struck(&mut system, &first).await;
    let bucket = system.context().bucket();
    let upload = bucket.open_uploads("exports/").await.unwrap().remove(0);
    let parts = bucket.parts(&upload.key, &upload.id).await.unwrap();

    let second = Network::healthy();
    second.hide(hidden);
    let worker = patient(&system, &second, slice);
    let records = system.records().await;
    let invocation = {
        let (worker, records) = (worker.clone(), records.clone());
        tokio::spawn(async move { invoke(&worker, &Network::healthy(), &records).await })
    };
    wait_until("the object is looked for twice", || async { (second.count("HeadObject") >= 2).then_some(()) }).await;
    let item = system.item(id).await;
    assert_eq!((item.status, item.export.unwrap().restarts), (Status::InProgress, 0));
    bucket.complete_upload(&upload.key, &upload.id, &parts).await.unwrap();
    second.heal();
    assert_eq!(invocation.await.unwrap(), End::Done);
    system.done(&records);
    assert_eq!(system.item(id).await.status, Status::Complete);
    assert_eq!(second.count("CreateMultipartUpload"), 0, "{:?}", second.calls());
    system.settle().await;
    system.assert_exported(id).await;
    system.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_whose_parts_are_refused_waits_for_the_completion_that_is_under_way() {
    waits_for_the_object(ONE_PART, &["UploadPart", "ListParts", "HeadObject"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_finds_no_upload_of_a_finished_slice_waits_for_the_completion_that_is_under_way() {
    waits_for_the_object(NO_END, &["UploadPart", "ListParts", "HeadObject"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_whose_own_completion_is_refused_waits_for_the_one_that_is_under_way() {
    waits_for_the_object(NO_END, &["CompleteMultipartUpload", "HeadObject"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_cannot_abort_an_upload_with_a_gap_looks_for_the_object() {
    let mut system = ManualSystem::new(NO_END).await;
    let id = system.create("csv", five_parts("csv")).await;
    let first = Network::failing("CompleteMultipartUpload", Fault::DieBefore);
    run_until_struck(&mut system, &first).await;
    // A listing that lacks a part, of an upload that another worker completes at the same moment.
    let bucket = system.context().bucket();
    let upload = bucket.open_uploads("exports/").await.unwrap().remove(0);
    let parts = bucket.parts(&upload.key, &upload.id).await.unwrap();
    bucket.complete_upload(&upload.key, &upload.id, &parts).await.unwrap();
    // The id of the same upload, opened once more with four of its parts, cannot be had from S3; a worker that lists an
    // upload with other parts than its own is what it sees.
    let other = bucket.create_upload(&head_of(&upload.key, id)).await.unwrap();
    system.set(id, &["export", "upload_id"], AttributeValue::S(other)).await;
    let second = Network::healthy();
    second.hide(&["AbortMultipartUpload"]);
    let worker = system.worker(&second);
    let records = system.records().await;
    assert_eq!(invoke(&worker, &second, &records).await, End::Done, "{:?}", second.calls());
    assert_eq!(second.count("AbortMultipartUpload"), 1, "{:?}", second.calls());
    assert_eq!(system.item(id).await.status, Status::Complete);
    system.done(&records);
    system.settle().await;
    system.assert_exported(id).await;
    system.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_dies_after_the_completion_of_one_long_slice_leaves_nothing_to_write_again() {
    for fault in [Fault::DieAfter, Fault::LoseAnswer] {
        let mut system = ManualSystem::new(NO_END).await;
        let id = system.create("csv", five_parts("csv")).await;
        let network = system.drain_with("CompleteMultipartUpload", fault).await;
        assert!(network.has_failed());
        let once = ["CreateMultipartUpload", "CompleteMultipartUpload"].map(|name| network.count(name));
        assert_eq!(once, [1, 1], "{fault:?}: {:?}", network.calls());
        assert_eq!(network.count("UploadPart"), 5, "{fault:?}: {:?}", network.calls());
        system.assert_exported(id).await;
        system.assert_sound().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_of_an_upload_whose_id_was_never_saved_is_found_before_another_upload_begins() {
    let mut system = ManualSystem::new(NO_END).await;
    let id = system.create("csv", five_parts("csv")).await;
    run_until_struck(&mut system, &Network::failing("CompleteMultipartUpload", Fault::DieAfter)).await;
    // As an older worker leaves it, which does not save the upload of its only slice.
    forget_upload(&system, id).await;
    let network = system.settle().await;
    assert_eq!(network.count("CreateMultipartUpload"), 0, "{:?}", network.calls());
    system.assert_exported(id).await;
    system.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_is_not_whole_or_holds_other_codes_is_written_again() {
    let all = five_parts("csv");
    // The last one is an object of before a restore of the tables: as many codes, of another range.
    for (missing_bytes, rows, same_codes) in [(1, all, true), (0, 1, true), (0, all, false)] {
        let mut system = ManualSystem::new(NO_END).await;
        let id = system.create("csv", five_parts("csv")).await;
        run_until_struck(&mut system, &Network::failing("CompleteMultipartUpload", Fault::DieAfter)).await;
        let key = system.keys().await.0.remove(0);
        let body = vec![b'x'; system.bytes(&key).await.len() - missing_bytes];
        let mut item = system.item(id).await;
        if !same_codes {
            item.range.as_mut().unwrap().start += 1;
        }
        let (reservation, contents) = (id.to_string(), item.contents());
        let head =
            ObjectHead { key: &key, content_type: "text/csv", reservation, rows, contents, origin: String::new() };
        system.context().bucket().put(&head, body).await.unwrap();
        let network = system.settle().await;
        assert_eq!(network.count("CreateMultipartUpload"), 1, "{:?}", network.calls());
        system.assert_exported(id).await;
        system.assert_sound().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_for_the_object_that_is_refused_or_fails_restarts_nothing() {
    for fault in [Fault::RefuseBefore, Fault::GoDown] {
        let mut system = ManualSystem::new(NO_END).await;
        let id = system.create("csv", five_parts("csv")).await;
        run_until_struck(&mut system, &Network::failing("CompleteMultipartUpload", Fault::DieAfter)).await;
        let network = Network::failing("HeadObject", fault);
        let records = system.records().await;
        assert_eq!(invoke(&system.worker(&network), &network, &records).await, End::Failed);
        assert_eq!(system.item(id).await.export.unwrap().restarts, 0, "{fault:?}");
        let network = system.settle().await;
        assert_eq!(network.count("CreateMultipartUpload"), 0, "{fault:?}: {:?}", network.calls());
        system.assert_exported(id).await;
        system.assert_sound().await;
    }
}

/// Removes the progress of an export.
async fn forget_upload(system: &ManualSystem, id: Uuid) {
    let begun = [("next_part", "1"), ("next_row", "1"), ("restarts", "0")];
    let number = |value: &str| AttributeValue::N(value.to_owned());
    let begun = begun.into_iter().map(|(name, value)| (name.to_owned(), number(value))).collect();
    system.set(id, &["export"], AttributeValue::M(begun)).await;
}
