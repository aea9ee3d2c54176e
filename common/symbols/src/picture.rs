//! A symbol as a picture: its quiet zone, the human readable text below it, and all sizes.
//!
//! Both file formats show the same picture. Characters have the cell of a fixed font, so the lines of the text and the
//! size of the picture are known without measuring a font.

use super::lines::lines;
use super::matrix::Matrix;

/// Maximum pixels of a module.
pub const MAX_MODULE: usize = 32;
/// Maximum modules of the quiet zone on each side.
pub const MAX_QUIET_ZONE: usize = 32;
/// Maximum characters of the human readable text.
pub const MAX_TEXT: usize = 512;

/// Pixels of a character at scale 1, the space between characters and lines included.
pub(crate) const CELL_WIDTH: usize = 6;
pub(crate) const CELL_HEIGHT: usize = 10;

/// Pixels of a module for each step of the text's scale: text grows with the symbol.
const MODULE_PER_SCALE: usize = 4;

/// A symbol and what surrounds it.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// The symbol.
    pub matrix: &'a Matrix,
    /// Pixels of a module's side, 1 to [`MAX_MODULE`]. Other values are replaced by the nearest of these.
    pub module: usize,
    /// Modules of the quiet zone on each side, at most [`MAX_QUIET_ZONE`]. Greater values are replaced by that.
    pub quiet_zone: usize,
    /// The human readable text below the symbol; empty for none. Characters beyond [`MAX_TEXT`] are left out, and
    /// characters other than printable ASCII are shown as `?`. A line feed starts a new line, and longer lines are
    /// divided.
    pub text: &'a str,
}

impl Picture<'_> {
    /// Width and height in pixels, of both formats.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let (width, symbol) = (self.width(), (self.matrix.height() + 2 * self.quiet_zone()) * self.module());
        let lines = self.lines().len();
        let text = if lines == 0 { 0 } else { lines * CELL_HEIGHT * self.scale() + self.margin() };
        (width, symbol + text)
    }

    pub(crate) fn module(&self) -> usize {
        self.module.clamp(1, MAX_MODULE)
    }

    pub(crate) fn quiet_zone(&self) -> usize {
        self.quiet_zone.min(MAX_QUIET_ZONE)
    }

    fn width(&self) -> usize {
        (self.matrix.width() + 2 * self.quiet_zone()) * self.module()
    }

    /// How many times larger than its cell a character is drawn.
    pub(crate) fn scale(&self) -> usize {
        (self.module() / MODULE_PER_SCALE).max(1)
    }

    /// Pixels below the text, and beside it.
    fn margin(&self) -> usize {
        2 * self.scale()
    }

    /// Where the text begins, in pixels from the top.
    pub(crate) fn text_top(&self) -> usize {
        (self.matrix.height() + 2 * self.quiet_zone()) * self.module()
    }

    /// The lines of the text, each as wide as the picture at most.
    pub(crate) fn lines(&self) -> Vec<String> {
        let most = self.width().saturating_sub(2 * self.margin()) / (CELL_WIDTH * self.scale());
        let text: String = self.text.chars().take(MAX_TEXT).map(printable).collect();
        text.lines().flat_map(|line| lines(line, most)).map(str::to_owned).collect()
    }
}

/// A character that both formats can show. All of them are one byte.
fn printable(character: char) -> char {
    if character.is_ascii_graphic() || matches!(character, ' ' | '\n') { character } else { '?' }
}
