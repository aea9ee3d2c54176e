//! Each command while eight clients use the service: it does its work, and what it does breaks nothing.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use admin::failure::Exit;
use common::reservation::Status;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{ORGANISATION, admin, body, operated, text};
use crate::{
    admin::valid,
    support::{
        api::{Api, RESERVATIONS, id},
        harness::{completed, wait_until},
        invariants::assert_settled,
    },
};

/// Reservations that one client makes. After them it reads, so that the work of a check has an end on any machine.
const ROUNDS: usize = 12;

/// What one client does until it is told to stop: it creates, reads, lists, writes files again and deletes.
async fn client(api: Api, number: usize, stop: Arc<AtomicBool>, done: Arc<AtomicUsize>) {
    let types = ["sscc", "sgtin", "giai", "gsrn", "short_code"];
    for round in (number..).step_by(8) {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        if round < number + 8 * ROUNDS {
            let code_type = types[round % types.len()];
            let posted = api.post(&body(code_type, 1 + (round as u64 * 7) % 60, "csv")).await;
            let object = completed(&api, id(&posted)).await;
            let codes = format!("/items/unique_code?filter[reservation][_eq]={}&limit=3", id(&posted));
            assert_eq!(api.send("GET", &codes).await.status, 200);
            match round % 3 {
                0 => {
                    api.patch(id(&object), &json!({"status": "new", "export_type": "json"})).await;
                    completed(&api, id(&object)).await;
                }
                1 => api.delete(id(&object)).await,
                _ => {}
            }
        }
        assert_eq!(api.send("GET", &format!("{RESERVATIONS}?sort=-date_created&limit=5")).await.status, 200);
        done.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_works_while_eight_clients_use_the_service() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let running = operated().data_dir(&data).start().await;
    let known = completed(&running.api, id(&running.api.post(&body("sscc", 5, "csv")).await)).await;
    let begun = chrono::Utc::now();
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut clients = JoinSet::new();
    for number in 0..8 {
        clients.spawn(client(running.api.clone(), number, Arc::clone(&stop), Arc::clone(&done)));
    }
    wait_until("every client works", async || (done.load(Ordering::Relaxed) >= 8).then_some(())).await;

    let issued = folder.path().join("issued.txt");
    let cursor = folder.path().join("cursor.json");
    let known_id = id(&known).to_owned();
    let at = begun.to_rfc3339();
    let mut burned = 0_u64;
    for round in 0..2 {
        let run = async |schema: &str, arguments: &[&str]| -> Value {
            let arguments = [arguments, &["--json"]].concat();
            let ran = admin(&running, &arguments).await;
            assert_eq!(ran.exit, Exit::Done, "{arguments:?}: {ran:?}");
            // A check prints a line for each breach, and its summary last.
            let is_lines = schema == "check_summary";
            valid(schema, if is_lines { ran.out.lines().last().unwrap_or_default() } else { &ran.out })
        };
        let before = done.load(Ordering::Relaxed);
        assert!(run("pools", &["pool", "list"]).await.as_array().unwrap().len() >= 5);
        run("pool", &["pool", "show", "sscc#9506000#18"]).await;
        assert_eq!(run("pool_verify", &["pool", "verify"]).await["breaches"], json!([]));
        // The pool moves on meanwhile, so a number that was read may be behind it by then.
        let next = run("pool", &["pool", "show", "gsrn#9506000#18"]).await["next"].as_u64().unwrap();
        let to = (next + 50).to_string();
        let ran = admin(&running, &["pool", "advance", "gsrn#9506000#18", "--to", &to, "--yes", "--json"]).await;
        match ran.exit {
            Exit::Done => burned += valid("pool_advance", &ran.out)["burned"].as_u64().unwrap(),
            exit => assert_eq!(exit, Exit::Refused, "{ran:?}"),
        }
        fs::write(&issued, "(00)095060000000000015\n").unwrap();
        run("pool_advance", &["pool", "advance", "sscc#9506000#18", "--issued", text(&issued), "--yes"]).await;
        let shown = run("reservation", &["reservation", "show", &known_id]).await;
        assert_eq!(shown["status"], "complete", "{shown}");
        run("reservation_retry", &["reservation", "retry", &known_id, "--again"]).await;
        run("reservation", &["reservation", "wait", &known_id]).await;
        run("reservation_stuck", &["reservation", "stuck"]).await;
        run("failures", &["failures", "list"]).await;
        run("failures_replay", &["failures", "replay", "--yes"]).await;
        let verdict = run("code_verify", &["code", "verify", "(00)095060000000000015"]).await;
        assert_eq!((&verdict["issued"], &verdict["found"][0]["organisation"]), (&json!(true), &json!(ORGANISATION)));
        let summary = run("check_summary", &["check", "--cursor", text(&cursor)]).await;
        assert_eq!(summary["breaches"], 0, "round {round}: {summary}");
        // The tables are those of now, so nothing is ahead of them but what ends meanwhile.
        let ran = admin(&running, &["restore-check", "--at", &at, "--list", "--json"]).await;
        assert!([Exit::Done, Exit::Refused].contains(&ran.exit), "{ran:?}");
        valid("restore_check", &ran.out);
        run("users", &["user", "list"]).await;
        run("organisations", &["organisation", "list"]).await;
        run("audits", &["audit", "--limit", "5"]).await;
        wait_until("the clients go on", async || (done.load(Ordering::Relaxed) > before + 4).then_some(())).await;
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = clients.join_next().await {
        ended.unwrap();
    }
    assert!(burned > 0, "the pool was moved at least once");
    let item = running.store().reservation(known_id.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(item.status, Status::Complete);
    assert_settled(running.context()).await;
    assert_eq!(admin(&running, &["check", "--grace", "0"]).await.exit, Exit::Done);
    running.stop().await;
}
