//! Operators: which types have which, how their operands are read, and whether a value passes.
//!
//! Comparison is SQL's without its third value: a null passes no test but [`Test::Null`] and [`Test::Empty`], the
//! negative ones included.

use crate::query::dates::parse_instant;
use crate::query::error::QueryError;
use crate::query::javascript;
use crate::query::schema::FieldType;
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::borrow::Cow;
use std::cmp::Ordering;

/// An operand, in the type of the member it is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// Null, or an operand that no value of the type can equal (a date that is none): every comparison with it fails.
    Null,
    /// Text; a UUID in lower case with hyphens.
    Text(String),
    /// A number.
    Number(f64),
    /// An instant.
    Instant(DateTime<Utc>),
    /// A truth value.
    Bool(bool),
}

impl Scalar {
    /// Null first, then the order of the type; one list has one type.
    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Null, Self::Null) => Ordering::Equal,
            (Self::Null, _) => Ordering::Less,
            (_, Self::Null) => Ordering::Greater,
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Instant(a), Self::Instant(b)) => a.cmp(b),
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            _ => Ordering::Equal,
        }
    }
}

/// How a text is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Anywhere.
    Contains,
    /// At the beginning.
    Start,
    /// At the end.
    End,
}

/// What a value must pass.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Is null.
    Null,
    /// Is not null.
    NotNull,
    /// Is null or the empty text.
    Empty,
    /// Is neither null nor the empty text.
    NotEmpty,
    /// `_eq`
    Equal(Scalar),
    /// `_neq`
    NotEqual(Scalar),
    /// `_lt`
    Less(Scalar),
    /// `_lte`
    LessOrEqual(Scalar),
    /// `_gt`
    Greater(Scalar),
    /// `_gte`
    GreaterOrEqual(Scalar),
    /// `_between`, both ends included.
    Between(Scalar, Scalar),
    /// `_nbetween`
    NotBetween(Scalar, Scalar),
    /// `_in`: sorted, each operand once, nulls first (they equal nothing).
    In(Vec<Scalar>),
    /// `_nin`, sorted like [`Test::In`]; a null among the operands makes it fail for every value, as in SQL.
    NotIn(Vec<Scalar>),
    /// The `_contains`, `_starts_with` and `_ends_with` families.
    Text {
        /// Where.
        part: Part,
        /// What; lower case if `ignore_case`.
        needle: String,
        /// The `_i…` forms.
        ignore_case: bool,
        /// The `_n…` forms.
        negated: bool,
    },
}

const ORDER: [&str; 12] = ["eq", "neq", "lt", "lte", "gt", "gte", "between", "nbetween", "null", "nnull", "in", "nin"];
const TEXT: [&str; 19] = [
    "contains",
    "ncontains",
    "icontains",
    "starts_with",
    "nstarts_with",
    "istarts_with",
    "nistarts_with",
    "ends_with",
    "nends_with",
    "iends_with",
    "niends_with",
    "eq",
    "neq",
    "empty",
    "nempty",
    "null",
    "nnull",
    "in",
    "nin",
];
const PRESENCE: [&str; 4] = ["empty", "nempty", "null", "nnull"];

fn operators_of(kind: FieldType) -> &'static [&'static str] {
    match kind {
        FieldType::String | FieldType::Text => &TEXT,
        FieldType::Uuid => &["eq", "neq", "null", "nnull", "in", "nin"],
        FieldType::Hash => &PRESENCE,
        FieldType::Json => &["null", "nnull"],
        FieldType::Boolean => &["eq", "neq", "null", "nnull"],
        FieldType::Integer | FieldType::BigInteger | FieldType::Timestamp => &ORDER,
        FieldType::Alias => &[],
    }
}

