//! Lists of a status in the order of ids, of all rows and of those of an organisation or a product: what the tallies have in
//! that order, and what is too new to be counted.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use chrono::TimeDelta;
use common::reservation::{Reservation, Status, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::compared::{self, World};
use crate::support::{
    api::with,
    counting::{Reads, total},
    faults::{Fault, Network},
    harness::Setup,
    rows::{reservation, store},
    sweep::{sweep, try_sweep},
    tallies::assert_tallied,
};

const ROWS: usize = 3_000;

const ORGANISATIONS: [&str; 2] = ["A", "B"];
const PRODUCTS: [&str; 2] = ["/01/09521234543213", "/01/09506000134352"];

/// An old row. Two in 20 have failed, one in 20 each waits and is in progress, all others are complete.
fn row(n: usize) -> Reservation {
    let input = json!({"reserved_for": ORGANISATIONS[n / 20 % 2], "code_type": "sgtin", "quantity": 1 + n % 7,
        "product": PRODUCTS[n / 40 % 2], "reference_id": format!("PO-{}", n % 40)});
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
        self.list_of(None, query).await
    }

    /// The same for a caller who is limited to organisations.
    async fn list_of(
        &self,
        organisations: Option<&[&str]>,
        query: &Value,
    ) -> (Vec<Value>, BTreeMap<&'static str, Reads>) {
        self.counter.take();
        let answer = compared::answer(&self.context, organisations, query).await.unwrap();
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

    /// Compares the answer to a caller who is limited to organisations. Gives what was read.
    async fn compare_of(&self, organisations: &[&str], query: &Value) -> Reads {
        let (found, reads) = self.list_of(Some(organisations), query).await;
        let wanted = compared::expected(&self.all, Some(organisations), query).data;
        assert_eq!(Value::from(found), wanted, "{organisations:?}: {query}");
        total(&reads)
    }

    /// The stored item of a row.
    async fn item(&self, id: Uuid) -> HashMap<String, AttributeValue> {
        let (client, table) = (self.context.dynamodb(), &self.context.config().tables.reservations);
        let answer = client.get_item().table_name(table).key("id", AttributeValue::S(id.to_string())).send().await;
        answer.unwrap().item.unwrap()
    }

    /// Gives a row another status, which is not counted.
    async fn change(&mut self, position: usize, status: Status) {
        self.all[position].status = status;
        self.store_again(position).await;
    }

    /// Gives a row another time of creation.
    async fn created(&mut self, position: usize, at: Timestamp) {
        self.all[position].date_created = Some(at);
        self.store_again(position).await;
    }

    /// Stores what was changed of a row.
    async fn store_again(&self, position: usize) {
        let row = &self.all[position];
        let mut item = self.item(row.id).await;
        let at = row.date_created.unwrap().to_string();
        let created = format!("{at}#{}", row.id);
        let status = row.status;
        let status_created = format!("{status}#{created}");
        for (name, value) in [
            ("status_created", status_created),
            ("created_id", created),
            ("date_created", at),
            ("status", status.to_string()),
        ] {
            item.insert(name.to_owned(), AttributeValue::S(value));
        }
        let table = &self.context.config().tables.reservations;
        self.context.dynamodb().put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
    }

    /// The item of a mark.
    async fn mark(&self, id: Uuid) -> HashMap<String, AttributeValue> {
        let (client, table) = (self.context.dynamodb(), &self.context.config().tables.tallies);
        let get = client.get_item().table_name(table).key("tally", AttributeValue::S(format!("row#{id}")));
        get.key("key", AttributeValue::S("mark".to_owned())).send().await.unwrap().item.unwrap()
    }

    /// Whether lists find rows by their statuses.
    async fn listed(&self, ids: &[Uuid]) -> Vec<bool> {
        let mut listed = Vec::new();
        for id in ids {
            listed.push(self.mark(*id).await.contains_key("listed"));
        }
        listed
    }

    /// Removes a row from the lists of its status, as if it was too young when it was counted.
    async fn unlist(&self, id: Uuid) {
        let (client, table) = (self.context.dynamodb(), &self.context.config().tables.tallies);
        let row = self.all.iter().find(|row| row.id == id).unwrap();
        let status = row.status;
        let of_organisation = row.reserved_for.iter().map(|value| format!("listed#{status}#organisation#={value}"));
        let of_product = row.product.iter().map(|value| format!("listed#{status}#product#={value}"));
        for partition in of_organisation.chain(of_product) {
            let delete = client.delete_item().table_name(table).key("tally", AttributeValue::S(partition));
            let old = delete.key("key", AttributeValue::S(id.to_string())).return_values(ReturnValue::AllOld);
            assert!(old.send().await.unwrap().attributes.is_some());
        }
        let mark = AttributeValue::S(format!("row#{id}"));
        update(self, [&mark, &AttributeValue::S("mark".to_owned())], "REMOVE listed, apart").await;
    }
}

fn query(statuses: &[&str], more: Value) -> Value {
    with(&json!({"fields": ["id", "status"], "limit": 25, "filter": {"status": of(statuses)}}), more)
}

/// The condition that a status is one of these.
fn of(statuses: &[&str]) -> Value {
    match statuses {
        [one] => json!({"_eq": one}),
        _ => json!({"_in": statuses}),
    }
}

/// The windows of [`a_page_costs_what_a_page_costs`]: how many rows are skipped, and how a query says so.
fn windows() -> [(usize, Value); 4] {
    [
        (0, json!({})),
        (0, json!({"sort": ["-id"]})),
        (40, json!({"offset": 40})),
        (50, json!({"sort": ["id"], "page": 3})),
    ]
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
        for (runs, condition) in [
            (1, of(&["new"])),
            (1, of(&["in_progress"])),
            (2, of(&["new", "in_progress"])),
            (2, json!({"_nin": ["complete", "error"]})),
            (3, json!({"_neq": "complete"})),
        ] {
            for (skipped, more) in windows() {
                let query = with(&query(&[], more), json!({"filter": {"status": condition}}));
                let read = world.compare(&query).await;
                let most = 160 + (skipped + 25) * shards as usize * runs;
                // Those of rows, and for each run a count, a page, and one of what is new.
                let calls = 10 + 3 * runs * shards as usize;
                assert!(read.items <= most && read.calls <= calls, "{query} over {shards}: {read:?}");
            }
        }
        // Nearly all rows match, but not all of the first 25.
        for condition in [json!({}), json!({"reserved_for": {"_eq": "A"}}), json!({"product": {"_eq": PRODUCTS[0]}})] {
            let filter = with(&condition, json!({"status": {"_neq": "error"}}));
            let read = world.compare(&with(&query(&[], json!({})), json!({"filter": filter}))).await;
            assert!(
                read.items <= 160 + 125 * shards as usize && read.calls <= 14 + 4 * shards as usize,
                "{filter}: {read:?}"
            );
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
async fn a_page_of_an_organisation_or_product_costs_what_a_page_costs() {
    // A fifth of the rows has a status that is listed, so that a page has to skip many where it walks through all.
    let rows = (0..2 * ROWS).map(|n| Reservation {
        status: if n % 20 < 16 { Status::Complete } else { [Status::New, Status::InProgress, Status::Error][n % 3] },
        ..row(n)
    });
    let world = counted_rows(rows.collect(), 3, 800).await;
    for statuses in
        [&["error"][..], &["new"], &["in_progress"], &["new", "in_progress"], &["error", "in_progress", "new"]]
    {
        for (skipped, more) in windows() {
            let runs = statuses.len();
            let most = 160 + (skipped + 25) * 2 * runs;
            let is_small = |read: &Reads| read.items <= most && read.calls <= 12 + 6 * runs;
            for condition in [json!({"reserved_for": {"_eq": "A"}}), json!({"product": {"_eq": PRODUCTS[1]}})] {
                let filter = with(&condition, json!({"status": of(statuses)}));
                let query = with(&query(&[], more.clone()), json!({"filter": filter}));
                let read = world.compare(&query).await;
                assert!(is_small(&read), "{query}: {read:?}");
            }
            let query = query(statuses, more);
            let read = world.compare_of(&["B"], &query).await;
            assert!(is_small(&read), "{query}: {read:?}");
            world.compare_of(&["A", "B", "C"], &query).await;
        }
    }
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_row_is_listed_when_it_is_old() {
    let mut world = counted_rows((0..ROWS).map(row).collect(), 2, 100_000).await;
    let tallies = json!({"task": "tallies"});
    let first = |status: Status| (0..ROWS).filter(|n| row(*n).status == status).map(|n| row(n).id).min().unwrap();
    // Two rows that would be the first ones of a page, one of them new, and one in progress.
    let now = world.context.now().time();
    let ago = |minutes| Some(Timestamp::new(now - TimeDelta::minutes(minutes)));
    let ids = [first(Status::New), first(Status::New), first(Status::InProgress)];
    let statuses = [Status::New, Status::New, Status::InProgress];
    let rows: Vec<Reservation> = (1..)
        .zip(ids.into_iter().zip(statuses))
        .map(|(n, (id, status))| Reservation {
            id: Uuid::from_u128(id.as_u128() - n),
            date_created: ago(1),
            status,
            ..row(0)
        })
        .collect();
    for row in &rows {
        world.add(row.clone()).await;
    }
    let pages: Vec<Value> = [&["new"][..], &["in_progress"], &["new", "in_progress", "error"]]
        .into_iter()
        .flat_map(|statuses| {
            let of_organisation = json!({"filter": {"status": of(statuses), "reserved_for": {"_eq": "A"}}});
            [query(statuses, json!({"limit": 60})), query(statuses, of_organisation)]
        })
        .collect();
    for page in &pages {
        world.compare(page).await;
    }
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let counted = world.context.store().count_rows(&ids, world.context.now()).await.unwrap();
    assert_eq!(counted.moved, 3);
    assert_eq!(world.listed(&ids).await, [false; 3]);
    for page in &pages {
        world.compare(page).await;
    }
    // One is complete soon, and was never listed before.
    world.change(ROWS + 1, Status::Complete).await;
    // Time passes: they were created earlier, and so was the sweep's last look.
    for position in [ROWS, ROWS + 1, ROWS + 2] {
        world.created(position, ago(15).unwrap()).await;
    }
    world.server.store().save_open_before(ago(20).unwrap()).await.unwrap();
    for page in &pages {
        world.compare(page).await;
    }
    let done = sweep(&world.context, &tallies).await;
    // What changed since is counted by whoever follows it.
    assert_eq!((&done["complete"], &done["counted"]), (&json!(true), &json!(2)), "{done}");
    assert_eq!(world.listed(&ids).await, [true, false, true]);
    world.context.store().count_rows(&ids, world.context.now()).await.unwrap();
    assert_eq!(world.listed(&ids).await, [true; 3]);
    assert_tallied(&world.context).await;
    for page in &pages {
        world.compare(page).await;
    }
    // A change of an old row is listed as soon as it is counted.
    world.change(ROWS + 1, Status::New).await;
    world.change(ROWS, Status::Error).await;
    world.context.store().count_rows(&ids, world.context.now()).await.unwrap();
    for page in &pages {
        world.compare(page).await;
    }
    // Nothing is left to do.
    assert_eq!(sweep(&world.context, &tallies).await, json!({"complete": true, "counted": 0}));
    assert_tallied(&world.context).await;
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_without_time_goes_on_where_it_was() {
    let world = counted_rows((0..ROWS).map(row).collect(), 1, 100_000).await;
    let before = world.server.store().tally_state().await.unwrap().open_before.unwrap();
    // As if no open row had been listed.
    let open: Vec<Uuid> = world.all.iter().filter(|row| row.status.is_open()).map(|row| row.id).collect();
    for id in &open {
        world.unlist(*id).await;
    }
    let (state, key) = (AttributeValue::S("state".to_owned()), AttributeValue::S("state".to_owned()));
    update(&world, [&state, &key], "REMOVE open_before").await;
    // A page that cannot be listed is read as before.
    let page = query(&["new"], json!({"limit": 60}));
    world.compare(&page).await;
    let corrupt = AttributeValue::S(format!("row#{}", open[0]));
    update(&world, [&corrupt, &AttributeValue::S("mark".to_owned())], "REMOVE #number").await;
    let done = sweep(&world.context, &json!({"task": "tallies"})).await;
    assert_eq!((&done["complete"], &done["counted"]), (&json!(true), &json!(open.len() - 1)), "{done}");
    assert!(world.server.store().tally_state().await.unwrap().open_before.unwrap() >= before);
    let listed = world.listed(&open).await;
    assert!(!listed[0] && listed[1..].iter().all(|is_listed| *is_listed));
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_that_fails_half_way_passes_over_no_open_row() {
    let world = counted_rows((0..ROWS).map(row).collect(), 1, 100_000).await;
    let open: Vec<Uuid> = world.all.iter().filter(|row| row.status.is_open()).map(|row| row.id).collect();
    for id in &open {
        world.unlist(*id).await;
    }
    let state = AttributeValue::S("state".to_owned());
    update(&world, [&state, &state], "REMOVE open_before").await;
    let (task, page) = (json!({"task": "tallies"}), query(&["new", "error"], json!({"limit": 120})));
    let mut listed = 0;
    for request in [2, 5, 8, 11, 14] {
        let network = Network::failing(request, Fault::RefuseBefore);
        let failing = network.worker(&world.server, |_| ());
        try_sweep(&failing, &task).await.unwrap_err();
        // The sweep says where it came to as soon as DynamoDB answers again.
        let now = world.listed(&open).await.into_iter().filter(|is_listed| *is_listed).count();
        assert!(now >= listed && now < open.len(), "{now} after request {request}");
        listed = now;
        world.compare(&page).await;
    }
    assert!(listed > 0);
    // One that looked further than this one is not followed by an earlier time.
    let later = Timestamp::new(world.context.now().time() + TimeDelta::minutes(1));
    let done = sweep(&world.context, &task).await;
    assert_eq!((&done["complete"], &done["counted"]), (&json!(true), &json!(open.len() - listed)), "{done}");
    assert_eq!(world.listed(&open).await, vec![true; open.len()]);
    world.server.store().save_open_before(later).await.unwrap();
    assert_eq!(sweep(&world.context, &task).await, json!({"complete": true, "counted": 0}));
    assert_eq!(world.server.store().tally_state().await.unwrap().open_before, Some(later));
    world.compare(&page).await;
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_without_an_index_by_status_are_counted_and_list_nothing() {
    let setup = Setup::new().paused().without_tallies().parameter("IndexStage", 0);
    let server = setup.start().await;
    store(server.context(), &(0..300).map(row).collect::<Vec<_>>()).await;
    for again in [false, true] {
        let done = sweep(server.context(), &json!({"task": "tallies", "again": again})).await;
        assert_eq!(done["complete"], json!(true), "{done}");
        assert_eq!(server.store().tally_state().await.unwrap().open_before, None);
    }
    let answer = compared::answer(server.context(), None, &query(&["new", "error"], json!({}))).await.unwrap();
    assert_eq!(answer.data.as_array().unwrap().len(), 25);
    server.stop().await;
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
        json!({"status": {"_eq": "new"}}),
        json!({"status": {"_eq": "in_progress"}, "quantity": {"_lt": 6}}),
        json!({"status": {"_nin": ["complete"]}, "reserved_for": {"_in": ORGANISATIONS}}),
        json!({"status": {"_eq": "new"}, "product": {"_in": PRODUCTS}, "reserved_for": {"_eq": "B"}}),
        json!({"status": {"_eq": "error"}, "product": {"_eq": PRODUCTS[0]}}),
        json!({"status": {"_in": ["error", "complete"]}, "product": {"_eq": PRODUCTS[0]}}),
        json!({"status": {"_neq": "error"}}),
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
            let query = json!({"fields": ["id", "status", "quantity"], "filter": condition});
            world.compare(&with(&query, window)).await;
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
        update(&world, [&row, &mark], "REMOVE listed, apart").await;
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
    assert_eq!(listed.len(), world.all.len());
    for mark in listed {
        update(&world, [&mark["tally"], &mark["key"]], "REMOVE listed, apart").await;
    }
    let beside: Vec<_> = marks.iter().filter(|mark| mark["tally"].as_s().unwrap().starts_with("listed#")).collect();
    // Each in the list of its organisation and in that of its product.
    assert_eq!(beside.len(), 2 * world.all.iter().filter(|row| row.status != Status::Complete).count());
    for item in beside {
        let key = ["tally", "key"].map(|name| (name.to_owned(), item[name].clone()));
        client.delete_item().table_name(table).set_key(Some(key.into())).send().await.unwrap();
    }
    let state = AttributeValue::S("state".to_owned());
    update(&world, [&state, &state], "REMOVE all_listed_at, open_before").await;
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
