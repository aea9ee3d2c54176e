//! Lists while other clients write: between the pages of a walk, and between the reads of one list.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use common::{
    context::Context,
    directory::Role,
    operations::{Caller, OperationError, Session, read, rows},
    query::{Answer, Budget, RawQuery, Row},
    reservation::{Reservation, Status, Timestamp},
    store::Written,
};
use futures::FutureExt;
use proptest::{prelude::*, sample::Index, test_runner::TestRunner};
use serde_json::{Value, json};
use uuid::Uuid;

use super::plans::{CALLERS, draw, know_users, over_everything, query, raw, row};
use crate::support::{
    harness::{Running, Setup},
    meanwhile::meanwhile,
    rows::{noon, store, user},
    sweep::sweep,
};

/// A change of the table.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Insert(Box<Reservation>),
    /// A row gets the members of another one, but not its id and its time of creation, which never change.
    Replace(Index, Box<Reservation>),
    Delete(Index),
}

pub(super) fn change() -> impl Strategy<Value = Change> {
    let boxed = |row| Box::new(row);
    prop_oneof![
        row().prop_map(move |row| Change::Insert(boxed(row))),
        (any::<Index>(), row()).prop_map(move |(at, row)| Change::Replace(at, boxed(row))),
        any::<Index>().prop_map(Change::Delete),
    ]
}

/// Makes a change in the table and in the rows that are in it. It is counted at once: lists by status would be late.
pub(super) async fn make(context: &Context, table: &mut Vec<Reservation>, change: Change) {
    let id = match change {
        Change::Insert(row) => {
            let id = row.id;
            store(context, std::slice::from_ref(&*row)).await;
            table.push(*row);
            id
        }
        Change::Replace(at, row) => {
            let old = at.get_mut(table);
            let (id, incarnation, date_created) = (old.id, old.incarnation, old.date_created);
            let new = Reservation { id, incarnation, date_created, version: old.version + 1, ..*row };
            let edits = [(old.clone(), new.clone())];
            assert_eq!(context.store().replace(&edits).await.unwrap(), Written::Done);
            *old = new;
            id
        }
        Change::Delete(at) if table.len() > 1 => {
            let old = table.swap_remove(at.index(table.len()));
            let id = old.id;
            assert_eq!(context.store().delete(&[old]).await.unwrap(), Written::Done);
            id
        }
        Change::Delete(_) => return,
    };
    let counted = context.store().count_rows(&[id], context.now()).await.unwrap();
    assert!(counted.failed.is_empty());
}

pub(super) async fn list(context: &Context, caller: &Caller, raw: &RawQuery) -> Result<Answer, OperationError> {
    let budget = Budget::default();
    let session = Session::new(caller, noon(), &budget);
    let (query, list) = read::list(context, session, raw).await?;
    list.into_answer(&query)
}

pub(super) fn with(query: &Value, members: Value) -> RawQuery {
    let mut query = query.as_object().cloned().unwrap();
    query.extend(members.as_object().cloned().unwrap());
    raw(&Value::Object(query))
}

