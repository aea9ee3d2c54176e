//! The site that a request was sent to, and whether a page of it sent the request (RFC 6454; OWASP, "Cross-Site Request
//! Forgery Prevention", verifying the origin).
//!
//! A browser adds cookies to requests of every page. A write that a cookie authenticates is therefore done only for
//! pages of this site, and of the origins that the deployment names.

use lambda_http::http::{HeaderMap, HeaderName, header};

use super::ApiError;
use crate::{config::Config, operations::OperationError};

/// The scheme that the client used, as the gateway says.
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The site that a request was sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Scheme, host and port, without a slash: `https://codes.example.com`. The host is the one that the client named.
    pub origin: String,
    /// Whether the site is reached over TLS: always, except `local`.
    pub is_secure: bool,
    /// The header `Origin`. A browser sends it with every POST; `null` stands for an origin that it conceals.
    from: Option<String>,
}

impl Site {
    /// The site of a request.
    pub(super) fn of(headers: &HeaderMap, config: &Config) -> Self {
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        // Only functions on stores of this machine are reached without TLS. On AWS no header can say otherwise.
        let is_plain = !config.endpoints.is_empty() && text(&FORWARDED_PROTO).as_deref() == Some("http");
        let scheme = if is_plain { "http" } else { "https" };
        let host = text(&header::HOST).unwrap_or_default().to_ascii_lowercase();
        Self { origin: format!("{scheme}://{host}"), is_secure: !is_plain, from: text(&header::ORIGIN) }
    }

    /// Whether a page of this site sent the request.
    #[must_use]
    pub fn is_sender(&self) -> bool {
        self.from.as_deref() == Some(&*self.origin)
    }

    /// Checks that a page of this site sent the request, or one of an origin that `CorsOrigins` names. `*` names none.
    ///
    /// # Errors
    /// `FORBIDDEN` for a request of another page, and for one that does not say which page sent it.
    pub(super) fn check_sender(&self, named: &[String]) -> Result<(), ApiError> {
        if self.is_sender() || self.from.as_ref().is_some_and(|from| from != "*" && named.contains(from)) {
            return Ok(());
        }
        Err(OperationError::Forbidden(Some(FOREIGN.to_owned())).into())
    }
}

/// Why a write with a cookie is refused.
const FOREIGN: &str = "A write that a cookie authenticates needs the header Origin with this site or one of CorsOrigins. \
                       Send the token in the header Authorization instead.";

#[cfg(test)]
mod tests {
    use lambda_http::http::HeaderValue;

    use super::*;

    fn site(headers: &[(&'static str, &'static str)], is_local: bool) -> Site {
        let names = [
            "RESERVATIONS_TABLE",
            "POOLS_TABLE",
            "FILES_TABLE",
            "DIRECTORY_TABLE",
            "REQUESTS_TABLE",
            "TALLIES_TABLE",
            "EXPORTS_BUCKET",
            "SECRET_ARN",
        ];
        let config = Config::from_lookup(|name| match name {
            "DYNAMODB_ENDPOINT" if is_local => Some("http://127.0.0.1:8000".to_owned()),
            name => names.contains(&name).then(|| name.to_owned()),
        });
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_static(value));
        }
        Site::of(&map, &config.unwrap())
    }

    #[test]
    fn on_aws_a_site_is_secure_whatever_the_headers_say() {
        for proto in ["http", "https", "ftp"] {
            let site = site(&[("host", "Codes.example.com"), ("x-forwarded-proto", proto)], false);
            assert_eq!((site.origin.as_str(), site.is_secure), ("https://codes.example.com", true));
        }
        let site = site(&[("host", "127.0.0.1:3000"), ("x-forwarded-proto", "http")], true);
        assert_eq!((site.origin.as_str(), site.is_secure), ("http://127.0.0.1:3000", false));
    }

    #[test]
    fn a_sender_is_this_site_or_one_that_is_named() {
        let named = ["https://app.example.com".to_owned(), "*".to_owned()];
        for (origin, is_allowed) in [
            (Some("https://codes.example.com"), true),
            (Some("https://app.example.com"), true),
            (Some("http://codes.example.com"), false),
            (Some("https://codes.example.com:444"), false),
            (Some("https://codes.example.com.evil.example"), false),
            (Some("https://evil.example"), false),
            (Some("null"), false),
            (Some("*"), false),
            (Some(""), false),
            (None, false),
        ] {
            let mut headers = vec![("host", "codes.example.com"), ("x-forwarded-proto", "https")];
            headers.extend(origin.map(|origin| ("origin", origin)));
            let site = site(&headers, false);
            assert_eq!(site.check_sender(&named).is_ok(), is_allowed, "{origin:?}");
            assert_eq!(site.is_sender(), origin == Some("https://codes.example.com"), "{origin:?}");
        }
    }
}