/// Reads an operator (`_eq`) and its operand for a member of this type. `Ok(None)`: the condition says nothing, like
/// `_between` with one operand.
pub(in crate::query) fn test(
    kind: FieldType,
    concealed: bool,
    key: &str,
    operand: &Value,
) -> Result<Option<Test>, QueryError> {
    let operator = key.strip_prefix('_').unwrap_or(key);
    if !operators_of(kind).contains(&operator) {
        let kind = kind.name();
        return Err(QueryError::invalid(format!(
            "\"{kind}\" field type does not contain the \"_{operator}\" filter operator"
        )));
    }
    if concealed && !PRESENCE.contains(&operator) {
        return Err(QueryError::invalid(format!(
            "Field with \"conceal\" special does not allow the \"_{operator}\" filter operator"
        )));
    }
    let is_false = *operand == Value::Bool(false);
    let scalar = |value: &Value| scalar(kind, value);
    Ok(Some(match operator {
        "null" => {
            if is_false {
                Test::NotNull
            } else {
                Test::Null
            }
        }
        "nnull" => {
            if is_false {
                Test::Null
            } else {
                Test::NotNull
            }
        }
        "empty" => {
            if is_false {
                Test::NotEmpty
            } else {
                Test::Empty
            }
        }
        "nempty" => {
            if is_false {
                Test::Empty
            } else {
                Test::NotEmpty
            }
        }
        "eq" if operand.is_null() => Test::Null,
        "neq" if operand.is_null() => Test::NotNull,
        "eq" => Test::Equal(scalar(operand)?),
        "neq" => Test::NotEqual(scalar(operand)?),
        "lt" => Test::Less(scalar(operand)?),
        "lte" => Test::LessOrEqual(scalar(operand)?),
        "gt" => Test::Greater(scalar(operand)?),
        "gte" => Test::GreaterOrEqual(scalar(operand)?),
        "in" => Test::In(sorted(scalars(kind, operand)?)),
        "nin" => Test::NotIn(sorted(scalars(kind, operand)?)),
        "between" | "nbetween" => {
            let mut ends = scalars(kind, operand)?.into_iter();
            match (ends.next(), ends.next(), ends.next()) {
                (Some(low), Some(high), None) if operator == "between" => Test::Between(low, high),
                (Some(low), Some(high), None) => Test::NotBetween(low, high),
                _ => return Ok(None),
            }
        }
        _ => text_test(operator, operand),
    }))
}

fn text_test(operator: &str, operand: &Value) -> Test {
    let negated = operator.starts_with('n');
    let rest = operator.strip_prefix('n').unwrap_or(operator);
    // `icontains` is a form of `contains`; no plain name begins with an `i`.
    let ignore_case = rest.starts_with('i');
    let part = match rest.strip_prefix('i').unwrap_or(rest) {
        "starts_with" => Part::Start,
        "ends_with" => Part::End,
        _ => Part::Contains,
    };
    let needle = javascript::text(operand);
    let needle = if ignore_case { needle.to_lowercase() } else { needle };
    Test::Text { part, needle, ignore_case, negated }
}

/// A list that may be long is searched by halves, for every row.
fn sorted(mut list: Vec<Scalar>) -> Vec<Scalar> {
    list.sort_by(Scalar::order);
    list.dedup();
    list
}

fn scalars(kind: FieldType, operand: &Value) -> Result<Vec<Scalar>, QueryError> {
    match operand {
        Value::Array(items) => items.iter().map(|v| scalar(kind, v)).collect(),
        other => Ok(vec![scalar(kind, other)?]),
    }
}

fn scalar(kind: FieldType, value: &Value) -> Result<Scalar, QueryError> {
    if kind.is_numeric() {
        let number = javascript::number(value);
        return if number.is_nan() {
            Err(QueryError::invalid("Invalid numeric value"))
        } else {
            Ok(Scalar::Number(number))
        };
    }
    if value.is_null() {
        return Ok(Scalar::Null);
    }
    Ok(match kind {
        FieldType::Timestamp => instant(value).map_or(Scalar::Null, Scalar::Instant),
        FieldType::Boolean => match value {
            Value::Bool(b) => Scalar::Bool(*b),
            other => match javascript::text(other).to_ascii_lowercase().as_str() {
                "1" | "t" | "true" | "y" | "yes" | "on" => Scalar::Bool(true),
                "0" | "f" | "false" | "n" | "no" | "off" => Scalar::Bool(false),
                _ => Scalar::Null,
            },
        },
        FieldType::Uuid => {
            let text = javascript::text(value);
            // A text that is no UUID stays as it is: it equals no key, and differs from all.
            Scalar::Text(uuid::Uuid::parse_str(&text).map_or(text, |u| u.hyphenated().to_string()))
        }
        _ => Scalar::Text(javascript::text(value)),
    })
}

