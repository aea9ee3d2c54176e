//! A worker is held at every request of an export, while another worker finishes the export or a client changes the
//! reservation. Then the first worker goes on with what it read before. No incarnation gets a second range (RSV-2), and
//! nothing is left over (RSV-5).

use common::reservation::Status;
use serde_json::json;
use uuid::Uuid;

use crate::support::{
    faults::{Fault, Network},
    manual::{End, ManualSystem, ONE_PART, body, five_parts, invoke},
};

/// What happens while a worker is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meanwhile {
    /// The records are delivered to another worker, which finishes the export.
    Race,
    /// A client changes a member that the export does not depend on.
    Touch,
    /// A client stops the export.
    Stop,
    /// A client deletes the reservation.
    Delete,
    /// A client deletes the reservation and creates another one with its id.
    Recreate,
    /// A client stops the export and starts another one in another format.
    Again,
}

async fn happen(system: &mut ManualSystem, meanwhile: Meanwhile, id: Uuid) {
    match meanwhile {
        Meanwhile::Race => {}
        Meanwhile::Touch => assert_eq!(system.patch(id, &json!({"reference_id": "touched"})).await, 200),
        Meanwhile::Stop => {
            // A complete reservation cannot be stopped.
            let complete = system.item(id).await.status == Status::Complete;
            assert_eq!(system.patch(id, &json!({"status": "error"})).await, if complete { 400 } else { 200 });
        }
        Meanwhile::Delete => assert_eq!(system.delete(id).await, 204),
        Meanwhile::Recreate => {
            assert_eq!(system.delete(id).await, 204);
            let mut body = body("csv", five_parts("csv"));
            body["id"] = json!(id);
            assert_eq!(system.create_with(&body).await, id);
        }
        Meanwhile::Again => {
            if system.item(id).await.status != Status::Complete {
                assert_eq!(system.patch(id, &json!({"status": "error"})).await, 200);
            }
            assert_eq!(system.patch(id, &json!({"status": "new", "export_type": "ndjson"})).await, 200);
        }
    }
}

async fn at_every_call(meanwhile: Meanwhile) {
    let mut system = ManualSystem::new(ONE_PART).await;
    system.create("csv", five_parts("csv")).await;
    let calls = system.settle().await.calls().len();
    for fault in [Fault::HoldBefore, Fault::HoldAfter] {
        for at in 1..=calls {
            let id = system.create("csv", five_parts("csv")).await;
            let what = format!("{meanwhile:?}, {fault:?} at call {at}");
            let network = Network::failing(at, fault);
            let worker = system.worker(&network);
            // The invocation that makes the request is held; those before it run to their end.
            let held = loop {
                let records = system.records().await;
                assert!(!records.is_empty(), "{what}: there is no such call");
                let (worker, network) = (worker.clone(), network.clone());
                let copy = records.clone();
                // This loop waits for the fault, so the invocation watches a network without one.
                let mut task = tokio::spawn(async move { invoke(&worker, &Network::healthy(), &copy).await });
                tokio::select! {
                    end = &mut task => {
                        assert_eq!(end.unwrap(), End::Done, "{what}");
                        system.done(&records);
                    }
                    () = network.struck() => break task,
                }
            };
            happen(&mut system, meanwhile, id).await;
            system.settle().await;
            network.release();
            // The stale worker may succeed or fail, but must not damage anything. A failed batch is delivered again.
            if held.await.unwrap() == End::Failed {
                system.rewind();
            }
            system.settle().await;
            assert_end(&system, meanwhile, id, &what).await;
        }
        system.assert_sound().await;
    }
}

async fn assert_end(system: &ManualSystem, meanwhile: Meanwhile, id: Uuid, what: &str) {
    let (objects, uploads) = system.keys().await;
    assert_eq!(uploads, [] as [&str; 0], "{what}");
    let own = objects.iter().filter(|key| key.contains(&id.to_string())).count();
    let item = system.store().reservation(id).await.unwrap();
    let status = item.as_ref().map(|item| item.status);
    match meanwhile {
        Meanwhile::Delete => assert_eq!((status, own), (None, 0), "{what}"),
        Meanwhile::Stop if status == Some(Status::Error) => assert_eq!(own, 0, "{what}"),
        _ => {
            assert_eq!((status, own), (Some(Status::Complete), 1), "{what}");
            let bytes = system.assert_exported(id).await;
            assert_eq!(meanwhile == Meanwhile::Again, bytes.starts_with(b"{"), "{what}");
        }
    }
}

macro_rules! at_every_call {
    ($($name:ident: $meanwhile:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            at_every_call(Meanwhile::$meanwhile).await;
        }
    )*};
}

at_every_call! {
    two_workers_on_one_reservation_do_no_harm_wherever_they_meet: Race;
    an_unrelated_edit_costs_nothing_wherever_it_comes: Touch;
    an_export_that_is_stopped_anywhere_leaves_nothing: Stop;
    a_reservation_that_is_deleted_anywhere_leaves_nothing: Delete;
    an_id_that_is_deleted_and_created_again_anywhere_is_another_reservation: Recreate;
    an_export_that_is_begun_again_anywhere_replaces_the_old_one: Again;
}
