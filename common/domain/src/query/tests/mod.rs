//! Tests of the query module, by what they promise.

mod aggregates;
mod aliases;
mod collections;
mod columns;
mod conditions;
mod dates;
mod export;
mod fuzz;
mod leading;
mod model;
mod order;
mod output;
mod parameters;
mod roles;
mod scopes;
mod tallied;
mod write_slips;
mod writes;

use super::{Access, Answer, Budget, Collection, Query, QueryError, Related, Row, parse, parse_query_string};
use crate::directory::Role;
use chrono::{DateTime, TimeZone, Utc};
use serde_json::{Map, Value, json};

/// The instant that `$NOW` stands for in these tests.
fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2025, 3, 31, 12, 0, 0).unwrap()
}

fn object(value: Value) -> Row {
    members(value).into()
}

fn members(value: Value) -> Map<String, Value> {
    value.as_object().expect("an object").clone()
}

fn admin() -> Access {
    Access::new(Role::Admin, Some(object(json!({"id": ALICE, "first_name": "Alice", "role": "role-of-alice"}))))
}

const ALICE: &str = "a0000000-0000-4000-8000-000000000001";
const BOB: &str = "b0000000-0000-4000-8000-000000000002";
const FILE: &str = "f0000000-0000-4000-8000-000000000001";

/// Four reservations: two organisations and none, dates around a turn of year, texts that differ by case only.
fn rows() -> Vec<Row> {
    let row = |n: u32, created: &str, org: Value, status: &str, quantity: Value, reference: Value, user: &str| {
        object(json!({
            "id": format!("00000000-0000-4000-8000-00000000000{n}"), "user_created": user, "date_created": created,
            "user_updated": null, "date_updated": null, "reserved_for": org, "code_type": "sgtin",
            "quantity": quantity, "status": status, "export_type": "csv",
            "export_file": if n == 1 { json!(FILE) } else { Value::Null }, "url_suffix": null,
            "product": null, "quantity_reserved": null, "error_message": null, "reference_id": reference,
            "purchase_order": null, "length": 8, "character_set": "alphanumeric",
        }))
    };
    vec![
        row(1, "2024-12-31T23:59:59.999Z", json!("ORG-1"), "new", json!(10), json!("Batch-1"), ALICE),
        row(2, "2025-01-01T00:00:00.000Z", json!("ORG-1"), "error", json!(2), json!("batch-2"), ALICE),
        row(3, "2025-01-15T12:34:56.789Z", json!("ORG-2"), "new", json!(30), json!("100%_done"), BOB),
        row(4, "2025-03-30T00:00:00.000Z", Value::Null, "complete", Value::Null, Value::Null, ALICE),
    ]
}

fn related() -> Related {
    let mut related = Related::new();
    for (id, name) in [(ALICE, "Alice"), (BOB, "Bob")] {
        related.insert(
            Collection::Users,
            object(json!({"id": id, "first_name": name, "email": format!("{name}@example.com"), "token": "secret"})),
        );
    }
    related
        .insert(Collection::Organisation, object(json!({"id": "ORG-1", "organisation_name": "One", "city": "Berlin"})));
    related.insert(Collection::Organisation, object(json!({"id": "ORG-2", "organisation_name": "Two", "city": null})));
    related.insert(
        Collection::Files,
        object(json!({"id": FILE, "filename_download": "codes.csv", "filesize": 144, "uploaded_by": BOB})),
    );
    let code =
        |n: u32| object(json!({"id": format!("c0de0000-0000-4000-8000-00000000000{n}"), "code": format!("X{n}")}));
    related.set_codes("00000000-0000-4000-8000-000000000001", vec![code(1), code(2)]);
    related.set_codes_count("00000000-0000-4000-8000-000000000001", 10);
    related
}

fn query_as(access: &Access, text: &str) -> Result<Query, QueryError> {
    parse(&parse_query_string(text)?, Collection::CodeReservation, access, now(), &Budget::default())
}

fn query(text: &str) -> Result<Query, QueryError> {
    query_as(&admin(), text)
}

fn run(text: &str) -> Answer {
    query(text).unwrap_or_else(|e| panic!("{text}: {e}")).run(&rows(), &related()).unwrap()
}

fn data(text: &str) -> Value {
    run(text).data
}

/// The last digits of the keys of the rows of an answer, in their order.
fn ids(text: &str) -> String {
    let answer = data(&format!("fields=id&{text}"));
    let rows = answer.as_array().expect("a list");
    rows.iter().filter_map(|r| r["id"].as_str()?.chars().last()).collect()
}

fn filtered(filter: Value) -> String {
    let text =
        percent_encoding::utf8_percent_encode(&filter.to_string(), percent_encoding::NON_ALPHANUMERIC).to_string();
    ids(&format!("filter={text}"))
}

fn reason(text: &str) -> String {
    reason_as(&admin(), text)
}

fn reason_as(access: &Access, text: &str) -> String {
    let error = match query_as(access, text) {
        Err(error) => error,
        Ok(_) => panic!("{text} is accepted"),
    };
    let reason = error.extensions().get("reason").and_then(Value::as_str).unwrap_or("").to_owned();
    format!("{} {reason}", error.status())
}
