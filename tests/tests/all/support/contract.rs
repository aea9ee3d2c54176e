//! Holds answers against the OpenAPI document: every answer that a test of this crate receives is checked here.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

use common::{directory::Role, reservation::Rules};
use directory::openapi::{View, document};
use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

use super::api::Reply;

/// Bodies beyond this are not checked: they have rows like smaller ones, and a check takes as long as the answer.
const MAX_BODY: usize = 1_000_000;

/// The document of an administrator of all organisations, which describes everything.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| document(&View::of_role(Role::Admin, false), &Rules::default()));

/// The validators of schemas, by their text.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// The whole document.
pub(crate) fn whole() -> &'static Value {
    &DOCUMENT
}

/// The operation of a request in a document; `None` if it describes none. `path` has no query string.
pub(crate) fn operation<'d>(document: &'d Value, method: &str, path: &str) -> Option<&'d Value> {
    let path = path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path);
    let paths = document["paths"].as_object().unwrap();
    // A path without variables wins, as in the gateway.
    let exact = paths.get(path);
    let item = exact.or_else(|| paths.iter().find(|(template, _)| is_path_of(template, path)).map(|(_, item)| item))?;
    item.get(match method {
        "SEARCH" => "x-search".to_owned(),
        method => method.to_lowercase(),
    })
}

fn is_path_of(template: &str, path: &str) -> bool {
    // An organisation's id is the rest of its path.
    let takes_rest = template == "/items/organisation/{id}";
    let mut parts = path.split('/');
    for expected in template.split('/') {
        match parts.next() {
            Some("") if expected.starts_with('{') => return false,
            Some(part) if expected.starts_with('{') || part == expected => {}
            _ => return false,
        }
    }
    takes_rest || parts.next().is_none()
}

/// What a reference of the whole document refers to; the value itself if it is none.
pub(crate) fn resolved(value: &Value) -> &Value {
    match value["$ref"].as_str() {
        Some(reference) => whole().pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("{reference}")),
        None => value,
    }
}

/// Why a value does not match a schema of the whole document; `None` if it does.
pub(crate) fn mismatch(schema: &Value, value: &Value) -> Option<String> {
    let key = schema.to_string();
    let known = VALIDATORS.lock().unwrap().get(&key).cloned();
    let validator = known.unwrap_or_else(|| {
        // References are to the root of the document.
        let root = json!({ "components": whole()["components"], "allOf": [schema] });
        let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
        let validator = Arc::new(options.build(&root).unwrap_or_else(|error| panic!("{error}: {schema}")));
        VALIDATORS.lock().unwrap().insert(key, Arc::clone(&validator));
        validator
    });
    let errors: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{error} at {}", error.instance_path())).collect();
    (!errors.is_empty()).then(|| errors.join("; "))
}

/// Why an answer is not one of the document; `None` if it is.
pub(crate) fn breach(method: &str, path_and_query: &str, reply: &Reply) -> Option<String> {
    let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    let Some(operation) = operation(whole(), method, path) else {
        // What the document does not name is refused, but for the methods of a path that does not exist.
        let is_refused = (400..600).contains(&reply.status) || method == "OPTIONS";
        return (!is_refused).then(|| "there is no such operation".to_owned());
    };
    let responses = &operation["responses"];
    let of_class = format!("{}XX", reply.status / 100);
    let Some(response) = responses.get(reply.status.to_string()).or_else(|| responses.get(of_class)) else {
        return Some("the operation has no such status".to_owned());
    };
    let response = resolved(response);
    header_breach(response, reply).or_else(|| body_breach(response, method, query, reply))
}

fn header_breach(response: &Value, reply: &Reply) -> Option<String> {
    for (name, header) in response["headers"].as_object().unwrap_or(&Map::new()) {
        let header = resolved(header);
        match reply.headers.get(name) {
            None if header["required"] == true => return Some(format!("the header {name} is missing")),
            None => {}
            Some(value) => {
                let value = json!(String::from_utf8_lossy(value.as_bytes()));
                if let Some(reason) = mismatch(&header["schema"], &value) {
                    return Some(format!("the header {name}: {reason}"));
                }
            }
        }
    }
    None
}

fn body_breach(response: &Value, method: &str, query: &str, reply: &Reply) -> Option<String> {
    if reply.text.is_empty() || method == "HEAD" {
        return None;
    }
    let media_type = reply.header("content-type").split(';').next().unwrap_or_default();
    let Some(media) = response["content"].get(media_type) else {
        return Some(format!("the answer has no {media_type}"));
    };
    // An alias may have the name of a member of another type.
    let is_aliased = percent_encoding::percent_decode_str(query).decode_utf8_lossy().contains("alias");
    if media_type != "application/json" || is_aliased || reply.text.len() > MAX_BODY {
        return None;
    }
    match serde_json::from_str(&reply.text) {
        Ok(body) => mismatch(&media["schema"], &body).map(|reason| format!("the body: {reason}")),
        Err(error) => Some(format!("the body is no JSON: {error}")),
    }
}

/// Checks an answer.
///
/// # Panics
/// If it is not one of the document.
pub(crate) fn check(method: &str, path_and_query: &str, reply: &Reply) {
    if let Some(reason) = breach(method, path_and_query, reply) {
        panic!("{method} {path_and_query} is answered otherwise than the OpenAPI document says: {reason}: {reply:?}");
    }
}
