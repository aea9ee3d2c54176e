//! [`Meta`]: the counts of a list answer.

/// A count in `meta` of a list answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meta {
    /// `total_count`: rows that the caller may read.
    TotalCount,
    /// `filter_count`: those of them that match filter and search.
    FilterCount,
}
