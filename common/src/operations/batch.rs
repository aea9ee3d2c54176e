//! The rows of a batch request, selected by keys or by a query.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{OperationError, create::MAX_BATCH};
use crate::{query::RawQuery, reservation::uuid};

/// The rows of a batch.
pub enum Rows<K> {
    /// The rows with these keys.
    Keys(Vec<K>),
    /// The rows that match a query.
    Query(RawQuery),
}

impl<K> Rows<K> {
    /// Reads `keys` or `query`. Exactly one of them must be present, and no other members than these and those of `more`:
    /// a `filter` beside the `query` would otherwise be ignored.
    ///
    /// # Errors
    /// `INVALID_PAYLOAD` with the message of Directus, or for too many keys; `FORBIDDEN` for what `key` does not take for
    /// a key.
    pub fn parse(
        members: &Map<String, Value>,
        more: &[&str],
        key: impl Fn(&Value) -> Option<K>,
    ) -> Result<Self, OperationError> {
        let refuse = |reason: &str| Err(OperationError::InvalidPayload(reason.to_owned()));
        let known = |name: &str| ["keys", "query"].contains(&name) || more.contains(&name);
        let (keys, query) = (members.get("keys"), members.get("query"));
        if keys.is_some_and(|keys| !keys.is_array()) {
            return refuse("\"keys\" must be an array");
        }
        if query.is_some_and(|query| !query.is_object()) {
            return refuse("\"query\" must be of type object");
        }
        if let Some(unknown) = members.keys().find(|name| !known(name)) {
            return refuse(&format!("\"{unknown}\" is not allowed"));
        }
        match (keys, query) {
            (Some(Value::Array(keys)), None) => Ok(Self::Keys(parse_keys(keys, key)?)),
            (None, Some(Value::Object(query))) => Ok(Self::Query(RawQuery::from_json(query.clone()))),
            (None, None) => refuse("\"value\" must contain at least one of [query, keys]"),
            _ => refuse("\"value\" contains a conflict between exclusive peers [query, keys]"),
        }
    }

    /// Reads the body of a deletion: an array of keys, `{keys}` or `{query}`.
    ///
    /// # Errors
    /// As [`Rows::parse`]; `INVALID_PAYLOAD` for another form.
    pub fn of_deletion(body: &Value, key: impl Fn(&Value) -> Option<K>) -> Result<Self, OperationError> {
        match body {
            Value::Array(keys) => Ok(Self::Keys(parse_keys(keys, key)?)),
            Value::Object(members) => Self::parse(members, &[], key),
            _ => Err(OperationError::InvalidPayload("\"value\" must be of type object".to_owned())),
        }
    }
}

/// The key of a reservation.
#[must_use]
pub fn uuid_key(value: &Value) -> Option<Uuid> {
    value.as_str().and_then(uuid)
}

/// The change of an update.
///
/// # Errors
/// `INVALID_PAYLOAD` without `data`.
pub fn data_of(members: &Map<String, Value>) -> Result<&Value, OperationError> {
    members.get("data").ok_or_else(|| OperationError::InvalidPayload("\"data\" is required".to_owned()))
}

/// Checks the number of entries or rows of a batch.
///
/// # Errors
/// `INVALID_PAYLOAD` for more than [`MAX_BATCH`].
pub fn check_number(entries: usize) -> Result<(), OperationError> {
    if entries > MAX_BATCH { Err(OperationError::too_many_rows(entries, MAX_BATCH)) } else { Ok(()) }
}

/// Checks the number of rows that the query of a batch matches. [`super::read::matching`] stops one after the most.
///
/// # Errors
/// `INVALID_PAYLOAD` for more than [`MAX_BATCH`]; `done` is what the request does with the rows.
pub fn check_matches(rows: usize, done: &str) -> Result<(), OperationError> {
    if rows <= MAX_BATCH {
        return Ok(());
    }
    Err(OperationError::InvalidPayload(format!(
        "More than {MAX_BATCH} rows match; {MAX_BATCH} at most can be {done} in one request"
    )))
}

/// Parses keys. Each entry counts, also one that repeats a key: the work for a request grows with its entries.
///
/// # Errors
/// `INVALID_PAYLOAD` for more than [`MAX_BATCH`] entries; `FORBIDDEN` for what `key` does not take for a key, the same as
/// for one that does not exist.
pub fn parse_keys<K>(keys: &[Value], key: impl Fn(&Value) -> Option<K>) -> Result<Vec<K>, OperationError> {
    check_number(keys.len())?;
    keys.iter().map(|value| key(value).ok_or_else(OperationError::no_row)).collect()
}
