//! A filter as written → one shape: objects with one key, several keys as `_and`, logic above fields, variables resolved.
//!
//! `{"quantity": {"_gte": 1, "_lte": 5}}` becomes `{"_and": [{"quantity": {"_gte": 1}}, {"quantity": {"_lte": 5}}]}`,
//! `{"status": "new"}` becomes `{"status": {"_eq": "new"}}`. The words `true`, `false` and `null` become their
//! values, because query strings cannot express them otherwise.

use super::operators::is_presence;
use super::walk::depth;
use crate::query::budget::{Limit, size_of_name};
use crate::query::error::QueryError;
use crate::query::json_size::json_values;
use crate::query::limits::{MAX_FILTER_NESTING, MAX_FILTER_NODES, MAX_RELATIONAL_DEPTH};
use crate::query::parse::purpose::Purpose;
use crate::query::parse::variables::Variables;
use serde_json::{Map, Value};

const LISTS: [&str; 4] = ["_in", "_nin", "_between", "_nbetween"];

/// Reads the `filter` parameter: an object, or a text that is one in JSON.
///
/// # Errors
/// `INVALID_QUERY` if it is not valid JSON, too large, too deep, or if a group is not a list; and, in a write, for a
/// variable that has no value and for the word `null`.
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
    lift_logic(normalize(filter, variables)?, &mut Vec::new())
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

fn invalid() -> QueryError {
    QueryError::invalid("Invalid filter object")
}

fn normalize(filter: &Value, variables: Variables<'_>) -> Result<Value, QueryError> {
    let mut parts: Vec<Value> = match filter {
        Value::Null => return Ok(Value::Null),
        Value::Object(members) => members.iter().map(|(k, v)| entry(k, v, variables)).collect::<Result<_, _>>()?,
        Value::Array(items) => {
            items.iter().enumerate().map(|(i, v)| entry(&i.to_string(), v, variables)).collect::<Result<_, _>>()?
        }
        plain => return Ok(object("_eq", resolve(plain, variables)?)),
    };
    match parts.len() {
        0 => Ok(Value::Object(Map::new())),
        1 => parts.pop().ok_or_else(invalid),
        _ => Ok(object("_and", Value::Array(parts))),
    }
}

fn entry(key: &str, value: &Value, variables: Variables<'_>) -> Result<Value, QueryError> {
    let inner = match key {
        "_and" | "_or" => {
            let list = value.as_array().ok_or_else(invalid)?;
            Value::Array(list.iter().map(|f| normalize(f, variables)).collect::<Result<_, _>>()?)
        }
        _ if LISTS.contains(&key) => {
            let items = match value {
                Value::Object(members) => members.values().cloned().collect(),
                Value::Array(items) => items.clone(),
                Value::String(text) => text.split(',').map(|part| Value::String(part.to_owned())).collect(),
                other => vec![other.clone()],
            };
            Value::Array(items.iter().map(|item| resolve(item, variables)).collect::<Result<_, _>>()?)
        }
        "_some" | "_none" => normalize(value, variables)?,
        _ if is_presence(key) => match value.as_str() {
            Some("true") => Value::Bool(true),
            Some("false") => Value::Bool(false),
            _ => resolve(value, variables)?,
        },
        _ if key.starts_with('_') => resolve(value, variables)?,
        _ => normalize(value, variables)?,
    };
    Ok(object(key, inner))
}

fn object(key: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(key.to_owned(), value)]))
}

/// Replaces a variable, then the words `true`, `false` and `null`; in arrays only the words.
fn resolve(value: &Value, variables: Variables<'_>) -> Result<Value, QueryError> {
    match value {
        Value::String(text) => words(variables.resolve(text)?, variables.purpose),
        Value::Array(items) => {
            items.iter().map(|v| words(v.clone(), variables.purpose)).collect::<Result<_, _>>().map(Value::Array)
        }
        other => Ok(other.clone()),
    }
}

/// JSON has values of its own for the words, so in a write `true` and `false` are texts.
///
/// # Errors
/// `INVALID_QUERY` for the word `null` in a write: the client may mean the text or the value.
fn words(value: Value, purpose: Purpose) -> Result<Value, QueryError> {
    match value.as_str() {
        Some("true" | "false") if purpose == Purpose::Write => Ok(value),
        Some("true") => Ok(Value::Bool(true)),
        Some("false") => Ok(Value::Bool(false)),
        Some(word @ ("null" | "NULL")) if purpose == Purpose::Write => Err(QueryError::invalid(format!(
            "\"{word}\" would stand for null, which a write must say with \"_null\" or \"_nnull\""
        ))),
        Some("null" | "NULL") => Ok(Value::Null),
        _ => Ok(value),
    }
}

/// `{"a": {"_or": [x, y]}}` → `{"_or": [{"a": x}, {"a": y}]}`, at every level. `above` are the fields above `filter`.
///
/// # Errors
/// `INVALID_QUERY` if a field has no operator below it, as in `{"reserved_for": null}`.
fn lift_logic(filter: Value, above: &mut Vec<String>) -> Result<Value, QueryError> {
    let Value::Object(members) = filter else {
        return Err(invalid());
    };
    let Some((key, value)) = members.into_iter().next() else {
        return Ok(wrap(Value::Object(Map::new()), above));
    };
    if key == "_and" || key == "_or" {
        let Value::Array(list) = value else {
            return Err(invalid());
        };
        let lifted = list.into_iter().map(|part| lift_logic(part, above));
        return Ok(object(&key, Value::Array(lifted.collect::<Result<_, _>>()?)));
    }
    if key.starts_with('_') {
        return Ok(wrap(object(&key, value), above));
    }
    above.push(key);
    let lifted = lift_logic(value, above);
    above.pop();
    lifted
}

fn wrap(inner: Value, above: &[String]) -> Value {
    above.iter().rev().fold(inner, |inner, key| object(key, inner))
}