/// A system with random rows, which are counted.
pub(super) async fn system(runner: &mut TestRunner, count: usize) -> (Running, Vec<Reservation>) {
    let server = Setup::new().paused().without_tallies().parameter("Shards", 3).start().await;
    know_users(server.context()).await;
    let table: Vec<Reservation> = (0..count).map(|_| draw(runner, &row())).collect();
    store(server.context(), &table).await;
    let counted = sweep(server.context(), &json!({"task": "tallies"})).await;
    assert_eq!(counted["complete"], json!(true));
    (server, table)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_page_of_a_walk_is_that_of_the_table_at_its_time() {
    let mut runner = TestRunner::deterministic();
    let (server, mut table) = system(&mut runner, 260).await;
    let ids: Vec<Uuid> = table.iter().map(|item| item.id).collect();
    let (queries, changes) = (query(&ids), prop::collection::vec(change(), 0..6));
    let (mut pages, mut shown) = (0, 0);
    for round in 0..150 {
        let query = draw(&mut runner, &queries);
        let caller = Caller::user(user(Role::Admin, CALLERS[round % CALLERS.len()]));
        let limit = draw(&mut runner, &(1_usize..40));
        for page in 1..=6 {
            for change in draw(&mut runner, &changes) {
                make(server.context(), &mut table, change).await;
            }
            let raw = with(&query, json!({"limit": limit, "page": page}));
            let budget = Budget::default();
            let session = Session::new(&caller, noon(), &budget);
            let rows: Vec<Row> = table.iter().map(rows::reservation).collect();
            let wanted = over_everything(server.context(), session, &raw, &rows).await;
            let found = list(server.context(), &caller, &raw).await;
            match (found, wanted) {
                (Ok(found), Ok(wanted)) => {
                    assert_eq!(found, wanted, "{raw:?}");
                    let rows = found.data.as_array().map_or(0, Vec::len);
                    (pages, shown) = (pages + 1, shown + rows);
                    if rows < limit {
                        break;
                    }
                }
                (Err(found), Err(wanted)) => assert_eq!(found.to_string(), wanted.to_string(), "{raw:?}"),
                (found, wanted) => panic!("{raw:?}: {found:?}, but {wanted:?}"),
            }
        }
    }
    assert!(pages > 200 && shown > 2_000, "{pages} pages, {shown} rows");
    server.stop().await;
}

/// The ids of an answer.
fn ids_of(answer: &Answer) -> Vec<String> {
    let rows = answer.data.as_array().unwrap();
    rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_nobody_touches_are_listed_once_and_in_order_while_others_change() {
    let mut runner = TestRunner::deterministic();
    let (server, table) = system(&mut runner, 420).await;
    let ids: Vec<Uuid> = table.iter().map(|item| item.id).collect();
    // The first half of the rows changes, the second does not.
    let (changing, still) = table.split_at(table.len() / 2);
    let still: Vec<Row> = still.iter().map(rows::reservation).collect();
    let changing = Arc::new(tokio::sync::Mutex::new(changing.to_vec()));
    let upcoming: Arc<Mutex<Vec<Change>>> = Arc::default();
    let made = Arc::new(AtomicUsize::new(0));
    let (writer, table, next, count) =
        (Arc::clone(server.context()), Arc::clone(&changing), Arc::clone(&upcoming), Arc::clone(&made));
    let context = meanwhile(
        &server,
        |_| {},
        move || {
            let (writer, table, next, count) =
                (Arc::clone(&writer), Arc::clone(&table), Arc::clone(&next), Arc::clone(&count));
            async move {
                let mut table = table.lock().await;
                let change = next.lock().unwrap().pop();
                if let Some(change) = change {
                    make(&writer, &mut table, change).await;
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
            .boxed()
        },
    );
    let (queries, changes) = (query(&ids), prop::collection::vec(change(), 12));
    let mut shown = 0;
    for round in 0..250 {
        let mut query = draw(&mut runner, &queries);
        if query.get("aggregate").is_some() || query.get("groupBy").is_some() {
            continue;
        }
        query["fields"] = json!(["id"]);
        query.as_object_mut().unwrap().remove("meta");
        *upcoming.lock().unwrap() = draw(&mut runner, &changes);
        let caller = Caller::user(user(Role::Admin, CALLERS[round % CALLERS.len()]));
        let Ok(answer) = list(&context, &caller, &raw(&query)).await else { continue };
        let found = ids_of(&answer);
        let once: std::collections::BTreeSet<&String> = found.iter().collect();
        assert_eq!(once.len(), found.len(), "{query}: a row is listed twice");
        // All rows that match and are not touched, in their order.
        let mut all = query.clone();
        all.as_object_mut().unwrap().retain(|name, _| !["limit", "offset", "page"].contains(&name.as_str()));
        let all = with(&all, json!({"limit": -1}));
        let budget = Budget::default();
        let session = Session::new(&caller, noon(), &budget);
        let wanted = ids_of(&over_everything(server.context(), session, &all, &still).await.unwrap());
        let found: Vec<&String> = found.iter().filter(|id| wanted.contains(id)).collect();
        shown += found.len();
        // A window without gaps: what others insert and delete before it may only move it.
        let start = found.first().and_then(|first| wanted.iter().position(|id| id == *first)).unwrap_or(0);
        let window: Vec<&String> = wanted.iter().skip(start).take(found.len()).collect();
        assert_eq!(found, window, "{query}");
        if query["limit"] == -1 && query["offset"].as_i64().unwrap_or(0) == 0 && query.get("page").is_none() {
            assert_eq!(found.len(), wanted.len(), "{query}");
        }
    }
    assert!(shown > 1_000 && made.load(Ordering::Relaxed) > 300, "{shown} rows, {made:?} changes");
    server.stop().await;
}

/// Rows of one status, minute by minute.
fn of_status(status: Status, count: i64) -> Vec<Reservation> {
    let row = |minute| {
        let row = json!({
            "id": Uuid::new_v4(), "reserved_for": "A", "code_type": "sgtin", "quantity": 5, "status": status,
            "date_created": Timestamp::new(noon().time() + chrono::TimeDelta::minutes(minute)),
            "incarnation": Uuid::new_v4(), "version": 1, "seeded": true,
        });
        serde_json::from_value(row).unwrap()
    };
    (0..count).map(row).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_changes_from_one_listed_status_to_another_is_listed_once() {
    use Status::{Complete, Error, InProgress, New};
    let moves = [
        (New, InProgress, json!(["new", "in_progress"])),
        (InProgress, Complete, json!(["in_progress", "complete"])),
        (InProgress, Error, json!(["new", "in_progress", "error"])),
        (New, Error, json!(["new", "in_progress", "error"])),
        (Complete, InProgress, json!(["in_progress", "complete"])),
        (Error, InProgress, json!(["new", "in_progress", "error"])),
    ];
    for (from, to, statuses) in moves {
        for limit in [-1, 9] {
            // Before each read in turn, all rows change their status at once.
            for step in 0..12 {
                let server = Setup::new().paused().parameter("Shards", 2).start().await;
                let rows = of_status(from, 30);
                store(server.context(), &rows).await;
                store(server.context(), &of_status(to, 10)).await;
                let calls = Arc::new(AtomicUsize::new(0));
                let (writer, old) = (Arc::clone(server.context()), rows.clone());
                let context = meanwhile(
                    &server,
                    |_| {},
                    move || {
                        let call = calls.fetch_add(1, Ordering::SeqCst);
                        let (writer, old) = (Arc::clone(&writer), old.clone());
                        async move {
                            if call == step {
                                let moved = |row: &Reservation| Reservation { status: to, version: 2, ..row.clone() };
                                let edits: Vec<_> = old.iter().map(|row| (row.clone(), moved(row))).collect();
                                assert_eq!(writer.store().replace(&edits).await.unwrap(), Written::Done);
                            }
                        }
                        .boxed()
                    },
                );
                let query = json!({"filter": {"status": {"_in": statuses}}, "sort": ["date_created"], "limit": limit,
                    "fields": ["id", "date_created"]});
                let caller = Caller::user(user(Role::Admin, None));
                let answer = list(&context, &caller, &raw(&query)).await.unwrap();
                let found = ids_of(&answer);
                let what = format!("{from} to {to} before call {step}, limit {limit}");
                let once: std::collections::BTreeSet<&String> = found.iter().collect();
                assert_eq!(once.len(), found.len(), "{what}");
                let wanted = if limit == 9 { 9 } else { 40 };
                assert_eq!(found.len(), wanted, "{what}");
                let times: Vec<&str> =
                    answer.data.as_array().unwrap().iter().map(|row| row["date_created"].as_str().unwrap()).collect();
                assert!(times.is_sorted(), "{what}: {times:?}");
                server.stop().await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_of_many_rows_is_read_in_rounds_and_each_row_is_listed_once() {
    let server = Setup::new().paused().parameter("Shards", 2).start().await;
    let mut all = Vec::new();
    for (status, count) in [(Status::New, 17), (Status::InProgress, 60), (Status::Error, 140)] {
        let rows = of_status(status, count);
        store(server.context(), &rows).await;
        all.extend(rows);
    }
    let caller = Caller::user(user(Role::Admin, None));
    for (sort, descending) in [("date_created", false), ("-date_created", true)] {
        all.sort_by_key(|row| (row.date_created, row.id));
        if descending {
            all.reverse();
        }
        for offset in [0, 1, 50, 120, 200] {
            let query = json!({"filter": {"status": {"_neq": "complete"}}, "sort": [sort], "limit": 25,
                "offset": offset, "fields": ["id"]});
            let found = ids_of(&list(server.context(), &caller, &raw(&query)).await.unwrap());
            let wanted: Vec<String> = all.iter().skip(offset).take(25).map(|row| row.id.to_string()).collect();
            assert_eq!(found, wanted, "{sort} from {offset}");
        }
    }
    server.stop().await;
}
