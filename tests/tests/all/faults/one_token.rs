//! A transaction has one request token for all its tries, those of the SDK and those after a conflict. Its first try is done
//! and its answer lost; the second conflicts with another transaction; before the third, the rows have moved on.
//!
//! Under a token for each try, the third would be a transaction of its own: it would bring a deleted row back, whose
//! incarnation gets a second range (RSV-2), or take its own write for another writer's.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use common::{
    context::Context,
    directory::Audit,
    operations::directory::{Author, Members, init::init, tokens::Description},
    reservation::{Reservation, Timestamp},
    store::{Changed, Created, DirectoryWrite, Kind, Saved, StoreError, Written},
};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::support::{
    answers::Trouble,
    api::sgtin,
    faults::{Course, Fault, Network, Plan, Request},
    invariants::stored,
    manual::{ManualSystem, NO_END},
    rows::reservation,
};

/// Loses the answer to the first transaction when it is released, and cancels the second one by a conflict.
#[derive(Debug, Default)]
struct LostThenConflict(AtomicUsize);

impl Plan for LostThenConflict {
    fn next(&self, request: &Request) -> Course {
        let number = match request.operation.as_str() {
            "TransactWriteItems" => self.0.fetch_add(1, Ordering::Relaxed),
            _ => usize::MAX,
        };
        let fault = match number {
            0 => Some(Fault::HoldAndLose),
            1 => Some(Fault::Refuse(Trouble::Conflict)),
            _ => None,
        };
        Course { fault, ..Course::default() }
    }
}

/// Work of a process whose first transaction is done, and whose answer waits to be lost.
struct Work<T> {
    network: Network,
    plan: Arc<LostThenConflict>,
    task: JoinHandle<T>,
}

impl<T: Send + 'static> Work<T> {
    async fn begin<F>(system: &ManualSystem, work: impl FnOnce(Arc<Context>) -> F) -> Self
    where
        F: Future<Output = T> + Send + 'static,
    {
        let plan = Arc::new(LostThenConflict::default());
        let network = Network::following(plan.clone());
        let task = tokio::spawn(work(system.client(&network)));
        network.struck().await;
        Self { network, plan, task }
    }

    /// Loses the answer. Gives the result, after exactly three tries.
    async fn end(self) -> T {
        self.network.release();
        let result = self.task.await.unwrap();
        assert_eq!(self.plan.0.load(Ordering::Relaxed), 3);
        result
    }
}

async fn creating(system: &ManualSystem, row: Reservation) -> Work<Result<Created, StoreError>> {
    Work::begin(system, |context| async move { context.store().create(&[row], None).await }).await
}

fn author() -> Author {
    Author { by: "a test".to_owned(), now: Timestamp::parse("2026-01-01T12:00:00Z").unwrap() }
}

fn audit() -> Audit {
    author().audit("reservation.retry", "reservation", "one")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_was_deleted_does_not_come_back_when_its_create_is_tried_again_after_a_conflict() {
    let mut system = ManualSystem::new(NO_END).await;
    let row = reservation(&sgtin(10));
    let id = row.id;
    let work = creating(&system, row).await;
    system.settle().await;
    system.assert_exported(id).await;
    assert_eq!(system.delete(id).await, 204);
    system.settle().await;
    assert!(matches!(work.end().await, Ok(Created::Done)));
    assert_eq!(system.store().reservation(id).await.unwrap(), None);
    system.settle().await;
    assert_eq!(stored(system.context()).await.state.ranges.len(), 1, "one incarnation, one range");
    system.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_is_not_told_that_the_id_of_its_own_row_is_taken() {
    let mut system = ManualSystem::new(NO_END).await;
    let row = reservation(&sgtin(10));
    let id = row.id;
    assert!(matches!(creating(&system, row).await.end().await, Ok(Created::Done)));
    system.settle().await;
    system.assert_exported(id).await;
    system.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_does_not_take_its_own_write_for_another_writers() {
    let system = ManualSystem::new(NO_END).await;
    let id = system.create("csv", 10).await;
    let old = system.item(id).await;
    let new = Reservation { quantity: Some(30), version: old.version + 1, ..old.clone() };
    let work = Work::begin(&system, |context| async move { context.store().replace(&[(old, new)]).await }).await;
    assert!(matches!(work.end().await, Ok(Written::Done)));
    assert_eq!(system.item(id).await.quantity, Some(30));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wake_by_an_operator_does_not_take_its_own_write_for_a_change() {
    let system = ManualSystem::new(NO_END).await;
    let id = system.create("csv", 10).await;
    let row = system.item(id).await;
    let wake = |context: Arc<Context>| async move { context.store().wake_audited(&row, author().now, &audit()).await };
    assert!(matches!(Work::begin(&system, wake).await.end().await, Ok(Saved::Done)));
    assert!(system.item(id).await.woken);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_administrator_gets_the_token_that_was_stored() {
    let system = ManualSystem::new(NO_END).await;
    let members = Members::from_iter([("email".to_owned(), json!("first@example.com"))]);
    let first =
        |context: Arc<Context>| async move { init(&context, &author(), &members, &Description::default()).await };
    // Refused as "initialised at …" it would be lost, as it is shown once.
    Work::begin(&system, first).await.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_of_the_directory_is_not_taken_for_another_ones() {
    let system = ManualSystem::new(NO_END).await;
    let members = Members::from_iter([("name".to_owned(), json!("One"))]);
    let write = DirectoryWrite::Create(Kind::Organisation, "/417/9399999000012".to_owned(), members);
    let add = |context: Arc<Context>| async move { context.store().change_directory(&[write], &[audit()]).await };
    assert_eq!(Work::begin(&system, add).await.end().await.unwrap(), Changed::Done);
}
