//! An operator and its operand → [`Test`], by the type of the field.

use crate::query::dates::instant_of;
use crate::query::error::QueryError;
use crate::query::javascript;
use crate::query::plan::{Part, Scalar, Test, sorted};
use crate::query::schema::FieldType;
use serde_json::Value;

const ORDER: [&str; 12] = ["eq", "neq", "lt", "lte", "gt", "gte", "between", "nbetween", "null", "nnull", "in", "nin"];

const TEXT: [&str; 19] = [
    "contains",
    "ncontains",
    "icontains",
    "starts_with",
    "nstarts_with",
    "istarts_with",
    "nistarts_with",
    "ends_with",
    "nends_with",
    "iends_with",
    "niends_with",
    "eq",
    "neq",
    "empty",
    "nempty",
    "null",
    "nnull",
    "in",
    "nin",
];

const PRESENCE: [&str; 4] = ["empty", "nempty", "null", "nnull"];

/// Whether an operator (`_null`) tests whether there is a value. Its operand is a truth value.
pub(super) fn is_presence(key: &str) -> bool {
    key.strip_prefix('_').is_some_and(|operator| PRESENCE.contains(&operator))
}

/// The operators that a filter may use on a field of this type, without their underscore.
#[must_use]
pub fn operators(kind: FieldType) -> &'static [&'static str] {
    match kind {
        FieldType::String | FieldType::Text => &TEXT,
        FieldType::Uuid => &["eq", "neq", "null", "nnull", "in", "nin"],
        FieldType::Hash => &PRESENCE,
        FieldType::Json => &["null", "nnull"],
        FieldType::Boolean => &["eq", "neq", "null", "nnull"],
        FieldType::Integer | FieldType::BigInteger | FieldType::Timestamp | FieldType::Date => &ORDER,
        FieldType::Alias => &[],
    }
}

/// Reads an operator (`_eq`) and its operand for a field of this type. `Ok(None)` for a condition that is ignored, such as
/// `_between` with one operand.
///
/// # Errors
/// `INVALID_QUERY` for an operator that the type does not have, and for an operand that is no number where one is needed.
pub(in crate::query) fn test(
    kind: FieldType,
    concealed: bool,
    key: &str,
    operand: &Value,
) -> Result<Option<Test>, QueryError> {
    let operator = key.strip_prefix('_').unwrap_or(key);
    if !operators(kind).contains(&operator) {
        let kind = kind.name();
        return Err(QueryError::invalid(format!(
            "\"{kind}\" field type does not contain the \"_{operator}\" filter operator"
        )));
    }
    if concealed && !PRESENCE.contains(&operator) {
        return Err(QueryError::invalid(format!(
            "Field with \"conceal\" special does not allow the \"_{operator}\" filter operator"
        )));
    }
    let is_false = *operand == Value::Bool(false);
    let scalar = |value: &Value| scalar(kind, value);
    Ok(Some(match operator {
        "null" => {
            if is_false {
                Test::NotNull
            } else {
                Test::Null
            }
        }
        "nnull" => {
            if is_false {
                Test::Null
            } else {
                Test::NotNull
            }
        }
        "empty" => {
            if is_false {
                Test::NotEmpty
            } else {
                Test::Empty
            }
        }
        "nempty" => {
            if is_false {
                Test::Empty
            } else {
                Test::NotEmpty
            }
        }
        "eq" if operand.is_null() => Test::Null,
        "neq" if operand.is_null() => Test::NotNull,
        "eq" => Test::Equal(scalar(operand)?),
        "neq" => Test::NotEqual(scalar(operand)?),
        "lt" => Test::Less(scalar(operand)?),
        "lte" => Test::LessOrEqual(scalar(operand)?),
        "gt" => Test::Greater(scalar(operand)?),
        "gte" => Test::GreaterOrEqual(scalar(operand)?),
        "in" => Test::In(sorted(scalars(kind, operand)?)),
        "nin" => Test::NotIn(sorted(scalars(kind, operand)?)),
        "between" | "nbetween" => {
            let mut ends = scalars(kind, operand)?.into_iter();
            match (ends.next(), ends.next(), ends.next()) {
                (Some(low), Some(high), None) if operator == "between" => Test::Between(low, high),
                (Some(low), Some(high), None) => Test::NotBetween(low, high),
                _ => return Ok(None),
            }
        }
        _ => text_test(operator, operand),
    }))
}

fn text_test(operator: &str, operand: &Value) -> Test {
    let negated = operator.starts_with('n');
    let rest = operator.strip_prefix('n').unwrap_or(operator);
    // No operator without the prefix `i` begins with that letter.
    let ignore_case = rest.starts_with('i');
    let part = match rest.strip_prefix('i').unwrap_or(rest) {
        "starts_with" => Part::Start,
        "ends_with" => Part::End,
        _ => Part::Contains,
    };
    let needle = javascript::text(operand);
    let needle = if ignore_case { needle.to_lowercase() } else { needle };
    Test::Text { part, needle, ignore_case, negated }
}

/// The truth value that PostgreSQL reads from a value; `None` if it reads none.
pub(super) fn truth(value: &Value) -> Option<bool> {
    if let Value::Bool(truth) = value {
        return Some(*truth);
    }
    match javascript::text(value).to_ascii_lowercase().as_str() {
        "1" | "t" | "true" | "y" | "yes" | "on" => Some(true),
        "0" | "f" | "false" | "n" | "no" | "off" => Some(false),
        _ => None,
    }
}

fn scalars(kind: FieldType, operand: &Value) -> Result<Vec<Scalar>, QueryError> {
    match operand {
        Value::Array(items) => items.iter().map(|v| scalar(kind, v)).collect(),
        other => Ok(vec![scalar(kind, other)?]),
    }
}

fn scalar(kind: FieldType, value: &Value) -> Result<Scalar, QueryError> {
    if kind.is_numeric() {
        let number = javascript::number(value);
        return if number.is_nan() {
            Err(QueryError::invalid("Invalid numeric value"))
        } else {
            Ok(Scalar::Number(number))
        };
    }
    if value.is_null() {
        return Ok(Scalar::Null);
    }
    Ok(match kind {
        FieldType::Timestamp | FieldType::Date => instant_of(value).map_or(Scalar::Null, Scalar::Instant),
        FieldType::Boolean => truth(value).map_or(Scalar::Null, Scalar::Bool),
        FieldType::Uuid => {
            let text = javascript::text(value);
            // A text that is not a UUID is kept: it equals no key and differs from all.
            Scalar::Text(uuid::Uuid::parse_str(&text).map_or(text, |u| u.hyphenated().to_string()))
        }
        _ => Scalar::Text(javascript::text(value)),
    })
}
