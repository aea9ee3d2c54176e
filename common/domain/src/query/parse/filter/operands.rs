//! In a write, every operand must be a value of its field, and the condition must not hold for every value.
//!
//! In a read an operand that is none (`id _neq "foo"`) is compared all the same, as in Directus: it equals nothing and
//! differs from everything. A write by such a condition would change rows that nobody meant.

use super::operators::truth;
use crate::code::{CharacterSet, CodeType};
use crate::query::dates::instant_of;
use crate::query::error::{QueryError, shown};
use crate::query::functions::Function;
use crate::query::javascript::{self, MAX_SAFE_INTEGER};
use crate::query::plan::{Condition, FieldPath, Scalar, Test};
use crate::query::schema::{Collection, FieldType, Relation};
use crate::reservation::{ExportType, Status};
use serde_json::Value;
use std::cmp::Ordering;

/// Checks the operand of a condition, as the client wrote it.
///
/// # Errors
/// `INVALID_QUERY` for null where it is no value, for an operand of another type or outside of an enumeration, for a range
/// whose ends are in the wrong order, and for a test of null of a field that never is null.
pub(super) fn check(condition: &Condition, operator: &str, operand: &Value) -> Result<(), QueryError> {
    let Condition { path, test } = condition;
    let subject = Subject { path, operator };
    match operator {
        "_null" | "_nnull" | "_empty" | "_nempty" if !operand.is_boolean() => {
            Err(QueryError::invalid(format!("\"{operator}\" has to be true or false")))
        }
        "_null" | "_nnull" | "_empty" | "_nempty" => subject.may_be_null(),
        "_eq" | "_neq" if operand.is_null() => subject.may_be_null(),
        "_eq" | "_neq" => subject.value(operand, true),
        "_in" | "_nin" => subject.values(operand, true),
        "_between" | "_nbetween" => {
            subject.values(operand, false)?;
            match test {
                Test::Between(low, high) | Test::NotBetween(low, high)
                    if Scalar::order(low, high) == Ordering::Greater =>
                {
                    Err(QueryError::invalid(format!("The first value of \"{operator}\" is above the second one")))
                }
                _ => Ok(()),
            }
        }
        "_lt" | "_lte" | "_gt" | "_gte" => subject.value(operand, false),
        _ => subject.text(test, operand),
    }
}

/// What an operand is compared with.
struct Subject<'a> {
    path: &'a FieldPath,
    operator: &'a str,
}

