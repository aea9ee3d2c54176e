//! [`Filter`]: a checked filter, the tree that evaluation and the planner of the store walk alike.
//!
//! There is no `not` node: each negative operator is a [`Test`] of its own.

use super::code_lookup::CodeLookup;
use super::condition::{Condition, Scalar, Test};
use super::field_path::FieldPath;
use crate::query::error::QueryError;
use crate::query::schema::Collection;
use std::collections::HashSet;

/// Which rows match.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// Rows that match all of these; every row if the list is empty.
    And(Vec<Filter>),
    /// Rows that match at least one of these; no row if the list is empty.
    Or(Vec<Filter>),
    /// Rows of which a field passes a test.
    Leaf(Condition),
    /// Reservations that have (or, if `none`, do not have) one of these codes.
    Codes {
        /// `_none` instead of `_some`.
        none: bool,
        /// The codes. The caller resolves each and passes the result to
        /// [`Related::set_lookup`](crate::query::Related::set_lookup).
        lookups: Vec<CodeLookup>,
    },
}

impl Filter {
    /// The filter that `field` of `collection` equals one of these texts.
    ///
    /// # Errors
    /// `FORBIDDEN` if the collection has no such field.
    pub fn any_of(
        collection: Collection,
        field: &str,
        values: impl IntoIterator<Item = String>,
    ) -> Result<Self, QueryError> {
        let field = collection
            .field(field)
            .ok_or_else(|| QueryError::forbidden_fields("", collection.name(), &[field.to_owned()]))?;
        Ok(Self::Leaf(Condition { path: FieldPath::own(collection, field), test: Test::any_of(values) }))
    }

    /// Fields of the row itself that equal one of a few texts in every matching row, from the top-level conjunction:
    /// `status = new and (…)` gives `status` and `["new"]`, and `user_created.id = …` gives `user_created`. An empty list of texts means that no row can match.
    pub fn required_equalities(&self) -> Vec<(&'static str, Vec<&str>)> {
        let mut out = Vec::new();
        self.collect_equalities(&mut out);
        out
    }

    fn collect_equalities<'a>(&'a self, out: &mut Vec<(&'static str, Vec<&'a str>)>) {
        match self {
            Self::And(all) => all.iter().for_each(|f| f.collect_equalities(out)),
            // A disjunction with one part is that part.
            Self::Or(any) => {
                if let [one] = any.as_slice() {
                    one.collect_equalities(out);
                }
            }
            Self::Codes { .. } => {}
            Self::Leaf(Condition { path, test }) => {
                let Some(name) = path.own_key() else { return };
                let found = match test {
                    Test::Equal(Scalar::Text(text)) => vec![text.as_str()],
                    Test::Equal(Scalar::Null) => Vec::new(),
                    Test::In(list) => {
                        let texts = list.iter().filter_map(|s| match s {
                            Scalar::Text(text) => Some(Some(text.as_str())),
                            Scalar::Null => None,
                            _ => Some(None),
                        });
                        match texts.collect::<Option<Vec<_>>>() {
                            Some(texts) => texts,
                            None => return,
                        }
                    }
                    _ => return,
                };
                match out.iter_mut().find(|(n, _)| *n == name) {
                    Some((_, known)) => {
                        let found: HashSet<&str> = found.into_iter().collect();
                        known.retain(|k| found.contains(k));
                    }
                    None => out.push((name, found)),
                }
            }
        }
    }

    /// The codes of which every matching row has one, from the top-level conjunction: one list for each condition.
    pub fn required_codes(&self) -> Vec<&[CodeLookup]> {
        match self {
            Self::And(all) => all.iter().flat_map(Self::required_codes).collect(),
            Self::Or(any) => match any.as_slice() {
                [one] => one.required_codes(),
                _ => Vec::new(),
            },
            Self::Codes { none: false, lookups } => vec![lookups],
            Self::Codes { none: true, .. } | Self::Leaf(_) => Vec::new(),
        }
    }

    /// Every condition, from left to right.
    pub fn leaves(&self) -> Vec<&Condition> {
        let mut out = Vec::new();
        let mut stack = vec![self];
        while let Some(filter) = stack.pop() {
            match filter {
                Self::And(list) | Self::Or(list) => stack.extend(list.iter().rev()),
                Self::Leaf(condition) => out.push(condition),
                Self::Codes { .. } => {}
            }
        }
        out
    }

    /// The number of codes that the filter looks up, duplicates included.
    pub(in crate::query) fn lookups_in_all(&self) -> usize {
        match self {
            Self::And(list) | Self::Or(list) => list.iter().map(Self::lookups_in_all).sum(),
            Self::Codes { lookups, .. } => lookups.len(),
            Self::Leaf(_) => 0,
        }
    }

    /// The codes that the filter looks up, without duplicates.
    pub fn code_lookups(&self) -> Vec<&CodeLookup> {
        let mut out: Vec<&CodeLookup> = Vec::new();
        let mut known: HashSet<&CodeLookup> = HashSet::new();
        let mut stack = vec![self];
        while let Some(filter) = stack.pop() {
            match filter {
                Self::And(list) | Self::Or(list) => stack.extend(list.iter().rev()),
                Self::Codes { lookups, .. } => {
                    for lookup in lookups {
                        if known.insert(lookup) {
                            out.push(lookup);
                        }
                    }
                }
                Self::Leaf(_) => {}
            }
        }
        out
    }
}
