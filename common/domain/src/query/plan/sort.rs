//! [`SortKey`]: one key of the order of an answer.

use super::field_path::FieldPath;

/// One key of an order.
#[derive(Debug, Clone, PartialEq)]
pub struct SortKey {
    /// What is compared.
    pub target: SortTarget,
    /// Whether the order is descending (`-`).
    pub descending: bool,
}

/// What a [`SortKey`] compares.
#[derive(Debug, Clone, PartialEq)]
pub enum SortTarget {
    /// A field.
    Path(FieldPath),
    /// The aggregate at this index of [`Query::aggregates`](crate::query::Query).
    Aggregate(usize),
}
