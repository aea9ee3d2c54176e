//! The body of a `SEARCH` request: `{"query": {…}}`, `{"keys": […]}` or both.

use super::raw_query::RawQuery;
use crate::query::error::QueryError;
use serde_json::Value;

/// The body of a `SEARCH`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SearchBody {
    /// `keys`: only these rows. [`Query::restrict_to_keys`](crate::query::Query::restrict_to_keys) checks that they are keys.
    pub keys: Option<Vec<String>>,
    /// `query`: the parameters, instead of those of the query string.
    pub query: Option<RawQuery>,
}

/// Reads the body of a `SEARCH`.
///
/// # Errors
/// `INVALID_PAYLOAD` if the body is not an object, has other members than `query` and `keys`, or if one of them has the
/// wrong type.
pub fn parse_search_body(body: &Value) -> Result<SearchBody, QueryError> {
    let Value::Object(body) = body else {
        return Err(QueryError::payload("\"value\" must be of type object"));
    };
    let keys = match body.get("keys") {
        None => None,
        Some(Value::Array(keys)) => {
            Some(keys.iter().enumerate().map(|(i, k)| key(i, k)).collect::<Result<Vec<_>, _>>()?)
        }
        Some(_) => return Err(QueryError::payload("\"keys\" must be an array")),
    };
    let query = match body.get("query") {
        None => None,
        Some(Value::Object(query)) => Some(RawQuery::from_json(query.clone())),
        Some(_) => return Err(QueryError::payload("\"query\" must be of type object")),
    };
    if let Some(name) = body.keys().find(|name| !matches!(name.as_str(), "keys" | "query")) {
        return Err(QueryError::payload(format!("\"{name}\" is not allowed")));
    }
    Ok(SearchBody { keys, query })
}

fn key(index: usize, key: &Value) -> Result<String, QueryError> {
    match key {
        Value::String(text) if text.is_empty() => {
            Err(QueryError::payload(format!("\"keys[{index}]\" is not allowed to be empty")))
        }
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(QueryError::payload(format!("\"keys[{index}]\" must be one of [string, number]"))),
    }
}
