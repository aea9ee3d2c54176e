//! In a write, every operand must be a value of its field, and the condition must not hold for every value.
//!
//! In a read an operand that is none (`id _neq "foo"`) is compared all the same, as in Directus: it equals nothing and
//! differs from everything. A write by such a condition would change rows that nobody meant.

use super::domain::{self, Domain};
use super::operators::{is_presence, truth};
use crate::code::Day;
use crate::query::dates::instant_of;
use crate::query::error::{QueryError, shown};
use crate::query::functions::Function;
use crate::query::javascript::{self, MAX_SAFE_INTEGER};
use crate::query::plan::{Condition, FieldPath, Scalar, Test};
use crate::query::schema::{Collection, FieldType, Relation};
use crate::reservation::ExportType;
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::cmp::Ordering;

/// What JavaScript and Python write for a value that is missing or wrong. A reference may hold such a text, so it can
/// be looked for, but nearly every row differs from it.
const MISSING: [&str; 6] = ["undefined", "NaN", "None", "Null", "Invalid Date", "[object Object]"];

/// Checks the operand of a condition, as the client wrote it. `now` is the time of the write.
///
/// # Errors
/// `INVALID_QUERY` for null, for an operand of another type or outside of the values of the field, for a range whose
/// ends are in the wrong order, for a test of null of a field that never is null, and for a condition that every value
/// fulfils.
pub(super) fn check(
    condition: &Condition,
    operator: &str,
    operand: &Value,
    now: DateTime<Utc>,
) -> Result<(), QueryError> {
    let Condition { path, test } = condition;
    let subject = Subject { path, operator, domain: Domain::of(path, now) };
    match operator {
        _ if is_presence(operator) => {
            return match operand {
                Value::Bool(_) => subject.may_be_null(test),
                _ => Err(QueryError::invalid(format!("\"{operator}\" has to be true or false"))),
            };
        }
        _ if operand.is_null() => {
            subject.may_be_null(test)?;
            return Err(subject.null());
        }
        "_eq" | "_neq" => subject.value(operand, true)?,
        "_in" | "_nin" => subject.values(operand, true)?,
        "_between" | "_nbetween" => {
            subject.values(operand, false)?;
            if let Test::Between(low, high) | Test::NotBetween(low, high) = test
                && Scalar::order(low, high) == Ordering::Greater
            {
                return Err(QueryError::invalid(format!("The first value of \"{operator}\" is above the second one")));
            }
        }
        "_lt" | "_lte" | "_gt" | "_gte" => subject.value(operand, false)?,
        _ => subject.text(test, operand)?,
    }
    if subject.domain.passes(test) {
        let name = subject.name();
        return Err(QueryError::invalid(format!(
            "\"{operator}\" with this value holds for every value of \"{name}\", so it says nothing"
        )));
    }
    Ok(())
}

/// What an operand is compared with.
struct Subject<'a> {
    path: &'a FieldPath,
    operator: &'a str,
    domain: Domain,
}

