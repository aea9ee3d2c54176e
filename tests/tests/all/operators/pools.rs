//! `admin pool`.

use std::{io::Write, time::Duration};

use admin::failure::Exit;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::{ORGANISATION, admin, admin_json, body, codes, delete_range, edit_pools, operated, reserve, text};
use crate::admin::valid;
use crate::support::{
    api::id,
    harness::{Running, completed},
    invariants::{assert_consistent, everything},
};

const SSCC: &str = "sscc#9506000#18";
const SGTIN: &str = "sgtin#09506000134352#8";

#[tokio::test(flavor = "multi_thread")]
async fn pools_are_listed_with_how_full_and_how_fast_they_are() {
    let running = operated().paused().start().await;
    assert_eq!(admin_json(&running, "pools", &["pool", "list"]).await, json!([]));
    assert_eq!(admin(&running, &["pool", "list"]).await.out, "There are no pools.\n");
    reserve(&running, &body("sscc", 60, "csv")).await;
    reserve(&running, &body("sgtin", 3, "csv")).await;
    // Codes that were given up are used, and were not reserved by anybody.
    assert_eq!(admin(&running, &["pool", "advance", SSCC, "--to", "100", "--yes"]).await.exit, Exit::Done);
    let list = admin_json(&running, "pools", &["pool", "list"]).await;
    let sscc = &list[1];
    assert_eq!(list[0]["namespace"], SGTIN);
    assert_eq!((&sscc["next"], &sscc["capacity"]), (&json!(100), &json!(10_000_000_000_u64)));
    assert_eq!(sscc["codes_a_day"], 2.0, "60 codes in 30 days");
    assert_eq!(sscc["is_estimate"], false);
    // Five billion days are beyond the calendar.
    assert_eq!(sscc["used_up_on"], Value::Null);
    let page = admin_json(&running, "pools", &["pool", "list", "--limit", "1", "--after", SGTIN]).await;
    assert_eq!((page.as_array().unwrap().len(), &page[0]["namespace"]), (1, &json!(SSCC)));
    let some = admin_json(&running, "pools", &["pool", "list", "--begins", "sg"]).await;
    assert_eq!((some.as_array().unwrap().len(), &some[0]["namespace"]), (1, &json!(SGTIN)));
    let people = admin(&running, &["pool", "list"]).await.out;
    assert!(people.contains("sscc#9506000#18") && people.contains("10,000,000,000"), "{people}");

    let shown = admin_json(&running, "pool", &["pool", "show", SGTIN]).await;
    assert_eq!((&shown["only_organisation"], &shown["secret_fits"]), (&json!(ORGANISATION), &json!(true)));
    assert_eq!((&shown["company_prefix"], &shown["prefix_claimed"]), (&Value::Null, &Value::Null));
    let shown = admin_json(&running, "pool", &["pool", "show", SSCC]).await;
    assert_eq!((&shown["only_organisation"], &shown["prefix_claimed"]), (&Value::Null, &json!(true)));
    for (arguments, exit) in [
        (&["pool", "show", "sscc#1234567#18"][..], Exit::Refused),
        (&["pool", "show", "nonsense"], Exit::WrongUse),
        (&["pool", "list", "--limit", "0"], Exit::WrongUse),
    ] {
        assert_eq!(admin(&running, arguments).await.exit, exit, "{arguments:?}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_fills_up_says_on_which_day() {
    let running = operated().paused().start().await;
    let small =
        crate::support::api::with(&body("sgtin", 60, "csv"), json!({ "character_set": "numeric", "length": 6 }));
    reserve(&running, &small).await;
    let shown = admin_json(&running, "pool", &["pool", "show", "sgtin#09506000134352#6"]).await;
    // 39 of 99 codes are left, at two a day.
    let day = (chrono::Utc::now() + chrono::TimeDelta::days(19)).date_naive();
    let days: Vec<String> = [day.pred_opt().unwrap(), day].iter().map(ToString::to_string).collect();
    assert!(days.iter().any(|day| shown["used_up_on"] == **day), "{shown}");
    assert_eq!(shown["used_percent"], 60.61);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_is_moved_past_codes_and_never_back() {
    let running = operated().paused().start().await;
    reserve(&running, &body("sscc", 10, "csv")).await;
    let before = everything(running.context()).await;
    for (to, exit, reason) in [
        ("9", Exit::Refused, "cannot go back"),
        ("0", Exit::Refused, "cannot go back"),
        ("10000000001", Exit::Refused, "beyond"),
        ("-1", Exit::WrongUse, "to"),
        ("18446744073709551616", Exit::WrongUse, "to"),
    ] {
        let to = format!("--to={to}");
        let ran = admin(&running, &["pool", "advance", SSCC, &to, "--yes"]).await;
        assert_eq!(ran.exit, exit, "{to}: {ran:?}");
        assert!(ran.err.contains(reason), "{to}: {ran:?}");
    }
    for arguments in [
        // Nobody can be asked without a terminal.
        &["pool", "advance", SSCC, "--to", "50"][..],
        &["pool", "advance", SSCC, "--yes"],
        &["pool", "advance", SSCC, "--to", "50", "--issued", "x", "--yes"],
    ] {
        assert_eq!(admin(&running, arguments).await.exit, Exit::WrongUse, "{arguments:?}");
    }
    let missing = admin(&running, &["pool", "advance", "giai#9506000#8", "--to", "5", "--yes"]).await;
    assert_eq!(missing.exit, Exit::Refused, "{missing:?}");
    assert_eq!(everything(running.context()).await, before, "nothing was changed");

    let advance =
        async |to: &str| admin_json(&running, "pool_advance", &["pool", "advance", SSCC, "--to", to, "--yes"]).await;
    assert_eq!(advance("50").await, json!({ "namespace": SSCC, "from": 10, "to": 50, "burned": 40 }));
    assert_eq!(advance("50").await, json!({ "namespace": SSCC, "from": 50, "to": 50, "burned": 0 }));
    let audits = running.store().audits(("0", "z"), 10, |_| true).await.unwrap();
    assert_eq!(audits.len(), 1, "one change, one row: {audits:?}");
    assert_eq!((audits[0].action.as_str(), audits[0].object.as_str()), ("pool.advance", "pool sscc#9506000#18"));
    assert_eq!((&audits[0].before["next"], &audits[0].after["next"]), (&json!(10), &json!(50)));
    let next = reserve(&running, &body("sscc", 2, "csv")).await;
    assert_eq!(codes(&running.api, &next).await[0][0], "095060000000000503");
    let stored = assert_consistent(running.context()).await;
    assert_eq!(stored.state.ranges.iter().filter(|range| range.reservation.is_none()).count(), 1);
    assert_eq!(admin(&running, &["pool", "verify"]).await.exit, Exit::Done);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_of_an_old_system_make_and_move_the_pool_that_counts_up() {
    let running = operated().paused().start().await;
    let file = |text: &str| {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    };
    let issued = async |namespace: &str, text_of: &str| {
        let file = file(text_of);
        admin(&running, &["pool", "advance", namespace, "--issued", text(file.path()), "--yes"]).await
    };
    // The highest is not the last one.
    let ran = issued(SSCC, "(00)095060000000000503\r\n\nhttps://id.example/00/095060000000004211\n").await;
    assert_eq!(ran.exit, Exit::Done, "{ran:?}");
    let next = reserve(&running, &body("sscc", 1, "csv")).await;
    assert_eq!(codes(&running.api, &next).await[0][0], "095060000000004228");
    // Codes that the pool is past are no mistake, and change nothing.
    let before = everything(running.context()).await;
    assert_eq!(issued(SSCC, "095060000000000503\n").await.exit, Exit::Done);
    let wrong = issued(SSCC, "095060000000000503\n095060000000000504\n").await;
    assert_eq!((wrong.exit, wrong.err.contains("Line 2 ")), (Exit::WrongUse, true), "{wrong:?}");
    assert_eq!(issued("gsrn#9506000#18", "").await.exit, Exit::WrongUse);
    assert_eq!(everything(running.context()).await, before);
    reserve(&running, &body("sgtin", 3, "csv")).await;
    let random = issued(SGTIN, "(01)09506000134352(21)abcdefgh\n").await;
    assert_eq!((random.exit, random.err.contains("look random")), (Exit::Refused, true), "{random:?}");
    // The pool that was made has claimed its prefix, and one that is nested in it is refused.
    let nested = admin(&running, &["pool", "advance", "gsrn#95060001#18", "--to", "5", "--yes"]).await;
    assert_eq!((nested.exit, nested.err.contains("company prefix")), (Exit::Refused, true), "{nested:?}");
    assert_consistent(running.context()).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_is_moved_while_clients_reserve_in_it() {
    let running = operated().start().await;
    let clients = async {
        let mut ids = Vec::new();
        for _ in 0..30 {
            ids.push(id(&running.api.post(&body("sscc", 7, "csv")).await).to_owned());
        }
        for id in ids {
            completed(&running.api, &id).await;
        }
    };
    let operator = async {
        for to in (1..=15).map(|step| (step * 1_000).to_string()) {
            let ran = admin(&running, &["pool", "advance", SSCC, "--to", &to, "--yes"]).await;
            assert_eq!(ran.exit, Exit::Done, "{ran:?}");
            assert_eq!(admin(&running, &["pool", "list"]).await.exit, Exit::Done);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::join!(clients, operator);
    let verified = admin(&running, &["pool", "verify"]).await;
    assert_eq!(verified.exit, Exit::Done, "{verified:?}");
    let stored = assert_consistent(running.context()).await;
    assert_eq!(stored.state.pools[0].next, stored.state.ranges.iter().map(|range| range.count).sum::<u64>());
    assert!(stored.state.pools[0].next >= 15_000);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_with_a_damaged_counter_or_ranges_is_found() {
    let running = operated().paused().start().await;
    for _ in 0..3 {
        reserve(&running, &body("sscc", 10, "csv")).await;
    }
    let verify = async |running: &Running| {
        let ran = admin(running, &["pool", "verify", SSCC, "--json"]).await;
        let found = valid("pool_verify", &ran.out)["breaches"].clone();
        let names: Vec<String> =
            found.as_array().unwrap().iter().map(|one| one["invariant"].as_str().unwrap().to_owned()).collect();
        (ran.exit, names)
    };
    assert_eq!(verify(&running).await, (Exit::Done, vec![]));
    let context = running.context();
    edit_pools(context, SSCC, "pool", "SET #name = :value", Some(31)).await;
    assert_eq!(verify(&running).await, (Exit::Refused, vec!["RSV-3".to_owned()]));
    edit_pools(context, SSCC, "pool", "SET #name = :value", Some(30)).await;
    edit_pools(context, SSCC, "range#00000000000000000010", "SET #name = :value", Some(11)).await;
    let (exit, names) = verify(&running).await;
    assert!(exit == Exit::Refused && names.contains(&"RSV-1".to_owned()), "{names:?}");
    edit_pools(context, SSCC, "range#00000000000000000010", "SET #name = :value", Some(10)).await;
    delete_range(context, SSCC, 10).await;
    let (exit, names) = verify(&running).await;
    assert!(exit == Exit::Refused && names.contains(&"RSV-7".to_owned()), "{names:?}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_that_was_removed_keeps_nested_prefixes_away() {
    let running = operated().paused().start().await;
    reserve(&running, &body("sscc", 10, "csv")).await;
    assert_eq!(admin(&running, &["organisation", "remove", ORGANISATION, "--yes"]).await.exit, Exit::Done);
    let add = async |id: &str, prefix: &str| admin(&running, &["organisation", "add", id, "--prefix", prefix]).await;
    for nested in ["950600", "95060001"] {
        let ran = add("/417/1", nested).await;
        assert_eq!((ran.exit, ran.err.contains("begins or continues")), (Exit::Refused, true), "{nested}: {ran:?}");
    }
    assert_eq!(add("/417/2", "9506000").await.exit, Exit::Done, "an equal prefix shares the pool");
    assert_eq!(add("/417/3", "9506001").await.exit, Exit::Done);
    running.stop().await;
}
