//! [`Search`]: a prepared `search` parameter.

use crate::query::schema::Field;

/// A prepared search.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    pub(in crate::query) text: String,
    pub(in crate::query) number: Option<f64>,
    pub(in crate::query) uuid: Option<String>,
    pub(in crate::query) fields: Vec<&'static Field>,
}
