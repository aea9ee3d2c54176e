//! Lists of a status at an end, in the order of ids: what the marks of the tallies have in that order, and what is too new to be
//! counted.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use common::reservation::{Reservation, Status, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::compared::{self, World};
use crate::support::{
    counting::{Reads, total},
    rows::{reservation, store},
    sweep::sweep,
    tallies::assert_tallied,
};

const ROWS: usize = 3_000;

/// An old row. Two in 20 have failed, one in 20 each waits and is in progress, all others are complete.
fn row(n: usize) -> Reservation {
    let organisation = ["A", "B"][n % 2];
    let input = json!({"reserved_for": organisation, "code_type": "sgtin", "quantity": 1 + n % 7,
        "product": "/01/09521234543213", "reference_id": format!("PO-{}", n % 40)});
    let mut row = reservation(&input);
    // The order of ids is not that of time.
    row.id =
        Uuid::from_u128(0x0180_0000_0000_4000_8000_0000_0000_0000 + (n as u128).wrapping_mul(0x9E37_79B9) % (1 << 40));
    row.status = match n % 20 {
        3 | 13 => Status::Error,
        7 => Status::New,
        11 => Status::InProgress,
        _ => Status::Complete,
    };
    row.seeded = true;
    row
}

/// Rows that are stored and counted.
async fn counted_rows(all: Vec<Reservation>, shards: u32, max_scan: usize) -> World {
    let world = World::of(all, shards, max_scan, None).await;
    let answer = sweep(world.server.context(), &json!({"task": "tallies"})).await;
    assert_eq!((&answer["complete"], &answer["counted"]), (&json!(true), &json!(world.all.len())));
    world
}

impl World {
    /// What a query shows of ids and statuses, and what it read.
    async fn list(&self, query: &Value) -> (Vec<Value>, BTreeMap<&'static str, Reads>) {
        self.counter.take();
        let answer = compared::answer(&self.context, None, query).await.unwrap();
        (answer.data.as_array().unwrap().clone(), self.counter.take())
    }

    /// The same over all rows.
    fn wanted(&self, query: &Value) -> Vec<Value> {
        compared::expected(&self.all, None, query).data.as_array().unwrap().clone()
    }

    /// Compares an answer with that over all rows. Gives what was read.
    async fn compare(&self, query: &Value) -> Reads {
        let (found, reads) = self.list(query).await;
        assert_eq!(found, self.wanted(query), "{query}");
        total(&reads)
    }

    /// Stores a row and does not count it.
    async fn add(&mut self, row: Reservation) {
        store(&self.context, std::slice::from_ref(&row)).await;
        self.all.push(row);
    }

    /// The stored item of a row.
    async fn item(&self, id: Uuid) -> std::collections::HashMap<String, AttributeValue> {
        let (client, table) = (self.context.dynamodb(), &self.context.config().tables.reservations);
        let answer = client.get_item().table_name(table).key("id", AttributeValue::S(id.to_string())).send().await;
        answer.unwrap().item.unwrap()
    }

    /// Gives a row another status, which is not counted.
    async fn change(&mut self, position: usize, status: Status) {
        let (id, table) = (self.all[position].id, self.context.config().tables.reservations.clone());
        let mut item = self.item(id).await;
        let key = item["status_created"].as_s().unwrap().clone();
        let (_, created) = key.split_once('#').unwrap();
        item.insert("status_created".to_owned(), AttributeValue::S(format!("{status}#{created}")));
        item.insert("status".to_owned(), AttributeValue::S(status.to_string()));
        self.context.dynamodb().put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
        self.all[position].status = status;
    }
}

