//! A worker dies at every request of an export as label sheets, plain and gzipped. The file is the same as without a fault
//! (RSV-4), and nothing is left over (RSV-5).

use serde_json::json;

use crate::support::{
    api::{sgtin, with},
    faults::Fault,
    manual::{ManualSystem, ONE_PART},
};

async fn dies_at_every_call(export_type: &str, fault: Fault) {
    // Four pages. Two reservations have other codes, so each is compared with a fresh rendering.
    let body = with(&sgtin(80), json!({ "export_type": export_type }));
    let mut system = ManualSystem::new(ONE_PART).await;
    system.create_with(&body).await;
    let undisturbed = system.settle().await.calls();
    // However small the parts are, a sheet is written by one request.
    assert_eq!(undisturbed.iter().filter(|call| *call == "PutObject").count(), 1, "{undisturbed:?}");
    for at in 1..=undisturbed.len() {
        let id = system.create_with(&body).await;
        system.assert_survives(id, at, fault).await;
    }
    system.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sheet_survives_a_worker_that_dies_after_any_call() {
    dies_at_every_call("pdf", Fault::DieAfter).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gzipped_sheet_survives_a_worker_that_dies_before_any_call() {
    dies_at_every_call("pdf.gz", Fault::DieBefore).await;
}
