//! The data of a GS1 symbol: where its element strings begin and end.
//!
//! Only the syntax is read: Application Identifiers, and values of the right length. Which elements go together is not.

use std::ops::Range;

use super::digits::is_digits;
use super::elements::FNC1;
use super::epc::is_visible;
use super::scanned::IDENTIFIERS;

/// Maximum characters of a value (AI 91 to 99, X..90).
const MAX_VALUE: usize = 90;

/// How many digits Application Identifiers have that begin with these two, and how many digits their values if that is
/// predefined (GS1 General Specifications, section 3.2 and section 7.8, "Element strings with predefined length").
const FORMS: [(&str, usize, Option<usize>); 46] = [
    ("00", 2, Some(18)),
    ("01", 2, Some(14)),
    ("02", 2, Some(14)),
    ("03", 2, Some(14)),
    ("10", 2, None),
    ("11", 2, Some(6)),
    ("12", 2, Some(6)),
    ("13", 2, Some(6)),
    ("15", 2, Some(6)),
    ("16", 2, Some(6)),
    ("17", 2, Some(6)),
    ("20", 2, Some(2)),
    ("21", 2, None),
    ("22", 2, None),
    ("23", 3, None),
    ("24", 3, None),
    ("25", 3, None),
    ("30", 2, None),
    ("31", 4, Some(6)),
    ("32", 4, Some(6)),
    ("33", 4, Some(6)),
    ("34", 4, Some(6)),
    ("35", 4, Some(6)),
    ("36", 4, Some(6)),
    ("37", 2, None),
    ("39", 4, None),
    ("40", 3, None),
    ("41", 3, Some(13)),
    ("42", 3, None),
    ("43", 4, None),
    ("70", 4, None),
    ("71", 3, None),
    ("72", 4, None),
    ("80", 4, None),
    ("81", 4, None),
    ("82", 4, None),
    ("90", 2, None),
    ("91", 2, None),
    ("92", 2, None),
    ("93", 2, None),
    ("94", 2, None),
    ("95", 2, None),
    ("96", 2, None),
    ("97", 2, None),
    ("98", 2, None),
    ("99", 2, None),
];

/// Where an element string lies in the data of a symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElementPlace {
    /// The bytes of the Application Identifier.
    pub identifier: Range<usize>,
    /// The bytes of the value, which follows. The separator behind it is no part of it.
    pub value: Range<usize>,
}

