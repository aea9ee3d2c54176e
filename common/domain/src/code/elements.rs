//! The element strings of a code: each Application Identifier with its value. The element string, the data of a barcode
//! and the GS1 Digital Link are written from this one list, so that they cannot disagree.
//!
//! The form of an EPC URI follows other rules and is in [`super::epc`].

use super::lot_and_dates::{LOT, LotAndDates};
use super::namespace::Namespace;
use super::template::{Piece, Template, encoded};
use super::types::CodeType;

/// The separator between two element strings in the data of a barcode: the control character GS, 29. Scanners send it,
/// and encoders of GS1 symbols read it, where the symbol has FNC1 (GS1 General Specifications, section 7.8).
pub const FNC1: char = '\u{1d}';

/// The first two digits of those Application Identifiers whose element strings have a predefined length, so that no
/// separator follows them (GS1 General Specifications, section 7.8, "Element strings with predefined length"). All
/// others need a separator, also those of a fixed length, such as AI 8006.
const PREDEFINED_LENGTH: [&str; 22] = [
    "00", "01", "02", "03", "04", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "31", "32", "33", "34",
    "35", "36", "41",
];

/// What an element string is to the item that carries it (GS1 Digital Link URI Syntax 1.6, section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// It identifies the item: the primary key, and the serial.
    Identifier,
    /// A qualifier that does not identify the item further: its lot. It stands in the path, before the serial.
    Lot,
    /// An attribute: a date. It stands in the query.
    Date,
}

/// One element string: an Application Identifier and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Element {
    part: Part,
    ai: &'static str,
    /// The value as text; nothing in it is percent-encoded.
    value: Vec<Piece>,
}

impl Element {
    /// Whether readers find the end of the element string without a separator.
    fn has_predefined_length(&self) -> bool {
        self.ai.get(..2).is_some_and(|start| PREDEFINED_LENGTH.contains(&start))
    }
}

/// The element strings of the codes of a namespace, in the order in which they are written. A short code has none.
///
/// The order is: primary key, dates, lot, serial. The dates have a predefined length, so only the lot needs a separator
/// in a barcode. The lot stands before the serial, as in the path of a Digital Link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ElementList(Vec<Element>);

impl ElementList {
    /// The list for codes whose varying part has `width` characters. Lot and dates are left out for types that have
    /// none.
    pub(super) fn of(namespace: &Namespace, width: usize, known: &LotAndDates) -> Self {
        let code_type = namespace.code_type;
        let Some(ai) = code_type.application_identifier() else { return Self(Vec::new()) };
        let mut list = vec![Element { part: Part::Identifier, ai, value: key(namespace, width).pieces() }];
        if code_type.has_lot_and_dates() {
            let text = |text: &str| Template::new().literal(text).pieces();
            list.extend(known.dates().map(|(ai, date)| Element { part: Part::Date, ai, value: text(&date) }));
            list.extend(known.lot.as_deref().map(|lot| Element { part: Part::Lot, ai: LOT, value: text(lot) }));
        }
        let serial = |ai| Element { part: Part::Identifier, ai, value: Template::new().slot(0, width).pieces() };
        list.extend(code_type.serial_ai().map(serial));
        Self(list)
    }

    /// The text for people: `(AI)value(AI)value`.
    pub(super) fn element_string(&self) -> Template {
        bracketed(self.0.iter())
    }

    /// The element string of the identifiers alone, which is the key of the code.
    pub(super) fn join_key(&self) -> Template {
        bracketed(self.0.iter().filter(|element| element.part == Part::Identifier))
    }

    /// The data of a barcode: Application Identifiers without brackets, [`FNC1`] after each element string that needs
    /// it and is not the last. The FNC1 that begins a GS1 symbol is not part of the data.
    pub(super) fn barcode_data(&self) -> Template {
        let mut data = Template::new();
        let mut elements = self.0.iter().peekable();
        while let Some(element) = elements.next() {
            data = data.literal(element.ai).value(&element.value, str::to_owned);
            if elements.peek().is_some() && !element.has_predefined_length() {
                data = data.literal(FNC1.encode_utf8(&mut [0; 4]));
            }
        }
        data
    }

    /// Appends path and query of the Digital Link: `/AI/value/AI/value?AI=value&AI=value`, values percent-encoded (GS1
    /// Digital Link URI Syntax 1.6, section 4). `suffix` is the rest of the query, without a question mark.
    pub(super) fn link(&self, domain: &str, suffix: &str) -> Template {
        let mut link = Template::new().literal(domain);
        for Element { ai, value, .. } in self.0.iter().filter(|element| element.part != Part::Date) {
            link = link.literal(&format!("/{ai}/")).value(value, encoded);
        }
        let mut mark = "?";
        for Element { ai, value, .. } in self.0.iter().filter(|element| element.part == Part::Date) {
            link = link.literal(&format!("{mark}{ai}=")).value(value, encoded);
            mark = "&";
        }
        if suffix.is_empty() { link } else { link.literal(mark).literal(suffix) }
    }
}

fn bracketed<'a>(elements: impl Iterator<Item = &'a Element>) -> Template {
    let write = |text: Template, Element { ai, value, .. }: &Element| {
        text.literal(&format!("({ai})")).value(value, str::to_owned)
    };
    elements.fold(Template::new(), write)
}

/// The value of the primary key: the key alone, or the key that the varying part completes.
pub(super) fn key(namespace: &Namespace, width: usize) -> Template {
    let template = Template::new();
    match namespace.code_type {
        CodeType::Sscc => template.slot(0, 1).literal(&namespace.key).slot(1, width),
        // The first digit of an AI 8003 is always 0.
        CodeType::Grai => template.literal("0").literal(&namespace.key).slot(0, width),
        code_type if code_type.serial_ai().is_some() => template.literal(&namespace.key),
        _ => template.literal(&namespace.key).slot(0, width),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_identifiers_of_the_standards_table_have_a_predefined_length() {
        let has = |ai| Element { part: Part::Identifier, ai, value: Vec::new() }.has_predefined_length();
        for ai in ["00", "01", "02", "11", "15", "17", "20", "3103", "3692", "410", "417"] {
            assert!(has(ai), "{ai}");
        }
        for ai in
            ["10", "21", "22", "235", "240", "253", "255", "37", "3922", "400", "421", "4300", "7003", "8003", "8006"]
        {
            assert!(!has(ai), "{ai}");
        }
    }
}
