//! From JSON to a profile. Every mistake is reported with its place and with what would be right.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};
use symbols::Symbology;

use super::members::{BASES, MEMBERS, OF_BARCODE, OF_COLUMN, OF_EPC, OF_SHEET, OF_SYMBOL};
use super::text::unknown;
use super::{
    Barcode, BarcodeStart, Base, Column, Epc, FixedColumn, LineEnd, MAX_CANONICAL, MAX_COLUMNS, MAX_ROWS_PER_BLOCK,
    MAX_WIDTH, Profile, Quoting, SheetBase, Source, TemplateBase, Text,
};
use crate::code::{EpcScheme, FNC1, MAX_FILTER};
use crate::export::rows::is_unwritable;
use crate::export::sheet::{SheetLayout, content::is_printable};
use crate::export::{Encoding, Escaping};
use crate::reservation::{BUILT_IN_PROFILES, ProfileName};

/// Maximum length of a description, a name of a column and a default in characters.
const MAX_TEXT: usize = 255;
/// Maximum of `max_rows`: what a `quantity` can be.
const MAX_ROWS: u64 = 2_147_483_647;

/// A mistake in a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The place: `columns[2].width`; empty for the whole profile.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, message } = self;
        if path.is_empty() { f.write_str(message) } else { write!(f, "{path}: {message}") }
    }
}

impl Profile {
    /// Reads the text of a profile's JSON.
    ///
    /// # Errors
    /// As [`Profile::read`]; one [`Mistake`] if the text is not JSON.
    pub fn parse(json: &str) -> Result<Self, Vec<Mistake>> {
        Self::read(&of_json(json)?)
    }

    /// Reads the JSON of a version that is stored. The rules that [`Profile::read`] applies besides the form are not
    /// applied, so that a version stays readable when rules are added.
    ///
    /// # Errors
    /// As [`Profile::parse`].
    pub fn stored(json: &str) -> Result<Self, Vec<Mistake>> {
        Self::of_form(&of_json(json)?)
    }

    /// Reads a profile.
    ///
    /// # Errors
    /// Every mistake, in the order of the rules.
    pub fn read(value: &Value) -> Result<Self, Vec<Mistake>> {
        let profile = Self::of_form(value)?;
        let mut reader = Reader::default();
        super::rules::check(&profile, &mut |path, message| reader.wrong(path, message));
        if reader.mistakes.is_empty() { Ok(profile) } else { Err(reader.mistakes) }
    }

    /// Reads a profile that has the right form.
    fn of_form(value: &Value) -> Result<Self, Vec<Mistake>> {
        let mut reader = Reader::default();
        let profile = reader.profile(value);
        match profile {
            Some(profile) if reader.mistakes.is_empty() => {
                super::compile::check_texts(&profile, &mut |path, message| reader.wrong(path, message));
                let length = profile.canonical().len();
                if length > MAX_CANONICAL {
                    reader.wrong(
                        "",
                        format!("the profile has {length} bytes as JSON; {MAX_CANONICAL} at most are allowed"),
                    );
                }
                if reader.mistakes.is_empty() { Ok(profile) } else { Err(reader.mistakes) }
            }
            _ => Err(reader.mistakes),
        }
    }
}

fn of_json(json: &str) -> Result<Value, Vec<Mistake>> {
    let mistake = |error| Mistake { path: String::new(), message: format!("This is not JSON: {error}") };
    serde_json::from_str(json).map_err(|error| vec![mistake(error)])
}

/// Collects mistakes.
#[derive(Default)]
struct Reader {
    mistakes: Vec<Mistake>,
}

/// The members of an object, and where it stands.
#[derive(Clone, Copy)]
struct Object<'a> {
    path: &'a str,
    members: &'a Map<String, Value>,
}

