//! `aggregate[…]` and `groupBy`: what is computed over all matching rows, or over each group of them.
//!
//! Counts, sums and averages are texts over REST, because they are `bigint` and `numeric` in PostgreSQL; `min` and `max`
//! keep the type of their member.

use crate::query::error::QueryError;
use crate::query::evaluate::decimal;
use crate::query::evaluate::related::Row;
use crate::query::javascript;
use crate::query::limits::MAX_LIST;
use crate::query::plan::filter::FieldPath;
use crate::query::schema::{Collection, Field, FieldType, Relation};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// An operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// `count`: of values that are not null, or of rows (`*`).
    Count,
    /// `countDistinct`
    CountDistinct,
    /// `countAll`: of rows. REST has no member to show it in; GraphQL has.
    CountAll,
    /// `sum`
    Sum,
    /// `sumDistinct`
    SumDistinct,
    /// `avg`
    Avg,
    /// `avgDistinct`
    AvgDistinct,
    /// `min`
    Min,
    /// `max`
    Max,
}

const OPERATIONS: [(Operation, &str); 9] = [
    (Operation::Count, "count"),
    (Operation::CountDistinct, "countDistinct"),
    (Operation::CountAll, "countAll"),
    (Operation::Sum, "sum"),
    (Operation::SumDistinct, "sumDistinct"),
    (Operation::Avg, "avg"),
    (Operation::AvgDistinct, "avgDistinct"),
    (Operation::Min, "min"),
    (Operation::Max, "max"),
];

impl Operation {
    /// Its name in `aggregate[…]`.
    pub fn name(self) -> &'static str {
        OPERATIONS.into_iter().find(|(o, _)| *o == self).map_or("", |(_, n)| n)
    }

    /// Whether it gives a number, whatever it is asked for.
    pub(in crate::query) fn is_number(self) -> bool {
        !matches!(self, Self::Min | Self::Max)
    }

    fn of(name: &str) -> Option<Self> {
        OPERATIONS.into_iter().find(|(_, n)| *n == name).map(|(o, _)| o)
    }
}

/// An operation on a member, or on whole rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// The operation.
    pub operation: Operation,
    /// The member; `None` for `*`.
    pub field: Option<&'static Field>,
}

/// The `aggregate` parameter in order: operation names and what they are asked for.
pub(in crate::query) fn parse(raw: &Value) -> Result<Vec<(String, Vec<String>)>, QueryError> {
    let wrong = || QueryError::invalid("\"aggregate\" must be of type object");
    let parsed;
    let raw = match raw {
        Value::String(text) => {
            parsed = serde_json::from_str(text).map_err(|_| wrong())?;
            &parsed
        }
        other => other,
    };
    let Value::Object(members) = raw else {
        return Err(wrong());
    };
    let mut out = Vec::new();
    let mut total = 0;
    for (operation, fields) in members {
        let names: Vec<String> = match fields {
            Value::String(text) => text.split(',').map(str::to_owned).collect(),
            Value::Array(items) => {
                let texts: Option<Vec<String>> = items.iter().map(|v| v.as_str().map(str::to_owned)).collect();
                texts.ok_or_else(wrong)?
            }
            Value::Object(items) => {
                let texts: Option<Vec<String>> = items.values().map(|v| v.as_str().map(str::to_owned)).collect();
                texts.ok_or_else(wrong)?
            }
            _ => return Err(wrong()),
        };
        total += names.len();
        if total > MAX_LIST {
            return Err(QueryError::invalid(format!("More than {MAX_LIST} aggregates are asked for")));
        }
        out.push((operation.clone(), names));
    }
    Ok(out)
}

/// Known operations on existing members. An unknown operation computes nothing, as in Directus.
pub(in crate::query) fn lower(
    asked: &[(String, Vec<String>)],
    collection: Collection,
) -> Result<Vec<Aggregate>, QueryError> {
    let mut out = Vec::new();
    for (name, fields) in asked {
        let Some(operation) = Operation::of(name) else {
            continue;
        };
        if operation == Operation::CountAll {
            out.push(Aggregate { operation, field: None });
            continue;
        }
        for member in fields {
            if member == "*" {
                if !matches!(operation, Operation::Count | Operation::CountDistinct) {
                    return Err(QueryError::invalid(format!("\"{name}\" needs a field, not \"*\"")));
                }
                out.push(Aggregate { operation, field: None });
                continue;
            }
            let field = collection.field(member).filter(|f| !matches!(f.relation, Relation::Many(_)));
            let field = field
                .filter(|f| f.kind != FieldType::Alias && !f.concealed)
                .ok_or_else(|| QueryError::invalid(format!("\"{member}\" can't be aggregated")))?;
            out.push(Aggregate { operation, field: Some(field) });
        }
    }
    Ok(out)
}

/// Lowers `groupBy`: members of the collection itself and functions of them.
pub(in crate::query) fn lower_groups(groups: &[String], collection: Collection) -> Result<Vec<FieldPath>, QueryError> {
    groups
        .iter()
        .map(|group| {
            let path = crate::query::parse::sort::path(std::slice::from_ref(group), collection)?;
            if path.field.kind == FieldType::Alias || path.field.concealed {
                return Err(QueryError::invalid(format!("\"{group}\" can't be grouped by")));
            }
            Ok(path)
        })
        .collect()
}

