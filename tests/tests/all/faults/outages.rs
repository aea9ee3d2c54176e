//! The stream function or a store that it needs is away, for longer than the sweep tries. When it is back, everything is
//! completed (RSV-5).

use std::sync::Arc;

use common::reservation::Status;

use crate::support::{
    answers::Trouble,
    faults::{Course, Fault, Network, Plan, Request},
    manual::{End, ManualSystem, NO_END, ONE_PART, five_parts, invoke},
    sweep::{age, drop_records, wake},
};

/// More runs of the sweep than a reservation has attempts.
const RUNS: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_function_that_is_away_for_hours_ends_no_reservation() {
    let mut system = ManualSystem::new(ONE_PART).await;
    let waiting = system.create("csv", five_parts("csv")).await;
    let begun = system.create("csv", five_parts("csv")).await;
    let network = Network::healthy();
    let mut records = system.records().await;
    records.retain(|record| record.event.to_string().contains(&begun.to_string()));
    assert_eq!(invoke(&system.worker(&network), &network, &records).await, End::Done);
    for _ in 0..RUNS {
        for id in [waiting, begun] {
            age(&system, id, 20).await;
        }
        // The stream gave them up too.
        drop_records(&mut system).await;
        assert_eq!(wake(&system).await, 2);
    }
    for (id, status) in [(waiting, Status::New), (begun, Status::InProgress)] {
        let item = system.item(id).await;
        assert_eq!((item.status, item.attempts), (status, 0), "nobody tried it");
    }
    // The records of the last wake are enough.
    system.settle().await;
    for id in [waiting, begun] {
        system.assert_exported(id).await;
    }
    system.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stores_that_are_away_for_hours_end_no_reservation() {
    // The first call of a worker to each store, and its own count of the attempt.
    for operation in ["GetItem", "HeadObject", "UpdateItem"] {
        for fault in [Fault::GoDown, Fault::RefuseBefore] {
            let mut system = ManualSystem::new(ONE_PART).await;
            let id = system.create("csv", five_parts("csv")).await;
            for _ in 0..RUNS {
                age(&system, id, 20).await;
                drop_records(&mut system).await;
                assert_eq!(wake(&system).await, 1);
                let network = Network::failing(operation, fault);
                let records = system.records().await;
                assert_eq!(invoke(&system.worker(&network), &network, &records).await, End::Failed);
                assert!(network.has_failed());
            }
            assert_eq!(system.item(id).await.attempts, 0, "{operation}, {fault:?}");
            system.settle().await;
            system.assert_exported(id).await;
            system.assert_sound().await;
        }
    }
}

/// Operations that a store cannot do, while it does all others.
#[derive(Debug)]
struct Away(&'static [&'static str], Fault);

impl Plan for Away {
    fn next(&self, request: &Request) -> Course {
        let fault = self.0.contains(&request.operation.as_str()).then_some(self.1);
        Course { fault, ..Course::default() }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stores_that_cannot_write_for_hours_end_no_reservation() {
    // What a look at the secret and the bucket before the attempt does not show.
    for (operations, quantity) in [
        (&["TransactWriteItems"][..], five_parts("csv")),
        (&["PutObject"], 5),
        (&["CreateMultipartUpload"], five_parts("csv")),
        (&["UploadPart"], five_parts("csv")),
        (&["CompleteMultipartUpload"], five_parts("csv")),
    ] {
        let mut system = ManualSystem::new(NO_END).await;
        let id = system.create("csv", quantity).await;
        let fault = Fault::Refuse(Trouble::Internal);
        for _ in 0..RUNS {
            age(&system, id, 20).await;
            drop_records(&mut system).await;
            assert_eq!(wake(&system).await, 1);
            let network = Network::following(Arc::new(Away(operations, fault)));
            let records = system.records().await;
            let worker = system.worker(&network);
            assert_eq!(invoke(&worker, &network, &records).await, End::Failed);
            assert_eq!(system.item(id).await.attempts, 0, "{operations:?}: the count is taken back");
            // The same record again makes another try of the same wake, and counts nothing.
            assert_eq!(invoke(&worker, &network, &records).await, End::Failed);
            assert_eq!(system.item(id).await.attempts, 0, "{operations:?}");
            system.done(&records);
            let idle = Network::healthy();
            let records = system.records().await;
            if operations == ["TransactWriteItems"] {
                assert_eq!(records.len(), 2, "the count, and that it was taken back");
                assert_eq!(invoke(&system.worker(&idle), &idle, &records).await, End::Done);
                assert_eq!(idle.calls(), [] as [&str; 0], "neither is a try of its own");
            }
        }
        age(&system, id, 20).await;
        drop_records(&mut system).await;
        assert_eq!(wake(&system).await, 1);
        system.settle().await;
        system.assert_exported(id).await;
        system.assert_sound().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_in_which_the_worker_dies_is_counted_and_starts_no_step_of_its_own() {
    let mut system = ManualSystem::new(ONE_PART).await;
    let id = system.create("csv", five_parts("csv")).await;
    age(&system, id, 20).await;
    drop_records(&mut system).await;
    assert_eq!(wake(&system).await, 1);
    let network = Network::failing("TransactWriteItems", Fault::DieBefore);
    let records = system.records().await;
    assert_eq!(invoke(&system.worker(&network), &network, &records).await, End::Killed);
    let item = system.item(id).await;
    assert_eq!((item.status, item.attempts, item.woken), (Status::New, 1, false));
    // The record of the wake is given up; that of the count is no hint.
    system.done(&records);
    let count = system.records().await;
    assert_eq!(count.len(), 1);
    let idle = Network::healthy();
    assert_eq!(invoke(&system.worker(&idle), &idle, &count).await, End::Done);
    assert_eq!(idle.calls(), [] as [&str; 0]);
    age(&system, id, 20).await;
    assert_eq!(wake(&system).await, 1);
    system.settle().await;
    system.assert_exported(id).await;
    system.assert_sound().await;
}
