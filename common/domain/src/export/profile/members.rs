//! The members of a profile's JSON: which exist, and with which base. The JSON Schema in `docs/export-profile.schema.json`
//! is held against this table by a test.

/// A member and the bases that have it; none for a member of all.
pub type Member = (&'static str, &'static [&'static str]);

const DELIMITED: &str = "delimited";
const FIXED: &str = "fixed";
const LINES: &str = "lines";
const TEMPLATE: &str = "template";
const SHEET: &str = "sheet";

/// The bases whose files are texts.
const TEXTS: [&str; 4] = [DELIMITED, FIXED, LINES, TEMPLATE];
/// The names of the bases.
pub(super) const BASES: [&str; 5] = [DELIMITED, FIXED, LINES, TEMPLATE, SHEET];

/// Every member of a profile, in the order of the documentation.
pub const MEMBERS: [Member; 28] = [
    ("name", &[]),
    ("description", &[]),
    ("extension", &[]),
    ("media_type", &[]),
    ("encoding", &TEXTS),
    ("byte_order_mark", &TEXTS),
    ("line_end", &TEXTS),
    ("barcode", &TEXTS),
    ("epc", &[]),
    ("defaults", &[]),
    ("max_rows", &[]),
    ("base", &[]),
    ("delimiter", &[DELIMITED]),
    ("quoting", &[DELIMITED]),
    // True or false, or the text before the rows.
    ("header", &[DELIMITED, FIXED, TEMPLATE]),
    ("columns", &[DELIMITED, FIXED]),
    ("line", &[LINES]),
    ("escape", &[LINES, TEMPLATE]),
    ("row", &[TEMPLATE]),
    ("footer", &[TEMPLATE]),
    ("rows_per_block", &[TEMPLATE]),
    ("separator", &[TEMPLATE]),
    ("block_header", &[TEMPLATE]),
    ("block_footer", &[TEMPLATE]),
    ("block_separator", &[TEMPLATE]),
    ("sheet", &[SHEET]),
    ("symbol", &[SHEET]),
    ("text", &[SHEET]),
];

/// The members of `barcode`.
pub(super) const OF_BARCODE: [&str; 3] = ["fnc1", "start", "doubled"];
/// The members of `epc`.
pub(super) const OF_EPC: [&str; 2] = ["scheme", "filter"];
/// The members of `sheet`.
pub(super) const OF_SHEET: [&str; 9] =
    ["page", "columns", "rows", "margin_x", "margin_y", "gap_x", "gap_y", "padding", "font_size"];
/// The members of `symbol`.
pub(super) const OF_SYMBOL: [&str; 3] = ["kind", "quiet_zone", "data"];
/// The members of a column: those of both bases, then those of `delimited`, then those of `fixed`.
pub(super) const OF_COLUMN: [&str; 8] = ["name", "source", "constant", "text", "escape", "width", "align", "pad"];
