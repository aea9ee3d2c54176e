//! Nested query strings: `a=1`, `a[]=1`, `a[0]=1`, `a[b][c]=1`, repeated keys.
//!
//! Reads them as `qs`, the parser that Directus uses: brackets nest up to [`MAX_BRACKETS`], indexes below
//! [`MAX_ARRAY_INDEX`] make arrays and larger ones an object, a repeated key makes an array, `+` is a space, and a value
//! that is not valid percent-encoding stays as it is. Every text of permitted length is accepted: a key that cannot be
//! read becomes an unknown parameter, which is ignored later.

use super::raw_query::RawQuery;
use crate::query::error::QueryError;
use crate::query::limits::{MAX_ARRAY_INDEX, MAX_BRACKETS, MAX_PARAMETERS, MAX_QUERY_BYTES};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Reads a raw query string, with or without its `?`.
///
/// # Errors
/// `INVALID_QUERY` if the query string is longer than 1 MiB.
pub fn parse_query_string(query: &str) -> Result<RawQuery, QueryError> {
    if query.len() > MAX_QUERY_BYTES {
        return Err(QueryError::invalid("The query string is too long"));
    }
    Ok(RawQuery::from_json(parse(query.strip_prefix('?').unwrap_or(query))))
}

/// A value under construction. Arrays are sparse until the end, because `a[3]=x` may come before `a[0]=y`.
#[derive(Debug)]
enum Node {
    Text(String),
    List(BTreeMap<usize, Node>),
    Object(Vec<(String, Node)>),
}

/// Names that are refused as keys: the members of every JavaScript object.
const PROTOTYPE: [&str; 12] = [
    "__proto__",
    "__defineGetter__",
    "__defineSetter__",
    "__lookupGetter__",
    "__lookupSetter__",
    "constructor",
    "hasOwnProperty",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "toLocaleString",
    "toString",
    "valueOf",
];

