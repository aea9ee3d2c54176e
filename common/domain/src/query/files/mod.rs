//! `export`: a list answer as a file (csv, csv_utf8, json, xml, yaml).
//!
//! The bytes are those of the writers behind Directus, for the values that our rows hold.

pub(in crate::query) mod xml;
pub(in crate::query) mod yaml;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

/// A format of `export`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// RFC 4180 with quoted texts.
    Csv,
    /// The same with a byte order mark.
    CsvUtf8,
    /// JSON, indented by tabs.
    Json,
    /// XML.
    Xml,
    /// YAML.
    Yaml,
}

impl ExportFormat {
    /// The format of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "csv" => Some(Self::Csv),
            "csv_utf8" => Some(Self::CsvUtf8),
            "json" => Some(Self::Json),
            "xml" => Some(Self::Xml),
            "yaml" => Some(Self::Yaml),
            _ => None,
        }
    }

    /// The value of `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Csv | Self::CsvUtf8 => "text/csv; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
            Self::Xml => "text/xml; charset=utf-8",
            Self::Yaml => "text/yaml; charset=utf-8",
        }
    }

    /// The value of `Content-Disposition`: an attachment named after the collection and the time of the answer, UTC.
    pub fn content_disposition(self, collection: &str, now: DateTime<Utc>) -> String {
        let extension = match self {
            Self::Csv | Self::CsvUtf8 => "csv",
            Self::Json => "json",
            Self::Xml => "xml",
            Self::Yaml => "yaml",
        };
        format!("attachment; filename=\"{collection} {}.{extension}\"", now.format("%Y%m%d-%H%M%S"))
    }

    /// The `data` of an answer as the text of the file.
    pub fn write(self, data: &Value) -> String {
        match self {
            Self::Csv => csv(data),
            Self::CsvUtf8 => match csv(data) {
                text if text.is_empty() => text,
                text => format!("\u{feff}{text}"),
            },
            Self::Json => json(data),
            Self::Xml => xml::write(data),
            Self::Yaml => yaml::write(data),
        }
    }
}

fn json(data: &Value) -> String {
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"\t");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    // Writing JSON into memory cannot fail, and it is UTF-8.
    match serde::Serialize::serialize(data, &mut serializer) {
        Ok(()) => String::from_utf8(out).unwrap_or_default(),
        Err(_) => String::new(),
    }
}

/// Objects become columns named by their path; the header has every column of any row, in order of appearance.
fn csv(data: &Value) -> String {
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
        // A row of nothing but nulls is left out, as the writer behind Directus does.
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
        // A row without members is its bare key; a text has its characters as members.
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

fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}
