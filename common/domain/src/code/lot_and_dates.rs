//! Lot and dates of goods: what a code says about its item besides which item it is (AI 10, 11, 15 and 17).
//!
//! They are parts of the element string, of the data of a barcode and of the Digital Link. They identify nothing: a
//! namespace, an index, an EPC and an `epc_join_key` are the same with and without them.

use serde::{Deserialize, Serialize};

use super::day::Day;
use super::{link, primary_keys::primary_key};

/// Maximum number of characters of a lot (AI 10, X..20).
const MAX_LOT: usize = 20;

/// The characters of a lot besides letters and digits (GS1 General Specifications, section 7.11: the AI encodable
/// character set 82).
const LOT_SIGNS: &str = r##"!"%&'()*+,-./:;<=>?_"##;

/// The Application Identifier of a lot.
pub(super) const LOT: &str = "10";

/// The Application Identifiers of dates, in the order in which they are written.
pub(super) const DATES: [&str; 3] = ["11", "15", "17"];

/// Lot and dates of the items that the codes of a reservation stand on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotAndDates {
    /// The batch or lot number (AI 10), as [`check_lot`] accepts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<String>,
    /// When the items were produced (AI 11).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub production_date: Option<Day>,
    /// Until when they have their best quality (AI 15).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_before: Option<Day>,
    /// The last day on which they may be used (AI 17).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry_date: Option<Day>,
}

impl LotAndDates {
    /// Whether there is neither a lot nor a date.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// How many of lot and dates there are, 0 to 4.
    #[must_use]
    pub fn count(&self) -> usize {
        self.dates().count() + usize::from(self.lot.is_some())
    }

    /// The dates that there are, with their Application Identifiers, as `YYMMDD`.
    pub(super) fn dates(&self) -> impl Iterator<Item = (&'static str, String)> {
        let dates = [self.production_date, self.best_before, self.expiry_date];
        DATES.into_iter().zip(dates).filter_map(|(ai, date)| Some((ai, date?.yymmdd())))
    }

    /// Whether an element of somebody's link or element string states another lot or date. A date without a day
    /// (`YYMM00`) is every day of its month.
    pub(super) fn contradicts(&self, ai: &str, stated: &str) -> bool {
        if ai == LOT {
            return self.lot.as_deref().is_some_and(|lot| lot != stated);
        }
        let is_month = |month: &str, date: &str| month.len() == 4 && date.starts_with(month);
        let is_other =
            |date: &str| stated != date && !stated.strip_suffix("00").is_some_and(|month| is_month(month, date));
        self.dates().any(|(own, date)| own == ai && is_other(&date))
    }
}

/// Why a text cannot be a lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LotError {
    /// It is empty, too long, or has a character that AI 10 does not allow.
    #[error("Value has to be 1 to 20 letters A-Z, a-z, digits and characters of {}.", LOT_SIGNS)]
    Form,
    /// Readers of element strings would take a part of it for the next Application Identifier.
    #[error(
        "Value must not contain digits in brackets, such as (21), which readers take for an Application Identifier."
    )]
    Brackets,
    /// GS1's older toolkit takes it for the key of the link, in the path of which it stands behind the real one.
    #[error(
        "Value must not be the number or short name of a GS1 key, such as 01 or gtin, which some readers take for it."
    )]
    Key,
    /// Clients resolve it in the path of a link (RFC 3986, section 5.2.4), encoded or not.
    #[error("Value must not be . or .., which clients remove from the path of a link.")]
    Dots,
}

/// Checks a lot: 1 to 20 characters of the set of AI 10. Three kinds of lots are refused although the standard
/// allows them, because not every reader could read a code with them.
///
/// # Errors
/// [`LotError`] with the rule that the text breaks.
pub fn check_lot(text: &str) -> Result<(), LotError> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || LOT_SIGNS.contains(c);
    if !(1..=MAX_LOT).contains(&text.chars().count()) || !text.chars().all(is_allowed) {
        return Err(LotError::Form);
    }
    if matches!(text, "." | "..") {
        return Err(LotError::Dots);
    }
    if primary_key(text).is_some() {
        return Err(LotError::Key);
    }
    if text.match_indices('(').any(|(at, _)| text.get(at..).and_then(link::bracketed).is_some()) {
        return Err(LotError::Brackets);
    }
    Ok(())
}

/// The form of a lot as a regular expression (ECMA 262), for descriptions of the API. Besides, [`check_lot`] refuses
/// digits in brackets, dots alone and keys.
#[must_use]
pub fn lot_pattern() -> String {
    // The hyphen is last, where it stands for itself.
    let signs: String = LOT_SIGNS.chars().filter(|c| *c != '-').collect();
    format!("^[A-Za-z0-9{signs}-]{{1,{MAX_LOT}}}$")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lot_has_the_characters_of_its_application_identifier() {
        let set = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
        assert_eq!(set.len(), 82);
        for code in 0..=u32::from('\u{17f}') {
            let character = char::from_u32(code).unwrap();
            let lot = format!("A{character}");
            assert_eq!(check_lot(&lot).is_ok(), set.contains(character), "{lot:?}");
        }
        for lot in [
            "A",
            &"x".repeat(20),
            "...",
            ".a",
            "-",
            "10",
            "21",
            "001",
            "lot",
            "gtins",
            "(A)",
            "(1)",
            "()",
            "((21",
            "(21",
            "A(B",
        ] {
            assert_eq!(check_lot(lot), Ok(()), "{lot}");
        }
        for (lot, error) in [
            ("", LotError::Form),
            (&"x".repeat(21), LotError::Form),
            ("A B", LotError::Form),
            ("A\u{1d}", LotError::Form),
            ("(21)", LotError::Brackets),
            ("A(21)B", LotError::Brackets),
            ("((8006)", LotError::Brackets),
            ("01", LotError::Key),
            ("8003", LotError::Key),
            ("GTIN", LotError::Key),
            (".", LotError::Dots),
            ("..", LotError::Dots),
        ] {
            assert_eq!(check_lot(lot), Err(error), "{lot}");
        }
    }

    #[test]
    fn the_form_of_a_lot_is_described() {
        assert_eq!(lot_pattern(), "^[A-Za-z0-9!\"%&'()*+,./:;<=>?_-]{1,20}$");
    }

    #[test]
    fn only_another_value_of_the_same_kind_contradicts() {
        let day = |text| Day::parse(text);
        let known =
            LotAndDates { lot: Some("A1".to_owned()), expiry_date: day("2027-12-31"), ..LotAndDates::default() };
        assert_eq!((known.count(), known.is_empty(), LotAndDates::default().is_empty()), (2, false, true));
        for (ai, stated) in
            [("10", "A1"), ("17", "271231"), ("17", "271200"), ("11", "200101"), ("21", "X"), ("15", "x")]
        {
            assert!(!known.contradicts(ai, stated), "{ai} {stated}");
            assert!(!LotAndDates::default().contradicts(ai, stated));
        }
        for (ai, stated) in [
            ("10", "a1"),
            ("10", ""),
            ("10", "A10"),
            ("17", "271230"),
            ("17", "271100"),
            ("17", "2712"),
            ("17", "00"),
            ("17", "27123100"),
        ] {
            assert!(known.contradicts(ai, stated), "{ai} {stated}");
        }
    }
}
