//! [`Purpose`]: whether a query shows rows, or selects the rows of a write.

/// What a query is for.
///
/// In a read, a part of a filter that says nothing is ignored, as in Directus: at worst too many rows are shown. In a
/// write the same would change or delete rows that nobody meant, so there it is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::query) enum Purpose {
    /// Shows rows.
    Read,
    /// Selects the rows that a PATCH changes or a DELETE deletes.
    Write,
}
