//! The examples of the document work: each request is sent, and its answer is the one that the document shows.

use std::collections::BTreeMap;

use common::api::{Needs, ROUTES};
use directory::openapi::{examples, id};
use regex::Regex;
use serde_json::{Map, Value, json};

use super::{ADMIN, described, updates};
use crate::support::{
    api::{Api, Reply, encoded},
    contract::{mismatch, resolved, whole},
    harness::{Running, completed},
    repository::root,
};

const FILE: &str = "functions/directory/src/openapi/examples.json";

/// The reservation of the first example, whose codes others read.
const RESERVED: &str = "0193aaaa-0000-7000-8000-000000000001";

/// What stands for the id of a code in the path of an example: codes differ in every installation.
const CODE: &str = "CODE";

/// Encodes what a URI does not allow, so that the examples can be read.
fn encoded_path(path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| match pair.split_once('=') {
        Some((name, value)) => format!("{name}={}", encoded(&json!(value))),
        None => pair.to_owned(),
    });
    let pairs: Vec<String> = pairs.collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

async fn send(running: &Running, example: &Value) -> Reply {
    let token = example["token"].as_str().unwrap_or(ADMIN);
    let path = encoded_path(example["path"].as_str().unwrap());
    let mut request = running.api.with_token(Some(token)).request(example["method"].as_str().unwrap(), &path);
    for (name, value) in example["headers"].as_object().unwrap_or(&Map::new()) {
        request = request.header(name, value.as_str().unwrap());
    }
    if let Some(body) = example.get("body") {
        request = request.json(body);
    }
    Api::try_send(request).await.unwrap()
}

/// Whether two answers are alike: equal but for times, random ids, codes, and links.
fn alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            one.keys().eq(other.keys()) && one.iter().all(|(name, value)| alike(value, &other[name]))
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other))
        }
        (Value::String(one), Value::String(other)) => masked(one) == masked(other),
        _ => one == other,
    }
}

/// A text without what differs between two runs.
fn masked(text: &str) -> String {
    let masks = [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "<time>"),
        (r"^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", "<id>"),
        (r"https?://.*/exports/.*X-Amz-Signature=[0-9a-f]+.*", "<link>"),
        // The serials of the reservation above.
        (r"^[0-9A-Za-z]{8}$", "<serial>"),
        (r"21(/|\))[0-9A-Za-z]{8}$", "21$1<serial>"),
    ];
    // Ids that the examples give are the same in every run.
    if text.starts_with("0193aaaa-") || text.starts_with("f11e0000-") || text.starts_with("a11ce000-") {
        return text.to_owned();
    }
    masks.into_iter().fold(text.to_owned(), |text, (pattern, mask)| {
        Regex::new(pattern).unwrap().replace_all(&text, mask).into_owned()
    })
}

