//! Gzip members (RFC 1952) whose bytes depend on nothing but what they hold.
//!
//! Members that follow each other are one gzip file (section 2.2), so every window of rows can be compressed
//! alone. The time is 0, the system "unknown" and the level fixed: the same rows give the same bytes, today
//! and after a crash.

use std::io::Write;
use std::ops::Range;

use flate2::{Compression, GzBuilder};

use super::error::ExportError;
use super::rows::Rows;

/// Rows differ in little but their serials, and this level finds nearly all that they share: files are about a
/// third longer at level 1, and as long, or at most a fifteenth shorter, at any level above.
const LEVEL: u32 = 2;

/// Rows that are written, then compressed, at a time: what is plain never needs more memory than this.
const ROWS_AT_A_TIME: u64 = 1_600;

/// Appends the rows at these positions as one gzip member.
pub(super) fn write_member(rows: &Rows, positions: Range<u64>, out: &mut Vec<u8>) -> Result<(), ExportError> {
    let mut encoder = GzBuilder::new().mtime(0).operating_system(255).write(out, Compression::new(LEVEL));
    let mut plain = Vec::new();
    let mut first = positions.start;
    while first < positions.end {
        let end = positions.end.min(first.saturating_add(ROWS_AT_A_TIME));
        plain.clear();
        rows.write(first..end, &mut plain)?;
        encoder.write_all(&plain)?;
        first = end;
    }
    encoder.finish()?;
    Ok(())
}
