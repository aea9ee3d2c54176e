//! Export profiles: layouts of files that operators define, for the programs that print labels.
//!
//! A profile is a JSON object. [`Profile::read`] validates it, [`Profile::canonical`] writes its one canonical form, whose
//! SHA-256 identifies the version. Compiled with a renderer it becomes the same literals and slots as a built-in format, so
//! the length of a file is known before its first byte and every part can be written again.
//!
//! Pure, as the rest of the crate. Where profiles are stored, and YAML, must not come in.
//!
//! | file | what it does |
//! |---|---|
//! | `source` | what a slot can show |
//! | `text` | text with slots |
//! | `read` | from JSON to a profile, with a message for each mistake |
//! | `members` | the members of the object: which exist, for which base |
//! | `canonical` | from a profile to its canonical JSON |
//! | `compile` | a profile applied to one reservation |
//! | `gs1` | whether the symbols of a sheet carry GS1 data |
//! | `rules` | what a profile is refused for, since no reservation could be exported with it as it means |
//! | `specimen` | sample codes of every form, for these rules |
//! | `built_in` | the profiles that are part of the service |

mod built_in;
mod canonical;
mod compile;
mod gs1;
mod members;
mod read;
mod rules;
mod source;
mod specimen;
mod text;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::reservation::ProfileName;

pub use built_in::{all_built_in, built_in, built_in_version};
pub use canonical::{MAX_CANONICAL, sha256_of};
pub use compile::{Particulars, ProfileFault};
pub use members::{MEMBERS, Member};
pub use read::{Mistake, check_own_name};
pub use source::Source;
pub use text::Text;

use super::sheet::SheetLayout;
use super::{Encoding, Escaping};
use crate::code::EpcScheme;

/// Maximum number of columns, and of rows in a group.
pub const MAX_COLUMNS: usize = 100;
/// Maximum number of rows in a group: labels across.
pub const MAX_ROWS_PER_BLOCK: usize = 20;
/// Maximum width of a column in characters.
pub const MAX_WIDTH: usize = 4_000;

/// A layout of export files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name, an `export_type`.
    pub name: ProfileName,
    /// What it is for.
    pub description: Option<String>,
    /// The extension of its files, without a leading dot and without `.gz`.
    pub extension: String,
    /// The media type of its files without parameters; `None` for that of the base.
    pub media_type: Option<String>,
    /// The encoding.
    pub encoding: Encoding,
    /// Whether a file begins with a byte order mark.
    pub byte_order_mark: bool,
    /// How lines end.
    pub line_end: LineEnd,
    /// How `barcode_data` is written.
    pub barcode: Barcode,
    /// Which RFID tags are written.
    pub epc: Epc,
    /// What stands for a source for which the reservation has no value.
    pub defaults: BTreeMap<Source, String>,
    /// The most rows that a file may have.
    pub max_rows: Option<u64>,
    /// The rest.
    pub base: Base,
}

/// How lines end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineEnd {
    /// A line feed.
    #[default]
    Lf,
    /// A carriage return and a line feed.
    Crlf,
}

impl LineEnd {
    /// Both, the default first.
    pub(super) const ALL: [Self; 2] = [Self::Lf, Self::Crlf];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Lf => "lf",
            Self::Crlf => "crlf",
        }
    }

    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Lf => "\n",
            Self::Crlf => "\r\n",
        }
    }
}

/// How `barcode_data` is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Barcode {
    /// What stands for FNC1; `None` for the byte 29.
    pub fnc1: Option<String>,
    /// What the data begins with.
    pub start: BarcodeStart,
    /// A character that is written twice where it is part of the data: the escape character of the reader.
    pub doubled: Option<char>,
}

/// Which RFID tags are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Epc {
    /// The scheme; `None` for the shortest that holds every code of a reservation.
    pub scheme: Option<EpcScheme>,
    /// The filter value, 0 to 7; `None` for that of the type of code.
    pub filter: Option<u8>,
}

/// What `barcode_data` begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BarcodeStart {
    /// The first Application Identifier.
    #[default]
    None,
    /// FNC1, as the profile writes it.
    Fnc1,
    /// A symbology identifier (ISO/IEC 15424).
    Symbology(&'static str),
}

/// The symbology identifiers of GS1 symbols: GS1-128, GS1 DataBar, GS1 DataMatrix, GS1 QR Code, GS1 DotCode.
pub(super) const SYMBOLOGIES: [&str; 5] = ["]C1", "]e0", "]d2", "]Q3", "]J1"];

impl BarcodeStart {
    pub(super) const NAMES: [&'static str; 7] =
        ["none", "fnc1", SYMBOLOGIES[0], SYMBOLOGIES[1], SYMBOLOGIES[2], SYMBOLOGIES[3], SYMBOLOGIES[4]];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Fnc1 => "fnc1",
            Self::Symbology(identifier) => identifier,
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "none" => Some(Self::None),
            "fnc1" => Some(Self::Fnc1),
            other => SYMBOLOGIES.into_iter().find(|known| *known == other).map(Self::Symbology),
        }
    }
}

