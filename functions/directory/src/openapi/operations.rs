//! Each operation: its name, its security, its body, and what the other files say about it.

use common::{
    api::{Needs, Operation, Route},
    query::Collection,
};
use serde_json::{Map, Value, json};

use super::{
    about::about,
    answers::responses,
    examples_of,
    parameters::{parameter, rows},
    schema,
    schemas::{name, selection_name},
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
    use Collection::{CodeReservation, Organisation, Users};
    let members = |properties: Value, required: &[&str]| {
        let mut members = json!({ "type": "object", "properties": properties, "required": required });
        members["additionalProperties"] = json!(false);
        members
    };
    let of_rows = |row: Value| json!({ "type": "array", "items": row, "maxItems": 100 });
    let key = |collection: Collection| match collection {
        Collection::Organisation => json!({ "type": "string", "minLength": 1 }),
        _ => json!({ "type": "string", "format": "uuid" }),
    };
    let keys = |collection| json!({ "type": "array", "items": key(collection), "maxItems": 100 });
    let create = |collection| {
        let row = || schema(&format!("{}Create", name(collection)));
        vec![row(), of_rows(row())]
    };
    let change = |collection| schema(&format!("{}Update", name(collection)));
    let changes = |collection| {
        let update = || change(collection);
        // A row of an array names its key beside what changes.
        let row = match collection {
            CodeReservation => json!({ "allOf": [update(), { "required": ["id"] }] }),
            _ => schema(&format!("{}Row", name(collection))),
        };
        vec![
            members(json!({ "keys": keys(collection), "data": update() }), &["keys", "data"]),
            members(json!({ "query": schema(&selection_name(collection)), "data": update() }), &["query", "data"]),
            of_rows(row),
        ]
    };
    let deletion = |collection| {
        vec![
            keys(collection),
            members(json!({ "keys": keys(collection) }), &["keys"]),
            members(json!({ "query": schema(&selection_name(collection)) }), &["query"]),
        ]
    };
    let forms: Vec<Value> = match operation {
        Operation::CreateReservations => create(CodeReservation),
        Operation::UpdateReservation => vec![change(CodeReservation)],
        Operation::UpdateReservations => changes(CodeReservation),
        Operation::DeleteReservations => deletion(CodeReservation),
        Operation::SearchReservations => {
            vec![members(json!({ "query": schema("Query"), "keys": keys(CodeReservation) }), &[])]
        }
        Operation::CreateUsers => create(Users),
        Operation::UpdateUser => vec![change(Users)],
        Operation::UpdateUsers => changes(Users),
        Operation::DeleteUsers => deletion(Users),
        Operation::CreateOrganisations => create(Organisation),
        Operation::UpdateOrganisation => vec![change(Organisation)],
        Operation::UpdateOrganisations => changes(Organisation),
        Operation::DeleteOrganisations => deletion(Organisation),
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
