//! Rows that are older than an index get its keys: by the task `indexes` of the sweep on AWS, at the start on a laptop.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use common::{config::LAST_INDEX_STAGE, reservation::Reservation};
use serde_json::{Value, json};

use crate::support::{
    harness::{Running, Setup},
    rows::{reservation, store},
    sweep::sweep,
};

/// The attributes that rows of older tables lack.
const KEYS: [&str; 3] = ["created_id", "status_created", "user_key"];

fn rows(count: usize) -> Vec<Reservation> {
    let input = json!({"reserved_for": "A", "code_type": "sgtin", "quantity": 5, "product": "/01/09521234543213"});
    (0..count).map(|_| reservation(&input)).collect()
}

/// Removes the keys of the newer indexes from the stored rows, as they were written by an older version.
async fn make_old(server: &Running, rows: &[Reservation]) {
    for row in rows {
        server
            .context()
            .dynamodb()
            .update_item()
            .table_name(&server.context().config().tables.reservations)
            .key("id", AttributeValue::S(row.id.to_string()))
            .update_expression(format!("REMOVE {}", KEYS.join(", ")))
            .send()
            .await
            .unwrap();
    }
}

/// The stored items by id.
async fn items(server: &Running) -> BTreeMap<String, HashMap<String, AttributeValue>> {
    let table = &server.context().config().tables.reservations;
    let answer = server.context().dynamodb().scan().table_name(table).send().await.unwrap();
    let id = |item: &HashMap<_, AttributeValue>| item["id"].as_s().unwrap().clone();
    answer.items.unwrap().into_iter().map(|item| (id(&item), item)).collect()
}

async fn newest(server: &Running) -> Vec<Value> {
    let list = server.api.send("GET", "/items/code_reservation?sort=-date_created&fields=id&limit=-1").await;
    list.json()["data"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_completes_index_keys_and_changes_nothing_else() {
    let server = Setup::new().paused().parameter("Shards", 3).start().await;
    let rows = rows(230);
    store(server.context(), &rows).await;
    let before = items(&server).await;
    make_old(&server, &rows).await;
    assert_eq!(newest(&server).await, Vec::<Value>::new(), "no row has the key of the index");
    let answer = sweep(server.context(), &json!({"task": "indexes"})).await;
    assert_eq!(answer, json!({"looked": 230, "written": 230, "busy": 0, "unreadable": 0, "next": null}));
    assert_eq!(items(&server).await, before, "the same rows, with the same versions");
    assert_eq!(newest(&server).await.len(), 230);
    // A second run, from the middle, finds nothing to do.
    let answer = sweep(server.context(), &json!({"task": "indexes", "next": {"shard": 1, "after": null}})).await;
    assert_eq!((&answer["written"], &answer["next"]), (&json!(0), &Value::Null));
    assert!(answer["looked"].as_u64().unwrap() < 230);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_data_directory_gets_the_indexes_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let old = |stage: u32| Setup::new().paused().data_dir(folder.path()).parameter("IndexStage", stage);
    let server = old(0).start().await;
    let rows = rows(120);
    store(server.context(), &rows).await;
    make_old(&server, &rows).await;
    assert_eq!(newest(&server).await.len(), 120, "read by id and sorted");
    server.stop().await;
    // A directory of an older version has no note.
    std::fs::remove_file(folder.path().join("index-keys-1")).unwrap();
    let server = old(LAST_INDEX_STAGE).start().await;
    let list = newest(&server).await;
    assert_eq!(list.len(), 120);
    server.stop().await;
}
