//! The layout of a sheet: pages, columns and rows of labels, and where symbol and text lie on a label.
//!
//! Lengths are whole hundredths of a millimetre, so that they are exact and the same on every machine.

use symbols::{SymbolError, Symbology};

/// Maximum number of columns of a page.
const MAX_COLUMNS: u32 = 20;
/// Maximum number of rows of a page.
const MAX_ROWS: u32 = 50;

/// Minimum and maximum length of a side of a page: 25 mm and 1 m.
const PAGE: std::ops::RangeInclusive<u32> = 2_500..=100_000;

/// Minimum side of a module, in hundredths of a millimetre. Smaller ones are not read reliably from an office printer:
/// it has a dot every 0.04 mm.
const MIN_MODULE: u32 = 17;

/// A sheet is divided into labels of less than this many hundredths of a millimetre (5 mm) at no side.
const MIN_LABEL: u32 = 500;

/// A layout that cannot be printed, or a label that does not fit it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SheetError {
    /// A number of the layout is out of its range.
    #[error("{member} must be {range}")]
    Range {
        /// The member of the layout.
        member: &'static str,
        /// What it may be.
        range: &'static str,
    },
    /// Margins and gaps leave no room.
    #[error(
        "the page has no room for labels of at least 5 mm × 5 mm; fewer columns or rows, or smaller margins, would do"
    )]
    NoRoom,
    /// The symbol would be too small to be read.
    #[error("a {symbol} symbol with {modules} modules on a side does not fit the labels; larger labels would do")]
    Symbol {
        /// The kind of symbol.
        symbol: Symbology,
        /// Modules of a side, with the quiet zone.
        modules: usize,
    },
    /// The symbol would be too small to be read, because the text takes a part of the label whatever its length.
    #[error(
        "a {symbol} symbol with {modules} modules on a side does not fit the labels beside their text; larger labels, or \
         labels without text, would do"
    )]
    SymbolAndText {
        /// The kind of symbol.
        symbol: Symbology,
        /// Modules of a side, with the quiet zone.
        modules: usize,
    },
    /// The human readable text does not fit.
    #[error("the text of {0} characters does not fit the labels; larger labels or less text would do")]
    Text(usize),
    /// The human readable text is too long for any label.
    #[error("the text of a label has {most} characters at most, and this has {found}")]
    TextLength {
        /// What is allowed.
        most: usize,
        /// What was asked for.
        found: usize,
    },
    /// The symbol would carry too much.
    #[error("the symbols of a sheet carry {most} bytes at most, and these would have {found}")]
    Data {
        /// What is allowed.
        most: usize,
        /// What was asked for.
        found: usize,
    },
    /// The data cannot be encoded.
    #[error(transparent)]
    Encode(#[from] SymbolError),
}

/// The layout of a sheet. Lengths are hundredths of a millimetre.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SheetLayout {
    /// Width of the page.
    pub page_width: u32,
    /// Height of the page.
    pub page_height: u32,
    /// Labels side by side.
    pub columns: u32,
    /// Labels one below the other.
    pub rows: u32,
    /// Left and right margin of the page.
    pub margin_x: u32,
    /// Upper and lower margin of the page.
    pub margin_y: u32,
    /// Between two labels side by side.
    pub gap_x: u32,
    /// Between two labels one below the other.
    pub gap_y: u32,
    /// Around the contents of each label.
    pub padding: u32,
    /// The kind of symbol.
    pub symbol: Symbology,
    /// Modules of the quiet zone on each side.
    pub quiet_zone: u32,
    /// Maximum height of a line of text in tenths of a point. Text is made smaller if it does not fit, down to 4
    /// points.
    pub font_size: u32,
}

