//! The `alias` parameter: `alias[name]=field`, other names for fields of the answer.

use crate::query::error::QueryError;
use serde_json::Value;

/// Checked aliases, in the order of the parameter.
#[derive(Debug, Clone, Default)]
pub(in crate::query) struct Aliases(Vec<(String, String)>);

impl Aliases {
    /// Reads the parameter: an object of texts, or a text that is such an object in JSON.
    ///
    /// # Errors
    /// `INVALID_QUERY` for another type, for a field that contains a period, and for a name with anything but letters,
    /// digits and `_`. Names become header cells and XML elements of list exports.
    pub(in crate::query) fn parse(raw: &Value) -> Result<Self, QueryError> {
        let parsed;
        let raw = match raw {
            Value::String(text) => {
                parsed = serde_json::from_str(text).unwrap_or(Value::Null);
                &parsed
            }
            other => other,
        };
        let Value::Object(members) = raw else {
            return Err(QueryError::invalid("\"alias\" has to be an object"));
        };
        let mut out = Vec::new();
        for (key, value) in members {
            let Value::String(member) = value else {
                return Err(QueryError::invalid("\"alias\" value has to be a string. \"string\" given"));
            };
            for (part, text) in [("key", key), ("value", member)] {
                if text.contains('.') {
                    return Err(QueryError::invalid(format!("\"alias\" {part} can't contain a period character `.`")));
                }
            }
            if key.is_empty() || !key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                return Err(QueryError::invalid("\"alias\" key can only contain letters, digits and `_`"));
            }
            out.push((key.clone(), member.clone()));
        }
        Ok(Self(out))
    }

    /// The field that a name stands for.
    pub(in crate::query) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, m)| m.as_str())
    }

    /// Pairs of a name and the field that it stands for.
    pub(in crate::query) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(n, m)| (n.as_str(), m.as_str()))
    }
}
