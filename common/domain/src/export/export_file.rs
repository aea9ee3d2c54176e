//! One export file as a value: its length, how it is divided into parts, and the bytes of any part. The code that
//! uploads a file needs only this type.

use std::ops::Range;

use super::deflate::Deflate;
use super::error::ExportError;
use super::part_policy::{PartPlan, PartPolicy};
use super::profile::{Base, Profile};
use super::rows::{Form, Rows};
use super::sheet::{self, SheetLayout};
use super::template::FileHead;
use super::{gzip, xlsx};
use crate::code::Renderer;
use crate::reservation::{Container, Format, GZIP_TYPE, file_extension};

/// The position of an export in its file, which is saved between slices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The number of the next part, from 1.
    pub part: u32,
    /// The position of the first row of that part, from 1.
    pub row: u64,
    /// The CRC-32 of the uncompressed rows before that row, for the end of a compressed file. 0 in a plain file.
    pub crc32: u32,
    /// The length of the file before that part, in bytes, for the directory of a zip archive. 0 in other files.
    pub len: u64,
}

impl Cursor {
    /// The start of the file.
    pub const START: Self = Self { part: 1, row: 1, crc32: 0, len: 0 };
}

/// The file of one reservation.
#[derive(Debug)]
pub struct ExportFile {
    container: Option<Container>,
    extension: String,
    content_type: String,
    rows: Rows,
    /// The sheet on which the rows are drawn, and its title; `None` if they are the file.
    sheet: Option<(SheetLayout, String)>,
    plan: PartPlan,
}