impl Default for SheetLayout {
    /// A4 with 3 × 8 labels of 70 mm × 36 mm, as sheets of self-adhesive labels have them, and QR codes.
    fn default() -> Self {
        Self {
            page_width: 21_000,
            page_height: 29_700,
            columns: 3,
            rows: 8,
            margin_x: 0,
            margin_y: 450,
            gap_x: 0,
            gap_y: 0,
            padding: 300,
            symbol: Symbology::Qr,
            quiet_zone: 4,
            font_size: 70,
        }
    }
}

/// A rectangle on a page, from its upper left corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) width: u32,
    pub(super) height: u32,
}

impl SheetLayout {
    /// Checks the layout.
    ///
    /// # Errors
    /// [`SheetError::Range`] or [`SheetError::NoRoom`].
    pub fn check(&self) -> Result<(), SheetError> {
        let range = |is_in: bool, member, range| if is_in { Ok(()) } else { Err(SheetError::Range { member, range }) };
        range(PAGE.contains(&self.page_width), "the width of the page", "25 mm to 1000 mm")?;
        range(PAGE.contains(&self.page_height), "the height of the page", "25 mm to 1000 mm")?;
        range((1..=MAX_COLUMNS).contains(&self.columns), "columns", "1 to 20")?;
        range((1..=MAX_ROWS).contains(&self.rows), "rows", "1 to 50")?;
        for (length, member) in [
            (self.margin_x, "the horizontal margin"),
            (self.margin_y, "the vertical margin"),
            (self.gap_x, "the horizontal gap"),
            (self.gap_y, "the vertical gap"),
            (self.padding, "the padding"),
        ] {
            range(length <= *PAGE.end(), member, "0 mm to 1000 mm")?;
        }
        range(self.quiet_zone <= 32, "the quiet zone", "0 to 32 modules")?;
        range((40..=720).contains(&self.font_size), "the size of the text", "4 to 72 points")?;
        let (width, height) = (self.label_width(), self.label_height());
        let has_room = |side: Option<u32>| side.is_some_and(|side| side >= MIN_LABEL && side > 2 * self.padding);
        if has_room(width) && has_room(height) { Ok(()) } else { Err(SheetError::NoRoom) }
    }

    /// Labels of a page.
    #[must_use]
    pub fn labels_per_page(&self) -> u64 {
        (u64::from(self.columns) * u64::from(self.rows)).max(1)
    }

    pub(super) const fn page(&self) -> (u32, u32) {
        (self.page_width, self.page_height)
    }

    fn label_width(&self) -> Option<u32> {
        divided(self.page_width, self.margin_x, self.gap_x, self.columns)
    }

    fn label_height(&self) -> Option<u32> {
        divided(self.page_height, self.margin_y, self.gap_y, self.rows)
    }

    /// What a label may print on, without its padding. `number` counts the labels of a page row by row, from 0.
    pub(super) fn label(&self, number: u64) -> Area {
        let (width, height) = (self.label_width().unwrap_or(0), self.label_height().unwrap_or(0));
        let columns = u64::from(self.columns.max(1));
        let place = |number: u64, margin: u32, side: u32, gap: u32| {
            // A page has 1,000 labels at most.
            margin + u32::try_from(number).unwrap_or(0) * (side + gap) + self.padding
        };
        Area {
            left: place(number % columns, self.margin_x, width, self.gap_x),
            top: place(number / columns, self.margin_y, height, self.gap_y),
            width: width.saturating_sub(2 * self.padding),
            height: height.saturating_sub(2 * self.padding),
        }
    }

