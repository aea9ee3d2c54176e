//! `yaml`: one document, a block sequence of mappings, the same for a YAML 1.1 and a YAML 1.2 reader.
//!
//! ```text
//! - position: 1
//!   code: "aB3dE5gH"
//!   digital_link: "https://id.gs1.org/01/09506000134352/21/aB3dE5gH"
//!   element_string: "(01)09506000134352(21)aB3dE5gH"
//!   epc_uri: "urn:epc:id:sgtin:9506000.013435.aB3dE5gH"
//! ```
//!
//! `position` is a number. Everything else is double-quoted, always: a plain `00123456`, `12E45678` or `0x…`
//! would come back as a number, and leading zeros of a code count. No document marker, so that a file is also
//! a valid part of a larger one.

use crate::code::{Field, Renderer};

use super::json::escape;
use super::template::{Layout, RowTemplate};

pub(super) fn layout(renderer: &Renderer) -> Layout {
    let row = RowTemplate::default()
        .text("- position: ")
        .position()
        .text("\n  code: \"")
        .field(renderer, Field::Code, escape)
        .text("\"\n  digital_link: \"")
        .field(renderer, Field::DigitalLink, escape)
        .text("\"\n  element_string: \"")
        .field(renderer, Field::ElementString, escape)
        .text("\"\n  epc_uri: \"")
        .field(renderer, Field::EpcUri, escape)
        .text("\"\n");
    Layout { head: String::new(), row, separator_len: 0, foot: String::new() }
}
