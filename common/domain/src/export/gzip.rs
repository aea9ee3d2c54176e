//! Deterministic gzip members (RFC 1952): the same rows always give the same bytes.
//!
//! A sequence of members is one gzip file (section 2.2), so every window of rows can be compressed independently. The header
//! has the time 0 and the operating system "unknown", and the level is fixed, so that a part can be made again after a crash.

use std::io::Write;
use std::ops::Range;

use flate2::{Compression, GzBuilder};

use super::error::ExportError;
use super::rows::Rows;

/// Rows differ in little but their serials, and this level finds almost all repetitions. At level 1 files are about a third
/// longer; at higher levels they are at most a fifteenth shorter.
const LEVEL: u32 = 2;

/// Rows that are written and compressed at a time. This bounds the memory for uncompressed rows.
const ROWS_AT_A_TIME: u64 = 1_600;

/// Appends the rows at these positions as one gzip member.
///
/// # Errors
/// [`ExportError::Compression`] if the compressor fails, or the error of [`Rows::write`].
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
