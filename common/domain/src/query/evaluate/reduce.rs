//! Rows without the members that a query does not need any more. Many rows are held until an answer is written, and a
//! whole row takes kilobytes.

use super::order::BYTES_PER_VALUE;
use super::related::Row;
use crate::query::budget::{Budget, Limit};
use crate::query::plan::{Needs, Query, SortTarget};
use serde_json::{Map, Value};

impl Query {
    /// The row with only the members that rendering it reads.
    #[must_use]
    pub fn shown_members(&self, row: Row) -> Row {
        let shown = self.selection.nodes.iter().map(|node| node.source.field().name);
        only(row, shown.chain([self.collection.primary_key().name]).collect())
    }

    /// The row with only the members that groups and aggregates read. `None` when the budget is spent: such rows are held
    /// until all are known.
    #[must_use]
    pub fn reduced(&self, row: Row, budget: &Budget) -> Option<Row> {
        let groups = self.groups.iter().map(|path| path.field.name);
        let aggregates = self.aggregates.iter().filter_map(|aggregate| Some(aggregate.field?.name));
        let sorted = self.sort.iter().filter_map(|key| match &key.target {
            SortTarget::Path(path) => Some(path.relations.first().map_or(path.field.name, |relation| relation.name)),
            SortTarget::Aggregate(_) => None,
        });
        let names = groups.chain(aggregates).chain(sorted).chain([self.collection.primary_key().name]).collect();
        let reduced = only(row, names);
        let bytes: usize = reduced.values().filter_map(Value::as_str).map(str::len).sum();
        budget.pays(Limit::SortValues, reduced.len() + bytes / BYTES_PER_VALUE).then_some(reduced)
    }

    /// The least number of members that a row of the answer has.
    #[must_use]
    pub fn members_of_a_row(&self) -> usize {
        self.selection.nodes.len().max(1)
    }
}

impl Needs {
    /// A row of `unique_code` with only the members that are shown or lead to other rows.
    #[must_use]
    pub fn code(&self, row: Row) -> Row {
        only(row, self.code_members.iter().copied().chain(["id"]).collect())
    }
}

/// A row of these members only.
pub(in crate::query) fn only(row: Row, names: Vec<&str>) -> Row {
    let mut reduced = Map::with_capacity(names.len().min(row.len()));
    reduced.extend(row.into_iter().filter(|(name, _)| names.contains(&name.as_str())));
    reduced
}
