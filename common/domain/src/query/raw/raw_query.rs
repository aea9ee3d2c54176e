//! [`RawQuery`]: unchecked parameters, whatever they were read from.

use serde_json::{Map, Value};

/// Unchecked parameters: `fields`, `filter`, `sort`, `limit`, … Unknown ones are ignored by
/// [`parse`](crate::query::parse()).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RawQuery(Map<String, Value>);

impl RawQuery {
    /// Parameters given as JSON, for example the arguments of a GraphQL field: the same names and shapes as in a
    /// `SEARCH` body (`groupBy`, not `group`).
    pub fn from_json(parameters: Map<String, Value>) -> Self {
        Self(parameters)
    }

    /// The parameter of this name; `None` if it is absent or `null`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|v| !v.is_null())
    }

    /// The names of all parameters, `null` ones included.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether there are no parameters.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets a parameter and replaces its former value.
    pub fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }
}
