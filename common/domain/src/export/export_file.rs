//! One export file as a value: how long it is, how it is sent, and any part of it as bytes. What uploads it
//! needs only this.

use super::error::ExportError;
use super::gzip;
use super::part_policy::{PartPlan, PartPolicy};
use super::rows::Rows;
use super::template::FileHead;
use crate::code::Renderer;
use crate::reservation::ExportType;

/// Where an export is: what is saved between slices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The next part, from 1.
    pub part: u32,
    /// The position of its first row, from 1.
    pub row: u64,
}

impl Cursor {
    /// Before the first part.
    pub const START: Self = Self { part: 1, row: 1 };
}

/// The file of one reservation.
#[derive(Debug)]
pub struct ExportFile {
    export_type: ExportType,
    rows: Rows,
    plan: PartPlan,
}

impl ExportFile {
    /// Compiles the file of `quantity` codes that begin at `start_index` of the pool.
    ///
    /// # Errors
    /// Whatever [`Rows::compile`] and [`PartPolicy::plan`] refuse.
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

    /// Its rows, as plain bytes.
    #[must_use]
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// How it is sent.
    #[must_use]
    pub fn plan(&self) -> PartPlan {
        self.plan
    }

    /// The exact length in bytes, if it is known before the file is made: of a plain file.
    #[must_use]
    pub fn known_len(&self) -> Option<u64> {
        (!self.export_type.is_gzip()).then(|| self.rows.total_len())
    }

    /// Whether the last part is behind.
    #[must_use]
    pub fn is_done(&self, at: Cursor) -> bool {
        at.row > self.rows.quantity()
    }

    /// Where part `n` begins, unless only the parts before can tell (`.gz` in parts) or there is none.
    #[must_use]
    pub fn cursor(&self, part: u32) -> Option<Cursor> {
        self.plan.part(part, self.rows.quantity()).map(|positions| Cursor { part, row: positions.start })
    }

    /// Appends the part that begins at the cursor, and tells where the next one begins. The same cursor gives
    /// the same bytes every time; the row decides what is written, so a cursor saved under another policy
    /// goes on where it was. At the end of the file nothing is written.
    ///
    /// # Errors
    /// [`ExportError::Compression`] if the compressor fails, or what [`Rows::write`] returns; what was appended is then no
    /// part.
    pub fn write_part(&self, at: Cursor, out: &mut Vec<u8>) -> Result<Cursor, ExportError> {
        let row = at.row.max(1);
        let end = self.rows.quantity() + 1;
        if row >= end {
            return Ok(at);
        }
        let next = |row: u64| Cursor { part: at.part.saturating_add(1), row: row.min(end) };
        match self.plan {
            PartPlan::Single if self.export_type.is_gzip() => {
                gzip::write_member(&self.rows, row..end, out)?;
                Ok(next(end))
            }
            PartPlan::Single => {
                self.rows.write(row..end, out)?;
                Ok(next(end))
            }
            PartPlan::Multipart { rows_per_part, .. } => {
                self.rows.write(row..row + rows_per_part, out)?;
                Ok(next(row + rows_per_part))
            }
            PartPlan::Collected { rows_per_member, part_len, max_parts } => {
                let start = out.len();
                let mut row = row;
                loop {
                    let member_end = (row + rows_per_member).min(end);
                    gzip::write_member(&self.rows, row..member_end, out)?;
                    row = member_end;
                    let is_full = (out.len() - start) as u64 >= part_len && at.part < max_parts;
                    if is_full || row >= end {
                        return Ok(next(row));
                    }
                }
            }
        }
    }
}
