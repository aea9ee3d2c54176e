//! [`FieldPath`]: a field of a row, or of a row that it refers to.

use crate::query::functions::Function;
use crate::query::schema::{Collection, Field, Relation};

/// A field of a row, or of a row that it refers to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FieldPath {
    /// The collection of the row itself.
    pub root: Collection,
    /// The relations to follow; each field holds the key of the next row.
    pub relations: Vec<&'static Field>,
    /// The field at the end.
    pub field: &'static Field,
    /// The function applied to the field.
    pub function: Option<Function>,
}

impl FieldPath {
    /// A field of the row itself.
    pub fn own(root: Collection, field: &'static Field) -> Self {
        Self { root, relations: Vec::new(), field, function: None }
    }

    /// The name of its value in an answer: `date_created`, `date_created_year`.
    pub(in crate::query) fn column(&self) -> String {
        match self.function {
            None => self.field.name.to_owned(),
            Some(function) => format!("{}_{}", self.field.name, function.name()),
        }
    }

    /// The name, if this is a field of the row itself without a function.
    pub fn own_field(&self) -> Option<&'static str> {
        (self.relations.is_empty() && self.function.is_none()).then_some(self.field.name)
    }

    /// The name of the field of the row itself that has the same value in every row where this one has a value: the
    /// field, or a relation if this is the key of the row that it leads to (`user_created.id`).
    pub(in crate::query) fn own_key(&self) -> Option<&'static str> {
        match (self.relations.as_slice(), self.function) {
            ([relation], None) => match relation.relation {
                Relation::One(target) if target.primary_key().name == self.field.name => Some(relation.name),
                _ => None,
            },
            _ => self.own_field(),
        }
    }
}
