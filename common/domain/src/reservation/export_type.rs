//! The `export_type` of a reservation: six formats of text or an export profile, each plain or gzipped, or a workbook.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{FieldError, ProfileName, profile_name::BUILT_IN_PROFILES};

/// The text is neither a built-in export type nor the name of a profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown export type {0:?}: one of csv, txt, json, ndjson, yaml, xml, or the name of an export profile, or one of \
     these with .gz added, or xlsx"
)]
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

/// What an `export_type` ends in if the file is gzipped.
const GZIP: &str = ".gz";

/// The media type of a gzipped file (RFC 6713). Gzip is not used as a content encoding, so a client that downloads the
/// file does not decompress it.
pub const GZIP_TYPE: &str = "application/gzip";

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

    /// The export type of the format as a client writes it: `csv`, or `csv.gz` for a gzipped file.
    const fn type_name(self, gzip: bool) -> &'static str {
        match (self, gzip) {
            (format, false) => format.as_str(),
            (Self::Csv, true) => "csv.gz",
            (Self::Txt, true) => "txt.gz",
            (Self::Json, true) => "json.gz",
            (Self::Ndjson, true) => "ndjson.gz",
            (Self::Yaml, true) => "yaml.gz",
            (Self::Xml, true) => "xml.gz",
            (Self::Xlsx, true) => "xlsx",
        }
    }

    /// The media type of a plain file.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            // RFC 7111 and RFC 2046: text/* has a charset parameter, and not every reader assumes UTF-8.
            Self::Csv => "text/csv; charset=utf-8",
            Self::Txt => "text/plain; charset=utf-8",
            // RFC 8259, section 11: JSON is UTF-8 and has no charset parameter. The same holds for YAML (RFC 9512). An XML
            // file declares its encoding in the first line.
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
            Self::Yaml => "application/yaml",
            Self::Xml => "application/xml",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
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

/// What decides the bytes of a file, but for its compression. Whether a profile exists depends on the organisation and is
/// not known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Kind {
    Format(Format),
    Profile(ProfileName),
}

/// The `export_type` of a reservation: a format or a profile, plain or gzipped. As text `csv`, `csv.gz`, `xlsx`, `my-printer`, …
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ExportType {
    kind: Kind,
    gzip: bool,
}

impl ExportType {
    /// The types of the built-in formats: the texts, the gzipped ones, and the workbook.
    pub const ALL: [Self; 13] = {
        let mut all = [Self::new(Format::Xlsx, false); 13];
        let mut at = 0;
        while at < 12 {
            all[at] = Self::new(Format::TEXTS[at % 6], at >= 6);
            at += 1;
        }
        all
    };

    /// The texts of [`ExportType::ALL`], in the same order.
    pub const NAMES: [&'static str; 13] = {
        let mut all = [Format::Xlsx.as_str(); 13];
        let mut at = 0;
        while at < 12 {
            all[at] = Format::TEXTS[at % 6].type_name(at >= 6);
            at += 1;
        }
        all
    };

    /// A format, plain or gzipped. A workbook is never gzipped.
    #[must_use]
    pub const fn new(format: Format, gzip: bool) -> Self {
        Self { kind: Kind::Format(format), gzip: gzip && !matches!(format, Format::Xlsx) }
    }

    /// A profile, plain or gzipped.
    #[must_use]
    pub const fn of_profile(name: ProfileName, gzip: bool) -> Self {
        Self { kind: Kind::Profile(name), gzip }
    }

    /// The built-in format, unless the type is that of a profile.
    #[must_use]
    pub const fn format(self) -> Option<Format> {
        match self.kind {
            Kind::Format(format) => Some(format),
            Kind::Profile(_) => None,
        }
    }

    /// The name of the profile, unless the type is that of a built-in format.
    #[must_use]
    pub const fn profile(self) -> Option<ProfileName> {
        match self.kind {
            Kind::Format(_) => None,
            Kind::Profile(name) => Some(name),
        }
    }

    /// Whether the file is gzipped.
    #[must_use]
    pub const fn is_gzip(self) -> bool {
        self.gzip
    }

