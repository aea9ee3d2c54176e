//! Each operation: its name, its security, its body, and what the other files say about it.

use common::api::{Needs, Operation, Route};
use serde_json::{Map, Value, json};

use super::{
    about::about,
    answers::responses,
    examples_of,
    parameters::{parameter, rows},
    schema,
};

/// The name of an operation in the document: `listReservations`.
#[must_use]
pub fn id(operation: Operation) -> String {
    let name = format!("{operation:?}");
    let (first, rest) = name.split_at(1);
    first.to_lowercase() + rest
}

/// The description of an operation.
pub(super) fn describe(route: &Route) -> Value {
    let operation = route.operation;
    let about = about(operation);
    let mut described = json!({ "operationId": id(operation), "tags": [about.tag], "summary": about.summary });
    if !about.text.is_empty() {
        described["description"] = json!(about.text);
    }
    match route.needs {
        Needs::Nothing => described["security"] = json!([]),
        Needs::NoBadToken | Needs::Page => {}
        Needs::Account | Needs::Right(..) => {
            described["security"] = json!([{ "token": [] }, { "query": [] }, { "session": [] }]);
        }
    }
    let parameters: Vec<Value> = about.parameters.iter().map(|name| parameter(name, rows(operation))).collect();
    if !parameters.is_empty() {
        described["parameters"] = Value::Array(parameters);
    }
    if let Some(body) = body(operation) {
        described["requestBody"] = body;
    }
    described["responses"] = Value::Object(responses(route, &about));
    described
}

/// The body of an operation.
fn body(operation: Operation) -> Option<Value> {
    let update = || schema("CodeReservationUpdate");
    let ids = || json!({ "type": "array", "items": { "type": "string", "format": "uuid" }, "maxItems": 100 });
    let members = |properties: Value, required: &[&str]| {
        let mut members = json!({ "type": "object", "properties": properties, "required": required });
        members["additionalProperties"] = json!(false);
        members
    };
    let of_rows = |row: Value| json!({ "type": "array", "items": row, "maxItems": 100 });
    let forms: Vec<Value> = match operation {
        Operation::CreateReservations => {
            vec![schema("CodeReservationCreate"), of_rows(schema("CodeReservationCreate"))]
        }
        Operation::UpdateReservation => vec![update()],
        Operation::UpdateReservations => vec![
            members(json!({ "keys": ids(), "data": update() }), &["keys", "data"]),
            members(json!({ "query": schema("Selection"), "data": update() }), &["query", "data"]),
            of_rows(json!({ "allOf": [update(), { "required": ["id"] }] })),
        ],
        Operation::DeleteReservations => vec![
            ids(),
            members(json!({ "keys": ids() }), &["keys"]),
            members(json!({ "query": schema("Selection") }), &["query"]),
        ],
        Operation::SearchReservations => vec![members(json!({ "query": schema("Query"), "keys": ids() }), &[])],
        Operation::ExecuteGraphql | Operation::ExecuteSystemGraphql => vec![schema("GraphqlRequest")],
        _ => return None,
    };
    let schema = match <[Value; 1]>::try_from(forms) {
        Ok([only]) => only,
        Err(forms) => json!({ "oneOf": forms }),
    };
    let mut media = json!({ "schema": schema });
    let examples: Map<String, Value> = examples_of(operation)
        .filter(|example| example["status"].as_u64().is_some_and(|status| status < 300))
        .filter_map(|example| Some((example["name"].as_str()?.to_owned(), json!({ "value": example.get("body")? }))))
        .collect();
    if !examples.is_empty() {
        media["examples"] = Value::Object(examples);
    }
    Some(json!({ "required": true, "content": { "application/json": media } }))
}