/// What the rows of a file are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base {
    /// Lines of fields between delimiters.
    Delimited {
        /// Between two fields.
        delimiter: char,
        /// Which fields are in quotes.
        quoting: Quoting,
        /// Whether the first line names the columns.
        header: bool,
        /// The columns.
        columns: Vec<Column>,
    },
    /// Lines of fields of fixed widths.
    Fixed {
        /// Whether the first line names the columns.
        header: bool,
        /// The columns.
        columns: Vec<FixedColumn>,
    },
    /// One text a line.
    Lines {
        /// The text.
        line: Text,
        /// How values in it are escaped.
        escape: Escaping,
    },
    /// Text before, for and after the rows.
    Template(Box<TemplateBase>),
    /// A PDF with a label for each row.
    Sheet(Box<SheetBase>),
}

/// What the labels of a profile with the base `sheet` show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SheetBase {
    /// Pages, labels and symbols.
    pub layout: SheetLayout,
    /// What the symbol carries; `None` for the link, or the barcode data of a GS1 symbol.
    pub data: Option<Text>,
    /// The human readable text; `None` for the element string, or the code of a short code.
    pub text: Option<Text>,
}

/// The texts of a profile with the base `template`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TemplateBase {
    /// Before the first row.
    pub header: Text,
    /// A row; several texts are the rows of a block, one after the other.
    pub row: Vec<Text>,
    /// After the last row.
    pub footer: Text,
    /// How values are escaped.
    pub escape: Escaping,
    /// Rows of a block: labels across.
    pub rows_per_block: usize,
    /// Before the first row of a block.
    pub block_header: Text,
    /// After the last row of a block.
    pub block_footer: Text,
    /// Between two rows; with blocks, between two rows of the same block.
    pub separator: Text,
    /// Between two blocks.
    pub block_separator: Text,
}

/// Which fields are in quotes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quoting {
    /// Those that need them.
    #[default]
    Minimal,
    /// All.
    All,
    /// All but numbers.
    Text,
    /// None. A value that would need them is refused.
    None,
}

impl Quoting {
    /// Every mode, the default first.
    pub(super) const ALL: [Self; 4] = [Self::Minimal, Self::All, Self::Text, Self::None];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Minimal => "minimal",
            Self::All => "all",
            Self::Text => "text",
            Self::None => "none",
        }
    }
}

/// A column of a delimited file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name in the header.
    pub name: String,
    /// What it shows.
    pub text: Text,
    /// How values in it are escaped, before the field is quoted.
    pub escape: Escaping,
}

/// A column of a file of fixed widths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixedColumn {
    /// The name in the header.
    pub name: String,
    /// What it shows.
    pub text: Text,
    /// Its characters.
    pub width: usize,
    /// Whether the filling comes first.
    pub right: bool,
    /// The character that fills it.
    pub pad: char,
}

impl Profile {
    /// The name of its base.
    #[must_use]
    pub const fn base_name(&self) -> &'static str {
        match self.base {
            Base::Delimited { .. } => "delimited",
            Base::Fixed { .. } => "fixed",
            Base::Lines { .. } => "lines",
            Base::Template(_) => "template",
            Base::Sheet(_) => "sheet",
        }
    }

    /// The media type of its plain files, with the encoding if it is a text.
    #[must_use]
    pub fn content_type(&self) -> String {
        let of_base = match self.base {
            Base::Delimited { .. } => "text/csv",
            Base::Fixed { .. } | Base::Lines { .. } | Base::Template(_) => "text/plain",
            Base::Sheet(_) => "application/pdf",
        };
        let media_type = self.media_type.as_deref().unwrap_or(of_base);
        if media_type.starts_with("text/") {
            format!("{media_type}; charset={}", self.encoding.charset(self.byte_order_mark))
        } else {
            media_type.to_owned()
        }
    }

    /// Every text with slots, in the order of the profile.
    fn texts(&self) -> Vec<&Text> {
        match &self.base {
            Base::Delimited { columns, .. } => columns.iter().map(|column| &column.text).collect(),
            Base::Fixed { columns, .. } => columns.iter().map(|column| &column.text).collect(),
            Base::Lines { line, .. } => vec![line],
            Base::Sheet(sheet) => sheet.data.iter().chain(&sheet.text).collect(),
            Base::Template(template) => {
                let TemplateBase {
                    header, row, footer, block_header, block_footer, separator, block_separator, ..
                } = template.as_ref();
                let around = [block_header, separator, block_footer, block_separator, footer];
                std::iter::once(header).chain(row).chain(around).collect()
            }
        }
    }

    /// The sources that its slots show, each once.
    #[must_use]
    pub fn sources(&self) -> std::collections::BTreeSet<Source> {
        self.texts().into_iter().flat_map(Text::sources).collect()
    }
}
