//! Label sheets: a PDF with one symbol and its human readable text per code, drawn as vectors.
//!
//! A sheet is small compared with other exports, since it has [`MAX_LABELS`] labels at most, so it is written as a whole:
//! a PDF ends with a table of the offsets of all its objects, which no part of a file could know alone. The same codes
//! always give the same bytes.
//!
//! | file | what it does |
//! |---|---|
//! | `layout` | pages, labels, and what lies where on a label |
//! | `content` | a page as PDF operators: the modules of symbols, and text |
//! | `pdf` | objects, streams and the table of offsets |

mod content;
mod layout;
mod pdf;

#[cfg(test)]
mod tests;

pub use layout::{SheetError, SheetLayout};

use super::error::ExportError;
use content::Label;

/// Maximum number of labels of a sheet. More are for a label printer.
pub const MAX_LABELS: u64 = 10_000;

/// Maximum bytes that a symbol of a sheet carries. This bounds the length of a file: a QR code with so much has
/// 57 × 57 modules.
pub const MAX_DATA: usize = 213;

/// Writes a sheet with these labels, in order, row by row; `title` is the title of the document. `label` makes the label at
/// an offset below `count`.
///
/// # Errors
/// [`ExportError::Sheet`] if a label does not fit, and the errors of `label`.
pub(super) fn write(
    layout: &SheetLayout,
    title: &str,
    count: u64,
    label: impl Fn(u64) -> Result<Label, ExportError>,
    out: &mut Vec<u8>,
) -> Result<(), ExportError> {
    let per_page = layout.labels_per_page();
    let pages = count.div_ceil(per_page);
    let mut document = pdf::Document::begin(out, layout.page(), title, pages);
    let mut content = String::new();
    for page in 0..pages {
        content.clear();
        let first = page * per_page;
        for offset in first..count.min(first + per_page) {
            content::draw(layout, offset - first, &label(offset)?, &mut content)?;
        }
        document.page(content.as_bytes())?;
    }
    document.end();
    Ok(())
}