/// The answer as the document shows it: with times of long ago and a short link.
fn recorded(reply: &Reply) -> Value {
    // A picture would be longer than the rest of the document.
    if reply.header("content-type").starts_with("image/") {
        return Value::Null;
    }
    let body = match serde_json::from_str(&reply.text) {
        Ok(body) => body,
        Err(_) if reply.text.is_empty() => Value::Null,
        Err(_) => json!(reply.text),
    };
    let text = body.to_string();
    let text = Regex::new(r"20(2[4-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
        .unwrap()
        .replace_all(&text, "2026-03-14T09:26:53.589Z");
    let link = r#"https?://[^"]*/exports/[^"]*"#;
    let short = "https://exports.s3.amazonaws.com/exports/seed?X-Amz-Expires=900&X-Amz-Signature=0f";
    serde_json::from_str(&Regex::new(link).unwrap().replace_all(&text, short)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_is_answered_as_the_document_shows() {
    let running = described().await;
    let path = root().join(FILE);
    let mut code = None;
    let mut written = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for example in examples() {
        let name = format!("{} {}", example["operation"], example["name"]);
        let mut asked = example.clone();
        if example["path"].as_str().unwrap().contains(CODE) {
            let id: &String = code.as_ref().expect("an example lists codes first");
            asked["path"] = json!(example["path"].as_str().unwrap().replace(CODE, id));
        }
        // A request that succeeds has a body as the document describes it.
        if let (Some(body), true) = (example.get("body"), example["status"].as_u64().unwrap() < 300) {
            let operation = operation_named(example["operation"].as_str().unwrap());
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            assert_eq!(mismatch(schema, body), None, "{name}");
        }
        let reply = send(&running, &asked).await;
        assert_eq!(json!(reply.status), example["status"], "{name}: {reply:?}");
        // Later examples show reservations that are complete.
        if example["operation"] == "createReservations" && reply.status == 200 {
            let body = &example["body"];
            for row in body.as_array().unwrap_or(&vec![body.clone()]) {
                completed(&running.api.with_token(Some(ADMIN)), row["id"].as_str().unwrap()).await;
            }
        }
        if example["operation"] == "listCodes" {
            code = reply.parsed()["data"][0]["id"].as_str().map(str::to_owned);
        }
        *seen.entry(example["operation"].as_str().unwrap().to_owned()).or_default() += 1;
        let answer = recorded(&reply);
        let known = example.get("answer").cloned().unwrap_or_default();
        if updates() {
            let mut example = example.clone();
            if !alike(&known, &answer) {
                example["answer"] = answer;
            }
            written.push(example);
        } else {
            assert!(alike(&known, &answer), "{name}: the document shows {known}, and the answer is {answer}");
        }
    }
    if updates() {
        std::fs::write(path, serde_json::to_string_pretty(&written).unwrap() + "\n").unwrap();
    }
    // The descriptions themselves would be examples as long as the document.
    let without = ["openApi", "graphqlSchema", "systemGraphqlSchema"];
    let described = ROUTES.iter().filter(|route| route.needs != Needs::Page);
    for route in described.map(|route| id(route.operation)).filter(|id| !without.contains(&id.as_str())) {
        assert!(seen.contains_key(&route), "{route} has no example");
    }
    running.stop().await;
}

fn operation_named(id: &str) -> &'static Value {
    let items = whole()["paths"].as_object().unwrap().values();
    let mut operations = items.flat_map(|item| item.as_object().unwrap().values());
    operations.find(|operation| operation["operationId"] == id).unwrap_or_else(|| panic!("{id}"))
}

/// The examples of a parameter, as they stand in a query string or header.
fn values(parameter: &Value) -> Vec<String> {
    let content = &parameter["content"]["application/json"];
    let examples = if content.is_object() { &content["examples"] } else { &parameter["examples"] };
    let text = |value: &Value| match value {
        Value::Array(items) => items.iter().map(|item| item.as_str().unwrap()).collect::<Vec<_>>().join(","),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    examples.as_object().into_iter().flatten().map(|(_, example)| text(&example["value"])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_of_a_parameter_is_accepted_and_is_of_its_schema() {
    let running = described().await;
    let example = |operation: &str| examples().iter().find(|example| example["operation"] == operation).unwrap();
    let created = send(&running, example("createReservations")).await.data();
    let api = running.api.with_token(Some(ADMIN));
    completed(&api, created["id"].as_str().unwrap()).await;
    let codes = running.get(&format!("/items/unique_code?filter[reservation][_eq]={RESERVED}&limit=1"), ADMIN).await;
    let code = codes.data()[0]["id"].as_str().unwrap().to_owned();
    let mut tried = BTreeMap::<String, usize>::new();
    for route in ROUTES.iter().filter(|route| route.method == "GET") {
        let name = id(route.operation);
        let Some(example) = examples().iter().find(|example| example["operation"] == name.as_str()) else { continue };
        let path = example["path"].as_str().unwrap().replace(CODE, &code);
        let path = path.split('?').next().unwrap();
        // What the operation always needs.
        let needed = match name.as_str() {
            "listCodes" => format!("filter[reservation][_eq]={RESERVED}"),
            "queryGraphql" | "querySystemGraphql" => "query={__typename}".to_owned(),
            _ => String::new(),
        };
        for parameter in operation_named(&name)["parameters"].as_array().into_iter().flatten().map(resolved) {
            let schema = parameter.get("schema").unwrap_or(&parameter["content"]["application/json"]["schema"]);
            let own = parameter["name"].as_str().unwrap();
            for (value, given) in values(parameter).into_iter().zip(given(parameter)) {
                assert_eq!(mismatch(schema, given), None, "{name} {own}");
                let mut request = match (parameter["in"].as_str(), needed.starts_with(own)) {
                    (Some("query"), true) => format!("{path}?{own}={value}"),
                    (Some("query"), false) => format!("{path}?{own}={value}&{needed}"),
                    _ => format!("{path}?{needed}"),
                };
                request = request.trim_end_matches(['&', '?']).to_owned();
                let mut asked = api.request("GET", &encoded_path(&request));
                if parameter["in"] == "header" {
                    asked = asked.header(own, &value);
                }
                let reply = Api::try_send(asked).await.unwrap();
                // A filter or search of a single row may leave it out.
                let may_hide = ["filter", "search"].contains(&own) && name.starts_with("get");
                let is_accepted = [200, 302].contains(&reply.status) || may_hide && reply.status == 403;
                assert!(is_accepted, "{name}: {request}: {reply:?}");
                *tried.entry(own.to_owned()).or_default() += 1;
            }
        }
    }
    for name in ["filter", "search", "fields", "sort", "limit", "offset", "page", "aggregate", "groupBy", "alias"] {
        assert!(tried.contains_key(name), "{name} has no example");
    }
    running.stop().await;
}

/// The examples of a parameter as values.
fn given(parameter: &Value) -> impl Iterator<Item = &Value> {
    let content = &parameter["content"]["application/json"];
    let examples = if content.is_object() { &content["examples"] } else { &parameter["examples"] };
    examples.as_object().into_iter().flatten().map(|(_, example)| &example["value"])
}
