//! A worker dies, or loses an answer or its network, at every request of an export of five parts. The file is the same
//! as without a fault (RSV-4), and nothing is left over (RSV-5).

use crate::support::{
    faults::Fault,
    manual::{ManualSystem, NO_END, ONE_PART, five_parts},
};

/// Counts the requests of an export without a fault, then runs the same export once for each request, with a fault
/// there.
async fn at_every_call(export_type: &str, fault: Fault) {
    for slice in [ONE_PART, NO_END] {
        let mut system = ManualSystem::new(slice).await;
        system.create(export_type, five_parts(export_type)).await;
        let undisturbed = system.settle().await.calls();
        let count = |name: &str| undisturbed.iter().filter(|call| *call == name).count();
        assert_eq!(count("UploadPart"), 5, "{undisturbed:?}");
        // An export of one slice saves its upload before it completes it.
        assert_eq!(count("UpdateItem"), if slice == ONE_PART { 4 } else { 1 }, "{undisturbed:?}");
        system.assert_sound().await;
        for at in 1..=undisturbed.len() {
            let id = system.create(export_type, five_parts(export_type)).await;
            let network = system.assert_survives(id, at, fault).await;
            let (_, uploads) = system.keys().await;
            assert_eq!(uploads, [] as [&str; 0], "{fault:?} at call {at}, {:?}", network.calls());
        }
        system.assert_sound().await;
    }
}

macro_rules! at_every_call {
    ($($name:ident: $export_type:literal, $fault:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            at_every_call($export_type, Fault::$fault).await;
        }
    )*};
}

at_every_call! {
    a_worker_that_dies_before_any_call_is_followed_by_one_that_writes_the_same_csv: "csv", DieBefore;
    a_worker_that_dies_after_any_call_is_followed_by_one_that_writes_the_same_csv: "csv", DieAfter;
    a_lost_answer_to_any_call_changes_no_byte_of_a_csv: "csv", LoseAnswer;
    a_network_that_goes_down_at_any_call_changes_no_byte_of_a_csv: "csv", GoDown;
    a_worker_that_dies_before_any_call_is_followed_by_one_that_writes_the_same_gz: "csv.gz", DieBefore;
    a_worker_that_dies_after_any_call_is_followed_by_one_that_writes_the_same_gz: "csv.gz", DieAfter;
    a_lost_answer_to_any_call_changes_no_byte_of_a_gz: "csv.gz", LoseAnswer;
    a_network_that_goes_down_at_any_call_changes_no_byte_of_a_gz: "csv.gz", GoDown;
    a_worker_that_dies_before_any_call_is_followed_by_one_that_writes_the_same_workbook: "xlsx", DieBefore;
    a_worker_that_dies_after_any_call_is_followed_by_one_that_writes_the_same_workbook: "xlsx", DieAfter;
    a_lost_answer_to_any_call_changes_no_byte_of_a_workbook: "xlsx", LoseAnswer;
    a_network_that_goes_down_at_any_call_changes_no_byte_of_a_workbook: "xlsx", GoDown;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_dies_at_any_call_of_an_export_of_one_request_loses_nothing() {
    let mut system = ManualSystem::new(NO_END).await;
    system.create("json", 20).await;
    let undisturbed = system.settle().await.calls();
    assert!(undisturbed.contains(&"PutObject".to_owned()), "{undisturbed:?}");
    for fault in [Fault::DieBefore, Fault::DieAfter, Fault::LoseAnswer] {
        for at in 1..=undisturbed.len() {
            let id = system.create("json", 20).await;
            assert!(system.drain_with(at, fault).await.has_failed());
            system.assert_exported(id).await;
        }
    }
    system.assert_sound().await;
}
