//! A row → the selected fields, in their order.

use super::related::Related;
use super::value::Actual;
use crate::query::budget::Limit;
use crate::query::functions::Function;
use crate::query::plan::{FieldPath, Node, Selection, Source};
use crate::query::row::Row;
use crate::query::schema::{Field, FieldType, Relation};
use serde::{
    Serialize, Serializer,
    ser::{Error as _, SerializeMap},
};
use serde_json::{Map, Value};

/// Shown instead of a secret.
const CONCEALED: &str = "**********";

/// A row with the fields to show; serializing it gives the text or value of the answer.
///
/// If there are no fields, or only aliases, the answer has the key of the row instead of an object, as in Directus.
pub(in crate::query) struct Shown<'a> {
    pub(in crate::query) selection: &'a Selection,
    pub(in crate::query) row: &'a Row,
    pub(in crate::query) related: &'a Related,
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let nodes = &self.selection.nodes;
        spend(self.related, Limit::Members, nodes.len().max(1))?;
        // The names of all members, before any of them is written.
        spend(self.related, Limit::Text, nodes.iter().map(|node| node.key.len()).sum())?;
        if self.selection.is_key() {
            return self.row.get("id").serialize(serializer);
        }
        let mut members = serializer.serialize_map(Some(nodes.len()))?;
        for node in nodes {
            members.serialize_entry(&node.key, &Member { node, row: self.row, related: self.related })?;
        }
        members.end()
    }
}

/// Bytes of a UUID in JSON.
const BYTES_PER_KEY: usize = 38;

/// Subtracts from the budget before a value is written.
fn spend<E: serde::ser::Error>(related: &Related, limit: Limit, amount: usize) -> Result<(), E> {
    related.budget().spend(limit, amount).map_err(E::custom)
}

struct Member<'a> {
    node: &'a Node,
    row: &'a Row,
    related: &'a Related,
}

impl Serialize for Member<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { node, row, related } = *self;
        match &node.source {
            Source::Field(field) => {
                let bytes = row.get(field.name).and_then(Value::as_str).map_or(0, str::len);
                spend(related, Limit::Text, bytes)?;
                Plain { field, row }.serialize(serializer)
            }
            Source::Function(function, field) => function_value(*function, field, row, related).serialize(serializer),
            Source::One { field, collection, selection, filter, search } => {
                let found = row.get(field.name).and_then(Value::as_str).and_then(|key| related.get(*collection, key));
                let shown = found
                    .filter(|r| filter.as_ref().is_none_or(|f| f.matches(r, related)))
                    .filter(|r| search.as_ref().is_none_or(|s| s.matches(r, related)));
                related.budget().check().map_err(S::Error::custom)?;
                shown.map(|row| Shown { selection, row, related }).serialize(serializer)
            }
            Source::Many { selection, window, .. } => {
                let id = row.get("id").and_then(Value::as_str).unwrap_or_default();
                match related.code_keys_in(id, *window).filter(|_| selection.nodes.is_empty()) {
                    Some(keys) => {
                        let keys: Vec<_> = keys.collect();
                        spend(related, Limit::Members, keys.len())?;
                        spend(related, Limit::Text, keys.len() * BYTES_PER_KEY)?;
                        serializer.collect_seq(keys)
                    }
                    None => {
                        let codes = related.codes_in(id, *window);
                        serializer.collect_seq(codes.map(|row| Shown { selection, row, related }))
                    }
                }
            }
        }
    }
}

/// A field of the row itself.
struct Plain<'a> {
    field: &'a Field,
    row: &'a Row,
}

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.field.kind, self.row.get(self.field.name).unwrap_or(&Value::Null)) {
            (FieldType::Alias, Value::Null) => serializer.collect_seq::<[Value; 0]>([]),
            (_, Value::Null) => serializer.serialize_unit(),
            _ if self.field.concealed => serializer.serialize_str(CONCEALED),
            (FieldType::BigInteger, Value::Number(number)) => serializer.collect_str(number),
            (_, value) => value.serialize(serializer),
        }
    }
}

/// Serializes to a JSON value; null when the budget is spent, which the caller checks afterwards.
pub(in crate::query) fn value(shown: &impl Serialize) -> Value {
    // Nothing else fails: every key is a text.
    serde_json::to_value(shown).unwrap_or_default()
}

fn function_value(function: Function, field: &Field, row: &Row, related: &Related) -> Value {
    if function == Function::Count && matches!(field.relation, Relation::Many(_)) {
        return row.get("id").and_then(Value::as_str).map_or(Value::Null, |id| Value::from(related.codes_count(id)));
    }
    match Actual::read(field.kind, row.get(field.name)) {
        Actual::Instant(at) => function.text_of_instant(&at).map_or(Value::Null, Value::String),
        _ => Value::Null,
    }
}

/// The values of `groupBy` for one row.
pub(in crate::query) fn group_members(groups: &[FieldPath], row: &Row, related: &Related) -> Map<String, Value> {
    let named = groups.iter().map(|path| {
        let value = match path.function {
            None => value(&Plain { field: path.field, row }),
            Some(function) => function_value(function, path.field, row, related),
        };
        (path.column(), value)
    });
    named.collect()
}
