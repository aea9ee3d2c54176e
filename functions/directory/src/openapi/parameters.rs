//! Parameters: the variables of paths, and those of query strings and headers.

use common::{
    api::{Operation, Route},
    query::Collection,
};
use serde_json::{Map, Value, json};

use super::{
    PARTS,
    about::{Good, about},
    reference, schema,
    schemas::{Rows, filter_name, names},
    view::View,
};

/// The variables of a route's path.
pub(super) fn path_variables(route: &Route) -> Vec<Value> {
    let variables = route.path.split('/').filter_map(|part| part.strip_prefix('{'));
    variables
        .map(|variable| {
            let (name, takes_rest) = match variable.strip_suffix("+}") {
                Some(name) => (name, true),
                None => (variable.trim_end_matches('}'), false),
            };
            let schema = match name {
                "id" if !takes_rest => json!({ "type": "string", "format": "uuid" }),
                _ => json!({ "type": "string", "minLength": 1 }),
            };
            json!({ "name": name, "in": "path", "required": true, "schema": schema })
        })
        .collect()
}

/// The rows that an operation's parameters are about.
pub(super) fn rows(operation: Operation) -> Rows {
    match about(operation).good {
        Good::List(collection) | Good::One(collection) | Good::Written(collection) => Rows::Of(collection),
        Good::Account => Rows::OwnAccount,
        _ => Rows::Of(Collection::CodeReservation),
    }
}

/// The parameters that name members, which depend on the collection.
const OF_ROWS: [&str; 5] = ["filter", "fields", "sort", "aggregate", "groupBy"];

/// A reference to a parameter.
pub(super) fn parameter(name: &str, rows: Rows) -> Value {
    if OF_ROWS.contains(&name) {
        reference("parameters", &format!("{}.{name}", rows.name()))
    } else {
        reference("parameters", name)
    }
}

/// The parameters that operations refer to.
pub(super) fn parameters(view: &View) -> Map<String, Value> {
    let mut all = PARTS["parameters"].as_object().cloned().unwrap_or_default();
    let rows = Collection::ALL.into_iter().filter(|collection| view.can_read(*collection)).map(Rows::Of);
    for rows in rows.chain([Rows::OwnAccount]) {
        all.extend(OF_ROWS.map(|name| (format!("{}.{name}", rows.name()), parameter_of(name, rows, view))));
    }
    all
}

fn parameter_of(name: &str, rows: Rows, view: &View) -> Value {
    let mut parameter = PARTS["parameters"][name].clone();
    let example = &PARTS["examples"][rows.collection().name()][name];
    let mut described = Map::new();
    let schema = match name {
        "filter" => schema(&filter_name(rows)),
        "aggregate" => aggregate(view, rows),
        "sort" => {
            let mut schema = names(view, rows, "");
            let backwards = names(view, rows, "-")["items"]["anyOf"][0].take();
            if let Some(choices) = schema["items"]["anyOf"].as_array_mut() {
                choices.insert(1, backwards);
            }
            schema
        }
        _ => names(view, rows, ""),
    };
    described.insert("schema".to_owned(), schema);
    if !example.is_null() {
        described.insert("examples".to_owned(), json!({ "some": { "value": example } }));
    }
    if matches!(name, "filter" | "aggregate") {
        parameter["content"] = json!({ "application/json": described });
    } else if let Some(parameter) = parameter.as_object_mut() {
        parameter.extend(described);
    }
    parameter
}

fn aggregate(view: &View, rows: Rows) -> Value {
    let names = names(view, rows, "")["items"].take();
    let operations = ["count", "countDistinct", "sum", "sumDistinct", "avg", "avgDistinct", "min", "max"];
    let members = json!({ "anyOf": [{ "type": "array", "items": names }, { "type": "string" }] });
    let properties = operations.map(|operation| (operation.to_owned(), members.clone()));
    json!({ "type": "object", "properties": Map::from_iter(properties), "additionalProperties": false })
}
