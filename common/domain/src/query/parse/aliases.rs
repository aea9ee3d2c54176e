//! The `alias` parameter: `alias[name]=field`, other names for fields of the answer.

use crate::query::budget::{Limit, MAX_VALUES};
use crate::query::error::QueryError;
use crate::query::json_size::json_values;
use crate::query::limits::MAX_SELECTED_FIELDS;
use serde_json::Value;
use std::collections::HashMap;

/// Maximum length of the name of an alias. It is repeated in every row.
const MAX_ALIAS: usize = 100;

/// Checked aliases, in the order of the parameter.
#[derive(Debug, Clone, Default)]
pub(in crate::query) struct Aliases {
    /// In the order of the parameter.
    pairs: Vec<(String, String)>,
    positions: HashMap<String, usize>,
}

impl Aliases {
    /// Reads the parameter: an object of texts, or a text that is such an object in JSON.
    ///
    /// # Errors
    /// `INVALID_QUERY` for another type, for a field that contains a period, for a name with anything but letters, digits
    /// and `_`, and for more than [`MAX_SELECTED_FIELDS`] entries. Names become header cells and XML elements of list
    /// exports.
    pub(in crate::query) fn parse(raw: &Value) -> Result<Self, QueryError> {
        let parsed;
        let raw = match raw {
            Value::String(text) => {
                if json_values(text.as_bytes()) > MAX_VALUES {
                    return Err(Limit::Values.error());
                }
                parsed = serde_json::from_str(text).unwrap_or(Value::Null);
                &parsed
            }
            other => other,
        };
        let Value::Object(members) = raw else {
            return Err(QueryError::invalid("\"alias\" has to be an object"));
        };
        if members.len() > MAX_SELECTED_FIELDS {
            let most = MAX_SELECTED_FIELDS;
            return Err(QueryError::invalid(format!("\"alias\" must contain less than or equal to {most} items")));
        }
        let mut out = Self::default();
        for (key, value) in members {
            let Value::String(member) = value else {
                return Err(QueryError::invalid("\"alias\" value has to be a string. \"string\" given"));
            };
            for (part, text) in [("key", key), ("value", member)] {
                if text.contains('.') {
                    return Err(QueryError::invalid(format!("\"alias\" {part} can't contain a period character `.`")));
                }
            }
            if key.len() > MAX_ALIAS {
                return Err(QueryError::invalid(format!("\"alias\" key can't be longer than {MAX_ALIAS} characters")));
            }
            if key.is_empty() || !key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                return Err(QueryError::invalid("\"alias\" key can only contain letters, digits and `_`"));
            }
            out.positions.insert(key.clone(), out.pairs.len());
            out.pairs.push((key.clone(), member.clone()));
        }
        Ok(out)
    }

    /// The field that a name stands for.
    pub(in crate::query) fn get(&self, name: &str) -> Option<&str> {
        self.positions.get(name).and_then(|at| self.pairs.get(*at)).map(|(_, member)| member.as_str())
    }

    /// Pairs of a name and the field that it stands for.
    pub(in crate::query) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(n, m)| (n.as_str(), m.as_str()))
    }
}
