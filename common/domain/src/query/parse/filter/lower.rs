//! A normalized, validated filter, of which all fields exist → the typed [`Filter`].
//!
//! Operators are checked against the types of fields. A part without a condition (an empty group, a field without an
//! operator) is dropped; an `_or` with an empty alternative matches every row and is dropped as a whole. In a write each
//! of these is an error.

use super::{operands, operators};
use crate::query::error::{QueryError, shown};
use crate::query::functions::{self, Function};
use crate::query::plan::{Condition, FieldPath, Filter, lookups_of};
use crate::query::schema::{Collection, Field, FieldType, Relation};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

/// Lowers a filter. `None` if it has no condition, so every row matches. `write` is the time of a write that the filter
/// selects rows for; `None` in a read.
///
/// # Errors
/// `INVALID_QUERY` for an operator that the type of the field does not have, an invalid operand, a path through a field
/// that is no relation, or a filter of codes that is no lookup; in a write also for a part that says nothing, and for an
/// operand that is no value of its field.
pub(in crate::query) fn lower(
    filter: &Value,
    collection: Collection,
    write: Option<DateTime<Utc>>,
) -> Result<Option<Filter>, QueryError> {
    let lowering = Lowering { write };
    lowering.filter(filter, collection)
}

/// Lowers the filter of one query.
#[derive(Clone, Copy)]
struct Lowering {
    write: Option<DateTime<Utc>>,
}

impl Lowering {
    fn filter(self, filter: &Value, collection: Collection) -> Result<Option<Filter>, QueryError> {
        let empty = Map::new();
        let members = filter.as_object().unwrap_or(&empty);
        let parts = members.iter().map(|(key, value)| self.member(key, value, collection));
        let parts: Vec<Filter> = parts.filter_map(Result::transpose).collect::<Result<_, _>>()?;
        match join(parts, Filter::And) {
            None if self.write.is_some() => Err(says_nothing("An empty filter")),
            joined => Ok(joined),
        }
    }

    /// One member of a filter. `None` if it says nothing, which is an error in a write.
    fn member(self, key: &str, value: &Value, collection: Collection) -> Result<Option<Filter>, QueryError> {
        let lowered = match (key, value) {
            ("_and", Value::Array(list)) => self.and(list, collection)?,
            ("_or", Value::Array(list)) => self.or(list, collection)?,
            _ => self.leaf(key, value, collection)?,
        };
        match lowered {
            None if self.write.is_some() => Err(says_nothing(&part(key, value))),
            lowered => Ok(lowered),
        }
    }

    fn or(self, list: &[Value], collection: Collection) -> Result<Option<Filter>, QueryError> {
        if list.iter().any(|f| f.as_object().is_some_and(Map::is_empty)) {
            return Ok(None);
        }
        let parts = list.iter().map(|f| self.filter(f, collection)).collect::<Result<Vec<_>, _>>()?;
        Ok(join(parts.into_iter().flatten().collect(), Filter::Or))
    }

    /// Adjacent conditions on codes are about the same code: `codes.code = X` and `codes.product = Y`.
    fn and(self, list: &[Value], collection: Collection) -> Result<Option<Filter>, QueryError> {
        let mut parts = Vec::new();
        let mut codes_of_one = Vec::new();
        for filter in list {
            match filter.as_object().filter(|o| o.len() == 1).and_then(|o| o.iter().next()) {
                Some((key, inner)) if codes_relation(collection, key).is_some() && !is_quantified(inner) => {
                    codes_of_one.push(inner.clone());
                }
                _ => parts.extend(self.filter(filter, collection)?),
            }
        }
        if !codes_of_one.is_empty() {
            let of_one = Map::from_iter([("_and".to_owned(), Value::Array(codes_of_one))]);
            parts.push(self.codes(&Value::Object(of_one), false)?);
        }
        Ok(join(parts, Filter::And))
    }

    /// A filter below `codes`, without its `_some` or `_none`: a lookup of whole codes.
    fn codes(self, filter: &Value, none: bool) -> Result<Filter, QueryError> {
        let lookups = lookups_of(self.filter(filter, Collection::UniqueCode)?.as_ref())?;
        if self.write.is_some()
            && let Some(lookup) = lookups.iter().find(|lookup| lookup.candidates().is_empty())
        {
            return Err(QueryError::invalid(format!("\"{}\" is no code", shown(lookup.text()))));
        }
        Ok(Filter::Codes { none, lookups })
    }

