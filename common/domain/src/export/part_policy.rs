//! How a file is divided into parts: a pure function of a policy and the lengths of the file.
//!
//! The default limits are those of Amazon S3: at most 10,000 parts of 5 MiB to 5 GiB, of which the last may be shorter (User Guide,
//! "Amazon S3 multipart upload limits"). No call of a store must come in here.

use std::ops::Range;

use super::error::ExportError;

const MIB: u64 = 1 << 20;

/// The lengths of a file, in bytes, on which its division into parts depends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowLengths {
    /// The number of rows.
    pub rows: u64,
    /// The whole uncompressed file.
    pub total_len: u64,
    /// The first row, without the head of the file. No row is shorter.
    pub shortest_row: u64,
    /// The last row. No row is longer.
    pub longest_row: u64,
    /// Head and foot together.
    pub around: u64,
}

/// The limits that decide whether a file is sent in parts, and how long the parts are. The default is for S3; tests use tiny
/// parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartPolicy {
    /// A file with at most this many uncompressed bytes is sent in one request, gzipped or not.
    pub single_max: u64,
    /// Minimum length of a part in bytes, except the last.
    pub part_len: u64,
    /// Maximum length of a part in bytes.
    pub max_part_len: u64,
    /// Maximum number of parts.
    pub max_parts: u32,
}

impl Default for PartPolicy {
    fn default() -> Self {
        Self { single_max: 8 * MIB, part_len: 8 * MIB, max_part_len: 5 * 1024 * MIB, max_parts: 10_000 }
    }
}

/// How one file is divided into parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartPlan {
    /// In one request.
    Single,
    /// In parts with a fixed number of whole rows. The last part has the remaining rows.
    Multipart {
        /// Rows of every part but the last.
        rows_per_part: u64,
        /// The number of parts.
        parts: u32,
    },
    /// In parts that collect compressed rows until they are long enough, because the length of rows is not known before
    /// they are compressed.
    Collected {
        /// Rows that are compressed between two looks at the length of the part.
        rows_per_step: u64,
        /// A part is complete when it has at least this many bytes.
        part_len: u64,
        /// The number of the last possible part, which takes all remaining rows.
        max_parts: u32,
    },
}

impl PartPolicy {
    /// Decides how a file is divided into parts.
    ///
    /// A part of an uncompressed file has as many rows as are needed for [`Self::part_len`] bytes of the shortest row, or more if
    /// the file would otherwise have too many parts. A part of a gzipped file is complete at `part_len` bytes, or at the total
    /// length divided by nine tenths of the maximum number of parts (9,000), whichever is greater. Compression increases the
    /// length by a few thousandths at worst, so the number of parts is sufficient.
    ///
    /// # Errors
    /// [`ExportError::TooLong`] if a part would be longer than [`Self::max_part_len`].
    pub fn plan(&self, lengths: &RowLengths, gzip: bool) -> Result<PartPlan, ExportError> {
        if lengths.total_len <= self.single_max {
            return Ok(PartPlan::Single);
        }
        let max_parts = u64::from(self.max_parts.max(1));
        let for_length = self.part_len.div_ceil(lengths.shortest_row.max(1));
        let for_count = lengths.rows.div_ceil(max_parts);
        let rows_per_part = for_length.max(for_count).clamp(1, lengths.rows.max(1));
        let longest_window = u128::from(rows_per_part) * u128::from(lengths.longest_row) + u128::from(lengths.around);
        let (plan, longest_part) = if gzip {
            let part_len = self.part_len.max(lengths.total_len.div_ceil((max_parts * 9 / 10).max(1)));
            let plan = PartPlan::Collected { rows_per_step: rows_per_part, part_len, max_parts: self.max_parts.max(1) };
            // A part that is one byte too short takes one more step. Incompressible data is stored with an overhead of at
            // most 5 bytes per 16 KiB, a flush takes at most 6, and the header and trailer of the file 18.
            (plan, u128::from(part_len) + longest_window + longest_window / 1_024 + 64)
        } else {
            let parts = lengths.rows.div_ceil(rows_per_part);
            // The cast is lossless: rows_per_part is at least rows ÷ max_parts, and max_parts is a u32.
            (PartPlan::Multipart { rows_per_part, parts: parts as u32 }, longest_window)
        };
        if longest_part > u128::from(self.max_part_len) {
            return Err(ExportError::TooLong { total_len: u128::from(lengths.total_len) });
        }
        Ok(plan)
    }
}

impl PartPlan {
    /// The positions (half-open, 1-based) of part `n`, counted from 1, of a file with `rows` rows. `None` if the file has no such
    /// part, or if its start depends on the parts before it ([`Self::Collected`]).
    #[must_use]
    pub fn part(&self, n: u32, rows: u64) -> Option<Range<u64>> {
        match *self {
            Self::Single => (n == 1).then_some(1..rows + 1),
            Self::Multipart { rows_per_part, parts } => (1..=parts).contains(&n).then(|| {
                let first = u64::from(n - 1) * rows_per_part + 1;
                first..(first + rows_per_part).min(rows + 1)
            }),
            Self::Collected { .. } => None,
        }
    }
}
