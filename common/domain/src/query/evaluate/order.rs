//! The order of rows.
//!
//! Nulls are last in ascending and first in descending order. Texts are ordered by their bytes, as in a PostgreSQL database
//! with the C collation.

use super::related::Related;
use super::value::Actual;
use crate::query::budget::Limit;
use crate::query::plan::{Query, SortKey, SortTarget};
use crate::query::row::Row;
use serde_json::Value;
use std::cmp::Ordering;

/// Bytes of text that count as one more value to sort.
pub(in crate::query) const BYTES_PER_VALUE: usize = 64;

/// The values that order a row: those of the sort keys, then the primary key. Holds nothing else of the row.
#[derive(Debug, Clone)]
pub(in crate::query) struct Rank {
    pub(super) values: Vec<Actual<'static>>,
    pub(super) key: Option<String>,
}

impl Query {
    /// The order of two ranks; the same as that of their rows.
    pub(super) fn compare_ranks(&self, a: &Rank, b: &Rank) -> Ordering {
        compare_keys(&self.sort, &a.values, &b.values).then_with(|| self.compare_ties(&a.key, &b.key))
    }

    /// The order of two rows; rows that compare equal are ordered by their primary keys, so that pages never overlap.
    pub fn compare(&self, a: &Row, b: &Row, related: &Related) -> Ordering {
        compare_keys(&self.sort, &self.sort_values(a, related), &self.sort_values(b, related)).then_with(|| {
            let key = self.collection.primary_key().name;
            let id = |row: &Row| row.get(key).and_then(Value::as_str).map(str::to_owned);
            self.compare_ties(&id(a), &id(b))
        })
    }

    /// The order of the primary keys of two rows that compare equal.
    pub(super) fn compare_ties<T: Ord>(&self, a: &T, b: &T) -> Ordering {
        if self.ties_are_descending() { b.cmp(a) } else { a.cmp(b) }
    }

    pub(super) fn sort_values<'a>(&self, row: &'a Row, related: &'a Related) -> Vec<Actual<'a>> {
        self.sort.iter().map(|key| sort_value(key, row, related)).collect()
    }

    /// Sorts rows in the order of the query. Removes them when the budget is spent.
    pub fn sort_rows<'a>(&self, rows: &mut Vec<&'a Row>, related: &'a Related) {
        if !related.budget().pays(Limit::SortValues, rows.len().saturating_mul(self.sort.len() + 1)) {
            rows.clear();
            return;
        }
        let key = self.collection.primary_key().name;
        // Values are read once per row, not once for each comparison.
        let mut decorated: Vec<(Vec<Actual<'a>>, Option<&'a str>, &'a Row)> = rows
            .drain(..)
            .map(|row| (self.sort_values(row, related), row.get(key).and_then(Value::as_str), row))
            .collect();
        decorated.sort_by(|a, b| compare_keys(&self.sort, &a.0, &b.0).then_with(|| self.compare_ties(&a.1, &b.1)));
        rows.extend(decorated.into_iter().map(|(_, _, row)| row));
    }
}

pub(in crate::query) fn sort_value<'a>(key: &SortKey, row: &'a Row, related: &'a Related) -> Actual<'a> {
    match &key.target {
        SortTarget::Path(path) => path.actual(row, related),
        SortTarget::Aggregate(_) => Actual::Null,
    }
}

pub(in crate::query) fn compare_keys(keys: &[SortKey], a: &[Actual<'_>], b: &[Actual<'_>]) -> Ordering {
    keys.iter()
        .zip(a.iter().zip(b))
        .map(|(key, (a, b))| if key.descending { b.order(a) } else { a.order(b) })
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}
