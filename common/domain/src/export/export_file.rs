//! One export file as a value: its length, how it is divided into parts, and the bytes of any part. The code that uploads a file
//! needs only this type.

use super::error::ExportError;
use super::gzip;
use super::part_policy::{PartPlan, PartPolicy};
use super::rows::Rows;
use super::template::FileHead;
use crate::code::Renderer;
use crate::reservation::ExportType;

/// The position of an export in its file, which is saved between slices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The number of the next part, from 1.
    pub part: u32,
    /// The position of the first row of that part, from 1.
    pub row: u64,
    /// The CRC-32 of the uncompressed file before that row, for the trailer of a gzipped file. 0 in a plain file.
    pub crc32: u32,
}

impl Cursor {
    /// The start of the file.
    pub const START: Self = Self { part: 1, row: 1, crc32: 0 };
}

/// The file of one reservation.
#[derive(Debug)]
pub struct ExportFile {
    export_type: ExportType,
    rows: Rows,
    plan: PartPlan,
}

impl ExportFile {
    /// Compiles the file of `quantity` codes from index `start_index` of the pool.
    ///
    /// # Errors
    /// The errors of [`Rows::compile`], and [`ExportError::TooLong`] if [`PartPolicy::plan`] finds that a part would be too long.
    pub fn compile(
        export_type: ExportType,
        renderer: Renderer,
        start_index: u64,
        quantity: u64,
        head: &FileHead<'_>,
        policy: &PartPolicy,
    ) -> Result<Self, ExportError> {
        let rows = Rows::compile(export_type.format(), renderer, start_index, quantity, head)?;
        let plan = policy.plan(&rows.lengths(), export_type.is_gzip())?;
        Ok(Self { export_type, rows, plan })
    }

    /// The type of the file.
    #[must_use]
    pub fn export_type(&self) -> ExportType {
        self.export_type
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

    /// The exact length in bytes. `None` for a gzipped file, whose length is not known before it is made.
    #[must_use]
    pub fn known_len(&self) -> Option<u64> {
        (!self.export_type.is_gzip()).then(|| self.rows.total_len())
    }

    /// Whether the cursor is at the end of the file.
    #[must_use]
    pub fn is_done(&self, at: Cursor) -> bool {
        at.row > self.rows.quantity()
    }

    /// The start of a part. `None` if the file has no such part, or if its start depends on the parts before it (a gzipped file
    /// in several parts).
    #[must_use]
    pub fn cursor(&self, part: u32) -> Option<Cursor> {
        self.plan.part(part, self.rows.quantity()).map(|positions| Cursor { part, row: positions.start, crc32: 0 })
    }

    /// Appends the part that starts at the cursor to `out`, and returns the cursor of the next part. The same cursor
    /// always gives the same bytes. The content depends only on the row and the checksum, so an export can continue at
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
        let next = |row: u64, crc32: u32| Cursor { part: at.part.saturating_add(1), row: row.min(end), crc32 };
        match self.plan {
            PartPlan::Single if self.export_type.is_gzip() => {
                let mut part = gzip::Part::begin(&self.rows, row, at.crc32);
                part.write_to(end, out)?;
                Ok(next(end, part.crc()))
            }
            PartPlan::Single => {
                self.rows.write(row..end, out)?;
                Ok(next(end, 0))
            }
            PartPlan::Multipart { rows_per_part, .. } => {
                self.rows.write(row..row + rows_per_part, out)?;
                Ok(next(row + rows_per_part, 0))
            }
            PartPlan::Collected { rows_per_step, part_len, max_parts } => {
                let start = out.len();
                let mut part = gzip::Part::begin(&self.rows, row, at.crc32);
                let mut row = row;
                loop {
                    row = (row + rows_per_step).min(end);
                    part.write_to(row, out)?;
                    let is_full = (out.len() - start) as u64 >= part_len && at.part < max_parts;
                    if is_full || row >= end {
                        return Ok(next(row, part.crc()));
                    }
                }
            }
        }
    }
}
