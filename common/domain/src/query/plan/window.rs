//! [`Window`]: the parameters `limit`, `offset` and `page`.

use crate::query::limits::DEFAULT_LIMIT;

/// A part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// Rows at most; −1 for all rows; `None` if the query has no limit (then [`DEFAULT_LIMIT`] applies).
    pub limit: Option<i64>,
    /// Rows to skip; 0 or more.
    pub offset: i64,
    /// Pages of `limit` rows, from 1; 0 if the query has none.
    pub page: i64,
}

impl Window {
    /// The maximum number of rows; `None` for all.
    pub fn take(&self) -> Option<usize> {
        usize::try_from(self.limit.unwrap_or(DEFAULT_LIMIT)).ok()
    }

    /// The number of rows to skip. `page` takes precedence over `offset`, but has no effect without a positive limit.
    pub fn skip(&self) -> usize {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        let skip = if self.page > 0 && limit > 0 { limit.saturating_mul(self.page - 1) } else { self.offset };
        usize::try_from(skip).unwrap_or(0)
    }

    /// The same window with at most `most` rows.
    pub fn within(&self, most: usize) -> Self {
        self.with_take(self.take().unwrap_or(usize::MAX).min(most))
    }

    /// The same window with `more` rows behind it. One without rows stays so.
    pub fn with_more(&self, more: usize) -> Self {
        self.take().filter(|take| *take > 0).map_or(*self, |take| self.with_take(take.saturating_add(more)))
    }

    /// The window that begins as this one and has at most so many rows.
    fn with_take(&self, take: usize) -> Self {
        let number = |rows: usize| i64::try_from(rows).unwrap_or(i64::MAX);
        Self { limit: Some(number(take)), offset: number(self.skip()), page: 0 }
    }

    /// The items of a list that are in this window.
    pub fn cut<T>(&self, items: impl IntoIterator<Item = T>) -> Vec<T> {
        items.into_iter().skip(self.skip()).take(self.take().unwrap_or(usize::MAX)).collect()
    }
}
