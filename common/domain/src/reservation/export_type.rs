//! The export types: six formats of text, each plain or gzipped, and a workbook.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The text is not one of the export types.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown export type {0:?}: one of csv, txt, json, ndjson, yaml, xml, or one of these with .gz added, or xlsx")]
pub struct UnknownExportType(pub String);

/// More rows than a file of the format can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a file of type {} holds {} codes at most; take csv for more", .format, .format.max_rows())]
pub struct TooManyRows {
    /// The format.
    pub format: Format,
}

/// What a compressed file is. Its length is not known before it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// One gzip member.
    Gzip,
    /// A zip archive whose last member has the rows.
    Zip,
}

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
    /// A workbook with one sheet, ECMA-376. It is compressed itself, so it has no gzipped type.
    Xlsx,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 7] = [Self::Csv, Self::Txt, Self::Json, Self::Ndjson, Self::Yaml, Self::Xml, Self::Xlsx];

    /// The formats that are texts; each of them can be gzipped.
    pub const TEXTS: [Self; 6] = [Self::Csv, Self::Txt, Self::Json, Self::Ndjson, Self::Yaml, Self::Xml];

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
            Self::Xlsx => "xlsx",
        }
    }

    /// The most rows that a file of the format holds. A sheet has 1,048,576 rows (ECMA-376 sets no limit, but
    /// spreadsheet programs have this one), one of which has the names of the columns.
    #[must_use]
    pub const fn max_rows(self) -> u64 {
        match self {
            Self::Xlsx => (1 << 20) - 1,
            _ => i32::MAX as u64,
        }
    }

    /// Checks that a file of the format can hold so many rows.
    ///
    /// # Errors
    /// [`TooManyRows`] if not.
    pub const fn check_rows(self, rows: u64) -> Result<(), TooManyRows> {
        if rows > self.max_rows() { Err(TooManyRows { format: self }) } else { Ok(()) }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The `export_type` of a reservation: a format, plain or gzipped. As text `csv`, `csv.gz`, …, `xlsx`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ExportType {
    format: Format,
    gzip: bool,
}

impl ExportType {
    /// Every export type: the texts, the gzipped ones, and the workbook.
    pub const ALL: [Self; 13] = {
        let mut all = [Self::new(Format::Xlsx, false); 13];
        let mut at = 0;
        while at < 12 {
            all[at] = Self::new(Format::TEXTS[at % 6], at >= 6);
            at += 1;
        }
        all
    };

    /// A format, plain or gzipped. A workbook is never gzipped.
    #[must_use]
    pub const fn new(format: Format, gzip: bool) -> Self {
        Self { format, gzip: gzip && !matches!(format, Format::Xlsx) }
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

    /// What a compressed file is; `None` if the file is not compressed.
    #[must_use]
    pub const fn container(self) -> Option<Container> {
        match (self.format, self.gzip) {
            (Format::Xlsx, _) => Some(Container::Zip),
            (_, true) => Some(Container::Gzip),
            (_, false) => None,
        }
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
            (Format::Xlsx, true) => "xlsx",
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
            Format::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
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
        assert_eq!(texts.len(), 13);
    }

    #[test]
    fn what_is_no_export_type_is_refused_by_name() {
        for text in ["", "CSV", "csv ", ".gz", "csv.gz.gz", "gz", "xls", "xlsx.gz", "csv.", "csv.GZ"] {
            let error = text.parse::<ExportType>().unwrap_err();
            assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
            assert!(serde_json::from_value::<ExportType>(serde_json::json!(text)).is_err());
        }
    }

    #[test]
    fn a_workbook_holds_the_rows_of_a_sheet_and_is_never_gzipped() {
        assert_eq!(Format::Xlsx.check_rows(1_048_575), Ok(()));
        let error = Format::Xlsx.check_rows(1_048_576).unwrap_err();
        assert_eq!(error.to_string(), "a file of type xlsx holds 1048575 codes at most; take csv for more");
        assert!(Format::TEXTS.into_iter().all(|format| format.check_rows(i32::MAX as u64).is_ok()));
        assert_eq!(ExportType::new(Format::Xlsx, true), ExportType::new(Format::Xlsx, false));
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
