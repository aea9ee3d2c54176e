//! The canonical form of a profile: compact JSON whose members are in alphabetical order and which says nothing that is a
//! default. Two profiles that make the same files with the same texts about them have the same one.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{
    Barcode, BarcodeStart, Base, Column, Epc, FixedColumn, LineEnd, Profile, Quoting, SheetBase, TemplateBase, Text,
};
use crate::code::EpcScheme;
use crate::export::sheet::SheetLayout;
use crate::export::{Encoding, Escaping};

/// Maximum length of the canonical form in bytes.
pub const MAX_CANONICAL: usize = 8 << 10;

/// The SHA-256 of a canonical form, 64 hexadecimal digits.
#[must_use]
pub fn sha256_of(canonical: &str) -> String {
    hex::encode(Sha256::digest(canonical.as_bytes()))
}

/// An object without members that are null.
fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    let mut members: Vec<_> = members.into_iter().filter(|(_, value)| !value.is_null()).collect();
    members.sort_by_key(|(name, _)| *name);
    Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// The object, unless it has no members.
fn unless_empty(object: Value) -> Value {
    if object.as_object().is_some_and(Map::is_empty) { Value::Null } else { object }
}

/// The value, unless it is the default.
fn unless<T: PartialEq>(value: T, default: T, shown: impl FnOnce(T) -> Value) -> Value {
    if value == default { Value::Null } else { shown(value) }
}

fn text(text: &Text) -> Value {
    if text.is_empty() { Value::Null } else { json!(text.to_string()) }
}

fn escape(escape: Escaping) -> Value {
    unless(escape, Escaping::default(), |escape| json!(escape.as_str()))
}

impl Profile {
    /// The canonical form.
    #[must_use]
    pub fn canonical(&self) -> String {
        self.to_value().to_string()
    }

    /// The SHA-256 of the canonical form, 64 hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> String {
        sha256_of(&self.canonical())
    }

    /// The canonical form as a value.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let Self {
            name,
            description,
            extension,
            media_type,
            encoding,
            byte_order_mark,
            line_end,
            barcode,
            epc,
            defaults,
            max_rows,
            base,
        } = self;
        let defaults: Map<String, Value> =
            defaults.iter().map(|(source, text)| (source.as_str().to_owned(), json!(text))).collect();
        let mut all = object([
            ("name", json!(name.as_str())),
            ("description", json!(description)),
            ("extension", json!(extension)),
            ("media_type", json!(media_type)),
            ("encoding", unless(*encoding, Encoding::default(), |encoding| json!(encoding.as_str()))),
            ("byte_order_mark", unless(*byte_order_mark, false, Value::Bool)),
            ("line_end", unless(*line_end, LineEnd::default(), |line_end| json!(line_end.as_str()))),
            ("barcode", of_barcode(barcode)),
            ("epc", of_epc(*epc)),
            ("defaults", unless_empty(Value::Object(defaults))),
            ("max_rows", json!(max_rows)),
            ("base", json!(self.base_name())),
        ]);
        if let (Some(all), Value::Object(own)) = (all.as_object_mut(), of_base(base)) {
            all.extend(own);
            all.sort_keys();
        }
        all
    }
}

fn of_barcode(barcode: &Barcode) -> Value {
    let Barcode { fnc1, start, doubled } = barcode;
    unless_empty(object([
        ("fnc1", json!(fnc1)),
        ("start", unless(*start, BarcodeStart::None, |start| json!(start.as_str()))),
        ("doubled", json!(doubled)),
    ]))
}

fn of_epc(Epc { scheme, filter }: Epc) -> Value {
    unless_empty(object([("scheme", json!(scheme.map(EpcScheme::as_str))), ("filter", json!(filter))]))
}

/// Hundredths of a millimetre, or tenths of a point, as the profile writes them.
fn decimal(number: u32, parts: u32) -> Value {
    if number.is_multiple_of(parts) { json!(number / parts) } else { json!(f64::from(number) / f64::from(parts)) }
}

