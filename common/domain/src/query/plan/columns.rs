//! The columns of an answer as a table: the fields of the query in their order. They depend on no row, so the table of
//! an empty answer has them too.

use super::aggregate::Aggregate;
use super::column::Column;
use super::query::Query;

impl Query {
    /// The columns of the answer. A related row has a column for each of its fields; rows that refer to this one, and
    /// JSON, are one value. A row without fields has one column for its key.
    pub(in crate::query) fn columns(&self) -> Vec<Column> {
        if !self.shows_rows() {
            let mut paths: Vec<_> = self.groups.iter().map(|group| vec![group.column()]).collect();
            self.add_aggregates(&mut paths);
            return paths.into_iter().map(Column::of).collect();
        }
        match self.columns_of_rows.as_slice() {
            [] => vec![Column::of_member(self.collection.primary_key().name)],
            columns => columns.to_vec(),
        }
    }

    fn add_aggregates(&self, paths: &mut Vec<Vec<String>>) {
        let places: Vec<_> = self.aggregates.iter().filter(|one| self.shows(one)).map(Aggregate::place).collect();
        for (operation, member) in &places {
            // The number of rows has the name of an object for fields, which takes its place.
            if member.is_none() && places.iter().any(|(other, member)| other == operation && member.is_some()) {
                continue;
            }
            let path: Vec<String> = std::iter::once(*operation).chain(*member).map(str::to_owned).collect();
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
    }
}
