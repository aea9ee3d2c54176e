//! [`RawQuery`]: unchecked parameters, whatever they were read from.

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
