//! How a file is cut into parts: a value, and one function of it and the file's lengths. Nothing here knows a
//! store.
//!
//! The limits are Amazon S3's: 10,000 parts of 5 MiB to 5 GiB, the last of any length (User Guide, "Amazon S3
//! multipart upload limits").

use std::ops::Range;

use super::error::ExportError;

const MIB: u64 = 1 << 20;

/// The lengths of a file that decide its parts, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowLengths {
    /// How many rows.
    pub rows: u64,
    /// The whole plain file.
    pub total_len: u64,
    /// The first row, without what separates the file's head from it: no row is shorter.
    pub shortest_row: u64,
    /// The last row: no row is longer.
    pub longest_row: u64,
    /// Head and foot together.
    pub around: u64,
}

/// When a file is sent in parts, and how long they are. The default fits S3; tests take tiny parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartPolicy {
    /// A plain file of up to so many bytes is one request (and so is its `.gz`).
    pub single_max: u64,
    /// No part is shorter, except the last.
    pub part_len: u64,
    /// No part is longer.
    pub max_part_len: u64,
    /// No file has more parts.
    pub max_parts: u32,
}

impl Default for PartPolicy {
    fn default() -> Self {
        Self { single_max: 8 * MIB, part_len: 8 * MIB, max_part_len: 5 * 1024 * MIB, max_parts: 10_000 }
    }
}

/// How one file is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartPlan {
    /// In one request.
    Single,
    /// In parts of a fixed number of whole rows, the last with what is left.
    Multipart {
        /// Rows of every part but the last.
        rows_per_part: u64,
        /// How many parts.
        parts: u32,
    },
    /// In parts that collect gzip members until they are long enough: what a member will measure is not known
    /// before.
    Collected {
        /// Rows of every member but the last.
        rows_per_member: u64,
        /// A part is full at so many bytes.
        part_len: u64,
        /// The last part that there can be: it takes all members that are left.
        max_parts: u32,
    },
}

impl PartPolicy {
    /// Decides how a file is sent.
    ///
    /// The parts of a plain file hold as many rows as make [`Self::part_len`] bytes of the shortest rows, or
    /// more if there would be too many parts. A `.gz` part is full at `part_len` or at total length ÷ nine
    /// tenths of the parts (9,000), whichever is more: compressed bytes are fewer than plain ones or, at
    /// worst, a few in a thousand more, so the parts suffice.
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
            let plan =
                PartPlan::Collected { rows_per_member: rows_per_part, part_len, max_parts: self.max_parts.max(1) };
            // A part that is one byte short of full takes one more member, and what cannot be compressed is
            // stored with 5 bytes per 16 KiB at most and 18 bytes of frame.
            (plan, u128::from(part_len) + longest_window + longest_window / 1_024 + 64)
        } else {
            let parts = lengths.rows.div_ceil(rows_per_part);
            // It fits: rows_per_part is at least rows ÷ max_parts.
            (PartPlan::Multipart { rows_per_part, parts: parts as u32 }, longest_window)
        };
        if longest_part > u128::from(self.max_part_len) {
            return Err(ExportError::TooLong { total_len: u128::from(lengths.total_len) });
        }
        Ok(plan)
    }
}

impl PartPlan {
    /// The positions (half-open, 1-based) of part `n` of a file of so many rows: parts are numbered from 1.
    /// None if there is no such part, or if only the members of the parts before can tell
    /// ([`Self::Collected`]).
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
