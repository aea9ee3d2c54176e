//! The host names under which browsers reach the pages.
//!
//! A page of another site whose name resolves to 127.0.0.1 (DNS rebinding) has the same origin as its requests to this
//! machine, so neither `Origin` nor CORS keeps it away; its `Host` does. API Gateway answers for the names of the API alone. Here,
//! clients with a token may use any name, as containers and proxies do.

use axum::http::{HeaderMap, header};
use common::api::{SESSION_COOKIE, bearer};

/// The names besides IP addresses, which no other site can have as its name.
const NAMES: [&str; 1] = ["localhost"];

/// The names below it lead to this machine as well (RFC 6761, section 6.3).
const BELOW: &str = ".localhost";

/// The message of the answer to a request under another name.
pub(super) const MESSAGE: &str = "Misdirected Request: browsers reach this service as 127.0.0.1 or localhost, and by \
                                  names that the option --host allows";

/// The host names that browsers may use.
#[derive(Clone, Debug, Default)]
pub(super) struct Hosts(Vec<String>);

impl Hosts {
    /// Those of this machine, and these. A name is compared without case, port and final dot.
    pub(super) fn and(names: &[String]) -> Self {
        Self(NAMES.into_iter().map(str::to_owned).chain(names.iter().map(|name| plain(name))).collect())
    }

    /// Whether a request is refused: a browser may have sent it, under a name that is not allowed. `is_page` says that it is
    /// for a page.
    pub(super) fn refuses(&self, headers: &HeaderMap, is_page: bool) -> bool {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let host = text(header::HOST).unwrap_or_default();
        // A page under the same name sends it in `Origin` with every write.
        let is_own_page = text(header::ORIGIN)
            .and_then(|origin| origin.split_once("://"))
            .is_some_and(|(_, origin)| origin.eq_ignore_ascii_case(host));
        (is_page || is_own_page || has_token_cookie(headers)) && !self.allows(host)
    }

    fn allows(&self, host: &str) -> bool {
        let name = plain(host);
        let is_address = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => name.parse::<std::net::Ipv4Addr>().is_ok(),
        };
        is_address || name.ends_with(BELOW) || self.0.contains(&name)
    }
}

/// Whether a cookie may authenticate the request. A cookie of another name, as a proxy adds it, does not.
fn has_token_cookie(headers: &HeaderMap) -> bool {
    let values = |name| headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    let is_cookie = |text: &str| text.split(';').any(|pair| pair.trim_start().starts_with(SESSION_COOKIE));
    values(header::COOKIE).any(|text| is_cookie(&text))
        && !values(header::AUTHORIZATION).any(|text| bearer(&text).is_some())
}

/// A name for [`Hosts::and`].
///
/// # Errors
/// A sentence about a text that is no host name.
pub(crate) fn host_name(text: &str) -> Result<String, String> {
    let name = plain(text);
    let is_name = name.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    });
    if is_name && name.len() <= 253 {
        Ok(text.to_owned())
    } else {
        Err("a host name is needed, such as codes.test, without http:// and without a path".to_owned())
    }
}

/// A host in lower case, without port and final dot.
fn plain(host: &str) -> String {
    let is_port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let name = host.rsplit_once(':').filter(|(_, port)| is_port(port)).map_or(host, |(name, _)| name);
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    const EVIL: &str = "evil.example:3000";

    fn refuses(host: &str, others: &[(HeaderName, &str)], is_page: bool) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in others.iter().cloned().chain([(header::HOST, host)]) {
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        }
        Hosts::and(&["Codes.test:80".to_owned()]).refuses(&headers, is_page)
    }

    #[test]
    fn pages_are_for_this_machine_and_for_names_that_are_given() {
        for host in [
            "127.0.0.1:3000",
            "127.0.0.1",
            "localhost:3000",
            "LOCALHOST",
            "localhost.",
            "[::1]:3000",
            "[::1]",
            "192.168.1.5:80",
            "codes.test:3000",
            "CODES.test",
            "codes.localhost:3000",
        ] {
            assert!(!refuses(host, &[], true), "{host}");
        }
        for host in [
            EVIL,
            "",
            ":3000",
            "x",
            "localhost.evil.example",
            "127.0.0.1.evil.example:3000",
            "evil.example:localhost",
            "127.0.0.1:3000.evil.example",
            "[::1].evil.example",
            "[evil.example]",
            "::1",
            "localhost..",
            "acodes.test",
            "a b",
            "127.0.0.1:x",
            "0x7f000001",
            "localhost.test",
            "codes.localhost.evil.example",
            "127.1",
        ] {
            assert!(refuses(host, &[], true), "{host}");
        }
        assert!(Hosts::and(&[]).refuses(&HeaderMap::new(), true), "without the header");
    }

    #[test]
    fn a_name_of_the_option_is_a_host_name() {
        for good in ["codes.test", "codes", "Codes.test:3000", "my_codes.internal.", "10.0.0.1"] {
            assert_eq!(host_name(good).as_deref(), Ok(good));
        }
        for bad in
            ["", ".", ":3000", "http://codes.test", "codes.test/x", "codes..test", "a b", "é.test", &"a".repeat(64)]
        {
            assert!(host_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_token_may_come_under_any_name_and_a_cookie_may_not() {
        let token = (header::AUTHORIZATION, "Bearer T");
        assert!(!refuses(EVIL, &[], false));
        assert!(!refuses(EVIL, &[token.clone(), (header::COOKIE, "a=b")], false));
        assert!(!refuses(EVIL, &[token.clone(), (header::ORIGIN, "https://app.example.com")], false));
        for cookie in ["directus_session_token=T", "a=b; directus_session_token=T", "a=b;\tdirectus_session_token =T"] {
            let cookie = (header::COOKIE, cookie);
            assert!(refuses(EVIL, std::slice::from_ref(&cookie), false));
            // What is no token authenticates nobody, so the cookie does.
            for other in ["", "Basic x", "Bearer", "Bearer "] {
                assert!(refuses(EVIL, &[cookie.clone(), (header::AUTHORIZATION, other)], false), "{other}");
            }
        }
        assert!(
            !refuses(EVIL, &[(header::COOKIE, "lb=1; console_session=x")], false),
            "cookies that authenticate nobody"
        );
        assert!(refuses(EVIL, &[token, (header::ORIGIN, "http://Evil.example:3000")], false), "a page of that name");
        assert!(!refuses("127.0.0.1", &[(header::COOKIE, "directus_session_token=T")], false));
    }
}
