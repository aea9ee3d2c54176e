//! The columns of an answer as a table: the fields of the query in their order. They depend on no row, so the table of
//! an empty answer has them too.

use super::aggregate::Aggregate;
use super::query::Query;
use super::selection::{Selection, Source};

/// A column: the members that lead from a row to its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::query) struct Column {
    /// The names of these members.
    pub(in crate::query) path: Vec<String>,
}

impl Column {
    /// The name in the header.
    pub(in crate::query) fn name(&self) -> String {
        self.path.join(".")
    }
}

impl Query {
    /// The columns of the answer. A related row has a column for each of its fields; rows that refer to this one, and
    /// JSON, are one value. A row without fields has one column for its key.
    pub(in crate::query) fn columns(&self) -> Vec<Column> {
        let mut paths = Vec::new();
        if self.shows_rows() {
            columns_of(&self.selection, &mut Vec::new(), &mut paths);
            if paths.is_empty() {
                paths.push(vec![self.collection.primary_key().name.to_owned()]);
            }
        } else {
            paths.extend(self.groups.iter().map(|group| vec![group.column()]));
            self.add_aggregates(&mut paths);
        }
        paths.into_iter().map(|path| Column { path }).collect()
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

fn columns_of(selection: &Selection, path: &mut Vec<String>, paths: &mut Vec<Vec<String>>) {
    for node in &selection.nodes {
        path.push(node.key.clone());
        match &node.source {
            Source::One { selection, .. } if !selection.is_key() => columns_of(selection, path, paths),
            _ => paths.push(path.clone()),
        }
        path.pop();
    }
}
