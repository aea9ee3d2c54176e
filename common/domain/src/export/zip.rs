//! A zip archive (APPNOTE 6.3) whose members are known beforehand except the last, which is written in parts.
//!
//! The known members come first and are stored. The last is deflated, and its checksum and lengths follow it in a data
//! descriptor, since they are not known before it is written. All dates are the first that zip has, so that the same
//! content gives the same bytes.

use crc_fast::checksum;

use super::deflate::CRC;

/// 1980-01-01, 00:00 (MS-DOS date and time).
const DATE: [u8; 4] = [0, 0, 0x21, 0];
/// Version 2.0: deflate.
const VERSION: [u8; 2] = [20, 0];
/// Lengths and checksum are in a data descriptor behind the data.
const DESCRIBED: u16 = 1 << 3;
const KNOWN: u16 = 0;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// What the directory says about a member.
struct Entry<'a> {
    name: &'a str,
    flags: u16,
    method: u16,
    crc32: u32,
    len: u32,
    plain_len: u32,
    /// Where its local header begins.
    offset: u32,
}

impl Entry<'_> {
    /// The part that local header and directory have in common, up to the length of the name.
    fn common(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&VERSION);
        out.extend_from_slice(&self.flags.to_le_bytes());
        out.extend_from_slice(&self.method.to_le_bytes());
        out.extend_from_slice(&DATE);
        // In the local header of a member with a descriptor these are 0.
        for number in [self.crc32, self.len, self.plain_len] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&(self.name.len() as u16).to_le_bytes());
    }

    fn local_header(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"PK\x03\x04");
        self.common(out);
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(self.name.as_bytes());
    }

    fn directory_entry(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"PK\x01\x02");
        out.extend_from_slice(&VERSION);
        self.common(out);
        // No extra field, no comment, the first disk, no attributes.
        out.extend_from_slice(&[0; 12]);
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.extend_from_slice(self.name.as_bytes());
    }
}

/// The members of an archive: those that are known, and the name of the last.
#[derive(Clone, Copy)]
pub(super) struct Archive {
    /// Names and contents, each a few kilobytes at most.
    pub(super) known: &'static [(&'static str, &'static str)],
    /// The member that is written in parts.
    pub(super) last: &'static str,
}

impl Archive {
    /// Appends everything before the data of the last member.
    pub(super) fn before(self, out: &mut Vec<u8>) {
        let begin = out.len();
        for (entry, content) in self.entries() {
            entry.local_header(out);
            out.extend_from_slice(content.as_bytes());
        }
        let offset = (out.len() - begin) as u32;
        self.last_entry(offset, 0, 0, 0).local_header(out);
    }

    /// Appends everything behind the data of the last member: its descriptor and the directory. `len` is the number of
    /// bytes before this, those of [`Archive::before`] included. All lengths must be below 4 GiB.
    pub(super) fn after(self, crc32: u32, len: u64, plain_len: u64, out: &mut Vec<u8>) {
        let mut before = Vec::new();
        self.before(&mut before);
        let (data_len, plain_len) = (len.saturating_sub(before.len() as u64) as u32, plain_len as u32);
        out.extend_from_slice(b"PK\x07\x08");
        for number in [crc32, data_len, plain_len] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        let start = len as u32 + 16;
        let begin = out.len();
        let mut count = 1_u16;
        let mut offset = 0;
        for (entry, content) in self.entries() {
            Entry { offset, ..entry }.directory_entry(out);
            let mut header = Vec::new();
            entry.local_header(&mut header);
            offset += (header.len() + content.len()) as u32;
            count += 1;
        }
        self.last_entry(offset, crc32, data_len, plain_len).directory_entry(out);
        let directory_len = (out.len() - begin) as u32;
        out.extend_from_slice(b"PK\x05\x06");
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&count.to_le_bytes());
        out.extend_from_slice(&count.to_le_bytes());
        out.extend_from_slice(&directory_len.to_le_bytes());
        out.extend_from_slice(&start.to_le_bytes());
        out.extend_from_slice(&[0; 2]);
    }

    /// Bytes around the data of the last member.
    pub(super) fn around(self) -> u64 {
        let mut out = Vec::new();
        self.before(&mut out);
        self.after(0, out.len() as u64, 0, &mut out);
        out.len() as u64
    }

    fn entries(self) -> impl Iterator<Item = (Entry<'static>, &'static str)> {
        self.known.iter().map(|&(name, content)| {
            let crc32 = checksum(CRC, content.as_bytes()) as u32;
            let len = content.len() as u32;
            (Entry { name, flags: KNOWN, method: STORED, crc32, len, plain_len: len, offset: 0 }, content)
        })
    }

    fn last_entry(self, offset: u32, crc32: u32, len: u32, plain_len: u32) -> Entry<'static> {
        Entry { name: self.last, flags: DESCRIBED, method: DEFLATED, crc32, len, plain_len, offset }
    }
}
