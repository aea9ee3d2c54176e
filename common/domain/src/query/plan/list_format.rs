//! [`ListFormat`]: the `export` parameter.

/// A format of `export`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListFormat {
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

impl ListFormat {
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

    /// Whether the file is a table, whose columns are the fields of the query.
    pub(in crate::query) fn is_table(self) -> bool {
        matches!(self, Self::Csv | Self::CsvUtf8)
    }
}
