//! Rows of one file, fast: any window of them as bytes, and its exact length without writing it.
//!
//! The renderer makes many codes in one call, [`super::block`] lays them out many rows at a time. Memory does not depend
//! on the number of rows.

use std::ops::Range;

use crate::code::{Field, Piece, Renderer};

use super::block::{BLOCK_ROWS, Block};
use super::columns::{Batch, Columns, Wanted};
use super::error::ExportError;
use super::part_policy::RowLengths;
use super::profile::{Particulars, Profile};
use super::template::{Digits, FileHead, Layout, Number, RowImage, RowLength};
use super::{csv, json, ndjson, txt, xlsx, xml, yaml};
use crate::reservation::Format;

/// Most rows of a file: what `quantity`, a signed 32-bit integer of the API, can be.
const MAX_ROWS: u64 = 2_147_483_647;

/// Codes made by one call of the renderer: whole blocks, and whole groups of 64 that the renderer encrypts
/// together.
const BATCH_ROWS: usize = 16 * BLOCK_ROWS;

/// About as many rows of groups of several rows are laid out at a time.
const GROUPED_ROWS: usize = 192;

/// What decides the rows of a file.
#[derive(Clone, Copy, Debug)]
pub enum Form<'a> {
    /// A built-in format.
    Format(Format),
    /// A profile, with what it may show of the reservation.
    Profile(&'a Profile, Particulars<'a>),
}

impl From<Format> for Form<'_> {
    fn from(format: Format) -> Self {
        Self::Format(format)
    }
}

/// The rows of one file: a format or profile, a renderer, and which indexes of the pool.
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
    /// The length of each row of a group.
    row_lens: Vec<RowLength>,
    shows_from_end: bool,
}

