//! The parameters `aggregate` and `groupBy`.

use super::path;
use crate::query::budget::{Limit, MAX_VALUES};
use crate::query::error::QueryError;
use crate::query::json_size::json_values;
use crate::query::limits::MAX_LIST;
use crate::query::plan::{Aggregate, FieldPath, Operation};
use crate::query::schema::{Collection, FieldType, Relation};
use serde_json::Value;

/// Reads `aggregate`: the names of operations, each with the fields it is applied to, in the order of the parameter.
///
/// # Errors
/// `INVALID_QUERY` if it is not an object of texts or lists of texts, or has more than [`MAX_LIST`] entries.
pub(in crate::query) fn parse(raw: &Value) -> Result<Vec<(String, Vec<String>)>, QueryError> {
    let wrong = || QueryError::invalid("\"aggregate\" must be of type object");
    let parsed;
    let raw = match raw {
        Value::String(text) => {
            if json_values(text.as_bytes()) > MAX_VALUES {
                return Err(Limit::Values.error());
            }
            parsed = serde_json::from_str(text).map_err(|_| wrong())?;
            &parsed
        }
        other => other,
    };
    let Value::Object(members) = raw else {
        return Err(wrong());
    };
    let mut out = Vec::new();
    let mut total = 0;
    for (operation, fields) in members {
        let names: Vec<String> = match fields {
            // One more than allowed is enough to refuse them.
            Value::String(text) => text.split(',').take(MAX_LIST + 1).map(str::to_owned).collect(),
            Value::Array(items) => {
                let texts: Option<Vec<String>> = items.iter().map(|v| v.as_str().map(str::to_owned)).collect();
                texts.ok_or_else(wrong)?
            }
            Value::Object(items) => {
                let texts: Option<Vec<String>> = items.values().map(|v| v.as_str().map(str::to_owned)).collect();
                texts.ok_or_else(wrong)?
            }
            _ => return Err(wrong()),
        };
        total += names.len();
        if total > MAX_LIST {
            return Err(QueryError::invalid(format!("More than {MAX_LIST} aggregates are asked for")));
        }
        out.push((operation.clone(), names));
    }
    Ok(out)
}

/// Resolves operations and fields. An unknown operation is ignored, as in Directus.
///
/// # Errors
/// `INVALID_QUERY` for a field that cannot be aggregated, and for `*` with another operation than a count.
pub(in crate::query) fn lower(
    asked: &[(String, Vec<String>)],
    collection: Collection,
) -> Result<Vec<Aggregate>, QueryError> {
    let mut out = Vec::new();
    for (name, fields) in asked {
        let Some(operation) = Operation::of(name) else {
            continue;
        };
        if operation == Operation::CountAll {
            out.push(Aggregate { operation, field: None });
            continue;
        }
        for member in fields {
            if member == "*" {
                if !matches!(operation, Operation::Count | Operation::CountDistinct) {
                    return Err(QueryError::invalid(format!("\"{name}\" needs a field, not \"*\"")));
                }
                out.push(Aggregate { operation, field: None });
                continue;
            }
            let field = collection.field(member).filter(|f| !matches!(f.relation, Relation::Many(_)));
            let field = field
                .filter(|f| f.kind != FieldType::Alias && !f.concealed)
                .ok_or_else(|| QueryError::invalid(format!("\"{member}\" can't be aggregated")))?;
            let aggregate = Aggregate { operation, field: Some(field) };
            if !out.contains(&aggregate) {
                out.push(aggregate);
            }
        }
    }
    Ok(out)
}

/// Resolves `groupBy`: fields of the collection itself and functions of them.
///
/// # Errors
/// `FORBIDDEN` for an unknown field; `INVALID_QUERY` for one that cannot be grouped by or an unknown function.
pub(in crate::query) fn lower_groups(groups: &[String], collection: Collection) -> Result<Vec<FieldPath>, QueryError> {
    groups
        .iter()
        .map(|group| {
            let path = path::resolve(std::slice::from_ref(group), collection)?;
            if path.field.kind == FieldType::Alias || path.field.concealed {
                return Err(QueryError::invalid(format!("\"{group}\" can't be grouped by")));
            }
            Ok(path)
        })
        .collect()
}
