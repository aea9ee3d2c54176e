//! What `admin restore-check` finds where the current objects and the damaged table tell nothing, and what it does with
//! everything else that a restore leaves behind.

use std::collections::BTreeMap;

use admin::failure::Exit;
use aws_sdk_dynamodb::types::AttributeValue;
use common::{bucket::ObjectHead, context::Context, reservation::Origin};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    admin, admin_json, body, edit_pools, operated, reserve,
    restore::{copy, old_table, put_back},
    versions::{Noncurrent, Versioned},
};
use crate::{
    admin::{ran, valid},
    support::{
        api::{RESERVATIONS, id, with},
        harness::{Running, TOKEN},
        invariants::assert_consistent,
    },
};

fn now() -> String {
    chrono::Utc::now().to_rfc3339()
}

/// The pools of a report: how far each was used, and what tells it.
fn used(report: &Value) -> BTreeMap<String, (u64, Value)> {
    let pools = report["pools"].as_array().unwrap().iter();
    let of = |pool: &Value| (pool["used"].as_u64().unwrap(), pool["sources"].clone());
    pools.map(|pool| (pool["namespace"].as_str().unwrap().to_owned(), of(pool))).collect()
}

/// The key of the object of a complete reservation.
async fn key_of(running: &Running, object: &Value) -> String {
    let file = running.store().file(object["export_file"].as_str().unwrap()).await.unwrap();
    file.unwrap().s3_key
}

