//! A list as XML: `<data>` with one `<data>` for each row, fields as elements, indented by four spaces.
//!
//! A list inside a row repeats its element. Null is the word `null`, as in answers of Directus, and an empty text an
//! empty element. What XML cannot hold is replaced, where Directus fails, so that every parser reads the file.

use serde_json::Value;
use std::fmt::Write as _;

/// The whole document.
pub(in crate::query) fn write(data: &Value) -> String {
    let mut out = String::from("<?xml version='1.0'?>\n");
    let mut body = String::new();
    match data {
        Value::Array(rows) => children_of_list("data", rows, 1, &mut body),
        Value::Object(_) => return out + &element("data", data, 0),
        plain => body = escape(&text(plain)),
    }
    if body.is_empty() {
        out.push_str("<data/>");
    } else if data.is_array() {
        // Writing into a String cannot fail.
        let _ = write!(out, "<data>\n{body}</data>");
    } else {
        let _ = write!(out, "<data>{body}</data>");
    }
    out
}

fn children_of_list(name: &str, items: &[Value], depth: usize, out: &mut String) {
    for item in items {
        match item {
            Value::Array(inner) => children_of_list(name, inner, depth, out),
            other => {
                indent(depth, out);
                out.push_str(&element(name, other, depth));
                out.push('\n');
            }
        }
    }
}

fn element(name: &str, value: &Value, depth: usize) -> String {
    let name = &element_name(name);
    let Value::Object(members) = value else {
        return match text(value) {
            text if text.is_empty() => format!("<{name}/>"),
            text => format!("<{name}>{}</{name}>", escape(&text)),
        };
    };
    let mut body = String::new();
    for (member, value) in members {
        match value {
            Value::Array(items) => children_of_list(member, items, depth + 1, &mut body),
            other => {
                indent(depth + 1, &mut body);
                body.push_str(&element(member, other, depth + 1));
                body.push('\n');
            }
        }
    }
    if body.is_empty() {
        return format!("<{name}/>");
    }
    let mut out = format!("<{name}>\n{body}");
    indent(depth, &mut out);
    let _ = write!(out, "</{name}>");
    out
}

/// The name of an element. Names of members consist of letters, digits and `_`; a name in XML must not begin with a digit
/// (XML 1.0, section 2.3), so such a one begins with `_`. Other characters, which only names in JSON have, become `_`.
fn element_name(name: &str) -> String {
    let first = if name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') { "" } else { "_" };
    let rest = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' });
    first.chars().chain(rest).collect()
}

fn indent(depth: usize, out: &mut String) {
    for _ in 0..depth {
        out.push_str("    ");
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn escape(text: &str) -> String {
    // XML 1.0 cannot represent most control characters (section 2.2); U+FFFD replaces them.
    let legal = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    let text: String = text.chars().map(|c| if legal(c) { c } else { '\u{fffd}' }).collect();
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace("]]>", "]]&gt;");
    // A parser reads a plain carriage return as a line feed (section 2.11).
    text.replace('\r', "&#13;")
}