impl Rows {
    /// Compiles the rows of a file of `quantity` codes that begins at `start_index` of the pool.
    ///
    /// # Errors
    /// [`ExportError::RowCount`] if the quantity is not 1…2^31 − 1 or the index would overflow,
    /// [`ExportError::TooManyRows`] if the format cannot hold so many rows, [`ExportError::Code`] if
    /// the pool does not have so many codes, [`ExportError::Character`] if a literal cannot be written in
    /// every format, [`ExportError::Profile`] if the profile cannot show these codes, and [`ExportError::TooLong`] if the
    /// length of the file is no u64.
    pub fn compile<'a>(
        form: impl Into<Form<'a>>,
        renderer: Renderer,
        start_index: u64,
        quantity: u64,
        head: &FileHead<'_>,
    ) -> Result<Self, ExportError> {
        if !(1..=MAX_ROWS).contains(&quantity) || start_index.checked_add(quantity).is_none() {
            return Err(ExportError::RowCount(quantity));
        }
        let form = form.into();
        if let Form::Format(format) = form {
            format.check_rows(quantity)?;
            check_literals(&renderer, head)?;
        }
        // Codes are made much later; that the pool has the last of them is better known now.
        renderer.code(start_index + (quantity - 1))?;
        let layout = match form {
            Form::Format(Format::Csv) => csv::layout(&renderer),
            Form::Format(Format::Txt) => txt::layout(&renderer),
            Form::Format(Format::Json) => json::layout(&renderer),
            Form::Format(Format::Ndjson) => ndjson::layout(&renderer),
            Form::Format(Format::Yaml) => yaml::layout(&renderer),
            Form::Format(Format::Xml) => xml::layout(&renderer, head),
            Form::Format(Format::Xlsx) => xlsx::layout(&renderer),
            Form::Profile(profile, particulars) => profile.layout(&renderer, head, &particulars, quantity)?,
        };
        let row_lens = layout.group.iter().map(|row| row.lengths(layout.unit)).collect();
        let shows_from_end = layout.group.iter().any(|row| row.shows(Number::FromEnd));
        let rows = Self { renderer, layout, start_index, quantity, row_lens, shows_from_end };
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
        &self.layout.head
    }

    /// The bytes after the last row.
    #[must_use]
    pub fn suffix(&self) -> &[u8] {
        &self.layout.foot
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
        let len = |row: &RowLength, digits: u64| row.fixed + (row.positions + row.from_end) * digits;
        let longest = digits_of(self.quantity) as u64;
        RowLengths {
            rows: self.quantity,
            total_len: self.total_len(),
            shortest_row: self.row_lens.iter().map(|row| len(row, 1)).min().unwrap_or(0),
            longest_row: self.row_lens.iter().map(|row| len(row, longest)).max().unwrap_or(0),
            around: (self.prefix().len() + self.layout.group_end.len() + self.suffix().len()) as u64,
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
        let written =
            if self.group_rows() == 1 { self.write_rows(first, end, out) } else { self.write_groups(first, end, out) };
        if let Err(error) = written {
            out.truncate(before);
            return Err(error);
        }
        if end > self.quantity {
            if self.ends_with_group() {
                out.truncate(out.len() - self.layout.separator_len);
            } else {
                out.extend_from_slice(&self.layout.group_end);
            }
            out.extend_from_slice(self.suffix());
        }
        Ok(())
    }

    /// Single rows.
    fn write_rows(&self, first: u64, end: u64, out: &mut Vec<u8>) -> Result<(), ExportError> {
        let wanted =
            Wanted { unit: self.layout.unit, positions: false, from_end: self.shows_from_end, tag: self.layout.tag };
        let mut columns = Columns::new(wanted, self.renderer.width(), BATCH_ROWS.min((end - first) as usize));
        let mut block = self.block_of_rows(first);
        let mut block_end = self.next_change(first);
        let mut position = first;
        while position < end {
            // The first batch ends where a block ends, so that the others begin where one begins.
            let count = (BATCH_ROWS - (position % BLOCK_ROWS as u64) as usize).min((end - position) as usize);
            let batch = Batch { first: position, real: count, rows: count };
            columns.fill(&self.renderer, self.start_index + (position - 1), self.quantity, batch)?;
            let mut done = 0;
            while done < count {
                if position == block_end {
                    block = self.block_of_rows(position);
                    block_end = self.next_change(position);
                }
                let stop = ((position / BLOCK_ROWS as u64 + 1) * BLOCK_ROWS as u64).min(block_end);
                let here = ((stop - position) as usize).min(count - done);
                block.write_rows(position, here, &columns, done, out);
                position += here as u64;
                done += here;
            }
        }
        Ok(())
    }

    /// Rows of groups of several rows. Whole groups are laid out, and of the first and the last one the rows of the window
    /// are taken.
    fn write_groups(&self, first: u64, end: u64, out: &mut Vec<u8>) -> Result<(), ExportError> {
        let per_group = self.group_rows();
        let at_once = (GROUPED_ROWS as u64 / per_group).max(1);
        let shows_position = self.layout.group.iter().any(|row| row.shows(Number::Position));
        let wanted = Wanted {
            unit: self.layout.unit,
            positions: shows_position,
            from_end: self.shows_from_end,
            tag: self.layout.tag,
        };
        let mut columns = Columns::new(wanted, self.renderer.width(), (at_once * per_group) as usize);
        let (mut group, last) = ((first - 1) / per_group, (end - 2) / per_group);
        let mut known: Option<(Vec<Digits>, Block)> = None;
        while group <= last {
            let position = group * per_group + 1;
            let count = (self.run_end(group).min(last + 1) - group).min(at_once);
            let shape = self.shape(position);
            if known.as_ref().is_none_or(|(same, _)| *same != shape) {
                let image = self.image(&shape);
                let block = Block::of_groups(&image, self.layout.unit, per_group as usize, at_once as usize);
                known = Some((shape.clone(), block));
            }
            let Some((_, block)) = &mut known else { break };
            let rows = count * per_group;
            let real = rows.min(self.quantity + 1 - position);
            let batch = Batch { first: position, real: real as usize, rows: rows as usize };
            columns.fill(&self.renderer, self.start_index + (position - 1), self.quantity, batch)?;
            let bytes = block.groups(count as usize, &columns);
            let group_len = bytes.len() / (count as usize).max(1);
            // Where a position begins, counted from the first group.
            let begin = |wanted: u64| {
                let (groups, row) = ((wanted - position) / per_group, (wanted - position) % per_group);
                groups as usize * group_len + self.row_begin(&shape, row as usize)
            };
            let from = begin(first.max(position));
            let to = if end < position + rows { begin(end) } else { bytes.len() };
            out.extend_from_slice(bytes.get(from..to).unwrap_or_default());
            group += count;
        }
        Ok(())
    }

    /// Rows of a group.
    fn group_rows(&self) -> u64 {
        self.layout.group.len().max(1) as u64
    }

    /// Whether the last group of the file has as many rows as the others.
    fn ends_with_group(&self) -> bool {
        self.quantity.is_multiple_of(self.group_rows())
    }

    /// The digits of the numbers of a row. Rows beyond the end, which fill up a group, have those of the last row.
    fn digits(&self, position: u64) -> Digits {
        let position = position.min(self.quantity);
        Digits { position: digits_of(position), from_end: digits_of(self.quantity + 1 - position) }
    }

    /// The first position behind this one whose numbers have other lengths.
    fn next_change(&self, position: u64) -> u64 {
        let digits = self.digits(position);
        let longer = 10_u64.saturating_pow(digits.position as u32);
        if !self.shows_from_end || digits.from_end == 1 {
            return longer;
        }
        longer.min(self.quantity + 2 - 10_u64.saturating_pow(digits.from_end as u32 - 1))
    }

    /// The first group behind this one whose numbers have other lengths.
    fn run_end(&self, group: u64) -> u64 {
        let change = self.next_change(group * self.group_rows() + 1);
        ((change - 1) / self.group_rows()).max(group + 1)
    }

    /// The digits of the rows of the group that begins at a position.
    fn shape(&self, position: u64) -> Vec<Digits> {
        (position..position + self.group_rows()).map(|position| self.digits(position)).collect()
    }

    fn image(&self, shape: &[Digits]) -> RowImage {
        let mut image = RowImage::default();
        for (place, (row, digits)) in self.layout.group.iter().zip(shape).enumerate() {
            row.draw(*digits, self.layout.unit, place, &mut image);
        }
        image
    }

    /// The first byte of a row in its group.
    fn row_begin(&self, shape: &[Digits], row: usize) -> usize {
        let lens = self.row_lens.iter().zip(shape).take(row);
        lens.map(|(len, digits)| len.of(*digits)).sum::<u64>() as usize
    }

    fn block_of_rows(&self, position: u64) -> Block {
        let digits = self.digits(position);
        Block::of_rows(&self.image(&[digits]), self.layout.unit, digits.position)
    }

    /// The rows of the file that a window holds, first and end, if it holds any.
    fn within(&self, positions: Range<u64>) -> Option<(u64, u64)> {
        let first = positions.start.max(1);
        let end = positions.end.min(self.quantity + 1);
        (first < end).then_some((first, end))
    }

    /// The bytes of a window inside the file.
    fn window_len(&self, first: u64, end: u64) -> u128 {
        let step = self.group_rows();
        let mut len = 0;
        for (place, row) in self.row_lens.iter().enumerate() {
            // The positions of this row of the groups.
            let own = Steps { step, rest: (place as u64 + 1) % step };
            len += u128::from(own.count(first, end)) * u128::from(row.fixed);
            len += u128::from(row.positions) * own.digits(first, end);
            if row.from_end > 0 {
                // Counted from the end, the same rows are other numbers, in the opposite order.
                let mirror = self.quantity + 1;
                let rest = (mirror % step + step - own.rest) % step;
                len += u128::from(row.from_end) * Steps { step, rest }.digits(mirror + 1 - end, mirror + 1 - first);
            }
        }
        if first == 1 {
            len += self.layout.head.len() as u128;
        }
        if end > self.quantity {
            len += self.layout.foot.len() as u128;
            if self.ends_with_group() {
                len -= self.layout.separator_len as u128;
            } else {
                len += self.layout.group_end.len() as u128;
            }
        }
        len
    }
}

