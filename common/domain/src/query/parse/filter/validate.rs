//! Checks the form of the operands of a normalized filter, independent of the type of the field.
//!
//! Runs before rights are checked, so a malformed filter is answered with 400 and not with 403.

use super::operators::is_presence;
use crate::query::error::QueryError;
use crate::query::javascript::MAX_SAFE_INTEGER;
use serde_json::Value;

/// Checks every operand.
///
/// # Errors
/// `INVALID_QUERY` for the first operand that its operator does not accept.
pub(in crate::query) fn validate(filter: &Value) -> Result<(), QueryError> {
    let members: Vec<(String, &Value)> = match filter {
        Value::Object(members) => members.iter().map(|(k, v)| (k.clone(), v)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(i, v)| (i.to_string(), v)).collect(),
        _ => return Ok(()),
    };
    for (key, nested) in members {
        match key.as_str() {
            "_and" | "_or" => {
                for part in nested.as_array().into_iter().flatten() {
                    validate(part)?;
                }
            }
            "_in" | "_nin" | "_between" | "_nbetween" => {
                if nested.as_array().is_none_or(Vec::is_empty) {
                    return Err(QueryError::invalid(format!("\"{key}\" has to be an array of values")));
                }
            }
            _ if is_presence(&key) => {
                if !(nested.is_null() || nested.is_boolean() || nested.as_str() == Some("")) {
                    return Err(QueryError::invalid(format!("\"{key}\" has to be a boolean")));
                }
            }
            "_some" | "_none" => validate(nested)?,
            _ if key.starts_with('_') => primitive(nested, &key)?,
            _ => match nested {
                Value::Object(_) | Value::Array(_) => validate(nested)?,
                plain => primitive(plain, "_eq")?,
            },
        }
    }
    Ok(())
}

fn primitive(value: &Value, key: &str) -> Result<(), QueryError> {
    match value {
        Value::Null | Value::Bool(_) => Ok(()),
        Value::Number(number) if number.as_f64().is_some_and(|n| n.abs() <= MAX_SAFE_INTEGER) => Ok(()),
        Value::Number(_) => Err(QueryError::invalid(format!("The filter value for \"{key}\" is not a valid number"))),
        Value::String(text) if text.is_empty() => Err(QueryError::invalid(format!(
            "You can't filter for an empty string in \"{key}\". Use \"_empty\" or \"_nempty\" instead"
        ))),
        Value::String(_) => Ok(()),
        Value::Array(_) | Value::Object(_) => {
            Err(QueryError::invalid(format!("The filter value for \"{key}\" has to be a string, number, or boolean")))
        }
    }
}
