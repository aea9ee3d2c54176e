//! The members that a client may set, each with its rule. Both [`super::create`] and [`super::update`] read their input here.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{FieldError, Rules, text, url_suffix};
use crate::{
    code::{CharacterSet, CodeType, Day, check_lot},
    reservation::ExportType,
};

/// Maximum of an integer member: Directus' `integer` is a signed 32-bit column.
pub(super) const MAX_INTEGER: i64 = i32::MAX as i64;

/// The members that are texts and accept a number.
pub const TEXTS: [&str; 7] =
    ["reserved_for", "url_suffix", "product", "error_message", "reference_id", "purchase_order", "lot"];

/// Reads the input of a client member by member and collects all failed rules.
pub(super) struct Members<'a> {
    input: &'a Map<String, Value>,
    rules: &'a Rules,
    /// The failed rules so far.
    pub(super) errors: Vec<FieldError>,
}

impl<'a> Members<'a> {
    pub(super) fn new(input: &'a Map<String, Value>, rules: &'a Rules) -> Self {
        Self { input, rules, errors: Vec::new() }
    }

    /// Whether the input contains the member.
    pub(super) fn has(&self, field: &str) -> bool {
        self.input.contains_key(field)
    }

    fn value(&self, field: &str) -> &'a Value {
        self.input.get(field).unwrap_or(&Value::Null)
    }

    /// Collects a failed rule and returns `None` for it.
    fn keep<T>(&mut self, result: Result<Option<T>, FieldError>) -> Option<T> {
        result.unwrap_or_else(|error| {
            self.errors.push(error);
            None
        })
    }

    pub(super) fn text(&mut self, field: &'static str) -> Option<String> {
        let result = text::text(field, self.value(field));
        self.keep(result)
    }

    pub(super) fn reference_id(&mut self) -> Option<String> {
        let reference = self.text("reference_id")?;
        let result = text::no_control_characters("reference_id", &reference).map(|()| Some(reference));
        self.keep(result)
    }

    pub(super) fn url_suffix(&mut self) -> Option<String> {
        let suffix = self.text("url_suffix")?;
        let result = url_suffix::check(&suffix).map(|()| Some(suffix));
        self.keep(result)
    }

    pub(super) fn id(&mut self) -> Option<Uuid> {
        let result = match self.value("id") {
            Value::Null => Ok(None),
            Value::String(id) => {
                uuid(id).map(Some).ok_or_else(|| FieldError::new("id", "uuid", "Value has to be a UUID."))
            }
            _ => Err(FieldError::new("id", "uuid", "Value has to be a UUID.")),
        };
        self.keep(result)
    }

    pub(super) fn quantity(&mut self) -> Option<i64> {
        let max = i64::from(self.rules.max_quantity);
        let result = integer("quantity", self.value("quantity"), 1, max);
        self.keep(result)
    }

    /// `quantity_reserved`, 0…`quantity`.
    pub(super) fn quantity_reserved(&mut self, quantity: i64) -> Option<i64> {
        let result = integer("quantity_reserved", self.value("quantity_reserved"), 0, quantity);
        self.keep(result)
    }

    pub(super) fn length(&mut self) -> Option<u8> {
        let result = integer("length", self.value("length"), 6, 20);
        self.keep(result).and_then(|length| u8::try_from(length).ok())
    }

    pub(super) fn lot(&mut self) -> Option<String> {
        let lot = self.text("lot")?;
        let result = check_lot(&lot).map_err(|error| FieldError::new("lot", "regex", error.to_string()));
        self.keep(result.map(|()| Some(lot)))
    }

    /// A day, such as `2027-12-31`.
    pub(super) fn day(&mut self, field: &'static str) -> Option<Day> {
        let result = match self.value(field) {
            Value::Null => Ok(None),
            Value::String(text) => day(field, text).map(Some),
            _ => Err(FieldError::new(field, "regex", NO_DAY)),
        };
        self.keep(result)
    }

    pub(super) fn code_type(&mut self) -> Option<CodeType> {
        self.choice("code_type", &CodeType::ALL, CodeType::as_str)
    }

    pub(super) fn character_set(&mut self) -> Option<CharacterSet> {
        self.choice("character_set", &CharacterSet::ALL, CharacterSet::as_str)
    }

    pub(super) fn export_type(&mut self) -> Option<ExportType> {
        let result = match self.value("export_type") {
            Value::Null => Ok(None),
            value => {
                let known = value.as_str().and_then(|text| text.parse().ok());
                known.map(Some).ok_or_else(ExportType::unknown)
            }
        };
        self.keep(result)
    }

    fn choice<T: Copy>(&mut self, field: &'static str, all: &[T], name: fn(T) -> &'static str) -> Option<T> {
        let result = match self.value(field) {
            Value::Null => Ok(None),
            value => all
                .iter()
                .copied()
                .find(|item| value.as_str() == Some(name(*item)))
                .map(Some)
                .ok_or_else(|| FieldError::one_of(field, &all.iter().copied().map(name).collect::<Vec<_>>())),
        };
        self.keep(result)
    }
}

/// Parses a UUID in hyphenated form, upper or lower case. Other forms of a UUID are refused, as Directus' databases do not
/// return them unchanged.
#[must_use]
pub fn uuid(text: &str) -> Option<Uuid> {
    if text.len() == 36 { Uuid::try_parse(text).ok() } else { None }
}

const NO_DAY: &str = "Value has to be a day of the calendar in the form YYYY-MM-DD.";

/// Reads a day of the years that an element string can hold.
fn day(field: &'static str, text: &str) -> Result<Day, FieldError> {
    let day = Day::parse(text).ok_or_else(|| FieldError::new(field, "regex", NO_DAY))?;
    if (Day::FIRST_YEAR..=Day::LAST_YEAR).contains(&day.year()) {
        return Ok(day);
    }
    let (first, last) = (Day::FIRST_YEAR, Day::LAST_YEAR);
    let reason = format!("The year has to be {first} to {last}, because codes hold two digits of it.");
    Err(FieldError::new(field, "regex", reason))
}

fn integer(field: &'static str, value: &Value, min: i64, max: i64) -> Result<Option<i64>, FieldError> {
    let parsed;
    let number = match value {
        Value::Null => return Ok(None),
        Value::Number(number) => number,
        // Directus' databases accept a string of digits as a number.
        Value::String(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            parsed = digits.parse().unwrap_or(u64::MAX).into();
            &parsed
        }
        _ => return Err(FieldError::new(field, "integer", "Value has to be a whole number.")),
    };
    // In JSON 5.0 is the same number as 5. A number beyond 64 bits is reported as too large, not as malformed.
    let whole = number.as_i64().or_else(|| {
        let float = number.as_f64()?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a cast of a float saturates, which keeps it out of the range"
        )]
        (float.fract() == 0.0).then_some(float as i64)
    });
    match whole {
        None => Err(FieldError::new(field, "integer", "Value has to be a whole number.")),
        Some(number) if number < min => Err(FieldError::at_least(field, min)),
        Some(number) if number > max => Err(FieldError::at_most(field, max)),
        Some(number) => Ok(Some(number)),
    }
}
