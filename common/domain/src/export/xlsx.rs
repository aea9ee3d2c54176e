//! `xlsx`: an Office Open XML workbook (ECMA-376) with one sheet: the columns of `csv`, a row of their names first.
//!
//! ```text
//! <row><c><v>1</v></c><c s="1" t="inlineStr"><is><t>aB3dE5gH</t></is></c>…</row>
//! ```
//!
//! `position` is a number. All other cells are texts, in the cell format "Text" too, so that no program takes a code
//! for a number, and an edit does not make it one. A form that the codes do not have is an empty cell. The texts stand
//! in the sheet itself (inline strings), because the table of strings that other writers make would have to be known as
//! a whole.
//!
//! The workbook is a zip archive with the sheet as its last member ([`super::zip`]).

use crate::code::{Field, Renderer};

use super::template::{Layout, RowTemplate, is_empty};
use super::{xml, zip::Archive};

const SPREADSHEET: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";

/// The archive, without its sheet.
pub(super) const ARCHIVE: Archive = Archive {
    known: &[
        (
            "[Content_Types].xml",
            "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n\
             <Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\
             <Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
             <Default Extension=\"xml\" ContentType=\"application/xml\"/>\
             <Override PartName=\"/xl/workbook.xml\" \
             ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml\"/>\
             <Override PartName=\"/xl/styles.xml\" \
             ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml\"/>\
             <Override PartName=\"/xl/worksheets/sheet1.xml\" \
             ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml\"/></Types>",
        ),
        (
            "_rels/.rels",
            "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n\
             <Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
             <Relationship Id=\"rId1\" \
             Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument\" \
             Target=\"xl/workbook.xml\"/></Relationships>",
        ),
        (
            "xl/workbook.xml",
            "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n\
             <workbook xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" \
             xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\">\
             <sheets><sheet name=\"codes\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>",
        ),
        (
            "xl/_rels/workbook.xml.rels",
            "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n\
             <Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
             <Relationship Id=\"rId1\" \
             Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet\" \
             Target=\"worksheets/sheet1.xml\"/>\
             <Relationship Id=\"rId2\" \
             Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles\" \
             Target=\"styles.xml\"/></Relationships>",
        ),
        (
            // Cell format 0 is the default, 1 is "Text" (number format 49).
            "xl/styles.xml",
            "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n\
             <styleSheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\">\
             <fonts count=\"1\"><font><sz val=\"11\"/><name val=\"Calibri\"/></font></fonts>\
             <fills count=\"2\"><fill><patternFill patternType=\"none\"/></fill>\
             <fill><patternFill patternType=\"gray125\"/></fill></fills>\
             <borders count=\"1\"><border><left/><right/><top/><bottom/><diagonal/></border></borders>\
             <cellStyleXfs count=\"1\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\"/></cellStyleXfs>\
             <cellXfs count=\"2\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\"/>\
             <xf numFmtId=\"49\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\" applyNumberFormat=\"1\"/></cellXfs>\
             <cellStyles count=\"1\"><cellStyle name=\"Normal\" xfId=\"0\" builtinId=\"0\"/></cellStyles></styleSheet>",
        ),
    ],
    last: "xl/worksheets/sheet1.xml",
};

/// The width of a column in characters, enough for most of its values.
const fn width(field: Field) -> u8 {
    match field {
        Field::Code => 22,
        Field::DigitalLink => 70,
        Field::ElementString | Field::EpcUri | Field::BarcodeData => 48,
    }
}

/// The sheet.
pub(super) fn layout(renderer: &Renderer) -> Layout {
    let mut head = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<worksheet xmlns=\"{SPREADSHEET}\"><cols>\
         <col min=\"1\" max=\"1\" width=\"10\" customWidth=\"1\"/>"
    );
    for (column, field) in (2..).zip(Field::COLUMNS) {
        let width = width(field);
        // The style of a column is that of the cells which a person adds below.
        head.push_str(&format!(
            "<col min=\"{column}\" max=\"{column}\" width=\"{width}\" style=\"1\" customWidth=\"1\"/>"
        ));
    }
    head.push_str("</cols><sheetData>\n<row>");
    for name in ["position", "code", "digital_link", "element_string", "epc_uri"] {
        head.push_str(&format!("{TEXT}{name}{TEXT_END}"));
    }
    head.push_str("</row>\n");
    let mut row = RowTemplate::default().text("<row><c><v>").position().text("</v></c>");
    for field in Field::COLUMNS {
        row = match is_empty(renderer, field) {
            true => row.text("<c s=\"1\"/>"),
            false => row.text(TEXT).field(renderer, field, escape).text(TEXT_END),
        };
    }
    Layout::of_rows(&head, row.text("</row>\n"), 0, "</sheetData></worksheet>\n")
}

const TEXT: &str = "<c s=\"1\" t=\"inlineStr\"><is><t>";
const TEXT_END: &str = "</t></is></c>";

/// Escapes text of a cell: XML, and the escapes of Office Open XML. Readers take `_x0041_` for the character U+0041, so
/// the first character of such a text is written as one (ECMA-376, part 1, section 22.9.2.19, `ST_Xstring`).
fn escape(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find("_x") {
        let (before, tail) = rest.split_at(at);
        xml::escape(before, out);
        let is_escape = tail
            .as_bytes()
            .get(2..7)
            .is_some_and(|code| code.ends_with(b"_") && code.iter().take(4).all(u8::is_ascii_hexdigit));
        out.push_str(if is_escape { "_x005F_" } else { "_" });
        rest = tail.get(1..).unwrap_or_default();
    }
    xml::escape(rest, out);
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_readers_take_for_an_escape_is_written_as_its_characters() {
        for (text, expected) in [
            ("a&b", "a&amp;b"),
            ("_x0041_", "_x005F_x0041_"),
            ("a_x004g_", "a_x004g_"),
            ("_x0041", "_x0041"),
            ("_x_x0041_<", "_x_x005F_x0041_&lt;"),
            ("_xFFFF__xab12_", "_x005F_xFFFF__x005F_xab12_"),
            ("_X0041_ü", "_X0041_ü"),
        ] {
            let mut out = String::new();
            super::escape(text, &mut out);
            assert_eq!(out, expected);
        }
    }
}
