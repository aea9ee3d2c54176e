//! What varies, for many rows at once: each source is a column of fields of the same width, from which
//! [`super::block`] copies.
//!
//! A new source needs a field here that [`Columns::fill`] fills and [`Columns::of`] returns.

use crate::code::{CodeError, HexDigits, Renderer};

use super::template::{Number, Source};

/// Digits of the largest number of a row: 2^31 − 1, what `quantity` can be.
pub(super) const MAX_DIGITS: usize = 10;

/// Which columns a layout needs, and the width of its characters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Bytes of each character.
    pub(super) unit: usize,
    /// Whether positions are copied; a block of single rows lays them out itself.
    pub(super) positions: bool,
    /// Whether numbers from the end are copied.
    pub(super) from_end: bool,
    /// How the digits of RFID tags are computed, if they are copied.
    pub(super) tag: Option<HexDigits>,
}

/// The columns of a batch of rows.
#[derive(Debug)]
pub(super) struct Columns {
    wanted: Wanted,
    /// Characters of the varying part of a code.
    width: usize,
    /// The varying parts.
    varying: Vec<u8>,
    /// The same in two bytes a character; empty in encodings of one.
    wide: Vec<u8>,
    positions: Vec<u8>,
    from_end: Vec<u8>,
    /// The digits of RFID tags, in one byte a character.
    tags: Vec<u8>,
    /// The same in two bytes a character; empty in encodings of one.
    wide_tags: Vec<u8>,
}

/// One batch: positions from `first` on, of which the file has `real`, and `rows` are laid out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch {
    pub(super) first: u64,
    pub(super) real: usize,
    pub(super) rows: usize,
}

impl Columns {
    /// Columns for batches of at most so many rows.
    pub(super) fn new(wanted: Wanted, width: usize, rows: usize) -> Self {
        let digits = wanted.tag.map_or(0, |tag| tag.len());
        let number = |is_wanted: bool| vec![0; if is_wanted { rows * MAX_DIGITS * wanted.unit } else { 0 }];
        Self {
            wanted,
            width,
            varying: vec![b'0'; rows * width],
            wide: vec![0; if wanted.unit > 1 { rows * width * wanted.unit } else { 0 }],
            positions: number(wanted.positions),
            from_end: number(wanted.from_end),
            tags: vec![b'0'; rows * digits],
            wide_tags: vec![0; if wanted.unit > 1 { rows * digits * wanted.unit } else { 0 }],
        }
    }

    /// Fills the columns of a batch. `index` is the index of its first code, `quantity` the number of rows of the file.
    ///
    /// # Errors
    /// The error of [`Renderer::fill`].
    pub(super) fn fill(
        &mut self,
        renderer: &Renderer,
        index: u64,
        quantity: u64,
        batch: Batch,
    ) -> Result<(), CodeError> {
        let unit = self.wanted.unit;
        let varying = self.varying.get_mut(..batch.real * self.width).unwrap_or_default();
        renderer.fill(index, varying)?;
        debug_assert!(varying.iter().all(u8::is_ascii_alphanumeric), "a slot needs no escaping in any format");
        if let Some(tag) = self.wanted.tag {
            for (field, code) in
                self.tags.chunks_exact_mut(tag.len().max(1)).zip(varying.chunks_exact(self.width.max(1)))
            {
                tag.write(code, field);
            }
        }
        if unit > 1 {
            widen(varying, unit, &mut self.wide);
            widen(&self.tags, unit, &mut self.wide_tags);
        }
        let positions = batch.first..batch.first + batch.rows as u64;
        for (field, position) in self.positions.chunks_exact_mut(MAX_DIGITS * unit).zip(positions.clone()) {
            write_decimal(position, unit, field);
        }
        for (field, position) in self.from_end.chunks_exact_mut(MAX_DIGITS * unit).zip(positions) {
            write_decimal((quantity + 1).saturating_sub(position), unit, field);
        }
        Ok(())
    }

    /// The column of a source, and the bytes of each of its fields.
    pub(super) fn of(&self, source: Source) -> (&[u8], usize) {
        let unit = self.wanted.unit;
        match source {
            Source::Varying if unit == 1 => (&self.varying, self.width),
            Source::Varying => (&self.wide, self.width * unit),
            Source::Tag => {
                let digits = self.wanted.tag.map_or(0, |tag| tag.len());
                if unit == 1 { (&self.tags, digits) } else { (&self.wide_tags, digits * unit) }
            }
            Source::Number(Number::Position) => (&self.positions, MAX_DIGITS * unit),
            Source::Number(Number::FromEnd) => (&self.from_end, MAX_DIGITS * unit),
        }
    }
}

/// Writes each byte as the low one of a character of `unit` bytes.
fn widen(bytes: &[u8], unit: usize, out: &mut [u8]) {
    for (wide, byte) in out.chunks_exact_mut(unit).zip(bytes) {
        if let Some(low) = wide.first_mut() {
            *low = *byte;
        }
    }
}

/// Writes a number in decimal, with leading zeros, over the whole slice, whose characters have `unit` bytes.
pub(super) fn write_decimal(mut number: u64, unit: usize, out: &mut [u8]) {
    for digit in out.iter_mut().step_by(unit).rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}