impl Subject<'_> {
    /// Whether the field is one of the reservation itself.
    fn is_own(&self, name: &str) -> bool {
        self.path.root == Collection::CodeReservation && self.path.own_field() == Some(name)
    }

    /// Refuses a test of null that every row passes because the field always has a value. `id`, `status` and functions
    /// are not tested for null at all. Of the others, old rows of another system may lack a value and can be found.
    fn may_be_null(&self, test: &Test) -> Result<(), QueryError> {
        let is_never = self.path.function.is_some() || ["id", "status"].into_iter().any(|name| self.is_own(name));
        let is_not_null = matches!(test, Test::NotNull | Test::NotEmpty);
        if is_never || is_not_null && domain::is_always_set(self.path) {
            let (name, operator) = (self.name(), self.operator);
            return Err(QueryError::invalid(format!(
                "\"{name}\" is never null, so \"{operator}\" says nothing about it"
            )));
        }
        Ok(())
    }

    /// Checks each value of a list.
    fn values(&self, operand: &Value, is_exact: bool) -> Result<(), QueryError> {
        operand.as_array().into_iter().flatten().try_for_each(|value| self.value(value, is_exact))
    }

    /// Checks one value. `is_exact` if it is compared for equality: then a whole number has no fraction.
    fn value(&self, operand: &Value, is_exact: bool) -> Result<(), QueryError> {
        match &self.domain {
            Domain::Texts(all) if !operand.is_null() => {
                let is_one = operand.as_str().is_some_and(|text| all.contains(&text));
                if is_one { Ok(()) } else { Err(self.not_one_of(operand, all)) }
            }
            Domain::ExportTypes if !operand.is_null() => {
                let is_type = operand.as_str().is_some_and(|text| text.parse::<ExportType>().is_ok());
                if is_type { Ok(()) } else { Err(self.not_one_of(operand, &ExportType::NAMES)) }
            }
            _ if self.is_value(operand, is_exact) => Ok(()),
            _ => Err(self.no_value(operand)),
        }
    }

    fn is_value(&self, operand: &Value, is_exact: bool) -> bool {
        let field = self.path.field;
        let is_number = |is_exact: bool, most: f64| {
            is_number(operand, is_exact, most) && (!is_exact || self.domain.has_number(javascript::number(operand)))
        };
        match (self.path.function, field.kind) {
            (Some(function), _) => is_number(is_exact && function != Function::Second, f64::from(i32::MAX)),
            (None, FieldType::Integer) => is_number(is_exact, f64::from(i32::MAX)),
            (None, FieldType::BigInteger) => is_number(is_exact, MAX_SAFE_INTEGER),
            (None, FieldType::Timestamp) => is_instant(operand, is_exact),
            (None, FieldType::Date) if is_exact => operand.as_str().is_some_and(|text| Day::parse(text).is_some()),
            (None, FieldType::Date) => is_instant(operand, false),
            (None, FieldType::Boolean) => truth(operand).is_some(),
            // The keys of a collection of another system have the form that it gives them.
            (None, FieldType::Uuid) if matches!(field.relation, Relation::Foreign(_)) => self.is_text(operand),
            (None, FieldType::Uuid) => operand
                .as_str()
                .and_then(|text| uuid::Uuid::parse_str(text).ok())
                // A UUID that was not set.
                .is_some_and(|id| !id.is_nil()),
            (None, FieldType::String | FieldType::Text) => {
                // Every product differs from a GTIN without its key.
                let needs_key = self.is_negative() && self.is_own("product");
                self.is_text(operand) && (!needs_key || is_key_path(operand))
            }
            (None, FieldType::Json | FieldType::Hash | FieldType::Alias) => false,
        }
    }

    /// Whether an operand is a text that is not blank, or a number for a text that takes numbers.
    fn is_text(&self, operand: &Value) -> bool {
        match operand {
            Value::String(text) => {
                let is_missing = self.is_negative() && MISSING.contains(&text.trim());
                !text.trim().is_empty() && !is_missing
            }
            Value::Number(number) => number.as_f64().is_some_and(is_safe) && self.takes_numbers(),
            _ => false,
        }
    }

    /// Whether numbers are values, as their texts: of the members that are free texts, and of the members of
    /// organisations, which another system gave.
    fn takes_numbers(&self) -> bool {
        let is_free = ["reference_id", "purchase_order", "error_message"].into_iter().any(|name| self.is_own(name));
        is_free || domain::collection_of(self.path) == Collection::Organisation && self.path.field.name != "id"
    }

    fn is_negative(&self) -> bool {
        self.operator.starts_with("_n")
    }

    /// Checks the operand of a test of a part of a text. A whole number is the text of its digits.
    fn text(&self, test: &Test, operand: &Value) -> Result<(), QueryError> {
        let is_digits =
            operand.is_number() && is_number(operand, true, MAX_SAFE_INTEGER) && javascript::number(operand) >= 0.0;
        if !is_digits && !self.is_text(operand) {
            return Err(self.no_value(operand));
        }
        let (Test::Text { part, needle, ignore_case, .. }, Domain::Texts(all)) = (test, &self.domain) else {
            return Ok(());
        };
        let holds = |value: &&str| match ignore_case {
            true => part.holds(&value.to_lowercase(), needle),
            false => part.holds(value, needle),
        };
        if all.iter().any(holds) { Ok(()) } else { Err(self.not_one_of(operand, all)) }
    }

    /// The name of the field, with its relations and its function.
    fn name(&self) -> String {
        let FieldPath { relations, field, function, .. } = self.path;
        let last =
            function.map_or_else(|| field.name.to_owned(), |function| format!("{}({})", function.name(), field.name));
        let names: Vec<&str> = relations.iter().map(|field| field.name).chain([last.as_str()]).collect();
        names.join(".")
    }

    fn null(&self) -> QueryError {
        let (operator, name) = (self.operator, self.name());
        QueryError::invalid(format!(
            "null is no value of \"{operator}\" of \"{name}\"; \"_null\" and \"_nnull\" test for null"
        ))
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

/// Whether JavaScript holds a number exactly, so that every client means the number that is read.
fn is_safe(number: f64) -> bool {
    number.abs() <= MAX_SAFE_INTEGER
}

/// Whether an operand is the text of an instant. A bare number can be seconds, milliseconds or a date without hyphens.
/// An instant that has to be met exactly needs a time: a day alone would be its midnight.
fn is_instant(operand: &Value, is_exact: bool) -> bool {
    let is_time = |text: &str| !is_exact || text.contains(':');
    operand.as_str().is_some_and(is_time) && instant_of(operand).is_some()
}

/// Whether an operand has the form of a key path, such as `/01/19361758000003`.
fn is_key_path(operand: &Value) -> bool {
    operand.as_str().is_some_and(|text| text.starts_with('/'))
}
