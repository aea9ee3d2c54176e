//! The contents of a page: PDF operators (ISO 32000-1, sections 8.5 and 9.4).

use std::fmt::Write;

use symbols::Matrix;

use super::layout::{Area, SheetError, SheetLayout, line_height, lines};
use super::pdf::escaped;
use super::{MAX_DATA, MAX_TEXT};

/// What a label shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::export) struct Label<'a> {
    /// What the symbol carries: a link, or Application Identifiers and values with GS (0x1D) between elements.
    pub(in crate::export) data: &'a str,
    /// The human readable text: lines of printable ASCII; other characters are shown as `?`. Empty for none.
    pub(in crate::export) text: &'a str,
}

/// Appends the operators that draw a label on its place of the page.
///
/// # Errors
/// [`SheetError`] if the label does not fit, or its data cannot be encoded.
pub(in crate::export) fn draw(
    layout: &SheetLayout,
    number: u64,
    label: &Label<'_>,
    out: &mut String,
) -> Result<(), SheetError> {
    if label.data.len() > MAX_DATA {
        return Err(SheetError::Data { most: MAX_DATA, found: label.data.len() });
    }
    if label.text.len() > MAX_TEXT {
        return Err(SheetError::TextLength { most: MAX_TEXT, found: label.text.len() });
    }
    let matrix = layout.symbol.encode(label.data)?;
    let text: String = label.text.chars().map(printable).collect();
    let placed = layout.place(layout.label(number), matrix.width().max(matrix.height()), &text)?;
    symbol(layout, placed.symbol, placed.modules, &matrix, out);
    if let Some(area) = placed.text {
        let shown = lines(&text, area.width, placed.font_size);
        // Centred beside the symbol: the symbol is centred too.
        let height = line_height(placed.font_size) * u32::try_from(shown.len()).unwrap_or(0);
        let top = area.top + area.height.saturating_sub(height) / 2;
        write_text(layout, Area { top, ..area }, placed.font_size, &shown, out);
    }
    Ok(())
}

/// The dark modules as rectangles of one path. Filled at once, no seam can appear between rectangles that touch. The
/// unit is a module, so that all coordinates are short whole numbers.
fn symbol(layout: &SheetLayout, area: Area, modules: usize, matrix: &Matrix, out: &mut String) {
    let module = millipoints(area.width) / modules.max(1) as u64;
    let left = millipoints(area.left) + u64::from(layout.quiet_zone) * module;
    // The coordinates of PDF begin at the bottom.
    let top = millipoints(layout.page_height - area.top).saturating_sub(u64::from(layout.quiet_zone) * module);
    out.push_str("q ");
    for number in [module, 0, 0] {
        push(number, out);
        out.push(' ');
    }
    // The rows of a symbol are counted from its top.
    out.push('-');
    for number in [module, left, top] {
        push(number, out);
        out.push(' ');
    }
    out.push_str("cm\n");
    for rectangle in rectangles(matrix) {
        // Writing to a String never fails.
        let _ = writeln!(out, "{} {} {} {} re", rectangle.x, rectangle.y, rectangle.width, rectangle.height);
    }
    out.push_str("f Q\n");
}

/// Dark modules that form a rectangle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rectangle {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

/// The runs of a symbol, equal ones of consecutive rows as one rectangle.
pub(super) fn rectangles(matrix: &Matrix) -> Vec<Rectangle> {
    let mut done = Vec::new();
    // Those that end in the previous row, by column.
    let mut open: Vec<Rectangle> = Vec::new();
    let mut next: Vec<Rectangle> = Vec::new();
    let mut row = 0;
    for run in matrix.runs() {
        if run.y != row {
            done.append(&mut open);
            if run.y == row + 1 {
                std::mem::swap(&mut open, &mut next);
            } else {
                done.append(&mut next);
            }
            row = run.y;
        }
        let above = open.iter().position(|above| (above.x, above.width) == (run.x, run.length));
        next.push(match above {
            Some(at) => {
                let above = open.swap_remove(at);
                Rectangle { height: above.height + 1, ..above }
            }
            None => Rectangle { x: run.x, y: run.y, width: run.length, height: 1 },
        });
    }
    done.append(&mut open);
    done.append(&mut next);
    // The same symbol always has the same order.
    done.sort_unstable_by_key(|rectangle| (rectangle.y, rectangle.x));
    done
}

/// Lines of text from the top of an area.
fn write_text(layout: &SheetLayout, area: Area, font_size: u32, lines: &[&str], out: &mut String) {
    let size = u64::from(font_size) * 100;
    let leading = millipoints(line_height(font_size));
    out.push_str("BT /F ");
    push(size, out);
    out.push_str(" Tf ");
    push(leading, out);
    out.push_str(" TL ");
    push(millipoints(area.left), out);
    out.push(' ');
    // The first base line lies below the ascent of the font, which is less than its size.
    push(millipoints(layout.page_height - area.top).saturating_sub(size), out);
    out.push_str(" Td\n");
    for (number, line) in lines.iter().enumerate() {
        out.push_str(if number == 0 { "(" } else { "T* (" });
        out.push_str(&escaped(line));
        out.push_str(") Tj\n");
    }
    out.push_str("ET\n");
}

fn printable(character: char) -> char {
    if is_printable(character) || character == '\n' { character } else { '?' }
}

/// Whether a sheet shows a character: printable ASCII.
pub(in crate::export) fn is_printable(character: char) -> bool {
    character.is_ascii_graphic() || character == ' '
}

/// Hundredths of a millimetre as thousandths of a point (1/72 inch).
fn millipoints(length: u32) -> u64 {
    u64::from(length) * 72_000 / 2_540
}

/// Thousandths of a point as points.
fn push(millipoints: u64, out: &mut String) {
    let (whole, rest) = (millipoints / 1_000, millipoints % 1_000);
    // Writing to a String never fails.
    let _ = if rest == 0 { write!(out, "{whole}") } else { write!(out, "{whole}.{rest:03}") };
}

/// The size of a page as PDF has it.
pub(super) fn points(length: u32) -> String {
    let mut text = String::new();
    push(millipoints(length), &mut text);
    text
}