/// The places of the element strings of a symbol's data. `None` if the data is not a sequence of element strings. The
/// FNC1 that begins the symbol is not part of the data.
#[must_use]
pub fn element_strings(data: &str) -> Option<Vec<ElementPlace>> {
    let mut places = Vec::new();
    let mut start = 0;
    while start < data.len() {
        let rest = data.get(start..)?;
        let two = rest.get(..2)?;
        let (_, digits, predefined) = FORMS.into_iter().find(|(first, ..)| *first == two)?;
        let (ai, rest) = rest.split_at_checked(digits)?;
        let (value, after) = match predefined {
            Some(length) => rest.split_at_checked(length)?,
            None => rest.split_at(rest.find(FNC1).unwrap_or(rest.len())),
        };
        let most = IDENTIFIERS.into_iter().find(|(known, ..)| *known == ai);
        let fits = match (predefined, most) {
            (Some(length), _) | (None, Some((_, length, true))) => is_digits(value, length),
            (None, Some((_, most, false))) => value.len() <= most,
            (None, None) => value.len() <= MAX_VALUE,
        };
        if !fits || value.is_empty() || !is_digits(ai, digits) || !is_visible(value) {
            return None;
        }
        let end = start + digits + value.len();
        places.push(ElementPlace { identifier: start..start + digits, value: start + digits..end });
        start = end + usize::from(after.starts_with(FNC1));
    }
    (!places.is_empty()).then_some(places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::{CharacterSet, Day, Field, LotAndDates, PoolSpec, RenderOptions, Renderer, Secret};

    fn whole<'a>(data: &'a str, place: &ElementPlace) -> &'a str {
        assert_eq!(place.identifier.end, place.value.start);
        &data[place.identifier.start..place.value.end]
    }

    #[test]
    fn the_barcode_data_of_every_type_is_a_sequence_of_elements() {
        let secret = Secret::new(&[7; 32]).unwrap();
        let lot_and_dates = LotAndDates {
            lot: Some("L/7-a(01)".to_owned()),
            expiry_date: Day::parse("2027-12-31"),
            ..LotAndDates::default()
        };
        let options = RenderOptions { lot_and_dates, ..RenderOptions::default() };
        for (namespace, set, count) in [
            ("sgtin#09506000134352#20", CharacterSet::Alphanumeric, 4),
            ("sscc#9506000#18", CharacterSet::Numeric, 1),
            ("grai#9506000123455#16", CharacterSet::Alphanumeric, 1),
            ("giai#9506#20", CharacterSet::Alphanumeric, 1),
            ("gsrn#9506000#18", CharacterSet::Numeric, 1),
            ("gdti#9506000654324#17", CharacterSet::Alphanumeric, 1),
            ("itip#095060001343520102#20", CharacterSet::Alphanumeric, 4),
            ("cpi#9506000AB#-12#12", CharacterSet::Numeric, 2),
            ("sgcn#9506000777771#12", CharacterSet::Numeric, 1),
        ] {
            let spec = PoolSpec::from_pool(namespace.parse().unwrap(), set).unwrap();
            let renderer = Renderer::new(&spec, &secret.pool_key(&spec.namespace), &options).unwrap();
            assert!(renderer.length(Field::BarcodeData) > 0);
            let data = renderer.code(1).unwrap().barcode_data;
            let places = element_strings(&data).unwrap_or_else(|| panic!("{data:?}"));
            assert_eq!(places.len(), count, "{data:?}");
            let elements: Vec<&str> = places.iter().map(|place| whole(&data, place)).collect();
            // What lies between the elements are separators.
            assert_eq!(elements.concat(), data.replace(FNC1, ""));
        }
    }

    #[test]
    fn an_identifier_has_as_many_digits_as_the_standard_gives_it() {
        for (data, ai) in [("10A", "10"), ("235A", "235"), ("4101234567890123", "410"), ("3103000123", "3103")] {
            let place = element_strings(data).unwrap().remove(0);
            assert_eq!((&data[place.identifier], place.value.end), (ai, data.len()));
        }
    }

    #[test]
    fn elements_are_found_by_the_lengths_of_the_standard() {
        for (data, elements) in [
            ("010950600013435221aB", vec!["0109506000134352", "21aB"]),
            ("17271231010950600013435221aB", vec!["17271231", "0109506000134352", "21aB"]),
            ("3103000123", vec!["3103000123"]),
            ("99x\u{1d}98y", vec!["99x", "98y"]),
            ("4101234567890123\u{1d}37100", vec!["4101234567890123", "37100"]),
            ("7003260101", vec!["7003260101"]),
        ] {
            let found: Vec<&str> = element_strings(data).unwrap().iter().map(|place| whole(data, place)).collect();
            assert_eq!(found, elements, "{data:?}");
        }
    }

    #[test]
    fn other_texts_are_no_elements() {
        let long = format!("99{}", "x".repeat(91));
        for data in [
            "",
            "0",
            "01",
            "(01)09506000134352(21)aB",
            "https://id.gs1.org/01/09506000134352/21/aB",
            "urn:epc:id:sgtin:9506000.013435.aB",
            "aB3dE5gH",
            "0109506000134352x",
            "01950600013435221aB",
            "05123",
            "0109506000134352\u{1d}\u{1d}21aB",
            "\u{1d}99x",
            "21",
            "10a b",
            "10é",
            "é",
            "0é",
            "31é3000123",
            "210123456789012345678901",
            "80061234",
            long.as_str(),
        ] {
            assert_eq!(element_strings(data), None, "{data:?}");
        }
    }
}
