//! `admin check` ends while the deployment grows: it is about what existed when it began.

use std::{
    collections::BTreeMap,
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use admin::failure::Exit;
use common::reservation::Reservation;
use serde_json::{Value, json};

use super::{Ran, admin, body, operated, reserve, text};
use crate::{
    admin::valid,
    support::{api::sgtin, harness::Running, rows::reservation},
};

/// Reservations before the check begins: some pages.
const BEFORE: usize = 250;

/// Reservations that are added meanwhile, unless the check ends. It would have to read every one of them.
const MOST: usize = 40_000;

fn summary(ran: &Ran) -> Value {
    assert_eq!(ran.exit, Exit::Done, "{ran:?}");
    valid("check_summary", ran.out.lines().last().unwrap())
}

async fn add(running: &Running, number: usize) {
    let now = running.context().now();
    let row = || Reservation { date_created: Some(now), progress_at: Some(now), ..reservation(&sgtin(1)) };
    let rows: Vec<Reservation> = (0..number).map(|_| row()).collect();
    for rows in rows.chunks(50) {
        running.store().create(rows, None).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_ends_although_reservations_are_created_faster_than_it_reads_them() {
    let running = Arc::new(operated().paused().start().await);
    add(&running, BEFORE).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let grower = {
        let (running, is_over) = (Arc::clone(&running), Arc::clone(&is_over));
        tokio::spawn(async move {
            let mut added = 0;
            while !is_over.load(Ordering::Relaxed) && added < MOST {
                add(&running, 100).await;
                added += 100;
            }
            added
        })
    };
    let ran = admin(&running, &["check", "--json"]).await;
    is_over.store(true, Ordering::Relaxed);
    let added = grower.await.unwrap();
    assert!(added < MOST, "the check read {} reservations before it ended", summary(&ran)["reservations"]);
    assert!(summary(&ran)["reservations"].as_u64().unwrap() >= BEFORE as u64, "{ran:?}");
    Arc::into_inner(running).unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_leaves_out_what_is_younger_and_says_so_also_when_it_is_continued() {
    let running = operated().paused().start().await;
    reserve(&running, &body("sscc", 10, "csv")).await;
    let folder = tempfile::tempdir().unwrap();
    let cursor = folder.path().join("cursor.json");
    let run = async |begun: Option<&str>| {
        let counts = ["pools", "ranges", "organisations", "reservations", "files", "objects", "breaches"];
        let begin = json!({
            "deployment": running.context().config().tables.pools, "phase": "pools", "shard": 0, "after": null,
            "begun": begun, "counts": BTreeMap::from(counts.map(|name| (name, 0))),
        });
        fs::write(&cursor, begin.to_string()).unwrap();
        let ran = admin(&running, &["check", "--grace", "0", "--cursor", text(&cursor), "--json"]).await;
        let of_people = admin(&running, &["check", "--grace", "0"]).await;
        assert!(of_people.out.starts_with("Of what existed at 2"), "{of_people:?}");
        summary(&ran)
    };
    let old = run(Some("2020-01-01T00:00:00.000Z")).await;
    assert_eq!(old["begun"], "2020-01-01T00:00:00.000Z");
    assert_eq!((&old["reservations"], &old["files"], &old["objects"]), (&json!(0), &json!(0), &json!(0)), "{old}");
    // A cursor of an earlier version does not say when it began.
    let now = run(None).await;
    assert_eq!((&now["reservations"], &now["files"], &now["objects"]), (&json!(1), &json!(1), &json!(1)), "{now}");
    running.stop().await;
}