impl ExportFile {
    /// Compiles the file of `quantity` codes from index `start_index` of the pool.
    ///
    /// # Errors
    /// The errors of [`Rows::compile`], and [`ExportError::TooLong`] if [`PartPolicy::plan`] finds that a part would be
    /// too long, or a sheet has 4 GiB or more, which a zip archive without Zip64 cannot hold.
    pub fn compile<'a>(
        form: impl Into<Form<'a>>,
        gzip: bool,
        renderer: Renderer,
        start_index: u64,
        quantity: u64,
        head: &FileHead<'_>,
        policy: &PartPolicy,
    ) -> Result<Self, ExportError> {
        let form = form.into();
        let (extension, content_type) = match form {
            Form::Format(format) => (format.as_str().to_owned(), format.content_type().to_owned()),
            Form::Profile(profile, _) => (profile.extension.clone(), profile.content_type()),
        };
        let container = match form {
            Form::Format(Format::Xlsx) => Some(Container::Zip),
            _ => gzip.then_some(Container::Gzip),
        };
        let sheet = match form {
            Form::Profile(Profile { base: Base::Sheet(sheet), .. }, _) => {
                Some((sheet.layout.clone(), head.reservation.to_owned()))
            }
            Form::Profile(..) | Form::Format(_) => None,
        };
        let rows = Rows::compile(form, renderer, start_index, quantity, head)?;
        let mut lengths = rows.lengths();
        if container == Some(Container::Zip) {
            let total_len = lengths.total_len;
            // Compression adds a few thousandths at worst (see `PartPolicy::plan`).
            if total_len > u64::from(u32::MAX) / 100 * 99 {
                return Err(ExportError::TooLong { total_len: total_len.into() });
            }
            lengths.around += xlsx::ARCHIVE.around();
        }
        // A sheet is bounded and cannot be divided.
        let plan = if sheet.is_some() { PartPlan::Single } else { policy.plan(&lengths, container.is_some())? };
        let is_gzip = container == Some(Container::Gzip);
        let content_type = if is_gzip { GZIP_TYPE.to_owned() } else { content_type };
        Ok(Self { container, extension: file_extension(&extension, is_gzip), content_type, rows, sheet, plan })
    }

    /// What a compressed file is; `None` if the file is not compressed.
    #[must_use]
    pub fn container(&self) -> Option<Container> {
        self.container
    }

    /// The extension of the file's name without the leading dot: `csv`, `csv.gz`, …
    #[must_use]
    pub fn extension(&self) -> &str {
        &self.extension
    }

    /// The media type of the file.
    #[must_use]
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    /// The uncompressed rows.
    #[must_use]
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// How the file is divided into parts.
    #[must_use]
    pub fn plan(&self) -> PartPlan {
        self.plan
    }

    /// The exact length in bytes. `None` for a compressed file and a sheet, whose length is not known before it is
    /// made.
    #[must_use]
    pub fn known_len(&self) -> Option<u64> {
        (self.container.is_none() && self.sheet.is_none()).then(|| self.rows.total_len())
    }

    /// Whether the cursor is at the end of the file.
    #[must_use]
    pub fn is_done(&self, at: Cursor) -> bool {
        at.row > self.rows.quantity()
    }

    /// The start of a part. `None` if the file has no such part, or if its start depends on the parts before it (a
    /// compressed file in several parts).
    #[must_use]
    pub fn cursor(&self, part: u32) -> Option<Cursor> {
        self.plan.part(part, self.rows.quantity()).map(|positions| Cursor {
            part,
            row: positions.start,
            ..Cursor::START
        })
    }

    /// Appends the part that starts at the cursor to `out`, and returns the cursor of the next part. The same cursor
    /// always gives the same bytes. The content depends only on row, checksum and length, so an export can continue at
    /// a cursor that was saved under another policy. At the end of the file nothing is appended.
    ///
    /// # Errors
    /// [`ExportError::Compression`] if the compressor fails, or the error of [`Rows::write`]. The bytes appended so far
    /// must then be discarded.
    pub fn write_part(&self, at: Cursor, out: &mut Vec<u8>) -> Result<Cursor, ExportError> {
        let row = at.row.max(1);
        let end = self.rows.quantity() + 1;
        if row >= end {
            return Ok(at);
        }
        let begin = out.len();
        if self.sheet.is_some() {
            self.write_sheet(out)?;
            return Ok(Cursor { part: at.part.saturating_add(1), row: end, ..Cursor::START });
        }
        let (next_row, crc32) = match (self.plan, self.container) {
            (PartPlan::Multipart { rows_per_part, .. }, _) => {
                let next = row.saturating_add(rows_per_part).min(end);
                self.rows.write(row..next, out)?;
                (next, 0)
            }
            (PartPlan::Single, None) => {
                self.rows.write(row..end, out)?;
                (end, 0)
            }
            (plan, container) => self.compress(plan, container, Cursor { row, ..at }, out)?,
        };
        let len = match self.container {
            Some(Container::Zip) => at.len.saturating_add((out.len() - begin) as u64),
            _ => 0,
        };
        Ok(Cursor { part: at.part.saturating_add(1), row: next_row, crc32, len })
    }

    /// Appends a part of a compressed file. Gives the row after it, and the CRC-32 of all rows before that row.
    fn compress(
        &self,
        plan: PartPlan,
        container: Option<Container>,
        at: Cursor,
        out: &mut Vec<u8>,
    ) -> Result<(u64, u32), ExportError> {
        let (begin, end) = (out.len(), self.rows.quantity() + 1);
        if at.row == 1 {
            match container {
                Some(Container::Zip) => xlsx::ARCHIVE.before(out),
                _ => out.extend_from_slice(&gzip::HEADER),
            }
        }
        let mut part = Deflate::begin(&self.rows, at.row, at.crc32);
        let mut row = at.row;
        loop {
            let is_full = match plan {
                PartPlan::Collected { rows_per_step, part_len, max_parts } => {
                    row = row.saturating_add(rows_per_step).min(end);
                    part.write_to(row, out)?;
                    (out.len() - begin) as u64 >= part_len && at.part < max_parts
                }
                _ => {
                    row = end;
                    part.write_to(end, out)?;
                    true
                }
            };
            if row >= end {
                break;
            }
            if is_full {
                return Ok((row, part.crc()));
            }
        }
        let (crc32, plain_len) = (part.crc(), self.rows.total_len());
        match container {
            Some(Container::Zip) => {
                xlsx::ARCHIVE.after(crc32, at.len.saturating_add((out.len() - begin) as u64), plain_len, out);
            }
            _ => gzip::trailer(crc32, plain_len, out),
        }
        Ok((end, crc32))
    }

    /// The labels of a sheet for people, one after the other: what the symbol carries, then what is printed. `None` for
    /// other files.
    ///
    /// # Errors
    /// The error of [`Rows::write`].
    pub fn labels(&self) -> Result<Option<String>, ExportError> {
        if self.sheet.is_none() {
            return Ok(None);
        }
        let rows = self.text_of(1..self.rows.quantity() + 1)?;
        // A label without text has no line for it.
        let without_text = format!("{}{}", sheet::AFTER_DATA, sheet::AFTER_LABEL);
        let rows = rows.replace(&without_text, "\n\n");
        Ok(Some(rows.replace(sheet::AFTER_DATA, "\n").replace(sheet::AFTER_LABEL, "\n\n")))
    }

    /// Rows of a sheet. A profile with this base is written in UTF-8.
    fn text_of(&self, positions: Range<u64>) -> Result<String, ExportError> {
        let mut rows = Vec::new();
        self.rows.write(positions, &mut rows)?;
        Ok(String::from_utf8_lossy(&rows).into_owned())
    }

    /// Appends the whole file as it is without compression; of a workbook, its sheet of rows. For what needs no parts.
    ///
    /// # Errors
    /// [`ExportError::Sheet`] if a label does not fit, [`ExportError::Compression`] if the compressor of a sheet fails,
    /// and the error of [`Rows::write`].
    pub fn write_plain(&self, out: &mut Vec<u8>) -> Result<(), ExportError> {
        let quantity = self.rows.quantity();
        match &self.sheet {
            Some((layout, title)) => sheet::write(layout, title, quantity, |positions| self.text_of(positions), out),
            None => self.rows.write(1..quantity + 1, out),
        }
    }

    /// Appends the whole file of label sheets.
    fn write_sheet(&self, out: &mut Vec<u8>) -> Result<(), ExportError> {
        if self.container.is_none() {
            return self.write_plain(out);
        }
        let mut document = Vec::new();
        self.write_plain(&mut document)?;
        gzip::whole(&document, out)
    }
}
