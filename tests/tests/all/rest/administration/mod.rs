//! `POST`, `PATCH` and `DELETE` of `/users` and `/items/organisation`.

mod credentials;
mod organisations;
mod races;
mod rights;
mod users;

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use crate::support::{
    api::{Api, Reply},
    harness::{Running, Setup},
};

const USERS: &str = "/users";
const ORGANISATIONS: &str = "/items/organisation";
/// The organisation of the writer.
const ACME: &str = "/417/9506000111117";
const ADA: &str = "a11ce000-0000-4000-8000-000000000001";
const BEA: &str = "a11ce000-0000-4000-8000-000000000002";
const WIM: &str = "a11ce000-0000-4000-8000-000000000003";
/// A limited administrator.
const LEA: &str = "a11ce000-0000-4000-8000-000000000004";
const ADMIN: &str = "token-of-ada";
const OTHER_ADMIN: &str = "token-of-bea";
const WRITER: &str = "token-of-wim";
const LIMITED: &str = "token-of-lea";
/// A token as a client chooses it.
const CHOSEN: &str = "chosen-0123456789-0123456789-abcd";

/// Two administrators of all organisations, and people of one.
fn rows() -> Value {
    json!({
        "directus_users": [
            {"id": ADA, "first_name": "Ada", "email": "ada@example.com", "token": ADMIN, "role": "admin"},
            {"id": BEA, "first_name": "Bea", "email": "bea@example.com", "token": OTHER_ADMIN, "role": "admin"},
            {"id": WIM, "first_name": "Wim", "email": "wim@example.com", "token": WRITER, "role": "writer",
             "organisations": [ACME]},
            {"id": LEA, "first_name": "Lea", "email": "lea@example.com", "token": LIMITED, "role": "admin",
             "organisations": [ACME]},
        ],
        "organisation": [
            {"id": ACME, "organisation_name": "Acme", "organisation_company_prefix": "9506000"},
            {"id": "ORG-2", "organisation_name": "Second"},
        ],
    })
}

fn setup() -> Setup {
    Setup::new().paused().rows(&rows())
}

async fn administered() -> (Running, Api) {
    let running = setup().start().await;
    let api = running.api.with_token(Some(ADMIN));
    (running, api)
}

/// Status, code, and the member or reason of the first error.
fn refusal(reply: &Reply) -> (u16, String, String) {
    let extensions = &reply.json()["errors"][0]["extensions"];
    let what = extensions.get("field").or_else(|| extensions.get("reason")).and_then(Value::as_str);
    (reply.status, reply.code(), what.unwrap_or_default().to_owned())
}

/// Every item of the Directory, by kind and id, as text. Audit rows are left out.
async fn directory(running: &Running) -> BTreeMap<(String, String), String> {
    let context = running.context();
    let table = &context.config().tables.directory;
    let answer = context.dynamodb().scan().table_name(table).consistent_read(true).send().await.unwrap();
    assert!(answer.last_evaluated_key.is_none(), "the table is one page");
    let text =
        |item: &std::collections::HashMap<String, AttributeValue>, name: &str| item[name].as_s().unwrap().clone();
    let items = answer.items.unwrap_or_default();
    let rows = items.into_iter().filter(|item| text(item, "kind") != "audit");
    rows.map(|item| {
        let sorted: BTreeMap<_, _> = item.iter().collect();
        let texts = sorted.iter().map(|(name, value)| format!("{name}={value:?} "));
        ((text(&item, "kind"), text(&item, "id")), texts.collect::<String>())
    })
    .collect()
}

/// The audit rows, newest first.
async fn audits(running: &Running) -> Vec<common::directory::Audit> {
    running.store().audits(("0", "z"), 100, |_| true).await.unwrap()
}
