//! Functions of a field: `year(date_created)`, `count(codes)`.
//!
//! Parts of dates are in UTC. `week` is the ISO 8601 week, `weekday` counts from Sunday = 0, `second` includes its
//! fraction: the results of PostgreSQL's EXTRACT, which Directus uses.

use crate::query::schema::{Field, FieldType, Relation};
use chrono::{DateTime, Datelike, Timelike, Utc};

/// A function of one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Function {
    /// The year.
    Year,
    /// The month, 1 to 12.
    Month,
    /// The ISO week, 1 to 53.
    Week,
    /// The day of the month.
    Day,
    /// The day of the week, Sunday = 0.
    Weekday,
    /// The hour, 0 to 23.
    Hour,
    /// The minute.
    Minute,
    /// The second with its fraction.
    Second,
    /// The number of rows that refer to this one.
    Count,
}

impl Function {
    const ALL: [(Self, &'static str); 9] = [
        (Self::Year, "year"),
        (Self::Month, "month"),
        (Self::Week, "week"),
        (Self::Day, "day"),
        (Self::Weekday, "weekday"),
        (Self::Hour, "hour"),
        (Self::Minute, "minute"),
        (Self::Second, "second"),
        (Self::Count, "count"),
    ];

    /// The function of this name; `None` if it does not exist or cannot be applied to `field`.
    pub(in crate::query) fn of(name: &str, field: &Field) -> Option<Self> {
        let (function, _) = Self::ALL.into_iter().find(|(_, n)| *n == name)?;
        let fits = match function {
            Self::Count => matches!(field.relation, Relation::Many(_)),
            // A day has no time.
            Self::Hour | Self::Minute | Self::Second => field.kind == FieldType::Timestamp,
            _ => field.kind.is_time(),
        };
        fits.then_some(function)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(f, _)| *f == self).map_or("", |(_, n)| n)
    }

    /// The value for an instant; `None` for `count`.
    pub(in crate::query) fn of_instant(self, at: &DateTime<Utc>) -> Option<f64> {
        let whole = |n: u32| Some(f64::from(n));
        match self {
            Self::Year => Some(f64::from(at.year())),
            Self::Month => whole(at.month()),
            Self::Week => whole(at.iso_week().week()),
            Self::Day => whole(at.day()),
            Self::Weekday => whole(at.weekday().num_days_from_sunday()),
            Self::Hour => whole(at.hour()),
            Self::Minute => whole(at.minute()),
            Self::Second => Some(f64::from(at.second()) + f64::from(at.nanosecond() / 1_000 % 1_000_000) / 1e6),
            Self::Count => None,
        }
    }

    /// The value in an answer: a text, for `second` with six decimals.
    pub(in crate::query) fn text_of_instant(self, at: &DateTime<Utc>) -> Option<String> {
        let value = self.of_instant(at)?;
        Some(if self == Self::Second { format!("{value:.6}") } else { format!("{value}") })
    }
}

/// Splits a key into the function, if there is one, and the name of the field: `year(date_created)` → `year`, `date_created`.
pub(in crate::query) fn split(key: &str) -> (Option<&str>, &str) {
    let inner = || {
        let open = key.find('(')?;
        let name = key.get(..open)?;
        let rest = key.get(open + 1..)?;
        let close = rest.find(')')?;
        let argument = rest.get(..close)?;
        if name.is_empty() || name.contains(')') || argument.is_empty() {
            return None;
        }
        let argument = argument.trim();
        (!argument.is_empty()).then_some((Some(name.trim()), argument))
    };
    inner().unwrap_or((None, key.trim()))
}

/// Moves relations out of the parentheses: `year(a.b.c)` → `a.b.year(c)`.
pub(in crate::query) fn outer_path(path: &str) -> String {
    let moved = || {
        let open = path.find('(')?;
        let close = path.find(')').filter(|c| *c > open)?;
        let (before, argument) = (path.get(..open)?, path.get(open + 1..close)?.trim());
        let (prefix, name) = match before.rfind('.') {
            Some(dot) => (before.get(..=dot)?, before.get(dot + 1..)?),
            None => ("", before),
        };
        if name.is_empty() || argument.is_empty() || argument.contains('(') {
            return None;
        }
        let (relations, member) = match argument.rfind('.') {
            Some(dot) => (argument.get(..=dot)?, argument.get(dot + 1..)?),
            None => ("", argument),
        };
        Some(format!("{prefix}{relations}{name}({member}{}", path.get(close..)?))
    };
    moved().unwrap_or_else(|| path.to_owned())
}

/// The name of a function in an answer: `year(date_created)` → `date_created_year`.
pub(in crate::query) fn column_name(key: &str) -> String {
    match split(key) {
        (Some(function), member) => format!("{member}_{function}"),
        (None, _) => key.to_owned(),
    }
}