fn of_sheet(sheet: &SheetBase) -> Value {
    let SheetBase { layout, data, text: shown } = sheet;
    let default = SheetLayout::default();
    let number = |number: u32, default: u32, parts| unless(number, default, |number| decimal(number, parts));
    let SheetLayout { page_width, page_height, columns, rows, .. } = *layout;
    let page = object([("width", decimal(page_width, 100)), ("height", decimal(page_height, 100))]);
    let is_default = (page_width, page_height) == (default.page_width, default.page_height);
    let pages = object([
        ("page", if is_default { Value::Null } else { page }),
        ("columns", number(columns, default.columns, 1)),
        ("rows", number(rows, default.rows, 1)),
        ("margin_x", number(layout.margin_x, default.margin_x, 100)),
        ("margin_y", number(layout.margin_y, default.margin_y, 100)),
        ("gap_x", number(layout.gap_x, default.gap_x, 100)),
        ("gap_y", number(layout.gap_y, default.gap_y, 100)),
        ("padding", number(layout.padding, default.padding, 100)),
        ("font_size", number(layout.font_size, default.font_size, 10)),
    ]);
    let quiet_zone = u32::try_from(layout.symbol.quiet_zone()).unwrap_or_default();
    let symbol = object([
        ("kind", unless(layout.symbol, default.symbol, |kind| json!(kind.as_str()))),
        ("quiet_zone", number(layout.quiet_zone, quiet_zone, 1)),
        ("data", json!(data.as_ref().map(ToString::to_string))),
    ]);
    object([
        ("sheet", unless_empty(pages)),
        ("symbol", unless_empty(symbol)),
        ("text", json!(shown.as_ref().map(ToString::to_string))),
    ])
}

fn of_base(base: &Base) -> Value {
    match base {
        Base::Sheet(sheet) => of_sheet(sheet),
        Base::Delimited { delimiter, quoting, header, columns } => object([
            ("delimiter", unless(*delimiter, ',', |delimiter| json!(delimiter))),
            ("quoting", unless(*quoting, Quoting::default(), |quoting| json!(quoting.as_str()))),
            ("header", unless(*header, true, Value::Bool)),
            ("columns", columns.iter().map(column).collect()),
        ]),
        Base::Fixed { header, columns } => object([
            ("header", unless(*header, false, Value::Bool)),
            ("columns", columns.iter().map(fixed_column).collect()),
        ]),
        Base::Lines { line, escape: mode } => object([("line", text(line)), ("escape", escape(*mode))]),
        Base::Template(template) => {
            let TemplateBase {
                header,
                row,
                footer,
                escape: mode,
                rows_per_block,
                block_header,
                block_footer,
                separator,
                block_separator,
            } = template.as_ref();
            let rows = match row.as_slice() {
                [one] => text(one),
                many => many.iter().map(|row| json!(row.to_string())).collect(),
            };
            object([
                ("header", text(header)),
                ("row", rows),
                ("footer", text(footer)),
                ("escape", escape(*mode)),
                ("rows_per_block", unless(*rows_per_block, row.len(), |rows| json!(rows))),
                ("block_header", text(block_header)),
                ("block_footer", text(block_footer)),
                ("separator", text(separator)),
                ("block_separator", text(block_separator)),
            ])
        }
    }
}

/// A text without slots is a constant, so that it needs no doubled braces.
fn shown(text: &Text) -> [(&'static str, Value); 1] {
    let written = text.to_string();
    match (text.sources().next(), text.own().next()) {
        (None, own) => [("constant", json!(own.unwrap_or_default()))],
        (Some(source), None) if text.sources().count() == 1 => [("source", json!(source.as_str()))],
        _ => [("text", json!(written))],
    }
}

fn column(column: &Column) -> Value {
    let Column { name, text, escape: mode } = column;
    let [shown] = shown(text);
    object([("name", unless(name.as_str(), "", |name| json!(name))), shown, ("escape", escape(*mode))])
}

fn fixed_column(column: &FixedColumn) -> Value {
    let FixedColumn { name, text, width, right, pad } = column;
    let [shown] = shown(text);
    object([
        ("name", unless(name.as_str(), "", |name| json!(name))),
        shown,
        ("width", json!(width)),
        ("align", unless(*right, false, |_| json!("right"))),
        ("pad", unless(*pad, ' ', |pad| json!(pad))),
    ])
}
