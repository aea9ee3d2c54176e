//! A row as literals and slots. A format or a profile builds the template once per reservation; [`super::rows`] fills it
//! millions of times.
//!
//! Literals are escaped and encoded here, at compile time. Slots are not: the character sets of serials are digits and
//! letters, which no format escapes and which every encoding writes alike (`rows` asserts that of every code it writes in
//! a debug build).

use crate::code::{CodeType, Field, HexDigits, Piece, Renderer};

/// How a format escapes text: it appends the text to the output.
pub(super) type Escape = fn(&str, &mut String);

/// Text as it is.
pub(super) fn verbatim(text: &str, out: &mut String) {
    out.push_str(text);
}

/// What a file says about its reservation.
#[derive(Clone, Copy, Debug)]
pub struct FileHead<'a> {
    /// The reservation's id.
    pub reservation: &'a str,
    /// The type of its codes.
    pub code_type: CodeType,
}

/// A format applied to one reservation: everything of the file but the codes themselves.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// Bytes before the first row.
    pub(super) head: Vec<u8>,
    /// The rows of a group, one after the other. Most files have groups of one row.
    pub(super) group: Vec<RowTemplate>,
    /// How many bytes of the end of a group separate it from the next: the last one has none of them.
    pub(super) separator_len: usize,
    /// Bytes that end the last group of the file if it has fewer rows than the others.
    pub(super) group_end: Vec<u8>,
    /// Bytes after the last row.
    pub(super) foot: Vec<u8>,
    /// Bytes of each character that varies: 2 in UTF-16, otherwise 1.
    pub(super) unit: usize,
    /// How the digits of RFID tags are computed, if a row shows them.
    pub(super) tag: Option<HexDigits>,
}

impl Layout {
    /// A layout in UTF-8 whose groups are single rows.
    pub(super) fn of_rows(head: &str, row: RowTemplate, separator_len: usize, foot: &str) -> Self {
        Self {
            head: head.as_bytes().to_vec(),
            group: vec![row],
            separator_len,
            group_end: Vec::new(),
            foot: foot.as_bytes().to_vec(),
            unit: 1,
            tag: None,
        }
    }
}

/// A number that depends on the place of the row in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    /// Of the row, from 1.
    Position,
    /// Of the row, counted from the last one, from 1.
    FromEnd,
}

/// The number of digits of the two numbers of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Digits {
    pub(super) position: usize,
    pub(super) from_end: usize,
}

impl Digits {
    pub(super) fn of(self, number: Number) -> usize {
        match number {
            Number::Position => self.position,
            Number::FromEnd => self.from_end,
        }
    }
}

/// The field in which a number stands, if all its rows have the same width.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pad {
    /// Characters.
    pub(super) width: usize,
    /// One character of filling, encoded.
    pub(super) fill: Vec<u8>,
    /// Whether the filling comes first.
    pub(super) right: bool,
}

/// From where the bytes of a slot are taken, for each row.
///
/// A text that is computed for each row is another source: a variant here, and its column of fixed width in
/// [`super::columns::Columns`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The varying part of the code.
    Varying,
    /// A number of the row, in decimal.
    Number(Number),
    /// The hexadecimal digits of an RFID tag that differ from code to code.
    Tag,
}

/// One piece of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(Vec<u8>),
    Number(Number, Option<Pad>),
    /// Characters `from..to` of a source.
    Slot {
        source: Source,
        from: usize,
        to: usize,
    },
}

/// A row: literals, numbers in decimal, and slots of the varying bytes of a code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RowTemplate {
    parts: Vec<Part>,
}

