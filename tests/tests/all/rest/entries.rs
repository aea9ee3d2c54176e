//! Lists whose conditions, order or groups the index entries tell read no other rows than those of their page.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use common::{
    query::{Answer, Collection},
    reservation::{Reservation, Status},
};
use serde_json::{Value, json};

use super::compared;
use crate::support::{
    counting::{Counter, Reads, counted},
    harness::{Running, Setup},
    rows::{reservation, store},
};

/// Rows of two organisations with 40 references and two types. The one in ten has no product.
fn row(n: usize) -> Reservation {
    let organisation = ["A", "B"][n % 2];
    let input = json!({"reserved_for": organisation, "code_type": "sgtin", "quantity": 1 + n % 7,
        "product": "/01/09521234543213", "reference_id": format!("PO-{}", n % 40)});
    let mut row = reservation(&input);
    row.status = Status::ALL[n % 4];
    row.code_type = Some(["sgtin", "sscc"][n / 10 % 2].to_owned());
    if n.is_multiple_of(10) {
        row.product = None;
    }
    row.seeded = true;
    row
}

struct World {
    server: Running,
    context: std::sync::Arc<common::context::Context>,
    counter: Counter,
    all: Vec<Reservation>,
}

impl World {
    async fn of(count: usize, shards: u32) -> Self {
        let server = Setup::new().paused().without_tallies().parameter("Shards", shards).start().await;
        let all: Vec<Reservation> = (0..count).map(row).collect();
        store(server.context(), &all).await;
        let (context, counter) = counted(&server.system, |_| ());
        Self { server, context, counter, all }
    }

    /// The answer of a query, compared with that over all rows, and what it read.
    async fn list(&self, organisations: Option<&[&str]>, query: &Value) -> (Answer, BTreeMap<&'static str, Reads>) {
        self.counter.take();
        let answer = compared::answer(&self.context, organisations, query).await.unwrap();
        let reads = self.counter.take();
        let wanted = compared::expected(&self.all, organisations, query);
        assert_eq!((sorted(&answer.data), &answer.meta), (sorted(&wanted.data), &wanted.meta), "{query}");
        (answer, reads)
    }
}

/// Groups that are equal in their order may be in any; rows are compared in theirs.
fn sorted(data: &Value) -> Vec<String> {
    let mut texts: Vec<String> = data.as_array().unwrap().iter().map(Value::to_string).collect();
    if texts.first().is_some_and(|text| text.contains("\"count\"")) {
        texts.sort();
    }
    texts
}

