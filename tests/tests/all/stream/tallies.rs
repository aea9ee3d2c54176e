//! Tallies equal counts after any history: with duplicate, late, reordered and lost records, workers that die between
//! any two steps, and the sweep beside them (RSV-10). `common/domain/src/reservation/tally` has the same over a model.

use std::{collections::BTreeSet, sync::Arc};

use aws_sdk_dynamodb::types::AttributeValue;
use common::{
    context::Context,
    reservation::{Reservation, Status},
};
use local::dynamodb::StreamRecord;
use rand::{
    RngExt, SeedableRng,
    rngs::StdRng,
    seq::{IndexedRandom, SliceRandom},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    api::{RESERVATIONS, sgtin, with},
    counting::counted,
    faults::{Fault, Network},
    harness::{Running, Setup, TOKEN},
    rows::{reservation, store},
    sweep::sweep,
    tallies::{assert_tallied, follow, rows, tallied},
};

const PRODUCTS: [&str; 3] = ["/01/19361758000003", "/01/09521234543213", "/01/09521234543220"];
const ORGANISATIONS: [&str; 3] = ["/417/9312345000012", "A", "B"];

/// A system where nothing runs by itself.
pub(super) async fn still() -> Running {
    Setup::new().paused().without_tallies().parameter("Shards", 3).start().await
}

pub(super) async fn count_all(context: &Context) -> Value {
    sweep(context, &json!({"task": "tallies", "again": true})).await
}

/// The records after a position, oldest first.
pub(super) async fn records(server: &Running, position: &mut i64) -> Vec<StreamRecord> {
    let table = &server.context().config().tables.reservations;
    let records =
        server.system.dynamodb().records_after(table, *position, 1_000, "arn:aws:dynamodb:stream").await.unwrap();
    *position = records.last().map_or(*position, |record| record.position);
    records
}

pub(super) fn events(records: &[StreamRecord]) -> Vec<Value> {
    records.iter().map(|record| record.event.clone()).collect()
}

/// One change by a client.
pub(super) async fn change(server: &Running, chance: &mut StdRng, ids: &mut Vec<String>) {
    let product = PRODUCTS[chance.random_range(0..3)];
    let organisation = ORGANISATIONS[chance.random_range(0..3)];
    let known = (!ids.is_empty()).then(|| ids[chance.random_range(0..ids.len())].clone());
    let path = |id: &str| format!("{RESERVATIONS}/{id}");
    match (chance.random_range(0..10), known) {
        (0..5, _) | (_, None) => {
            let id = Uuid::new_v4().to_string();
            let body = with(&sgtin(5), json!({"id": id, "product": product, "reserved_for": organisation}));
            server.api.post(&body).await;
            ids.push(id);
        }
        // Also of one that was deleted.
        (5..7, Some(id)) => {
            let status = ["new", "complete", "error"][chance.random_range(0..3)];
            let body = json!({"product": product, "reserved_for": organisation, "status": status});
            let status = server.json("PATCH", &path(&id), TOKEN, &body).await.status;
            assert!([200, 403].contains(&status), "{status}");
        }
        (7..9, Some(id)) => drop(server.json("DELETE", &path(&id), TOKEN, &Value::Null).await),
        // The same id once more: another reservation, if the one before was deleted.
        (_, Some(id)) => {
            let body = with(&sgtin(5), json!({"id": id, "product": product, "reserved_for": organisation}));
            drop(server.json("POST", RESERVATIONS, TOKEN, &body).await);
        }
    }
}

/// A worker that dies, or whose network fails, at a random request; or one without a fault.
pub(super) fn worker(server: &Running, chance: &mut StdRng) -> (Arc<Context>, Network) {
    let faults = [Fault::DieBefore, Fault::DieAfter, Fault::LoseAnswer, Fault::RefuseBefore, Fault::RefuseAfter];
    let network = match chance.random_range(0..3) {
        0 => Network::healthy(),
        _ => Network::failing(chance.random_range(1..6), faults[chance.random_range(0..faults.len())]),
    };
    (network.worker(server, |_| ()), network)
}

