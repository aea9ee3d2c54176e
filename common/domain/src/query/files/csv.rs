//! A list as CSV.

use crate::query::budget::Limit;
use crate::query::plan::Column;
use serde_json::Value;

/// The whole document: a header, which is there without any row, and a line for each row.
pub(in crate::query) fn write(columns: &[Column], data: &Value) -> String {
    let rows = match data {
        Value::Array(rows) => rows.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut out = columns.iter().map(|column| quote(&column.name)).collect::<Vec<_>>().join(",");
    for row in rows {
        let cells: Vec<String> = columns.iter().map(|column| cell(value(row, column))).collect();
        // A row of nulls only is left out, as by Directus.
        if cells.iter().any(|cell| !cell.is_empty()) {
            out.push('\n');
            out.push_str(&cells.join(","));
        }
        if out.len() > Limit::Text.most() {
            // Too long for an answer already, which is refused.
            break;
        }
    }
    out
}

/// The value of a row in a column. A row without members is its key, the only column.
fn value<'a>(row: &'a Value, column: &Column) -> Option<&'a Value> {
    match row {
        Value::Object(_) => column.path.iter().try_fold(row, |value, name| value.get(name)),
        key => Some(key),
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