    fn leaf(self, key: &str, value: &Value, collection: Collection) -> Result<Option<Filter>, QueryError> {
        let path = path_of(key, value);
        let Some((operator, operand)) = operation(key, value) else {
            return Ok(None);
        };
        if codes_relation(collection, key).is_some() {
            let inner = value.as_object().and_then(|o| o.iter().next());
            return match inner {
                Some((quantifier, inner)) if quantifier == "_some" || quantifier == "_none" => {
                    self.codes(inner, quantifier == "_none").map(Some)
                }
                _ => self.codes(value, false).map(Some),
            };
        }
        let Some((last, relations)) = path.split_last() else {
            return Ok(None);
        };
        let mut target = collection;
        let mut walked = Vec::new();
        for (depth, name) in relations.iter().enumerate() {
            match target.field(name) {
                Some(field @ Field { relation: Relation::One(next), .. }) => {
                    walked.push(field);
                    target = *next;
                }
                // A condition below a field that is no relation is ignored.
                _ if depth == 0 => return Ok(None),
                _ => {
                    let target = target.name();
                    return Err(QueryError::invalid(format!("\"{target}.{name}\" is not a relational field")));
                }
            }
            let quantifier = path.iter().find(|p| *p == "_none").or_else(|| path.iter().find(|p| *p == "_some"));
            if let Some(quantifier) = quantifier {
                return Err(QueryError::invalid(format!(
                    "\"{quantifier}\" can only be used with top level relational alias field"
                )));
            }
        }
        let (field, function) = member(target, last)?;
        let kind = if function.is_some() { FieldType::Integer } else { field.kind };
        let Some(test) = operators::test(kind, field.concealed, operator, operand)? else {
            return Ok(None);
        };
        let condition = Condition { path: FieldPath { root: collection, relations: walked, field, function }, test };
        if let Some(now) = self.write {
            operands::check(&condition, operator, operand, now)?;
        }
        Ok(Some(Filter::Leaf(condition)))
    }
}

/// The error for a part of a write's filter that every row matches.
fn says_nothing(what: &str) -> QueryError {
    QueryError::invalid(format!("{what} says nothing, and a write must name its rows"))
}

/// The name of a part that says nothing, for the message.
fn part(key: &str, value: &Value) -> String {
    match operation(key, value) {
        _ if key == "_and" || key == "_or" => format!("\"{key}\" with an empty list or an empty part"),
        Some((operator, _)) => format!("\"{operator}\" of \"{}\"", shown(&path_of(key, value).join("."))),
        None => format!("\"{}\" without an operator", shown(&path_of(key, value).join("."))),
    }
}

fn join(mut parts: Vec<Filter>, group: fn(Vec<Filter>) -> Filter) -> Option<Filter> {
    if parts.len() > 1 { Some(group(parts)) } else { parts.pop() }
}

fn codes_relation(collection: Collection, key: &str) -> Option<&'static Field> {
    collection.field(key).filter(|f| matches!(f.relation, Relation::Many(_)))
}

fn is_quantified(value: &Value) -> bool {
    value.as_object().and_then(|o| o.keys().next()).is_some_and(|k| k == "_some" || k == "_none")
}

/// The field that a filter key names, and its function.
fn member(collection: Collection, key: &str) -> Result<(&'static Field, Option<Function>), QueryError> {
    let invalid = || {
        let collection = collection.name();
        QueryError::invalid(format!("Invalid filter key \"{key}\" on \"{collection}\""))
    };
    let (function, name) = functions::split(key);
    let field = collection.field(name).ok_or_else(invalid)?;
    match function {
        None => Ok((field, None)),
        Some(function) => Ok((field, Some(Function::of(function, field).ok_or_else(invalid)?))),
    }
}

/// `a`, `{b: {_eq: 1}}` → `[a, b]`.
fn path_of(key: &str, value: &Value) -> Vec<String> {
    let mut path = vec![key.to_owned()];
    let mut value = value;
    while let Some((child, inner)) = value.as_object().and_then(|o| o.iter().next()) {
        if child.starts_with('_') && child != "_none" && child != "_some" {
            break;
        }
        path.push(child.clone());
        value = inner;
    }
    path
}

/// The operator at the end of a path, and its operand.
fn operation<'a>(key: &'a str, value: &'a Value) -> Option<(&'a str, &'a Value)> {
    let (mut key, mut value) = (key, value);
    loop {
        if key.starts_with('_') && key != "_none" && key != "_some" {
            return Some((key, value));
        }
        match value {
            Value::Object(members) => (key, value) = members.iter().next().map(|(k, v)| (k.as_str(), v))?,
            plain => return Some(("_eq", plain)),
        }
    }
}
