//! [`Query::run`]: match, order, cut and show rows.
//!
//! Rows and the rows they refer to are arguments. [`Query::run`] takes every step over rows in memory; the steps are public
//! for a store that can take some of them itself.

use super::answer::{Answer, json_body};
use super::groups::Groups;
use super::project::{self, Shown};
use super::related::Related;
use crate::query::error::QueryError;
use crate::query::plan::{Meta, Query};
use crate::query::row::Row;
use serde_json::{Map, Value};

impl Query {
    /// Whether the caller may read a row. False once the budget is spent.
    pub fn permits(&self, row: &Row, related: &Related) -> bool {
        self.rights.as_ref().is_none_or(|rights| rights.matches(row, related))
    }

    /// Whether a row matches rights, filter and search. False once the budget is spent: after a walk over rows, call
    /// [`Budget::check`](crate::query::Budget::check).
    pub fn matches(&self, row: &Row, related: &Related) -> bool {
        self.permits(row, related)
            && self.filter.as_ref().is_none_or(|filter| filter.matches(row, related))
            && self.search.as_ref().is_none_or(|search| search.matches(row, related))
    }

    /// Rows as they are in the answer.
    ///
    /// # Errors
    /// `INVALID_QUERY` when the budget is spent.
    pub fn render<'a>(&self, rows: impl IntoIterator<Item = &'a Row>, related: &Related) -> Result<Value, QueryError> {
        let mut shown = Vec::new();
        for row in rows {
            shown.push(project::value(&Shown { selection: &self.selection, row, related }));
            // Before the next row: the values of an answer take far more memory than its text.
            related.budget().check()?;
        }
        Ok(Value::Array(shown))
    }

    /// `{"meta": …, "data": […]}` as text, of rows that are already sorted and cut. The same as [`Answer::into_body`] of
    /// [rendered](Query::render) rows, but without building a JSON value of every field.
    ///
    /// # Errors
    /// `INVALID_QUERY` when the budget is spent or the answer is too long.
    pub fn json_of(
        &self,
        meta: Option<&Map<String, Value>>,
        rows: &[Row],
        related: &Related,
    ) -> Result<String, QueryError> {
        let data: Vec<_> = rows.iter().map(|row| Shown { selection: &self.selection, row, related }).collect();
        json_body(meta, &data, related.budget())
    }

    /// The answer over all rows of the collection.
    ///
    /// # Errors
    /// `INVALID_QUERY` when the budget is spent.
    pub fn run<'a>(&self, rows: &'a [Row], related: &'a Related) -> Result<Answer, QueryError> {
        let permitted: Vec<&Row> = rows.iter().filter(|row| self.permits(row, related)).collect();
        let total = permitted.len();
        let matching: Vec<&Row> = permitted.into_iter().filter(|row| self.matches(row, related)).collect();
        let meta = self.meta_of(total, matching.len());
        Ok(Answer { meta, data: self.data_of(matching, related)? })
    }

    /// The `meta` of an answer from its two counts.
    pub fn meta_of(&self, total: usize, filtered: usize) -> Option<Map<String, Value>> {
        if self.meta.is_empty() {
            return None;
        }
        let entry = |meta: &Meta| match meta {
            Meta::TotalCount => ("total_count".to_owned(), Value::from(total)),
            Meta::FilterCount => ("filter_count".to_owned(), Value::from(filtered)),
        };
        Some(self.meta.iter().map(entry).collect())
    }

    /// The `data` of a list from the rows that match, in any order.
    ///
    /// # Errors
    /// `INVALID_QUERY` when the budget is spent, also before this call: then `matching` is incomplete.
    pub fn data_of<'a>(&self, mut matching: Vec<&'a Row>, related: &'a Related) -> Result<Value, QueryError> {
        related.budget().check()?;
        if !self.shows_rows() {
            let mut groups = Groups::new(self);
            matching.into_iter().for_each(|row| groups.take(row, related));
            return groups.into_data(related.budget());
        }
        self.sort_rows(&mut matching, related);
        related.budget().check()?;
        self.render(self.window.cut(matching), related)
    }

    /// The answer for a single row that was found by its key. All parameters apply: a row that does not match
    /// rights, filter and search does not exist.
    ///
    /// # Errors
    /// `FORBIDDEN` without a reason if there is no row, if it does not match, or if `version` is not `main`;
    /// `INVALID_QUERY` when the budget is spent.
    pub fn run_one<'a>(&self, row: Option<&'a Row>, related: &'a Related) -> Result<Value, QueryError> {
        if self.version.as_deref().is_some_and(|v| v != "main") {
            return Err(QueryError::forbidden());
        }
        let matching: Vec<&Row> = row.into_iter().filter(|row| self.matches(row, related)).collect();
        match self.data_of(matching, related)? {
            Value::Array(items) => items.into_iter().next().ok_or_else(QueryError::forbidden),
            _ => Err(QueryError::forbidden()),
        }
    }
}
