//! Parameters before they mean anything: from a query string, a `SEARCH` body or GraphQL arguments.
//!
//! A [`RawQuery`] is JSON of the shape that Directus' own API takes; [`parse`](crate::query::parse()) checks it.

use crate::query::error::QueryError;
use crate::query::limits::MAX_QUERY_BYTES;
use crate::query::raw::query_string;
use serde_json::{Map, Value};

/// Unchecked parameters: `fields`, `filter`, `sort`, `limit`, … Unknown ones are ignored later.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RawQuery(Map<String, Value>);

impl RawQuery {
    /// Parameters given as JSON, for example the arguments of a GraphQL field: the same names and shapes as in a
    /// `SEARCH` body (`groupBy`, not `group`).
    pub fn from_json(parameters: Map<String, Value>) -> Self {
        Self(parameters)
    }

    /// A parameter that is there and not `null`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|v| !v.is_null())
    }

    /// Whether there is no parameter at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets a parameter, replacing one of that name.
    pub fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }
}

/// Reads a raw query string, with or without its `?`.
///
/// # Errors
/// `INVALID_QUERY` for a query string of more than a mebibyte; any other text has a meaning, if a strange one.
pub fn parse_query_string(query: &str) -> Result<RawQuery, QueryError> {
    if query.len() > MAX_QUERY_BYTES {
        return Err(QueryError::invalid("The query string is too long"));
    }
    Ok(RawQuery(query_string::parse(query.strip_prefix('?').unwrap_or(query))))
}

/// The body of a `SEARCH`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SearchBody {
    /// `keys`: only these rows. Whether they are UUIDs is for the caller to check (403 if one is not).
    pub keys: Option<Vec<String>>,
    /// `query`, which stands in for the whole query string.
    pub query: Option<RawQuery>,
}

/// Reads the body of a `SEARCH`: `{"query": {…}}`, `{"keys": […]}` or both.
///
/// # Errors
/// `INVALID_PAYLOAD` with the reason when the body has another shape.
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
        Some(Value::Object(query)) => Some(RawQuery(query.clone())),
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
