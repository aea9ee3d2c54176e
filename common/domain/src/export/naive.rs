//! The plain, obviously right writer that the fast one is compared with: one row after another, every field
//! as a string, escaped by libraries. It shares nothing with the fast one but the renderer's single code.

use std::ops::Range;

use serde::Serialize;

use crate::code::Renderer;

use super::{FileHead, Format};

#[derive(Serialize)]
struct Row {
    position: u64,
    code: String,
    digital_link: String,
    element_string: String,
    epc_uri: String,
}

/// A file to be written row by row.
pub(super) struct Naive<'a> {
    pub(super) format: Format,
    pub(super) renderer: &'a Renderer,
    pub(super) start_index: u64,
    pub(super) quantity: u64,
    pub(super) head: FileHead<'a>,
}

impl Naive<'_> {
    /// The whole file.
    pub(super) fn file(&self) -> String {
        self.window(1..self.quantity + 1)
    }

    /// The rows at these positions, with what comes before the first of the file and after the last.
    pub(super) fn window(&self, positions: Range<u64>) -> String {
        let mut text = String::new();
        for position in positions {
            if position == 1 {
                text.push_str(&self.before());
            }
            text.push_str(&self.row(position));
            if self.format == Format::Json && position != self.quantity {
                text.push(',');
            }
            text.push('\n');
            if position == self.quantity {
                text.push_str(self.after());
            }
        }
        text
    }

    fn before(&self) -> String {
        match self.format {
            Format::Csv => csv_line(["position", "code", "digital_link", "element_string", "epc_uri"]) + "\n",
            Format::Json => "[\n".to_owned(),
            Format::Xml => format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<codes reservation=\"{}\" type=\"{}\">\n",
                quick_xml::escape::escape(self.head.reservation),
                self.head.code_type.as_str()
            ),
            Format::Xlsx => {
                let names = ["position", "code", "digital_link", "element_string", "epc_uri"].map(cell).concat();
                let columns = "<col min=\"1\" max=\"1\" width=\"10\" customWidth=\"1\"/>\
                    <col min=\"2\" max=\"2\" width=\"22\" style=\"1\" customWidth=\"1\"/>\
                    <col min=\"3\" max=\"3\" width=\"70\" style=\"1\" customWidth=\"1\"/>\
                    <col min=\"4\" max=\"4\" width=\"48\" style=\"1\" customWidth=\"1\"/>\
                    <col min=\"5\" max=\"5\" width=\"48\" style=\"1\" customWidth=\"1\"/>";
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<worksheet \
                     xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><cols>{columns}</cols><sheetData>\n\
                     <row>{names}</row>\n"
                )
            }
            Format::Txt | Format::Ndjson | Format::Yaml => String::new(),
        }
    }

    fn after(&self) -> &'static str {
        match self.format {
            Format::Json => "]\n",
            Format::Xml => "</codes>\n",
            Format::Xlsx => "</sheetData></worksheet>\n",
            Format::Csv | Format::Txt | Format::Ndjson | Format::Yaml => "",
        }
    }

    fn row(&self, position: u64) -> String {
        let code = self.renderer.code(self.start_index + position - 1).unwrap();
        let row = Row {
            position,
            code: code.code,
            digital_link: code.digital_link,
            element_string: code.element_string,
            epc_uri: code.epc_uri,
        };
        match self.format {
            Format::Csv => {
                csv_line([&row.position.to_string(), &row.code, &row.digital_link, &row.element_string, &row.epc_uri])
            }
            Format::Txt if row.digital_link.is_empty() => row.code,
            Format::Txt => row.digital_link,
            Format::Json | Format::Ndjson => json(&row),
            Format::Yaml => format!(
                "- position: {}\n  code: {}\n  digital_link: {}\n  element_string: {}\n  epc_uri: {}",
                row.position,
                json(&row.code),
                json(&row.digital_link),
                json(&row.element_string),
                json(&row.epc_uri)
            ),
            Format::Xml => format!(
                "<code position=\"{}\">{}{}{}{}</code>",
                row.position,
                element("value", &row.code),
                element("digital_link", &row.digital_link),
                element("element_string", &row.element_string),
                element("epc_uri", &row.epc_uri)
            ),
            Format::Xlsx => {
                let texts = [&row.code, &row.digital_link, &row.element_string, &row.epc_uri];
                let cells = texts.map(|text| if text.is_empty() { "<c s=\"1\"/>".to_owned() } else { cell(text) });
                format!("<row><c><v>{}</v></c>{}</row>", row.position, cells.concat())
            }
        }
    }
}

/// A cell of a text. No sample has a text that Office Open XML would take for an escape.
fn cell(text: &str) -> String {
    format!("<c s=\"1\" t=\"inlineStr\"><is>{}</is></c>", element("t", text))
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", quick_xml::escape::escape(text))
}

fn csv_line(fields: [&str; 5]) -> String {
    let mut writer = ::csv::WriterBuilder::new().terminator(::csv::Terminator::Any(b'\n')).from_writer(Vec::new());
    writer.write_record(fields).unwrap();
    let line = String::from_utf8(writer.into_inner().unwrap()).unwrap();
    line.trim_end_matches('\n').to_owned()
}
