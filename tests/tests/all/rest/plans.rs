//! The planner of lists reads little and returns the same as a query over all rows.

use std::{collections::BTreeMap, sync::Arc};

use common::{
    config::LAST_INDEX_STAGE,
    context::Context,
    directory::{Role, User},
    operations::{Caller, Loader, OperationError, Session, read, rows},
    query::{Answer, Collection, RawQuery, Row},
    reservation::Reservation,
};
use proptest::{
    option,
    prelude::*,
    sample::{select, subsequence},
    strategy::ValueTree,
    test_runner::TestRunner,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::support::{
    counting::{Reads, counted, total},
    harness::Setup,
    rows::{noon, reservation, store, user},
};

const ORGANISATIONS: [&str; 3] = ["A", "B", "C"];
const USERS: [(&str, &str); 2] =
    [("a11ce000-0000-4000-8000-000000000001", "alice@x.org"), ("b0b00000-0000-4000-8000-000000000002", "bob@x.org")];

/// The organisations of the callers in turn; `None` for all.
pub(super) const CALLERS: [Option<&[&str]>; 5] = [None, Some(&["A"]), Some(&["C", "A", "A"]), Some(&["D"]), Some(&[])];

/// Times of creation: few, so that many rows have the same one.
const DATES: [&str; 4] =
    ["2023-12-31T23:59:59.999Z", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00.001Z", "2024-02-29T12:00:00Z"];

/// Operands of conditions on times: the stored ones, times between them that no row has, and years that sort otherwise.
const TIMES: [&str; 7] = [
    "2023-12-31T23:59:59.999Z",
    "2024-01-01T00:00:00Z",
    "2024-01-01T00:00:00.0005Z",
    "2024-01-01T00:00:00.001Z",
    "2024-02-29",
    "1000-01-01",
    "+012345-01-01T00:00:00.000Z",
];

/// A random row: any member may be missing, and the values come from small sets so that they repeat.
pub(super) fn row() -> impl Strategy<Value = Reservation> {
    let some = |values: &'static [&'static str]| option::weighted(0.85, select(values));
    (
        any::<u128>(),
        some(&ORGANISATIONS),
        some(&["/01/1", "/01/2", ""]),
        some(&["r1", "R1", "r2", "", "r1 100%"]),
        some(&["sgtin", "sscc", "grai"]),
        select(vec!["new", "in_progress", "complete", "error"]),
        option::of(-2_i64..6),
        option::weighted(0.9, select(DATES.to_vec())),
        option::of(select(USERS.map(|(id, _)| id).to_vec())),
    )
        .prop_map(|(id, organisation, product, reference, code_type, status, quantity, date, user)| {
            let row = json!({
                "id": uuid::Builder::from_random_bytes(id.to_be_bytes()).into_uuid(),
                "reserved_for": organisation, "product": product, "reference_id": reference, "code_type": code_type,
                "status": status, "quantity": quantity, "date_created": date, "user_created": user,
                "incarnation": Uuid::from_u128(id ^ 1), "version": 1, "seeded": true,
            });
            serde_json::from_value(row).unwrap()
        })
}

fn condition(ids: &[Uuid]) -> BoxedStrategy<Value> {
    let text = select(vec!["r1", "R1", "r2", "", "A", "B", "/01/1", "sgtin", "complete", "D"]);
    let texts = subsequence(vec!["r1", "r2", "A", "B", "/01/1", "/01/2", "sscc", "new", ""], 0..4);
    let own = select(vec!["reference_id", "reserved_for", "product", "code_type", "status"]);
    let one = select(vec!["_eq", "_neq", "_contains", "_icontains", "_starts_with", "_ends_with"]);
    let ids = select(ids.to_vec());
    prop_oneof![
        6 => (own.clone(), one, text).prop_map(|(field, op, text)| json!({ field: { op: text } })),
        4 => (own.clone(), select(vec!["_in", "_nin"]), texts).prop_map(|(field, op, list)| json!({ field: { op: list } })),
        1 => (own, select(vec!["_null", "_nnull", "_empty", "_nempty"])).prop_map(|(field, op)| json!({ field: { op: true } })),
        2 => (select(vec!["_eq", "_lt", "_gte", "_neq"]), -2_i64..6).prop_map(|(op, n)| json!({"quantity": { op: n }})),
        1 => (-2_i64..6, 0_i64..4).prop_map(|(from, more)| json!({"quantity": {"_between": [from, from + more]}})),
        4 => (select(vec!["_eq", "_neq", "_lt", "_lte", "_gt", "_gte"]), select(TIMES.to_vec()))
            .prop_map(|(op, at)| json!({"date_created": { op: at }})),
        2 => (select(vec!["_between", "_nbetween"]), select(TIMES.to_vec()), select(TIMES.to_vec()))
            .prop_map(|(op, from, to)| json!({"date_created": { op: [from, to] }})),
        1 => select(vec!["_null", "_nnull"]).prop_map(|op| json!({"date_created": { op: true }})),
        4 => (select(vec!["_in", "_nin"]), subsequence(vec!["new", "in_progress", "complete", "error"], 1..4))
            .prop_map(|(op, list)| json!({"status": { op: list }})),
        2 => (select(vec!["_eq", "_neq"]), select(vec!["new", "complete", "error"]))
            .prop_map(|(op, status)| json!({"status": { op: status }})),
        2 => select(USERS.map(|(id, _)| id).to_vec()).prop_map(|id| json!({"user_created": {"_eq": id}})),
        1 => select(USERS.map(|(id, _)| id).to_vec()).prop_map(|id| json!({"user_created": {"id": {"_eq": id}}})),
        1 => Just(json!({"year(date_created)": {"_eq": 2024}})),
        1 => Just(json!({"user_created": {"email": {"_starts_with": "a"}}})),
        2 => prop::collection::vec(ids.clone(), 0..4).prop_map(|ids| json!({"id": {"_in": ids}})),
        1 => ids.prop_map(|id| json!({"id": {"_eq": id}})),
    ]
    .boxed()
}

fn filter(ids: &[Uuid]) -> BoxedStrategy<Value> {
    condition(ids)
        .prop_recursive(2, 8, 3, |inner| {
            let list = prop::collection::vec(inner, 1..4);
            (select(vec!["_and", "_or"]), list).prop_map(|(word, list)| json!({ word: list }))
        })
        .boxed()
}

/// A random query: rows, counts or groups.
pub(super) fn query(ids: &[Uuid]) -> impl Strategy<Value = Value> + use<> {
    let sorts =
        vec!["id", "-id", "quantity", "-quantity", "reference_id", "-date_created", "user_created.email", "status"];
    let shape = prop_oneof![
        6 => Just(json!({"fields": ["id"]})),
        1 => Just(json!({"fields": ["*", "user_created.email"]})),
        1 => Just(json!({"aggregate": {"count": ["*"]}})),
        1 => Just(json!({"aggregate": {"count": ["id"], "sum": ["quantity"], "max": ["quantity"]}})),
        1 => Just(json!({"aggregate": {"count": ["*"]}, "groupBy": ["status"]})),
        1 => Just(json!({"groupBy": ["reserved_for", "code_type"], "aggregate": {"countDistinct": ["reference_id"]}})),
    ];
    (
        shape,
        option::weighted(0.8, filter(ids)),
        prop_oneof![
            2 => Just(None),
            1 => subsequence(sorts, 1..3).prop_map(|sort| Some(json!(sort))),
            2 => (select(vec!["date_created", "-date_created"]), select(vec![None, Some("id"), Some("-id")]))
                .prop_map(|(sort, ties)| Some(json!([sort].into_iter().chain(ties).collect::<Vec<_>>()))),
        ],
        option::of(select(vec![-1_i64, 0, 1, 7, 100])),
        option::of(prop_oneof![(0_i64..30).prop_map(|n| ("offset", n)), (1_i64..4).prop_map(|n| ("page", n))]),
        option::weighted(0.2, select(vec!["r1", "R", "4", "/01"])),
        option::of(Just(json!(["total_count", "filter_count"]))),
    )
        .prop_map(|(shape, filter, sort, limit, place, search, meta)| {
            let mut out = shape.as_object().cloned().unwrap();
            let grouped = out.contains_key("aggregate");
            let mut set = |name: &str, value: Option<Value>| out.extend(value.map(|value| (name.to_owned(), value)));
            set("filter", filter);
            set("sort", sort.filter(|_| !grouped));
            set("limit", limit.map(|limit| json!(limit)));
            set("search", search.map(|search| json!(search)));
            set("meta", meta);
            if let Some((name, value)) = place {
                set(name, Some(json!(value)));
            }
            Value::Object(out)
        })
}

pub(super) fn draw<T: std::fmt::Debug>(runner: &mut TestRunner, strategy: &impl Strategy<Value = T>) -> T {
    strategy.new_tree(runner).unwrap().current()
}

/// The answer of a query that is evaluated over all rows.
pub(super) async fn over_everything(
    context: &Context,
    session: Session<'_>,
    raw: &RawQuery,
    all: &[Row],
) -> Result<Answer, OperationError> {
    let query = session.query(Collection::CodeReservation, raw)?;
    let mut loader = Loader::new(context, session);
    loader.to_evaluate(&query.needs(), Collection::CodeReservation, all).await?;
    loader.to_render(&query.needs(), Collection::CodeReservation, all).await?;
    Ok(query.run(all, &loader.related)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_gives_what_a_full_read_gives() {
    // Fewer rows would mean that the queries match almost nothing and compare nothing.
    let shown = compare_plans(LAST_INDEX_STAGE, 1_200).await;
    assert!(shown > 3_000, "{shown} rows");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_gives_what_a_full_read_gives_while_an_older_table_gets_its_indexes() {
    for stage in 0..LAST_INDEX_STAGE {
        let shown = compare_plans(stage, 150).await;
        assert!(shown > 300, "stage {stage}: {shown} rows");
    }
}

/// Stores the users that rows name.
pub(super) async fn know_users(context: &Context) {
    for (id, email) in USERS {
        let known = User { id: id.to_owned(), email: Some(email.to_owned()), ..user(Role::Writer, None) };
        context.store().seed_user(&known, None).await.unwrap();
    }
}

/// Compares the answers of random queries with those of an evaluation over all rows. Gives the number of rows shown.
async fn compare_plans(index_stage: u32, rounds: usize) -> usize {
    let server = Setup::new().paused().parameter("Shards", 3).parameter("IndexStage", index_stage).start().await;
    let context: Arc<Context> = Arc::clone(server.context());
    know_users(&context).await;
    let mut runner = TestRunner::deterministic();
    let items: Vec<Reservation> = (0..160).map(|_| draw(&mut runner, &row())).collect();
    store(&context, &items).await;
    let all: Vec<Row> = items.iter().map(rows::reservation).collect();
    let ids: Vec<Uuid> = items.iter().map(|item| item.id).collect();
    let queries = query(&ids);

    let mut rows_shown = 0;
    for round in 0..rounds {
        let query = draw(&mut runner, &queries);
        let organisations = CALLERS[round % CALLERS.len()];
        let caller = Caller::user(user(Role::Admin, organisations));
        let budget = common::query::Budget::default();
        let session = Session::new(&caller, noon(), &budget);
        let raw = RawQuery::from_json(query.as_object().cloned().unwrap());
        let planned = read::list(&context, session, &raw).await.map(|(query, list)| {
            // Both ways to write the body give the same text.
            let (json, answer) = (list.json(&query, session.budget).unwrap(), list.into_answer(&query).unwrap());
            assert_eq!(json, answer.clone().into_body().to_string(), "{raw:?}");
            answer
        });
        let full = over_everything(&context, session, &raw, &all).await;
        match (planned, full) {
            (Ok(planned), Ok(full)) => {
                assert_eq!(planned, full, "{query} for {organisations:?} at stage {index_stage}");
                rows_shown += planned.data.as_array().map_or(0, Vec::len);
            }
            (Err(planned), Err(full)) => assert_eq!(planned.to_string(), full.to_string(), "{query}"),
            (planned, full) => panic!("{query} for {organisations:?}: {planned:?}, but {full:?}"),
        }
    }
    server.stop().await;
    rows_shown
}

fn made(organisation: &str, reference: &str) -> Reservation {
    reservation(&json!({"reserved_for": organisation, "code_type": "sgtin", "quantity": 5,
        "product": "/01/09521234543213", "reference_id": reference}))
}

pub(super) fn raw(query: &Value) -> RawQuery {
    RawQuery::from_json(query.as_object().cloned().unwrap_or_else(Map::new))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_reads_its_entries_and_its_rows_and_nothing_else() {
    for shards in [1_u32, 3] {
        let server = Setup::new().paused().parameter("Shards", shards).start().await;
        let items: Vec<_> = (0..400).map(|n| made(ORGANISATIONS[n % 3], &format!("r{}", n % 2))).collect();
        store(server.context(), &items).await;
        let (context, counter) = counted(&server.system, |_| ());
        let list = async |organisations: Option<&[&str]>, query: Value| {
            let caller = Caller::user(user(Role::Admin, organisations));
            counter.take();
            let budget = common::query::Budget::default();
            let session = Session::new(&caller, noon(), &budget);
            let (query, list) = read::list(&context, session, &raw(&query)).await.unwrap();
            (list.into_answer(&query).unwrap(), counter.take())
        };
        let shards = shards as usize;
        for sort in ["id", "-id"] {
            for (organisations, partitions) in [(None, shards), (Some(&["A"][..]), 1), (Some(&["A", "B"]), 2)] {
                let (answer, reads) = list(organisations, json!({"sort": [sort], "fields": ["id", "status"]})).await;
                assert_eq!(answer.data.as_array().unwrap().len(), 100);
                assert!(total(&reads).items <= 100 * partitions + 100, "{sort} {organisations:?}: {reads:?}");
                assert_eq!(reads["BatchGetItem"], Reads { calls: 1, items: 100 });
            }
        }
        // An offset skips index entries; only the rows of the answer are read.
        let (answer, reads) = list(None, json!({"offset": 350, "fields": ["id"]})).await;
        assert_eq!(answer.data.as_array().unwrap().len(), 50);
        assert_eq!(reads["BatchGetItem"].items, 50);
        // Counts read no rows at all.
        let counts = [
            json!({"aggregate": {"count": ["*"]}}),
            json!({"aggregate": {"count": ["id"]}, "filter": {"reserved_for": {"_eq": "A"}}}),
            json!({"limit": 0, "meta": "*"}),
            json!({"limit": 0, "meta": "filter_count", "filter": {"product": {"_in": ["/01/09521234543213", "x"]}}}),
        ];
        for query in counts {
            let (_, reads) = list(None, query.clone()).await;
            assert_eq!(reads.keys().copied().collect::<Vec<_>>(), ["Query"], "{query}");
        }
        // The narrowest index is used: a reference before an organisation, a key before any index.
        let none = json!({"filter": {"reference_id": {"_eq": "none"}}});
        let (answer, reads) = list(None, none.clone()).await;
        assert_eq!((answer.data, total(&reads).items), (json!([]), 0));
        // Who is limited to an organisation reads its entries, and no row that the reference excludes.
        let own = items.iter().filter(|item| item.reserved_for.as_deref() == Some("A")).count();
        let (answer, reads) = list(Some(&["A"]), none).await;
        assert_eq!((answer.data, reads["Query"].items, reads.len()), (json!([]), own, 1));
        let filter = json!({"filter": {"id": {"_eq": items[7].id}}, "fields": ["id"]});
        let (answer, reads) = list(None, filter).await;
        assert_eq!(answer.data, json!([{ "id": items[7].id }]));
        assert_eq!(reads, BTreeMap::from([("BatchGetItem", Reads { calls: 1, items: 1 })]));
        // Each relation is read in one batch, for any number of rows.
        let fields = ["id", "user_created.first_name", "user_updated.email", "export_file.*", "reserved_for.*"];
        let (_, reads) = list(None, json!({ "fields": fields })).await;
        assert!(reads["BatchGetItem"].calls <= 1 + 4 && reads.len() == 2, "{reads:?}");
        // For a caller of one organisation, rows of other organisations are not read.
        let own = items.iter().filter(|item| item.reserved_for.as_deref() == Some("B")).count();
        let (_, reads) = list(Some(&["B"]), json!({"filter": {"quantity": {"_gt": 1000}}, "sort": ["status"]})).await;
        assert_eq!((reads["Query"].items, reads["BatchGetItem"].items), (own, own));
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_would_read_too_much_names_a_filter_that_helps() {
    // Counts that come from tallies read less (`counts`).
    let server = Setup::new().paused().without_tallies().start().await;
    let items: Vec<_> = (0..60).map(|n| made("A", &format!("r{n}"))).collect();
    store(server.context(), &items).await;
    let caller = Caller::user(user(Role::Admin, None));
    let budget = common::query::Budget::default();
    let session = Session::new(&caller, noon(), &budget);
    let too_much = [
        json!({"sort": ["quantity"]}),
        json!({"search": "nothing"}),
        json!({"aggregate": {"sum": ["quantity"]}}),
        json!({"aggregate": {"count": ["*"]}}),
        json!({"limit": -1}),
        json!({"limit": 1, "meta": "filter_count"}),
        json!({"offset": 59}),
    ];
    for query in &too_much {
        // With a limit of 60 the query may read all 60 rows; with 59 it is refused.
        let (context, _) = counted(&server.system, |config| config.max_scan = 60);
        read::list(&context, session, &raw(query)).await.unwrap();
        let (context, counter) = counted(&server.system, |config| config.max_scan = 59);
        match read::list(&context, session, &raw(query)).await {
            Err(OperationError::InvalidQuery(reason)) => {
                for word in ["59", "id", "reserved_for", "product", "reference_id"] {
                    assert!(reason.contains(word), "{reason}");
                }
            }
            other => panic!("{query}: {other:?}"),
        }
        assert!(total(&counter.take()).items <= 2 * 60, "{query}");
    }
    // That none has a status is found in its index, before too many rows are read in the order of ids.
    let (context, _) = counted(&server.system, |config| config.max_scan = 59);
    let none = json!({"filter": {"status": {"_eq": "error"}}});
    assert!(read::list(&context, session, &raw(&none)).await.is_ok());
    // The first page reads only its own rows.
    let (context, _) = counted(&server.system, |config| config.max_scan = 10);
    assert!(read::list(&context, session, &raw(&json!({"limit": 5}))).await.is_ok());
    let filter = json!({"filter": {"reference_id": {"_eq": "r7"}}, "sort": ["quantity"]});
    assert!(read::list(&context, session, &raw(&filter)).await.is_ok());
    server.stop().await;
}
