//! The columns of an answer as a table: the fields of the query in their order. They depend on no row, so the table of
//! an empty answer has them too.

use super::aggregate::Aggregate;
use super::query::Query;

/// A column: the members that lead from a row to its value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::query) struct Column {
    /// The name in the header.
    pub(in crate::query) name: String,
    /// The names of these members.
    pub(in crate::query) path: Vec<String>,
}

impl Column {
    /// The column of a path.
    pub(in crate::query) fn of(path: Vec<String>) -> Self {
        Self { name: path.join("."), path }
    }

    /// The column of a member of the row.
    pub(in crate::query) fn of_member(name: &str) -> Self {
        Self::of(vec![name.to_owned()])
    }

    /// The column of the key of a related row that is itself shown. The key is in a member of its own, whose name has a
    /// space: no field or alias has one.
    pub(in crate::query) fn of_key(name: &str) -> Self {
        Self { name: name.to_owned(), path: vec![format!("{name} key")] }
    }

    /// The same column of a related row.
    pub(in crate::query) fn below(&self, name: &str) -> Self {
        let path = std::iter::once(name).chain(self.path.iter().map(String::as_str));
        Self { name: format!("{name}.{}", self.name), path: path.map(str::to_owned).collect() }
    }
}

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
