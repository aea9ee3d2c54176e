//! Label sheets: a PDF with one symbol and its human readable text per code, drawn as vectors.
//!
//! A sheet is small compared with other exports, since it has [`MAX_LABELS`] labels at most, so it is written as a
//! whole: a PDF ends with a table of the offsets of all its objects, which no part of a file could know alone. The same
//! codes always give the same bytes.
//!
//! | file | what it does |
//! |---|---|
//! | `layout` | pages, labels, and what lies where on a label |
//! | `content` | a page as PDF operators: the modules of symbols, and text |
//! | `pdf` | objects, streams and the table of offsets |

pub(super) mod content;
mod layout;
mod pdf;

#[cfg(test)]
mod tests;

use std::ops::Range;

pub use layout::{SheetError, SheetLayout};

use super::error::ExportError;
pub(super) use content::Label;

/// Between the data and the text of a label in the rows of a sheet: the control characters RS and US, which neither
/// has.
pub(super) const AFTER_DATA: &str = "\u{1e}";
/// Behind each label in the rows of a sheet.
pub(super) const AFTER_LABEL: &str = "\u{1f}";

/// Maximum number of labels of a sheet. More are for a label printer.
pub const MAX_LABELS: u64 = 10_000;

/// Maximum bytes that a symbol of a sheet carries. This bounds the length of a file: a QR code with so much ASCII has
/// 57 × 57 modules, and 61 × 61 with other characters.
pub(super) const MAX_DATA: usize = 213;

/// Maximum bytes of the human readable text of a label. With [`MAX_DATA`] it bounds the memory of a page.
pub(super) const MAX_TEXT: usize = 512;

/// Writes a sheet with `count` labels, in order, row by row; `title` is the title of the document. `rows` gives the
/// labels at positions, counted from 1: each followed by [`AFTER_LABEL`], and its data by [`AFTER_DATA`].
///
/// # Errors
/// [`ExportError::Sheet`] if a label does not fit, [`ExportError::Compression`] if the compressor fails, and the errors
/// of `rows`.
pub(super) fn write(
    layout: &SheetLayout,
    title: &str,
    count: u64,
    mut rows: impl FnMut(Range<u64>) -> Result<String, ExportError>,
    out: &mut Vec<u8>,
) -> Result<(), ExportError> {
    let per_page = layout.labels_per_page();
    // A sheet has 10,000 labels at most.
    let pages = usize::try_from(count.div_ceil(per_page)).unwrap_or(usize::MAX);
    let mut document = pdf::Document::begin(out, layout.page(), title, pages);
    let mut content = String::new();
    let mut first = 1;
    while first <= count {
        let end = (first + per_page).min(count + 1);
        let labels = rows(first..end)?;
        content.clear();
        for (number, label) in labels.split_terminator(AFTER_LABEL).enumerate() {
            let (data, text) = label.split_once(AFTER_DATA).unwrap_or((label, ""));
            content::draw(layout, number as u64, &Label { data, text }, &mut content)?;
        }
        document.page(content.as_bytes())?;
        first = end;
    }
    document.end();
    Ok(())
}
