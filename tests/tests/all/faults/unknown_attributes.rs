//! During a rolling deployment an older version of a function writes rows that a newer one wrote before. Attributes that it
//! does not know stay.

use aws_sdk_dynamodb::types::AttributeValue;
use common::{
    reservation::{RENDERER_VERSION, Status},
    store::{Filled, Filling},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    faults::{Fault, Network},
    harness::Setup,
    invariants::items,
    manual::{End, ManualSystem, ONE_PART, five_parts, invoke},
    sweep::{age, drop_records, wake},
};

const UNKNOWN: &str = "written_by_a_newer_version";

/// Adds an attribute to a row and members to its maps that no struct of this version has.
async fn mark(system: &ManualSystem, id: Uuid) {
    let kept = AttributeValue::S("kept".to_owned());
    system.set(id, &[UNKNOWN], kept.clone()).await;
    let item = system.item(id).await;
    for (map, is_there) in [("range", item.range.is_some()), ("render", item.render.is_some())] {
        if is_there {
            system.set(id, &[map, UNKNOWN], kept.clone()).await;
        }
    }
}

/// The row as it is stored.
async fn row(system: &ManualSystem, id: Uuid) -> Value {
    let table = &system.context().config().tables.reservations;
    let rows: Vec<Value> = items(system.context(), table).await;
    rows.into_iter().find(|row| row["id"] == json!(id)).unwrap()
}

async fn assert_kept(system: &ManualSystem, id: Uuid, after: &str) {
    assert_eq!(row(system, id).await[UNKNOWN], "kept", "after {after}");
}

/// Delivers one batch.
async fn step(system: &mut ManualSystem) -> End {
    let network = Network::healthy();
    let records = system.records().await;
    let end = invoke(&system.worker(&network), &network, &records).await;
    system.done(&records);
    end
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attributes_that_this_version_does_not_know_survive_every_write_of_a_reservation() {
    let mut system = ManualSystem::new(ONE_PART).await;
    let id = system.create("csv", five_parts("csv")).await;
    mark(&system, id).await;

    assert_eq!(system.patch(id, &json!({"reference_id": "edited"})).await, 200);
    assert_kept(&system, id, "an edit").await;
    assert_eq!(system.patch(id, &json!({"reference_id": null})).await, 200);
    assert_kept(&system, id, "an edit that removes a member").await;
    assert_eq!(row(&system, id).await.get("reference_id"), None);

    let mut filling = Filling::of_shard(0, None);
    system.edit(id, "REMOVE created_id SET later = :value", AttributeValue::S("x".to_owned())).await;
    filling.next(system.store(), &mut Filled::default()).await.unwrap();
    assert!(row(&system, id).await["created_id"].is_string());
    assert_kept(&system, id, "the back-fill of an index").await;

    age(&system, id, 20).await;
    drop_records(&mut system).await;
    assert_eq!(wake(&system).await, 1);
    assert_kept(&system, id, "a wake").await;
    // The next step counts the attempt, allocates, and saves the first slice.
    assert_eq!(step(&mut system).await, End::Done);
    let item = system.item(id).await;
    assert_eq!((item.status, item.export.unwrap().next_part), (Status::InProgress, 2));
    assert_kept(&system, id, "a count, an allocation and a slice").await;

    mark(&system, id).await;
    assert_eq!(system.patch(id, &json!({"reference_id": "edited while it runs"})).await, 200);
    let stored = row(&system, id).await;
    assert_eq!((&stored["range"][UNKNOWN], &stored["render"][UNKNOWN]), (&json!("kept"), &json!("kept")));
    system.settle().await;
    assert_eq!(system.item(id).await.status, Status::Complete);
    assert_kept(&system, id, "the completion").await;
    assert_eq!(row(&system, id).await["range"][UNKNOWN], "kept");

    assert_eq!(system.patch(id, &json!({"status": "new"})).await, 200);
    assert_kept(&system, id, "again").await;
    assert_eq!(step(&mut system).await, End::Done);
    // As an older renderer would have begun it.
    let older = AttributeValue::N((RENDERER_VERSION - 1).to_string());
    system.edit(id, "SET render.version = :value", older).await;
    assert_eq!(step(&mut system).await, End::Done);
    assert_eq!(system.item(id).await.generation, 3);
    assert_kept(&system, id, "a restart by a newer renderer").await;
    assert_eq!(system.patch(id, &json!({"status": "error"})).await, 200);
    assert_kept(&system, id, "a stop").await;
    assert_eq!(row(&system, id).await["range"][UNKNOWN], "kept");
    system.settle().await;
    system.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_survive_a_failure_and_a_client_who_opens_the_reservation_again() {
    let mut system = ManualSystem::with(Setup::new().parameter("MaxCodesPerDay", 10), ONE_PART).await;
    // More codes than the quota allows.
    let id = system.create("csv", 20).await;
    mark(&system, id).await;
    system.settle().await;
    assert_eq!(system.item(id).await.status, Status::Error);
    assert_kept(&system, id, "a failure").await;
    assert_eq!(system.patch(id, &json!({"status": "new", "quantity": 5})).await, 200);
    assert_kept(&system, id, "a second try").await;
    system.settle().await;
    system.assert_exported(id).await;
    assert_kept(&system, id, "its completion").await;
    system.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_survive_an_allocation_in_a_pool_that_a_newer_version_wrote() {
    let mut system = ManualSystem::new(ONE_PART).await;
    system.create("csv", 5).await;
    system.settle().await;
    let table = &system.context().config().tables.pools.clone();
    let pools = |rows: Vec<Value>| rows.into_iter().filter(|row| row["next"].is_number()).collect::<Vec<_>>();
    let pool = pools(items(system.context(), table).await).remove(0);
    let key = |name: &str| AttributeValue::S(pool[name].as_str().unwrap().to_owned());
    let edit = system.context().dynamodb().update_item().table_name(table);
    let edit = edit.key("namespace", key("namespace")).key("entry", key("entry"));
    let edit = edit.update_expression(format!("SET {UNKNOWN} = :value"));
    edit.expression_attribute_values(":value", AttributeValue::S("kept".to_owned())).send().await.unwrap();
    // By a lost answer too: the SDK sends the transaction again.
    system.create("csv", 7).await;
    system.drain_with("TransactWriteItems", Fault::LoseAnswer).await;
    let pool = pools(items(system.context(), table).await).remove(0);
    assert_eq!((&pool["next"], &pool[UNKNOWN]), (&json!(12), &json!("kept")));
    system.assert_sound().await;
}
