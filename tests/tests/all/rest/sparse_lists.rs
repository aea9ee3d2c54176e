//! Lists of which few entries match, or whose entries are behind: a page is full as soon as its rows are found, and no row is
//! left out.

use std::collections::BTreeMap;

use common::{
    operations::OperationError,
    reservation::{Reservation, Status, Timestamp},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::compared::{self, World};
use crate::support::{
    api::RESERVATIONS,
    counting::{Reads, total},
    harness::{Setup, TOKEN},
    rows::{noon, reservation, store},
    tallies::tallied,
};

/// A row, a minute after the one before; all of them are complete.
fn row(n: usize) -> Reservation {
    let input = json!({"reserved_for": "A", "code_type": "sgtin", "quantity": 1,
        "product": "/01/09521234543213", "reference_id": format!("PO-{n}")});
    let mut row = reservation(&input);
    row.id =
        Uuid::from_u128(0x0180_0000_0000_4000_8000_0000_0000_0000 + (n as u128).wrapping_mul(0x9E37_79B9) % (1 << 40));
    row.date_created = Some(Timestamp::new(noon().time() + chrono::TimeDelta::minutes(n as i64)));
    row.status = Status::Complete;
    row.seeded = true;
    row
}

impl World {
    /// The ids that a query shows, and what it read.
    async fn ids(&self, query: &Value) -> Result<(Vec<Uuid>, BTreeMap<&'static str, Reads>), OperationError> {
        self.counter.take();
        let answer = compared::answer(&self.context, None, query).await?;
        let id = |row: &Value| row["id"].as_str().unwrap().parse().unwrap();
        Ok((answer.data.as_array().unwrap().iter().map(id).collect(), self.counter.take()))
    }

    /// The same over all rows, without those that are gone.
    fn expected(&self, query: &Value, gone: &[Uuid]) -> Vec<Uuid> {
        let all = self.all.iter().filter(|row| !gone.contains(&row.id));
        let answer = compared::expected(all, None, query);
        let id = |row: &Value| row["id"].as_str().unwrap().parse().unwrap();
        answer.data.as_array().unwrap().iter().map(id).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_whose_row_is_gone_makes_room_for_the_next_match() {
    let folder = tempfile::tempdir().unwrap();
    let all: Vec<Reservation> = (0..200)
        .map(|n| {
            let mut row = row(n);
            row.code_type = Some(["sgtin", "grai"][n / 3 % 2].to_owned());
            row
        })
        .collect();
    let world = World::of(all, 2, 100_000, Some(folder.path())).await;
    let newest: Vec<Uuid> = world.all.iter().rev().map(|row| row.id).take(60).collect();
    // As on AWS, where indexes are behind for a moment: the entries stay.
    let gone = [newest[4], newest[10], newest[11], newest[40]];
    let tables = rusqlite::Connection::open(folder.path().join("tables.db")).unwrap();
    for id in gone {
        let sql = "DELETE FROM \"code-reservation-ReservationsTable\" WHERE pk = ?1";
        assert_eq!(tables.execute(sql, [format!("S:{id}")]).unwrap(), 1);
    }
    for query in [
        json!({"filter": {"code_type": {"_eq": "grai"}}, "sort": ["-date_created"]}),
        json!({"filter": {"code_type": {"_neq": "sgtin"}}, "sort": ["-date_created"]}),
        json!({"filter": {"code_type": {"_neq": "sgtin"}}, "sort": ["code_type", "-date_created"]}),
        json!({"filter": {"reference_id": {"_contains": "1"}}, "sort": ["-date_created", "id"]}),
        json!({"sort": ["-date_created"]}),
        json!({"sort": ["quantity", "-date_created"]}),
    ] {
        for limit in [1, 2, 5, 10, 50] {
            let mut query = query.clone();
            query["limit"] = json!(limit);
            let (ids, _) = world.ids(&query).await.unwrap();
            assert_eq!(ids, world.expected(&query, &gone), "{query}");
        }
    }
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_shown_as_soon_as_it_is_full() {
    let all: Vec<Reservation> = (0..1_500)
        .map(|n| {
            let mut row = row(n);
            row.code_type = Some(if n >= 1_490 { "grai" } else { "sgtin" }.to_owned());
            row
        })
        .collect();
    for shards in [1, 4] {
        let world = World::of(all.clone(), shards, 1_000, None).await;
        for limit in [1, 10] {
            let query = json!({"filter": {"code_type": {"_eq": "grai"}}, "sort": ["-date_created"], "limit": limit});
            let (ids, reads) = world.ids(&query).await.unwrap();
            assert_eq!(ids, world.expected(&query, &[]), "{query}");
            let entries = reads["Query"].items;
            assert!(entries <= 100 * shards as usize, "{query}: {entries} entries");
        }
        // One more than there are is not to be found within the limit.
        let query = json!({"filter": {"code_type": {"_eq": "grai"}}, "sort": ["-date_created"], "limit": 11});
        assert!(matches!(world.ids(&query).await, Err(OperationError::InvalidQuery(_))));
        world.server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_one_time_take_few_calls() {
    let all: Vec<Reservation> = (0..1_400)
        .map(|n| {
            let mut row = row(n);
            row.date_created = Some(noon());
            row
        })
        .collect();
    let world = World::of(all, 2, 100_000, None).await;
    for sort in [["date_created", "-id"], ["-date_created", "id"]] {
        let query = json!({"sort": sort, "limit": 1});
        let (ids, reads) = world.ids(&query).await.unwrap();
        assert_eq!(ids, world.expected(&query, &[]), "{query}");
        assert!(reads["Query"].calls <= 40, "{query}: {reads:?}");
    }
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_of_several_statuses_are_not_read_again_and_again() {
    let all: Vec<Reservation> = (0..901)
        .map(|n| {
            let mut row = row(n);
            row.status = match n % 25 {
                0 => Status::New,
                1 => Status::Error,
                _ => Status::Complete,
            };
            row.code_type = Some(if n % 41 == 0 { "grai" } else { "sgtin" }.to_owned());
            row
        })
        .collect();
    for shards in [1, 3] {
        let world = World::of(all.clone(), shards, 1_000, None).await;
        for statuses in [json!({"_in": ["new", "complete"]}), json!({"_neq": "error"}), json!({"_neq": "new"})] {
            let filter = json!({"status": statuses, "code_type": {"_eq": "grai"}});
            let query = json!({"filter": filter, "sort": ["-date_created"], "limit": 10});
            let (ids, reads) = world.ids(&query).await.unwrap_or_else(|error| panic!("{query}: {error:?}"));
            assert_eq!(ids, world.expected(&query, &[]), "{query}");
            assert!(reads["Query"].items <= 1_000, "{query}: {reads:?}");
        }
        world.server.stop().await;
    }
}

/// Rows of `statuses`, so many of each, the oldest first.
fn in_turn(statuses: &[(Status, usize)]) -> Vec<Reservation> {
    let statuses = statuses.iter().flat_map(|(status, count)| std::iter::repeat_n(*status, *count));
    let row_of = |(n, status)| Reservation { status, ..row(n) };
    statuses.enumerate().map(row_of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_several_statuses_is_shown_as_soon_as_it_is_full() {
    // The matches are the newest rows; no older one has their type.
    let mut all = in_turn(&[(Status::Error, 1_500), (Status::New, 10)]);
    all.iter_mut().rev().take(10).for_each(|row| row.code_type = Some("grai".to_owned()));
    for shards in [1, 4] {
        let world = World::of(all.clone(), shards, 1_000, None).await;
        for status in
            [json!({"_neq": "complete"}), json!({"_in": ["error", "new"]}), json!({"_in": ["in_progress", "new"]})]
        {
            let query = |limit: usize| {
                let filter = json!({"status": status, "code_type": {"_eq": "grai"}});
                json!({"filter": filter, "sort": ["-date_created"], "limit": limit})
            };
            for limit in [1, 10] {
                let (ids, reads) = world.ids(&query(limit)).await.unwrap_or_else(|error| panic!("{status}: {error:?}"));
                assert_eq!(ids, world.expected(&query(limit), &[]), "{status}");
                assert!(reads["Query"].items <= 150 * shards as usize, "{status}: {reads:?}");
            }
            let further = world.ids(&query(11)).await;
            if status == json!({"_in": ["in_progress", "new"]}) {
                assert_eq!(further.unwrap().0.len(), 10);
            } else {
                assert!(matches!(further, Err(OperationError::InvalidQuery(_))), "{status}");
            }
        }
        world.server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn statuses_that_follow_one_another_in_time_are_read_once() {
    // Each status is read to the end of the other in many rounds; what lies beyond it is not read again each time.
    for (older, newer) in [(Status::Error, Status::InProgress), (Status::InProgress, Status::Error)] {
        let all = in_turn(&[(older, 3_000), (newer, 300), (older, 300), (Status::New, 40)]);
        // Those in progress are read twice.
        let world = World::of(all, 1, if older == Status::Error { 5_000 } else { 8_000 }, None).await;
        for sort in ["quantity", "-date_created", "date_created"] {
            let filter = json!({"status": {"_neq": "complete"}, "reference_id": {"_nnull": true}});
            for limit in [25, 3_640] {
                let query =
                    json!({"filter": filter, "sort": [sort, "-date_created"], "limit": limit, "fields": ["id"]});
                let (ids, _) = world.ids(&query).await.unwrap_or_else(|error| panic!("{query}: {error:?}"));
                assert_eq!(ids, world.expected(&query, &[]), "{query}");
            }
        }
        world.server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_rows_with_or_without_a_time_reads_a_page() {
    let mut all: Vec<Reservation> = (0..1_500).map(row).collect();
    all.iter_mut().skip(30).for_each(|row| row.date_created = None);
    for (all, test, sort) in [
        (all.clone(), json!({"_nnull": true}), "-date_created"),
        (all.clone(), json!({"_null": false}), "-date_created"),
        (
            (0..1_500)
                .map(row)
                .chain(
                    all.into_iter()
                        .skip(30)
                        .take(30)
                        .enumerate()
                        .map(|(n, old)| Reservation { id: Uuid::from_u128(n as u128 + 1), ..old }),
                )
                .collect(),
            json!({"_null": true}),
            "date_created",
        ),
    ] {
        let world = World::of(all, 2, 1_000, None).await;
        let query = json!({"filter": {"date_created": test}, "sort": [sort], "limit": 25});
        let (ids, reads) = world.ids(&query).await.unwrap_or_else(|error| panic!("{query}: {error:?}"));
        assert_eq!(ids, world.expected(&query, &[]), "{query}");
        assert_eq!(ids.len(), 25);
        assert!(reads["Query"].items <= 200, "{query}: {reads:?}");
        world.server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_users_id_is_found_in_any_case() {
    let user = "5F7e0a1b-0000-4000-8000-00000000000a";
    let all: Vec<Reservation> =
        (0..100).map(|n| Reservation { user_created: (n % 3 == 0).then(|| user.to_owned()), ..row(n) }).collect();
    let world = World::of(all, 2, 1_000, None).await;
    for filter in [
        json!({"user_created": {"_eq": user.to_lowercase()}}),
        json!({"user_created": {"_eq": user.to_lowercase()}, "reserved_for": {"_eq": "A"}}),
        json!({"user_created": {"_in": [user.to_uppercase()]}, "status": {"_eq": "complete"}}),
    ] {
        let query = json!({"filter": filter, "sort": ["-date_created"], "limit": 50});
        let (ids, _) = world.ids(&query).await.unwrap();
        assert_eq!(ids, world.expected(&query, &[]), "{query}");
        assert_eq!(ids.len(), 34, "{query}");
    }
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_entries_of_a_status_are_counted_and_not_read() {
    let all = in_turn(&[(Status::Complete, 200), (Status::Error, 4_200)]);
    let world = World::of(all, 1, 100_000, None).await;
    let query = json!({"filter": {"status": {"_eq": "error"}}, "limit": 150});
    let (ids, reads) = world.ids(&query).await.unwrap();
    assert_eq!(ids, world.expected(&query, &[]), "{query}");
    // 4,001 are counted, and the rest is read in the order of ids, in which few are complete.
    assert!(reads["Query"].items <= 4_500 && reads["Query"].calls <= 20, "{reads:?}");
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_are_answered_with_the_lowest_limit() {
    let server = Setup::new().paused().parameter("MaxScan", 1_000).parameter("Shards", 4).start().await;
    let all: Vec<Reservation> = (0..1_300).map(row).collect();
    store(server.context(), &all).await;
    for query in [
        json!({"aggregate": {"count": ["*"]}}),
        json!({"aggregate": {"count": ["*"]}, "groupBy": ["status"]}),
        json!({"limit": 1, "meta": "*"}),
        json!({"limit": 1, "meta": "*", "filter": {"code_type": {"_eq": "sgtin"}}}),
    ] {
        let answer = crate::support::harness::wait_until("the tallies", || async {
            let answer = compared::answer(server.context(), None, &query).await.ok()?;
            let counts = match &answer.meta {
                Some(meta) => serde_json::to_value(meta).unwrap()["filter_count"].clone(),
                None => answer.data[0]["count"].clone(),
            };
            // Groups show a number, an aggregate of all rows a text.
            (counts == json!(1_300) || counts == json!("1300")).then_some(())
        });
        answer.await;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_ends_when_its_page_is_full_and_the_next_page_goes_on_behind_it() {
    let mut all: Vec<Reservation> = (0..3_000).map(row).collect();
    all.sort_by_key(|row| row.id);
    // Few of the first rows match, so a large step is begun, and all of its rows do.
    let matching = |place: &usize| *place == 10 || *place >= 600;
    for place in (0..all.len()).filter(matching) {
        all[place].quantity = Some(77);
    }
    let world = World::of(all, 1, 100_000, None).await;
    for (offset, limit) in [(0, 25), (3, 25), (0, 1), (1, 130), (25, 500)] {
        let query = json!({"filter": {"quantity": {"_eq": 77}}, "limit": limit, "offset": offset});
        let (ids, reads) = world.ids(&query).await.unwrap();
        assert_eq!(ids, world.expected(&query, &[]), "{query}");
        // Up to 800 rows are read at a time; without an end, 2,125 rows are.
        let needed = 600 + offset + limit;
        assert!(reads["BatchGetItem"].items <= needed + 800 + limit, "{query}: {reads:?}");
    }
    // A number of matches that is asked for is that of all rows.
    let query = json!({"filter": {"quantity": {"_eq": 77}}, "limit": 25, "meta": "filter_count"});
    let (ids, reads) = world.ids(&query).await.unwrap();
    assert_eq!(ids, world.expected(&query, &[]));
    assert!(reads["BatchGetItem"].items >= 3_000, "{reads:?}");
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_many_partitions_takes_a_part_of_each() {
    let all: Vec<Reservation> = (0..1_000).map(row).collect();
    let world = World::of(all, 64, 100_000, None).await;
    for (query, most) in [
        (json!({"sort": ["-date_created"], "limit": 25}), 700),
        (json!({"sort": ["-date_created"], "limit": 25, "filter": {"status": {"_neq": "error"}}}), 1_200),
        (json!({"limit": 25}), 700),
    ] {
        let (ids, reads) = world.ids(&query).await.unwrap();
        assert_eq!(ids, world.expected(&query, &[]), "{query}");
        assert!(total(&reads).items <= most, "{query}: {reads:?}");
    }
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_found_in_time_is_shown_and_leaves_rows_for_its_counts() {
    let server = Setup::new().paused().parameter("MaxScan", 2_000).start().await;
    let mut all: Vec<Reservation> = (0..2_500).map(row).collect();
    all.sort_by_key(|row| row.id);
    for (place, quantity) in [(1_200, 77), (1_950, 78), (2_100, 79)] {
        all[place].quantity = Some(quantity);
    }
    store(server.context(), &all).await;
    tallied(server.context()).await;
    for (quantity, meta, expected) in
        [(77, "&meta=total_count", 200), (77, "", 200), (78, "", 200), (79, "", 400), (80, "", 400)]
    {
        let path = format!("{RESERVATIONS}?limit=1&fields=quantity&filter[quantity][_eq]={quantity}{meta}");
        // Also when token and user are read with the rows.
        for _ in 0..2 {
            let reply = server.get(&path, TOKEN).await;
            assert_eq!(reply.status, expected, "{path}: {}", reply.text);
            let body: Value = serde_json::from_str(&reply.text).unwrap();
            if expected == 200 {
                assert_eq!(body["data"], json!([{"quantity": quantity}]), "{path}");
            }
            if !meta.is_empty() {
                assert_eq!(body["meta"], json!({"total_count": 2_500}), "{path}");
            }
        }
    }
    server.stop().await;
}
