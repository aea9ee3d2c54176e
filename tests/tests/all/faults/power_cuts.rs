//! What a power cut leaves of `local`: the bytes of a file are on disk before what describes them, and both before the row
//! that counts on them (RSV-4).

use std::sync::{Arc, Mutex};

use local::s3::StepLog;

use crate::support::{
    faults::Network,
    harness::Setup,
    manual::{ManualSystem, NO_END, ONE_PART, five_parts},
};

/// Runs an export on a system that keeps its data on disk. Returns the steps of S3 and the requests of the worker, in their
/// order.
async fn steps(slice: std::time::Duration, quantity: u64) -> Vec<String> {
    let home = tempfile::tempdir().unwrap();
    let log = StepLog::new(Mutex::new(Vec::new()));
    let setup = Setup::new().data_dir(home.path()).step_log(&log);
    let mut system = ManualSystem::with(setup, slice).await;
    let id = system.create("csv", quantity).await;
    let network = Network::healthy();
    network.note(&log);
    system.drain(&network).await;
    system.assert_exported(id).await;
    let steps = Arc::clone(&log).lock().unwrap().clone();
    // A path ends with what it is: a folder, `1.json`, or the name of the bytes.
    steps
}

/// The steps between the request at a position and the next one that writes a row.
fn until_row(steps: &[String], from: usize) -> &[String] {
    let is_row = |step: &String| ["UpdateItem", "TransactWriteItems"].contains(&step.as_str());
    let end = steps.iter().skip(from).position(is_row).unwrap();
    &steps[from..from + end]
}

fn position(steps: &[String], what: &str) -> usize {
    steps.iter().position(|step| step.starts_with(what)).unwrap_or_else(|| panic!("{what} is not in {steps:#?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_is_on_disk_before_the_row_that_counts_it() {
    let steps = steps(ONE_PART, five_parts("csv")).await;
    let parts: Vec<usize> = (0..steps.len()).filter(|at| steps[*at] == "UploadPart").collect();
    assert_eq!(parts.len(), 5, "{steps:#?}");
    for (part, number) in parts.into_iter().zip(1..) {
        let steps = until_row(&steps, part);
        let (bytes, description) = (position(steps, "bytes "), position(steps, "description "));
        assert!(steps[description].ends_with(&format!("/{number}.json")), "{steps:#?}");
        assert!(bytes < description && description < position(steps, "folder "), "{steps:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_part_and_the_object_are_on_disk_before_the_row_that_calls_the_file_complete() {
    let steps = steps(NO_END, five_parts("csv")).await;
    let complete = position(&steps, "CompleteMultipartUpload");
    assert_eq!(steps[..complete].iter().filter(|step| step.starts_with("bytes ")).count(), 5, "{steps:#?}");
    let object = until_row(&steps, complete);
    assert!(object[position(object, "description ")].contains("/objects/"), "{object:#?}");
    assert!(position(object, "description ") < position(object, "folder "), "{object:#?}");
    // The folder of the upload itself is known to its parent before anything is in it.
    let create = position(&steps, "CreateMultipartUpload");
    let created = &steps[create..position(&steps, "UploadPart")];
    assert!(created.iter().any(|step| step.starts_with("folder ") && step.ends_with("/data")), "{created:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_of_one_request_is_on_disk_before_its_row() {
    let steps = steps(NO_END, 5).await;
    let steps = until_row(&steps, position(&steps, "PutObject"));
    let (bytes, description) = (position(steps, "bytes "), position(steps, "description "));
    let data = steps.iter().position(|step| step.starts_with("folder ") && step.ends_with("/data")).unwrap();
    assert!(bytes < data && data < description, "{steps:#?}");
    assert!(steps[description..].iter().any(|step| step.ends_with("/objects")), "{steps:#?}");
}
