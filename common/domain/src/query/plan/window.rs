//! `limit`, `offset` and `page`: which part of an ordered list.

use crate::query::limits::DEFAULT_LIMIT;

/// A part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// −1 for all rows; `None` where the query names none (then 100).
    pub limit: Option<i64>,
    /// Rows to leave out first; 0 or more.
    pub offset: i64,
    /// Pages of `limit` rows, from 1; 0 where the query names none.
    pub page: i64,
}

impl Window {
    /// How many rows at most; `None` for all.
    pub fn take(&self) -> Option<usize> {
        usize::try_from(self.limit.unwrap_or(DEFAULT_LIMIT)).ok()
    }

    /// How many rows to leave out. A page beats an offset, but needs a limit.
    pub fn skip(&self) -> usize {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        let skip = if self.page > 0 && limit > 0 { limit.saturating_mul(self.page - 1) } else { self.offset };
        usize::try_from(skip).unwrap_or(0)
    }

    /// Cuts a list.
    pub fn cut<T>(&self, items: impl IntoIterator<Item = T>) -> Vec<T> {
        items.into_iter().skip(self.skip()).take(self.take().unwrap_or(usize::MAX)).collect()
    }
}