#[tokio::test(flavor = "multi_thread")]
async fn tallies_equal_counts_after_any_history() {
    let seed: u64 = std::env::var("SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("SEED={seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let server = still().await;
    count_all(server.context()).await;
    let (mut position, mut ids, mut old) = (0, Vec::new(), Vec::<Value>::new());
    for round in 0..8 {
        for _ in 0..chance.random_range(1..25) {
            change(&server, &mut chance, &mut ids).await;
        }
        let fresh = events(&records(&server, &mut position).await);
        // In any order, some of them twice, with some that were delivered long ago.
        let mut batch = fresh.clone();
        batch.extend((0..5).filter_map(|_| fresh.choose(&mut chance).filter(|_| round > 2).cloned()));
        batch.extend((0..5).filter_map(|_| old.choose(&mut chance).cloned()));
        batch.shuffle(&mut chance);
        old.extend(fresh.clone());
        // Three workers at the same time, in parts that overlap.
        let third = batch.len().div_ceil(3).max(1);
        let parts: Vec<_> = batch
            .chunks(third)
            .map(|part| {
                let mut part = part.to_vec();
                part.extend(batch.iter().take(2).cloned());
                (part, worker(&server, &mut chance))
            })
            .collect();
        let mut failed = Vec::new();
        let ends = parts.iter().map(|(part, (context, network))| async move {
            tokio::select! {
                biased;
                failures = follow(context, part) => !failures.is_empty(),
                () = network.struck() => true,
            }
        });
        for (end, (part, _)) in futures::future::join_all(ends).await.into_iter().zip(&parts) {
            if end {
                failed.extend(part.clone());
            }
        }
        // What failed is delivered again, but for every third round, where it is lost.
        if round % 3 == 2 {
            count_all(server.context()).await;
        } else {
            assert_eq!(follow(server.context(), &failed).await, [""; 0]);
        }
        assert_tallied(server.context()).await;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_changes_and_changes_back_is_counted_as_it_is() {
    let server = still().await;
    count_all(server.context()).await;
    let mut position = 0;
    let body = with(&sgtin(5), json!({"product": PRODUCTS[0]}));
    let path = format!("{RESERVATIONS}/{}", server.api.post(&body).await["id"].as_str().unwrap());
    assert_eq!(follow(server.context(), &events(&records(&server, &mut position).await)).await, [""; 0]);
    let to = async |product: &str| drop(server.json("PATCH", &path, TOKEN, &json!({"product": product})).await.data());
    // A slow worker reads the first change and is about to write it when a fast one follows the second, and finds a
    // mark that is right.
    to(PRODUCTS[1]).await;
    let first = events(&records(&server, &mut position).await);
    let network = Network::failing("TransactWriteItems", Fault::HoldBefore);
    let held = network.worker(&server, |_| ());
    let slow = tokio::spawn(async move { follow(&held, &first).await });
    network.struck().await;
    to(PRODUCTS[0]).await;
    assert_eq!(follow(server.context(), &events(&records(&server, &mut position).await)).await, [""; 0]);
    network.release();
    assert_eq!(slow.await.unwrap(), [""; 0]);
    assert_tallied(server.context()).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_nothing_that_is_counted_reads_nothing() {
    let server = still().await;
    let mut position = 0;
    let id = server.api.post(&sgtin(5)).await["id"].as_str().unwrap().to_owned();
    let insert = events(&records(&server, &mut position).await);
    let changed = json!({"reference_id": "another", "quantity": 6});
    server.json("PATCH", &format!("{RESERVATIONS}/{id}"), TOKEN, &changed).await.data();
    let edit = events(&records(&server, &mut position).await);
    let (context, counter) = counted(&server.system, |_| ());
    assert_eq!(follow(&context, &edit).await, [""; 0]);
    assert!(counter.take().is_empty());
    assert_eq!(follow(&context, &insert).await, [""; 0]);
    assert!(!counter.take().is_empty());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_one_batch_share_their_transactions() {
    let server = still().await;
    let mut position = 0;
    let now = Some(server.context().now());
    let new: Vec<Reservation> =
        (0..120).map(|n| Reservation { date_created: now, ..made(ORGANISATIONS[n % 2]) }).collect();
    store(server.context(), &new).await;
    let batch = events(&records(&server, &mut position).await);
    let network = Network::healthy();
    let context = network.worker(&server, |_| ());
    for part in batch.chunks(100) {
        assert_eq!(follow(&context, part).await, [""; 0]);
    }
    let transactions = network.calls().iter().filter(|call| *call == "TransactWriteItems").count();
    assert!(transactions <= 4, "{transactions} transactions for 120 reservations of two organisations");
    // Records that come again write nothing.
    assert_eq!(follow(&context, &batch[..100]).await, [""; 0]);
    assert_eq!(network.calls().iter().filter(|call| *call == "TransactWriteItems").count(), transactions);
    count_all(server.context()).await;
    assert_tallied(server.context()).await;
    server.stop().await;
}

fn made(organisation: &str) -> Reservation {
    reservation(&with(&sgtin(5), json!({"reserved_for": organisation})))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_saw_a_row_before_it_was_deleted_does_not_count_it() {
    let server = still().await;
    count_all(server.context()).await;
    let mut position = 0;
    let id = server.api.post(&sgtin(5)).await["id"].as_str().unwrap().to_owned();
    let insert = events(&records(&server, &mut position).await);
    // It holds the row as it was, and no mark; then the row is counted, and deleted, and that is counted.
    let network = Network::failing("TransactWriteItems", Fault::HoldBefore);
    let late = network.worker(&server, |_| ());
    let event = insert.clone();
    let held = tokio::spawn(async move { follow(&late, &event).await });
    network.struck().await;
    assert_eq!(follow(server.context(), &insert).await, [""; 0]);
    assert_eq!(server.json("DELETE", &format!("{RESERVATIONS}/{id}"), TOKEN, &Value::Null).await.status, 204);
    let remove = events(&records(&server, &mut position).await);
    assert_eq!(follow(server.context(), &remove).await, [""; 0]);
    network.release();
    assert_eq!(held.await.unwrap(), [""; 0]);
    assert_eq!(rows(server.context()).await.len(), 0);
    assert_tallied(server.context()).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_completes_the_tallies_of_older_rows_beside_the_stream() {
    // The stream function runs, and the sweep twice at the same time.
    let server = Setup::new().paused().parameter("Shards", 2).start().await;
    let new: Vec<Reservation> = (0..400).map(|n| made(ORGANISATIONS[n % 3])).collect();
    let context = server.context();
    let ((), _, _) = tokio::join!(store(context, &new), count_all(context), count_all(context));
    tallied(context).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_the_sweep_that_dies_is_continued() {
    let server = still().await;
    store(server.context(), &(0..400).map(|n| made(ORGANISATIONS[n % 3])).collect::<Vec<_>>()).await;
    // Nothing was counted when these were written: the stream was not followed.
    for request in [4, 9, 14, 19] {
        let network = Network::failing(request, Fault::DieBefore);
        let context = network.worker(&server, |_| ());
        let task = json!({"task": "tallies"});
        tokio::select! {
            biased;
            answer = sweep(&context, &task) => panic!("it ended: {answer}"),
            () = network.struck() => {}
        }
        let state = server.store().tally_state().await.unwrap();
        assert!(!state.is_complete());
    }
    let answer = sweep(server.context(), &json!({"task": "tallies"})).await;
    assert_eq!((&answer["complete"], &answer["failed"]), (&json!(true), &json!(0)), "{answer}");
    assert_tallied(server.context()).await;
    // Now there is nothing to do. The state is read and written, and of each shard what waits or is in progress.
    let (context, counter) = counted(&server.system, |_| ());
    let answer = sweep(&context, &json!({"task": "tallies"})).await;
    assert_eq!(answer, json!({"complete": true, "counted": 0}));
    assert_eq!(counter.take().values().map(|reads| reads.calls).sum::<usize>(), 1 + 2 * 3 + 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_finds_what_is_counted_and_no_row_any_more() {
    let server = still().await;
    let new: Vec<Reservation> = (0..30).map(|n| made(ORGANISATIONS[n % 3])).collect();
    store(server.context(), &new).await;
    count_all(server.context()).await;
    // The records of these deletions and changes are lost.
    server.store().delete(&new[..10]).await.unwrap();
    for row in &new[10..15] {
        let next = Reservation { status: Status::Complete, version: row.version + 1, ..row.clone() };
        server.store().replace(&[(row.clone(), next)]).await.unwrap();
    }
    let answer = count_all(server.context()).await;
    assert_eq!(answer["counted"], 15, "{answer}");
    assert_tallied(server.context()).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_of_deleted_reservations_are_removed_after_a_day() {
    let server = still().await;
    let new: Vec<Reservation> = (0..4).map(|_| made("A")).collect();
    store(server.context(), &new).await;
    count_all(server.context()).await;
    server.store().delete(&new[..3]).await.unwrap();
    count_all(server.context()).await;
    let forget = || async { sweep(server.context(), &json!({"task": "marks"})).await };
    assert_eq!(forget().await, json!({"forgotten": 0}));
    let table = &server.context().config().tables.tallies;
    for row in &new[..2] {
        let edit = server.context().dynamodb().update_item().table_name(table);
        let edit = edit.key("tally", AttributeValue::S(format!("row#{}", row.id)));
        let edit = edit.key("key", AttributeValue::S("mark".to_owned()));
        let edit = edit.update_expression("SET gone_at = gone_at - :day");
        edit.expression_attribute_values(":day", AttributeValue::N("90000".to_owned())).send().await.unwrap();
    }
    assert_eq!(forget().await, json!({"forgotten": 2}));
    assert_tallied(server.context()).await;
    let left = server.context().dynamodb().scan().table_name(table).send().await.unwrap().items.unwrap();
    let left: BTreeSet<_> = left.iter().map(|item| item["tally"].as_s().unwrap().clone()).collect();
    assert!(left.contains(&format!("row#{}", new[2].id)) && left.contains(&format!("row#{}", new[3].id)));
    assert!(!left.contains(&format!("row#{}", new[0].id)));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_a_row_that_cannot_be_counted_now_comes_again() {
    let server = still().await;
    count_all(server.context()).await;
    let mut position = 0;
    for _ in 0..3 {
        server.api.post(&sgtin(5)).await;
    }
    let inserts = records(&server, &mut position).await;
    for call in ["BatchGetItem", "TransactWriteItems"] {
        let network = Network::failing(call, Fault::RefuseBefore);
        let context = network.worker(&server, |_| ());
        let mut failed = follow(&context, &events(&inserts)).await;
        failed.sort();
        let all: Vec<String> = inserts.iter().map(|one| local::dynamodb::public_position(one.position)).collect();
        assert_eq!(failed, all, "{call}");
    }
    assert_eq!(follow(server.context(), &events(&inserts)).await, [""; 0]);
    assert_tallied(server.context()).await;
    server.stop().await;
}
