//! A write is applied and its answer lost; before the SDK sends it again, the row has moved on. A row that was deleted does
//! not come back, and no incarnation gets a second range (RSV-2).

use common::{
    reservation::{Reservation, Timestamp},
    store::{Created, Remembered, Written},
};
use serde_json::json;

use crate::support::{
    api::sgtin,
    faults::{Fault, Network},
    invariants::{items, stored},
    manual::{ManualSystem, NO_END},
    rows::reservation,
};

/// Who creates the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Create {
    One,
    Batch,
    WithKey,
}

fn new() -> Reservation {
    reservation(&sgtin(10))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_whose_answer_is_lost_does_not_bring_a_deleted_row_back() {
    for create in [Create::One, Create::Batch, Create::WithKey] {
        let mut system = ManualSystem::new(NO_END).await;
        let rows: Vec<_> = (0..if create == Create::Batch { 3 } else { 1 }).map(|_| new()).collect();
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let network = Network::failing("TransactWriteItems", Fault::HoldAndLose);
        let client = system.client(&network);
        let task = tokio::spawn(async move {
            let remembered = Remembered {
                key: "key".to_owned(),
                body: "body".to_owned(),
                ids: rows.iter().map(|row| row.id).collect(),
                answer: None,
                rights: None,
                expires_at: 4_000_000_000,
            };
            let remembered = (create == Create::WithKey).then_some((&remembered, 1));
            client.store().create(&rows, remembered).await
        });
        network.struck().await;
        // The row is there: it gets its range and its file, and a client deletes it.
        system.settle().await;
        for id in &ids {
            system.assert_exported(*id).await;
            assert_eq!(system.delete(*id).await, 204);
        }
        system.settle().await;
        network.release();
        // The client learns that its rows were created, as they were.
        assert!(matches!(task.await.unwrap(), Ok(Created::Done)), "{create:?}");
        assert!(network.calls().len() >= 2, "the SDK sent it again: {:?}", network.calls());
        for id in &ids {
            assert_eq!(system.store().reservation(*id).await.unwrap(), None, "{create:?}: {:?}", network.calls());
        }
        system.settle().await;
        assert_eq!(stored(system.context()).await.state.ranges.len(), ids.len(), "{create:?}");
        system.assert_sound().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_whose_answer_is_lost_is_not_mistaken_for_the_row_that_has_its_id_now() {
    let mut system = ManualSystem::new(NO_END).await;
    let row = new();
    let id = row.id;
    let network = Network::failing("TransactWriteItems", Fault::HoldAndLose);
    let client = system.client(&network);
    let task = tokio::spawn(async move { client.store().create(&[row], None).await });
    network.struck().await;
    assert_eq!(system.delete(id).await, 204);
    let mut body = sgtin(20);
    body["id"] = json!(id);
    assert_eq!(system.create_with(&body).await, id);
    let other = system.item(id).await.incarnation;
    network.release();
    assert!(matches!(task.await.unwrap(), Ok(Created::Done)));
    assert_eq!((system.item(id).await.incarnation, system.item(id).await.quantity), (other, Some(20)));
    system.settle().await;
    system.assert_exported(id).await;
    system.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_whose_answer_is_lost_is_not_applied_to_what_came_after_it() {
    let mut system = ManualSystem::new(NO_END).await;
    let id = system.create("csv", 10).await;
    let old = system.item(id).await;
    let new = Reservation { quantity: Some(30), version: old.version + 1, ..old.clone() };
    let network = Network::failing("TransactWriteItems", Fault::HoldAndLose);
    let client = system.client(&network);
    let edits = [(old, new)];
    let task = tokio::spawn(async move { client.store().replace(&edits).await });
    network.struck().await;
    assert_eq!(system.item(id).await.quantity, Some(30));
    assert_eq!(system.patch(id, &json!({"quantity": 40})).await, 200);
    network.release();
    assert!(matches!(task.await.unwrap(), Ok(Written::Done)));
    assert_eq!(system.item(id).await.quantity, Some(40));
    system.settle().await;
    system.assert_exported(id).await;
    system.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_whose_answer_is_lost_is_done_once() {
    // The count of an attempt is the step whose repetition would be a different step.
    let system = ManualSystem::new(NO_END).await;
    let id = system.create("csv", 10).await;
    let item = system.item(id).await;
    let now = Timestamp::parse("2026-01-01T12:00:00Z").unwrap();
    system.store().wake(&item, now).await.unwrap();
    let woken = system.item(id).await;
    let network = Network::failing("UpdateItem", Fault::LoseAnswer);
    let client = system.worker(&network);
    // The worker does not learn that it counted, so it does not try; the record of the wake is delivered again.
    assert_eq!(client.store().count_attempt(&woken, now).await.unwrap(), None);
    let counted = system.item(id).await;
    assert_eq!((counted.attempts, counted.woken, counted.version), (1, false, woken.version + 1));
    assert_eq!(
        items::<serde_json::Value>(system.context(), &system.context().config().tables.reservations).await.len(),
        1
    );
}
