//! Instants: how they are written in a query, and the variables `$NOW` and `$NOW(-1 year)`.
//!
//! Everything is UTC; a date without a zone is UTC, a date without a time is its midnight.

use chrono::{DateTime, Days, Duration, Months, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, Utc};
use serde_json::Value;

/// Parses an instant; `None` if the text is not one. Accepted: `2024`, `2024-01`, `2024-01-15`, `2024-01-15T12:34[:56[.789]]` with
/// `T` or a space, and `Z`, `+01:00`, `+0100`, `+01` or no zone.
pub(in crate::query) fn parse_instant(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if !text.is_ascii() {
        return None;
    }
    let (date, rest) = match text.find(['T', 't', ' ']) {
        Some(at) => (text.get(..at)?, text.get(at + 1..)?.trim()),
        None => (text, ""),
    };
    let date = parse_date(date)?;
    if rest.is_empty() {
        return Some(date.and_time(NaiveTime::MIN).and_utc());
    }
    let zone_at = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (time, zone) = (rest.get(..zone_at)?.trim(), rest.get(zone_at..)?);
    let local = NaiveDateTime::new(date, parse_time(time)?);
    local.checked_sub_signed(parse_zone(zone)?).map(|at| at.and_utc())
}

/// The instant that a JSON value names: a text as in [`parse_instant`], a whole number as milliseconds since 1970.
pub(in crate::query) fn instant_of(value: &Value) -> Option<DateTime<Utc>> {
    match value {
        Value::String(text) => parse_instant(text),
        Value::Number(millis) => DateTime::from_timestamp_millis(millis.as_i64()?),
        _ => None,
    }
}

fn parse_date(text: &str) -> Option<NaiveDate> {
    let mut parts = text.split('-');
    let year = digits(parts.next()?, 4..=4)?;
    let month = parts.next().map_or(Some(1), |p| digits(p, 1..=2))?;
    let day = parts.next().map_or(Some(1), |p| digits(p, 1..=2))?;
    if parts.next().is_some() {
        return None;
    }
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)
}

fn parse_time(text: &str) -> Option<NaiveTime> {
    let mut parts = text.split(':');
    let hour = digits(parts.next()?, 1..=2)?;
    let minute = digits(parts.next()?, 1..=2)?;
    let (second, nanos) = match parts.next() {
        None => (0, 0),
        Some(seconds) => match seconds.split_once('.') {
            None => (digits(seconds, 1..=2)?, 0),
            Some((whole, fraction)) => {
                digits(fraction, 1..=9)?;
                let padded = format!("{fraction:0<9}");
                (digits(whole, 1..=2)?, padded.parse().ok()?)
            }
        },
    };
    if parts.next().is_some() {
        return None;
    }
    NaiveTime::from_hms_nano_opt(hour, minute, second, nanos)
}

