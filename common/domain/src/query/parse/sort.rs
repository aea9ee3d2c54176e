//! The `sort` parameter: fields, functions, aliases and aggregates, ascending or (`-`) descending.

use super::aliases::Aliases;
use super::path;
use crate::query::error::QueryError;
use crate::query::plan::{Aggregate, SortKey, SortTarget};
use crate::query::schema::Collection;

/// A key as written: what is compared, and whether the order is descending.
struct Written {
    parts: Vec<String>,
    descending: bool,
}

/// Reads a key: `-user_created.email` → `user_created`, `email`, descending. The minus may be before any part. A key
/// that is an alias as a whole stands for the alias' field, unless it names one of the `operations` of `aggregate`.
fn read(key: &str, aliases: &Aliases, operations: &[String]) -> Written {
    let (name, descending) = match key.strip_prefix('-') {
        Some(name) => (name, true),
        None => (key, false),
    };
    let parts = match aliases.get(name) {
        Some(field) if !operations.iter().any(|operation| operation == name) => vec![field.to_owned()],
        _ => name.split('.').map(|part| part.strip_prefix('-').unwrap_or(part).to_owned()).collect(),
    };
    Written { parts, descending }
}

/// The parts of a key that names a field; `None` for an aggregate.
pub(in crate::query) fn field_parts(key: &str, aliases: &Aliases, operations: &[String]) -> Option<Vec<String>> {
    let Written { parts, .. } = read(key, aliases, operations);
    (!is_aggregate(&parts, operations)).then_some(parts)
}

fn is_aggregate(parts: &[String], operations: &[String]) -> bool {
    parts.first().is_some_and(|first| operations.contains(first))
}

/// Resolves sort keys.
///
/// # Errors
/// `INVALID_QUERY` for an aggregate that is not in the query; for a field, as [`path::resolve`].
pub(in crate::query) fn lower(
    keys: &[String],
    collection: Collection,
    aliases: &Aliases,
    operations: &[String],
    aggregates: &[Aggregate],
) -> Result<Vec<SortKey>, QueryError> {
    let lower_key = |key: &String| {
        let Written { parts, descending } = read(key, aliases, operations);
        if is_aggregate(&parts, operations) {
            let operation = parts.first().map_or("", String::as_str);
            let field = parts.get(1).map(String::as_str);
            let found = aggregates.iter().position(|a| a.is(operation, field));
            let at =
                found.ok_or_else(|| QueryError::invalid(format!("\"{key}\" is not an aggregate of this query")))?;
            return Ok(SortKey { target: SortTarget::Aggregate(at), descending });
        }
        Ok(SortKey { target: SortTarget::Path(path::resolve(&parts, collection)?), descending })
    };
    keys.iter().map(lower_key).collect()
}
