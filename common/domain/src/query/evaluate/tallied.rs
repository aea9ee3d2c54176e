//! Counts from tallies: rows that stand for many, because only few of their members matter.

use super::groups::Groups;
use super::related::Related;
use crate::query::error::QueryError;
use crate::query::plan::Query;
use crate::query::row::Row;
use serde_json::Value;

impl Query {
    /// The number of matches, and the `data` of a query of counts, from rows of which each stands for a number of rows
    /// with the same values of the members that [`Query::members_of_counts`] names.
    ///
    /// # Errors
    /// `INVALID_QUERY` when the budget is spent.
    pub fn tallied_data(&self, cells: &[(Row, usize)], related: &Related) -> Result<(usize, Value), QueryError> {
        let matching = self.tallied_matches(cells, related)?;
        let mut groups = Groups::new(self);
        for (row, times) in matching.iter().filter(|(_, times)| *times > 0) {
            groups.take_times(row, *times, related);
        }
        Ok((sum(&matching), groups.into_data(related.budget())?))
    }

    /// The number of matches, from rows as in [`Query::tallied_data`], with the values of the members that
    /// [`Query::members_of_matches`] names.
    ///
    /// # Errors
    /// `INVALID_QUERY` when the budget is spent.
    pub fn tallied_count(&self, cells: &[(Row, usize)], related: &Related) -> Result<usize, QueryError> {
        Ok(sum(&self.tallied_matches(cells, related)?))
    }

    fn tallied_matches<'a>(
        &self,
        cells: &'a [(Row, usize)],
        related: &Related,
    ) -> Result<Vec<&'a (Row, usize)>, QueryError> {
        let matching = cells.iter().filter(|(row, _)| self.matches(row, related)).collect();
        related.budget().check()?;
        Ok(matching)
    }
}

fn sum(rows: &[&(Row, usize)]) -> usize {
    rows.iter().map(|(_, times)| times).sum()
}
