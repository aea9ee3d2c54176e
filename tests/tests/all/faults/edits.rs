//! A worker is held at every single external call, while another finishes its work or a client changes the reservation; then it
//! goes on as if it had never been away.

use common::reservation::Status;
use serde_json::json;
use uuid::Uuid;

use crate::support::{
    faults::{Fault, Wire},
    home::{End, Home, ONE_PART, body, five_parts, invoke},
};

/// What happens while a worker is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meanwhile {
    /// The records come to another worker, which does everything.
    Race,
    /// A client changes what the export does not depend on.
    Touch,
    /// A client stops the export.
    Stop,
    /// A client deletes the reservation.
    Delete,
    /// A client deletes the reservation and creates one with its id.
    Recreate,
    /// A client stops the export and begins another, in another format.
    Again,
}

async fn happen(home: &mut Home, meanwhile: Meanwhile, id: Uuid) {
    match meanwhile {
        Meanwhile::Race => {}
        Meanwhile::Touch => assert_eq!(home.patch(id, &json!({"reference_id": "touched"})).await, 200),
        Meanwhile::Stop => {
            // What is complete cannot be stopped.
            let complete = home.item(id).await.status == Status::Complete;
            assert_eq!(home.patch(id, &json!({"status": "error"})).await, if complete { 400 } else { 200 });
        }
        Meanwhile::Delete => assert_eq!(home.delete(id).await, 204),
        Meanwhile::Recreate => {
            assert_eq!(home.delete(id).await, 204);
            let mut body = body("csv", five_parts("csv"));
            body["id"] = json!(id);
            assert_eq!(home.create_with(&body).await, id);
        }
        Meanwhile::Again => {
            if home.item(id).await.status != Status::Complete {
                assert_eq!(home.patch(id, &json!({"status": "error"})).await, 200);
            }
            assert_eq!(home.patch(id, &json!({"status": "new", "export_type": "ndjson"})).await, 200);
        }
    }
}

async fn at_every_call(meanwhile: Meanwhile) {
    let mut home = Home::new(ONE_PART).await;
    home.create("csv", five_parts("csv")).await;
    let calls = home.settle().await.calls().len();
    for fault in [Fault::HoldBefore, Fault::HoldAfter] {
        for at in 1..=calls {
            let id = home.create("csv", five_parts("csv")).await;
            let what = format!("{meanwhile:?}, {fault:?} at call {at}");
            let wire = Wire::new(Some((at, fault)));
            let worker = home.worker(&wire);
            // Undisturbed up to the call; the invocation that makes it is held.
            let held = loop {
                let records = home.records().await;
                assert!(!records.is_empty(), "{what}: there is no such call");
                let (worker, wire) = (worker.clone(), wire.clone());
                let copy = records.clone();
                // The wire reports its strike here, so the invocation gets one that never strikes.
                let mut task = tokio::spawn(async move { invoke(&worker, &Wire::new(None), &copy).await });
                tokio::select! {
                    end = &mut task => {
                        assert_eq!(end.unwrap(), End::Done, "{what}");
                        home.done(&records);
                    }
                    () = wire.struck() => break task,
                }
            };
            happen(&mut home, meanwhile, id).await;
            home.settle().await;
            wire.release();
            // Done or failed: whatever it found, it may not do harm. What failed comes again, late.
            if held.await.unwrap() == End::Failed {
                home.rewind();
            }
            home.settle().await;
            assert_end(&home, meanwhile, id, &what).await;
        }
        home.assert_sound().await;
    }
}

async fn assert_end(home: &Home, meanwhile: Meanwhile, id: Uuid, what: &str) {
    let (objects, uploads) = home.keys().await;
    assert_eq!(uploads, [] as [&str; 0], "{what}");
    let own = objects.iter().filter(|key| key.contains(&id.to_string())).count();
    let item = home.store().reservation(id).await.unwrap();
    let status = item.as_ref().map(|item| item.status);
    match meanwhile {
        Meanwhile::Delete => assert_eq!((status, own), (None, 0), "{what}"),
        Meanwhile::Stop if status == Some(Status::Error) => assert_eq!(own, 0, "{what}"),
        _ => {
            assert_eq!((status, own), (Some(Status::Complete), 1), "{what}");
            let bytes = home.assert_exported(id).await;
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
