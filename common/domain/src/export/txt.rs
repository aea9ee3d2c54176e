//! `txt`: one GS1 Digital Link per line in UTF-8, the input format of printers of QR codes. Every line ends in LF.
//!
//! ```text
//! https://id.gs1.org/01/09506000134352/21/aB3dE5gH
//! ```
//!
//! If the codes have no link (short codes of a deployment without a domain for them), the line is the code itself.

use crate::code::{Field, Renderer};

use super::template::{Layout, RowTemplate, is_empty, verbatim};

pub(super) fn layout(renderer: &Renderer) -> Layout {
    let field = if is_empty(renderer, Field::DigitalLink) { Field::Code } else { Field::DigitalLink };
    Layout::of_rows("", RowTemplate::default().field(renderer, field, verbatim).text("\n"), 0, "")
}
