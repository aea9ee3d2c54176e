//! [`Filter`]: a checked filter, the tree that evaluation and the planner of the store walk alike.
//!
//! There is no `not` node: each negative operator is a [`Test`] of its own.

use super::code_lookup::CodeLookup;
use super::condition::{Condition, Test};
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

    /// The parts that every matching row passes, from left to right: those of the top-level conjunction, or the filter itself.
    /// A disjunction with one part is that part.
    pub fn conjuncts(&self) -> Vec<&Filter> {
        let mut parts = Vec::new();
        let mut stack = vec![self];
        while let Some(filter) = stack.pop() {
            match filter {
                Self::And(all) => stack.extend(all.iter().rev()),
                Self::Or(any) if any.len() == 1 => stack.extend(any),
                part => parts.push(part),
            }
        }
        parts
    }

    /// The conditions that every matching row passes (see [`Filter::conjuncts`]).
    pub fn required(&self) -> impl Iterator<Item = &Condition> {
        self.conjuncts().into_iter().filter_map(|part| match part {
            Self::Leaf(condition) => Some(condition),
            _ => None,
        })
    }

    /// Fields of the row itself that equal one of a few texts in every matching row, from the top-level conjunction:
    /// `status = new and (…)` gives `status` and `["new"]`, and `user_created.id = …` gives `user_created`. An empty list of
    /// texts means that no row can match.
    pub fn required_equalities(&self) -> Vec<(&'static str, Vec<&str>)> {
        let mut out: Vec<(&'static str, Vec<&str>)> = Vec::new();
        for Condition { path, test } in self.required() {
            let (Some(name), Some(found)) = (path.own_key(), test.texts()) else { continue };
            match out.iter_mut().find(|(n, _)| *n == name) {
                Some((_, known)) => {
                    let found: HashSet<&str> = found.into_iter().collect();
                    known.retain(|k| found.contains(k));
                }
                None => out.push((name, found)),
            }
        }
        out
    }

    /// The codes of which every matching row has one, from the top-level conjunction: one list for each condition.
    pub fn required_codes(&self) -> Vec<&[CodeLookup]> {
        let codes = self.conjuncts().into_iter().filter_map(|part| match part {
            Self::Codes { none: false, lookups } => Some(lookups.as_slice()),
            _ => None,
        });
        codes.collect()
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
