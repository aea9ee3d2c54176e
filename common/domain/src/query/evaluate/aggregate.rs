//! Values of aggregates: what each operation gives over some rows, and where an answer shows it.
//!
//! Counts, sums and averages are texts over REST, because they are `bigint` and `numeric` in PostgreSQL; `min` and `max`
//! keep the type of their field.

use super::decimal;
use super::order::BYTES_PER_VALUE;
use super::value::Actual;
use crate::query::dates::parse_instant;
use crate::query::javascript;
use crate::query::plan::{Aggregate, Operation};
use crate::query::row::Row;
use crate::query::schema::Field;
use serde_json::{Map, Value};
use std::cmp::Ordering;
use std::collections::HashSet;

/// What an aggregate has seen so far. It holds no rows.
#[derive(Debug, Default)]
pub(in crate::query) struct Running {
    /// Rows, or values that are not null and, where only distinct ones count, new.
    count: u64,
    /// The sum of whole numbers.
    whole: i128,
    /// The sum of values that are not numbers.
    loose: f64,
    /// The texts of distinct values.
    seen: HashSet<String>,
    /// The least or greatest value, and the key of the row that has it: the first one of several.
    best: Option<(Value, String)>,
    /// The size of the largest text that was the best value, in values of the budget.
    paid: usize,
}

impl Aggregate {
    /// Adds a row that stands for `times` rows. Gives how many more values the aggregate holds then; a long text counts
    /// as several. Sums and averages take the row once: rows that stand for others are only counted.
    pub(in crate::query) fn add(&self, running: &mut Running, row: &Row, times: usize) -> usize {
        let times = u64::try_from(times).unwrap_or(u64::MAX);
        let Some(field) = self.field else {
            running.count += times;
            return 0;
        };
        let Some(value) = row.get(field.name).filter(|value| !value.is_null()) else { return 0 };
        let mut held = 0;
        if matches!(self.operation, Operation::CountDistinct | Operation::SumDistinct | Operation::AvgDistinct) {
            let text = javascript::text(value);
            held = 1 + text.len() / BYTES_PER_VALUE;
            if !running.seen.insert(text) {
                return 0;
            }
        }
        running.count += if matches!(self.operation, Operation::Count | Operation::CountAll) { times } else { 1 };
        match self.operation {
            Operation::Count | Operation::CountAll | Operation::CountDistinct => {}
            Operation::Sum | Operation::SumDistinct | Operation::Avg | Operation::AvgDistinct => {
                if field.kind.is_numeric() {
                    let number = value.as_i64().or_else(|| value.as_str().and_then(|s| s.parse().ok())).unwrap_or(0);
                    running.whole += i128::from(number);
                } else {
                    running.loose += loose_number(field, value);
                }
            }
            Operation::Min => held += running.keep(field, value, row, Ordering::Less),
            Operation::Max => held += running.keep(field, value, row, Ordering::Greater),
        }
        held
    }

    /// The value over the rows that were added.
    pub(in crate::query) fn value(&self, running: &Running) -> Value {
        let Some(field) = self.field else {
            return Value::String(running.count.to_string());
        };
        match self.operation {
            Operation::Count | Operation::CountAll | Operation::CountDistinct => {
                Value::String(running.count.to_string())
            }
            Operation::Min | Operation::Max => running.best.as_ref().map_or(Value::Null, |(value, _)| value.clone()),
            _ if running.count == 0 => Value::Null,
            Operation::Sum | Operation::SumDistinct if field.kind.is_numeric() => {
                Value::String(running.whole.to_string())
            }
            Operation::Sum | Operation::SumDistinct => plain_number(running.loose),
            Operation::Avg | Operation::AvgDistinct if field.kind.is_numeric() => {
                Value::String(decimal::quotient(running.whole, i128::from(running.count)))
            }
            Operation::Avg | Operation::AvgDistinct => plain_number(running.loose / running.count as f64),
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

impl Running {
    /// Keeps a value if it is before (or after) the one that was kept. Gives how many more values are held then.
    fn keep(&mut self, field: &Field, value: &Value, row: &Row, wanted: Ordering) -> usize {
        let key = row.get("id").and_then(Value::as_str).unwrap_or_default();
        let is_better = self.best.as_ref().is_none_or(|(best, of)| {
            let order = Actual::read(field.kind, Some(value)).order(&Actual::read(field.kind, Some(best)));
            order == wanted || (order.is_eq() && key < of.as_str())
        });
        if !is_better {
            return 0;
        }
        let size = 1 + value.as_str().map_or(0, str::len) / BYTES_PER_VALUE;
        let more = size.saturating_sub(self.paid);
        self.paid += more;
        self.best = Some((value.clone(), key.to_owned()));
        more
    }
}

/// The number that a value of a field without numbers counts as. PostgreSQL fails with an internal error; SQLite uses
/// the number at the start of a text, and milliseconds for instants. This follows SQLite, because it gives an answer.
fn loose_number(field: &Field, value: &Value) -> f64 {
    let text = javascript::text(value);
    match parse_instant(&text) {
        Some(at) if field.kind.is_time() => at.timestamp_millis() as f64,
        _ => leading_number(&text),
    }
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
