//! A list as CSV.

use serde_json::{Map, Value};

/// The whole document. Nested objects become columns named by their path; the header has the columns of all rows, in order of
/// first appearance.
pub(super) fn write(data: &Value) -> String {
    let one;
    let rows = match data {
        Value::Array(rows) => rows.as_slice(),
        other => {
            one = [other.clone()];
            &one
        }
    };
    if rows.is_empty() {
        return String::new();
    }
    let rows: Vec<Map<String, Value>> = rows.iter().map(flatten).collect();
    let mut columns: Vec<&str> = Vec::new();
    let mut known = std::collections::HashSet::new();
    for name in rows.iter().flat_map(Map::keys) {
        if known.insert(name.as_str()) {
            columns.push(name);
        }
    }
    let header: Vec<String> = columns.iter().map(|name| quote(name)).collect();
    let mut lines = vec![header.join(",")];
    for row in &rows {
        let cells: Vec<String> = columns.iter().map(|name| cell(row.get(*name))).collect();
        // A row of nulls only is left out, as by Directus.
        if cells.iter().any(|cell| !cell.is_empty()) {
            lines.push(cells.join(","));
        }
    }
    lines.join("\n")
}

fn flatten(row: &Value) -> Map<String, Value> {
    let mut out = Map::new();
    match row {
        Value::Object(members) => flatten_into("", members, &mut out),
        // A row without fields is its key. As in Directus, each character of that text becomes a column.
        Value::String(key) => {
            out.extend(key.chars().enumerate().map(|(i, c)| (i.to_string(), Value::String(c.to_string()))));
        }
        _ => {}
    }
    out
}

fn flatten_into(prefix: &str, members: &Map<String, Value>, out: &mut Map<String, Value>) {
    for (name, value) in members {
        match value {
            Value::Object(inner) if !inner.is_empty() => flatten_into(&format!("{prefix}{name}."), inner, out),
            other => {
                out.insert(format!("{prefix}{name}"), other.clone());
            }
        }
    }
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => quote(text),
        Some(Value::Bool(b)) => b.to_string(),
        Some(Value::Number(n)) => n.to_string(),
        Some(nested) => quote(&nested.to_string()),
    }
}

/// A text as a cell. A text that a spreadsheet program would take for a formula begins with `'`, as OWASP recommends
/// ("CSV Injection"). Numbers need no such guard: a negative number is a number to every program.
fn quote(text: &str) -> String {
    let guard = if is_formula(text) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

/// Whether a text begins like a formula. White space and quotes before are passed over, because some programs remove
/// them when they read a file.
fn is_formula(text: &str) -> bool {
    // The last four are the full-width forms, which programs for East Asian languages read as the plain ones.
    const SIGNS: [char; 8] = ['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];
    let is_skipped = |c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}' || matches!(c, '"' | '\'');
    text.starts_with(['\t', '\r', '\n']) || text.trim_start_matches(is_skipped).starts_with(SIGNS)
}
