//! [`Meta`]: the counts of a list answer.

/// Counts that a list answer carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meta {
    /// `total_count`: rows that the caller may see.
    TotalCount,
    /// `filter_count`: those of them that filter and search leave.
    FilterCount,
}
