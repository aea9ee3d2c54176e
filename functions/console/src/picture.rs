//! The one place that draws symbols of codes.

use maud::{Markup, PreEscaped, html};
use symbols::{Picture, Symbology};

/// Pixels of a module. The page scales the picture.
const MODULE: usize = 4;

/// The picture of a code: a QR code of its link. `text` says what it is to those who do not see it. Nothing is drawn
/// for a code without a link, or with one that no symbol holds.
pub(crate) fn of(link: &str, text: &str) -> Markup {
    let symbology = Symbology::Qr;
    let Ok(matrix) = symbology.encode(link) else { return html! {} };
    let picture = Picture { matrix: &matrix, module: MODULE, quiet_zone: symbology.quiet_zone(), text: "" };
    // The text is said by the element around it.
    let svg = picture.svg().replacen(" role=\"img\"", " aria-hidden=\"true\"", 1);
    html! {
        div.picture role="img" aria-label=(text) { (PreEscaped(svg)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_no_markup_of_what_it_shows() {
        let shown = of("https://example.com/<script>", "\"><script>").into_string();
        assert!(shown.contains("<svg ") && !shown.contains("<script>"), "{shown}");
        assert_eq!(of("", "nothing").into_string(), "");
        assert_eq!(of(&"a".repeat(10_000), "too long").into_string(), "");
    }
}