/// Writes an object again as a version of the service wrote it that did not say which codes it holds.
async fn forget_origin(context: &Context, key: &str) {
    let stored = context.bucket().head(key).await.unwrap().unwrap();
    assert!(stored.origin.is_some());
    let bytes = context.bucket().beginning(key, None, 1 << 20).await.unwrap().unwrap();
    let head = ObjectHead {
        key,
        content_type: "text/csv",
        reservation: String::new(),
        rows: stored.rows.unwrap(),
        contents: stored.contents.unwrap(),
        origin: String::new(),
    };
    context.bucket().put(&head, bytes).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn spare_indexes_are_given_up_in_every_pool_also_without_a_trace() {
    let running = operated().paused().start().await;
    let context = running.context();
    reserve(&running, &body("sscc", 10, "csv")).await;
    reserve(&running, &body("sgtin", 4, "csv")).await;
    let earlier = copy(context).await;
    let at = now();
    // Its file is not there, as that of an export that was running, or that ended as an error. Its codes were read.
    let lost = reserve(&running, &body("sscc", 20, "csv")).await;
    context.bucket().delete(&[key_of(&running, &lost).await]).await.unwrap();
    put_back(context, &earlier).await;
    let none = admin_json(&running, "restore_check", &["restore-check", "--at", &at, "--list"]).await;
    assert_eq!(none["pools"], json!([]));
    let arguments = ["restore-check", "--at", &at, "--spare", "1000", "--yes"];
    let report = admin_json(&running, "restore_check", &arguments).await;
    let expected = BTreeMap::from([
        ("sgtin#09506000134352#8".to_owned(), (1_004, json!(["spare"]))),
        ("sscc#9506000#18".to_owned(), (1_010, json!(["spare"]))),
    ]);
    assert_eq!(used(&report), expected);
    assert_eq!(report["written"].as_array().unwrap().len(), 2);
    // A number beyond every capacity uses the pools up, and then there is nothing to give.
    let all = u64::MAX.to_string();
    let arguments = ["restore-check", "--at", &at, "--spare", &all, "--yes"];
    let report = admin_json(&running, "restore_check", &arguments).await;
    let capacity = running.store().pool(&"sscc#9506000#18".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((capacity.next, report["written"].as_array().unwrap().len()), (capacity.capacity, 2));
    assert_eq!(admin_json(&running, "restore_check", &arguments).await["pools"], json!([]));
    assert_consistent(context).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_left_no_trace_can_be_made_with_its_first_indexes_given_up() {
    let running = operated().paused().start().await;
    let name = "sgtin#09506000134352#8";
    let advance =
        async |more: &[&str]| admin(&running, &[&["pool", "advance", name, "--to", "500"], more].concat()).await;
    assert_eq!(advance(&["--yes"]).await.exit, Exit::Refused, "its characters are not known");
    let other = advance(&["--yes", "--characters", "roman"]).await;
    assert_eq!(other.exit, Exit::WrongUse, "{other:?}");
    let made = advance(&["--yes", "--characters", "alphanumeric"]).await;
    assert_eq!(made.exit, Exit::Done, "{made:?}");
    let moved = advance(&["--yes", "--characters", "hex"]).await;
    assert!(moved.exit == Exit::Refused && moved.err.contains("alphanumeric"), "{moved:?}");
    let object = reserve(&running, &body("sgtin", 3, "csv")).await;
    let item = running.store().reservation(id(&object).parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(item.range.unwrap().start, 500);
    assert_consistent(running.context()).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_were_deleted_tell_it_by_their_versions() {
    let running = operated().paused().start().await;
    let context = running.context();
    reserve(&running, &body("sscc", 10, "csv")).await;
    let earlier = copy(context).await;
    let at = now();
    let with_origin = key_of(&running, &reserve(&running, &body("sscc", 20, "csv.gz")).await).await;
    let without = key_of(&running, &reserve(&running, &body("giai", 7, "json")).await).await;
    let versions = vec![
        Noncurrent::of(context, &with_origin, "first", None).await,
        Noncurrent::of(context, &without, "second", Some("origin")).await,
    ];
    context.bucket().delete(&[with_origin, without]).await.unwrap();
    put_back(context, &earlier).await;
    let arguments = ["restore-check", "--at", &at, "--list", "--json"];
    let without_versions = valid("restore_check", &admin(&running, &arguments).await.out);
    assert_eq!(without_versions["pools"], json!([]));
    let place = Versioned::start(&running, versions).await;
    let report = valid("restore_check", &ran(&place.url, &arguments).await.out);
    let expected = BTreeMap::from([
        ("sscc#9506000#18".to_owned(), (30, json!(["object"]))),
        ("giai#9506000#8".to_owned(), (7, json!(["object"]))),
    ]);
    assert_eq!((used(&report), &report["unclear"]), (expected, &json!([])));
    drop(place);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_says_which_codes_it_holds_and_one_of_an_older_version_is_read() {
    let running = operated().paused().start().await;
    let context = running.context();
    let earlier = copy(context).await;
    let at = now();
    let one = with(&body("sgtin", 1, "xml"), json!({ "length": 10, "character_set": "uppercase" }));
    let one = reserve(&running, &one).await;
    let old = reserve(&running, &body("gsrn", 3, "csv")).await;
    forget_origin(context, &key_of(&running, &old).await).await;
    let number = running.store().pool(&"sgtin#09506000134352#10".parse().unwrap()).await.unwrap().unwrap().number;
    // A file that nobody can read, but for what its metadata say.
    let key = key_of(&running, &one).await;
    let stored = context.bucket().head(&key).await.unwrap().unwrap();
    let head = ObjectHead {
        key: &key,
        content_type: "application/xml",
        reservation: String::new(),
        rows: 1,
        contents: String::new(),
        origin: stored.origin.unwrap(),
    };
    context.bucket().put(&head, b"?".to_vec()).await.unwrap();
    put_back(context, &earlier).await;
    let report = admin_json(&running, "restore_check", &["restore-check", "--at", &at, "--yes"]).await;
    let expected = BTreeMap::from([
        ("sgtin#09506000134352#10".to_owned(), (1, json!(["object"]))),
        ("gsrn#9506000#18".to_owned(), (3, json!(["object"]))),
    ]);
    assert_eq!((used(&report), &report["unclear"]), (expected, &json!([])));
    assert_eq!(report["objects"], json!({ "looked": 2, "later": 2, "skipped": 0 }));
    // The ids of its codes stay, because the pool has its number again.
    let again = running.store().pool(&"sgtin#09506000134352#10".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((again.number, again.next), (number, 1));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_upload_is_unclear_until_it_is_completed() {
    let running = operated().paused().start().await;
    let context = running.context();
    reserve(&running, &body("sscc", 10, "csv")).await;
    let earlier = copy(context).await;
    let at = now();
    let lost = reserve(&running, &body("sscc", 20, "csv")).await;
    let item = running.store().reservation(id(&lost).parse().unwrap()).await.unwrap().unwrap();
    let key = key_of(&running, &lost).await;
    context.bucket().delete(std::slice::from_ref(&key)).await.unwrap();
    let origin = Origin::of(item.range.as_ref().unwrap(), &context.secret().await.unwrap().id_key()).to_string();
    let head = ObjectHead {
        key: &key,
        content_type: "text/csv",
        reservation: item.id.to_string(),
        rows: 20,
        contents: item.contents(),
        origin,
    };
    let upload = context.bucket().create_upload(&head).await.unwrap();
    // While its reservation has the range, there is no question.
    let arguments = ["restore-check", "--at", &at, "--list", "--json"];
    assert_eq!(valid("restore_check", &admin(&running, &arguments).await.out)["unclear"], json!([]));
    put_back(context, &earlier).await;
    let unclear = admin(&running, &arguments).await;
    assert_eq!(unclear.exit, Exit::Refused, "{unclear:?}");
    let report = valid("restore_check", &unclear.out);
    let named = json!([{ "kind": "upload", "key": key, "upload": upload, "reason": report["unclear"][0]["reason"] }]);
    assert_eq!((&report["unclear"], &report["pools"]), (&named, &json!([])));
    context.bucket().upload_part(&key, &upload, 1, b"position,code\n".to_vec().into()).await.unwrap();
    let parts = context.bucket().parts(&key, &upload).await.unwrap();
    context.bucket().complete_upload(&key, &upload, &parts).await.unwrap();
    let clear = admin(&running, &arguments).await;
    assert_eq!(clear.exit, Exit::Done, "{clear:?}");
    let expected = BTreeMap::from([("sscc#9506000#18".to_owned(), (30, json!(["object"])))]);
    assert_eq!(used(&valid("restore_check", &clear.out)), expected);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_in_the_future_is_refused_and_the_report_tells_how_much_was_looked_at() {
    let running = operated().paused().start().await;
    reserve(&running, &body("sscc", 10, "csv")).await;
    let at = |hours| (chrono::Utc::now() + chrono::TimeDelta::hours(hours)).to_rfc3339();
    for wrong in [at(1), "2126-01-31T12:00:00Z".to_owned()] {
        let ran = admin(&running, &["restore-check", "--at", &wrong, "--list"]).await;
        assert!(ran.exit == Exit::WrongUse && ran.err.contains("in the future"), "{ran:?}");
    }
    let looked = async |at: &str| {
        let report = admin_json(&running, "restore_check", &["restore-check", "--at", at, "--list"]).await;
        report["objects"].clone()
    };
    assert_eq!(looked(&at(-1)).await, json!({ "looked": 1, "later": 1, "skipped": 0 }));
    // Shortly before the time is looked at too, but is not later.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(looked(&at(0)).await, json!({ "looked": 1, "later": 0, "skipped": 0 }));
    let people = admin(&running, &["restore-check", "--at", &at(0), "--list"]).await;
    assert!(people.out.contains("No file was written after the time."), "{}", people.out);
    let people = admin(&running, &["restore-check", "--at", &at(-1), "--list"]).await;
    assert!(!people.out.contains("No file was written after the time."), "{}", people.out);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_pool_or_row_stops_no_other() {
    let running = operated().paused().start().await;
    let context = running.context();
    for code_type in ["sscc", "sgtin", "short_code"] {
        reserve(&running, &body(code_type, 10, "csv")).await;
    }
    let earlier = copy(context).await;
    let at = now();
    for code_type in ["sscc", "sgtin", "giai", "short_code"] {
        reserve(&running, &body(code_type, 5, "csv")).await;
    }
    let bad = reserve(&running, &body("gsrn", 3, "csv")).await;
    // Only Pools is restored, and another pool has claimed a prefix that begins that of the lost one.
    let pools = &context.config().tables.pools;
    put_back(context, &BTreeMap::from([(pools.clone(), earlier[pools].clone())])).await;
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let claim = context.dynamodb().put_item().table_name(pools).item("namespace", text("prefix#95060"));
    claim.item("entry", text("claim")).item("claimed", AttributeValue::Bool(true)).send().await.unwrap();
    // Of one reservation the row is damaged, and its file is gone.
    context.bucket().delete(&[key_of(&running, &bad).await]).await.unwrap();
    let damage = context.dynamodb().update_item().table_name(&context.config().tables.reservations);
    let damage = damage.key("id", text(id(&bad))).update_expression("SET #range = :no");
    let damage = damage.expression_attribute_names("#range", "range").expression_attribute_values(":no", text("no"));
    damage.send().await.unwrap();

    let ran = admin(&running, &["restore-check", "--at", &at, "--yes", "--json"]).await;
    assert_eq!(ran.exit, Exit::Refused, "{ran:?}");
    let report = valid("restore_check", &ran.out);
    let names = |list: &Value| {
        let list = list.as_array().unwrap().iter();
        list.map(|one| one["namespace"].as_str().unwrap().split('#').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let mut written = names(&report["written"]);
    written.sort();
    assert_eq!(written, ["sgtin", "short_code", "sscc"]);
    assert_eq!(names(&report["failed"]), ["giai"]);
    assert_eq!(report["failed"][0]["to"], 5);
    let unclear = report["unclear"].as_array().unwrap().iter();
    let unclear: Vec<_> = unclear.map(|one| (one["kind"].clone(), one["key"].clone())).collect();
    assert_eq!(unclear, [(json!("reservation"), bad["id"].clone())]);
    // The next run does what is left, and nothing twice.
    let again = valid("restore_check", &admin(&running, &["restore-check", "--at", &at, "--yes", "--json"]).await.out);
    assert_eq!((names(&again["pools"]), &again["written"]), (vec!["giai".to_owned()], &json!([])));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_table_is_read_whole_also_pools_that_its_index_lacks() {
    let running = operated().paused().start().await;
    let context = running.context();
    reserve(&running, &body("sscc", 10, "csv")).await;
    let earlier = copy(context).await;
    let at = now();
    for code_type in ["sscc", "giai"] {
        let object = reserve(&running, &body(code_type, 20, "csv")).await;
        context.bucket().delete(&[key_of(&running, &object).await]).await.unwrap();
    }
    // As an older version made it: the index does not have it.
    edit_pools(context, "giai#9506000#8", "pool", "REMOVE listed", None).await;
    let damaged = copy(context).await;
    put_back(context, &earlier).await;
    let old = old_table(context, &damaged[&context.config().tables.pools]).await;
    let arguments = ["restore-check", "--at", &at, "--old-pools", &old, "--list"];
    let report = admin_json(&running, "restore_check", &arguments).await;
    let expected = BTreeMap::from([
        ("giai#9506000#8".to_owned(), (20, json!(["old_table"]))),
        ("sscc#9506000#18".to_owned(), (30, json!(["old_table"]))),
    ]);
    assert_eq!(used(&report), expected);
    let missing = admin(&running, &["restore-check", "--at", &at, "--old-pools", "no-such-table", "--list"]).await;
    assert_eq!(missing.exit, Exit::Refused, "{missing:?}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_forgotten_if_its_reservation_is_lost() {
    let running = operated().paused().start().await;
    let context = running.context();
    let post = async |key: &str| {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        let body = body("sscc", 5, "csv").to_string().into_bytes();
        let reply = running.send("POST", RESERVATIONS, Some(TOKEN), &headers, Some(body)).await;
        let id: Uuid = id(&reply.data()).parse().unwrap();
        (id, running.store().reservation(id).await.unwrap().is_some())
    };
    let (kept, _) = post("before").await;
    let earlier = copy(context).await;
    let at = now();
    let (lost, _) = post("after").await;
    // A count of codes of a day lies in the same table.
    let requests = &context.config().tables.requests;
    let put = context.dynamodb().put_item().table_name(requests).item("key", AttributeValue::S("codes#day#A".into()));
    let end = (chrono::Utc::now().timestamp() + 200_000).to_string();
    put.item("codes", AttributeValue::N("7".into())).item("expires_at", AttributeValue::N(end)).send().await.unwrap();
    put_back(context, &earlier).await;
    assert_eq!(post("after").await, (lost, false), "the answer is about nothing");
    let list = admin_json(&running, "restore_check", &["restore-check", "--at", &at, "--list"]).await;
    assert_eq!((&list["lost_answers"], &list["forgotten"]), (&json!(1), &json!(0)));
    assert_eq!(admin(&running, &["restore-check", "--at", &at]).await.exit, Exit::WrongUse, "nobody can be asked");
    let done = admin_json(&running, "restore_check", &["restore-check", "--at", &at, "--yes"]).await;
    assert_eq!((&done["lost_answers"], &done["forgotten"]), (&json!(1), &json!(1)));
    let (new, exists) = post("after").await;
    assert!(exists && new != lost);
    assert_eq!(post("before").await, (kept, true));
    let left = context.dynamodb().scan().table_name(requests).send().await.unwrap().items.unwrap();
    assert!(left.iter().any(|item| item["key"] == AttributeValue::S("codes#day#A".into())));
    running.stop().await;
}
