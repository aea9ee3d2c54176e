//! Refusals: the entries of `errors` by their codes, and the responses that operations refer to.

use common::api::ROUTES;
use serde_json::{Map, Value, json};

use super::{PARTS, operations::id, reference, schema, view::View};

/// The refusals that operations refer to.
pub(super) fn refusals(view: &View) -> Value {
    let mut all = Map::new();
    for (status, refusal) in PARTS["refusals"].as_object().into_iter().flatten() {
        let codes: Vec<&str> = strings(&refusal["codes"]).collect();
        let name = refusal["name"].as_str().unwrap_or_default();
        all.insert(name.to_owned(), response(refusal, &codes, examples_of_errors(status, &codes, view)));
        // The rows of an array may be refused for several reasons. The status is that of the first one.
        let of_rows = || strings(&PARTS["refusals"]["400"]["codes"]).chain(["FORBIDDEN"]);
        let more: Option<(&str, Vec<&str>)> = match status.as_str() {
            "400" => Some(("BadRows", of_rows().collect())),
            "403" => Some(("ForbiddenRows", of_rows().collect())),
            _ => None,
        };
        let of_document = || codes.iter().copied().chain(["GRAPHQL_VALIDATION", "GRAPHQL_EXECUTION"]).collect();
        if status == "422" {
            let mut refusal = refusal.clone();
            refusal["description"] =
                json!("Other rows need the row as it is: the last administrator, an organisation in use.");
            let codes = ["UNPROCESSABLE_CONTENT"];
            let examples = examples_of_errors(status, &codes, view);
            all.insert("Needed".to_owned(), response(&refusal, &codes, examples));
        }
        let document = (status == "400").then(|| ("BadDocument", of_document()));
        for (name, codes) in more.into_iter().chain(document) {
            let examples = examples_of_errors(status, &codes, view);
            all.insert(name.to_owned(), response(refusal, &codes, examples));
        }
    }
    Value::Object(all)
}

fn response(refusal: &Value, codes: &[&str], examples: Map<String, Value>) -> Value {
    let is_of_gateway = refusal["gateway"] == true;
    let mut forms = Vec::new();
    if !codes.is_empty() {
        forms.push(errors(codes));
    }
    if is_of_gateway {
        forms.push(schema("GatewayMessage"));
    }
    let id = if is_of_gateway { "RequestIdIfServed" } else { "RequestId" };
    let mut headers = json!({ "x-request-id": reference("headers", id) });
    if refusal["retry"] == true {
        headers["retry-after"] = reference("headers", "RetryAfter");
    }
    let schema = match <[Value; 1]>::try_from(forms) {
        Ok([only]) => only,
        Err(forms) => json!({ "anyOf": forms }),
    };
    let mut media = json!({ "schema": schema });
    if !examples.is_empty() {
        media["examples"] = Value::Object(examples);
    }
    json!({ "description": refusal["description"], "headers": headers, "content": { "application/json": media } })
}

/// The examples of refusals with this status, of whatever operation that the caller may use.
fn examples_of_errors(status: &str, codes: &[&str], view: &View) -> Map<String, Value> {
    let is_hidden = |example: &Value| {
        ROUTES.iter().any(|route| example["operation"] == id(route.operation) && !view.may(route.needs))
    };
    let number: Option<u64> = status.parse().ok();
    let of_status = super::examples().iter().filter(|example| example["status"].as_u64() == number);
    let of_status = of_status.filter(|example| !is_hidden(example));
    let known = of_status.filter(|example| {
        example["answer"]["errors"][0]["extensions"]["code"].as_str().is_none_or(|code| codes.contains(&code))
    });
    known
        .filter_map(|example| {
            let summary = format!("{} {}", example["method"].as_str()?, example["path"].as_str()?);
            let name = example["name"].as_str()?.to_owned();
            Some((name, json!({ "summary": summary, "value": example["answer"] })))
        })
        .collect()
}

/// A refusal of the service, with one of these codes in each entry.
pub(super) fn errors(codes: &[&str]) -> Value {
    let entries: Vec<Value> = codes.iter().map(|code| schema(&error_name(code))).collect();
    let entry = match <[Value; 1]>::try_from(entries) {
        Ok([only]) => only,
        Err(entries) => json!({ "anyOf": entries }),
    };
    json!({
        "type": "object",
        "properties": { "errors": { "type": "array", "items": entry, "minItems": 1 } },
        "required": ["errors"],
        "additionalProperties": false,
    })
}

/// `INVALID_QUERY` → `InvalidQueryError`.
fn error_name(code: &str) -> String {
    let words = code.split('_').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        format!("{first}{}", rest.to_lowercase())
    });
    words.collect::<String>() + "Error"
}

/// The schema of an entry of `errors` for each code.
pub(super) fn error_schemas() -> Map<String, Value> {
    let mut schemas = Map::new();
    for (code, details) in PARTS["errors"].as_object().into_iter().flatten() {
        let mut properties = details["properties"].as_object().cloned().unwrap_or_default();
        properties.insert(
            "index".to_owned(),
            json!({ "type": "integer", "description": "The row's place in an array of rows." }),
        );
        properties.insert("code".to_owned(), json!({ "const": code }));
        let required: Vec<&str> = strings(&details["required"]).chain(["code"]).collect();
        let extensions = json!({ "type": "object", "properties": properties, "required": required });
        let entry = json!({
            "type": "object",
            "properties": { "message": { "type": "string" }, "extensions": extensions },
            "required": ["message", "extensions"],
        });
        schemas.insert(error_name(code), entry);
    }
    schemas
}

fn strings(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}
