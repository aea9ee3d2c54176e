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
