//! [`Condition`]: one test of one field, with typed operands.

use super::field_path::FieldPath;
use chrono::{DateTime, Utc};
use std::cmp::Ordering;

/// One test of one member.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The member.
    pub path: FieldPath,
    /// The test.
    pub test: Test,
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

impl Test {
    /// Equals one of these texts.
    pub fn any_of(texts: impl IntoIterator<Item = String>) -> Self {
        Self::In(sorted(texts.into_iter().map(Scalar::Text).collect()))
    }
}

/// A list that may be long is searched by halves, for every row.
pub(in crate::query) fn sorted(mut list: Vec<Scalar>) -> Vec<Scalar> {
    list.sort_by(Scalar::order);
    list.dedup();
    list
}
