//! `csv`: RFC 4180 in UTF-8 without a byte order mark, except that every row ends in LF instead of CRLF, including the last.
//!
//! ```text
//! position,code,digital_link,element_string,epc_uri
//! 1,aB3dE5gH,https://id.gs1.org/01/09506000134352/21/aB3dE5gH,(01)09506000134352(21)aB3dE5gH,urn:epc:id:sgtin:9506000.013435.aB3dE5gH
//! ```
//!
//! A field is quoted only if it contains a comma, a quote or a line break. That is the same for every row of a file, because
//! only letters and digits vary. A form that the codes do not have is an empty field without quotes.

use crate::code::{Field, Piece, Renderer};

use super::template::{Layout, RowTemplate, verbatim};

pub(super) fn layout(renderer: &Renderer) -> Layout {
    let mut row = RowTemplate::default().position();
    for field in Field::COLUMNS {
        row = row.text(",");
        row = if needs_quotes(renderer, field) {
            row.text("\"").field(renderer, field, double_quotes).text("\"")
        } else {
            row.field(renderer, field, verbatim)
        };
    }
    Layout::of_rows("position,code,digital_link,element_string,epc_uri\n", row.text("\n"), 0, "")
}

fn needs_quotes(renderer: &Renderer, field: Field) -> bool {
    renderer.pieces(field).iter().any(|piece| match piece {
        Piece::Literal(text) => text.contains([',', '"', '\r', '\n']),
        Piece::Slot { .. } => false,
    })
}

fn double_quotes(text: &str, out: &mut String) {
    out.push_str(&text.replace('"', "\"\""));
}

#[cfg(test)]
mod tests {
    #[test]
    fn quotes_are_doubled() {
        let mut out = String::new();
        super::double_quotes("a\"b\"\"", &mut out);
        assert_eq!(out, "a\"\"b\"\"\"\"");
    }
}
