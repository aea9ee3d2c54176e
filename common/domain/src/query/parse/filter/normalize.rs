//! A filter as written → one shape: objects with one key, several keys as `_and`, logic above fields, variables resolved.
//!
//! `{"quantity": {"_gte": 1, "_lte": 5}}` becomes `{"_and": [{"quantity": {"_gte": 1}}, {"quantity": {"_lte": 5}}]}`,
//! `{"status": "new"}` becomes `{"status": {"_eq": "new"}}`. The words `true`, `false` and `null` become their
//! values, because query strings cannot express them otherwise.

use super::walk::depth;
use crate::query::budget::{Limit, size_of_name};
use crate::query::error::QueryError;
use crate::query::json_size::json_values;
use crate::query::limits::{MAX_FILTER_NESTING, MAX_FILTER_NODES, MAX_RELATIONAL_DEPTH};
use crate::query::parse::variables::Variables;
use serde_json::{Map, Value};

const LISTS: [&str; 4] = ["_in", "_nin", "_between", "_nbetween"];

/// Reads the `filter` parameter: an object, or a text that is one in JSON.
///
/// # Errors
/// `INVALID_QUERY` if it is not valid JSON, too large, too deep, or if a group is not a list.
pub(in crate::query) fn parse(raw: &Value, variables: Variables<'_>) -> Result<Value, QueryError> {
    let parsed;
    let filter = match raw {
        Value::String(text) => {
            if json_values(text.as_bytes()) > MAX_FILTER_NODES {
                return Err(too_large());
            }
            parsed = serde_json::from_str(text).map_err(|_| QueryError::invalid("Invalid JSON for filter object"))?;
            &parsed
        }
        other => other,
    };
    let mut size = Size::default();
    count(filter, 0, 0, &mut size)?;
    variables.budget.spend(Limit::Values, size.expanded)?;
    // Below, each condition is copied with every field above it, so depth is bounded before.
    if depth(filter) > MAX_RELATIONAL_DEPTH {
        return Err(QueryError::invalid("Max relational depth exceeded"));
    }
    if filter.is_null() {
        return Ok(Value::Null);
    }
    let filter = normalize(filter, variables).and_then(|f| lift_logic(f, &mut Vec::new()));
    filter.ok_or_else(|| QueryError::invalid("Invalid filter object"))
}

/// The size of a filter.
#[derive(Default)]
struct Size {
    /// Values as written.
    nodes: usize,
    /// Values and names, counting the fields above a condition once for each condition, as they are copied below.
    expanded: usize,
}

fn too_large() -> QueryError {
    QueryError::invalid("The filter is too large")
}

/// `above` is the size of the fields above `value`.
fn count(value: &Value, depth: usize, above: usize, size: &mut Size) -> Result<(), QueryError> {
    size.nodes += 1;
    size.expanded = size.expanded.saturating_add(1);
    if depth > MAX_FILTER_NESTING || size.nodes > MAX_FILTER_NODES {
        return Err(too_large());
    }
    match value {
        Value::Array(items) => items.iter().try_for_each(|v| count(v, depth + 1, above, size)),
        Value::Object(members) => members.iter().try_for_each(|(key, v)| {
            let above = if key.starts_with('_') { above } else { above.saturating_add(size_of_name(key)) };
            size.expanded = size.expanded.saturating_add(above);
            if let (true, Value::String(list)) = (LISTS.contains(&key.as_str()), v) {
                size.expanded = size.expanded.saturating_add(list.matches(',').count());
            }
            count(v, depth + 1, above, size)
        }),
        _ => Ok(()),
    }
}

/// `None` if the filter is invalid.
fn normalize(filter: &Value, variables: Variables<'_>) -> Option<Value> {
    let mut parts: Vec<Value> = match filter {
        Value::Null => return Some(Value::Null),
        Value::Object(members) => members.iter().map(|(k, v)| entry(k, v, variables)).collect::<Option<_>>()?,
        Value::Array(items) => {
            items.iter().enumerate().map(|(i, v)| entry(&i.to_string(), v, variables)).collect::<Option<_>>()?
        }
        plain => return Some(object("_eq", resolve(plain, variables))),
    };
    match parts.len() {
        0 => Some(Value::Object(Map::new())),
        1 => parts.pop(),
        _ => Some(object("_and", Value::Array(parts))),
    }
}

fn entry(key: &str, value: &Value, variables: Variables<'_>) -> Option<Value> {
    let inner = match key {
        "_and" | "_or" => {
            let list = value.as_array()?;
            Value::Array(list.iter().map(|f| normalize(f, variables)).collect::<Option<_>>()?)
        }
        _ if LISTS.contains(&key) => {
            let items = match value {
                Value::Object(members) => members.values().cloned().collect(),
                Value::Array(items) => items.clone(),
                Value::String(text) => text.split(',').map(|part| Value::String(part.to_owned())).collect(),
                other => vec![other.clone()],
            };
            Value::Array(items.iter().map(|item| resolve(item, variables)).collect())
        }
        "_some" | "_none" => normalize(value, variables)?,
        _ if key.starts_with('_') => resolve(value, variables),
        _ => normalize(value, variables)?,
    };
    Some(object(key, inner))
}

fn object(key: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(key.to_owned(), value)]))
}

/// Replaces a variable, then the words `true`, `false` and `null`; in arrays only the words.
fn resolve(value: &Value, variables: Variables<'_>) -> Value {
    match value {
        Value::String(text) => words(variables.resolve(text)),
        Value::Array(items) => Value::Array(items.iter().map(|v| words(v.clone())).collect()),
        other => other.clone(),
    }
}

fn words(value: Value) -> Value {
    match value.as_str() {
        Some("true") => Value::Bool(true),
        Some("false") => Value::Bool(false),
        Some("null" | "NULL") => Value::Null,
        _ => value,
    }
}

/// `{"a": {"_or": [x, y]}}` → `{"_or": [{"a": x}, {"a": y}]}`, at every level. `above` are the fields above `filter`.
/// `None` if a field has no operator below it, as in `{"reserved_for": null}`.
fn lift_logic(filter: Value, above: &mut Vec<String>) -> Option<Value> {
    let Value::Object(members) = filter else {
        return None;
    };
    let Some((key, value)) = members.into_iter().next() else {
        return Some(wrap(Value::Object(Map::new()), above));
    };
    if key == "_and" || key == "_or" {
        let Value::Array(list) = value else {
            return None;
        };
        let lifted = list.into_iter().map(|part| lift_logic(part, above));
        return Some(object(&key, Value::Array(lifted.collect::<Option<_>>()?)));
    }
    if key.starts_with('_') {
        return Some(wrap(object(&key, value), above));
    }
    above.push(key);
    let lifted = lift_logic(value, above);
    above.pop();
    lifted
}

fn wrap(inner: Value, above: &[String]) -> Value {
    above.iter().rev().fold(inner, |inner, key| object(key, inner))
}
