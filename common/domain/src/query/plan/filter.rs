//! [`Filter`]: a checked filter, the tree that evaluation and the planner of the store walk alike.
//!
//! There is no `not` node: each negative operator is a [`Test`] of its own.

use super::code_lookup::CodeLookup;
use super::condition::{Condition, Scalar, Test};
use super::field_path::FieldPath;
use crate::query::error::QueryError;
use crate::query::schema::Collection;

/// Which rows match.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// Every one of these; all rows if there is none.
    And(Vec<Filter>),
    /// At least one of these; no row if there is none.
    Or(Vec<Filter>),
    /// A member passes a test.
    Leaf(Condition),
    /// The reservation has (or, if `none`, has not) one of these codes.
    Codes {
        /// `_none` instead of `_some`.
        none: bool,
        /// The codes; the caller resolves each and puts the result into [`Related::set_lookup`].
        lookups: Vec<CodeLookup>,
    },
}

impl Filter {
    /// `field` (a member of `collection` itself) has one of these texts: what the rights layer asks for.
    ///
    /// # Errors
    /// `FORBIDDEN` when the collection has no such member.
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

    /// Members of the row itself that must have one of a few texts in every match, from the top-level conjunction:
    /// `status = new and (…)` gives `status` and `["new"]`. An empty set means that nothing can match.
    pub fn required_equalities(&self) -> Vec<(&'static str, Vec<&str>)> {
        let mut out = Vec::new();
        self.collect_equalities(&mut out);
        out
    }

    fn collect_equalities<'a>(&'a self, out: &mut Vec<(&'static str, Vec<&'a str>)>) {
        match self {
            Self::And(all) => all.iter().for_each(|f| f.collect_equalities(out)),
            // A disjunction of one is a condition like any other.
            Self::Or(any) => {
                if let [one] = any.as_slice() {
                    one.collect_equalities(out);
                }
            }
            Self::Codes { .. } => {}
            Self::Leaf(Condition { path, test }) => {
                let Some(name) = path.own_field() else { return };
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
                    Some((_, known)) => known.retain(|k| found.contains(k)),
                    None => out.push((name, found)),
                }
            }
        }
    }

    /// The codes of which every match must have one, from the top-level conjunction: one list for each such condition.
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

    /// Every leaf, from left to right.
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

    /// Every code that the filter asks for, each once.
    pub fn code_lookups(&self) -> Vec<&CodeLookup> {
        let mut out: Vec<&CodeLookup> = Vec::new();
        let mut stack = vec![self];
        while let Some(filter) = stack.pop() {
            match filter {
                Self::And(list) | Self::Or(list) => stack.extend(list.iter().rev()),
                Self::Codes { lookups, .. } => {
                    for lookup in lookups {
                        if !out.contains(&lookup) {
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
