//! Rows of one file, fast: any window of them as bytes, and its exact length without writing it.
//!
//! The renderer makes many codes in one call, [`super::block`] lays them out a hundred rows at a time. Memory
//! does not depend on the number of rows.

use std::ops::Range;

use crate::code::{Field, Piece, Renderer};

use super::block::{BLOCK_ROWS, Block};
use super::error::ExportError;
use super::part_policy::RowLengths;
use super::template::{FileHead, Layout};
use super::{csv, json, ndjson, txt, xlsx, xml, yaml};
use crate::reservation::Format;

/// Most rows of a file: what `quantity`, a signed 32-bit integer of the API, can be.
const MAX_ROWS: u64 = 2_147_483_647;

/// Codes made by one call of the renderer: whole blocks, and whole groups of 64 that the renderer encrypts
/// together.
const BATCH_ROWS: usize = 16 * BLOCK_ROWS;

/// The rows of one file: a format, a renderer, and which indexes of the pool.
///
/// Positions are 1-based; position p is index `start_index + p − 1` of the pool. The head of a file belongs
/// to the window that holds its first row, the foot to the window that holds its last: windows that follow
/// each other make the same file however it is cut, and each can be made again alone.
#[derive(Debug)]
pub struct Rows {
    renderer: Renderer,
    layout: Layout,
    start_index: u64,
    quantity: u64,
    /// Bytes of a row without its positions.
    fixed_len: u64,
    /// How many times a row shows its position.
    positions: u64,
}

impl Rows {
    /// Compiles the rows of a file of `quantity` codes that begins at `start_index` of the pool.
    ///
    /// # Errors
    /// [`ExportError::RowCount`] if the quantity is not 1…2^31 − 1 or the index would overflow,
    /// [`ExportError::TooManyRows`] if the format cannot hold so many rows, [`ExportError::Code`] if
    /// the pool does not have so many codes, [`ExportError::Character`] if a literal cannot be written in
    /// every format, and [`ExportError::TooLong`] if the length of the file is no u64.
    pub fn compile(
        format: Format,
        renderer: Renderer,
        start_index: u64,
        quantity: u64,
        head: &FileHead<'_>,
    ) -> Result<Self, ExportError> {
        if !(1..=MAX_ROWS).contains(&quantity) || start_index.checked_add(quantity).is_none() {
            return Err(ExportError::RowCount(quantity));
        }
        format.check_rows(quantity)?;
        check_literals(&renderer, head)?;
        // Codes are made much later; that the pool has the last of them is better known now.
        renderer.code(start_index + (quantity - 1))?;
        let layout = match format {
            Format::Csv => csv::layout(&renderer),
            Format::Txt => txt::layout(&renderer),
            Format::Json => json::layout(&renderer),
            Format::Ndjson => ndjson::layout(&renderer),
            Format::Yaml => yaml::layout(&renderer),
            Format::Xml => xml::layout(&renderer, head),
            Format::Xlsx => xlsx::layout(&renderer),
        };
        let (fixed_len, positions) = layout.row.lengths();
        let rows =
            Self { renderer, layout, start_index, quantity, fixed_len: fixed_len as u64, positions: positions as u64 };
        let total_len = rows.window_len(1, quantity + 1);
        if u64::try_from(total_len).is_err() {
            return Err(ExportError::TooLong { total_len });
        }
        Ok(rows)
    }

    /// How many rows the file has.
    #[must_use]
    pub fn quantity(&self) -> u64 {
        self.quantity
    }

    /// What the codes are made with.
    #[must_use]
    pub fn renderer(&self) -> &Renderer {
        &self.renderer
    }

    /// The bytes before the first row.
    #[must_use]
    pub fn prefix(&self) -> &[u8] {
        self.layout.head.as_bytes()
    }

    /// The bytes after the last row.
    #[must_use]
    pub fn suffix(&self) -> &[u8] {
        self.layout.foot.as_bytes()
    }

    /// The exact length of the file in bytes.
    #[must_use]
    pub fn total_len(&self) -> u64 {
        self.rows_len(1..self.quantity + 1)
    }

    /// The exact number of bytes that [`Self::write`] appends for these positions.
    #[must_use]
    pub fn rows_len(&self, positions: Range<u64>) -> u64 {
        // It fits: no window is longer than the file, and the file's length was checked when it was compiled.
        self.within(positions).map_or(0, |(first, end)| self.window_len(first, end) as u64)
    }

