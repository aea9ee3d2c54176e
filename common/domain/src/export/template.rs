//! A row as literals and slots. A format builds the template once per reservation; [`super::rows`] fills it
//! millions of times.
//!
//! Literals are escaped here, at compile time. Slots are not: the character sets of serials are digits and
//! letters, which no format escapes (`rows` asserts that of every code it writes in a debug build).

use crate::code::{CodeType, Field, Piece, Renderer};

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
    pub(super) head: String,
    /// Every row.
    pub(super) row: RowTemplate,
    /// How many bytes of the end of a row separate it from the next: the last row has none of them.
    pub(super) separator_len: usize,
    /// Bytes after the last row.
    pub(super) foot: String,
}

/// One piece of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Position,
    Slot { from: usize, to: usize },
}

/// A row: literals, the position in decimal, and slots of the varying bytes of a code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RowTemplate {
    parts: Vec<Part>,
}

impl RowTemplate {
    /// Appends text that is already what the file shall hold.
    pub(super) fn text(mut self, text: &str) -> Self {
        if let Some(Part::Literal(last)) = self.parts.last_mut() {
            last.push_str(text);
        } else {
            self.parts.push(Part::Literal(text.to_owned()));
        }
        self
    }

    /// Appends the position.
    pub(super) fn position(mut self) -> Self {
        self.parts.push(Part::Position);
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
                Piece::Slot { from, to } => self.parts.push(Part::Slot { from: *from, to: *to }),
            }
        }
        self
    }

    /// The row with its bytes and places, for positions of that many digits.
    pub(super) fn image(&self, digits: usize) -> RowImage {
        let mut image = RowImage::default();
        for part in &self.parts {
            let at = image.bytes.len();
            match part {
                Part::Literal(text) => image.bytes.extend_from_slice(text.as_bytes()),
                Part::Position => {
                    image.positions.push(at);
                    image.bytes.resize(at + digits, b'0');
                }
                Part::Slot { from, to } => {
                    image.slots.push(SlotPlace { at, from: *from, len: to.saturating_sub(*from) });
                    image.bytes.resize(at + to.saturating_sub(*from), b'0');
                }
            }
        }
        image
    }

    /// Bytes of a row without its positions, and how many times it shows its position.
    pub(super) fn lengths(&self) -> (usize, usize) {
        let image = self.image(0);
        (image.bytes.len(), image.positions.len())
    }
}

/// One row as bytes, with zeros where something varies.
#[derive(Clone, Debug, Default)]
pub(super) struct RowImage {
    /// The row.
    pub(super) bytes: Vec<u8>,
    /// Where the position is written.
    pub(super) positions: Vec<usize>,
    /// Where varying bytes are written.
    pub(super) slots: Vec<SlotPlace>,
}

/// One slot of a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct SlotPlace {
    /// Its first byte in the row.
    pub(super) at: usize,
    /// Its first byte in the varying bytes.
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
