//! Counts: exact at once while there are few rows, from tallies when there are many, and the same answers as if every
//! row had been read.

use std::sync::Arc;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use common::{
    context::Context,
    directory::Role,
    operations::{Caller, OperationError, Session, read, rows},
    query::{Budget, Collection, RawQuery, Related, Row},
    reservation::{Reservation, Status},
    store::{Spread, Wanted},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    counting::{Counter, counted, total},
    harness::{Running, Setup, TOKEN},
    rows::{noon, reservation, store, user},
    tallies::tallied,
};

/// More rows than a count reads.
const ROWS: usize = 2_600;

/// Rows of three organisations: A has most, B more than a count reads, C few.
fn row(n: usize) -> Reservation {
    let organisation = match n % 20 {
        0..10 => "A",
        10..19 => "B",
        _ => "C",
    };
    let products = ["/01/09521234543213", "/01/09521234543220", "/01/19361758000003"];
    let input = json!({"reserved_for": organisation, "code_type": "sgtin", "quantity": 1 + n % 7,
        "product": products[n % 3], "reference_id": format!("r{}", n % 5)});
    let mut row = reservation(&input);
    row.id = Uuid::new_v4();
    row.status = [Status::New, Status::InProgress, Status::Error].get(n % 9).copied().unwrap_or(Status::Complete);
    row.code_type = [Some("sgtin"), Some("sscc"), None][n % 3].map(str::to_owned);
    if n.is_multiple_of(11) {
        row.product = None;
    }
    if n.is_multiple_of(13) {
        row.reserved_for = None;
    }
    row.seeded = true;
    row
}

/// A system with rows whose tallies are complete.
async fn filled() -> (Running, Vec<Reservation>) {
    let server = Setup::new().paused().parameter("Shards", 2).start().await;
    let all: Vec<Reservation> = (0..ROWS).map(row).collect();
    store(server.context(), &all).await;
    tallied(server.context()).await;
    (server, all)
}

async fn answer(context: &Context, caller: &Caller, query: &Value) -> Result<Value, OperationError> {
    let budget = Budget::default();
    let session = Session::new(caller, noon(), &budget);
    let raw = RawQuery::from_json(query.as_object().unwrap().clone());
    let (query, list) = read::list(context, session, &raw).await?;
    let answer = list.into_answer(&query)?;
    Ok(json!({"data": answer.data, "meta": answer.meta}))
}

/// The same over all rows in memory.
fn naive(all: &[Reservation], caller: &Caller, query: &Value) -> Value {
    let budget = Budget::default();
    let session = Session::new(caller, noon(), &budget);
    let query = session.query(Collection::CodeReservation, &RawQuery::from_json(query.as_object().unwrap().clone()));
    let all: Vec<Row> = all.iter().map(rows::reservation).collect();
    let answer = query.unwrap().run(&all, &Related::default()).unwrap();
    json!({"data": answer.data, "meta": answer.meta})
}

/// Groups that are equal in their order may be in any.
fn sorted(mut answer: Value) -> Value {
    answer["data"].as_array_mut().unwrap().sort_by_key(Value::to_string);
    answer
}

fn filters() -> Vec<Value> {
    vec![
        json!({}),
        json!({"status": {"_eq": "complete"}}),
        json!({"status": {"_neq": "complete"}}),
        json!({"status": {"_in": ["error", "new"]}}),
        json!({"status": {"_contains": "e"}}),
        json!({"reserved_for": {"_eq": "A"}}),
        json!({"reserved_for": {"_in": ["A", "C", "nobody"]}}),
        json!({"reserved_for": {"_neq": "A"}}),
        json!({"reserved_for": {"_null": true}}),
        json!({"reserved_for": {"_nin": ["B"]}, "status": {"_eq": "complete"}}),
        json!({"product": {"_eq": "/01/09521234543213"}}),
        json!({"product": {"_starts_with": "/01/0952"}}),
        json!({"product": {"_nnull": true}, "code_type": {"_eq": "sgtin"}}),
        json!({"code_type": {"_null": true}}),
        json!({"code_type": {"_in": ["sgtin", "sscc"]}, "reserved_for": {"_eq": "B"}}),
        json!({"reserved_for": {"_eq": "A"}, "product": {"_eq": "/01/19361758000003"}}),
        json!({"_and": [{"reserved_for": {"_in": ["A", "B"]}}, {"product": {"_nempty": true}}]}),
        json!({"_or": [{"reserved_for": {"_eq": "A"}}, {"product": {"_null": true}}]}),
        json!({"status": {"_eq": "nothing"}}),
    ]
}

