//! Points in time in the form of the API: ISO 8601 in UTC with milliseconds and `Z`.

use std::fmt;

use chrono::{DateTime, Datelike, SecondsFormat, SubsecRound, Timelike, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A point in time with millisecond precision. The order of the texts (`2024-03-01T08:00:00.000Z`) is the order of the times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// Truncates a time to milliseconds.
    #[must_use]
    pub fn new(time: DateTime<Utc>) -> Self {
        Self(time.trunc_subsecs(3))
    }

    /// Parses a time in RFC 3339 format. Times are keys of indexes, so those are refused whose text would be in another
    /// place than the time: years before 0 or after 9999 (an offset leads there), and leap seconds (`23:59:60`), which
    /// have no place of their own on the scale of seconds that others compute with.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let time = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
        let is_sortable = (0..=9_999).contains(&time.year()) && time.nanosecond() < 1_000_000_000;
        is_sortable.then(|| Self::new(time))
    }

    /// The time.
    #[must_use]
    pub fn time(self) -> DateTime<Utc> {
        self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let refused = "is no time in RFC 3339 format, in the years 0000 to 9999 in UTC and without leap seconds";
        Self::parse(&text).ok_or_else(|| D::Error::custom(format_args!("{text:?} {refused}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_milliseconds_and_z() {
        let time = Timestamp::parse("2024-03-01T09:00:00.1239+01:00").unwrap();
        assert_eq!(time.to_string(), "2024-03-01T08:00:00.123Z");
        assert_eq!(serde_json::to_string(&time).unwrap(), "\"2024-03-01T08:00:00.123Z\"");
        assert_eq!(serde_json::from_str::<Timestamp>("\"2024-03-01T08:00:00.123Z\"").unwrap(), time);
        assert!(Timestamp::parse("yesterday").is_none());
    }

    #[test]
    fn times_whose_texts_have_another_order_are_refused() {
        for text in [
            "2016-12-31T23:59:60Z",
            "2017-01-01T00:59:60+01:00",
            "9999-12-31T23:30:00-01:00",
            "0000-01-01T00:30:00+01:00",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
            let error = serde_json::from_value::<Timestamp>(serde_json::json!(text)).unwrap_err().to_string();
            assert!(error.contains(text) && error.contains("leap seconds"), "{error}");
        }
        let edges = ["0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "2016-12-31T23:59:59.999Z"];
        assert!(edges.into_iter().all(|text| Timestamp::parse(text).is_some()));
    }
}
