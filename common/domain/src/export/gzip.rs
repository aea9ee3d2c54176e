//! One gzip member (RFC 1952): what stands around the deflate stream of [`super::deflate`].
//!
//! A gzip file may have several members, but many readers stop after the first one or refuse the rest (the
//! `DecompressionStream` of browsers and of Node among them). So a file is one member: a header, one deflate stream and
//! a trailer. The header has the time 0 and the operating system "unknown", so that a part can be made again after a
//! crash.

use crc_fast::checksum;

use super::deflate::{self, CRC};
use super::error::ExportError;

/// Deflate, no flags, no time, no hint about the level, an unknown operating system (RFC 1952, section 2.3).
pub(super) const HEADER: [u8; 10] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255];

/// Appends the trailer: the CRC-32 of the uncompressed file, and its length modulo 2^32.
pub(super) fn trailer(crc32: u32, plain_len: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(&crc32.to_le_bytes());
    // The cast truncates on purpose.
    out.extend_from_slice(&(plain_len as u32).to_le_bytes());
}

/// Appends data as a whole member.
///
/// # Errors
/// [`ExportError::Compression`] if the compressor fails.
pub(super) fn whole(plain: &[u8], out: &mut Vec<u8>) -> Result<(), ExportError> {
    out.extend_from_slice(&HEADER);
    deflate::raw(plain, out)?;
    // A CRC-32 in 64 bits; the cast loses nothing.
    trailer(checksum(CRC, plain) as u32, plain.len() as u64, out);
    Ok(())
}
