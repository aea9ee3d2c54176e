//! When the attempt of a woken reservation is counted: once for each wake, however late the worker takes it up (RSV-5).

use common::reservation::Status;

use crate::support::{
    faults::{Fault, Network},
    manual::{End, ManualSystem, ONE_PART, begin, five_parts, invoke},
    sweep::{age, drop_records, wake},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wake_does_not_overtake_a_try_that_begins_long_after_its_own_wake() {
    let mut system = ManualSystem::new(ONE_PART).await;
    let id = system.create("csv", five_parts("csv")).await;
    age(&system, id, 20).await;
    drop_records(&mut system).await;
    assert_eq!(wake(&system).await, 1);
    let records = system.records().await;
    // The stream function was away, or the record waited behind others.
    age(&system, id, 20).await;
    let network = Network::failing("TransactWriteItems", Fault::HoldBefore);
    let worker = system.worker(&network);
    let task = begin(&worker, &records);
    network.struck().await;
    let counted = system.item(id).await;
    assert_eq!((counted.status, counted.attempts, counted.woken), (Status::New, 1, false));
    assert_eq!(wake(&system).await, 0, "the count sets the time of the progress");
    network.release();
    assert_eq!(task.await.unwrap(), [""; 0]);
    assert_eq!((system.item(id).await.status, system.item(id).await.attempts), (Status::InProgress, 0));
    system.settle().await;
    system.assert_exported(id).await;
    system.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_wake_before_any_try_is_a_hint_of_its_own_and_counts_once_with_the_first() {
    let mut system = ManualSystem::new(ONE_PART).await;
    let id = system.create("csv", five_parts("csv")).await;
    for _ in 0..2 {
        age(&system, id, 20).await;
        // The record of the first wake is given up.
        drop_records(&mut system).await;
        assert_eq!(wake(&system).await, 1);
    }
    let records = system.records().await;
    assert_eq!(records.len(), 1);
    let network = Network::failing("TransactWriteItems", Fault::RefuseBefore);
    assert_eq!(invoke(&system.worker(&network), &network, &records).await, End::Failed);
    assert_eq!(system.item(id).await.attempts, 1);
    system.settle().await;
    system.assert_exported(id).await;
    system.assert_sound().await;
}
