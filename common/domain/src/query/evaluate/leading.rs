//! [`Leading`]: the first rows in the order of a query, out of rows that arrive in any order.
//!
//! It holds no more rows than the window reaches, whatever the number of rows.

use super::order::{BYTES_PER_VALUE, Rank, compare_keys};
use super::related::Related;
use super::value::Actual;
use crate::query::budget::Limit;
use crate::query::plan::{Query, Window};
use crate::query::row::Row;
use serde_json::Value;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// The rows that come first in the order of a query. Of each row it holds what orders it, and `T`.
#[derive(Debug)]
pub struct Leading<'q, T> {
    query: &'q Query,
    window: Window,
    /// The number of rows that the window reaches: those that it skips and those that it shows.
    most: usize,
    /// The last row is the first to be taken out.
    rows: BinaryHeap<Placed<'q, T>>,
    /// The values of these rows, and the most that there ever were. The budget pays for the latter.
    values: usize,
    paid: usize,
}

#[derive(Debug)]
struct Placed<'q, T> {
    query: &'q Query,
    rank: Rank,
    row: T,
    values: usize,
}

impl<T> Ord for Placed<'_, T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.query.compare_ranks(&self.rank, &other.rank)
    }
}

impl<T> PartialOrd for Placed<'_, T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Placed<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Placed<'_, T> {}

impl<'q, T> Leading<'q, T> {
    /// No rows yet.
    #[must_use]
    pub fn new(query: &'q Query, window: Window) -> Self {
        let most = match window.take() {
            Some(0) => 0,
            Some(take) => window.skip().saturating_add(take),
            None => usize::MAX,
        };
        Self { query, window, most, rows: BinaryHeap::new(), values: 0, paid: 0 }
    }

    /// Takes a row that matches. Once the budget is spent it takes none; the caller checks the budget afterwards.
    pub fn offer(&mut self, row: &Row, related: &Related, keep: T) {
        let (query, budget) = (self.query, related.budget());
        if self.most == 0 {
            return;
        }
        let values = query.sort_values(row, related);
        let bytes: usize = values.iter().map(Actual::text_len).sum();
        if !budget.evaluates(bytes) || !budget.pays(Limit::Evaluation, values.len()) {
            return;
        }
        let key = row.get(query.collection.primary_key().name).and_then(Value::as_str);
        if self.rows.len() >= self.most {
            // Nothing is copied of a row that is behind all that are held.
            let is_before = self.rows.peek().is_some_and(|last| {
                let by_key = || query.compare_ties(&key, &last.rank.key.as_deref());
                compare_keys(&query.sort, &values, &last.rank.values).then_with(by_key).is_lt()
            });
            if !is_before {
                return;
            }
            self.values -= self.rows.pop().map_or(0, |last| last.values);
        }
        let count = values.len() + 1 + bytes / BYTES_PER_VALUE;
        self.values += count;
        let more = self.values.saturating_sub(self.paid);
        if !budget.pays(Limit::SortValues, more) {
            return;
        }
        self.paid += more;
        let rank = Rank { values: values.into_iter().map(Actual::into_owned).collect(), key: key.map(str::to_owned) };
        self.rows.push(Placed { query, rank, row: keep, values: count });
    }

    /// What was kept of the rows of the window, in their order.
    #[must_use]
    pub fn into_window(self) -> Vec<T> {
        self.window.cut(self.rows.into_sorted_vec().into_iter().map(|placed| placed.row))
    }
}
