//! `admin check`: it finds what breaks each invariant, and nothing in a deployment that works.

use std::{collections::BTreeMap, sync::Arc};

use admin::failure::Exit;
use aws_sdk_dynamodb::types::AttributeValue;
use common::{bucket::ObjectHead, context::Context, reservation::ExportKey};
use serde_json::{Value, json};

use super::{Ran, admin, body, delete_range, edit_pools, named, operated, reserve, text};
use crate::{
    admin::valid,
    support::{
        api::id,
        harness::{Running, completed, wait_until},
    },
};

const SSCC: &str = "sscc#9506000#18";

async fn check(running: &Running) -> (Exit, BTreeMap<String, usize>) {
    let ran = admin(running, &["check", "--grace", "0"]).await;
    (ran.exit, named(&ran.out))
}

/// Some reservations in several pools and formats, all complete.
async fn filled() -> (Running, Vec<Value>) {
    let running = operated().paused().start().await;
    let mut objects = Vec::new();
    for (code_type, quantity, export_type) in [
        ("sscc", 10, "csv"),
        ("sscc", 20, "json.gz"),
        ("sgtin", 5_000, "xml"),
        ("short_code", 3, "txt"),
        ("sscc", 5, "yaml"),
    ] {
        objects.push(reserve(&running, &body(code_type, quantity, export_type)).await);
    }
    // The object of a deleted reservation goes with it, its range stays.
    let gone = reserve(&running, &body("giai", 4, "ndjson")).await;
    running.api.delete(id(&gone)).await;
    let incarnation = deleted(&running).await;
    common::operations::tidy::remove_all(running.store(), running.context().bucket(), &incarnation).await.unwrap();
    (running, objects)
}

async fn deleted(running: &Running) -> common::operations::tidy::Incarnation {
    let objects = running.context().bucket().objects(ExportKey::PREFIX).await.unwrap();
    let keys = objects.iter().filter_map(|object| ExportKey::parse(&object.key));
    let mut gone = Vec::new();
    for key in keys {
        if running.store().reservation(key.reservation).await.unwrap().is_none() {
            let export_file = Some(key.file_id().to_string());
            gone.push(common::operations::tidy::Incarnation {
                id: key.reservation,
                incarnation: key.incarnation,
                export_file,
            });
        }
    }
    gone.pop().unwrap()
}

/// The key of the object of a complete reservation.
async fn key(running: &Running, object: &Value) -> String {
    let file = running.store().file(object["export_file"].as_str().unwrap()).await.unwrap();
    file.unwrap().s3_key
}

async fn put(context: &Arc<Context>, key: &str, bytes: &[u8]) {
    let head = ObjectHead {
        key,
        content_type: "text/csv",
        reservation: String::new(),
        rows: 1,
        contents: String::new(),
        origin: String::new(),
    };
    context.bucket().put(&head, bytes.to_vec()).await.unwrap();
}

