//! [`FieldPath`]: a field of a row, or of a row that it refers to.

use crate::query::functions::Function;
use crate::query::schema::{Collection, Field};

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
}
