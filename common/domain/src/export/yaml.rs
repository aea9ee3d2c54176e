//! `yaml`: one document, a block sequence of mappings. YAML 1.1 and YAML 1.2 parsers read the same values.
//!
//! ```text
//! - position: 1
//!   code: "aB3dE5gH"
//!   digital_link: "https://id.gs1.org/01/09506000134352/21/aB3dE5gH"
//!   element_string: "(01)09506000134352(21)aB3dE5gH"
//!   epc_uri: "urn:epc:id:sgtin:9506000.013435.aB3dE5gH"
//! ```
//!
//! `position` is a number. All other values are always double-quoted: a parser would read a plain `00123456`, `12E45678` or `0x…` as
//! a number and lose leading zeros. There is no document marker, so that files can be concatenated.

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
    Layout::of_rows("", row, 0, "")
}
