//! The restore drill: tables put back to an earlier copy, `admin restore-check`, and no code twice.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use admin::failure::Exit;
use aws_sdk_dynamodb::types::AttributeValue;
use common::{context::Context, reservation::ExportKey};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Ran, admin, admin_json, body, codes, operated, reserve};
use crate::admin::valid;
use crate::support::{
    api::{id, with},
    harness::Running,
    invariants::{assert_consistent, items, unzipped},
};

pub(super) type Items = Vec<HashMap<String, AttributeValue>>;

/// A copy of the tables that hold codes.
pub(super) async fn copy(context: &Context) -> BTreeMap<String, Items> {
    let tables = &context.config().tables;
    let mut all = BTreeMap::new();
    for table in [&tables.pools, &tables.reservations, &tables.files] {
        let scan = context.dynamodb().scan().table_name(table).consistent_read(true).send().await.unwrap();
        all.insert(table.clone(), scan.items.unwrap());
    }
    all
}

/// Puts the tables back to a copy, as a restore and a swap of the tables do.
pub(super) async fn put_back(context: &Context, copy: &BTreeMap<String, Items>) {
    for (table, wanted) in copy {
        let keys = if *table == context.config().tables.pools { &["namespace", "entry"][..] } else { &["id"] };
        for item in items::<Value>(context, table).await {
            let delete = context.dynamodb().delete_item().table_name(table);
            let key = keys
                .iter()
                .map(|name| ((*name).to_owned(), AttributeValue::S(item[*name].as_str().unwrap().to_owned())));
            delete.set_key(Some(key.collect())).send().await.unwrap();
        }
        for item in wanted {
            context.dynamodb().put_item().table_name(table).set_item(Some(item.clone())).send().await.unwrap();
        }
    }
}

/// Bodies of 25 reservations: several types, formats and quantities.
fn mixed(round: u64) -> Vec<Value> {
    let types = ["sscc", "sgtin", "giai", "gsrn", "short_code"];
    let formats = ["csv", "json", "txt", "xml.gz", "yaml"];
    (0..25)
        .map(|number| {
            let place = usize::try_from(number % 5).unwrap();
            let format = formats[usize::try_from((number / 5 + round) % 5).unwrap()];
            body(types[place], 1 + (number * 7 + round) % 40, format)
        })
        .collect()
}

/// The codes of every export in the bucket, by reservation, read from its bytes alone.
async fn all_codes(running: &Running) -> HashMap<String, HashSet<String>> {
    let context = running.context();
    let mut codes = HashMap::new();
    for object in context.bucket().objects(ExportKey::PREFIX).await.unwrap() {
        let get = context.s3().get_object().bucket(&context.config().bucket).key(&object.key);
        let bytes = get.send().await.unwrap().body.collect().await.unwrap().to_vec();
        let bytes = if object.key.ends_with(".gz") { unzipped(&bytes) } else { bytes };
        let text = String::from_utf8(bytes).unwrap();
        let key = ExportKey::parse(&object.key).unwrap();
        codes.insert(key.to_string(), rows(&text));
    }
    codes
}