impl<'a> Object<'a> {
    fn get(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    fn at(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

/// What a value is, for messages.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The beginning of a value, for messages.
fn brief(value: &Value) -> String {
    let text = value.to_string();
    let cut: String = text.chars().take(40).collect();
    if cut.len() < text.len() { cut + "…" } else { cut }
}

fn list(names: &[&str]) -> String {
    names.join(", ")
}

impl Reader {
    fn wrong(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.mistakes.push(Mistake { path: path.into(), message: message.into() });
    }

    fn object<'a>(&mut self, path: &'a str, value: &'a Value) -> Option<Object<'a>> {
        match value.as_object() {
            Some(members) => Some(Object { path, members }),
            None => {
                self.wrong(path, format!("members with names are needed here, not {}", kind(value)));
                None
            }
        }
    }

    /// Refuses members that are not among these.
    fn known(&mut self, object: Object<'_>, known: &[&str]) {
        for name in object.members.keys().filter(|name| !known.contains(&name.as_str())) {
            self.wrong(object.at(name), format!("there is no such member here; the members are {}", list(known)));
        }
    }

    /// A text of 1 to `most` characters, if it is given.
    fn text(&mut self, object: Object<'_>, name: &str, most: usize) -> Option<String> {
        let text = match object.get(name)? {
            Value::String(text) => text,
            other => {
                let quotes = if other.is_number() || other.is_boolean() { "; put it in quotes" } else { "" };
                self.wrong(object.at(name), format!("a text is needed, not {}{quotes}", kind(other)));
                return None;
            }
        };
        let length = text.chars().count();
        if length > most {
            self.wrong(object.at(name), format!("the text has {length} characters; {most} at most are allowed"));
            return None;
        }
        Some(text.clone())
    }

    /// A text that must be given and not be empty.
    fn required(&mut self, object: Object<'_>, name: &str, most: usize) -> Option<String> {
        if object.get(name).is_none() {
            self.wrong(object.at(name), "this member is missing");
            return None;
        }
        let text = self.text(object, name, most)?;
        if text.is_empty() {
            self.wrong(object.at(name), "the text must not be empty");
            return None;
        }
        Some(text)
    }

    fn truth(&mut self, object: Object<'_>, name: &str, default: bool) -> bool {
        match object.get(name) {
            None => default,
            Some(Value::Bool(truth)) => *truth,
            Some(other) => {
                self.wrong(object.at(name), format!("true or false is needed, not {}", kind(other)));
                default
            }
        }
    }

    /// A whole number of a range.
    fn number(&mut self, object: Object<'_>, name: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let value = object.get(name)?;
        let number = value.as_u64().filter(|number| range.contains(number));
        if number.is_none() {
            let (least, most) = range.into_inner();
            self.wrong(
                object.at(name),
                format!("a whole number from {least} to {most} is needed, not {}", brief(value)),
            );
        }
        number
    }

    /// One of some names.
    fn one_of<T: Copy>(
        &mut self,
        object: Object<'_>,
        name: &str,
        all: &[T],
        of: impl Fn(T) -> &'static str,
    ) -> Option<T> {
        let value = object.get(name)?;
        let found = all.iter().copied().find(|known| value.as_str() == Some(of(*known)));
        if found.is_none() {
            let names: Vec<&str> = all.iter().map(|known| of(*known)).collect();
            self.wrong(object.at(name), format!("{} is not one of {}", brief(value), list(&names)));
        }
        found
    }

    /// A single character.
    fn character(&mut self, object: Object<'_>, name: &str) -> Option<char> {
        let value = object.get(name)?;
        let mut characters = value.as_str().unwrap_or_default().chars();
        match (characters.next(), characters.next()) {
            (Some(one), None) => Some(one),
            _ => {
                self.wrong(object.at(name), format!("one character in quotes is needed, not {}", brief(value)));
                None
            }
        }
    }

    /// A text with slots. `is_row` tells whether its slots may differ from row to row.
    fn slots(&mut self, path: String, value: &Value, is_row: bool) -> Option<Text> {
        let Some(text) = value.as_str() else {
            self.wrong(path, format!("a text is needed, not {}", kind(value)));
            return None;
        };
        match Text::parse(text) {
            Ok(text) => {
                if let Some(source) = text.sources().find(|source| !is_row && !source.is_constant()) {
                    let reason = "differs from row to row, so it can stand in a row only";
                    self.wrong(path, format!("{} {reason}", source.as_str()));
                    return None;
                }
                Some(text)
            }
            Err(reason) => {
                self.wrong(path, reason);
                None
            }
        }
    }

    fn profile(&mut self, value: &Value) -> Option<Profile> {
        let object = self.object("", value)?;
        let base = match object.get("base") {
            None => {
                self.wrong("base", format!("this member is missing; it is one of {}", list(&BASES)));
                None
            }
            Some(_) => self.one_of(object, "base", &BASES, |name| name),
        };
        self.members_of(object, base);
        let name = self.name(object);
        let encoding = self.one_of(object, "encoding", &Encoding::ALL, Encoding::as_str).unwrap_or_default();
        let byte_order_mark = self.truth(object, "byte_order_mark", false);
        if byte_order_mark && encoding.byte_order_mark().is_none() {
            self.wrong("byte_order_mark", format!("{} has no byte order mark", encoding.as_str()));
        }
        let description = self.text(object, "description", MAX_TEXT);
        let extension = self.extension(object);
        let media_type = self.media_type(object);
        let line_end = self.one_of(object, "line_end", &LineEnd::ALL, LineEnd::as_str).unwrap_or_default();
        let barcode = object.get("barcode").and_then(|value| self.barcode(value)).unwrap_or_default();
        let epc = object.get("epc").and_then(|value| self.epc(value)).unwrap_or_default();
        let defaults = object.get("defaults").and_then(|value| self.defaults(value)).unwrap_or_default();
        let max_rows = self.number(object, "max_rows", 1..=MAX_ROWS);
        let base = match base? {
            "delimited" => self.delimited(object),
            "fixed" => self.fixed(object),
            "lines" => self.lines(object),
            "sheet" => self.sheet(object),
            _ => self.template(object),
        };
        Some(Profile {
            name: name?,
            description,
            extension: extension?,
            media_type,
            encoding,
            byte_order_mark,
            line_end,
            barcode,
            epc,
            defaults,
            max_rows,
            base: base?,
        })
    }

    /// Refuses members that do not exist, or that the base does not have.
    fn members_of(&mut self, object: Object<'_>, base: Option<&str>) {
        for name in object.members.keys() {
            match MEMBERS.iter().find(|(known, _)| known == name) {
                None => {
                    let known: Vec<&str> = MEMBERS
                        .iter()
                        .filter(|(_, of)| of.is_empty() || base.is_none_or(|base| of.contains(&base)))
                        .map(|(name, _)| *name)
                        .collect();
                    self.wrong(object.at(name), format!("there is no such member; the members are {}", list(&known)));
                }
                Some((_, of)) => {
                    if let Some(base) = base.filter(|base| !of.is_empty() && !of.contains(base)) {
                        let reason = format!("the base {base} has no such member; it belongs to {}", list(of));
                        self.wrong(object.at(name), reason);
                    }
                }
            }
        }
    }

    fn name(&mut self, object: Object<'_>) -> Option<ProfileName> {
        let text = self.required(object, "name", MAX_TEXT)?;
        let name = ProfileName::parse(&text);
        if name.is_none() {
            let reason = "a name has 2 to 32 characters, a lower-case letter and then such letters, digits and hyphens, and \
                          is not that of a built-in format";
            self.wrong("name", format!("{text:?} cannot be the name of a profile: {reason}"));
        }
        name
    }

    fn extension(&mut self, object: Object<'_>) -> Option<String> {
        let text = self.required(object, "extension", MAX_TEXT)?;
        let is_part = |part: &str| {
            (1..=10).contains(&part.len())
                && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
                && !part.ends_with("gz")
        };
        let is_good = text.split('.').all(is_part) && text.split('.').count() <= 2;
        if !is_good {
            let reason = "an extension is one or two parts of 1 to 10 lower-case letters and digits, without a leading dot \
                          and without gz";
            self.wrong("extension", format!("{text:?} cannot be used: {reason}"));
        }
        is_good.then_some(text)
    }

    fn media_type(&mut self, object: Object<'_>) -> Option<String> {
        let text = self.text(object, "media_type", 100)?;
        let is_name = |name: &str| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
        };
        let is_good = text.split_once('/').is_some_and(|(kind, name)| is_name(kind) && is_name(name));
        if !is_good {
            let reason = "a type such as text/csv is needed, without parameters; the encoding is added";
            self.wrong("media_type", format!("{text:?} is no media type: {reason}"));
        }
        is_good.then_some(text)
    }

    fn barcode(&mut self, value: &Value) -> Option<Barcode> {
        let object = self.object("barcode", value)?;
        self.known(object, &OF_BARCODE);
        let fnc1 = match object.get("fnc1") {
            None => None,
            Some(_) => self.required(object, "fnc1", 20),
        };
        if let Some(text) = &fnc1 {
            // A line break would end the row in the middle of a code, and other control characters mean nothing to a reader.
            if text.chars().any(|one| one.is_control() && one != FNC1) {
                self.wrong("barcode.fnc1", "it must not contain a control character other than U+001D");
            } else if text.chars().all(|one| one.is_ascii_alphanumeric()) {
                let reason = "letters and digits alone cannot be told from a code";
                self.wrong(
                    "barcode.fnc1",
                    format!("{reason}; write what the reader takes for FNC1, such as ^FNC1 or ~1"),
                );
            }
        }
        let start = match object.get("start") {
            None => BarcodeStart::None,
            Some(given) => given.as_str().and_then(BarcodeStart::parse).unwrap_or_else(|| {
                let names = list(&BarcodeStart::NAMES);
                self.wrong("barcode.start", format!("{} is not one of {names}", brief(given)));
                BarcodeStart::None
            }),
        };
        let doubled = self.character(object, "doubled");
        if doubled.is_some_and(|character| character.is_ascii_alphanumeric()) {
            self.wrong("barcode.doubled", "letters and digits cannot be doubled: they are what codes are made of");
        }
        Some(Barcode { fnc1, start, doubled })
    }

    fn epc(&mut self, value: &Value) -> Option<Epc> {
        let object = self.object("epc", value)?;
        self.known(object, &OF_EPC);
        let scheme = self.one_of(object, "scheme", &EpcScheme::ALL, EpcScheme::as_str);
        let filter = self.number(object, "filter", 0..=MAX_FILTER.into());
        Some(Epc { scheme, filter: filter.and_then(|filter| u8::try_from(filter).ok()) })
    }

    /// A length in millimetres with two decimals, or another number with as many decimals as `parts` has zeros. The
    /// number itself is checked with the whole layout.
    fn decimal(&mut self, object: Object<'_>, name: &str, parts: u32, default: u32) -> u32 {
        let Some(value) = object.get(name) else { return default };
        let scaled = value.as_f64().map(|number| number * f64::from(parts));
        match scaled.filter(|number| (0.0..=1e7).contains(number) && (number - number.round()).abs() < 1e-6) {
            // A whole number below 10^7, so the cast is exact.
            Some(number) => number.round() as u32,
            None => {
                let kind = match parts {
                    1 => "a whole number",
                    10 => "a number of points with one decimal at most",
                    _ => "a number of millimetres with two decimals at most",
                };
                self.wrong(object.at(name), format!("{kind} is needed, not {}", brief(value)));
                default
            }
        }
    }

    fn sheet(&mut self, object: Object<'_>) -> Option<Base> {
        let mut layout = SheetLayout::default();
        if let Some(sheet) = object.get("sheet").and_then(|value| self.object("sheet", value)) {
            self.known(sheet, &OF_SHEET);
            match sheet.get("page") {
                None => {}
                Some(Value::String(name)) if name == "a4" => {}
                Some(Value::String(name)) if name == "letter" => {
                    (layout.page_width, layout.page_height) = (21_590, 27_940);
                }
                Some(page) => match page.as_object() {
                    Some(members) => {
                        let page = Object { path: "sheet.page", members };
                        self.known(page, &["width", "height"]);
                        layout.page_width = self.decimal(page, "width", 100, layout.page_width);
                        layout.page_height = self.decimal(page, "height", 100, layout.page_height);
                    }
                    None => {
                        let reason = "a4, letter, or width and height in millimetres are needed";
                        self.wrong("sheet.page", format!("{reason}, not {}", brief(page)));
                    }
                },
            }
            layout.columns = self.decimal(sheet, "columns", 1, layout.columns);
            layout.rows = self.decimal(sheet, "rows", 1, layout.rows);
            layout.margin_x = self.decimal(sheet, "margin_x", 100, layout.margin_x);
            layout.margin_y = self.decimal(sheet, "margin_y", 100, layout.margin_y);
            layout.gap_x = self.decimal(sheet, "gap_x", 100, layout.gap_x);
            layout.gap_y = self.decimal(sheet, "gap_y", 100, layout.gap_y);
            layout.padding = self.decimal(sheet, "padding", 100, layout.padding);
            layout.font_size = self.decimal(sheet, "font_size", 10, layout.font_size);
        }
        let mut data = None;
        if let Some(symbol) = object.get("symbol").and_then(|value| self.object("symbol", value)) {
            self.known(symbol, &OF_SYMBOL);
            let kind = self.one_of(symbol, "kind", &Symbology::ALL, Symbology::as_str);
            layout.symbol = kind.unwrap_or(layout.symbol);
            let quiet_zone = u32::try_from(layout.symbol.quiet_zone()).unwrap_or_default();
            layout.quiet_zone = self.decimal(symbol, "quiet_zone", 1, quiet_zone);
            data = symbol.get("data").and_then(|value| self.slots("symbol.data".to_owned(), value, true));
            if data.is_some() {
                self.shows_codes("symbol.data", data.iter());
            }
        }
        let text = object.get("text").and_then(|value| self.slots("text".to_owned(), value, true));
        // A plain QR code carries any text.
        let is_any = !layout.symbol.is_gs1();
        for (path, text, is_data) in [("symbol.data", &data, true), ("text", &text, false)] {
            let is_good = |one: char| match is_data {
                true => is_printable(one) || (is_any && !is_unwritable(one)),
                false => is_printable(one) || one == '\n',
            };
            let own = text.iter().flat_map(|text| text.own()).flat_map(str::chars);
            if let Some(character) = own.into_iter().find(|one| !is_good(*one)) {
                let code = u32::from(character);
                let only = if is_data && is_any { "printable characters" } else { "printable ASCII" };
                self.wrong(path, format!("a sheet shows {only} only here, not {character:?} (U+{code:04X})"));
            }
        }
        if let Err(error) = layout.check() {
            self.wrong("sheet", error.to_string());
        }
        Some(Base::Sheet(Box::new(SheetBase { layout, data, text })))
    }

    fn defaults(&mut self, value: &Value) -> Option<BTreeMap<Source, String>> {
        let object = self.object("defaults", value)?;
        let mut defaults = BTreeMap::new();
        for name in object.members.keys() {
            match Source::parse(name) {
                None => self.wrong(object.at(name), unknown(name)),
                Some(source) if !source.is_optional() => {
                    let optional: Vec<&str> =
                        Source::ALL.into_iter().filter(|source| source.is_optional()).map(Source::as_str).collect();
                    let reason = format!("only {} can be missing and so have a default", list(&optional));
                    self.wrong(object.at(name), reason);
                }
                Some(source) => {
                    if let Some(text) = self.text(object, name, MAX_TEXT) {
                        defaults.insert(source, text);
                    }
                }
            }
        }
        Some(defaults)
    }

    fn delimited(&mut self, object: Object<'_>) -> Option<Base> {
        let delimiter = match object.get("delimiter") {
            None => Some(','),
            Some(Value::String(name)) if name == "tab" => Some('\t'),
            Some(_) => self.character(object, "delimiter"),
        };
        if let Some(character) = delimiter.filter(|c| c.is_alphanumeric() || matches!(c, '"' | '\r' | '\n' | '\0')) {
            let reason = "it must not be a letter, a digit, a quotation mark or a line break";
            self.wrong("delimiter", format!("{character:?} cannot separate fields: {reason}"));
        }
        let quoting = self.one_of(object, "quoting", &Quoting::ALL, Quoting::as_str).unwrap_or_default();
        let header = self.truth(object, "header", true);
        let columns = self.columns(object, |reader, column| {
            reader.not_here(column, &["width", "align", "pad"], "fixed");
            let name = match header || column.get("name").is_some() {
                true => reader.required(column, "name", MAX_TEXT),
                false => Some(String::new()),
            };
            let text = reader.shown(column);
            let escape = reader.one_of(column, "escape", &Escaping::ALL, Escaping::as_str).unwrap_or_default();
            Some(Column { name: name?, text: text?, escape })
        })?;
        self.distinct(columns.iter().map(|column| column.name.as_str()));
        Some(Base::Delimited { delimiter: delimiter?, quoting, header, columns })
    }

    fn fixed(&mut self, object: Object<'_>) -> Option<Base> {
        let header = self.truth(object, "header", false);
        let columns = self.columns(object, |reader, column| {
            reader.not_here(column, &["escape"], "delimited");
            let name = match header {
                true => reader.required(column, "name", MAX_TEXT),
                false => Some(reader.text(column, "name", MAX_TEXT).unwrap_or_default()),
            };
            let text = reader.shown(column);
            if column.get("width").is_none() {
                reader.wrong(column.at("width"), "this member is missing");
            }
            let width = reader.number(column, "width", 1..=MAX_WIDTH as u64).map(|width| width as usize);
            let right = reader.one_of(column, "align", &["left", "right"], |name| name) == Some("right");
            let pad = match column.get("pad") {
                None => Some(' '),
                Some(_) => reader.character(column, "pad"),
            };
            if pad.is_some_and(|pad| !pad.is_ascii() || pad.is_ascii_control()) {
                reader.wrong(column.at("pad"), "a printable character of ASCII is needed, which is as long as a digit");
            }
            Some(FixedColumn { name: name?, text: text?, width: width?, right, pad: pad? })
        })?;
        self.distinct(columns.iter().map(|column| column.name.as_str()));
        Some(Base::Fixed { header, columns })
    }

    fn lines(&mut self, object: Object<'_>) -> Option<Base> {
        let Some(value) = object.get("line") else {
            self.wrong("line", "this member is missing");
            return None;
        };
        let line = self.slots("line".to_owned(), value, true)?;
        self.shows_codes("line", std::iter::once(&line));
        let escape = self.one_of(object, "escape", &Escaping::ALL, Escaping::as_str).unwrap_or_default();
        Some(Base::Lines { line, escape })
    }

    fn template(&mut self, object: Object<'_>) -> Option<Base> {
        let row = match object.get("row") {
            None => {
                self.wrong("row", "this member is missing");
                Vec::new()
            }
            Some(Value::Array(rows)) => {
                if rows.is_empty() {
                    self.wrong("row", "the list has no text");
                }
                let texts = rows.iter().enumerate();
                texts.filter_map(|(place, row)| self.slots(format!("row[{place}]"), row, true)).collect()
            }
            Some(one) => self.slots("row".to_owned(), one, true).into_iter().collect(),
        };
        if !row.is_empty() {
            self.shows_codes("row", row.iter());
        }
        let blocks = self.number(object, "rows_per_block", 1..=MAX_ROWS_PER_BLOCK as u64).map(|rows| rows as usize);
        let rows_per_block = blocks.unwrap_or(row.len());
        if row.len() > MAX_ROWS_PER_BLOCK {
            self.wrong("row", format!("{MAX_ROWS_PER_BLOCK} texts at most are allowed"));
        } else if row.len() > 1 && rows_per_block != row.len() {
            let reason = format!("row has {} texts, one for each row of a block", row.len());
            self.wrong("rows_per_block", format!("{reason}; leave this member out or set it to {}", row.len()));
        }
        for name in ["block_header", "block_footer", "block_separator"] {
            if rows_per_block < 2 && object.get(name).is_some() {
                self.wrong(name, "this needs blocks: set rows_per_block to 2 or more, or give row several texts");
            }
        }
        let mut text = |name: &str| match object.get(name) {
            None => Text::default(),
            Some(value) => self.slots(name.to_owned(), value, false).unwrap_or_default(),
        };
        let (header, footer) = (text("header"), text("footer"));
        let (block_header, block_footer) = (text("block_header"), text("block_footer"));
        let (separator, block_separator) = (text("separator"), text("block_separator"));
        let escape = self.one_of(object, "escape", &Escaping::ALL, Escaping::as_str).unwrap_or_default();
        Some(Base::Template(Box::new(TemplateBase {
            header,
            row,
            footer,
            escape,
            rows_per_block,
            block_header,
            block_footer,
            separator,
            block_separator,
        })))
    }

    /// Refuses rows that are all the same.
    fn shows_codes<'t>(&mut self, path: &str, texts: impl Iterator<Item = &'t Text>) {
        let mut sources = texts.flat_map(Text::sources);
        if !sources.any(|source| !source.is_constant()) {
            self.wrong(
                path,
                "this shows nothing of a code; write a source in braces, such as {code} or {digital_link}",
            );
        }
    }

    fn columns<T>(
        &mut self,
        object: Object<'_>,
        mut read: impl FnMut(&mut Self, Object<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let columns = match object.get("columns") {
            Some(Value::Array(columns)) if !columns.is_empty() => columns,
            None => {
                self.wrong("columns", "this member is missing");
                return None;
            }
            Some(other) => {
                let found = if other.is_array() { "an empty one" } else { kind(other) };
                self.wrong("columns", format!("a list of columns is needed, not {found}"));
                return None;
            }
        };
        if columns.len() > MAX_COLUMNS {
            self.wrong("columns", format!("{} columns are too many; {MAX_COLUMNS} at most are allowed", columns.len()));
            return None;
        }
        let mut all = Vec::with_capacity(columns.len());
        for (place, value) in columns.iter().enumerate() {
            let path = format!("columns[{place}]");
            if let Some(column) = self.object(&path, value) {
                self.known(column, &OF_COLUMN);
                all.extend(read(self, column));
            }
        }
        (all.len() == columns.len()).then_some(all)
    }

    /// Refuses members of a column that only columns of another base have.
    fn not_here(&mut self, column: Object<'_>, names: &[&str], base: &str) {
        for name in names.iter().filter(|name| column.get(name).is_some()) {
            self.wrong(column.at(name), format!("only columns of the base {base} have this member"));
        }
    }

    /// What a column shows: a source, a constant, or a text with slots.
    fn shown(&mut self, column: Object<'_>) -> Option<Text> {
        let given: Vec<&str> =
            ["source", "constant", "text"].into_iter().filter(|name| column.get(name).is_some()).collect();
        match given.as_slice() {
            ["source"] => {
                let name = self.required(column, "source", MAX_TEXT)?;
                let source = Source::parse(&name);
                if source.is_none() {
                    self.wrong(column.at("source"), unknown(&name));
                }
                source.map(Text::slot)
            }
            ["constant"] => self.text(column, "constant", MAX_CANONICAL).map(|text| Text::constant(&text)),
            ["text"] => {
                let text = self.required(column, "text", MAX_CANONICAL)?;
                self.slots(column.at("text"), &Value::String(text), true)
            }
            [] => {
                self.wrong(column.path, "the column shows nothing: it needs source, constant or text");
                None
            }
            several => {
                self.wrong(column.path, format!("the column has {}; one of them is enough", list(several)));
                None
            }
        }
    }

    fn distinct<'n>(&mut self, names: impl Iterator<Item = &'n str>) {
        let mut seen = std::collections::BTreeSet::new();
        for (place, name) in names.enumerate() {
            if !name.is_empty() && !seen.insert(name) {
                self.wrong(format!("columns[{place}].name"), format!("another column has the name {name:?} already"));
            }
        }
    }
}

/// Whether a profile of an operator may have this name: those of the service keep theirs.
///
/// # Errors
/// A mistake with the reason.
pub fn check_own_name(name: ProfileName) -> Result<(), Mistake> {
    if name.is_built_in() {
        let message = format!("{name} is a built-in profile ({}); choose another name", list(&BUILT_IN_PROFILES));
        return Err(Mistake { path: "name".to_owned(), message });
    }
    Ok(())
}
