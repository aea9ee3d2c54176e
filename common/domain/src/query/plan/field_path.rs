//! [`FieldPath`]: a field of a row, or of a row that it refers to.

use crate::query::functions::Function;
use crate::query::schema::{Collection, Field};

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
}
