//! Names of fields → [`FieldPath`].

use super::scope;
use crate::query::error::QueryError;
use crate::query::functions::{self, Function};
use crate::query::plan::FieldPath;
use crate::query::schema::{Collection, Relation};

/// Resolves a path whose last part may have a function.
///
/// # Errors
/// `FORBIDDEN` for an unknown field. `INVALID_QUERY` for a part that is no relation, an unknown function, or `codes` without
/// `count(…)`.
pub(in crate::query) fn resolve(parts: &[String], root: Collection) -> Result<FieldPath, QueryError> {
    let unknown =
        |collection: Collection, name: &str| QueryError::forbidden_fields("", collection.name(), &[name.to_owned()]);
    let (last, relations) = parts.split_last().ok_or_else(|| unknown(root, ""))?;
    let mut collection = root;
    let mut walked = Vec::new();
    for name in relations.iter().map(|name| scope::member(name)) {
        let field = collection.field(name).ok_or_else(|| unknown(collection, name))?;
        let Relation::One(next) = field.relation else {
            let collection = collection.name();
            return Err(QueryError::invalid(format!("\"{collection}.{name}\" is not a relational field")));
        };
        walked.push(field);
        collection = next;
    }
    let (function, name) = functions::split(scope::member(last));
    let field = collection.field(name).ok_or_else(|| unknown(collection, name))?;
    let function = match function {
        None => None,
        Some(function) => Some(
            Function::of(function, field)
                .ok_or_else(|| QueryError::invalid(format!("Invalid function specified \"{function}\"")))?,
        ),
    };
    if function.is_none() && matches!(field.relation, Relation::Many(_)) {
        return Err(QueryError::invalid(format!("\"{name}\" has no value of its own: use \"count({name})\"")));
    }
    Ok(FieldPath { root, relations: walked, field, function })
}
