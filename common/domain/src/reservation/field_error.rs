//! Why an input is refused: the entries of a `FAILED_VALIDATION` answer.

use serde_json::{Value, json};

/// One failed rule of one member.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldError {
    /// The member.
    pub field: &'static str,
    /// The rule, by its name in Directus: `required`, `in`, `eq`, `gte`, `lte`, `regex`, `integer`, `string`, `uuid`,
    /// `max_length`, `null`.
    pub kind: &'static str,
    /// The allowed value or values, for the rules that have them.
    pub valid: Option<Box<Value>>,
    /// The message for a person, as a sentence.
    pub reason: String,
}

impl FieldError {
    /// A failed rule without allowed values.
    pub fn new(field: &'static str, kind: &'static str, reason: impl Into<String>) -> Self {
        Self { field, kind, valid: None, reason: reason.into() }
    }

    /// The member is missing or null.
    #[must_use]
    pub fn required(field: &'static str) -> Self {
        Self::new(field, "required", "Value is required.")
    }

    /// The value is not one of `valid`.
    #[must_use]
    pub fn one_of<T: AsRef<str>>(field: &'static str, valid: &[T]) -> Self {
        let list = valid.iter().map(AsRef::as_ref).collect::<Vec<_>>();
        let reason = format!("Value has to be one of {}.", list.join(", "));
        Self { valid: Some(Box::new(json!(list))), ..Self::new(field, "in", reason) }
    }

    /// The value is not the only allowed one.
    pub fn only(field: &'static str, valid: Value, reason: impl Into<String>) -> Self {
        Self { valid: Some(Box::new(valid)), ..Self::new(field, "eq", reason) }
    }

    /// The value is below `valid`.
    #[must_use]
    pub fn at_least(field: &'static str, valid: i64) -> Self {
        let reason = format!("Value has to be greater than or equal to {valid}.");
        Self { valid: Some(Box::new(json!(valid))), ..Self::new(field, "gte", reason) }
    }

    /// The value is above `valid`.
    #[must_use]
    pub fn at_most(field: &'static str, valid: i64) -> Self {
        let reason = format!("Value has to be less than or equal to {valid}.");
        Self { valid: Some(Box::new(json!(valid))), ..Self::new(field, "lte", reason) }
    }

    /// The text has more than `valid` characters.
    #[must_use]
    pub fn too_long(field: &'static str, valid: usize) -> Self {
        let reason = format!("Value has to be at most {valid} characters long.");
        Self { valid: Some(Box::new(json!(valid))), ..Self::new(field, "max_length", reason) }
    }
}

/// Why a client's input is refused. A refused input changes nothing.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// Members that break a rule, one entry for each.
    #[error("{} member(s) break a rule", .0.len())]
    Invalid(Vec<FieldError>),
    /// The object has no member of this name (PATCH only).
    #[error("unknown member {0}")]
    UnknownField(String),
    /// The input is not a JSON object.
    #[error("{0}")]
    NotAnObject(&'static str),
}
