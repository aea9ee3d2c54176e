//! The answers of an operation by status, and those of HEAD and OPTIONS, which follow from them.

use common::api::{Needs, Operation, Route};
use serde_json::{Map, Value, json};

use super::{
    PARTS,
    about::{ALWAYS, About, Good, OF_NOTHING, about},
    examples_of,
    operations::id,
    reference,
    refusals::errors,
    schema,
    schemas::name,
};

/// The answers of an operation, by status.
pub(super) fn responses(route: &Route, about: &About) -> Map<String, Value> {
    let is_read = route.method == "GET";
    let is_of_one = route.path.contains('{');
    let mut responses = Map::new();
    let mut add = |status: u16, response: Value| drop(responses.insert(status.to_string(), response));
    let json_of = |schema: Value| json!({ "application/json": { "schema": schema } });
    let data = |data: Value| {
        let properties = json!({ "data": data });
        json!({ "type": "object", "properties": properties, "required": ["data"], "additionalProperties": false })
    };
    let row_of = |collection| schema(name(collection));
    let answer = |text: &str, content: Value| {
        let mut response = json!({ "description": text, "headers": headers(is_read, &[]), "content": content });
        if response["content"].get("text/csv").is_some() {
            response["headers"]["content-disposition"] = reference("headers", "Disposition");
        }
        response
    };
    let mut good = match about.good {
        Good::List(collection) => {
            let row = json!({ "anyOf": [row_of(collection), schema("Aggregates")] });
            let rows = json!({ "type": "array", "items": row });
            let mut envelope = data(rows.clone());
            envelope["properties"]["meta"] = schema("Meta");
            answer("The rows, or a file of them.", exported(envelope, rows))
        }
        Good::One(collection) => {
            answer("The row, or a file of it.", exported_one(data(row_of(collection)), row_of(collection)))
        }
        Good::Account => {
            answer("The account, or a file of it.", exported_one(data(schema("Account")), schema("Account")))
        }
        Good::Written(collection) => {
            let row = row_of(collection);
            let rows = json!({ "type": "array", "items": row.clone() });
            let content = match route.method {
                "PATCH" if is_of_one => exported_one(data(row.clone()), row),
                "PATCH" => exported(data(rows.clone()), rows),
                _ => {
                    let mut content = exported(data(json!({ "anyOf": [row.clone(), rows.clone()] })), rows);
                    if let Some(forms) = content["application/json"]["schema"]["anyOf"].as_array_mut() {
                        forms.push(without_envelope(row));
                    }
                    content
                }
            };
            answer("What was written, or a file of it.", content)
        }
        Good::Link => answer("The link, with `redirect=false`.", json_of(data(schema("Link")))),
        Good::Graphql => answer("The answer, perhaps with errors.", json_of(schema("GraphqlAnswer"))),
        Good::Text(media_type) => answer("A text.", json!({ media_type: { "schema": { "type": "string" } } })),
        Good::Picture(media_type) => answer("The picture.", json!({ media_type: {} })),
        Good::Json(name) => answer("The answer.", json_of(schema(name))),
        Good::NoContent => Value::Null,
    };
    if about.good == Good::Link {
        // A link is never kept.
        good["headers"] = headers(false, &[]);
        add(302, json!({ "description": "A redirect to the link.", "headers": headers(false, &["Location"]) }));
    }
    for example in examples_of(route.operation).filter(|example| example["status"] == 200) {
        let media_type = example["type"].as_str().unwrap_or("application/json");
        if let (Some(name), false) = (example["name"].as_str(), example["answer"].is_null()) {
            let summary = format!("{} {}", route.method, example["path"].as_str().unwrap_or_default());
            good["content"][media_type]["examples"][name] = json!({ "summary": summary, "value": example["answer"] });
        }
    }
    if !good.is_null() {
        add(200, good);
    }
    if matches!(about.good, Good::NoContent | Good::Written(_)) {
        let text = if about.good == Good::NoContent { "Done." } else { "Written; the parameters leave the row out." };
        add(204, json!({ "description": text, "headers": headers(false, &[]) }));
    }
    if is_read && about.good != Good::Link {
        let text = "The answer is still that of `If-None-Match`.";
        add(304, json!({ "description": text, "headers": headers(true, &[]) }));
    }
    let always: &[u16] = if route.needs == Needs::Nothing { &OF_NOTHING } else { &ALWAYS };
    let mut statuses: Vec<u16> = always.iter().chain(about.refusals).copied().collect();
    statuses.sort_unstable();
    for status in statuses {
        let name = PARTS["refusals"][status.to_string()]["name"].as_str().unwrap_or_default();
        let response = match (about.good, status) {
            (Good::Graphql, 400) => reference("responses", "BadDocument"),
            (_, 422) if !about.parameters.contains(&"IdempotencyKey") => reference("responses", "Needed"),
            (Good::Written(_), 400) if !is_of_one => reference("responses", "BadRows"),
            (Good::Written(_), 403) if !is_of_one => reference("responses", "ForbiddenRows"),
            (_, 503) if route.operation == Operation::Health => unhealthy(),
            _ => reference("responses", name),
        };
        add(status, response);
    }
    responses
}

