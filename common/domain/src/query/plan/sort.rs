//! [`SortKey`]: one key of the order of an answer.

use super::field_path::FieldPath;

/// One key of an order.
#[derive(Debug, Clone, PartialEq)]
pub struct SortKey {
    /// What is compared.
    pub target: SortTarget,
    /// `-`
    pub descending: bool,
}

/// What a [`SortKey`] compares.
#[derive(Debug, Clone, PartialEq)]
pub enum SortTarget {
    /// A member.
    Path(FieldPath),
    /// The aggregate at this index of the query.
    Aggregate(usize),
}