impl RowLength {
    /// The length of a row with these digits.
    fn of(&self, digits: Digits) -> u64 {
        self.fixed + self.positions * digits.position as u64 + self.from_end * digits.from_end as u64
    }
}

/// The numbers that leave a rest when they are divided by a step.
struct Steps {
    step: u64,
    rest: u64,
}

impl Steps {
    /// How many of them lie in `first..end`.
    fn count(&self, first: u64, end: u64) -> u64 {
        let below = |end: u64| (end + self.step - 1 - self.rest) / self.step;
        if first < end { below(end) - below(first) } else { 0 }
    }

    /// How many decimal digits those in `first..end` have together.
    fn digits(&self, first: u64, end: u64) -> u128 {
        // Every number has a last digit, all from 10 on have one before it, all from 100 on one more, and so on.
        let mut sum = u128::from(self.count(first, end));
        let mut from = 10;
        while from < end {
            sum += u128::from(self.count(first.max(from), end));
            from *= 10;
        }
        sum
    }
}

/// How many decimal digits a position has.
fn digits_of(position: u64) -> usize {
    position.checked_ilog10().map_or(1, |log| log as usize + 1)
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
        if is_unwritable(character) {
            return Err(ExportError::Character(character));
        }
    }
    Ok(())
}

/// Whether some format or printer cannot carry a character: control characters, separators of lines and paragraphs, and
/// what is no character.
pub(super) fn is_unwritable(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}' | '\u{FFFE}' | '\u{FFFF}')
}
