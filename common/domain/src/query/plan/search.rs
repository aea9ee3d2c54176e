//! [`Search`]: a prepared `search` parameter.

use super::condition::{Condition, Scalar, Test};
use super::filter::Filter;
use crate::query::schema::{Field, FieldType};

/// A text to look for in texts; also a number or UUID to compare with fields of that type, if the text is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    pub(in crate::query) text: String,
    pub(in crate::query) number: Option<f64>,
    pub(in crate::query) uuid: Option<String>,
    pub(in crate::query) fields: Vec<&'static Field>,
}

impl Search {
    /// The member of a reservation that would have the text as its whole value, judged by the form of the text.
    pub fn whole_value_of(&self) -> &'static str {
        let is_gtin = (8..=14).contains(&self.text.len()) && self.text.bytes().all(|byte| byte.is_ascii_digit());
        match self.text.as_str() {
            _ if self.uuid.is_some() => "id",
            text if text.starts_with("/417/") || text.starts_with("/414/") => "reserved_for",
            text if text.starts_with('/') || is_gtin => "product",
            _ => "reference_id",
        }
    }

    /// Whether every row that passes the conditions matches the search: one of them requires a value that contains the
    /// text.
    pub(in crate::query) fn is_implied_by(&self, conditions: &Filter) -> bool {
        conditions.required().any(|Condition { path, test }| match (path.own_field(), test) {
            (Some(name), Test::Equal(Scalar::Text(value))) => {
                self.fields.iter().any(|field| field.name == name && field.kind.is_text())
                    && value.to_lowercase().contains(&self.text)
            }
            _ => false,
        })
    }

    /// The members that are looked at.
    pub(in crate::query) fn members(&self) -> impl Iterator<Item = &'static str> {
        let looks_at = |field: &&Field| match field.kind {
            FieldType::Uuid => self.uuid.is_some(),
            kind => kind.is_text() || (kind.is_numeric() && self.number.is_some()),
        };
        self.fields.iter().copied().filter(looks_at).map(|field| field.name)
    }
}
