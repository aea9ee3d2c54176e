//! Texts with gaps: what every code of a pool has in common, and where the varying part goes.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but RFC 3986's unreserved characters: what GS1 Digital Link URI Syntax 1.6 (section 4) and the EPC
/// Tag Data Standard (section 6.3) ask to be encoded in a key.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One piece of a rendered field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The same text in every code.
    Literal(String),
    /// Bytes `from..to` of the varying part.
    Slot {
        /// First byte.
        from: usize,
        /// The byte after the last.
        to: usize,
    },
}

/// Builds pieces, joining literals that touch.
#[derive(Clone, Debug, Default)]
pub(super) struct Template(Vec<Piece>);

impl Template {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn literal(mut self, text: &str) -> Self {
        if text.is_empty() {
            return self;
        }
        match self.0.last_mut() {
            Some(Piece::Literal(before)) => before.push_str(text),
            _ => self.0.push(Piece::Literal(text.to_owned())),
        }
        self
    }

    pub(super) fn slot(mut self, from: usize, to: usize) -> Self {
        if from < to {
            self.0.push(Piece::Slot { from, to });
        }
        self
    }

    pub(super) fn pieces(self) -> Vec<Piece> {
        self.0
    }
}

/// A key percent-encoded.
pub(super) fn encoded(key: &str) -> String {
    utf8_percent_encode(key, RESERVED).to_string()
}

/// The text of pieces for one varying part.
pub(super) fn join(pieces: &[Piece], varying: &str) -> String {
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Literal(text) => text.as_str(),
            Piece::Slot { from, to } => varying.get(*from..*to).unwrap_or_default(),
        })
        .collect()
}

/// Bytes of the text of pieces, whatever the varying part.
pub(super) fn length(pieces: &[Piece]) -> usize {
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Literal(text) => text.len(),
            Piece::Slot { from, to } => to - from,
        })
        .sum()
}