    /// What a compressed file is; `None` if the file is not compressed.
    #[must_use]
    pub const fn container(self) -> Option<Container> {
        match (self.kind, self.gzip) {
            (Kind::Format(Format::Xlsx), _) => Some(Container::Zip),
            (_, true) => Some(Container::Gzip),
            (_, false) => None,
        }
    }

    /// The form of a text that can be an export type as a regular expression (ECMA 262).
    #[must_use]
    pub fn pattern() -> String {
        format!(r"^{}(\.gz)?$", ProfileName::PATTERN)
    }

    /// The failed rule of an `export_type` that is neither built in nor the name of a profile that the reservation can
    /// use.
    #[must_use]
    pub fn unknown() -> FieldError {
        let known: Vec<&str> = Self::NAMES.into_iter().chain(BUILT_IN_PROFILES).collect();
        let reason = format!(
            "Value has to be one of {}, or the name of an export profile of the organisation or of the deployment; a \
             profile's name may end in {GZIP}.",
            known.join(", ")
        );
        FieldError { reason, ..FieldError::one_of("export_type", &known) }
    }
}

/// The file extension of a file: that of its template, with `.gz` if it is gzipped.
#[must_use]
pub fn file_extension(plain: &str, gzip: bool) -> String {
    format!("{plain}{}", if gzip { GZIP } else { "" })
}

impl Default for ExportType {
    fn default() -> Self {
        Self::new(Format::Csv, false)
    }
}

impl fmt::Display for ExportType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Format(format) => f.write_str(format.type_name(self.gzip)),
            Kind::Profile(name) => f.write_str(&file_extension(name.as_str(), self.gzip)),
        }
    }
}

impl FromStr for ExportType {
    type Err = UnknownExportType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(known) = Self::ALL.into_iter().zip(Self::NAMES).find(|(_, name)| *name == text) {
            return Ok(known.0);
        }
        let (name, gzip) = text.strip_suffix(GZIP).map_or((text, false), |name| (name, true));
        let name = ProfileName::parse(name).ok_or_else(|| UnknownExportType(text.to_owned()))?;
        Ok(Self::of_profile(name, gzip))
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
        export_type.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_reads_back_from_its_text_and_from_json() {
        for (export_type, name) in ExportType::ALL.into_iter().zip(ExportType::NAMES) {
            assert_eq!(name.parse::<ExportType>().unwrap(), export_type);
            assert_eq!(export_type.to_string(), name);
            let json = serde_json::to_string(&export_type).unwrap();
            assert_eq!(json, format!("\"{export_type}\""));
            assert_eq!(serde_json::from_str::<ExportType>(&json).unwrap(), export_type);
            assert_eq!(name.ends_with(".gz"), export_type.is_gzip());
            assert!(name.starts_with(export_type.format().unwrap().as_str()));
        }
        let texts: std::collections::BTreeSet<_> = ExportType::NAMES.into_iter().collect();
        assert_eq!(texts.len(), 13);
    }

    #[test]
    fn the_name_of_a_profile_is_a_type_plain_or_gzipped() {
        for text in ["excel", "excel.gz", "my-printer-2", "my-printer-2.gz"] {
            let export_type: ExportType = text.parse().unwrap();
            assert_eq!(export_type.to_string(), text);
            assert_eq!(export_type.is_gzip(), text.ends_with(".gz"));
            assert_eq!(export_type.profile().unwrap().as_str(), text.trim_end_matches(".gz"));
            assert_eq!(serde_json::from_value::<ExportType>(serde_json::json!(text)).unwrap(), export_type);
        }
    }

    #[test]
    fn what_is_no_export_type_is_refused_by_name() {
        let long = "x".repeat(33);
        for text in
            ["", "CSV", "csv ", ".gz", "csv.gz.gz", "gz", "xlsx.gz", "csv.", "csv.GZ", "a", "a_b", "excel.zip", &long]
        {
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
    fn plain_text_names_its_charset() {
        for format in Format::ALL {
            let content_type = format.content_type();
            assert_eq!(content_type.starts_with("text/"), content_type.ends_with("; charset=utf-8"));
        }
    }
}
