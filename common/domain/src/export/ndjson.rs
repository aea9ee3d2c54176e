//! `ndjson`: newline-delimited JSON. The objects of `json`, one per line. Every line ends in LF.
//!
//! ```text
//! {"position":1,"code":"aB3dE5gH","digital_link":"https://…","element_string":"(01)…(21)aB3dE5gH","epc_uri":"urn:epc:…"}
//! ```

use crate::code::Renderer;

use super::json;
use super::template::Layout;

pub(super) fn layout(renderer: &Renderer) -> Layout {
    Layout::of_rows("", json::object(renderer).text("\n"), 0, "")
}
