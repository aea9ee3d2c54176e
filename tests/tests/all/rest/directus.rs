//! Compares answers with those of a real Directus over the rows of `tests/directus/seed.json`.
//!
//! `tests/directus/cases.json` holds one case per line: the request, the status, the media type if it is not JSON, and
//! the body. Of an error only `extensions` are compared, without the messages of JSON parsers. The members `codes` are
//! not compared, because the recorded codes were invented. If two databases under the same Directus gave different
//! answers, the second one is in `or`; either is accepted.

use std::fs;

use serde_json::{Map, Value, json};

use super::{ADMIN, seeded};
use crate::support::{harness::Running, repository::root};

/// Members whose values differ in every run.
const VOLATILE: [&str; 2] = ["last_access", "last_page"];

#[tokio::test(flavor = "multi_thread")]
async fn recorded_answers_are_given_again() {
    let text = fs::read_to_string(root().join("tests/directus/cases.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    let known = text.to_lowercase() + &fs::read_to_string(root().join("tests/directus/seed.json")).unwrap();
    let server = seeded().start().await;
    let mut wrong = Vec::new();
    for case in &cases {
        let answer = send(&server, case).await;
        let shown = normal(&answer, case, &known).to_string();
        let expected: Vec<String> = ["answer", "or"]
            .iter()
            .filter_map(|side| case.get(side))
            .map(|side| normal(side, case, &known).to_string())
            .collect();
        if !expected.contains(&shown) {
            wrong.push(format!("{}\n  {}\n  {shown}", case["id"], expected.join("\n  ")));
        }
    }
    server.stop().await;
    assert!(cases.len() > 370);
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

async fn send(server: &Running, case: &Value) -> Value {
    let path = case["path"].as_str().unwrap();
    let headers: Vec<(&str, &str)> = case["headers"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect();
    let has = |wanted: &str| headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
    let token = match case["auth"].as_str() {
        _ if has("authorization") => None,
        None => Some(ADMIN),
        Some("none") => None,
        Some("writer") => Some("writer-token"),
        Some("reader") => Some("reader-token"),
        Some("noperm") => Some("noperm-token"),
        Some("bad") => Some("no-such-token"),
        other => panic!("{other:?}"),
    };
    let body = match (case.get("body"), case["raw"].as_str()) {
        (Some(body), _) => Some(body.to_string()),
        (None, Some(raw)) => {
            let times = case["raw_repeat"].as_u64().unwrap_or(1) as usize;
            Some(raw.repeat(times) + case["raw_tail"].as_str().unwrap_or_default())
        }
        (None, None) => None,
    };
    let json = [("content-type", "application/json")];
    let headers =
        if case.get("body").is_some() && !has("content-type") { [&headers[..], &json].concat() } else { headers };
    let method = case["method"].as_str().unwrap_or("GET");
    let reply = server.send(method, path, token, &headers, body.map(String::into_bytes)).await;
    let media = reply.header("content-type").replace(' ', "").to_lowercase();
    let mut answer = json!({ "status": reply.status });
    if media != "application/json;charset=utf-8" {
        answer["type"] = json!(media);
    }
    if !reply.text.is_empty() {
        let is_file = reply.header("content-disposition").starts_with("attachment");
        match media.contains("json") && !is_file {
            true => answer["json"] = reply.json(),
            false => answer["text"] = json!(reply.text),
        }
    }
    answer
}

/// An answer without the parts that a client cannot rely on. The order of members is compared, because a client asks
/// for them in an order.
fn normal(answer: &Value, case: &Value, known: &str) -> Value {
    let mut out = answer.clone();
    let Some(body) = answer.get("json") else { return out };
    let mut body = plain(body, known);
    if let Some(errors) = body.get_mut("errors").and_then(Value::as_array_mut) {
        errors.iter_mut().for_each(extensions_only);
    }
    if case["unordered"] == true
        && let Some(rows) = body["data"].as_array_mut()
    {
        rows.sort_by_key(Value::to_string);
    }
    out["json"] = body;
    out
}

fn plain(value: &Value, known: &str) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(name, _)| *name != "codes")
            .map(|(name, value)| {
                let value = if VOLATILE.contains(&name.as_str()) { json!("<volatile>") } else { plain(value, known) };
                (name.clone(), value)
            })
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.iter().map(|item| plain(item, known)).collect(),
        Value::String(text) if uuid::Uuid::parse_str(text).is_ok() && !known.contains(text.as_str()) => json!("<uuid>"),
        other => other.clone(),
    }
}

/// Reduces an error to the contract: its code and details, sorted, without the messages of JSON parsers.
fn extensions_only(error: &mut Value) {
    let mut members: Vec<(String, Value)> =
        error["extensions"].as_object().unwrap().iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    members.sort_by(|a, b| a.0.cmp(&b.0));
    let mut extensions: Map<String, Value> = members.into_iter().collect();
    let is = |code: &str| extensions["code"] == code;
    let says = |words: &[&str]| {
        let reason = extensions.get("reason").and_then(Value::as_str).unwrap_or_default();
        words.iter().any(|word| reason.contains(word))
    };
    let parser = ["JSON", "token", "position", "property name", "<parser>"];
    if (is("INVALID_PAYLOAD") && says(&parser)) || (is("INVALID_QUERY") && says(&["JSON", "<parser>"])) {
        extensions.insert("reason".to_owned(), json!("<parser>"));
    }
    *error = json!({ "extensions": extensions });
}
