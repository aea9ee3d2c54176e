//! The one place that draws symbols of codes.

use common::code::Code;
use maud::{Markup, PreEscaped, html};
use symbols::{Picture, Symbology};

use crate::visit::Visit;

/// Pixels of a module. The page scales the picture.
const MODULE: usize = 4;

/// The pictures of a code: a QR code of its link, and a GS1 DataMatrix of its barcode data. `about` says what is in
/// them to those who do not see them. Nothing is drawn of what a code does not have, or what no symbol holds.
pub(crate) fn of(visit: &Visit<'_>, code: &Code, about: &str) -> Markup {
    let texts = visit.texts;
    let symbols = [
        (Symbology::Qr, texts.symbol_qr, code.digital_link.as_str()),
        (Symbology::DataMatrix, texts.symbol_datamatrix, code.barcode_data.as_str()),
    ];
    let drawn: Vec<_> =
        symbols.into_iter().filter_map(|(symbology, name, data)| Some((name, svg(symbology, data)?))).collect();
    html! {
        @if !drawn.is_empty() {
            div.symbols {
                @for (name, svg) in &drawn {
                    figure {
                        div.picture role="img" aria-label={ (name) ": " (about) } { (svg) }
                        figcaption { (name) }
                    }
                }
            }
        }
    }
}

/// A symbol; `None` without data, or if it holds no such data.
fn svg(symbology: Symbology, data: &str) -> Option<Markup> {
    let matrix = symbology.encode(data).ok()?;
    let picture = Picture { matrix: &matrix, module: MODULE, quiet_zone: symbology.quiet_zone(), text: "" };
    // The text is said by the element around it.
    Some(PreEscaped(picture.svg().replacen(" role=\"img\"", " aria-hidden=\"true\"", 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_no_markup_of_what_it_shows() {
        let shown = svg(Symbology::Qr, "https://example.com/<script>").unwrap().into_string();
        assert!(shown.contains("<svg ") && !shown.contains("<script>"), "{shown}");
        let shown = svg(Symbology::DataMatrix, "010950600013435221<b>").unwrap().into_string();
        assert!(shown.contains("<svg ") && !shown.contains("<b>"), "{shown}");
        for symbology in [Symbology::Qr, Symbology::DataMatrix] {
            assert!(svg(symbology, "").is_none());
            assert!(svg(symbology, &"a".repeat(10_000)).is_none());
        }
    }
}