/// The distinguishing text of each row: its link where it has one, otherwise the code.
fn rows(text: &str) -> HashSet<String> {
    let link = regex::Regex::new(r#"https://[^,"<\s]+/(?:00|01|8004|8018)/[^,"<\s]+"#).unwrap();
    let links: HashSet<String> = link.find_iter(text).map(|found| found.as_str().to_owned()).collect();
    if !links.is_empty() {
        return links;
    }
    // Short codes have no link here.
    let code = regex::Regex::new(r#"(?m)(?:^\d+,|"code":"|code: "|<value>|^)([0-9A-Za-z]{8})(?:[,"<]|$)"#).unwrap();
    let codes = code.captures_iter(text).map(|found| found[1].to_owned());
    // The heading of a csv file.
    codes.filter(|code| code != "position").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restore_no_code_is_issued_twice() {
    let running = operated().paused().start().await;
    let context = running.context();
    for body in mixed(0) {
        reserve(&running, &body).await;
    }
    let earlier = copy(context).await;
    let at = chrono::Utc::now();
    for body in mixed(1) {
        reserve(&running, &body).await;
    }
    // A pool that the copy does not have at all, and one whose only file has one row.
    let late = with(&body("sgtin", 9, "csv"), json!({ "length": 9 }));
    reserve(&running, &late).await;
    let single = with(&body("sgtin", 1, "csv"), json!({ "length": 10, "character_set": "uppercase" }));
    reserve(&running, &single).await;
    let before = all_codes(&running).await;
    assert_eq!(before.len(), 52);
    let next: BTreeMap<String, u64> =
        assert_consistent(context).await.state.pools.into_iter().map(|pool| (pool.namespace, pool.next)).collect();

    put_back(context, &earlier).await;
    let arguments = ["restore-check", "--at", &at.to_rfc3339(), "--list"];
    let list = admin_json(&running, "restore_check", &arguments).await;
    let used: BTreeMap<String, u64> = list["pools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pool| (pool["namespace"].as_str().unwrap().to_owned(), pool["used"].as_u64().unwrap()))
        .collect();
    assert_eq!(used, next, "each pool was used, and its files tell how far");
    assert_eq!((&list["unclear"], &list["written"]), (&json!([]), &json!([])));
    // Without a terminal nobody can be asked.
    let unasked = admin(&running, &["restore-check", "--at", &at.to_rfc3339()]).await;
    assert_eq!(unasked.exit, Exit::WrongUse, "{unasked:?}");
    let done = admin(&running, &["restore-check", "--at", &at.to_rfc3339(), "--yes", "--json"]).await;
    assert_eq!(done.exit, Exit::Done, "{done:?}");
    assert_eq!(valid("restore_check", &done.out)["written"].as_array().unwrap().len(), next.len());
    let again = admin_json(&running, "restore_check", &["restore-check", "--at", &at.to_rfc3339(), "--yes"]).await;
    assert_eq!((&again["pools"], &again["written"]), (&json!([]), &json!([])), "nothing is left to do");
    assert_eq!(admin(&running, &["pool", "verify"]).await.exit, Exit::Done);

    let mut seen: HashSet<String> = HashSet::new();
    for codes in before.values() {
        for code in codes {
            assert!(seen.insert(code.clone()), "{code} twice before the restore");
        }
    }
    for body in mixed(2).into_iter().chain(mixed(3)).chain([late, single]) {
        reserve(&running, &body).await;
    }
    let after = all_codes(&running).await;
    let new = after.iter().filter(|(key, _)| !before.contains_key(*key));
    assert_eq!(new.clone().count(), 52);
    for code in new.flat_map(|(_, codes)| codes) {
        assert!(seen.insert(code.clone()), "{code} was issued before the restore");
    }
    assert_consistent(context).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_damaged_table_and_newer_rows_tell_it_too() {
    let running = operated().paused().start().await;
    let context = running.context();
    reserve(&running, &body("sscc", 10, "csv")).await;
    let earlier = copy(context).await;
    let at = chrono::Utc::now().to_rfc3339();
    let late = reserve(&running, &body("sscc", 20, "csv")).await;
    reserve(&running, &body("giai", 7, "csv")).await;
    let damaged = copy(context).await;
    let pools = &context.config().tables.pools;
    // Only Pools is restored: the rows of Reservations are newer.
    put_back(context, &BTreeMap::from([(pools.clone(), earlier[pools].clone())])).await;
    let list = admin_json(&running, "restore_check", &["restore-check", "--at", &at, "--list"]).await;
    let shown = |list: &Value| {
        let pools = list["pools"].as_array().unwrap().iter();
        pools
            .map(|pool| (pool["namespace"].to_string(), pool["next"].clone(), pool["used"].clone()))
            .collect::<Vec<_>>()
    };
    let expected = vec![
        ("\"sscc#9506000#18\"".to_owned(), json!(10), json!(30)),
        ("\"giai#9506000#8\"".to_owned(), Value::Null, json!(7)),
    ];
    assert_eq!(shown(&list), expected);
    assert_eq!(list["pools"][0]["sources"], json!(["reservation"]));
    // Both tables are restored, the files are gone, and the damaged table still exists.
    put_back(context, &earlier).await;
    let objects = context.bucket().objects(ExportKey::PREFIX).await.unwrap();
    context.bucket().delete(&objects.into_iter().map(|object| object.key).collect::<Vec<_>>()).await.unwrap();
    let none = admin_json(&running, "restore_check", &["restore-check", "--at", &at, "--list"]).await;
    assert_eq!(none["pools"], json!([]));
    let old = old_table(context, &damaged[pools]).await;
    let arguments = ["restore-check", "--at", &at, "--old-pools", &old, "--yes"];
    let done = admin_json(&running, "restore_check", &arguments).await;
    assert_eq!(shown(&done), expected);
    assert_eq!(done["pools"][0]["sources"], json!(["old_table"]));
    // The pool that was missing has its number again, so the ids of its codes stay.
    let number = |items: &Items| {
        let pool = items.iter().find(|item| item["namespace"] == AttributeValue::S("giai#9506000#8".into()));
        pool.filter(|item| item["entry"] == AttributeValue::S("pool".into())).map(|item| item["number"].clone())
    };
    let now = copy(context).await;
    let find = |items: &Items| items.iter().find_map(|item| number(&vec![item.clone()]));
    assert_eq!(find(&now[pools]), find(&damaged[pools]));
    let next = reserve(&running, &body("sscc", 1, "csv")).await;
    assert_eq!(codes(&running.api, &next).await[0][0], "095060000000000305", "{late}");
    running.stop().await;
}

/// A table with the items of the damaged table.
pub(super) async fn old_table(context: &Context, items: &Items) -> String {
    use aws_sdk_dynamodb::types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
        ScalarAttributeType,
    };
    let name = "old-pools".to_owned();
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    let attribute = |name: &str| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build().unwrap()
    };
    let projection = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
    let index = GlobalSecondaryIndex::builder()
        .index_name("pools")
        .key_schema(key("listed", KeyType::Hash))
        .key_schema(key("namespace", KeyType::Range))
        .projection(projection)
        .build()
        .unwrap();
    let table = context.dynamodb().create_table().table_name(&name).billing_mode(BillingMode::PayPerRequest);
    let table =
        ["namespace", "entry", "listed"].iter().fold(table, |table, name| table.attribute_definitions(attribute(name)));
    let table = table.key_schema(key("namespace", KeyType::Hash)).key_schema(key("entry", KeyType::Range));
    table.global_secondary_indexes(index).send().await.unwrap();
    for item in items {
        context.dynamodb().put_item().table_name(&name).set_item(Some(item.clone())).send().await.unwrap();
    }
    name
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_that_nobody_can_assign_are_named_and_spare_indexes_can_be_added() {
    let running = operated().paused().start().await;
    let context = running.context();
    reserve(&running, &body("sscc", 10, "csv")).await;
    let earlier = copy(context).await;
    let at = chrono::Utc::now().to_rfc3339();
    reserve(&running, &body("sscc", 20, "csv")).await;
    let key = format!("{}1.csv", ExportKey::prefix_of(Uuid::new_v4(), Uuid::new_v4()));
    let head = common::bucket::ObjectHead {
        key: &key,
        content_type: "text/csv",
        reservation: String::new(),
        rows: 3,
        contents: String::new(),
        origin: String::new(),
    };
    context.bucket().put(&head, b"position,code\n1,?\n".to_vec()).await.unwrap();
    put_back(context, &earlier).await;
    let ran: Ran = admin(&running, &["restore-check", "--at", &at, "--spare", "1000", "--yes", "--json"]).await;
    assert_eq!(ran.exit, Exit::Refused, "{ran:?}");
    let report = valid("restore_check", &ran.out);
    assert_eq!(report["unclear"][0]["key"], json!(key));
    assert_eq!(report["written"][0]["to"], json!(1_030));
    for wrong in ["yesterday", "2026-01-01", ""] {
        assert_eq!(admin(&running, &["restore-check", "--at", wrong]).await.exit, Exit::WrongUse, "{wrong}");
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(id(&running.api.post(&body("sscc", 1, "csv")).await).len(), 36);
    running.stop().await;
}
