//! The twelve export types: six formats, each plain or gzipped.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The text is not one of the twelve export types.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown export type {0:?}: one of csv, txt, json, ndjson, yaml, xml, or one of these with .gz added")]
pub struct UnknownExportType(pub String);

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// Comma-separated values, RFC 4180 with LF.
    Csv,
    /// One GS1 Digital Link per line.
    Txt,
    /// One array of objects, RFC 8259.
    Json,
    /// One object per line.
    Ndjson,
    /// A sequence of mappings, valid as YAML 1.2 and YAML 1.1.
    Yaml,
    /// One element per code, XML 1.0.
    Xml,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 6] = [Self::Csv, Self::Txt, Self::Json, Self::Ndjson, Self::Yaml, Self::Xml];

    /// The name of the format, which is also its file extension.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Txt => "txt",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Yaml => "yaml",
            Self::Xml => "xml",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The `export_type` of a reservation: a format, plain or gzipped. As text `csv`, `csv.gz`, …
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ExportType {
    format: Format,
    gzip: bool,
}

impl ExportType {
    /// Every export type, the plain ones first.
    pub const ALL: [Self; 12] = {
        let mut all = [Self::new(Format::Csv, false); 12];
        let mut at = 0;
        while at < 12 {
            all[at] = Self::new(Format::ALL[at % 6], at >= 6);
            at += 1;
        }
        all
    };

    /// A format, plain or gzipped.
    #[must_use]
    pub const fn new(format: Format, gzip: bool) -> Self {
        Self { format, gzip }
    }

    /// The format.
    #[must_use]
    pub const fn format(self) -> Format {
        self.format
    }

    /// Whether the file is gzipped.
    #[must_use]
    pub const fn is_gzip(self) -> bool {
        self.gzip
    }

    /// The type as a client writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match (self.format, self.gzip) {
            (format, false) => format.as_str(),
            (Format::Csv, true) => "csv.gz",
            (Format::Txt, true) => "txt.gz",
            (Format::Json, true) => "json.gz",
            (Format::Ndjson, true) => "ndjson.gz",
            (Format::Yaml, true) => "yaml.gz",
            (Format::Xml, true) => "xml.gz",
        }
    }

    /// The file name extension without the leading dot: `csv`, `csv.gz`, …
    #[must_use]
    pub const fn extension(self) -> &'static str {
        self.as_str()
    }

    /// The media type of the file. The media type of a gzipped file is `application/gzip` (RFC 6713). Gzip is not used as a
    /// content encoding, so a client that downloads the file does not decompress it.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        if self.gzip {
            return "application/gzip";
        }
        match self.format {
            // RFC 7111 and RFC 2046: text/* has a charset parameter, and not every reader assumes UTF-8.
            Format::Csv => "text/csv; charset=utf-8",
            Format::Txt => "text/plain; charset=utf-8",
            // RFC 8259, section 11: JSON is UTF-8 and has no charset parameter. The same holds for YAML (RFC 9512). An XML
            // file declares its encoding in the first line.
            Format::Json => "application/json",
            Format::Ndjson => "application/x-ndjson",
            Format::Yaml => "application/yaml",
            Format::Xml => "application/xml",
        }
    }
}

impl Default for ExportType {
    fn default() -> Self {
        Self::new(Format::Csv, false)
    }
}

impl fmt::Display for ExportType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ExportType {
    type Err = UnknownExportType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|known| known.as_str() == text).ok_or_else(|| UnknownExportType(text.to_owned()))
    }
}

impl TryFrom<String> for ExportType {
    type Error = UnknownExportType;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ExportType> for String {
    fn from(export_type: ExportType) -> Self {
        export_type.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_reads_back_from_its_text_and_from_json() {
        for export_type in ExportType::ALL {
            assert_eq!(export_type.as_str().parse::<ExportType>().unwrap(), export_type);
            let json = serde_json::to_string(&export_type).unwrap();
            assert_eq!(json, format!("\"{export_type}\""));
            assert_eq!(serde_json::from_str::<ExportType>(&json).unwrap(), export_type);
            assert_eq!(export_type.as_str().ends_with(".gz"), export_type.is_gzip());
            assert!(export_type.as_str().starts_with(export_type.format().as_str()));
        }
        let texts: std::collections::BTreeSet<_> = ExportType::ALL.iter().map(|known| known.as_str()).collect();
        assert_eq!(texts.len(), 12);
    }

    #[test]
    fn what_is_no_export_type_is_refused_by_name() {
        for text in ["", "CSV", "csv ", ".gz", "csv.gz.gz", "gz", "xlsx", "csv.", "csv.GZ"] {
            let error = text.parse::<ExportType>().unwrap_err();
            assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
            assert!(serde_json::from_value::<ExportType>(serde_json::json!(text)).is_err());
        }
    }

    #[test]
    fn a_gz_is_a_file_and_plain_text_names_its_charset() {
        for export_type in ExportType::ALL {
            let content_type = export_type.content_type();
            assert_eq!(content_type == "application/gzip", export_type.is_gzip());
            assert_eq!(content_type.starts_with("text/"), content_type.ends_with("; charset=utf-8"));
        }
        assert_eq!(ExportType::default().content_type(), "text/csv; charset=utf-8");
    }
}
