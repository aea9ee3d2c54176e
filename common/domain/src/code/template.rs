//! Templates of rendered fields: the text that all codes of a pool share, and the places of the varying part.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All characters except the unreserved ones of RFC 3986. GS1 Digital Link URI Syntax 1.6 (section 4) requires that they
/// are percent-encoded in a key.
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

/// A builder of pieces that merges adjacent literals.
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

    /// Appends pieces, their literals as `write` gives them.
    pub(super) fn value(self, pieces: &[Piece], write: impl Fn(&str) -> String) -> Self {
        pieces.iter().fold(self, |template, piece| match piece {
            Piece::Literal(text) => template.literal(&write(text)),
            Piece::Slot { from, to } => template.slot(*from, *to),
        })
    }

    pub(super) fn pieces(self) -> Vec<Piece> {
        self.0
    }
}

/// The key, percent-encoded.
pub(super) fn encoded(key: &str) -> String {
    utf8_percent_encode(key, RESERVED).to_string()
}

/// The text that the pieces make with one varying part.
pub(super) fn join(pieces: &[Piece], varying: &str) -> String {
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Literal(text) => text.as_str(),
            Piece::Slot { from, to } => varying.get(*from..*to).unwrap_or_default(),
        })
        .collect()
}

/// Length in bytes of the text that the pieces make, the same for every varying part.
pub(super) fn length(pieces: &[Piece]) -> usize {
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Literal(text) => text.len(),
            Piece::Slot { from, to } => to - from,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_beside_each_other_are_one_piece_and_empty_pieces_none() {
        let template = Template::new().literal("a").slot(2, 2).literal("").literal("b").slot(0, 3).literal("c");
        let literal = |text: &str| Piece::Literal(text.to_owned());
        assert_eq!(template.pieces(), [literal("ab"), Piece::Slot { from: 0, to: 3 }, literal("c")]);
    }
}
