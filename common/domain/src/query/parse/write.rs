//! What a query must have that selects the rows of a PATCH or a DELETE, besides a filter that says something.
//!
//! A client that leaves out a condition by mistake sends `{}`, `{"filter": null}` or a misspelt name. In a read this shows
//! too many rows. In a write it would change them, so here the intention must be explicit: a condition, or `limit: -1`
//! without a filter for every row.

use crate::query::error::{QueryError, shown};
use crate::query::javascript;
use crate::query::plan::Query;
use crate::query::raw::RawQuery;
use serde_json::Value;

/// The parameters of such a query. Groups, aggregates and the levels of `deep` select no rows, and `export`, `meta` and
/// `version` shape an answer.
const PARAMETERS: [&str; 8] = ["alias", "fields", "filter", "limit", "offset", "page", "search", "sort"];

/// Checks the names of the parameters, and the forms that a read would take for no condition.
///
/// # Errors
/// `INVALID_QUERY` for an unknown name, a `filter` that is no object, a `search` that is no text or a blank one, a
/// window that is no whole number, and a `page` of all rows.
pub(super) fn check(raw: &RawQuery) -> Result<(), QueryError> {
    for name in raw.names() {
        let value = raw.get(name);
        match name {
            "filter" if !value.is_some_and(javascript::truthy) => {
                return Err(QueryError::invalid("\"filter\" must be of type object"));
            }
            "search" if value.and_then(Value::as_str).is_none_or(|text| text.trim().is_empty()) => {
                return Err(QueryError::invalid("\"search\" must be a text that is not empty"));
            }
            "limit" | "offset" | "page" if !value.is_some_and(is_whole) => {
                return Err(QueryError::invalid(format!("\"{name}\" must be an integer")));
            }
            name if !PARAMETERS.contains(&name) => {
                return Err(QueryError::invalid(format!("\"{}\" is not allowed in the query of a write", shown(name))));
            }
            _ => {}
        }
    }
    if raw.get("page").is_some() && raw.get("limit").is_some_and(|limit| javascript::number(limit) == -1.0) {
        return Err(QueryError::invalid("\"page\" needs a \"limit\" that is not -1: all rows have no pages"));
    }
    Ok(())
}

/// Whether a value is a whole number, or a text of its digits. A read takes `true` for 1 and `[-1]` for -1.
fn is_whole(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_f64().is_some_and(|number| number.fract() == 0.0),
        Value::String(text) => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        }
        _ => false,
    }
}

/// Checks that the query names its rows.
///
/// # Errors
/// `INVALID_QUERY` for a query without a condition, unless its `limit` is -1.
pub(super) fn check_selection(query: &Query) -> Result<(), QueryError> {
    let is_everything = query.window.limit == Some(-1);
    if query.filter.is_some() || query.search.is_some() || is_everything {
        return Ok(());
    }
    Err(QueryError::invalid(
        "The query has no condition. Name the rows with \"filter\" or \"search\", or write \"limit\": -1 without a \
         filter for every row",
    ))
}