impl Subject<'_> {
    /// Whether the field is one of the reservation itself.
    fn is_own(&self, name: &str) -> bool {
        self.path.root == Collection::CodeReservation && self.path.own_field() == Some(name)
    }

    /// Refuses a test of null of a field that every reservation has: every row or none would match.
    fn may_be_null(&self) -> Result<(), QueryError> {
        match ["id", "status"].into_iter().find(|name| self.is_own(name)) {
            Some(name) => {
                let operator = self.operator;
                Err(QueryError::invalid(format!("\"{name}\" is never null, so \"{operator}\" says nothing about it")))
            }
            None => Ok(()),
        }
    }

    /// Checks each value of a list.
    fn values(&self, operand: &Value, is_exact: bool) -> Result<(), QueryError> {
        operand.as_array().into_iter().flatten().try_for_each(|value| self.value(value, is_exact))
    }

    /// Checks one value. `is_exact` if it is compared for equality: then a whole number has no fraction.
    fn value(&self, operand: &Value, is_exact: bool) -> Result<(), QueryError> {
        if let Some(all) = self.enumeration().filter(|_| !operand.is_null()) {
            let text = javascript::text(operand);
            return if all.contains(&text.as_str()) { Ok(()) } else { Err(self.not_one_of(operand, &all)) };
        }
        if self.is_value(operand, is_exact) { Ok(()) } else { Err(self.no_value(operand)) }
    }

    fn is_value(&self, operand: &Value, is_exact: bool) -> bool {
        let field = self.path.field;
        match (self.path.function, field.kind) {
            (Some(function), _) => is_number(operand, is_exact && function != Function::Second, f64::from(i32::MAX)),
            (None, FieldType::Integer) => is_number(operand, is_exact, f64::from(i32::MAX)),
            (None, FieldType::BigInteger) => is_number(operand, is_exact, MAX_SAFE_INTEGER),
            (None, FieldType::Timestamp) => instant_of(operand).is_some(),
            (None, FieldType::Boolean) => truth(operand).is_some(),
            // The keys of a collection of another system have the form that it gives them.
            (None, FieldType::Uuid) if matches!(field.relation, Relation::Foreign(_)) => is_text(operand),
            (None, FieldType::Uuid) => operand.as_str().is_some_and(|text| uuid::Uuid::parse_str(text).is_ok()),
            (None, FieldType::String | FieldType::Text) => is_text(operand),
            (None, FieldType::Json | FieldType::Hash | FieldType::Alias) => false,
        }
    }

    /// Checks the operand of a test of a part of a text.
    fn text(&self, test: &Test, operand: &Value) -> Result<(), QueryError> {
        if !is_text(operand) {
            return Err(self.no_value(operand));
        }
        let Test::Text { part, needle, ignore_case, .. } = test else { return Ok(()) };
        let Some(all) = self.enumeration() else { return Ok(()) };
        let holds = |value: &&str| match ignore_case {
            true => part.holds(&value.to_lowercase(), needle),
            false => part.holds(value, needle),
        };
        if all.iter().any(holds) { Ok(()) } else { Err(self.not_one_of(operand, &all)) }
    }

    /// The values of the field, if there are only a few.
    fn enumeration(&self) -> Option<Vec<&'static str>> {
        let name =
            ["status", "code_type", "export_type", "character_set"].into_iter().find(|name| self.is_own(name))?;
        Some(match name {
            "status" => Status::ALL.map(Status::as_str).to_vec(),
            "code_type" => CodeType::ALL.map(CodeType::as_str).to_vec(),
            "export_type" => ExportType::ALL.map(ExportType::as_str).to_vec(),
            _ => CharacterSet::ALL.map(CharacterSet::as_str).to_vec(),
        })
    }

    /// The name of the field, with its relations and its function.
    fn name(&self) -> String {
        let FieldPath { relations, field, function, .. } = self.path;
        let last =
            function.map_or_else(|| field.name.to_owned(), |function| format!("{}({})", function.name(), field.name));
        let names: Vec<&str> = relations.iter().map(|field| field.name).chain([last.as_str()]).collect();
        names.join(".")
    }

    fn no_value(&self, operand: &Value) -> QueryError {
        let kind = if self.path.function.is_some() { FieldType::Integer } else { self.path.field.kind };
        let (operator, name, kind) = (self.operator, self.name(), kind.name());
        let operand = shown(&operand.to_string());
        QueryError::invalid(format!(
            "The value {operand} of \"{operator}\" is no value of \"{name}\", which is of type {kind}"
        ))
    }

    fn not_one_of(&self, operand: &Value, all: &[&str]) -> QueryError {
        let (operator, name, all) = (self.operator, self.name(), all.join(", "));
        let operand = shown(&operand.to_string());
        QueryError::invalid(format!("The value {operand} of \"{operator}\" fits no value of \"{name}\": {all}"))
    }
}

/// Whether an operand is a number of at most this size: a number, or a text that is one.
fn is_number(operand: &Value, is_whole: bool, most: f64) -> bool {
    let is_written = match operand {
        Value::Number(_) => true,
        Value::String(text) => !text.trim().is_empty(),
        _ => false,
    };
    let number = javascript::number(operand);
    is_written && number.abs() <= most && (!is_whole || number.fract() == 0.0)
}

/// Whether an operand is a text that is not empty. The words `true` and `false` are truth values by now; numbers are
/// compared as their texts.
fn is_text(operand: &Value) -> bool {
    match operand {
        Value::String(text) => !text.is_empty(),
        Value::Number(_) | Value::Bool(_) => true,
        _ => false,
    }
}
