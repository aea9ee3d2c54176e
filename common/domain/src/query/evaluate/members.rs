//! [`Members`]: which members of rows are still needed. Many rows are held until an answer is written, and a whole row
//! takes kilobytes.

use crate::query::plan::{Filter, Needs, Query, Search, SortTarget};
use crate::query::row::Row;
use crate::query::schema::Collection;

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

    /// Their names, in the order of the alphabet.
    #[must_use]
    pub fn names(&self) -> &[&'static str] {
        &self.names
    }

    /// The row with only these members.
    #[must_use]
    pub fn of(&self, mut row: Row) -> Row {
        if !self.is_all {
            row.retain(|name| self.names.binary_search(&name).is_ok());
        }
        row
    }
}

impl Query {
    /// The members that rendering reads.
    #[must_use]
    pub fn shown_members(&self) -> Members {
        Members::new(self.collection, self.selection.nodes.iter().map(|node| node.source.field().name))
    }

    /// The members that tell whether a row matches and where it is in the order, or what groups and aggregates read of
    /// it.
    #[must_use]
    pub fn evaluated_members(&self) -> Members {
        let conditions = self.filter.iter().chain(&self.rights).flat_map(Filter::leaves).map(|leaf| &leaf.path);
        let sorted = self.sort.iter().filter_map(|key| match &key.target {
            SortTarget::Path(path) => Some(path),
            SortTarget::Aggregate(_) => None,
        });
        let paths = conditions.chain(sorted).chain(&self.groups);
        let of_paths = paths.map(|path| path.relations.first().map_or(path.field.name, |relation| relation.name));
        let of_aggregates = self.aggregates.iter().filter_map(|aggregate| Some(aggregate.field?.name));
        let searched = self.search.iter().flat_map(Search::members);
        // A row without it does not exist for a caller who is limited to organisations (RSV-6).
        let organisation = self.collection.field("reserved_for").map(|field| field.name);
        Members::new(self.collection, of_paths.chain(of_aggregates).chain(searched).chain(organisation))
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
