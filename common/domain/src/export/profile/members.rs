//! The members of a profile's JSON: which exist, and with which base. The JSON Schema in `docs/export-profile.schema.json`
//! is held against this table by a test.

/// A member and the bases that have it; none for a member of all.
pub type Member = (&'static str, &'static [&'static str]);

const DELIMITED: &str = "delimited";
const FIXED: &str = "fixed";
const LINES: &str = "lines";
const TEMPLATE: &str = "template";

/// The names of the bases.
pub(super) const BASES: [&str; 4] = [DELIMITED, FIXED, LINES, TEMPLATE];

/// Every member of a profile, in the order of the documentation.
pub const MEMBERS: [Member; 24] = [
    ("name", &[]),
    ("description", &[]),
    ("extension", &[]),
    ("media_type", &[]),
    ("encoding", &[]),
    ("byte_order_mark", &[]),
    ("line_end", &[]),
    ("barcode", &[]),
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
];

/// The members of `barcode`.
pub(super) const OF_BARCODE: [&str; 3] = ["fnc1", "start", "doubled"];
/// The members of a column: those of both bases, then those of `delimited`, then those of `fixed`.
pub(super) const OF_COLUMN: [&str; 8] = ["name", "source", "constant", "text", "escape", "width", "align", "pad"];