/// The parameters of a query string (without its `?`).
pub(in crate::query) fn parse(query: &str) -> Map<String, Value> {
    let mut flat: Vec<(String, Vec<String>)> = Vec::new();
    // The vector keeps the order of first appearance; the map makes repeated keys linear.
    let mut index: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
    for part in query.split('&').take(MAX_PARAMETERS) {
        let part = unescape_brackets(part);
        let split = part.find("]=").map(|i| i + 1).or_else(|| part.find('='));
        let (key, value) = match split {
            Some(at) => (part.get(..at).unwrap_or(""), part.get(at + 1..).unwrap_or("")),
            None => (part.as_str(), ""),
        };
        let (key, value) = (decode(key), decode(value));
        if key.is_empty() {
            continue;
        }
        if let Some((_, values)) = index.get(&key).and_then(|i| flat.get_mut(*i)) {
            values.push(value);
        } else {
            index.insert(key.clone(), flat.len());
            flat.push((key, vec![value]));
        }
    }

    let mut root = Node::Object(Vec::new());
    for (key, values) in flat {
        if let Some(segments) = segments(&key) {
            root = merge(root, nest(&segments, leaf(values)));
        }
    }
    match finish(root) {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn unescape_brackets(part: &str) -> String {
    let mut out = String::with_capacity(part.len());
    let mut rest = part;
    while let Some(at) = rest.find('%') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        match from.get(..3) {
            Some(code) if code.eq_ignore_ascii_case("%5B") => {
                out.push('[');
                rest = from.get(3..).unwrap_or("");
            }
            Some(code) if code.eq_ignore_ascii_case("%5D") => {
                out.push(']');
                rest = from.get(3..).unwrap_or("");
            }
            _ => {
                out.push('%');
                rest = from.get(1..).unwrap_or("");
            }
        }
    }
    out.push_str(rest);
    out
}

fn decode(text: &str) -> String {
    let text = text.replace('+', " ");
    if !text.contains('%') {
        return text;
    }
    let bytes = text.as_bytes();
    let well_formed = bytes.iter().enumerate().filter(|(_, b)| **b == b'%').all(|(i, _)| {
        let hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
        hex(i + 1) && hex(i + 2)
    });
    if !well_formed {
        return text;
    }
    match percent_decode_str(&text).decode_utf8() {
        Ok(decoded) => decoded.into_owned(),
        Err(_) => text,
    }
}

/// `a[b][]` → `a`, `[b]`, `[]`. `None` for a key that names a member of [`PROTOTYPE`].
fn segments(key: &str) -> Option<Vec<String>> {
    let first = key.find('[');
    let parent = first.map_or(Some(key), |at| key.get(..at))?;
    if PROTOTYPE.contains(&parent) {
        return None;
    }
    let mut out = Vec::new();
    if !parent.is_empty() {
        out.push(parent.to_owned());
    }
    let mut rest = first.and_then(|at| key.get(at..)).unwrap_or("");
    let mut groups = 0;
    while let Some(open) = rest.find('[') {
        rest = rest.get(open..).unwrap_or("");
        if groups == MAX_BRACKETS {
            out.push(format!("[{rest}]"));
            break;
        }
        let Some(close) = closing(rest) else {
            // An unbalanced bracket makes the rest one literal name.
            out.push(format!("[{rest}]"));
            break;
        };
        let group = rest.get(..=close).unwrap_or("");
        if group.get(1..close).is_some_and(|name| PROTOTYPE.contains(&name)) {
            return None;
        }
        out.push(group.to_owned());
        rest = rest.get(close + 1..).unwrap_or("");
        groups += 1;
    }
    if out.is_empty() { None } else { Some(out) }
}

/// The index of the bracket that closes the group at the start of `text`.
fn closing(text: &str) -> Option<usize> {
    let mut level = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'[' => level += 1,
            b']' => {
                level = level.saturating_sub(1);
                if level == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

fn leaf(mut values: Vec<String>) -> Node {
    if values.len() == 1 {
        Node::Text(values.pop().unwrap_or_default())
    } else {
        list(values.into_iter().map(Node::Text))
    }
}

fn list(items: impl Iterator<Item = Node>) -> Node {
    let items: Vec<Node> = items.collect();
    if items.len() <= MAX_ARRAY_INDEX {
        Node::List(items.into_iter().enumerate().collect())
    } else {
        Node::Object(items.into_iter().enumerate().map(|(i, n)| (i.to_string(), n)).collect())
    }
}

fn nest(segments: &[String], leaf: Node) -> Node {
    let mut node = leaf;
    for (depth, segment) in segments.iter().enumerate().rev() {
        let name = segment.strip_prefix('[').and_then(|s| s.strip_suffix(']'));
        node = match name {
            Some("") => match node {
                Node::List(_) => node,
                other => Node::List(BTreeMap::from([(0, other)])),
            },
            Some(name) if depth > 0 || segments.len() == 1 => match array_index(name) {
                Some(index) => Node::List(BTreeMap::from([(index, node)])),
                None => Node::Object(vec![(name.to_owned(), node)]),
            },
            Some(name) => Node::Object(vec![(name.to_owned(), node)]),
            None => Node::Object(vec![(segment.clone(), node)]),
        };
    }
    node
}

fn array_index(name: &str) -> Option<usize> {
    let index: usize = name.parse().ok()?;
    (index < MAX_ARRAY_INDEX && index.to_string() == name).then_some(index)
}

fn merge(target: Node, source: Node) -> Node {
    match (target, source) {
        (Node::Object(mut into), Node::Object(from)) => {
            for (key, value) in from {
                match into.iter_mut().find(|(k, _)| *k == key) {
                    Some((_, slot)) => {
                        let old = std::mem::replace(slot, Node::Text(String::new()));
                        *slot = merge(old, value);
                    }
                    None => into.push((key, value)),
                }
            }
            Node::Object(into)
        }
        (Node::List(mut into), Node::List(from)) => {
            for (index, value) in from {
                match into.remove(&index) {
                    Some(old @ (Node::Object(_) | Node::List(_))) if !matches!(value, Node::Text(_)) => {
                        into.insert(index, merge(old, value));
                    }
                    Some(old) => {
                        into.insert(index, old);
                        push(&mut into, value);
                    }
                    None => {
                        into.insert(index, value);
                    }
                }
            }
            Node::List(into)
        }
        (into @ Node::Object(_), Node::List(from)) => {
            let object = from.into_iter().map(|(i, n)| (i.to_string(), n)).collect();
            merge(into, Node::Object(object))
        }
        (Node::List(into), from @ Node::Object(_)) => {
            let object = into.into_iter().map(|(i, n)| (i.to_string(), n)).collect();
            merge(Node::Object(object), from)
        }
        (Node::List(mut into), text @ Node::Text(_)) => {
            push(&mut into, text);
            Node::List(into)
        }
        // A plain value beside a nested one (`a[b]=1&a=c`): the plain value becomes a member with the value `true`.
        (Node::Object(mut into), Node::Text(name)) => {
            if !PROTOTYPE.contains(&name.as_str()) && !name.is_empty() {
                into.retain(|(k, _)| *k != name);
                into.push((name, Node::Text("true".into())));
            }
            Node::Object(into)
        }
        (text @ Node::Text(_), Node::List(from)) => list(std::iter::once(text).chain(from.into_values())),
        (text @ Node::Text(_), other) => list([text, other].into_iter()),
    }
}

fn push(list: &mut BTreeMap<usize, Node>, value: Node) {
    let next = list.last_key_value().map_or(0, |(i, _)| i.saturating_add(1));
    list.insert(next, value);
}

fn finish(node: Node) -> Value {
    match node {
        Node::Text(text) => Value::String(text),
        Node::List(items) => Value::Array(items.into_values().map(finish).collect()),
        Node::Object(members) => Value::Object(members.into_iter().map(|(k, v)| (k, finish(v))).collect()),
    }
}
