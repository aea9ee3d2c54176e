//! The rule of `url_suffix`: a query that can be appended to every link without a change of what the link identifies.
//!
//! The readers of GS1 Digital Link decide what a link identifies. They differ: some split a query at `;` too, some
//! decode keys before they look for Application Identifiers. The rule refuses what any of them would read.
//! `tests/judges` gives the same suffixes to three readers.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::FieldError;
use crate::code::{LotAndDates, is_short_name};

/// Maximum number of keys.
const MAX_KEYS: usize = 60;

/// Maximum number of keys beside lot and dates, together with these. GS1's Barcode Syntax Engine refuses a link with
/// more than 64 keys and Application Identifiers, two of which identify the item.
const MAX_KEYS_AND_DATES: usize = 62;

/// A key that GS1's Digital Link toolkit for JavaScript cannot read: it calls the function of this name on the object
/// of all keys.
const UNREADABLE: &str = "hasOwnProperty";

/// Checks that the text is a query such as `k=v&k2=v2`, with or without a leading `?`, and contains no Application
/// Identifier.
///
/// The short names of Digital Link 1.0 and 1.1 are refused where they name a key or a serial, since GS1's toolkit puts
/// them in the place of those of the link. The names of attributes (`lot`, `cpv`, `exp`, `expdt`) are allowed with values
/// of their form; the toolkit stops at others.
///
/// RFC 3986, section 3.4, defines the allowed characters. GS1 Digital Link URI Syntax 1.6, section 4.11, reserves
/// all-digit keys of any length for Application Identifiers.
///
/// # Errors
/// `regex` if the text is not such a query.
pub(super) fn check(text: &str) -> Result<(), FieldError> {
    let query = text.strip_prefix('?').unwrap_or(text);
    if query.is_empty() {
        return match text {
            "" => Ok(()),
            _ => wrong("Value has to name at least one key after the question mark."),
        };
    }
    if !is_query(query) {
        return wrong(
            "Value has to be a query such as ?key=value of RFC 3986 characters, without # and without a path.",
        );
    }
    if percent_decode_str(query).decode_utf8().is_err() {
        return wrong("Percent-encoded characters have to be UTF-8.");
    }
    for pair in query.split('&') {
        let key = key_of(pair);
        if key.is_empty() {
            return wrong("Every part of the query needs a key.");
        }
        if pair == key {
            return wrong("Every key of the query needs a value, as in ?key=value.");
        }
        if key.contains(['/', '?']) {
            return wrong("Value has to be a query, without a path before it.");
        }
    }
    // Some readers split at semicolons too, and some at every question mark.
    let mut keys = query.split(['&', ';', '?']).map(key_of);
    if keys.clone().any(is_application_identifier) {
        return wrong("A key must not be a GS1 application identifier.");
    }
    if keys.clone().any(is_name_of_identifier) {
        return wrong("A key must not be a GS1 short name of an identifier, such as gtin or ser.");
    }
    if let Some(form) = query.split(['&', ';']).chain(query.split(['&', ';', '?'])).find_map(wrong_attribute) {
        return wrong(form);
    }
    if keys.clone().count() > MAX_KEYS {
        return wrong("Value must not have more than 60 keys.");
    }
    if keys.any(|key| decoded(key) == UNREADABLE) {
        return wrong("Value must not have the key hasOwnProperty, which some readers cannot read.");
    }
    Ok(())
}

/// Checks that a suffix which [`check`] accepts says nothing else about lot and expiry than the members of the
/// reservation do: GS1's older toolkit reads the short names `lot` and `exp`.
///
/// # Errors
/// `regex` if it has the short name of a member that the reservation has, or too many keys beside them.
pub(super) fn check_beside(text: &str, known: &LotAndDates) -> Result<(), FieldError> {
    let query = text.strip_prefix('?').unwrap_or(text);
    let keys = || query.split(['&', ';', '?']).map(key_of);
    for (name, member, is_known) in
        [("lot", "lot", known.lot.is_some()), ("exp", "expiry_date", known.expiry_date.is_some())]
    {
        let is_name =
            |part: &str| part.chars().filter(|c| is_visible(*c)).collect::<String>().eq_ignore_ascii_case(name);
        if is_known && keys().any(|key| any_reading(key, is_name)) {
            return wrong(&format!("A key must not be {name} if the reservation has the member {member}."));
        }
    }
    let most = MAX_KEYS.min(MAX_KEYS_AND_DATES - known.count());
    if keys().count() > most {
        return wrong(&format!("Value must not have more than {most} keys beside lot and dates."));
    }
    Ok(())
}

fn wrong(reason: &str) -> Result<(), FieldError> {
    Err(FieldError::new("url_suffix", "regex", reason))
}

fn key_of(pair: &str) -> &str {
    pair.split('=').next().unwrap_or_default()
}

fn decoded(key: &str) -> Cow<'_, str> {
    percent_decode_str(key).decode_utf8_lossy()
}

/// Whether a reader may take a key for an Application Identifier: it consists of digits, as it stands or after
/// decoding, once or several times.
fn is_application_identifier(key: &str) -> bool {
    any_reading(key, is_number)
}

