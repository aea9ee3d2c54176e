//! Whether the symbols of a sheet carry GS1 data where their kind demands it.
//!
//! A GS1 symbol tells scanners that it holds Application Identifiers and their values. With other data they would report
//! an error, or elements that nobody meant.

use std::ops::Range;

use super::compile::{Compiler, Filling, ProfileFault, sample};
use super::source::Source;
use super::text::{Piece, Text};
use super::{Base, SheetBase};
use crate::code::element_strings;
use crate::export::Escaping;

/// What the data of a GS1 symbol must be, for messages.
pub(super) const WANTED: &str =
    "Application Identifiers and their values are needed, such as {barcode_data} or 01{gtin}21{serial}";

impl Compiler<'_> {
    /// Refuses a sheet whose GS1 symbols would carry something else.
    ///
    /// # Errors
    /// [`ProfileFault`] with the member `export_type`.
    pub(super) fn check_gs1(&self) -> Result<(), ProfileFault> {
        let Base::Sheet(sheet) = &self.profile.base else { return Ok(()) };
        if self.carries_gs1(sheet)? {
            return Ok(());
        }
        let reason = format!(
            "The profile {} prints {} symbols whose data would be no GS1 data: {WANTED}.",
            self.profile.name, sheet.layout.symbol
        );
        Err(self.profile.fault("export_type", reason))
    }

    /// Whether every symbol carries what its kind demands.
    ///
    /// # Errors
    /// [`ProfileFault`] if the reservation lacks something that the data shows.
    pub(super) fn carries_gs1(&self, sheet: &SheetBase) -> Result<bool, ProfileFault> {
        let Some(data) = sheet.data.as_ref().filter(|_| sheet.layout.symbol.is_gs1()) else { return Ok(true) };
        // Digits stand for letters too, unless codes have none. The number of a row has more digits in later rows.
        let letter = if self.renderer.character_set().symbols().contains(&b'A') { "A" } else { "0" };
        for digits in 1..=self.quantity.to_string().len() {
            for (code, tag) in [("0", "0"), (letter, "A")] {
                if !self.is_gs1(data, Filling { code, tag, digits })? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn is_gs1(&self, data: &Text, filling: Filling) -> Result<bool, ProfileFault> {
        let mut text = String::new();
        // Where the profile's own characters are, and where complete barcode data is.
        let (mut own, mut complete) = (Vec::new(), Vec::new());
        for piece in data.pieces() {
            let start = text.len();
            match piece {
                Piece::Own(characters) => {
                    text.push_str(characters);
                    own.push(start..text.len());
                }
                Piece::Slot(source) => {
                    text.push_str(&sample(&self.bits(&Text::slot(*source), Escaping::None)?, filling));
                    if *source == Source::BarcodeData {
                        complete.push(start..text.len());
                    }
                }
            }
        }
        let Some(elements) = element_strings(&text) else { return Ok(false) };
        let is_in = |places: &[Range<usize>], part: &Range<usize>| {
            places.iter().any(|place| place.start <= part.start && part.end <= place.end)
        };
        // Digits of a value that happen to be an Application Identifier are none.
        let are_meant =
            elements.iter().all(|element| is_in(&own, &element.identifier) || is_in(&complete, &element.identifier));
        // Elements before and behind the barcode data must not become part of a value in it, or take a part of it.
        let is_whole = |whole: &Range<usize>| {
            elements.iter().any(|element| element.identifier.start == whole.start)
                && elements.iter().any(|element| element.value.end == whole.end)
        };
        Ok(are_meant && complete.iter().all(is_whole))
    }
}
