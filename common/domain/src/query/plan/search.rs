//! `search`: a text anywhere in the readable texts of a row, or a number or UUID that a member equals.

use crate::query::access::Access;
use crate::query::evaluate::related::Row;
use crate::query::javascript;
use crate::query::schema::{Collection, Field, FieldType};
use serde_json::Value;

/// A prepared search.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    text: String,
    number: Option<f64>,
    uuid: Option<String>,
    fields: Vec<&'static Field>,
}

impl Search {
    pub(in crate::query) fn new(text: &str, collection: Collection, access: &Access) -> Self {
        let number = javascript::number_from_text(text);
        // Only the plain form counts: `0x10` is a text, not 16.
        let number = (number.is_finite() && javascript::number_text(number) == text).then_some(number);
        let hyphenated = text.len() == 36 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        let uuid = uuid::Uuid::parse_str(text).ok().filter(|_| hyphenated).map(|u| u.hyphenated().to_string());
        let fields = collection.fields().iter();
        let fields = fields.filter(|f| access.can_read_field(collection, f) && !f.concealed && f.in_wildcard).collect();
        Self { text: text.to_lowercase(), number, uuid, fields }
    }

    /// Whether a row has it.
    pub fn matches(&self, row: &Row) -> bool {
        self.fields.iter().any(|field| match (field.kind, row.get(field.name)) {
            (kind, Some(Value::String(text))) if kind.is_text() => text.to_lowercase().contains(&self.text),
            (FieldType::Uuid, Some(Value::String(text))) => self.uuid.as_ref() == Some(text),
            (kind, Some(value)) if kind.is_numeric() && !value.is_null() => {
                self.number.is_some_and(|n| javascript::number(value) == n)
            }
            _ => false,
        })
    }
}
