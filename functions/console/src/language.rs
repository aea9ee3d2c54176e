//! The languages of the pages: which one a request gets, and how numbers and times are written in it.

use chrono::Datelike;
use common::{api::Call, code::Day, reservation::Timestamp};

/// The cookie that keeps the choice. It holds nothing personal.
pub(crate) const COOKIE: &str = "console_language";

/// A language of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    German,
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Language {
    /// Every language, the default first.
    pub(crate) const ALL: [Self; 2] = [Self::English, Self::German];

    /// The language of a request: the one that was chosen, otherwise the first one of the browser that exists here.
    pub(crate) fn of(call: &Call) -> Self {
        let chosen = call.cookie(COOKIE).and_then(|code| Self::parse(&code));
        chosen.unwrap_or_else(|| Self::accepted(call.header("accept-language").unwrap_or_default()))
    }

    /// The first known language of `Accept-Language` (RFC 9110, section 12.5.4), by weight.
    fn accepted(header: &str) -> Self {
        let mut best = (0, Self::ALL[0]);
        for part in header.split(',').take(20) {
            let mut parts = part.split(';').map(str::trim);
            let language = parts.next().and_then(|tag| Self::parse(tag.split('-').next().unwrap_or_default()));
            let weight =
                parts.find_map(|part| part.strip_prefix("q=")).map_or(1.0, |q| q.parse::<f32>().unwrap_or(0.0));
            #[expect(clippy::cast_possible_truncation, reason = "a cast of a float saturates")]
            let weight = (weight * 1_000.0) as i32;
            if let Some(language) = language.filter(|_| weight > best.0) {
                best = (weight, language);
            }
        }
        best.1
    }

    /// The language with this code.
    pub(crate) fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code().eq_ignore_ascii_case(code))
    }

    /// The code of the language (BCP 47).
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// The name of the language in itself.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
        }
    }

    /// A number with its digits in groups of three.
    pub(crate) fn number(self, number: u64) -> String {
        let separator = match self {
            Self::English => ',',
            Self::German => '.',
        };
        let digits = number.to_string();
        let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
        for (position, digit) in digits.chars().enumerate() {
            if position > 0 && (digits.len() - position).is_multiple_of(3) {
                text.push(separator);
            }
            text.push(digit);
        }
        text
    }

    /// A day in UTC.
    pub(crate) fn day(self, time: Timestamp) -> String {
        let time = time.time();
        match self {
            Self::English => {
                let month = MONTHS.get(time.month0() as usize).copied().unwrap_or_default();
                format!("{} {month} {}", time.day(), time.year())
            }
            Self::German => time.format("%d.%m.%Y").to_string(),
        }
    }

    /// A day of the calendar.
    pub(crate) fn date(self, day: Day) -> String {
        let text = day.to_string();
        Timestamp::parse(&format!("{text}T00:00:00Z")).map_or(text, |time| self.day(time))
    }

    /// A day and a time in UTC, without the name of the zone.
    pub(crate) fn time(self, time: Timestamp) -> String {
        format!("{}, {}", self.day(time), time.time().format("%H:%M"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_gets_its_first_language_that_exists() {
        for (header, expected) in [
            ("", Language::English),
            ("de", Language::German),
            ("de-AT,de;q=0.9,en;q=0.8", Language::German),
            ("fr-FR, en;q=0.5, de;q=0.7", Language::German),
            ("en-GB,de;q=0.9", Language::English),
            ("de;q=0", Language::English),
            ("de;q=x", Language::English),
            ("*", Language::English),
        ] {
            assert_eq!(Language::accepted(header), expected, "{header}");
        }
    }

    #[test]
    fn numbers_and_times_are_written_as_people_of_the_language_write_them() {
        let time = Timestamp::parse("2026-03-04T05:06:07Z").unwrap();
        let shown = |language: Language| (language.number(1_234_567), language.day(time), language.time(time));
        let expected = |parts: [&str; 3]| (parts[0].to_owned(), parts[1].to_owned(), parts[2].to_owned());
        assert_eq!(shown(Language::English), expected(["1,234,567", "4 Mar 2026", "4 Mar 2026, 05:06"]));
        assert_eq!(shown(Language::German), expected(["1.234.567", "04.03.2026", "04.03.2026, 05:06"]));
        assert_eq!((Language::English.number(0), Language::English.number(999)), ("0".to_owned(), "999".to_owned()));
        let day = Day::parse("2027-12-31").unwrap();
        assert_eq!(
            (Language::English.date(day), Language::German.date(day)),
            ("31 Dec 2027".into(), "31.12.2027".into())
        );
        assert_eq!(Language::English.number(u64::MAX), "18,446,744,073,709,551,615");
    }
}
