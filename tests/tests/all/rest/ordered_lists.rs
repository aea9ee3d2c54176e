//! Lists in the order of creation and lists by status read a page, however many rows there are.

use common::{
    directory::Role,
    operations::{Caller, Session, read},
    query::{Budget, RawQuery},
    reservation::{Reservation, Status, Timestamp},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    counting::{Counter, counted, total},
    harness::Setup,
    rows::{noon, reservation, store, user},
};

/// Rows in the table; each list below reads far fewer.
const ROWS: usize = 1_200;

const USER: &str = "b0b00000-0000-4000-8000-000000000002";

/// The n-th row: one minute after the one before, with an id that says nothing about its time. Most rows are complete, and
/// each hundred has one of each other status.
fn row(n: usize) -> Reservation {
    let (organisation, reference) = (["A", "B"][n % 2], format!("r{}", n % 3));
    let product = ["/01/09521234543213", "/01/09521234543220"][n % 2];
    let input = json!({"reserved_for": organisation, "code_type": "sgtin", "quantity": 5, "product": product,
        "reference_id": reference});
    let minutes = i64::try_from(n).unwrap();
    let mut row = reservation(&input);
    row.id = Uuid::new_v4();
    row.date_created = Some(Timestamp::new(noon().time() + chrono::TimeDelta::minutes(minutes)));
    row.status = [Status::New, Status::InProgress, Status::Error].get(n % 100).copied().unwrap_or(Status::Complete);
    row.seeded = true;
    if n.is_multiple_of(2) {
        row.user_created = Some(USER.to_owned());
    }
    row
}

/// A list of 25 ids, with the items that it read: index entries and rows.
async fn read_page(context: &common::context::Context, counter: &Counter, query: &Value) -> (Vec<String>, usize) {
    let caller = Caller::user(user(Role::Admin, None));
    let budget = Budget::default();
    let session = Session::new(&caller, noon(), &budget);
    let mut query = query.as_object().cloned().unwrap();
    query.insert("fields".to_owned(), json!(["id"]));
    query.entry("limit").or_insert(json!(25));
    counter.take();
    let (query, list) = read::list(context, session, &RawQuery::from_json(query)).await.unwrap();
    let data = list.into_answer(&query).unwrap().data;
    let ids = data.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    (ids, total(&counter.take()).items)
}

