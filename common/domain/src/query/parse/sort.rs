//! `sort`: members, functions and aggregates, ascending or (`-`) descending; nulls last ascending, first descending.
//!
//! Texts are ordered by their bytes, as in a PostgreSQL database with the C collation.

use crate::query::error::QueryError;
use crate::query::evaluate::aggregate::Aggregate;
use crate::query::functions::{self, Function};
use crate::query::plan::filter::FieldPath;
use crate::query::schema::{Collection, Relation};

/// One key of an order.
#[derive(Debug, Clone, PartialEq)]
pub struct SortKey {
    /// What is compared.
    pub target: SortTarget,
    /// `-`
    pub descending: bool,
}

/// What a [`SortKey`] compares.
#[derive(Debug, Clone, PartialEq)]
pub enum SortTarget {
    /// A member.
    Path(FieldPath),
    /// The aggregate at this index of the query.
    Aggregate(usize),
}

/// `-user_created.email` → `user_created`, `email`; each part may carry the minus.
pub(in crate::query) fn parts(key: &str) -> Vec<String> {
    key.split('.').map(|part| part.strip_prefix('-').unwrap_or(part).to_owned()).collect()
}

/// Whether a key orders by an aggregate that the query asks for.
pub(in crate::query) fn is_aggregate(parts: &[String], operations: &[String]) -> bool {
    parts.first().is_some_and(|first| operations.contains(first))
}

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
    let path = path(&parts, collection)?;
    Ok(SortKey { target: SortTarget::Path(path), descending })
}

/// The member at the end of a path of existing names.
pub(in crate::query) fn path(parts: &[String], root: Collection) -> Result<FieldPath, QueryError> {
    let unknown =
        |collection: Collection, name: &str| QueryError::forbidden_fields("", collection.name(), &[name.to_owned()]);
    let (last, relations) = parts.split_last().ok_or_else(|| unknown(root, ""))?;
    let mut collection = root;
    let mut walked = Vec::new();
    for name in relations {
        let field = collection.field(name).ok_or_else(|| unknown(collection, name))?;
        let Relation::One(next) = field.relation else {
            let collection = collection.name();
            return Err(QueryError::invalid(format!("\"{collection}.{name}\" is not a relational field")));
        };
        walked.push(field);
        collection = next;
    }
    let (function, name) = functions::split(last);
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