fn query(statuses: &[&str], more: Value) -> Value {
    let filter = match statuses {
        [one] => json!({"status": {"_eq": one}}),
        _ => json!({"status": {"_in": statuses}}),
    };
    let mut query = json!({"fields": ["id", "status"], "limit": 25, "filter": filter});
    query.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    query
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_costs_what_a_page_costs() {
    for shards in [1, 3] {
        let world = counted_rows((0..ROWS).map(row).collect(), shards, 1_000).await;
        for (skipped, more) in [
            (0, json!({})),
            (0, json!({"sort": ["-id"]})),
            (90, json!({"offset": 90})),
            (100, json!({"sort": ["id"], "page": 5})),
        ] {
            // To read all rows by id up to the later pages would be refused with so small a limit, and to read and sort all
            // entries of the status costs more.
            let read = world.compare(&query(&["error"], more.clone())).await;
            let most = 160 + (skipped + 25) * shards as usize;
            assert!(read.items <= most && read.calls <= 12, "{more} over {shards}: {read:?}");
        }
        // Most rows match: the index in the order of ids is read and no other.
        let read = world.compare(&query(&["complete"], json!({}))).await;
        assert!(read.items <= 250 * shards as usize && read.calls <= 4 + 2 * shards as usize, "{read:?}");
        let read = world.compare(&query(&["complete", "error"], json!({"offset": 300}))).await;
        assert!(read.items <= 1_200, "{read:?}");
        world.server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shape_of_such_a_list_gives_what_a_full_read_gives() {
    let world = counted_rows((0..ROWS).map(row).collect(), 3, 100_000).await;
    let one = world.all.iter().find(|row| row.status == Status::Error).unwrap().id;
    let conditions = [
        json!({"status": {"_eq": "error"}}),
        json!({"status": {"_in": ["error", "complete"]}}),
        json!({"status": {"_nin": ["new", "in_progress"]}, "quantity": {"_gt": 5}}),
        json!({"_and": [{"status": {"_eq": "error"}}, {"reserved_for": {"_eq": "A"}}]}),
        json!({"status": {"_eq": "error"}, "reference_id": {"_ends_with": "3"}}),
        json!({"status": {"_eq": "error"}, "id": {"_neq": one}}),
        json!({"status": {"_eq": "error"}, "quantity": {"_eq": 3}}),
        json!({"status": {"_eq": "error"}, "date_created": {"_gte": "2020-01-01"}}),
        json!({"status": {"_in": ["error", "new"]}}),
        json!({"status": {"_neq": "complete"}}),
    ];
    for condition in conditions {
        for window in [
            json!({}),
            json!({"limit": 3}),
            json!({"limit": 40, "offset": 270}),
            json!({"limit": 10, "sort": ["-id"], "offset": 7}),
            json!({"limit": 25, "offset": 10_000}),
            json!({"limit": -1, "sort": ["-id"]}),
            json!({"limit": 25, "meta": "*"}),
        ] {
            let mut query = json!({"fields": ["id", "status", "quantity"], "filter": condition});
            query.as_object_mut().unwrap().extend(window.as_object().unwrap().clone());
            world.compare(&query).await;
        }
    }
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_counted_yet_is_shown_if_it_is_new_and_what_changed_is_not_shown_as_before() {
    for shards in [1, 3] {
        let mut world = counted_rows((0..ROWS).map(row).collect(), shards, 100_000).await;
        let page = query(&["error"], json!({}));
        let first = world.wanted(&page);
        let id = |row: &Value| Uuid::try_parse(row["id"].as_str().unwrap()).unwrap();
        // New rows between those of the first page, and before all of them.
        let now = world.context.now();
        for before in [id(&first[0]), id(&first[12]), id(&first[24])] {
            let new = Reservation {
                id: Uuid::from_u128(before.as_u128() - 1),
                date_created: Some(now),
                status: Status::Error,
                ..row(0)
            };
            world.add(new).await;
        }
        // The first rows are no errors any more. What comes after the page takes their place.
        for gone in [id(&first[0]), id(&first[5])] {
            let position = world.all.iter().position(|row| row.id == gone).unwrap();
            world.change(position, Status::Complete).await;
        }
        for more in [json!({}), json!({"limit": 26}), json!({"limit": 100})] {
            world.compare(&query(&["error"], more)).await;
        }
        let from_the_end = query(&["error"], json!({"sort": ["-id"], "limit": 100}));
        world.compare(&from_the_end).await;
        // Counted or not, a row is given once.
        sweep(&world.context, &json!({"task": "tallies", "again": true})).await;
        assert_tallied(&world.context).await;
        world.compare(&query(&["error"], json!({"limit": 120}))).await;
        world.compare(&from_the_end).await;
        world.server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_many_new_rows_the_table_itself_is_read() {
    // As after an import of which nothing is counted yet. The limit of new rows is that of a query, if that is lower.
    let mut world = counted_rows((0..1_000).map(row).collect(), 1, 400).await;
    let now = Timestamp::new(world.context.now().time());
    let new: Vec<Reservation> = (0..500)
        .map(|n| Reservation {
            id: Uuid::from_u128(0x0180_0000_0000_4000_8000_0000_0000_0001 + n * 0x8000_0000),
            date_created: Some(now),
            status: Status::Error,
            ..row(0)
        })
        .collect();
    store(&world.context, &new).await;
    world.all.extend(new);
    for more in [json!({}), json!({"sort": ["-id"]}), json!({"limit": 60})] {
        world.compare(&query(&["error"], more)).await;
    }
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn matches_at_the_beginning_do_not_lead_through_all_rows() {
    // The last 24 rows by id, and no others, are as the list wants them.
    let row = |n: usize| {
        let status = if n >= ROWS - 24 { Status::InProgress } else { Status::Complete };
        Reservation { id: Uuid::from_u128(0x0180_0000_0000_4000_8000_0000_0000_0000 + n as u128), status, ..row(0) }
    };
    let world = counted_rows((0..ROWS).map(row).collect(), 1, 100_000).await;
    for limit in [24, 25, 60] {
        let read = world.compare(&query(&["in_progress"], json!({"sort": ["-id"], "limit": limit}))).await;
        assert!(read.items <= 250 && read.calls <= 8, "{limit}: {read:?}");
    }
    world.server.stop().await;
}

/// Changes the key of an item of the tallies' table as no function of this version would.
async fn update(world: &World, key: [&AttributeValue; 2], expression: &str) {
    let ([tally, key], table) = (key.map(Clone::clone), &world.context.config().tables.tallies);
    let update = world.context.dynamodb().update_item().table_name(table).key("tally", tally).key("key", key);
    let names = expression.contains("#number").then(|| [("#number".to_owned(), "number".to_owned())].into());
    update.set_expression_attribute_names(names).update_expression(expression).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_that_an_older_function_wrote_beside_the_new_one_are_completed_daily() {
    let world = counted_rows((0..ROWS).map(row).collect(), 2, 100_000).await;
    let page = query(&["error"], json!({}));
    let first = world.wanted(&page);
    let mark = AttributeValue::S("mark".to_owned());
    for row in [&first[0], &first[9]] {
        let row = AttributeValue::S(format!("row#{}", row["id"].as_str().unwrap()));
        update(&world, [&row, &mark], "REMOVE listed").await;
    }
    // One that cannot be read does not keep the others waiting.
    let of_last = world.all.iter().filter(|row| row.status == Status::New).map(|row| row.id).max().unwrap();
    update(&world, [&AttributeValue::S(format!("row#{of_last}")), &mark], "REMOVE #number").await;
    let (found, _) = world.list(&page).await;
    assert_eq!((found.contains(&first[0]), found.contains(&first[9]), found.contains(&first[1])), (false, false, true));
    sweep(&world.context, &json!({"task": "marks"})).await;
    world.compare(&page).await;
    assert_tallied(&world.context).await;
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_that_are_known_to_be_wrong_are_not_relied_on() {
    let mut world = counted_rows((0..ROWS).map(row).collect(), 2, 100_000).await;
    let page = query(&["error"], json!({}));
    // A change whose record was lost.
    let position = (0..ROWS).filter(|n| world.all[*n].status == Status::New).min_by_key(|n| world.all[*n].id).unwrap();
    world.change(position, Status::Error).await;
    let id = world.all[position].id.to_string();
    let is_first = |rows: &[Value]| rows.iter().any(|row| row["id"] == id.as_str());
    assert!(is_first(&world.wanted(&page)) && !is_first(&world.list(&page).await.0));
    // Whoever counts again does not trust the marks until it is done.
    world.server.store().begin_tally_run().await.unwrap();
    world.compare(&page).await;
    sweep(&world.context, &json!({"task": "tallies"})).await;
    assert!(world.server.store().tally_state().await.unwrap().lists);
    world.compare(&page).await;
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_of_an_older_version_are_completed_before_they_are_used() {
    let world = counted_rows((0..ROWS).map(row).collect(), 2, 500).await;
    let (client, table) = (world.context.dynamodb(), &world.context.config().tables.tallies);
    // As an older version left them.
    let marks: Vec<_> =
        client.scan().table_name(table).into_paginator().items().send().collect::<Result<_, _>>().await.unwrap();
    let listed: Vec<_> = marks.iter().filter(|mark| mark.contains_key("listed")).collect();
    assert_eq!(listed.len(), world.all.iter().filter(|row| !row.status.is_open()).count());
    for mark in listed {
        update(&world, [&mark["tally"], &mark["key"]], "REMOVE listed").await;
    }
    let state = AttributeValue::S("state".to_owned());
    update(&world, [&state, &state], "REMOVE listed_at").await;
    // Counts do not need it.
    assert_tallied(&world.context).await;
    let counts = json!({"aggregate": {"count": ["*"]}, "groupBy": ["status"], "sort": ["status"]});
    let (before, _) = world.list(&counts).await;
    assert_eq!(before.len(), 4);
    // Such a list is what it was without the index.
    world.compare(&query(&["error"], json!({"limit": 10}))).await;
    let done = sweep(&world.context, &json!({"task": "tallies"})).await;
    assert_eq!(done["complete"], json!(true), "{done}");
    assert_tallied(&world.context).await;
    let (after, _) = world.list(&counts).await;
    assert_eq!(after, before);
    let read = world.compare(&query(&["error"], json!({"offset": 90}))).await;
    assert!(read.items <= 900 && read.calls <= 20, "{read:?}");
    // Nothing is left to do.
    let again = sweep(&world.context, &json!({"task": "tallies"})).await;
    assert_eq!(again, json!({"complete": true, "counted": 0}));
    world.server.stop().await;
}
