//! A hundred rows at a time, as bytes.
//!
//! The rows are laid out once. For the next hundred only what differs is written over: the slots, and the
//! leading digits of the position (its last two are part of the layout, so a block always starts at a
//! multiple of one hundred). Then they are copied to the output. Every small copy has a length that the
//! compiler knows, and all of it happens in the first-level cache.

use super::template::{RowImage, SlotPlace};

/// Rows of a block: one for each pair of last digits.
pub(super) const BLOCK_ROWS: usize = 100;

/// A hundred rows whose positions have the same number of digits.
pub(super) struct Block {
    bytes: Vec<u8>,
    row_len: usize,
    positions: Vec<usize>,
    slots: Vec<SlotPlace>,
    /// How many digits its positions have.
    pub(super) digits: usize,
    /// The first position that has more digits.
    pub(super) end: u64,
}

impl Block {
    /// Lays out a row a hundred times, for positions of that many digits.
    pub(super) fn new(row: &RowImage, digits: usize) -> Self {
        let row_len = row.bytes.len();
        let mut bytes = row.bytes.repeat(BLOCK_ROWS);
        for (number, row_bytes) in bytes.chunks_exact_mut(row_len.max(1)).enumerate() {
            let last_two = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
            for at in &row.positions {
                // Of a position of one digit, the last of the two.
                let kept = digits.min(2);
                if let Some(to) = row_bytes.get_mut(at + digits - kept..at + digits) {
                    to.copy_from_slice(&last_two[2 - kept..]);
                }
            }
        }
        Self {
            bytes,
            row_len,
            positions: row.positions.clone(),
            slots: row.slots.clone(),
            digits,
            end: 10_u64.saturating_pow(digits as u32),
        }
    }

    /// Appends the rows from `position` on, one per code, all of one block.
    pub(super) fn write(&mut self, position: u64, codes: &[u8], width: usize, out: &mut Vec<u8>) {
        let first = (position % BLOCK_ROWS as u64) as usize * self.row_len;
        let len = codes.len() / width * self.row_len;
        let Some(rows) = self.bytes.get_mut(first..first + len) else {
            return;
        };
        if self.digits > 2 {
            let mut leading = [b'0'; 20];
            let digits = self.digits - 2;
            write_decimal(position / BLOCK_ROWS as u64, leading.get_mut(..digits).unwrap_or_default());
            for &at in &self.positions {
                let place = SlotPlace { at, from: 0, len: digits };
                // A source that never advances: the same digits for every row.
                copy_column(rows, self.row_len, place, std::iter::repeat(leading.as_slice()));
            }
        }
        for &place in &self.slots {
            copy_column(rows, self.row_len, place, codes.chunks_exact(width));
        }
        out.extend_from_slice(rows);
    }
}

/// Copies one column of a block: the bytes at `place` of each row from its source.
fn copy_column<'a>(rows: &mut [u8], row_len: usize, place: SlotPlace, sources: impl Iterator<Item = &'a [u8]>) {
    macro_rules! by_length {
        ($($len:literal)*) => {
            match place.len {
                0 => {}
                $($len => copy_fixed::<$len>(rows, row_len, place, sources),)*
                _ => {
                    for (row, source) in rows.chunks_exact_mut(row_len).zip(sources) {
                        let to = row.get_mut(place.at..place.at + place.len);
                        if let (Some(to), Some(from)) = (to, source.get(place.from..place.from + place.len)) {
                            to.copy_from_slice(from);
                        }
                    }
                }
            }
        };
    }
    by_length!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20);
}

fn copy_fixed<'a, const LEN: usize>(
    rows: &mut [u8],
    row_len: usize,
    place: SlotPlace,
    sources: impl Iterator<Item = &'a [u8]>,
) {
    for (row, source) in rows.chunks_exact_mut(row_len).zip(sources) {
        let to = row.get_mut(place.at..).and_then(|tail| tail.first_chunk_mut::<LEN>());
        let from = source.get(place.from..).and_then(|tail| tail.first_chunk::<LEN>());
        if let (Some(to), Some(from)) = (to, from) {
            *to = *from;
        }
    }
}

/// Writes a number in decimal, with leading zeros, over the whole slice.
fn write_decimal(mut number: u64, out: &mut [u8]) {
    for digit in out.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}
