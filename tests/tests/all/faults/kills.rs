//! A worker dies, loses an answer or its network, at every single external call of an export of five parts.

use crate::support::{
    faults::Fault,
    home::{Home, NO_END, ONE_PART, SMALL_PARTS, five_parts},
};

/// Every call of an export that nothing disturbs, then the same export with a fault at each of them.
async fn at_every_call(export_type: &str, fault: Fault) {
    for slice in [ONE_PART, NO_END] {
        let mut home = Home::new(slice).await;
        home.create(export_type, five_parts(export_type)).await;
        let undisturbed = home.settle().await.calls();
        let count = |name: &str| undisturbed.iter().filter(|call| *call == name).count();
        assert_eq!(count("UploadPart"), 5, "{undisturbed:?}");
        assert_eq!(count("UpdateItem"), if slice == ONE_PART { 4 } else { 0 }, "{undisturbed:?}");
        home.assert_sound().await;
        for at in 1..=undisturbed.len() {
            let id = home.create(export_type, five_parts(export_type)).await;
            let wire = home.drain_with((at, fault)).await;
            assert!(wire.is_spent(), "{fault:?} at {at}: there is no such call");
            let bytes = home.assert_exported(id).await;
            let (_, same) = home.rendered(&home.item(id).await, SMALL_PARTS).await;
            assert!(bytes == same, "{fault:?} at call {at} of {export_type}, {:?}", wire.calls());
            let (_, uploads) = home.keys().await;
            assert_eq!(uploads, [] as [&str; 0], "{fault:?} at call {at}, {:?}", wire.calls());
        }
        home.assert_sound().await;
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
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_dies_at_any_call_of_an_export_of_one_request_loses_nothing() {
    let mut home = Home::new(NO_END).await;
    home.create("json", 20).await;
    let undisturbed = home.settle().await.calls();
    assert!(undisturbed.contains(&"PutObject".to_owned()), "{undisturbed:?}");
    for fault in [Fault::DieBefore, Fault::DieAfter, Fault::LoseAnswer] {
        for at in 1..=undisturbed.len() {
            let id = home.create("json", 20).await;
            assert!(home.drain_with((at, fault)).await.is_spent());
            home.assert_exported(id).await;
        }
    }
    home.assert_sound().await;
}