/// The content of an answer that the parameter `export` makes a file.
fn exported(envelope: Value, file: Value) -> Value {
    json!({
        "application/json": { "schema": { "anyOf": [envelope, file] } },
        "text/csv": { "schema": { "type": "string" } },
        "text/xml": { "schema": { "type": "string" } },
        // YAML has the types of JSON: clients that read a document of it hold the rows against a schema.
        "text/yaml": { "schema": file },
    })
}

/// The same for a single row, of which a file has no envelope.
fn exported_one(envelope: Value, row: Value) -> Value {
    exported(envelope, without_envelope(row))
}

fn without_envelope(row: Value) -> Value {
    json!({ "allOf": [row], "not": { "required": ["data"] } })
}

/// The headers of an answer of the service.
fn headers(is_kept: bool, more: &[&str]) -> Value {
    let mut headers = json!({
        "x-request-id": reference("headers", "RequestId"),
        "cache-control": reference("headers", "CacheControl"),
    });
    if is_kept {
        headers["etag"] = reference("headers", "ETag");
    }
    for name in more {
        headers[name.to_lowercase()] = reference("headers", name);
    }
    headers
}

fn unhealthy() -> Value {
    let status = json!({ "type": "object", "properties": { "status": { "const": "error" } }, "required": ["status"] });
    let forms = [status, errors(&["SERVICE_UNAVAILABLE"]), schema("GatewayMessage")];
    json!({
        "description": "A store does not answer.",
        "headers": { "retry-after": reference("headers", "RetryAfter") },
        "content": { "application/json": { "schema": { "anyOf": forms } } },
    })
}

/// HEAD: the answers of GET without their bodies.
pub(super) fn head(get: &Value) -> Value {
    let mut head = json!({ "summary": format!("{} (headers only)", get["summary"].as_str().unwrap_or_default()) });
    let name = get["operationId"].as_str().unwrap_or_default();
    head["operationId"] = json!(format!("{name}Head"));
    for member in ["tags", "security", "parameters"] {
        if let Some(value) = get.get(member) {
            head[member] = value.clone();
        }
    }
    let mut responses = Map::new();
    let without_content = |response: &Value| {
        let mut response = response.clone();
        if let Some(response) = response.as_object_mut() {
            response.remove("content");
        }
        response
    };
    let good = get["responses"].as_object().into_iter().flatten().filter(|(status, _)| status.as_str() < "400");
    responses.extend(good.map(|(status, response)| (status.clone(), without_content(response))));
    for status in ["4XX", "5XX"] {
        responses.insert(status.to_owned(), json!({ "description": "The refusal of GET, without its body." }));
    }
    head["responses"] = Value::Object(responses);
    head
}

/// OPTIONS: the methods of a path. A browser asks before a page of another origin sends a request.
pub(super) fn options(route: &Route) -> Value {
    let mut answers = json!({
        "200": {
            "description": "The methods of the path.",
            "headers": headers(false, &["Allow"]),
            "content": { "text/html": { "schema": { "type": "string" } } },
        },
    });
    for status in OF_NOTHING {
        let name = PARTS["refusals"][status.to_string()]["name"].as_str().unwrap_or_default();
        answers[status.to_string()] = reference("responses", name);
    }
    let about = about(route.operation);
    json!({
        "operationId": format!("{}Options", id(route.operation)),
        "tags": [about.tag],
        "summary": "The methods of the path",
        "security": [],
        "responses": answers,
    })
}
