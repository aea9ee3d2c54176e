//! [`Members`]: which members of rows are still needed. Many rows are held until an answer is written, and a whole row
//! takes kilobytes.

use super::order::BYTES_PER_VALUE;
use crate::query::budget::{Budget, Limit};
use crate::query::plan::{Needs, Query, SortTarget};
use crate::query::row::Row;
use crate::query::schema::Collection;
use serde_json::Value;

/// The members of a collection's rows that are still needed. Made once for a query and used for every row.
#[derive(Debug, Clone)]
pub struct Members {
    names: Vec<&'static str>,
    /// Whether that is every member, so that a row stays as it is.
    is_all: bool,
}

impl Members {
    fn new(collection: Collection, names: impl Iterator<Item = &'static str>) -> Self {
        let mut names: Vec<&str> = names.chain([collection.primary_key().name]).collect();
        names.sort_unstable();
        names.dedup();
        let is_all = collection.fields().iter().all(|field| names.binary_search(&field.name).is_ok());
        Self { names, is_all }
    }

    /// The row with only these members.
    #[must_use]
    pub fn of(&self, mut row: Row) -> Row {
        if !self.is_all {
            row.retain(|name| self.names.binary_search(&name).is_ok());
        }
        row
    }

    /// The row with only these members, for a caller that holds it until all rows are known. `None` when the budget is
    /// spent.
    #[must_use]
    pub fn held(&self, row: Row, budget: &Budget) -> Option<Row> {
        let mut kept = self.of(row);
        kept.shrink();
        let bytes: usize = kept.values().filter_map(Value::as_str).map(str::len).sum();
        budget.pays(Limit::SortValues, kept.len() + bytes / BYTES_PER_VALUE).then_some(kept)
    }
}

impl Query {
    /// The members that rendering reads.
    #[must_use]
    pub fn shown_members(&self) -> Members {
        Members::new(self.collection, self.selection.nodes.iter().map(|node| node.source.field().name))
    }

    /// The members that groups and aggregates read.
    #[must_use]
    pub fn grouped_members(&self) -> Members {
        let groups = self.groups.iter().map(|path| path.field.name);
        let aggregates = self.aggregates.iter().filter_map(|aggregate| Some(aggregate.field?.name));
        let sorted = self.sort.iter().filter_map(|key| match &key.target {
            SortTarget::Path(path) => Some(path.relations.first().map_or(path.field.name, |relation| relation.name)),
            SortTarget::Aggregate(_) => None,
        });
        Members::new(self.collection, groups.chain(aggregates).chain(sorted))
    }

    /// The least number of members that a row of the answer has.
    #[must_use]
    pub fn members_of_a_row(&self) -> usize {
        self.selection.nodes.len().max(1)
    }
}

impl Needs {
    /// The members of codes that are shown or lead to other rows.
    #[must_use]
    pub fn code_members(&self) -> Members {
        Members::new(Collection::UniqueCode, self.members_of_codes.iter().copied())
    }
}
