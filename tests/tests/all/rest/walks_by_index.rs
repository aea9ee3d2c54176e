//! Walks through pages by every index, in every order and direction, while rows are inserted, changed and deleted between
//! the pages. Each page must be that of the table at its time. `walks` has random queries.

use std::collections::BTreeMap;

use common::{
    directory::Role,
    operations::{Caller, Session, plans::collected, rows},
    query::{Budget, Row},
};
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};

use super::{
    plans::{draw, over_everything},
    walks::{Change, change, list, make, system, with},
};
use crate::support::rows::{noon, user};

/// The orders that an index has, in both directions, and one that none has.
const SORTS: [&[&str]; 10] = [
    &[],
    &["id"],
    &["-id"],
    &["date_created"],
    &["-date_created"],
    &["date_created", "id"],
    &["date_created", "-id"],
    &["-date_created", "id"],
    &["-date_created", "-id"],
    &["quantity", "-reference_id"],
];

/// What selects the partitions of each kind of index.
fn partitions() -> Vec<Value> {
    vec![
        json!({}),
        json!({"reserved_for": {"_eq": "A"}}),
        json!({"reserved_for": {"_in": ["A", "C"]}}),
        json!({"product": {"_eq": "/01/1"}}),
        json!({"reference_id": {"_in": ["r1", "r2"]}}),
        json!({"user_created": {"_eq": "a11ce000-0000-4000-8000-000000000001"}}),
    ]
}

/// What restricts the keys, or is evaluated on entries or on rows.
fn conditions() -> Vec<Value> {
    vec![
        json!({}),
        json!({"status": {"_eq": "error"}}),
        json!({"status": {"_neq": "complete"}}),
        json!({"status": {"_in": ["complete", "in_progress"]}}),
        json!({"date_created": {"_gte": "2024-01-01T00:00:00Z"}}),
        json!({"date_created": {"_between": ["2023-12-31", "2024-01-01T00:00:00.001Z"]}}),
        json!({"code_type": {"_eq": "sscc"}}),
        json!({"code_type": {"_neq": "sscc"}}),
        json!({"reference_id": {"_contains": "r"}}),
        json!({"quantity": {"_gte": 2}}),
    ]
}

/// The index that a plan names first.
fn index_of(plan: &str) -> String {
    plan.split([' ', ',']).next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_by_any_index_in_any_order_shows_the_table_as_it_is_at_each_page() {
    let mut runner = TestRunner::deterministic();
    let (server, mut table) = system(&mut runner, 220).await;
    let caller = Caller::user(user(Role::Admin, None));
    let changes = prop::collection::vec(change(), 0..4);
    let mut indexes: BTreeMap<(String, bool), usize> = BTreeMap::new();
    let mut made = [0; 3];
    for sort in SORTS {
        for (partition, condition) in
            partitions().into_iter().flat_map(|one| conditions().into_iter().map(move |other| (one.clone(), other)))
        {
            let query = json!({"fields": ["id", "status", "quantity"], "sort": sort,
                "filter": {"_and": [partition, condition]}});
            let limit = draw(&mut runner, &(1_usize..30));
            for page in 1..=4 {
                for change in draw(&mut runner, &changes) {
                    made[match change {
                        Change::Insert(_) => 0,
                        Change::Replace(..) => 1,
                        Change::Delete(_) => 2,
                    }] += 1;
                    make(server.context(), &mut table, change).await;
                }
                let raw = with(&query, json!({"limit": limit, "page": page}));
                let budget = Budget::default();
                let session = Session::new(&caller, noon(), &budget);
                let rows: Vec<Row> = table.iter().map(rows::reservation).collect();
                let wanted = over_everything(server.context(), session, &raw, &rows).await.unwrap();
                let (found, plans) = collected(list(server.context(), &caller, &raw)).await;
                let found = found.unwrap();
                assert_eq!(found, wanted, "{raw:?} by {plans:?}");
                let plan = plans.first().map(String::as_str).unwrap_or_default();
                let shown = found.data.as_array().map_or(0, Vec::len);
                *indexes.entry((index_of(plan), plan.contains("from the end"))).or_default() += shown;
                if shown < limit {
                    break;
                }
            }
        }
    }
    let kinds = ["organisation", "product", "reference", "shard"];
    let by_id = kinds.map(|kind| format!("by_{kind}"));
    let by_time = kinds.into_iter().chain(["user"]).map(|kind| format!("by_{kind}_created"));
    let by_status = ["organisation", "product", "shard"].map(|kind| format!("by_{kind}_status"));
    for index in by_id.into_iter().chain(by_time).chain(by_status) {
        for from_end in [false, true] {
            let shown = indexes.get(&(index.clone(), from_end)).copied().unwrap_or(0);
            assert!(shown > 20, "{index}, from the end: {from_end}: {indexes:?}");
        }
    }
    assert!(made.iter().all(|count| *count > 100), "inserts, changes, deletions: {made:?}");
    server.stop().await;
}
