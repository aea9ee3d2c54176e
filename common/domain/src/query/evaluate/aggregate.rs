//! Values of aggregates: what each operation gives over some rows, and where an answer shows it.
//!
//! Counts, sums and averages are texts over REST, because they are `bigint` and `numeric` in PostgreSQL; `min` and `max`
//! keep the type of their field.

use super::decimal;
use super::times::Times;
use super::value::Actual;
use crate::query::dates::parse_instant;
use crate::query::javascript;
use crate::query::plan::{Aggregate, Operation};
use crate::query::schema::{Field, FieldType};
use serde_json::{Map, Value};
use std::cmp::Ordering;
use std::collections::BTreeSet;

impl Aggregate {
    /// The value over some rows.
    ///
    /// Sums and averages take each row once: rows that stand for others are only counted.
    pub(in crate::query) fn compute(&self, rows: &[Times<'_>]) -> Value {
        let Some(field) = self.field else {
            return Value::String(rows.iter().map(|one| one.times).sum::<usize>().to_string());
        };
        let valued = rows.iter().filter_map(|one| Some((one.row.get(field.name)?, one.times)));
        let valued = valued.filter(|(value, _)| !value.is_null());
        let values = valued.clone().map(|(value, _)| value);
        match self.operation {
            Operation::Count | Operation::CountAll => {
                Value::String(valued.map(|(_, times)| times).sum::<usize>().to_string())
            }
            Operation::CountDistinct => Value::String(distinct(values).len().to_string()),
            Operation::Sum => sum(field, values),
            Operation::SumDistinct => sum(field, distinct_values(values).iter()),
            Operation::Avg => average(field, values),
            Operation::AvgDistinct => average(field, distinct_values(values).iter()),
            Operation::Min => extreme(field, values, Ordering::Less),
            Operation::Max => extreme(field, values, Ordering::Greater),
        }
    }

    /// Inserts the value where REST shows it: `count` for rows, `{operation: {member: …}}` otherwise.
    pub(in crate::query) fn store(&self, value: Value, out: &mut Map<String, Value>) {
        match self.place() {
            (name, None) => {
                // `count[]=*&count[]=id`: the object for the fields takes precedence over the number of rows.
                out.entry(name).or_insert(value);
            }
            (name, Some(member)) => match out.get_mut(name) {
                Some(Value::Object(members)) => {
                    members.insert(member.into(), value);
                }
                _ => {
                    out.insert(name.into(), Value::Object(Map::from_iter([(member.to_owned(), value)])));
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

/// Sum and count of values that are not numbers. PostgreSQL fails with an internal error; SQLite uses the number at the start
/// of a text, and milliseconds for instants. This follows SQLite, because it gives an answer.
fn loose_numbers<'a>(field: &Field, values: impl Iterator<Item = &'a Value>) -> (f64, f64) {
    values.fold((0.0, 0.0), |(sum, count), value| {
        let text = javascript::text(value);
        let number = match parse_instant(&text) {
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

fn extreme<'a>(field: &Field, values: impl Iterator<Item = &'a Value>, wanted: Ordering) -> Value {
    let mut best: Option<&Value> = None;
    for value in values {
        let read = |v: &'a Value| Actual::read(field.kind, Some(v));
        if best.is_none_or(|b| read(value).order(&read(b)) == wanted) {
            best = Some(value);
        }
    }
    best.cloned().unwrap_or(Value::Null)
}
