//! [`Times`]: a row that stands for several rows with the same values.

use crate::query::row::Row;

/// A row, and how many rows have its values as far as they matter.
#[derive(Clone, Copy, Debug)]
pub(in crate::query) struct Times<'a> {
    /// One of the rows.
    pub(in crate::query) row: &'a Row,
    /// The number of rows.
    pub(in crate::query) times: usize,
}

impl<'a> Times<'a> {
    /// A row that stands for itself.
    pub(in crate::query) fn once(row: &'a Row) -> Self {
        Self { row, times: 1 }
    }
}