fn instant(value: &Value) -> Option<DateTime<Utc>> {
    match value {
        Value::String(text) => parse_instant(text),
        Value::Number(millis) => DateTime::from_timestamp_millis(millis.as_i64()?),
        _ => None,
    }
}

/// The value of a member in a row, in the type of its operands.
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
            (FieldType::Timestamp, _) => instant(value).map_or(Self::Null, Self::Instant),
            (FieldType::Boolean, Value::Bool(b)) => Self::Bool(*b),
            (FieldType::Boolean, _) => Self::Null,
            // A bare key is stored as it was sent; operands are lower case.
            (FieldType::Uuid, Value::String(text)) if text.bytes().any(|b| b.is_ascii_uppercase()) => Self::Text(
                uuid::Uuid::parse_str(text).map_or(Cow::Borrowed(text), |u| u.hyphenated().to_string().into()),
            ),
            (_, Value::String(text)) => Self::Text(Cow::Borrowed(text)),
            (_, other) => Self::Text(Cow::Owned(other.to_string())),
        }
    }

    /// Null last, otherwise the order of the type: texts by their bytes, false before true.
    pub(in crate::query) fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Null, Self::Null) => Ordering::Equal,
            (Self::Null, _) => Ordering::Greater,
            (_, Self::Null) => Ordering::Less,
            (Self::Text(a), Self::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Instant(a), Self::Instant(b)) => a.cmp(b),
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            // One member has one type.
            _ => Ordering::Equal,
        }
    }

    /// Whether a sorted list has this value.
    fn is_among(&self, list: &[Scalar]) -> bool {
        // What cannot be compared is null, and nulls come first.
        list.binary_search_by(|s| self.compare(s).map_or(Ordering::Less, Ordering::reverse)).is_ok()
    }

    fn compare(&self, scalar: &Scalar) -> Option<Ordering> {
        match (self, scalar) {
            (Self::Text(a), Scalar::Text(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
            (Self::Number(a), Scalar::Number(b)) => a.partial_cmp(b),
            (Self::Instant(a), Scalar::Instant(b)) => Some(a.cmp(b)),
            (Self::Bool(a), Scalar::Bool(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

impl Test {
    /// Equals one of these texts.
    pub fn any_of(texts: impl IntoIterator<Item = String>) -> Self {
        Self::In(sorted(texts.into_iter().map(Scalar::Text).collect()))
    }

    /// Whether a value passes.
    pub(in crate::query) fn passes(&self, actual: &Actual<'_>) -> bool {
        let is = |scalar: &Scalar, wanted: fn(Ordering) -> bool| actual.compare(scalar).is_some_and(wanted);
        match self {
            Self::Null => *actual == Actual::Null,
            Self::NotNull => *actual != Actual::Null,
            Self::Empty => is_empty(actual),
            Self::NotEmpty => !is_empty(actual),
            Self::Equal(s) => is(s, Ordering::is_eq),
            Self::NotEqual(s) => is(s, Ordering::is_ne),
            Self::Less(s) => is(s, Ordering::is_lt),
            Self::LessOrEqual(s) => is(s, Ordering::is_le),
            Self::Greater(s) => is(s, Ordering::is_gt),
            Self::GreaterOrEqual(s) => is(s, Ordering::is_ge),
            Self::Between(low, high) => is(low, Ordering::is_ge) && is(high, Ordering::is_le),
            Self::NotBetween(low, high) => is(low, Ordering::is_lt) || is(high, Ordering::is_gt),
            Self::In(list) => actual.is_among(list),
            Self::NotIn(list) => {
                *actual != Actual::Null && list.first() != Some(&Scalar::Null) && !actual.is_among(list)
            }
            Self::Text { part, needle, ignore_case, negated } => match actual {
                Actual::Text(text) if *ignore_case => find(&text.to_lowercase(), needle, *part) != *negated,
                Actual::Text(text) => find(text, needle, *part) != *negated,
                _ => false,
            },
        }
    }
}

fn is_empty(actual: &Actual<'_>) -> bool {
    match actual {
        Actual::Null => true,
        Actual::Text(text) => text.is_empty(),
        _ => false,
    }
}

fn find(text: &str, needle: &str, part: Part) -> bool {
    match part {
        Part::Contains => text.contains(needle),
        Part::Start => text.starts_with(needle),
        Part::End => text.ends_with(needle),
    }
}
