//! The canonical GS1 Digital Link of a code: its key and serial alone, under the domain of GS1.

use super::elements::ElementList;
use super::lot_and_dates::LotAndDates;
use super::namespace::Namespace;
use super::template::Piece;

/// The domain of canonical links (GS1 Digital Link URI Syntax 1.6, section 4.11).
const DOMAIN: &str = "https://id.gs1.org";

/// The pieces of the canonical links of a namespace, whose varying part has `width` characters. It identifies an object
/// whoever's domain its label shows, and says nothing else of it, so events about the object name it so. A short code has
/// none.
#[must_use]
pub fn canonical_link(namespace: &Namespace, width: usize) -> Vec<Piece> {
    if namespace.code_type.application_identifier().is_none() {
        return Vec::new();
    }
    ElementList::of(namespace, width, &LotAndDates::default()).link(DOMAIN, "").pieces()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_the_key_and_the_serial_and_a_short_code_has_none() {
        let link = |namespace: &str| canonical_link(&namespace.parse().unwrap(), 8);
        let literal = |text: &str| Piece::Literal(text.to_owned());
        let serial = Piece::Slot { from: 0, to: 8 };
        assert_eq!(
            link("sgtin#19506000134359#8"),
            [literal("https://id.gs1.org/01/19506000134359/21/"), serial.clone()]
        );
        assert_eq!(link("giai#9506000#8"), [literal("https://id.gs1.org/8004/9506000"), serial]);
        assert_eq!(link("short_code#deployment#8"), []);
    }
}
