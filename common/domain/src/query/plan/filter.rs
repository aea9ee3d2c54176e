//! A checked filter: a tree that evaluation and the planner of the store walk alike.
//!
//! There is no `not`: a negative operator is a test of its own.

use crate::query::error::QueryError;
use crate::query::evaluate::related::{Related, Row};
use crate::query::functions::Function;
use crate::query::parse::filter::operators::{Actual, Scalar, Test};
use crate::query::plan::code_lookup::CodeLookup;
use crate::query::schema::{Collection, Field, Relation};
use serde_json::Value;

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

/// One test of one member.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The member.
    pub path: FieldPath,
    /// The test.
    pub test: Test,
}

/// A member of a row or of a row related to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FieldPath {
    /// The collection of the row itself.
    pub root: Collection,
    /// The relations walked, each a key of the next row.
    pub relations: Vec<&'static Field>,
    /// The member at the end.
    pub field: &'static Field,
    /// A function around it.
    pub function: Option<Function>,
}

impl FieldPath {
    /// A member of the row itself.
    pub fn own(root: Collection, field: &'static Field) -> Self {
        Self { root, relations: Vec::new(), field, function: None }
    }

    /// The name, if this is a plain member of the row itself.
    pub fn own_field(&self) -> Option<&'static str> {
        (self.relations.is_empty() && self.function.is_none()).then_some(self.field.name)
    }

    /// The value in a row; null where a relation leads nowhere.
    pub(in crate::query) fn actual<'a>(&self, row: &'a Row, related: &'a Related) -> Actual<'a> {
        let Some(row) = self.last_row(row, related) else {
            return Actual::Null;
        };
        match self.function {
            None => Actual::read(self.field.kind, row.get(self.field.name)),
            Some(Function::Count) => match row.get("id").and_then(Value::as_str) {
                // Counts stay far below 2^53, where f64 is exact.
                Some(id) => Actual::Number(related.codes_count(id) as f64),
                None => Actual::Null,
            },
            Some(function) => match Actual::read(self.field.kind, row.get(self.field.name)) {
                Actual::Instant(at) => function.of_instant(&at).map_or(Actual::Null, Actual::Number),
                _ => Actual::Null,
            },
        }
    }

    fn last_row<'a>(&self, row: &'a Row, related: &'a Related) -> Option<&'a Row> {
        let mut row = row;
        for relation in &self.relations {
            let Relation::One(collection) = relation.relation else {
                return None;
            };
            row = related.get(collection, row.get(relation.name)?.as_str()?)?;
        }
        Some(row)
    }
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

    /// Whether a row matches.
    pub fn matches(&self, row: &Row, related: &Related) -> bool {
        match self {
            Self::And(all) => all.iter().all(|f| f.matches(row, related)),
            Self::Or(any) => any.iter().any(|f| f.matches(row, related)),
            Self::Leaf(Condition { path, test }) => test.passes(&path.actual(row, related)),
            Self::Codes { none, lookups } => {
                let Some(id) = row.get("id").and_then(Value::as_str) else {
                    return false;
                };
                lookups.iter().any(|l| related.has_code(l, id)) != *none
            }
        }
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

    /// The codes that a filter of `unique_code` names, if it is nothing but a lookup: the forms that
    /// [`Filter::Codes`] allows.
    ///
    /// # Errors
    /// `INVALID_QUERY` when the filter is anything else.
    pub fn as_code_lookups(&self) -> Result<Vec<CodeLookup>, QueryError> {
        crate::query::plan::code_lookup::lookups_of(Some(self))
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
