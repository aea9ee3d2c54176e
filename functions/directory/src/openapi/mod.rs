//! The OpenAPI 3.1 document of the REST API, as far as one caller may use it: `GET /server/specs/oas` and, for an
//! administrator of all organisations, `docs/openapi.yaml`.
//!
//! It is made of the table of routes ([`common::api::ROUTES`]) and of the description of the collections
//! ([`common::query::schema`]), so it cannot name a route or a member that does not exist.
//!
//! | file | what it describes |
//! |---|---|
//! | `operations` | each operation: what it needs, and its body |
//! | `about` | what is said about each operation |
//! | `parameters` | variables of paths, parameters of query strings and headers |
//! | `answers` | the answers by status, HEAD, OPTIONS |
//! | `refusals` | the errors by code |
//! | `administered` | inputs about users and organisations, from the rules of `common::operations::directory` |
//! | `schemas` | rows, filters and inputs, from the collections and the rules of `domain` |
//! | `view` | what one caller may use |
//! | `parts.json` | texts, headers, parameters and errors that depend on nothing |
//! | `examples.json` | requests with their answers; a test sends them and compares (`tests/tests/all/openapi`) |
//!
//! The pages for people (`Needs::Page`) are left out: they answer HTML to browsers, for which their forms and links are the
//! description.
//!
//! Pure: no I/O, no clock. The document depends on the caller's rights and on the rules of the deployment only.

mod about;
mod administered;
mod answers;
mod operations;
mod parameters;
mod refusals;
mod schemas;
mod view;

use std::{collections::BTreeSet, sync::LazyLock};

use common::{
    api::{Operation, ROUTES, Route},
    reservation::Rules,
};
use serde_json::{Map, Value, json};

pub use operations::id;
pub use view::View;

/// What is static. A test parses it, so it is never empty.
static PARTS: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(include_str!("parts.json")).unwrap_or_default());

/// The requests that serve as examples, with their answers.
static EXAMPLES: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("examples.json")).unwrap_or_default());

/// The kinds of components that operations refer to.
const KINDS: [&str; 4] = ["parameters", "headers", "responses", "schemas"];

/// The requests that serve as examples, with their answers: `operation`, `method`, `name`, `path`, perhaps `body`,
/// `headers` and `token`, then `status` and `answer`.
#[must_use]
pub fn examples() -> &'static [Value] {
    EXAMPLES.as_array().map_or(&[], Vec::as_slice)
}

/// The document for a caller.
#[must_use]
pub fn document(view: &View, rules: &Rules) -> Value {
    let mut paths = Map::new();
    for route in ROUTES.iter().filter(|route| view.may(route.needs)) {
        let item = paths.entry(shown(route.path)).or_insert_with(|| json!({}));
        let Some(item) = item.as_object_mut() else { continue };
        add(item, route);
    }
    let mut components = components(view, rules);
    keep_used(&mut components, &paths);
    let mut document = json!({ "openapi": "3.1.0", "info": PARTS["info"] });
    document["info"]["version"] = json!(env!("CARGO_PKG_VERSION"));
    // Relative to the place of the document, `/server/specs/oas`.
    document["servers"] = json!([{ "url": "/" }]);
    document["security"] = json!([{}, { "token": [] }, { "query": [] }, { "session": [] }]);
    document["tags"] = used_tags(&paths);
    document["paths"] = Value::Object(paths);
    document["components"] = Value::Object(components);
    document
}

/// A path as OpenAPI writes it.
fn shown(path: &str) -> String {
    path.replace("+}", "}")
}

/// Adds a route to the item of its path: its operation, and with the first one what every path has.
fn add(item: &mut Map<String, Value>, route: &Route) {
    let variables = parameters::path_variables(route);
    if item.is_empty() && !variables.is_empty() {
        item.insert("parameters".to_owned(), Value::Array(variables));
    }
    let described = operations::describe(route);
    if route.method == "GET" {
        item.insert("head".to_owned(), answers::head(&described));
    }
    let name = match route.method {
        // OpenAPI 3.1 has no other methods than those of HTTP itself.
        "SEARCH" => "x-search".to_owned(),
        method => method.to_lowercase(),
    };
    item.insert(name, described);
    if !item.contains_key("options") {
        item.insert("options".to_owned(), answers::options(route));
    }
}

/// The tags of some paths, in their order.
fn used_tags(paths: &Map<String, Value>) -> Value {
    let items = paths.values().filter_map(Value::as_object).flat_map(Map::values);
    let used: BTreeSet<&str> =
        items.filter_map(|operation| operation["tags"].as_array()).flatten().filter_map(Value::as_str).collect();
    let all = PARTS["tags"].as_array().into_iter().flatten();
    all.filter(|tag| tag["name"].as_str().is_some_and(|name| used.contains(name))).cloned().collect()
}

fn components(view: &View, rules: &Rules) -> Map<String, Value> {
    let mut components = Map::new();
    components.insert("securitySchemes".to_owned(), PARTS["securitySchemes"].clone());
    components.insert("parameters".to_owned(), Value::Object(parameters::parameters(view)));
    components.insert("headers".to_owned(), PARTS["headers"].clone());
    components.insert("responses".to_owned(), refusals::refusals(view));
    components.insert("schemas".to_owned(), Value::Object(schemas::all(view, rules)));
    components
}

/// Removes the components that no path refers to, not even over others.
fn keep_used(components: &mut Map<String, Value>, paths: &Map<String, Value>) {
    let mut used = BTreeSet::new();
    let mut open: Vec<String> = Vec::new();
    paths.values().for_each(|item| references(item, &mut open));
    // Each component is looked into once.
    while let Some(reference) = open.pop() {
        if let (true, Some((kind, name))) = (used.insert(reference.clone()), place(&reference)) {
            references(&components[kind][name], &mut open);
        }
    }
    for kind in KINDS {
        let Some(all) = components.get_mut(kind).and_then(Value::as_object_mut) else { continue };
        all.retain(|name, _| used.contains(&format!("#/components/{kind}/{name}")));
    }
    components.retain(|_, all| all.as_object().is_none_or(|all| !all.is_empty()));
}

/// The kind and the name of a component.
fn place(reference: &str) -> Option<(&str, &str)> {
    reference.strip_prefix("#/components/")?.split_once('/')
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

fn schema(name: &str) -> Value {
    reference("schemas", name)
}

/// The examples of an operation.
fn examples_of(operation: Operation) -> impl Iterator<Item = &'static Value> {
    examples().iter().filter(move |example| example["operation"] == id(operation))
}
