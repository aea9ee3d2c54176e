//! Rows without the members that a query does not need any more. Many rows are held until an answer is written, and a
//! whole row takes kilobytes.

use super::related::Row;
use crate::query::plan::{Query, SortTarget, Source};
use serde_json::Map;

impl Query {
    /// The row with only the members that rendering it reads.
    #[must_use]
    pub fn shown_members(&self, row: Row) -> Row {
        let shown = self.selection.nodes.iter().map(|node| match &node.source {
            Source::Field(field)
            | Source::Function(_, field)
            | Source::One { field, .. }
            | Source::Many { field, .. } => field.name,
        });
        only(row, shown.chain([self.collection.primary_key().name]).collect())
    }

    /// The row with only the members that groups and aggregates read.
    #[must_use]
    pub fn reduced(&self, row: Row) -> Row {
        let groups = self.groups.iter().map(|path| path.field.name);
        let aggregates = self.aggregates.iter().filter_map(|aggregate| Some(aggregate.field?.name));
        let sorted = self.sort.iter().filter_map(|key| match &key.target {
            SortTarget::Path(path) => Some(path.relations.first().map_or(path.field.name, |relation| relation.name)),
            SortTarget::Aggregate(_) => None,
        });
        only(row, groups.chain(aggregates).chain(sorted).chain([self.collection.primary_key().name]).collect())
    }

    /// The least number of members that a row of the answer has.
    #[must_use]
    pub fn members_of_a_row(&self) -> usize {
        self.selection.nodes.len().max(1)
    }
}

fn only(row: Row, names: Vec<&str>) -> Row {
    let mut reduced = Map::with_capacity(names.len().min(row.len()));
    reduced.extend(row.into_iter().filter(|(name, _)| names.contains(&name.as_str())));
    reduced
}
