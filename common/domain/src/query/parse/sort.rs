//! The `sort` parameter: fields, functions and aggregates, ascending or (`-`) descending.

use super::path;
use crate::query::error::QueryError;
use crate::query::plan::{Aggregate, SortKey, SortTarget};
use crate::query::schema::Collection;

/// Splits a key: `-user_created.email` → `user_created`, `email`. The minus may be before any part.
pub(in crate::query) fn parts(key: &str) -> Vec<String> {
    key.split('.').map(|part| part.strip_prefix('-').unwrap_or(part).to_owned()).collect()
}

/// Whether a key names one of these operations of `aggregate`.
pub(in crate::query) fn is_aggregate(parts: &[String], operations: &[String]) -> bool {
    parts.first().is_some_and(|first| operations.contains(first))
}

/// Resolves sort keys.
///
/// # Errors
/// `INVALID_QUERY` for an aggregate that is not in the query; for a field, as [`path::resolve`].
pub(in crate::query) fn lower(
    keys: &[String],
    collection: Collection,
    operations: &[String],
    aggregates: &[Aggregate],
) -> Result<Vec<SortKey>, QueryError> {
    keys.iter().map(|key| lower_key(key, collection, operations, aggregates)).collect()
}

fn lower_key(
    key: &str,
    collection: Collection,
    operations: &[String],
    aggregates: &[Aggregate],
) -> Result<SortKey, QueryError> {
    let descending = key.starts_with('-');
    let parts = parts(key);
    if is_aggregate(&parts, operations) {
        let operation = parts.first().map_or("", String::as_str);
        let field = parts.get(1).map(String::as_str);
        let found = aggregates.iter().position(|a| a.is(operation, field));
        let at = found.ok_or_else(|| QueryError::invalid(format!("\"{key}\" is not an aggregate of this query")))?;
        return Ok(SortKey { target: SortTarget::Aggregate(at), descending });
    }
    let path = path::resolve(&parts, collection)?;
    Ok(SortKey { target: SortTarget::Path(path), descending })
}
