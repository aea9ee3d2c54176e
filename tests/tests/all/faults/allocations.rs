//! What an allocation does, and counts, when another writer was first (RSV-2).

use common::reservation::Status;
use serde_json::json;

use crate::support::{
    answers::Trouble,
    faults::{Fault, Network},
    manual::{End, ManualSystem, NO_END, begin, invoke},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reservation_that_changed_since_it_was_read_is_left_out_and_the_others_of_its_batch_are_reserved() {
    let mut system = ManualSystem::new(NO_END).await;
    // Of three on a new pool, which costs more actions, and of three on one that exists.
    for _ in 0..2 {
        let mut ids = Vec::new();
        for quantity in [10, 20, 30] {
            ids.push(system.create("csv", quantity).await);
        }
        let network = Network::failing("TransactWriteItems", Fault::HoldBefore);
        let worker = system.worker(&network);
        let records = system.records().await;
        let task = begin(&worker, &records);
        network.struck().await;
        assert_eq!(system.patch(ids[1], &json!({ "reference_id": "changed" })).await, 200);
        network.release();
        assert_eq!(task.await.unwrap(), [""; 0]);
        let mut seen = Vec::new();
        for id in &ids {
            seen.push(system.item(*id).await.status);
        }
        assert_eq!(seen, [Status::Complete, Status::New, Status::Complete]);
        let line = worker.metrics().take().to_string();
        for figure in ["AllocationAttempts=2 ", "AllocationConflicts=1 ", "CodesReserved=40 ", "Reservations=2 "] {
            assert!(line.contains(figure), "{figure}: {line}");
        }
        system.done(&records);
        // The record of the change.
        system.settle().await;
        for id in ids {
            system.assert_exported(id).await;
        }
        system.assert_sound().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_another_one_keeps_out_is_tried_again_and_counted() {
    let mut system = ManualSystem::new(NO_END).await;
    let id = system.create("csv", 10).await;
    let network = Network::failing("TransactWriteItems", Fault::Refuse(Trouble::Conflict));
    let worker = system.worker(&network);
    let records = system.records().await;
    assert_eq!(invoke(&worker, &network, &records).await, End::Done);
    let line = worker.metrics().take().to_string();
    for figure in ["AllocationAttempts=2 ", "AllocationConflicts=1 ", "CodesReserved=10 ", "Reservations=1 "] {
        assert!(line.contains(figure), "{figure}: {line}");
    }
    system.done(&records);
    system.settle().await;
    system.assert_exported(id).await;
    system.assert_sound().await;
}
