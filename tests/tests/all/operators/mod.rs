//! `admin` on pools, codes, reservations and failures, and its checks: each command against the running system.

mod audits;
mod check;
mod check_growth;
mod check_rules;
mod codes;
mod failures;
mod failures_of_follow;
mod lots_and_workbooks;
mod older_tables;
mod pools;
mod reservations;
mod restore;
mod restore_profiles;
mod restore_traces;
mod tags;
mod under_load;
mod verify_reads;
mod versions;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use admin::failure::Exit;
use aws_sdk_dynamodb::types::AttributeValue;
use common::context::Context;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    admin::{Ran, ran, valid},
    support::{
        api::{Api, id},
        harness::{Running, Setup},
        stream::deliver,
    },
};

/// The organisation of these tests, and a product of its prefix.
const ORGANISATION: &str = "/417/9506000000004";
const PRODUCT: &str = "/01/09506000134352";

/// A system with one organisation, whose stores `admin` may use.
fn operated() -> Setup {
    let rows = json!({
        "directus_users": [{ "id": Uuid::new_v4(), "token": "local-token", "role": "admin" }],
        "organisation": [{ "id": ORGANISATION, "organisation_company_prefix": "9506000" }],
    });
    Setup::new().rows(&rows).serving_admin()
}

/// Runs a command on a running system.
async fn admin(running: &Running, arguments: &[&str]) -> Ran {
    ran(&format!("http://{}", running.system.address().unwrap()), arguments).await
}

/// The same with `--json`; gives the document that it printed, which has the schema.
async fn admin_json(running: &Running, schema: &str, arguments: &[&str]) -> Value {
    valid(schema, &admin(running, &[arguments, &["--json"]].concat()).await.out)
}

fn body(code_type: &str, quantity: u64, export_type: &str) -> Value {
    let mut body = json!({
        "reserved_for": ORGANISATION, "code_type": code_type, "quantity": quantity, "export_type": export_type,
    });
    if code_type == "sgtin" {
        body["product"] = json!(PRODUCT);
    }
    body
}

/// Creates a reservation in a paused system and lets the service complete it.
async fn reserve(running: &Running, body: &Value) -> Value {
    let posted = running.api.post(body).await;
    deliver(running.context(), &[id(&posted)]).await;
    let object = running.api.get(id(&posted)).await;
    assert_eq!(object["status"], "complete", "{object}");
    object
}

/// The codes in a csv file: the columns code, digital_link and element_string of each row.
async fn codes(api: &Api, object: &Value) -> Vec<[String; 3]> {
    let bytes = api.download(object["export_file"].as_str().unwrap()).await;
    let text = String::from_utf8(bytes).unwrap();
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        [cells[1], cells[2], cells[3]].map(str::to_owned)
    };
    text.lines().skip(1).map(row).collect()
}

/// Changes an item of the table Pools as nobody may.
async fn edit_pools(context: &Arc<Context>, namespace: &str, entry: &str, expression: &str, value: Option<u64>) {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let update = context.dynamodb().update_item().table_name(&context.config().tables.pools);
    let mut update = update.key("namespace", text(namespace)).key("entry", text(entry)).update_expression(expression);
    if let Some(value) = value {
        update = update.expression_attribute_values(":value", AttributeValue::N(value.to_string()));
        update = update.expression_attribute_names("#name", if entry == "pool" { "next" } else { "count" });
    }
    update.send().await.unwrap();
}

async fn delete_range(context: &Arc<Context>, namespace: &str, start: u64) {
    let text = |text: String| AttributeValue::S(text);
    let delete = context.dynamodb().delete_item().table_name(&context.config().tables.pools);
    let delete = delete.key("namespace", text(namespace.to_owned()));
    delete.key("entry", text(format!("range#{start:020}"))).send().await.unwrap();
}

/// The invariants that lines of a report name, each with how often.
fn named(out: &str) -> BTreeMap<String, usize> {
    let mut named = BTreeMap::new();
    for line in out.lines().filter(|line| line.starts_with("RSV-")) {
        *named.entry(line.split(' ').next().unwrap().to_owned()).or_default() += 1;
    }
    named
}

/// The path of a file as an argument.
fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_does_not_answer_is_exit_3_for_every_group() {
    for arguments in [
        &["pool", "list"][..],
        &["reservation", "stuck"],
        &["failures", "list"],
        &["code", "verify", "x"],
        &["check"],
        &["restore-check", "--at", "2026-01-01T00:00:00Z"],
    ] {
        let people = ran("http://127.0.0.1:1", arguments).await;
        assert_eq!((people.exit, people.out.as_str()), (Exit::NotReachable, ""), "{arguments:?}: {}", people.err);
        let json = ran("http://127.0.0.1:1", &[arguments, &["--json"]].concat()).await;
        assert_eq!(serde_json::from_str::<Value>(&json.err).unwrap()["error"], "not_reachable");
    }
}