/// Changes a stored reservation as nobody may. `#range` and `#status` stand for the members of that name.
async fn edit(context: &Arc<Context>, object: &Value, expression: &str, value: AttributeValue) {
    let update = context.dynamodb().update_item().table_name(&context.config().tables.reservations);
    let mut update = update.key("id", AttributeValue::S(id(object).to_owned())).update_expression(expression);
    for name in ["range", "status"] {
        if expression.contains(&format!("#{name}")) {
            update = update.expression_attribute_names(format!("#{name}"), name);
        }
    }
    update.expression_attribute_values(":value", value).send().await.unwrap();
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn string(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_deployment_passes_and_says_what_was_checked() {
    let (running, _) = filled().await;
    let ran = admin(&running, &["check", "--grace", "0", "--json"]).await;
    assert_eq!(ran.exit, Exit::Done, "{ran:?}");
    let mut summary = valid("check_summary", ran.out.lines().last().unwrap());
    assert!(summary.as_object_mut().unwrap().remove("begun").is_some());
    let expected = json!({
        "pools": 4, "ranges": 6, "organisations": 1, "reservations": 5, "files": 5, "objects": 5, "breaches": 0
    });
    assert_eq!(summary, expected);
    assert_eq!(ran.out.lines().count(), 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_pools_are_found() {
    let (running, objects) = filled().await;
    let context = running.context();
    let one = |invariant: &str| BTreeMap::from([(invariant.to_owned(), 1)]);
    // RSV-3: the counter says more than the ranges.
    edit_pools(context, SSCC, "pool", "SET #name = :value", Some(36)).await;
    assert_eq!(check(&running).await, (Exit::Refused, one("RSV-3")));
    edit_pools(context, SSCC, "pool", "SET #name = :value", Some(35)).await;
    // RSV-2: a reservation that claims another range than the pool gave it.
    edit(context, &objects[1], "SET #range.start_of_tests = :value", number(1)).await;
    assert_eq!(check(&running).await.0, Exit::Done, "an unknown member changes nothing");
    edit(context, &objects[1], "SET quantity = :value", number(19)).await;
    let (exit, found) = check(&running).await;
    assert!(exit == Exit::Refused && found.contains_key("RSV-2"), "{found:?}");
    edit(context, &objects[1], "SET quantity = :value", number(20)).await;
    // RSV-1: ranges that overlap.
    edit_pools(context, SSCC, "range#00000000000000000010", "SET #name = :value", Some(21)).await;
    let (exit, found) = check(&running).await;
    assert!(exit == Exit::Refused && found.contains_key("RSV-1"), "{found:?}");
    edit_pools(context, SSCC, "range#00000000000000000010", "SET #name = :value", Some(20)).await;
    // RSV-7: a range that was freed.
    delete_range(context, SSCC, 10).await;
    let (exit, found) = check(&running).await;
    assert!(exit == Exit::Refused && found.contains_key("RSV-7"), "{found:?}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_files_are_found_without_a_download() {
    let (running, objects) = filled().await;
    let context = running.context();
    for object in [&objects[0], &objects[1], &objects[2]] {
        let key = key(&running, object).await;
        let stored = context.s3().get_object().bucket(&context.config().bucket).key(&key).send().await.unwrap();
        let bytes = stored.body.collect().await.unwrap().to_vec();
        // One bit of one code: the length stays.
        let mut wrong = bytes.clone();
        let last = wrong.len() - 20;
        wrong[last] ^= 1;
        put(context, &key, &wrong).await;
        assert_eq!(check(&running).await, (Exit::Refused, BTreeMap::from([("RSV-4".to_owned(), 1)])), "{object}");
        put(context, &key, &bytes[..bytes.len() - 1]).await;
        assert_eq!(check(&running).await.0, Exit::Refused);
        put(context, &key, &bytes).await;
        assert_eq!(check(&running).await.0, Exit::Done);
    }
    // A file that is gone.
    let lost = key(&running, &objects[0]).await;
    context.bucket().delete(&[lost]).await.unwrap();
    assert_eq!(check(&running).await, (Exit::Refused, BTreeMap::from([("RSV-4".to_owned(), 1)])));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_over_is_found_once_the_service_had_time_to_tidy() {
    let (running, objects) = filled().await;
    let context = running.context();
    // An export of an older generation, and one of a reservation that does not exist.
    let own = key(&running, &objects[0]).await;
    put(context, &own.replace("/1.csv", "/0.csv"), b"x").await;
    put(context, &own.replace(id(&objects[0]), "00000000-0000-4000-8000-000000000009"), b"x").await;
    // A reservation that waits for ever.
    running.api.post(&body("sscc", 5, "csv")).await;
    assert_eq!(check(&running).await, (Exit::Refused, BTreeMap::from([("RSV-5".to_owned(), 3)])));
    let young = admin(&running, &["check"]).await;
    assert_eq!(young.exit, Exit::Done, "{young:?}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_was_interrupted_goes_on_where_it_was() {
    let (running, objects) = filled().await;
    let context = running.context();
    let folder = tempfile::tempdir().unwrap();
    let cursor = folder.path().join("cursor.json");
    let run =
        async || -> Ran { admin(&running, &["check", "--grace", "0", "--cursor", text(&cursor), "--json"]).await };
    assert_eq!(run().await.exit, Exit::Done);
    assert!(!cursor.exists(), "a check that is complete begins anew");
    // A file that looks wrong is looked at again after a pause, in which the operator ends the check.
    let key = key(&running, &objects[0]).await;
    let stored = context.s3().get_object().bucket(&context.config().bucket).key(&key).send().await.unwrap();
    let bytes = stored.body.collect().await.unwrap().to_vec();
    put(context, &key, b"other").await;
    let saved = || async {
        let saved: Value = serde_json::from_str(&std::fs::read_to_string(&cursor).ok()?).ok()?;
        (saved["phase"] == "reservations").then_some(saved)
    };
    let saved = tokio::select! {
        ran = run() => panic!("{ran:?}"),
        saved = wait_until("the check has come to the reservations", saved) => saved,
    };
    assert_eq!(saved["counts"]["pools"], 4, "{saved}");
    put(context, &key, &bytes).await;
    // What is damaged in pools, which are done, is not seen any more.
    edit_pools(context, SSCC, "pool", "SET #name = :value", Some(36)).await;
    let ran = run().await;
    assert_eq!(ran.exit, Exit::Done, "{ran:?}");
    let summary: Value = serde_json::from_str(ran.out.lines().last().unwrap()).unwrap();
    assert_eq!((&summary["pools"], &summary["reservations"]), (&json!(4), &json!(5)));
    assert_eq!(run().await.exit, Exit::Refused);
    std::fs::write(&cursor, "{}").unwrap();
    assert_eq!(run().await.exit, Exit::WrongUse);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_read_is_named_and_does_not_end_the_check() {
    let (running, objects) = filled().await;
    let context = running.context();
    edit(context, &objects[4], "SET #status = :value", string("?")).await;
    delete_range(context, SSCC, 0).await;
    let ran = admin(&running, &["check"]).await;
    assert_eq!(ran.exit, Exit::Refused, "{ran:?}");
    assert!(ran.out.contains(&format!("reservation {} cannot be read", id(&objects[4]))), "{}", ran.out);
    assert!(named(&ran.out).contains_key("RSV-7"), "{}", ran.out);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_works_has_no_breaches_while_it_does() {
    let running = operated().start().await;
    let clients = async {
        for round in 0..6 {
            let mut ids = Vec::new();
            for code_type in ["sscc", "sgtin", "short_code", "giai"] {
                let posted = running.api.post(&body(code_type, 50 + round, "csv.gz")).await;
                ids.push(id(&posted).to_owned());
            }
            for id in &ids {
                completed(&running.api, id).await;
            }
            running.api.delete(&ids[0]).await;
            running.api.patch(&ids[1], &json!({ "status": "new" })).await;
        }
    };
    let operator = async {
        for _ in 0..4 {
            let ran = admin(&running, &["check"]).await;
            assert_eq!(ran.exit, Exit::Done, "{ran:?}");
        }
    };
    tokio::join!(clients, operator);
    running.stop().await;
}
