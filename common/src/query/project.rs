//! Rows → the members that were asked for, in their order.

use super::fields::{Node, Selection, Source};
use super::filter::FieldPath;
use super::functions::Function;
use super::operators::Actual;
use super::related::{Related, Row};
use super::schema::{Field, FieldType, Relation};
use serde_json::{Map, Value};

/// What stands for a secret.
const CONCEALED: &str = "**********";

/// One row. Where no member has its own name in the answer, the row is shown as its bare key, as Directus does.
pub(super) fn render(selection: &Selection, row: &Row, related: &Related) -> Value {
    if selection.nodes.iter().all(|node| node.alias) {
        return row.get("id").cloned().unwrap_or(Value::Null);
    }
    let mut out = Map::new();
    for node in &selection.nodes {
        out.insert(node.key.clone(), value(node, row, related));
    }
    Value::Object(out)
}

fn value(node: &Node, row: &Row, related: &Related) -> Value {
    match &node.source {
        Source::Field(field) => member(field, row),
        Source::Function(function, field) => function_value(*function, field, row, related),
        Source::One { field, collection, selection, filter, search } => {
            let found = row.get(field.name).and_then(Value::as_str).and_then(|key| related.get(*collection, key));
            let shown = found
                .filter(|r| filter.as_ref().is_none_or(|f| f.matches(r, related)))
                .filter(|r| search.as_ref().is_none_or(|s| s.matches(r)));
            shown.map_or(Value::Null, |r| render(selection, r, related))
        }
        Source::Many { selection, window, .. } => {
            let Some(id) = row.get("id").and_then(Value::as_str) else {
                return Value::Array(Vec::new());
            };
            if selection.nodes.is_empty()
                && let Some(keys) = related.code_keys_in(id, *window)
            {
                return Value::Array(keys);
            }
            Value::Array(related.codes_in(id, *window).map(|code| render(selection, code, related)).collect())
        }
    }
}

fn member(field: &Field, row: &Row) -> Value {
    let value = row.get(field.name).cloned().unwrap_or(Value::Null);
    match (field.kind, value) {
        (FieldType::Alias, Value::Null) => Value::Array(Vec::new()),
        (_, Value::Null) => Value::Null,
        _ if field.concealed => Value::String(CONCEALED.into()),
        (FieldType::BigInteger, Value::Number(number)) => Value::String(number.to_string()),
        (_, value) => value,
    }
}

fn function_value(function: Function, field: &Field, row: &Row, related: &Related) -> Value {
    if function == Function::Count && matches!(field.relation, Relation::Many(_)) {
        return row.get("id").and_then(Value::as_str).map_or(Value::Null, |id| Value::from(related.codes_count(id)));
    }
    match Actual::read(field.kind, row.get(field.name)) {
        Actual::Instant(at) => function.text_of_instant(&at).map_or(Value::Null, Value::String),
        _ => Value::Null,
    }
}

/// The members that name a group.
pub(super) fn group_members(groups: &[FieldPath], row: &Row, related: &Related) -> Map<String, Value> {
    let named = groups.iter().map(|path| match path.function {
        None => (path.field.name.to_owned(), member(path.field, row)),
        Some(function) => {
            let name = format!("{}_{}", path.field.name, function.name());
            (name, function_value(function, path.field, row, related))
        }
    });
    named.collect()
}