fn shapes() -> Vec<Value> {
    vec![
        json!({"aggregate": {"count": ["*"]}}),
        json!({"aggregate": {"count": ["id", "product", "code_type"], "countDistinct": ["reserved_for", "status"]}}),
        json!({"aggregate": {"count": ["*"]}, "groupBy": ["status"]}),
        json!({"aggregate": {"count": ["id"]}, "groupBy": ["reserved_for"]}),
        json!({"aggregate": {"count": ["*"]}, "groupBy": ["product"], "sort": ["-count"]}),
        json!({"aggregate": {"count": ["*"]}, "groupBy": ["code_type", "status"]}),
        json!({"aggregate": {"count": ["*"]}, "groupBy": ["reserved_for", "product"], "limit": -1}),
        json!({"groupBy": ["reserved_for", "product", "code_type", "status"], "limit": -1}),
        json!({"aggregate": {"count": ["*"]}, "groupBy": ["status"], "meta": "*"}),
        json!({"limit": 0, "meta": "*"}),
        json!({"limit": 0, "meta": "total_count"}),
        json!({"limit": 1, "fields": ["reserved_for"], "sort": ["reserved_for", "id"], "meta": "filter_count"}),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_from_tallies_are_what_reading_every_row_gives() {
    let (server, all) = filled().await;
    let callers = [
        Caller::user(user(Role::Admin, None)),
        Caller::user(user(Role::Reader, Some(&["A"]))),
        Caller::user(user(Role::Reader, Some(&["B", "C"]))),
        Caller::user(user(Role::Reader, Some(&[]))),
    ];
    for (caller, step) in callers.iter().zip([1, 3, 4, 7]) {
        for filter in filters().into_iter().step_by(step) {
            for shape in shapes() {
                let mut query = shape.clone();
                query["filter"] = filter.clone();
                let found = answer(server.context(), caller, &query).await.unwrap();
                let expected = naive(&all, caller, &query);
                assert_eq!(sorted(found), sorted(expected), "{query} of {caller:?}");
            }
        }
    }
    // The order of groups.
    for sort in [json!(["-count", "product"]), json!(["count", "-product"]), json!(["-product"]), json!(["product"])] {
        let query =
            json!({"aggregate": {"count": ["*"]}, "groupBy": ["product"], "sort": sort, "offset": 1, "limit": 2});
        let found = answer(server.context(), &callers[0], &query).await.unwrap();
        assert_eq!(found, naive(&all, &callers[0], &query), "{query}");
    }
    server.stop().await;
}

/// The items that a query reads.
async fn items(context: &Arc<Context>, counter: &Counter, query: &Value) -> usize {
    counter.take();
    answer(context, &Caller::user(user(Role::Admin, None)), query).await.unwrap();
    total(&counter.take()).items
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_of_many_rows_reads_as_much_as_one_of_a_thousand_and_is_not_refused() {
    let (server, _) = filled().await;
    // Fewer than there are rows, and than a count may read at once.
    let (context, counter) = counted(&server.system, |config| config.max_scan = 1_500);
    let all_organisations = json!({"aggregate": {"count": ["*"]}, "groupBy": ["reserved_for", "product"], "limit": -1});
    for (query, most) in [
        (json!({"aggregate": {"count": ["*"]}}), 1_001 + 10),
        (json!({"aggregate": {"count": ["*"]}, "groupBy": ["status"]}), 1_001 + 10),
        (json!({"aggregate": {"count": ["*"]}, "groupBy": ["reserved_for"]}), 1_001 + 10),
        (all_organisations, 1_001 + 50),
        (json!({"limit": 1, "meta": "*", "fields": ["id"]}), 1_001 + 20),
        (json!({"limit": 1, "meta": "*", "fields": ["id"], "filter": {"reserved_for": {"_eq": "A"}}}), 2 * 1_001 + 20),
    ] {
        let read = items(&context, &counter, &query).await;
        assert!(read <= most, "{query} reads {read} items");
    }
    // What the tallies do not tell apart is refused as before.
    let other = json!({"aggregate": {"count": ["*"]}, "groupBy": ["reference_id"]});
    let refused = answer(&context, &Caller::user(user(Role::Admin, None)), &other).await;
    assert!(matches!(refused, Err(OperationError::InvalidQuery(_))), "{refused:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_count_is_exact_at_once_although_nothing_is_followed() {
    // The tallies are complete, and stay as they are.
    let server = Setup::new().paused().without_tallies().start().await;
    server.store().end_tally_run(noon()).await.unwrap();
    let all: Vec<Reservation> = (0..900).map(row).collect();
    store(server.context(), &all).await;
    let admin = Caller::user(user(Role::Admin, None));
    for shape in shapes() {
        let found = answer(server.context(), &admin, &shape).await.unwrap();
        assert_eq!(sorted(found), sorted(naive(&all, &admin, &shape)), "{shape}");
    }
    // So is that of a rare status, whatever else there is.
    store(server.context(), &(900..2_000).map(row).collect::<Vec<_>>()).await;
    let all_rows = json!({"aggregate": {"count": ["*"]}});
    assert_eq!(answer(server.context(), &admin, &all_rows).await.unwrap()["data"], json!([{"count": "0"}]), "behind");
    let rare = json!({"aggregate": {"count": ["*"]}, "filter": {"status": {"_eq": "error"}}});
    let errors = (0..2_000).filter(|n| n % 9 == 2).count();
    assert_eq!(answer(server.context(), &admin, &rare).await.unwrap()["data"], json!([{"count": errors.to_string()}]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tallies_that_are_not_complete_or_have_more_lanes_are_not_used() {
    let server = Setup::new().paused().without_tallies().start().await;
    let all: Vec<Reservation> = (0..1_100).map(row).collect();
    store(server.context(), &all).await;
    let admin = Caller::user(user(Role::Admin, None));
    let query = json!({"aggregate": {"count": ["*"]}, "groupBy": ["status"]});
    let exact = sorted(naive(&all, &admin, &query));
    assert_eq!(sorted(answer(server.context(), &admin, &query).await.unwrap()), exact);
    // Another deployment has used four lanes.
    let (context, _) = counted(&server.system, |config| config.shards = 4);
    context.store().count_rows(&[all[0].id], noon()).await.unwrap();
    server.store().end_tally_run(noon()).await.unwrap();
    assert_eq!(sorted(answer(server.context(), &admin, &query).await.unwrap()), exact);
    // With as many, the tallies are used: they have one row.
    let one = json!([{"count": "1", "status": all[0].status}]);
    let found = answer(&context, &admin, &query).await.unwrap();
    assert_eq!(sorted(found)["data"], sorted(json!({"data": one}))["data"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_with_a_type_of_another_system_are_counted_and_their_types_are_told_apart() {
    let server = Setup::new().paused().start().await;
    let odd = |n: usize| Reservation { code_type: Some(format!("odd-{}", n % 2)), ..row(n) };
    let all: Vec<Reservation> = (0..1_200).map(|n| if n % 100 == 0 { odd(n / 100) } else { row(n) }).collect();
    store(server.context(), &all).await;
    tallied(server.context()).await;
    let admin = Caller::user(user(Role::Admin, None));
    for query in [
        json!({"aggregate": {"count": ["*"]}, "groupBy": ["status"]}),
        json!({"aggregate": {"count": ["*"]}, "groupBy": ["code_type"]}),
        json!({"aggregate": {"count": ["*"]}, "filter": {"code_type": {"_contains": "odd"}}}),
    ] {
        let found = answer(server.context(), &admin, &query).await.unwrap();
        assert_eq!(sorted(found), sorted(naive(&all, &admin, &query)), "{query}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn graphql_counts_as_rest_does() {
    let (server, all) = filled().await;
    let admin = Caller::user(user(Role::Admin, None));
    for (group, filter) in [("status", "A"), ("product", "A"), ("reserved_for", "")] {
        let (rest, graphql) = match filter {
            "" => (json!({}), String::new()),
            one => (json!({"reserved_for": {"_eq": one}}), format!(", filter: {{reserved_for: {{_eq: \"{one}\"}}}}")),
        };
        let query = json!({"aggregate": {"count": ["id"]}, "groupBy": [group], "filter": rest});
        let expected = sorted(naive(&all, &admin, &query))["data"].clone();
        let path = format!("/items/code_reservation?aggregate[count]=id&groupBy[]={group}&filter={rest}");
        let found = server.get(&path.replace('{', "%7B").replace('}', "%7D").replace('"', "%22"), TOKEN).await.data();
        assert_eq!(sorted(json!({ "data": found }))["data"], expected, "{path}");
        let text =
            format!("{{ code_reservation_aggregated(groupBy: [\"{group}\"]{graphql}) {{ group count {{ id }} }} }}");
        let reply = server.json("POST", "/graphql", TOKEN, &json!({ "query": text })).await.json();
        let groups = reply["data"]["code_reservation_aggregated"].as_array().unwrap_or_else(|| panic!("{reply}"));
        let flat = |one: &Value| {
            let mut flat = one["group"].clone();
            flat["count"] = json!({"id": one["count"]["id"].to_string()});
            flat
        };
        let found = sorted(json!({ "data": groups.iter().map(flat).collect::<Vec<_>>() }));
        assert_eq!(found["data"], expected, "{text}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tallies_that_are_too_many_are_not_read_to_their_end() {
    const LANES: usize = 8;
    const PRODUCTS: usize = 500;
    let server = Setup::new().paused().parameter("Shards", LANES).start().await;
    tallied(server.context()).await;
    let text = AttributeValue::S;
    let put = |lane: usize, product: usize| {
        let put = PutRequest::builder()
            .item("tally", text(format!("product#{lane}")))
            .item("key", text(format!("=/01/{product:014}")))
            .item("sgtin.c", AttributeValue::N("1".to_owned()));
        WriteRequest::builder().put_request(put.build().unwrap()).build()
    };
    let puts: Vec<WriteRequest> = (0..LANES * PRODUCTS).map(|n| put(n % LANES, n / LANES)).collect();
    for few in puts.chunks(25) {
        let table = &server.context().config().tables.tallies;
        let answer = server.context().dynamodb().batch_write_item().request_items(table, few.to_vec()).send().await;
        assert!(answer.unwrap().unprocessed_items.unwrap_or_default().is_empty());
    }
    let (context, counter) = counted(&server.system, |_| {});
    let wanted = Wanted { organisations: Spread::Together, products: Spread::All };
    // Exactly as many as may be read: all of them, however they are divided into pages.
    let (cells, read) = context.store().tallied(&wanted, LANES * PRODUCTS).await.unwrap().unwrap();
    assert_eq!((cells.len(), read), (PRODUCTS, LANES * PRODUCTS));
    assert!(cells.iter().all(|(_, rows)| *rows == LANES));
    // Fewer: hardly more items than that are read.
    for most in [LANES * PRODUCTS - 1, 1_000, 0] {
        counter.take();
        assert_eq!(context.store().tallied(&wanted, most).await.unwrap(), None);
        let items = total(&counter.take()).items;
        assert!(items <= most + LANES * 100 + 1, "{items} items were read for {most}");
    }
    server.stop().await;
}
