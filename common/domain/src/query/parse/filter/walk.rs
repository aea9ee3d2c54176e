//! Walks over a filter that is not typed yet.

use serde_json::Value;
use std::collections::HashSet;

/// The largest number of nested fields; groups and operators are not counted.
pub(in crate::query) fn depth(value: &Value) -> usize {
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(_, v)| v.is_object() || v.is_array())
            .map(|(key, v)| depth(v) + usize::from(!key.starts_with('_')))
            .max()
            .unwrap_or(0),
        Value::Array(items) => items.iter().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// The fields that a filter names, as paths, in the order in which Directus reports them.
pub(in crate::query) fn paths(filter: &Value) -> Vec<Vec<String>> {
    let mut out: Vec<Vec<String>> = Vec::new();
    let mut known: HashSet<Vec<String>> = HashSet::new();
    let mut stack: Vec<(&Value, Vec<String>)> = vec![(filter, Vec::new())];
    while let Some((value, path)) = stack.pop() {
        match value {
            Value::Object(members) => {
                for (key, nested) in members {
                    let mut path = path.clone();
                    if !key.starts_with('_') {
                        path.push(key.clone());
                    }
                    stack.push((nested, path));
                }
            }
            Value::Array(items) => stack.extend(items.iter().map(|item| (item, path.clone()))),
            _ => {
                if known.insert(path.clone()) {
                    out.push(path);
                }
            }
        }
    }
    out
}