fn newest<'a>(rows: impl DoubleEndedIterator<Item = &'a Reservation>, count: usize) -> Vec<String> {
    rows.rev().take(count).map(|row| row.id.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_by_time_or_status_reads_its_page() {
    let server = Setup::new().paused().parameter("Shards", 2).start().await;
    let rows: Vec<Reservation> = (0..ROWS).map(row).collect();
    store(server.context(), &rows).await;
    let (context, counter) = counted(&server.system, |_| ());
    let sorted = |filter: Value| json!({"sort": ["-date_created"], "filter": filter});
    let at = |n: usize| rows[n].date_created.unwrap().to_string();
    type Keep<'a> = Box<dyn Fn(&Reservation) -> bool + 'a>;
    let last_ten = at(ROWS - 10);
    let cases: Vec<(Value, Keep<'_>)> = vec![
        (json!({"sort": ["-date_created"]}), Box::new(|_| true)),
        (sorted(json!({"reserved_for": {"_eq": "A"}})), Box::new(|row| row.reserved_for.as_deref() == Some("A"))),
        (sorted(json!({"reference_id": {"_eq": "r1"}})), Box::new(|row| row.reference_id.as_deref() == Some("r1"))),
        (
            sorted(json!({"product": {"_eq": "/01/09521234543220"}})),
            Box::new(|row| row.product.as_deref() == Some("/01/09521234543220")),
        ),
        (sorted(json!({"user_created": {"_eq": USER}})), Box::new(|row| row.user_created.as_deref() == Some(USER))),
        (sorted(json!({"status": {"_eq": "error"}})), Box::new(|row| row.status == Status::Error)),
        (sorted(json!({"status": {"_neq": "complete"}})), Box::new(|row| row.status != Status::Complete)),
        (
            sorted(json!({"_and": [{"status": {"_in": ["new", "in_progress"]}}, {"reserved_for": {"_eq": "B"}}]})),
            Box::new(|row| row.status == Status::InProgress),
        ),
        (
            sorted(json!({"date_created": {"_gte": last_ten}})),
            Box::new(|row| row.date_created >= Timestamp::parse(&last_ten)),
        ),
    ];
    for (query, keep) in &cases {
        let (ids, read) = read_page(&context, &counter, query).await;
        assert_eq!(ids, newest(rows.iter().filter(|row| keep(row)), 25), "{query}");
        // At most a page of entries from each of two shards and four statuses, and the rows of the page.
        assert!(read <= 25 * 2 * 4 + 25, "{query}: {read} items");
    }
    // Oldest first, and later pages: entries are skipped, rows are not read.
    let (ids, _) = read_page(&context, &counter, &json!({"sort": ["date_created"]})).await;
    assert_eq!(ids, rows.iter().take(25).map(|row| row.id.to_string()).collect::<Vec<_>>());
    let (ids, read) = read_page(&context, &counter, &json!({"sort": ["-date_created"], "offset": 500})).await;
    assert_eq!(ids, newest(rows[..ROWS - 500].iter(), 25));
    assert!(read <= 2 * 550 + 25, "{read} items");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rare_status_in_the_order_of_ids_does_not_read_the_table() {
    let server = Setup::new().paused().start().await;
    let mut rows: Vec<Reservation> = (0..ROWS).map(row).collect();
    store(server.context(), &rows).await;
    let (context, counter) = counted(&server.system, |_| ());
    rows.retain(|row| row.status == Status::Error);
    rows.sort_by_key(|row| row.id);
    let filter = json!({"status": {"_eq": "error"}});
    for (offset, sort) in [(0, "id"), (5, "id"), (0, "-id")] {
        let (ids, read) =
            read_page(&context, &counter, &json!({"filter": filter, "sort": [sort], "limit": 5, "offset": offset}))
                .await;
        let mut wanted: Vec<String> = rows.iter().map(|row| row.id.to_string()).collect();
        if sort == "-id" {
            wanted.reverse();
        }
        assert_eq!(ids, wanted[offset..offset + 5], "{sort} from {offset}");
        // The first hundred rows by id, then the entries of the status and their rows.
        assert!(read <= 2 * 100 + 2 * rows.len(), "{sort} from {offset}: {read} items");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_one_moment_are_listed_by_id_in_the_direction_that_is_asked_for() {
    let server = Setup::new().paused().parameter("Shards", 2).start().await;
    let mut rows: Vec<Reservation> = (0..60).map(row).collect();
    for (n, row) in rows.iter_mut().enumerate() {
        let minutes = i64::try_from(n / 20).unwrap();
        row.date_created = Some(Timestamp::new(noon().time() + chrono::TimeDelta::minutes(minutes)));
    }
    store(server.context(), &rows).await;
    let (context, counter) = counted(&server.system, |_| ());
    let sorts: [(&[&str], bool, bool); 6] = [
        (&["date_created"], false, false),
        (&["date_created", "id"], false, false),
        (&["date_created", "-id"], false, true),
        (&["-date_created"], true, true),
        (&["-date_created", "id"], true, false),
        (&["-date_created", "-id"], true, true),
    ];
    for (sort, times, ids) in sorts {
        let mut wanted: Vec<&Reservation> = rows.iter().collect();
        wanted.sort_by(|a, b| {
            let (by_time, by_id) = (a.date_created.cmp(&b.date_created), a.id.cmp(&b.id));
            let turned = |order: std::cmp::Ordering, turn: bool| if turn { order.reverse() } else { order };
            turned(by_time, times).then(turned(by_id, ids))
        });
        for offset in [0, 7, 19, 41] {
            let (shown, _) = read_page(&context, &counter, &json!({"sort": sort, "limit": 13, "offset": offset})).await;
            let wanted: Vec<String> = wanted.iter().skip(offset).take(13).map(|row| row.id.to_string()).collect();
            assert_eq!(shown, wanted, "{sort:?} from {offset}");
        }
    }
    server.stop().await;
}
