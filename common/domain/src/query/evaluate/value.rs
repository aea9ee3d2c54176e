//! [`Actual`]: the value of a field in a row, in the type of the operands it is compared with.

use super::related::Related;
use crate::query::dates::instant_of;
use crate::query::functions::Function;
use crate::query::javascript;
use crate::query::plan::{FieldPath, Scalar};
use crate::query::row::Row;
use crate::query::schema::{FieldType, Relation};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::borrow::Cow;
use std::cmp::Ordering;

/// The value of a field, in the type of the operands it is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::query) enum Actual<'a> {
    Null,
    Text(Cow<'a, str>),
    Number(f64),
    Instant(DateTime<Utc>),
    Bool(bool),
}

impl<'a> Actual<'a> {
    /// Reads a JSON value as this type.
    pub(in crate::query) fn read(kind: FieldType, value: Option<&'a Value>) -> Self {
        let Some(value) = value.filter(|v| !v.is_null()) else {
            return Self::Null;
        };
        if kind.is_numeric() {
            let number = javascript::number(value);
            return if number.is_nan() { Self::Null } else { Self::Number(number) };
        }
        match (kind, value) {
            (FieldType::Timestamp | FieldType::Date, _) => instant_of(value).map_or(Self::Null, Self::Instant),
            (FieldType::Boolean, Value::Bool(b)) => Self::Bool(*b),
            (FieldType::Boolean, _) => Self::Null,
            // A key may be stored with upper case letters, as it was sent; operands are lower case.
            (FieldType::Uuid, Value::String(text)) if text.bytes().any(|b| b.is_ascii_uppercase()) => Self::Text(
                uuid::Uuid::parse_str(text).map_or(Cow::Borrowed(text), |u| u.hyphenated().to_string().into()),
            ),
            (_, Value::String(text)) => Self::Text(Cow::Borrowed(text)),
            (_, other) => Self::Text(Cow::Owned(other.to_string())),
        }
    }

    /// The bytes of a text; 0 for other values.
    pub(in crate::query) fn text_len(&self) -> usize {
        if let Self::Text(text) = self { text.len() } else { 0 }
    }

    /// The same value, independent of the row.
    pub(in crate::query) fn into_owned(self) -> Actual<'static> {
        match self {
            Self::Null => Actual::Null,
            Self::Text(text) => Actual::Text(text.into_owned().into()),
            Self::Number(number) => Actual::Number(number),
            Self::Instant(at) => Actual::Instant(at),
            Self::Bool(value) => Actual::Bool(value),
        }
    }

    /// Nulls last, otherwise the order of the type: texts by their bytes, false before true.
    pub(in crate::query) fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Null, Self::Null) => Ordering::Equal,
            (Self::Null, _) => Ordering::Greater,
            (_, Self::Null) => Ordering::Less,
            (Self::Text(a), Self::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Instant(a), Self::Instant(b)) => a.cmp(b),
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            // Values of one field have one type.
            _ => Ordering::Equal,
        }
    }

    /// Whether a list that is sorted as by [`Test::In`](crate::query::Test::In) contains this value.
    pub(in crate::query) fn is_among(&self, list: &[Scalar]) -> bool {
        // A scalar that cannot be compared is null, and nulls are first in the list.
        list.binary_search_by(|s| self.compare(s).map_or(Ordering::Less, Ordering::reverse)).is_ok()
    }

    pub(in crate::query) fn compare(&self, scalar: &Scalar) -> Option<Ordering> {
        match (self, scalar) {
            (Self::Text(a), Scalar::Text(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
            (Self::Number(a), Scalar::Number(b)) => a.partial_cmp(b),
            (Self::Instant(a), Scalar::Instant(b)) => Some(a.cmp(b)),
            (Self::Bool(a), Scalar::Bool(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

impl FieldPath {
    /// The value in a row; null if a relation is null or its row is missing.
    pub(in crate::query) fn actual<'a>(&self, row: &'a Row, related: &'a Related) -> Actual<'a> {
        let Some(row) = self.last_row(row, related) else {
            return Actual::Null;
        };
        match self.function {
            None => Actual::read(self.field.kind, row.get(self.field.name)),
            Some(Function::Count) => match row.get("id").and_then(Value::as_str) {
                // Counts stay far below 2^53, where f64 is exact.
                Some(id) => Actual::Number(related.codes_count(id) as f64),
                None => Actual::Null,
            },
            Some(function) => match Actual::read(self.field.kind, row.get(self.field.name)) {
                Actual::Instant(at) => function.of_instant(&at).map_or(Actual::Null, Actual::Number),
                _ => Actual::Null,
            },
        }
    }

    fn last_row<'a>(&self, row: &'a Row, related: &'a Related) -> Option<&'a Row> {
        let mut row = row;
        for relation in &self.relations {
            let Relation::One(collection) = relation.relation else {
                return None;
            };
            row = related.get(collection, row.get(relation.name)?.as_str()?)?;
        }
        Some(row)
    }
}
