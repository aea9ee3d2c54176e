//! Many rows at a time, as bytes.
//!
//! The rows are laid out once. For the next rows only what differs is written over: the slots and the numbers. Of the
//! position of single rows only the leading digits are: a block holds a hundred of them, so the last two are part of the
//! layout. Then the rows are copied to the output. Every small copy has a length that the compiler knows, and all of it
//! happens in the first-level cache.

use super::columns::{Columns, MAX_DIGITS, write_decimal};
use super::template::{Number, RowImage, SlotPlace, Source};

/// Rows of a block of single rows: one for each pair of last digits.
pub(super) const BLOCK_ROWS: usize = 100;

/// Groups of rows whose numbers have the same lengths.
pub(super) struct Block {
    bytes: Vec<u8>,
    group_len: usize,
    rows_per_group: usize,
    unit: usize,
    slots: Vec<SlotPlace>,
    /// Where positions stand whose last two digits are laid out, and how many digits they have.
    leading: Vec<usize>,
    digits: usize,
}

impl Block {
    /// Lays out a hundred single rows. The block begins at a multiple of a hundred.
    pub(super) fn of_rows(row: &RowImage, unit: usize, digits: usize) -> Self {
        let mut block = Self::new(row, unit, 1, BLOCK_ROWS, |number| number != Number::Position);
        block.digits = digits;
        block.leading =
            row.numbers.iter().filter(|place| place.number == Number::Position).map(|place| place.at).collect();
        // Of a position of one digit, the last of the two.
        let kept = digits.min(2);
        for (number, row_bytes) in block.bytes.chunks_exact_mut(block.group_len.max(1)).enumerate() {
            for at in &block.leading {
                let end = at + digits * unit;
                if let Some(to) = row_bytes.get_mut(end - kept * unit..end) {
                    write_decimal(number as u64, unit, to);
                }
            }
        }
        block
    }

    /// Lays out groups of several rows.
    pub(super) fn of_groups(group: &RowImage, unit: usize, rows_per_group: usize, groups: usize) -> Self {
        Self::new(group, unit, rows_per_group, groups, |_| true)
    }

    /// Lays out groups. The numbers that `copies` accepts are copied from their columns.
    fn new(
        group: &RowImage,
        unit: usize,
        rows_per_group: usize,
        groups: usize,
        copies: impl Fn(Number) -> bool,
    ) -> Self {
        let numbers = group.numbers.iter().filter(|place| copies(place.number)).map(|place| SlotPlace {
            source: Source::Number(place.number),
            row: place.row,
            at: place.at,
            from: MAX_DIGITS.saturating_sub(place.digits) * unit,
            len: place.digits * unit,
        });
        Self {
            bytes: group.bytes.repeat(groups),
            group_len: group.bytes.len(),
            rows_per_group,
            unit,
            slots: group.slots.iter().copied().chain(numbers).collect(),
            leading: Vec::new(),
            digits: 0,
        }
    }

    /// Appends `count` single rows from `position` on, all of one block. `offset` is the row of the columns at which they
    /// begin.
    pub(super) fn write_rows(
        &mut self,
        position: u64,
        count: usize,
        columns: &Columns,
        offset: usize,
        out: &mut Vec<u8>,
    ) {
        let first = (position % BLOCK_ROWS as u64) as usize * self.group_len;
        let Some(rows) = self.bytes.get_mut(first..first + count * self.group_len) else {
            return;
        };
        if self.digits > 2 {
            let mut leading = [0; 2 * MAX_DIGITS];
            let len = (self.digits - 2) * self.unit;
            let leading = leading.get_mut(..len).unwrap_or_default();
            write_decimal(position / BLOCK_ROWS as u64, self.unit, leading);
            for &at in &self.leading {
                // A source that never advances: the same digits for every row.
                copy_column(rows, self.group_len, at, 0, len, std::iter::repeat(&*leading));
            }
        }
        for place in &self.slots {
            let (column, width) = columns.of(place.source);
            let column = column.get(offset * width..).unwrap_or_default();
            copy_column(rows, self.group_len, place.at, place.from, place.len, column.chunks_exact(width.max(1)));
        }
        out.extend_from_slice(rows);
    }

    /// The first `count` groups, filled from the columns.
    pub(super) fn groups(&mut self, count: usize, columns: &Columns) -> &[u8] {
        let Some(groups) = self.bytes.get_mut(..count * self.group_len) else {
            return &[];
        };
        for place in &self.slots {
            let (column, width) = columns.of(place.source);
            let column = column.get(place.row * width..).unwrap_or_default();
            let fields = column.chunks((width * self.rows_per_group).max(1));
            copy_column(groups, self.group_len, place.at, place.from, place.len, fields);
        }
        groups
    }
}

/// Copies one column of a block: `len` bytes from `from` of each source to `at` of each row.
fn copy_column<'a>(
    rows: &mut [u8],
    row_len: usize,
    at: usize,
    from: usize,
    len: usize,
    sources: impl Iterator<Item = &'a [u8]>,
) {
    macro_rules! by_length {
        ($($len:literal)*) => {
            match len {
                0 => {}
                $($len => copy_fixed::<$len>(rows, row_len, at, from, sources),)*
                _ => {
                    for (row, source) in rows.chunks_exact_mut(row_len).zip(sources) {
                        if let (Some(to), Some(from)) = (row.get_mut(at..at + len), source.get(from..from + len)) {
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
    at: usize,
    from: usize,
    sources: impl Iterator<Item = &'a [u8]>,
) {
    for (row, source) in rows.chunks_exact_mut(row_len).zip(sources) {
        let to = row.get_mut(at..).and_then(|tail| tail.first_chunk_mut::<LEN>());
        let from = source.get(from..).and_then(|tail| tail.first_chunk::<LEN>());
        if let (Some(to), Some(from)) = (to, from) {
            *to = *from;
        }
    }
}
