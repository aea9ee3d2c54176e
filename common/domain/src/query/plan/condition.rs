//! [`Condition`]: one test of one field, with typed operands.

use super::field_path::FieldPath;
use chrono::{DateTime, Utc};
use std::cmp::Ordering;

/// One test of one field.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The field.
    pub path: FieldPath,
    /// The test.
    pub test: Test,
}

/// A test of a value. As in SQL, a null passes no test, a negative one included, except [`Test::Null`] and
/// [`Test::Empty`].
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
    /// `_in`: sorted, without duplicates, nulls first (they equal no value).
    In(Vec<Scalar>),
    /// `_nin`, sorted like [`Test::In`]; fails for every value if an operand is null, as in SQL.
    NotIn(Vec<Scalar>),
    /// The `_contains`, `_starts_with` and `_ends_with` families.
    Text {
        /// Where the value must contain `needle`.
        part: Part,
        /// The text; in lower case if `ignore_case`.
        needle: String,
        /// Whether case is ignored (`_i…`).
        ignore_case: bool,
        /// Whether the value must not contain `needle` (`_n…`).
        negated: bool,
    },
}

/// Where a text is searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Anywhere.
    Contains,
    /// At the beginning.
    Start,
    /// At the end.
    End,
}

impl Part {
    /// Whether this part of a text holds `needle`.
    pub(in crate::query) fn holds(self, text: &str, needle: &str) -> bool {
        match self {
            Self::Contains => text.contains(needle),
            Self::Start => text.starts_with(needle),
            Self::End => text.ends_with(needle),
        }
    }
}

/// An operand, in the type of the field that it is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// Null, or an operand that is no value of the type (such as an invalid date): every comparison with it fails.
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
    /// Nulls first, then the order of the type. All operands of a list have the same type.
    pub(in crate::query) fn order(&self, other: &Self) -> Ordering {
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

impl Test {
    /// The test that a value equals one of these texts.
    pub fn any_of(texts: impl IntoIterator<Item = String>) -> Self {
        Self::In(sorted(texts.into_iter().map(Scalar::Text).collect()))
    }

    /// The texts of which a value must be one, for a test that allows only those; none for a test that no value passes.
    pub(in crate::query) fn texts(&self) -> Option<Vec<&str>> {
        let operands = match self {
            Self::Equal(operand) => std::slice::from_ref(operand),
            Self::In(operands) => operands.as_slice(),
            _ => return None,
        };
        let texts = operands.iter().filter_map(|operand| match operand {
            Scalar::Text(text) => Some(Some(text.as_str())),
            // Equals no value.
            Scalar::Null => None,
            _ => Some(None),
        });
        texts.collect()
    }
}

/// Sorts operands for binary search and removes duplicates.
pub(in crate::query) fn sorted(mut list: Vec<Scalar>) -> Vec<Scalar> {
    list.sort_by(Scalar::order);
    list.dedup();
    list
}
