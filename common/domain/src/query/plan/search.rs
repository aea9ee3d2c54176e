//! [`Search`]: a prepared `search` parameter.

use crate::query::schema::Field;

/// A text to look for in texts; also a number or UUID to compare with fields of that type, if the text is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    pub(in crate::query) text: String,
    pub(in crate::query) number: Option<f64>,
    pub(in crate::query) uuid: Option<String>,
    pub(in crate::query) fields: Vec<&'static Field>,
}