#[tokio::test(flavor = "multi_thread")]
async fn small_groups_and_counts_read_entries_and_no_rows() {
    let world = World::of(300, 1).await;
    for query in [
        json!({"aggregate": {"count": ["*"]}, "groupBy": ["status"]}),
        json!({"aggregate": {"count": ["*"]}, "groupBy": ["code_type"]}),
        json!({"aggregate": {"count": ["*"]}, "groupBy": ["reserved_for", "status"]}),
        json!({"aggregate": {"count": ["*"]}, "groupBy": ["code_type"], "filter": {"status": {"_neq": "new"}}}),
        json!({"aggregate": {"count": ["*"]}, "groupBy": ["reserved_for"], "filter": {"code_type": {"_eq": "sscc"}}}),
        json!({"aggregate": {"count": ["id"], "countDistinct": ["reference_id"]}, "groupBy": ["reserved_for"]}),
    ] {
        for organisations in [None, Some(&["A"][..])] {
            let (_, reads) = world.list(organisations, &query).await;
            assert_eq!(reads.keys().copied().collect::<Vec<_>>(), ["Query"], "{query}: {reads:?}");
        }
    }
    // An entry without the key does not tell whether the member is null or empty, so these rows are read.
    let (_, reads) = world.list(None, &json!({"aggregate": {"count": ["*"]}, "groupBy": ["product"]})).await;
    assert_eq!(reads["BatchGetItem"], Reads { calls: 1, items: 30 });
    // What no entry tells is read of all rows.
    let (_, reads) = world.list(None, &json!({"aggregate": {"count": ["*"]}, "groupBy": ["quantity"]})).await;
    assert_eq!(reads["BatchGetItem"], Reads { calls: 3, items: 300 });
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_reads_the_rows_of_its_page_only_where_entries_tell_which_match() {
    for shards in [1, 3] {
        let world = World::of(300, shards).await;
        for (query, page) in [
            (json!({"filter": {"reference_id": {"_ends_with": "9"}}, "limit": 5}), 5),
            (json!({"filter": {"reference_id": {"_ends_with": "9"}}, "limit": 5, "sort": ["-date_created"]}), 5),
            (json!({"filter": {"reference_id": {"_contains": "none"}}, "limit": 5}), 0),
            (
                json!({"filter": {"code_type": {"_neq": "sgtin"}}, "sort": ["reserved_for", "reference_id"], "limit": 7}),
                7,
            ),
            (
                json!({"filter": {"status": {"_in": ["new", "error"]}, "code_type": {"_eq": "sscc"}},
                    "sort": ["date_created"], "limit": 20}),
                20,
            ),
            (json!({"sort": ["reference_id", "-id"], "limit": 10, "offset": 20}), 10),
        ] {
            let (answer, reads) = world.list(None, &query).await;
            assert_eq!(answer.data.as_array().unwrap().len(), page, "{query}");
            let items = reads.get("BatchGetItem").map_or(0, |reads| reads.items);
            assert_eq!(items, page, "{query} with {shards} shards: {reads:?}");
        }
        world.server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn skipped_entries_of_one_run_are_counted_and_not_fetched() {
    let world = World::of(320, 1).await;
    for query in [
        json!({"offset": 300, "limit": 5}),
        json!({"offset": 300, "limit": 5, "sort": ["-date_created"]}),
        json!({"offset": 70, "limit": 5, "sort": ["date_created"], "filter": {"status": {"_eq": "error"}}}),
        json!({"page": 61, "limit": 5, "sort": ["-id"]}),
        json!({"offset": 1_000, "limit": 5}),
        // Entries of one time are turned around, so they are fetched.
        json!({"offset": 300, "limit": 5, "sort": ["-date_created", "id"]}),
    ] {
        let (answer, reads) = world.list(None, &query).await;
        let shown = answer.data.as_array().unwrap().len();
        assert_eq!(shown, if query["offset"] == 1_000 { 0 } else { 5 }, "{query}");
        assert_eq!(reads.get("BatchGetItem").map_or(0, |reads| reads.items), shown, "{query}");
        assert!(reads["Query"].calls <= 2, "{query}: {reads:?}");
    }
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_reads_of_the_rows_of_its_page_what_it_shows() {
    let world = World::of(60, 1).await;
    let fields = Collection::CodeReservation.fields().iter().map(|field| field.name).filter(|name| *name != "codes");
    for name in fields.clone() {
        for query in [
            json!({"fields": [name], "limit": 30}),
            json!({"fields": [name], "limit": 30, "sort": ["-date_created"], "filter": {"quantity": {"_gt": 3}}}),
            json!({"fields": ["id"], "limit": 30, "sort": [name, "id"]}),
            json!({"fields": ["status"], "limit": 30, "filter": {name: {"_nnull": true}}}),
        ] {
            for organisations in [None, Some(&["A"][..])] {
                let (answer, _) = world.list(organisations, &query).await;
                assert!(answer.data.as_array().is_some_and(|rows| rows.len() <= 30), "{query}");
            }
        }
    }
    world.list(None, &json!({"fields": ["year(date_created)", "id"], "limit": 30})).await;
    world.list(None, &json!({"fields": fields.collect::<Vec<_>>(), "limit": 30})).await;
    world.list(None, &json!({"fields": ["ordered"], "alias": {"ordered": "quantity"}, "limit": 30})).await;

    // A member of another type than it may have is a fault only where it is looked at.
    let id = world.all.iter().map(|row| row.id).min().unwrap();
    let table = &world.context.config().tables.reservations;
    let change = world.context.dynamodb().update_item().table_name(table);
    let change = change.key("id", AttributeValue::S(id.to_string())).update_expression("SET quantity = :text");
    change.expression_attribute_values(":text", AttributeValue::S("many".to_owned())).send().await.unwrap();
    let path = |fields: &str| format!("/items/code_reservation?limit=5&fields={fields}");
    for (fields, status) in [("id,status", 200), ("id,quantity", 500), ("id,reserved_for", 200), ("*", 500)] {
        assert_eq!(world.server.api.send("GET", &path(fields)).await.status, status, "{fields}");
    }
    assert_eq!(world.server.api.send("GET", &format!("{}&filter[quantity][_gt]=0", path("id"))).await.status, 500);
    world.server.stop().await;
}
