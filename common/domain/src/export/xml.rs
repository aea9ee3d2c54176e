//! `xml`: XML 1.0 in UTF-8, without a namespace or a document type. One `code` element per line.
//!
//! ```text
//! <?xml version="1.0" encoding="UTF-8"?>
//! <codes reservation="018f…" type="sgtin">
//! <code position="1"><value>aB3dE5gH</value><digital_link>https://…</digital_link><element_string>(01)…(21)aB3dE5gH</element_string><epc_uri>urn:epc:…</epc_uri></code>
//! </codes>
//! ```
//!
//! `value` is the member that other formats call `code`. Every row has all elements; the element of a form that the codes do not
//! have is empty. The file ends in LF.

use crate::code::{Field, Renderer};

use super::template::{FileHead, Layout, RowTemplate};

pub(super) fn layout(renderer: &Renderer, file: &FileHead<'_>) -> Layout {
    let mut head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<codes reservation=\"".to_owned();
    escape(file.reservation, &mut head);
    head.push_str("\" type=\"");
    escape(file.code_type.as_str(), &mut head);
    head.push_str("\">\n");
    let row = RowTemplate::default()
        .text("<code position=\"")
        .position()
        .text("\"><value>")
        .field(renderer, Field::Code, escape)
        .text("</value><digital_link>")
        .field(renderer, Field::DigitalLink, escape)
        .text("</digital_link><element_string>")
        .field(renderer, Field::ElementString, escape)
        .text("</element_string><epc_uri>")
        .field(renderer, Field::EpcUri, escape)
        .text("</epc_uri></code>\n");
    Layout::of_rows(&head, row, 0, "</codes>\n")
}

/// Escapes text for element content and for an attribute in double quotes: the five predefined entities (XML 1.0, section 2.4).
pub(super) fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn literals_are_escaped_as_the_library_escapes_them() {
        for text in ["", "plain", "\"", "\\", "a\"b\\c", "<&>'\"", "&amp;", "ü→\u{1F600}", "?a=1&b=2"] {
            let mut escaped = String::new();
            super::escape(text, &mut escaped);
            assert_eq!(escaped, quick_xml::escape::escape(text));
        }
    }
}