impl Aggregate {
    /// Whether a sort key names this aggregate: `count`, `count.*`, `sum.quantity`.
    pub(in crate::query) fn is(&self, operation: &str, field: Option<&str>) -> bool {
        self.operation.name() == operation
            && match (field, self.field) {
                (None, _) => true,
                (Some("*"), own) => own.is_none(),
                (Some(name), own) => own.is_some_and(|f| f.name == name),
            }
    }

    /// The value over some rows.
    pub(in crate::query) fn compute(&self, rows: &[&Row]) -> Value {
        let Some(field) = self.field else {
            return Value::String(rows.len().to_string());
        };
        let values = rows.iter().filter_map(|row| row.get(field.name)).filter(|v| !v.is_null());
        match self.operation {
            Operation::Count | Operation::CountAll => Value::String(values.count().to_string()),
            Operation::CountDistinct => Value::String(distinct(values).len().to_string()),
            Operation::Sum => sum(field, values),
            Operation::SumDistinct => sum(field, distinct_values(values).iter()),
            Operation::Avg => average(field, values),
            Operation::AvgDistinct => average(field, distinct_values(values).iter()),
            Operation::Min => extreme(field, values, std::cmp::Ordering::Less),
            Operation::Max => extreme(field, values, std::cmp::Ordering::Greater),
        }
    }

    /// Puts the value where REST shows it: `count` for rows, `{operation: {member: …}}` otherwise.
    pub(in crate::query) fn store(&self, value: Value, out: &mut Map<String, Value>) {
        let name = self.operation.name();
        match self.field {
            None if self.operation == Operation::CountDistinct => {
                out.insert(name.into(), Value::Object(Map::from_iter([("*".to_owned(), value)])));
            }
            None => {
                // `count[]=*&count[]=id`: the member for one column hides the plain number.
                out.entry(name).or_insert(value);
            }
            Some(field) => match out.get_mut(name) {
                Some(Value::Object(members)) => {
                    members.insert(field.name.into(), value);
                }
                _ => {
                    out.insert(name.into(), Value::Object(Map::from_iter([(field.name.to_owned(), value)])));
                }
            },
        }
    }
}

fn distinct<'a>(values: impl Iterator<Item = &'a Value>) -> BTreeSet<String> {
    values.map(javascript::text).collect()
}

fn distinct_values<'a>(values: impl Iterator<Item = &'a Value>) -> Vec<Value> {
    let mut seen = BTreeSet::new();
    values.filter(|v| seen.insert(javascript::text(v))).cloned().collect()
}

fn whole_numbers<'a>(values: impl Iterator<Item = &'a Value>) -> (i128, i128) {
    values.fold((0, 0), |(sum, count), value| {
        let number = value.as_i64().or_else(|| value.as_str().and_then(|s| s.parse().ok())).unwrap_or(0);
        (sum + i128::from(number), count + 1)
    })
}

fn sum<'a>(field: &Field, values: impl Iterator<Item = &'a Value>) -> Value {
    if field.kind.is_numeric() {
        let (sum, count) = whole_numbers(values);
        return if count == 0 { Value::Null } else { Value::String(sum.to_string()) };
    }
    let (sum, count) = loose_numbers(field, values);
    if count == 0.0 { Value::Null } else { plain_number(sum) }
}

fn average<'a>(field: &Field, values: impl Iterator<Item = &'a Value>) -> Value {
    if field.kind.is_numeric() {
        let (sum, count) = whole_numbers(values);
        return if count == 0 { Value::Null } else { Value::String(decimal::quotient(sum, count)) };
    }
    let (sum, count) = loose_numbers(field, values);
    if count == 0.0 { Value::Null } else { plain_number(sum / count) }
}

/// Adding up what is no number: PostgreSQL refuses with an internal error, SQLite takes the number that a text begins
/// with, and milliseconds for instants. The latter is an answer, so it is ours.
fn loose_numbers<'a>(field: &Field, values: impl Iterator<Item = &'a Value>) -> (f64, f64) {
    values.fold((0.0, 0.0), |(sum, count), value| {
        let text = javascript::text(value);
        let number = match crate::query::dates::parse_instant(&text) {
            Some(at) if field.kind == FieldType::Timestamp => at.timestamp_millis() as f64,
            _ => leading_number(&text),
        };
        (sum + number, count + 1.0)
    })
}

fn leading_number(text: &str) -> f64 {
    let text = text.trim_start();
    let signed = text.strip_prefix(['-', '+']).unwrap_or(text);
    let end = signed.find(|c: char| !c.is_ascii_digit()).unwrap_or(signed.len());
    let value: f64 = signed.get(..end).and_then(|d| d.parse().ok()).unwrap_or(0.0);
    if text.starts_with('-') { -value } else { value }
}

fn plain_number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 9e15 {
        Value::from(value as i64)
    } else {
        serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number)
    }
}

fn extreme<'a>(field: &Field, values: impl Iterator<Item = &'a Value>, wanted: std::cmp::Ordering) -> Value {
    use crate::query::parse::filter::operators::Actual;
    let mut best: Option<&Value> = None;
    for value in values {
        let read = |v: &'a Value| Actual::read(field.kind, Some(v));
        if best.is_none_or(|b| read(value).order(&read(b)) == wanted) {
            best = Some(value);
        }
    }
    best.cloned().unwrap_or(Value::Null)
}