    /// The lengths that decide how the file is cut into parts.
    #[must_use]
    pub fn lengths(&self) -> RowLengths {
        let row_len = |position: u64| self.fixed_len + self.positions * digits_of(position) as u64;
        RowLengths {
            rows: self.quantity,
            total_len: self.total_len(),
            shortest_row: row_len(1),
            longest_row: row_len(self.quantity),
            around: (self.prefix().len() + self.suffix().len()) as u64,
        }
    }

    /// Appends the rows at these positions (half-open, 1-based), with the head if the first row of the file
    /// is among them and with the foot if the last is. Positions that the file does not have are no rows.
    ///
    /// # Errors
    /// [`ExportError::Code`], with `out` as it was, if the renderer refuses an index, which it does not once it is compiled.
    pub fn write(&self, positions: Range<u64>, out: &mut Vec<u8>) -> Result<(), ExportError> {
        let Some((first, end)) = self.within(positions) else {
            return Ok(());
        };
        let before = out.len();
        out.reserve(self.window_len(first, end) as usize);
        if first == 1 {
            out.extend_from_slice(self.prefix());
        }
        let width = self.renderer.width();
        let mut codes = vec![0; width * BATCH_ROWS.min((end - first) as usize)];
        let mut block = Block::new(&self.layout.row.image(digits_of(first)), digits_of(first));
        let mut position = first;
        while position < end {
            // The first batch ends where a block ends, so that the others begin where one begins.
            let count = (BATCH_ROWS - (position % BLOCK_ROWS as u64) as usize).min((end - position) as usize);
            let batch = codes.get_mut(..count * width).unwrap_or_default();
            let index = self.start_index + (position - 1);
            if let Err(error) = self.renderer.fill(index, batch) {
                out.truncate(before);
                return Err(error.into());
            }
            debug_assert!(batch.iter().all(u8::is_ascii_alphanumeric), "a slot needs no escaping in any format");
            let mut rest: &[u8] = batch;
            while !rest.is_empty() {
                if position == block.end {
                    block = Block::new(&self.layout.row.image(block.digits + 1), block.digits + 1);
                }
                let block_end = (position / BLOCK_ROWS as u64 + 1) * BLOCK_ROWS as u64;
                let here = (block_end.min(block.end) - position) as usize * width;
                let (now, later) = rest.split_at(here.min(rest.len()));
                block.write(position, now, width, out);
                position += (now.len() / width) as u64;
                rest = later;
            }
        }
        if end > self.quantity {
            out.truncate(out.len() - self.layout.separator_len);
            out.extend_from_slice(self.suffix());
        }
        Ok(())
    }

    /// The rows of the file that a window holds, first and end, if it holds any.
    fn within(&self, positions: Range<u64>) -> Option<(u64, u64)> {
        let first = positions.start.max(1);
        let end = positions.end.min(self.quantity + 1);
        (first < end).then_some((first, end))
    }

    /// The bytes of a window inside the file.
    fn window_len(&self, first: u64, end: u64) -> u128 {
        let digits = digits_up_to(end - 1) - digits_up_to(first - 1);
        let mut len = u128::from(end - first) * u128::from(self.fixed_len) + u128::from(self.positions) * digits;
        if first == 1 {
            len += self.layout.head.len() as u128;
        }
        if end > self.quantity {
            len = len + self.layout.foot.len() as u128 - self.layout.separator_len as u128;
        }
        len
    }
}

/// How many decimal digits a position has.
fn digits_of(position: u64) -> usize {
    position.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// How many decimal digits the positions 1…`last` have together.
fn digits_up_to(last: u64) -> u128 {
    // Every position has a last digit, all from 10 on have one before it, all from 100 on one more, and so
    // on.
    let mut sum = 0;
    let mut from: u128 = 1;
    while from <= u128::from(last) {
        sum += u128::from(last) - from + 1;
        from *= 10;
    }
    sum
}

/// Refuses what one of the formats cannot carry. XML 1.0 has no way to write a control character, a YAML
/// reader folds some, and a line break would be two rows of `txt`; one rule for every format is easier to
/// rely on than six.
fn check_literals(renderer: &Renderer, head: &FileHead<'_>) -> Result<(), ExportError> {
    let literals =
        Field::COLUMNS.into_iter().flat_map(|field| renderer.pieces(field)).filter_map(|piece| match piece {
            Piece::Literal(text) => Some(text.as_str()),
            Piece::Slot { .. } => None,
        });
    for character in literals.chain([head.reservation, head.code_type.as_str()]).flat_map(str::chars) {
        if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}' | '\u{FFFE}' | '\u{FFFF}') {
            return Err(ExportError::Character(character));
        }
    }
    Ok(())
}
