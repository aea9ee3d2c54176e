//! One deflate stream (RFC 1951) in parts, each of which can be made again alone: the same rows always give the same
//! bytes. The containers around it are in [`super::gzip`] and [`super::zip`].
//!
//! Every part begins with an empty window, so nothing in it refers to bytes of an earlier part, and it ends on a byte
//! boundary with an empty stored block (a sync flush). The parts one after another are therefore one deflate stream;
//! only the last part ends it. The containers need a checksum of the whole stream, so the checksum of the rows before a
//! part is an argument.

use std::io;

use crc_fast::{CrcAlgorithm, Digest, checksum_combine};
use flate2::{Compress, Compression, FlushCompress, Status};

use super::error::ExportError;
use super::rows::Rows;

/// Rows differ in little but their serials, and this level finds almost all repetitions. At level 1 files are about a
/// third longer; at higher levels they are at most a fifteenth shorter.
const LEVEL: u32 = 2;

/// Drawings are small, and read more often than they are made.
const ZLIB_LEVEL: u32 = 6;

/// Rows that are written and compressed at a time, and their maximum length in bytes. This bounds the memory for
/// uncompressed rows.
const ROWS_AT_A_TIME: u64 = 1_600;
const BYTES_AT_A_TIME: u64 = 8 << 20;

/// The compressor writes to a buffer of this length (bytes). It is fixed, so that no byte depends on the free capacity
/// of the part's buffer.
const PIECE_LEN: usize = 64 << 10;

/// The checksum of gzip and of zip.
pub(super) const CRC: CrcAlgorithm = CrcAlgorithm::Crc32IsoHdlc;

/// The compressor of one part.
pub(super) struct Deflate<'a> {
    rows: &'a Rows,
    at_a_time: u64,
    /// The position of the next row.
    row: u64,
    /// CRC-32 of the rows before the part.
    before: u32,
    /// CRC-32 of the rows of the part so far.
    crc: Digest,
    compressor: Compressor,
    plain: Vec<u8>,
}

impl<'a> Deflate<'a> {
    /// Begins a part at a row. `before` is the CRC-32 of the uncompressed rows before that row.
    pub(super) fn begin(rows: &'a Rows, row: u64, before: u32) -> Self {
        Self {
            rows,
            at_a_time: (BYTES_AT_A_TIME / rows.lengths().longest_row.max(1)).clamp(1, ROWS_AT_A_TIME),
            row,
            before: if row == 1 { 0 } else { before },
            crc: Digest::new(CRC),
            compressor: Compressor::new(LEVEL, false),
            plain: Vec::new(),
        }
    }

    /// Appends the rows before position `end`, up to a byte boundary. With the last row of the file the stream ends.
    ///
    /// # Errors
    /// [`ExportError::Compression`] if the compressor fails, or the error of [`Rows::write`].
    pub(super) fn write_to(&mut self, end: u64, out: &mut Vec<u8>) -> Result<(), ExportError> {
        while self.row < end {
            let next = end.min(self.row.saturating_add(self.at_a_time));
            self.plain.clear();
            self.rows.write(self.row..next, &mut self.plain)?;
            self.crc.update(&self.plain);
            let plain = std::mem::take(&mut self.plain);
            self.compressor.write(&plain, FlushCompress::None, out)?;
            self.plain = plain;
            self.row = next;
        }
        let is_end = self.row > self.rows.quantity();
        self.compressor.write(&[], if is_end { FlushCompress::Finish } else { FlushCompress::Sync }, out)
    }

    /// CRC-32 of the uncompressed rows up to the last one that was written.
    pub(super) fn crc(&self) -> u32 {
        // A CRC-32 in 64 bits; the cast loses nothing.
        checksum_combine(CRC, self.before.into(), self.crc.finalize(), self.crc.get_amount()) as u32
    }
}

/// Appends data as one deflate stream without a container.
///
/// # Errors
/// [`ExportError::Compression`] if the compressor fails.
pub(super) fn raw(plain: &[u8], out: &mut Vec<u8>) -> Result<(), ExportError> {
    Compressor::new(LEVEL, false).write(plain, FlushCompress::Finish, out)
}

/// Appends data as one zlib stream (RFC 1950).
///
/// # Errors
/// [`ExportError::Compression`] if the compressor fails.
pub(super) fn zlib(plain: &[u8], out: &mut Vec<u8>) -> Result<(), ExportError> {
    Compressor::new(ZLIB_LEVEL, true).write(plain, FlushCompress::Finish, out)
}

/// A compressor, and the buffer that it writes to.
struct Compressor {
    compress: Compress,
    piece: Vec<u8>,
}

impl Compressor {
    fn new(level: u32, zlib_header: bool) -> Self {
        Self { compress: Compress::new(Compression::new(level), zlib_header), piece: vec![0; PIECE_LEN] }
    }

    /// Compresses `input` and appends what the compressor gives.
    fn write(&mut self, mut input: &[u8], flush: FlushCompress, out: &mut Vec<u8>) -> Result<(), ExportError> {
        loop {
            let (read_before, made_before) = (self.compress.total_in(), self.compress.total_out());
            let status = self.compress.compress(input, &mut self.piece, flush).map_err(io::Error::from)?;
            // Both are at most the length of a slice.
            let read = (self.compress.total_in() - read_before) as usize;
            let made = (self.compress.total_out() - made_before) as usize;
            input = input.get(read..).unwrap_or_default();
            out.extend_from_slice(self.piece.get(..made).unwrap_or_default());
            let is_done = match flush {
                FlushCompress::Finish => status == Status::StreamEnd,
                // A flush is complete when the compressor leaves room in its output.
                FlushCompress::Sync => made < self.piece.len(),
                _ => input.is_empty(),
            };
            if is_done {
                return Ok(());
            }
            if read == 0 && made == 0 {
                return Err(io::Error::other("it neither reads nor writes").into());
            }
        }
    }
}