/// Whether a reader may take a key for the short name of a primary key or of a serial.
fn is_name_of_identifier(key: &str) -> bool {
    any_reading(key, |part| {
        let visible: String = part.chars().filter(|c| is_visible(*c)).collect();
        attribute(&visible).is_none() && is_short_name(&visible)
    })
}

/// The form of the values of an attribute's short name, in any case: that of its Application Identifier, as far as the
/// readers agree on it.
fn attribute(name: &str) -> Option<Attribute> {
    const FORMS: [(&str, Attribute); 4] =
        [("lot", Attribute::Text), ("cpv", Attribute::Text), ("exp", Attribute::Date), ("expdt", Attribute::Time)];
    FORMS.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, form)| form)
}

#[derive(Clone, Copy)]
enum Attribute {
    Text,
    Date,
    Time,
}

impl Attribute {
    /// What is wrong with a value.
    fn check(self, value: &str) -> Option<&'static str> {
        let digits = |count: usize| value.len() == count && value.bytes().all(|byte| byte.is_ascii_digit());
        let text = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/".contains(&byte);
        let (is_right, reason) = match self {
            Self::Text => (
                (1..=20).contains(&value.len()) && value.bytes().all(text),
                "The value of lot and cpv has to be 1 to 20 letters, digits and characters of -._/.",
            ),
            Self::Date => (digits(6), "The value of exp has to be a date of six digits (YYMMDD)."),
            Self::Time => (digits(10), "The value of expdt has to be a time of ten digits (YYMMDDhhmm)."),
        };
        (!is_right).then_some(reason)
    }
}

/// What is wrong with a pair, if its key is the short name of an attribute.
fn wrong_attribute(pair: &str) -> Option<&'static str> {
    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
    attribute(&decoded(key))?.check(&decoded(value))
}

/// Whether this is true of a key or of a part of it, as it stands or after decoding, once or several times.
fn any_reading(key: &str, is_found: impl Fn(&str) -> bool) -> bool {
    let mut key = key.to_owned();
    loop {
        if key.split(['&', ';', '=']).any(&is_found) {
            return true;
        }
        // Decoding makes a text shorter or leaves it as it is, so this ends.
        let next = decoded(&key).into_owned();
        if next == key {
            return false;
        }
        key = next;
    }
}

/// Whether a text is digits of any script, apart from spaces and invisible characters, which a reader may trim.
fn is_number(text: &str) -> bool {
    let mut visible = text.chars().filter(|c| is_visible(*c)).peekable();
    visible.peek().is_some() && visible.all(char::is_numeric)
}

fn is_visible(c: char) -> bool {
    c != '+' && (c.is_alphanumeric() || c.is_ascii_graphic())
}

