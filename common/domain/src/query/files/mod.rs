//! Phase 4: an answer as a file (`export`: csv, csv_utf8, json, xml, yaml).
//!
//! The bytes are those that Directus' writers give for the values that occur here.

pub(in crate::query) mod csv;
mod json;
mod xml;
mod yaml;

use crate::query::plan::{ListFormat, Query};
use chrono::{DateTime, Utc};
use serde_json::Value;

impl ListFormat {
    /// The value of `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Csv | Self::CsvUtf8 => "text/csv; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
            Self::Xml => "text/xml; charset=utf-8",
            Self::Yaml => "text/yaml; charset=utf-8",
        }
    }

    /// The name of the file: the collection and the time of the answer (UTC).
    pub fn file_name(self, collection: &str, now: DateTime<Utc>) -> String {
        let extension = match self {
            Self::Csv | Self::CsvUtf8 => "csv",
            Self::Json => "json",
            Self::Xml => "xml",
            Self::Yaml => "yaml",
        };
        format!("{collection} {}.{extension}", now.format("%Y%m%d-%H%M%S"))
    }

    /// The `data` of the answer to a query as the text of the file.
    pub fn write(self, query: &Query, data: &Value) -> String {
        match self {
            Self::Csv => csv::write(&query.columns(), data),
            Self::CsvUtf8 => match csv::write(&query.columns(), data) {
                text if text.is_empty() => text,
                text => format!("\u{feff}{text}"),
            },
            Self::Json => json::write(data),
            Self::Xml => xml::write(data),
            Self::Yaml => yaml::write(data),
        }
    }
}
