//! The `search` parameter → [`Search`].

use crate::query::access::Access;
use crate::query::javascript;
use crate::query::plan::Search;
use crate::query::schema::{Collection, Field};
use crate::reservation::Status;

impl Search {
    /// Prepares a search in the fields that the caller may read.
    pub(in crate::query) fn new(text: &str, collection: Collection, access: &Access) -> Self {
        let number = javascript::number_from_text(text);
        // Only a number in its canonical form: `0x10` is a text, not 16.
        let number = (number.is_finite() && javascript::number_text(number) == text).then_some(number);
        let hyphenated = text.len() == 36 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        let uuid = uuid::Uuid::parse_str(text).ok().filter(|_| hyphenated).map(|u| u.hyphenated().to_string());
        let fields = collection.fields().iter();
        let fields = fields.filter(|f| access.can_read_field(collection, f) && !f.concealed && f.in_wildcard);
        let text = text.to_lowercase();
        let fields = fields.filter(|field| can_contain(collection, field, &text)).collect();
        Self { text, number, uuid, fields }
    }
}

/// Whether a field can contain a text (lower case): few of its values are possible in the field of a status, and what is
/// not looked at need not be read.
fn can_contain(collection: Collection, field: &Field, text: &str) -> bool {
    let is_status = collection == Collection::CodeReservation && field.name == "status";
    !is_status || Status::ALL.iter().any(|status| status.as_str().contains(text))
}