fn is_query(query: &str) -> bool {
    let bytes = query.as_bytes();
    let hex = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_hexdigit);
    // RFC 3986: query = *( pchar / "/" / "?" ); pchar = unreserved / pct-encoded / sub-delims / ":" / "@".
    bytes.iter().enumerate().all(|(i, b)| match b {
        b'%' => hex(i + 1) && hex(i + 2),
        _ => b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?".contains(b),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Day;

    fn reason(suffix: &str) -> Option<String> {
        check(suffix).err().map(|error| error.reason)
    }

    #[test]
    fn a_suffix_is_a_query_and_nothing_else() {
        for good in
            ["", "k=v", "?k=v", "?k=v&k2=v2", "?utm_source=box&x=%20y", "?redirect=https://e.example/p?q=1", "k="]
        {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in [
            "?",
            "#a",
            "k=v#a",
            "/path",
            "a b=c",
            "k=%2",
            "k=%zz",
            "k=ü",
            "&k=v",
            "k=v&",
            "k=v&&l=w",
            "=v",
            "k",
            "/path?x=1",
            "/10/LOT1",
            "?k=v&a/b=c",
            "k=\"v\"",
            "k=<v>",
            "k=v\n",
            "k=v\u{0}",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn no_reader_finds_an_application_identifier() {
        for bad in [
            "?01=1",
            "?k=v&8003=x",
            "?17=271231",
            "?12345=x",
            "?0=x",
            "?%31%37=271231",
            "?%317=271231",
            "?1%37=",
            "?k=v&%31%37=271231",
            "?k=v;17=271231",
            "?k=v;%31%37=271231",
            "?k=v;17",
            "?k=v?17=271231",
            // Encoded twice, and with encoded separators.
            "?%2531%2537=271231",
            "?%252531%252537=271231",
            "?k%2617=271231",
            "?k%3B17=271231",
            "?17%3D271231=x",
            // Spaces and invisible characters around the digits.
            "?+17=271231",
            "?17%20=271231",
            "?%0917=271231",
            "?17%00=271231",
            "?%E2%80%8B17=271231",
            "?%EF%BB%BF17=271231",
            // Digits of other scripts.
            "?%D9%A1%D9%A7=271231",
            "?%EF%BC%91%EF%BC%97=271231",
        ] {
            assert_eq!(reason(bad).as_deref(), Some("A key must not be a GS1 application identifier."), "{bad}");
        }
    }

    #[test]
    fn digits_elsewhere_are_no_application_identifiers() {
        for good in [
            "?k17=x",
            "?17k=x",
            "?a=17",
            "?a=b=17",
            "?a=1,17=x",
            "?v1.7=x",
            "?-17=x",
            "?%2B17k=x",
            "?a=%2617%3D271231",
            "?a=b;c=d",
            "?a=b;c",
            "?sizes=1,2",
            "?series=7&gtins=x&lotto=1&serial=7",
            "?a=gtin&b=ser%3D7",
        ] {
            assert_eq!(reason(good), None, "{good}");
        }
    }

    #[test]
    fn no_reader_finds_another_key_or_serial_by_its_short_name() {
        for bad in [
            "?gtin=09506000134352",
            "?gtin=1",
            "?GTIN=1",
            "?ser=7",
            "?k=v&ser=7",
            "?k=v;ser=7",
            "?k=v;ser",
            "?k=v?ser=7",
            "?giai=X",
            "?grai=1",
            "?sscc=106141412345678908",
            "?cpsn=1",
            "?srin=1",
            "?glnx=1",
            "?payTo=1",
            "?refno=1",
            "?%67tin=1",
            "?%2567tin=1",
            "?+ser=7",
            "?ser%20=7",
            "?k%26ser=7",
        ] {
            let expected = "A key must not be a GS1 short name of an identifier, such as gtin or ser.";
            assert_eq!(reason(bad).as_deref(), Some(expected), "{bad}");
        }
    }

    #[test]
    fn the_short_name_of_an_attribute_has_values_of_its_form() {
        for good in [
            "?lot=A",
            "?lot=A&exp=271231",
            "?k=v;lot=A-1.b_2%2Fc",
            "?lot=12345678901234567890",
            "?cpv=2A&expdt=2712312359",
            "?LOT=A",
        ] {
            assert_eq!(reason(good), None, "{good}");
        }
        for bad in [
            "?lot=abcdefghijklmnopqrstuvwxyz",
            "?lot=",
            "?lot=A;lot",
            "?lot=a:b",
            "?lot=a?b=c",
            "?lot=A=B",
            "?lot=%20",
            "?lot=%c3%bc",
            "?lot=A&lot=A+B",
            "?%6Cot=a:b",
            "?cpv=123456789012345678901",
            "?exp=2027-12-31",
            "?k=v;exp=x",
            "?k=v?exp=x",
            "?exp=2712311",
            "?expdt=271231",
        ] {
            assert!(reason(bad).is_some_and(|reason| reason.starts_with("The value of ")), "{bad}");
        }
    }

    #[test]
    fn beside_lot_and_dates_no_key_names_them_and_the_link_stays_readable() {
        let day = Day::parse("2027-12-31");
        let lot = LotAndDates { lot: Some("A".to_owned()), ..LotAndDates::default() };
        let expiry = LotAndDates { expiry_date: day, ..LotAndDates::default() };
        for (suffix, known, is_refused) in [
            ("?lot=A", &lot, true),
            ("?LOT=A", &lot, true),
            ("?k=v;%6Cot=A", &lot, true),
            ("?%256Cot=A", &lot, true),
            ("?k%26lot=A", &lot, true),
            ("?exp=271231", &lot, false),
            ("?lots=A&k=lot", &lot, false),
            ("?exp=271231", &expiry, true),
            ("?k=v?exp=271231", &expiry, true),
            ("?expdt=2712312359&lot=A", &expiry, false),
            ("?lot=A&exp=271231", &LotAndDates::default(), false),
        ] {
            let error = check_beside(suffix, known).err();
            assert_eq!(error.is_some(), is_refused, "{suffix}: {error:?}");
        }
        let all = LotAndDates { production_date: day, best_before: day, expiry_date: day, ..lot.clone() };
        let keys = |count: usize| vec!["k="; count].join("&");
        for (known, most) in [(&LotAndDates::default(), 60), (&lot, 60), (&all, 58)] {
            assert_eq!(check_beside(&keys(most), known), Ok(()));
            let reason = check_beside(&keys(most + 1), known).unwrap_err().reason;
            assert_eq!(reason, format!("Value must not have more than {most} keys beside lot and dates."));
        }
    }

    #[test]
    fn no_reader_fails_because_of_a_suffix() {
        assert_eq!(reason("?k=%ff").as_deref(), Some("Percent-encoded characters have to be UTF-8."));
        assert_eq!(reason("?k=%c3%bc"), None);
        assert_eq!(reason("?k=%ED%A0%80").as_deref(), Some("Percent-encoded characters have to be UTF-8."));
        for key in ["hasOwnProperty", "%68asOwnProperty", "k=v;hasOwnProperty"] {
            assert!(reason(&format!("?{key}=x")).is_some(), "{key}");
        }
        let keys = |count: usize| vec!["k="; count].join("&");
        assert_eq!(reason(&keys(60)), None);
        assert_eq!(reason(&keys(61)).as_deref(), Some("Value must not have more than 60 keys."));
    }
}
