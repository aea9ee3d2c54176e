//! `json`: RFC 8259. One array with one object per line, so that a file that is too large for a parser can be read line by line.
//!
//! ```text
//! [
//! {"position":1,"code":"aB3dE5gH","digital_link":"https://…","element_string":"(01)…(21)aB3dE5gH","epc_uri":"urn:epc:…"},
//! {"position":2,"code":"Zz09Yy18","digital_link":"https://…","element_string":"(01)…(21)Zz09Yy18","epc_uri":"urn:epc:…"}
//! ]
//! ```
//!
//! `position` is a number, and the other members are strings in every row. A form that the codes do not have is the empty string.
//! The file ends in LF.

use crate::code::{Field, Renderer};

use super::template::{Layout, RowTemplate};

pub(super) fn layout(renderer: &Renderer) -> Layout {
    Layout::of_rows("[\n", object(renderer).text(",\n"), 2, "\n]\n")
}

/// One row as an object on one line, without a line break.
pub(super) fn object(renderer: &Renderer) -> RowTemplate {
    RowTemplate::default()
        .text("{\"position\":")
        .position()
        .text(",\"code\":\"")
        .field(renderer, Field::Code, escape)
        .text("\",\"digital_link\":\"")
        .field(renderer, Field::DigitalLink, escape)
        .text("\",\"element_string\":\"")
        .field(renderer, Field::ElementString, escape)
        .text("\",\"epc_uri\":\"")
        .field(renderer, Field::EpcUri, escape)
        .text("\"}")
}

/// Escapes text for a JSON string (RFC 8259, section 7), which is also a double-quoted scalar of YAML.
pub(super) fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            // Only profiles have these: `Rows::compile` refuses them in the literals of the built-in formats.
            '\0'..='\u{1f}' => out.push_str(&format!("\\u{:04x}", u32::from(character))),
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
            let quoted = serde_json::to_string(text).unwrap();
            assert_eq!(format!("\"{escaped}\""), quoted);
        }
    }

    #[test]
    fn control_characters_are_escaped() {
        let all: String = ('\0'..='\u{20}').collect();
        let mut escaped = String::new();
        super::escape(&all, &mut escaped);
        assert_eq!(serde_json::from_str::<String>(&format!("\"{escaped}\"")).unwrap(), all);
    }
}