    /// Where symbol and text of a label lie: side by side on a wide label, one below the other on others. `modules` are
    /// those of a side of the symbol without quiet zone, `characters` those of the text.
    ///
    /// # Errors
    /// [`SheetError::Symbol`] or [`SheetError::SymbolAndText`] if the modules would be too small, even with the shortest
    /// text; otherwise [`SheetError::Text`] if the text does not fit.
    pub(super) fn place(&self, label: Area, modules: usize, text: &str) -> Result<Placed, SheetError> {
        let all = modules + 2 * self.quiet_zone as usize;
        // A symbol has less than 256 modules.
        let count = u32::try_from(all).unwrap_or(u32::MAX);
        let has_text = !text.is_empty();
        let is_wide = label.width >= label.height + label.height / 3;
        let gap = if has_text { GAP } else { 0 };
        let mut font_size = self.font_size;
        loop {
            let (side, text_area) = if !has_text {
                (label.width.min(label.height), None)
            } else if is_wide {
                let side = label.height.min(label.width / 2);
                let left = label.left + side + gap;
                (side, Some(Area { left, width: (label.width - side).saturating_sub(gap), ..label }))
            } else {
                let lines = lines(text, label.width, font_size).len();
                let height = line_height(font_size) * u32::try_from(lines).unwrap_or(u32::MAX / 10_000);
                let side = label.width.min(label.height.saturating_sub(height + gap));
                let top = label.top + side + gap;
                (side, Some(Area { top, height: label.height.saturating_sub(side + gap), ..label }))
            };
            let fits = text_area.is_none_or(|area| {
                let lines = lines(text, area.width, font_size);
                let height = u64::from(line_height(font_size)) * lines.len() as u64;
                area.width >= character_width(font_size) && height <= u64::from(area.height)
            });
            let is_large_enough = |side: u32| side / count.max(1) >= MIN_MODULE;
            let is_readable = is_large_enough(side);
            if fits && is_readable {
                let symbol = Area { width: side, height: side, ..label };
                let symbol = if is_wide && has_text {
                    Area { top: label.top + (label.height - side) / 2, ..symbol }
                } else {
                    Area { left: label.left + (label.width - side) / 2, ..symbol }
                };
                return Ok(Placed { symbol, text: text_area, font_size, modules: all });
            }
            if font_size <= MIN_FONT_SIZE {
                // Beside the symbol, less text leaves it no more room; below it, a line is the least.
                let beside_least = match is_wide {
                    true => side,
                    false => label.width.min(label.height.saturating_sub(line_height(font_size) + gap)),
                };
                let symbol = self.symbol;
                return Err(if !is_large_enough(label.width.min(label.height)) {
                    SheetError::Symbol { symbol, modules: all }
                } else if !is_large_enough(beside_least) {
                    SheetError::SymbolAndText { symbol, modules: all }
                } else {
                    SheetError::Text(text.len())
                });
            }
            font_size -= 5.min(font_size - MIN_FONT_SIZE);
        }
    }
}

/// Between symbol and text.
const GAP: u32 = 150;

/// The smallest text, in tenths of a point.
const MIN_FONT_SIZE: u32 = 40;

/// Where the parts of a label lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    /// The symbol with its quiet zone, a square.
    pub(super) symbol: Area,
    /// The text, if there is any.
    pub(super) text: Option<Area>,
    /// In tenths of a point.
    pub(super) font_size: u32,
    /// Modules of a side, with the quiet zone.
    pub(super) modules: usize,
}

/// The side of a label: what margins and gaps leave, divided.
fn divided(page: u32, margin: u32, gap: u32, count: u32) -> Option<u32> {
    let gaps = u64::from(gap) * u64::from(count.saturating_sub(1));
    let rest = u64::from(page).checked_sub(2 * u64::from(margin))?.checked_sub(gaps)?;
    u32::try_from(rest.checked_div(u64::from(count))?).ok()
}

/// The width of every character of the font, Courier: 600 thousandths of its size. A point is 1/72 inch.
const fn character_width(font_size: u32) -> u32 {
    font_size * 600 * 254 / (72 * 1_000)
}

/// From line to line: 1.2 times the size.
pub(super) const fn line_height(font_size: u32) -> u32 {
    font_size * 12 * 254 / 720
}

/// A text in lines that fit a width.
pub(super) fn lines(text: &str, width: u32, font_size: u32) -> Vec<&str> {
    let most = (width / character_width(font_size).max(1)) as usize;
    text.lines().flat_map(|line| symbols::lines(line, most)).collect()
}
