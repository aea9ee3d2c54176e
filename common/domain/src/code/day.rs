//! Days of the calendar, as the dates of goods are written.

use std::fmt;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A day of the calendar. In JSON and in the tables it is the text `YYYY-MM-DD` (ISO 8601), in element strings
/// `YYMMDD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(NaiveDate);

impl Day {
    /// The first year of the dates of goods.
    pub const FIRST_YEAR: i32 = 2000;

    /// The last year of the dates of goods. An element string has two digits of a year. Readers take those that lie
    /// more than 50 years ahead for years of the century before (GS1 General Specifications, section 7.12). With this
    /// limit every reader of the years 2025 to 2049 reads the year that was meant.
    pub const LAST_YEAR: i32 = 2075;

    /// The form of such a date as a regular expression (ECMA 262), for descriptions of the API.
    pub const PATTERN: &str = "^20([0-6][0-9]|7[0-5])-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$";

    /// Reads a day. `None` unless the text is `YYYY-MM-DD` and the calendar has the day.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        let is_digits = [(year, 4), (month, 2), (day, 2)]
            .into_iter()
            .all(|(part, digits)| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()));
        if !is_digits || parts.next().is_some() {
            return None;
        }
        NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).map(Self)
    }

    /// The year.
    #[must_use]
    pub fn year(self) -> i32 {
        self.0.year()
    }

    /// The six digits of an element string, `YYMMDD`.
    #[must_use]
    pub fn yymmdd(self) -> String {
        format!("{:02}{:02}{:02}", self.0.year().rem_euclid(100), self.0.month(), self.0.day())
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), self.0.month(), self.0.day())
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom(format_args!("{text:?} is no day in the form YYYY-MM-DD")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_back_and_written_with_two_digits_of_its_year() {
        for (text, six) in [("2027-12-31", "271231"), ("2000-01-02", "000102"), ("2028-02-29", "280229")] {
            let day = Day::parse(text).unwrap();
            assert_eq!((day.to_string().as_str(), day.yymmdd().as_str()), (text, six));
            let json = serde_json::to_string(&day).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<Day>(&json).unwrap(), day);
        }
        assert!(Day::parse("2027-12-31") > Day::parse("2027-09-30"));
    }

    #[test]
    fn no_other_text_is_a_day() {
        for text in [
            "",
            "2027",
            "2027-12",
            "2027-12-00",
            "2027-00-10",
            "2027-13-01",
            "2027-02-29",
            "2027-02-30",
            "271231",
            "20271231",
            "2027-1-2",
            "+027-12-31",
            "2027-12-31T00:00:00Z",
            "2027-12-31 ",
            "2027-12-3١",
            "31.12.2027",
            "2027-12-31-1",
        ] {
            assert_eq!(Day::parse(text), None, "{text}");
            assert!(serde_json::from_value::<Day>(serde_json::json!(text)).is_err(), "{text}");
        }
    }
}
