//! Times and durations as operators type them.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use common::reservation::Timestamp;

/// A point in time, or a distance from now: `2027-01-31`, `2027-01-31T12:00:00Z`, `90d`, `12h`, `30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// A point in time.
    At(DateTime<Utc>),
    /// A distance from now.
    In(TimeDelta),
}

impl When {
    /// The time, for something that comes.
    #[must_use]
    pub fn after(self, now: Timestamp) -> Timestamp {
        Timestamp::new(match self {
            Self::At(time) => time,
            Self::In(distance) => now.time() + distance,
        })
    }

    /// The time, for something that has been.
    #[must_use]
    pub fn before(self, now: Timestamp) -> Timestamp {
        Timestamp::new(match self {
            Self::At(time) => time,
            Self::In(distance) => now.time() - distance,
        })
    }
}

/// Parses a time or a distance.
///
/// # Errors
/// The forms that are accepted.
pub fn when(text: &str) -> Result<When, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(When::At(time.to_utc()));
    }
    if let Ok(date) = text.parse::<NaiveDate>() {
        let midnight = date.and_hms_opt(0, 0, 0).ok_or("that day has no midnight")?;
        return Ok(When::At(midnight.and_utc()));
    }
    duration(text).map(When::In).map_err(|_| {
        "a day (2027-01-31), a time (2027-01-31T12:00:00Z) or a number of days, hours or \
                                              minutes (90d, 12h, 30m) is needed"
            .to_owned()
    })
}

/// Ten years. Longer durations are mistakes.
const MAX_DAYS: i64 = 3_653;

/// Parses a duration of up to ten years: `90d`, `12h`, `30m`.
///
/// # Errors
/// The forms that are accepted.
pub fn duration(text: &str) -> Result<TimeDelta, String> {
    let form = || format!("a number of days, hours or minutes is needed (90d, 12h, 30m), up to {MAX_DAYS}d");
    let unit: fn(i64) -> Option<TimeDelta> = match text.chars().last() {
        Some('d') => TimeDelta::try_days,
        Some('h') => TimeDelta::try_hours,
        Some('m') => TimeDelta::try_minutes,
        _ => return Err(form()),
    };
    let digits = text.get(..text.len() - 1).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let duration = digits.and_then(|digits| digits.parse().ok()).and_then(unit).ok_or_else(form)?;
    if duration > TimeDelta::days(MAX_DAYS) { Err(form()) } else { Ok(duration) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_distances_are_read_as_they_are_typed() {
        let now = Timestamp::parse("2026-01-31T12:00:00Z").unwrap();
        for (text, time) in [
            ("2027-01-31", "2027-01-31T00:00:00.000Z"),
            ("2027-01-31T12:00:00+02:00", "2027-01-31T10:00:00.000Z"),
            ("1d", "2026-02-01T12:00:00.000Z"),
            ("12h", "2026-02-01T00:00:00.000Z"),
            ("30m", "2026-01-31T12:30:00.000Z"),
        ] {
            assert_eq!(when(text).unwrap().after(now).to_string(), time, "{text}");
        }
        assert_eq!(when("1d").unwrap().before(now).to_string(), "2026-01-30T12:00:00.000Z");
        for text in ["", "d", "-1d", "1", "1w", "1.5d", "4000d", "99999999999999999999d", "tomorrow", "é", "2027-13-01"]
        {
            assert!(when(text).is_err(), "{text}");
        }
    }
}