impl RowTemplate {
    /// Appends text that is already what the file shall hold, in UTF-8.
    pub(super) fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    /// Appends bytes that are already what the file shall hold.
    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        if let Some(Part::Literal(last)) = self.parts.last_mut() {
            last.extend_from_slice(bytes);
        } else if !bytes.is_empty() {
            self.parts.push(Part::Literal(bytes.to_owned()));
        }
        self
    }

    /// Appends the position.
    pub(super) fn position(self) -> Self {
        self.number(Number::Position, None)
    }

    /// Appends a number, in a field of its own if all rows shall have the same width.
    pub(super) fn number(mut self, number: Number, pad: Option<Pad>) -> Self {
        self.parts.push(Part::Number(number, pad));
        self
    }

    /// Appends characters of the varying part of the code.
    pub(super) fn slot(mut self, from: usize, to: usize) -> Self {
        self.parts.push(Part::Slot { source: Source::Varying, from, to });
        self
    }

    /// Appends the digits of an RFID tag that differ from code to code, `len` of them.
    pub(super) fn tag(mut self, len: usize) -> Self {
        self.parts.push(Part::Slot { source: Source::Tag, from: 0, to: len });
        self
    }

    /// Appends a field of the code, its literals escaped.
    pub(super) fn field(mut self, renderer: &Renderer, field: Field, escape: Escape) -> Self {
        for piece in renderer.pieces(field) {
            match piece {
                Piece::Literal(text) => {
                    let mut escaped = String::with_capacity(text.len());
                    escape(text, &mut escaped);
                    self = self.text(&escaped);
                }
                Piece::Slot { from, to } => self = self.slot(*from, *to),
            }
        }
        self
    }

    /// Appends another row.
    pub(super) fn row(mut self, other: &Self) -> Self {
        for part in &other.parts {
            match part {
                Part::Literal(bytes) => self = self.bytes(bytes),
                other => self.parts.push(other.clone()),
            }
        }
        self
    }

    /// Appends the row to an image, for numbers of so many digits. `unit` is that of [`Layout::unit`]; `row` is the place
    /// of the row in its group, from 0.
    pub(super) fn draw(&self, digits: Digits, unit: usize, row: usize, image: &mut RowImage) {
        for part in &self.parts {
            match part {
                Part::Literal(bytes) => image.bytes.extend_from_slice(bytes),
                Part::Number(number, pad) => {
                    let (len, filling) = (digits.of(*number), pad.as_ref().map(|pad| pad.width));
                    let filling = filling.map_or(0, |width| width.saturating_sub(len));
                    let fill = pad.as_ref().map(|pad| pad.fill.repeat(filling)).unwrap_or_default();
                    let is_right = pad.as_ref().is_some_and(|pad| pad.right);
                    if is_right {
                        image.bytes.extend_from_slice(&fill);
                    }
                    image.numbers.push(NumberPlace { number: *number, digits: len, at: image.bytes.len(), row });
                    zeros(&mut image.bytes, len, unit);
                    if !is_right {
                        image.bytes.extend_from_slice(&fill);
                    }
                }
                Part::Slot { source, from, to } => {
                    let len = to.saturating_sub(*from);
                    let at = image.bytes.len();
                    image.slots.push(SlotPlace { source: *source, row, at, from: from * unit, len: len * unit });
                    zeros(&mut image.bytes, len, unit);
                }
            }
        }
    }

    /// Bytes of a row without the numbers whose length differs from row to row, and how many of these it has: positions
    /// and numbers from the end.
    pub(super) fn lengths(&self, unit: usize) -> RowLength {
        let mut image = RowImage::default();
        self.draw(Digits { position: 0, from_end: 0 }, unit, 0, &mut image);
        let count = |wanted| {
            let is_wanted = |part: &&Part| matches!(part, Part::Number(number, None) if *number == wanted);
            self.parts.iter().filter(is_wanted).count()
        };
        RowLength {
            fixed: image.bytes.len() as u64,
            positions: (count(Number::Position) * unit) as u64,
            from_end: (count(Number::FromEnd) * unit) as u64,
        }
    }

    /// Whether the row shows this number.
    pub(super) fn shows(&self, wanted: Number) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Number(number, _) if *number == wanted))
    }
}

/// Appends the digit zero so many times.
fn zeros(bytes: &mut Vec<u8>, count: usize, unit: usize) {
    for _ in 0..count {
        bytes.push(b'0');
        bytes.resize(bytes.len() + unit - 1, 0);
    }
}

/// What the length of a row is made of, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RowLength {
    /// Everything but the numbers whose length differs.
    pub(super) fixed: u64,
    /// For each digit of the position.
    pub(super) positions: u64,
    /// For each digit of the number from the end.
    pub(super) from_end: u64,
}

/// The rows of a group as bytes, with zeros where something varies.
#[derive(Clone, Debug, Default)]
pub(super) struct RowImage {
    /// The rows.
    pub(super) bytes: Vec<u8>,
    /// Where numbers are written.
    pub(super) numbers: Vec<NumberPlace>,
    /// Where varying bytes are written.
    pub(super) slots: Vec<SlotPlace>,
}

/// Where a number is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct NumberPlace {
    /// Which number.
    pub(super) number: Number,
    /// How many digits it has.
    pub(super) digits: usize,
    /// Its first byte in the image.
    pub(super) at: usize,
    /// The row of the group that it is about, from 0.
    pub(super) row: usize,
}

/// One slot of a group.
#[derive(Clone, Copy, Debug)]
pub(super) struct SlotPlace {
    /// From where its bytes are taken.
    pub(super) source: Source,
    /// The row of the group that it is about, from 0.
    pub(super) row: usize,
    /// Its first byte in the image.
    pub(super) at: usize,
    /// Its first byte in the source of that row.
    pub(super) from: usize,
    /// Its bytes.
    pub(super) len: usize,
}

/// Whether a field is empty for every code of the renderer.
pub(super) fn is_empty(renderer: &Renderer, field: Field) -> bool {
    renderer.pieces(field).iter().all(|piece| match piece {
        Piece::Literal(text) => text.is_empty(),
        Piece::Slot { from, to } => from >= to,
    })
}
