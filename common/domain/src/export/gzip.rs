//! One gzip member (RFC 1952) in parts, each of which can be made again alone: the same rows always give the same
//! bytes.
//!
//! A gzip file may have several members, but many readers stop after the first one or refuse the rest (the
//! `DecompressionStream` of browsers and of Node among them). So a file is one member: a header, one deflate stream
//! (RFC 1951) and a trailer. Every part begins with an empty window, so nothing in it refers to bytes of an earlier
//! part, and it ends on a byte boundary with an empty stored block (a sync flush). The parts one after another are
//! therefore one deflate stream; only the last part ends it. The trailer needs a checksum of the whole file, so the
//! checksum of the rows before a part is an argument.
//!
//! The header has the time 0 and the operating system "unknown", and the level is fixed, so that a part can be made
//! again after a crash.

use std::io;

use crc_fast::{CrcAlgorithm, Digest, checksum_combine};
use flate2::{Compress, Compression, FlushCompress, Status};

use super::error::ExportError;
use super::rows::Rows;

/// Rows differ in little but their serials, and this level finds almost all repetitions. At level 1 files are about a
/// third longer; at higher levels they are at most a fifteenth shorter.
const LEVEL: u32 = 2;

/// Rows that are written and compressed at a time. This bounds the memory for uncompressed rows.
const ROWS_AT_A_TIME: u64 = 1_600;

/// The compressor writes to a buffer of this length (bytes). It is fixed, so that no byte depends on the free capacity
/// of the part's buffer.
const PIECE_LEN: usize = 64 << 10;

/// Deflate, no flags, no time, no hint about the level, an unknown operating system (RFC 1952, section 2.3).
const HEADER: [u8; 10] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255];

/// The checksum of gzip.
const CRC: CrcAlgorithm = CrcAlgorithm::Crc32IsoHdlc;

/// The compressor of one part.
pub(super) struct Part<'a> {
    rows: &'a Rows,
    /// The position of the next row.
    row: u64,
    /// CRC-32 of the file before the part.
    before: u32,
    /// CRC-32 of the rows of the part so far.
    crc: Digest,
    compress: Compress,
    plain: Vec<u8>,
    piece: Vec<u8>,
}

impl<'a> Part<'a> {
    /// Begins a part at a row. `before` is the CRC-32 of the uncompressed file before that row.
    pub(super) fn begin(rows: &'a Rows, row: u64, before: u32) -> Self {
        Self {
            rows,
            row,
            before: if row == 1 { 0 } else { before },
            crc: Digest::new(CRC),
            compress: Compress::new(Compression::new(LEVEL), false),
            plain: Vec::new(),
            piece: vec![0; PIECE_LEN],
        }
    }

    /// Appends the rows before position `end`, up to a byte boundary. With the last row of the file the member ends.
    ///
    /// # Errors
    /// [`ExportError::Compression`] if the compressor fails, or the error of [`Rows::write`].
    pub(super) fn write_to(&mut self, end: u64, out: &mut Vec<u8>) -> Result<(), ExportError> {
        if self.row == 1 {
            out.extend_from_slice(&HEADER);
        }
        while self.row < end {
            let next = end.min(self.row.saturating_add(ROWS_AT_A_TIME));
            self.plain.clear();
            self.rows.write(self.row..next, &mut self.plain)?;
            self.crc.update(&self.plain);
            let plain = std::mem::take(&mut self.plain);
            self.deflate(&plain, FlushCompress::None, out)?;
            self.plain = plain;
            self.row = next;
        }
        if self.row <= self.rows.quantity() {
            return self.deflate(&[], FlushCompress::Sync, out);
        }
        self.deflate(&[], FlushCompress::Finish, out)?;
        out.extend_from_slice(&self.crc().to_le_bytes());
        // ISIZE: the length modulo 2^32, so the cast truncates on purpose.
        out.extend_from_slice(&(self.rows.total_len() as u32).to_le_bytes());
        Ok(())
    }

    /// CRC-32 of the uncompressed file up to the last row that was written.
    pub(super) fn crc(&self) -> u32 {
        // A CRC-32 in 64 bits; the cast loses nothing.
        checksum_combine(CRC, self.before.into(), self.crc.finalize(), self.crc.get_amount()) as u32
    }

    /// Compresses `input` and appends what the compressor gives.
    fn deflate(&mut self, mut input: &[u8], flush: FlushCompress, out: &mut Vec<u8>) -> Result<(), ExportError> {
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
