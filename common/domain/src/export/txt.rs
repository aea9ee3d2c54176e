//! `txt`: one digital link a line, in UTF-8, every line ending in LF: what a printer of QR codes eats.
//!
//! ```text
//! https://id.gs1.org/01/09506000134352/21/aB3dE5gH
//! ```
//!
//! Codes without a link (short codes of a deployment that has no domain for them) are printed as they are.

use crate::code::{Field, Renderer};

use super::template::{Layout, RowTemplate, is_empty, verbatim};

pub(super) fn layout(renderer: &Renderer) -> Layout {
    let field = if is_empty(renderer, Field::DigitalLink) { Field::Code } else { Field::DigitalLink };
    Layout {
        head: String::new(),
        row: RowTemplate::default().field(renderer, field, verbatim).text("\n"),
        separator_len: 0,
        foot: String::new(),
    }
}
