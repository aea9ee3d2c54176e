//! Points in time in the form of the API: ISO 8601 in UTC with milliseconds and `Z`.

use std::fmt;

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
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

    /// Parses a time in RFC 3339 format.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text).ok().map(|time| Self::new(time.to_utc()))
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
        Self::parse(&text).ok_or_else(|| D::Error::custom("not an RFC 3339 time"))
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
}