fn parse_zone(text: &str) -> Option<Duration> {
    if text.is_empty() || text.eq_ignore_ascii_case("z") {
        return Some(Duration::zero());
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let rest = text.strip_prefix(['+', '-'])?;
    let (hours, minutes) = match (rest.split_once(':'), rest.len()) {
        (Some((h, m)), _) => (digits(h, 1..=2)?, digits(m, 2..=2)?),
        (None, 1 | 2) => (digits(rest, 1..=2)?, 0),
        (None, 4) => (digits(rest.get(..2)?, 2..=2)?, digits(rest.get(2..)?, 2..=2)?),
        (None, _) => return None,
    };
    if hours > 15 || minutes > 59 {
        return None;
    }
    Some(Duration::minutes(sign * (i64::from(hours) * 60 + i64::from(minutes))))
}

fn digits(text: &str, length: std::ops::RangeInclusive<usize>) -> Option<u32> {
    if !length.contains(&text.len()) || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Formats an instant as in every answer: ISO 8601 with milliseconds and `Z`.
pub(in crate::query) fn format_instant(at: &DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The instant that `$NOW…` stands for; `None` if the text does not begin with `$NOW`. An offset that cannot
/// be parsed is ignored, as in Directus.
pub(in crate::query) fn now_variable(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let rest = text.strip_prefix("$NOW")?;
    let offset = rest.find('(').and_then(|open| {
        let inner = rest.get(open + 1..)?;
        inner.get(..inner.find(')')?)
    });
    Some(offset.and_then(|o| shift(now, o)).unwrap_or(now))
}

/// As [`now_variable`], but `None` for every text that is not exactly `$NOW` or `$NOW(offset)`, with an offset that can
/// be read in one way only and does not lead into the future, where no row is.
pub(in crate::query) fn exact_now_variable(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let rest = text.strip_prefix("$NOW")?;
    if rest.is_empty() {
        return Some(now);
    }
    let offset = rest.strip_prefix('(')?.strip_suffix(')')?;
    let (amount, unit) = amount_and_unit(offset)?;
    let is_whole = amount.fract() == 0.0 || matches!(unit, Unit::Millis(_));
    let has_one_sign = !offset.get(1..)?.contains('-') && !offset.starts_with("+-");
    // `M` is read as minutes, as in Directus, but may be meant as months.
    let is_clear = is_whole && has_one_sign && !offset.ends_with('M');
    moved(now, amount, unit).filter(|at| is_clear && *at <= now && (amount == 0.0 || *at != now))
}

/// `now` moved by `-1 year`, `+2.5 hours`, `3d`, …: the units of the `ms` format, plus months; days if no unit
/// is given. Years, months, weeks and days are truncated to whole numbers; the smaller units may have fractions.
fn shift(now: DateTime<Utc>, offset: &str) -> Option<DateTime<Utc>> {
    let (amount, unit) = amount_and_unit(offset)?;
    moved(now, amount, unit)
}

/// A unit of an offset.
#[derive(Clone, Copy)]
enum Unit {
    /// So many months.
    Months(f64),
    /// So many days.
    Days(f64),
    /// So many milliseconds.
    Millis(f64),
}

fn amount_and_unit(offset: &str) -> Option<(f64, Unit)> {
    let (sign, rest) = match offset.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, offset.strip_prefix('+').unwrap_or(offset)),
    };
    let number_end = rest
        .char_indices()
        .find(|(i, c)| !(c.is_ascii_digit() || *c == '.' || (*i == 0 && *c == '-')))
        .map_or(rest.len(), |(i, _)| i);
    let number = rest.get(..number_end)?;
    if !number.ends_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let amount = sign * number.parse::<f64>().ok()?;
    let unit = rest.get(number_end..)?.trim_start_matches(' ').to_ascii_lowercase();
    // Larger amounts lie outside the calendar in every unit; the bound keeps the conversions below exact.
    if !amount.is_finite() || amount.abs() > 1e15 {
        return None;
    }
    let unit = match unit.as_str() {
        "years" | "year" | "yrs" | "yr" | "y" => Unit::Months(12.0),
        "months" | "month" | "mth" | "mo" => Unit::Months(1.0),
        "weeks" | "week" | "w" => Unit::Days(7.0),
        "" | "days" | "day" | "d" => Unit::Days(1.0),
        "hours" | "hour" | "hrs" | "hr" | "h" => Unit::Millis(3_600_000.0),
        "minutes" | "minute" | "mins" | "min" | "m" => Unit::Millis(60_000.0),
        "seconds" | "second" | "secs" | "sec" | "s" => Unit::Millis(1_000.0),
        "milliseconds" | "millisecond" | "msecs" | "msec" | "ms" => Unit::Millis(1.0),
        _ => return None,
    };
    Some((amount, unit))
}

fn moved(now: DateTime<Utc>, amount: f64, unit: Unit) -> Option<DateTime<Utc>> {
    match unit {
        Unit::Months(size) => months(now, amount.trunc() * size),
        Unit::Days(size) => days(now, amount.trunc() * size),
        Unit::Millis(size) => millis(now, amount * size),
    }
}

fn months(now: DateTime<Utc>, amount: f64) -> Option<DateTime<Utc>> {
    let count = Months::new(whole(amount.abs())?);
    if amount < 0.0 { now.checked_sub_months(count) } else { now.checked_add_months(count) }
}

fn days(now: DateTime<Utc>, amount: f64) -> Option<DateTime<Utc>> {
    let count = Days::new(u64::from(whole(amount.abs())?));
    if amount < 0.0 { now.checked_sub_days(count) } else { now.checked_add_days(count) }
}

fn whole(amount: f64) -> Option<u32> {
    // Within `u32` the cast only truncates; larger counts lie outside the calendar.
    (amount <= f64::from(u32::MAX)).then_some(amount as u32)
}

fn millis(now: DateTime<Utc>, amount: f64) -> Option<DateTime<Utc>> {
    now.checked_add_signed(Duration::try_milliseconds(amount as i64)?)
}
