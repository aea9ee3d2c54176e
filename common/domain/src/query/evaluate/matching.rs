//! Whether a row matches a filter, a test or a search.

use super::related::Related;
use super::value::Actual;
use crate::query::javascript;
use crate::query::plan::{Condition, Filter, Scalar, Search, Test};
use crate::query::row::Row;
use crate::query::schema::FieldType;
use serde_json::Value;
use std::cmp::Ordering;

/// What looking for one code in a set costs, as bytes of text.
const BYTES_PER_LOOKUP: usize = 32;

impl Filter {
    /// Whether a row matches. False once the budget is spent, so that a walk over many rows ends soon; the caller checks
    /// the budget afterwards.
    pub(in crate::query) fn matches(&self, row: &Row, related: &Related) -> bool {
        match self {
            Self::And(all) => all.iter().all(|f| f.matches(row, related)),
            Self::Or(any) => any.iter().any(|f| f.matches(row, related)),
            Self::Leaf(Condition { path, test }) => {
                let actual = path.actual(row, related);
                related.budget().evaluates(test.bytes(&actual)) && test.passes(&actual)
            }
            Self::Codes { none, lookups } => {
                let Some(id) = row.get("id").and_then(Value::as_str) else {
                    return false;
                };
                related.budget().evaluates(BYTES_PER_LOOKUP * lookups.len())
                    && lookups.iter().any(|l| related.has_code(l, id)) != *none
            }
        }
    }
}

impl Filter {
    /// Whether a row with this text in a field of its own can match, as far as the top-level conjunction tells. `None` if
    /// it has no condition on the field alone.
    pub fn admits(&self, field: &str, value: &str) -> Option<bool> {
        let own = self.required().filter(|condition| condition.path.own_field() == Some(field));
        own.map(|condition| condition.test.passes(&Actual::Text(value.into()))).reduce(|a, b| a && b)
    }
}

impl Test {
    /// Bytes of text that the test looks at.
    fn bytes(&self, actual: &Actual<'_>) -> usize {
        match (self, actual) {
            // Lower case is made anew for each test.
            (Self::Text { ignore_case: true, .. }, Actual::Text(text)) => 2 * text.len(),
            (_, Actual::Text(text)) => text.len(),
            _ => 0,
        }
    }

    /// Whether a value passes that is not that of a row.
    pub(in crate::query) fn passes_scalar(&self, value: &Scalar) -> bool {
        self.passes(&match value {
            Scalar::Null => Actual::Null,
            Scalar::Text(text) => Actual::Text(text.into()),
            Scalar::Number(number) => Actual::Number(*number),
            Scalar::Instant(at) => Actual::Instant(*at),
            Scalar::Bool(truth) => Actual::Bool(*truth),
        })
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
                Actual::Text(text) if *ignore_case => part.holds(&text.to_lowercase(), needle) != *negated,
                Actual::Text(text) => part.holds(text, needle) != *negated,
                _ => false,
            },
        }
    }
}

impl Search {
    /// Whether a row matches: a text contains the text, or a number or UUID equals it. False once the budget is spent.
    pub(in crate::query) fn matches(&self, row: &Row, related: &Related) -> bool {
        let budget = related.budget();
        self.fields.iter().any(|field| match (field.kind, row.get(field.name)) {
            (kind, Some(Value::String(text))) if kind.is_text() => {
                budget.evaluates(2 * text.len()) && text.to_lowercase().contains(&self.text)
            }
            (FieldType::Uuid, Some(Value::String(text))) => self.uuid.as_ref() == Some(text),
            (kind, Some(value)) if kind.is_numeric() && !value.is_null() => {
                self.number.is_some_and(|n| javascript::number(value) == n)
            }
            _ => false,
        })
    }
}

fn is_empty(actual: &Actual<'_>) -> bool {
    match actual {
        Actual::Null => true,
        Actual::Text(text) => text.is_empty(),
        _ => false,
    }
}
