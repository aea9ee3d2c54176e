//! Cookies of a request. Each is read on its own, so that one that cannot be read does not hide the others.

use percent_encoding::percent_decode_str;

/// The request has cookies of one name with different values. A browser sends such cookies when another site of the domain,
/// or another program of the machine, has set one of them; their order says nothing (RFC 6265, section 4.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeveralCookies;

/// The value of the first cookie with this name whose value is not empty.
pub(super) fn find(cookies: &[String], name: &str) -> Option<String> {
    values(cookies, name).next()
}

/// The value that all cookies with this name have, apart from empty ones.
pub(super) fn only(cookies: &[String], name: &str) -> Result<Option<String>, SeveralCookies> {
    let mut values = values(cookies, name);
    let first = values.next();
    if values.any(|value| Some(&value) != first.as_ref()) { Err(SeveralCookies) } else { Ok(first) }
}

/// The values of the cookies with this name that are not empty. `cookies` are texts `name=value`, or several of them
/// separated by semicolons.
///
/// As in Directus (the packages `cookie` and `cookie-parser`), quotes around a value do not belong to it, and a value is
/// percent-decoded if the result is text.
fn values(cookies: &[String], name: &str) -> impl Iterator<Item = String> {
    cookies
        .iter()
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.split_once('='))
        // White space is what HTTP calls so. A browser keeps other spaces as a part of the name, to which the rules of the
        // prefix `__Host-` do not apply.
        .filter(move |(key, _)| key.trim_matches([' ', '\t']) == name)
        .map(|(_, value)| decoded(value.trim()))
        .filter(|value| !value.is_empty())
}

fn decoded(value: &str) -> String {
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    percent_decode_str(value).decode_utf8().map_or_else(|_| value.to_owned(), std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(cookies: &[&str]) -> Option<String> {
        find(&cookies.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>(), "s")
    }

    #[test]
    fn a_cookie_is_found_among_those_that_cannot_be_read() {
        for others in ["n=Jürgen", "n=\u{0}\n", "n=%ff%", "n", "", "=", ";;", "n=\"a", "s", "s=", "s=\"\"", "S=other"]
        {
            assert_eq!(session(&[others, "s=T"]).as_deref(), Some("T"), "{others}");
            assert_eq!(session(&["s=T", others]).as_deref(), Some("T"), "{others}");
            assert_eq!(session(&[&format!("{others}; s=T; n=x")]).as_deref(), Some("T"), "{others}");
        }
        assert_eq!(session(&["n=s=T", "ss=T"]), None);
        for space in ['\u{2000}', '\u{a0}', '\u{3000}', '\u{85}', '\u{b}'] {
            assert_eq!(session(&[&format!("{space}s=T"), &format!("s{space}=T")]), None, "{space:?}");
        }
    }

    #[test]
    fn cookies_of_one_name_have_one_value_or_none_is_used() {
        let only = |cookies: &[&str]| only(&cookies.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>(), "s");
        for cookies in [&["s=T"][..], &["s=T; s=T"], &["s=T", "s=", "s=\"T\"", "n=x"]] {
            assert_eq!(only(cookies), Ok(Some("T".to_owned())), "{cookies:?}");
        }
        assert_eq!((only(&[]), only(&["s=", "n=x"])), (Ok(None), Ok(None)));
        for cookies in [&["s=T; s=U"][..], &["s=U", "s=T"], &["s=T", "s=T", "s=t"]] {
            assert_eq!(only(cookies), Err(SeveralCookies), "{cookies:?}");
        }
    }

    #[test]
    fn a_value_may_hold_equals_signs_quotes_and_escapes() {
        for (cookie, value) in [
            ("s=a=b==", "a=b=="),
            ("s=\"T\"", "T"),
            (" s = T ", "T"),
            ("s=a%2Bb+c", "a+b+c"),
            ("s=%ff", "%ff"),
            ("s=Jürgen", "Jürgen"),
            ("s=\"", "\""),
        ] {
            assert_eq!(session(&[cookie]).as_deref(), Some(value), "{cookie}");
        }
        assert_eq!(session(&["s=first", "s=second"]).as_deref(), Some("first"));
    }
}
