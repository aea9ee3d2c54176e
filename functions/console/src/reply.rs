//! [`Reply`]: a page or a file of these pages as an answer, with the headers that protect it.

use std::io::Write;

use common::api::{Call, NO_STORE, Page};
use flate2::{Compression, write::GzEncoder};
use lambda_http::{
    Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
};
use maud::Markup;

/// What a page may load and do: its own scripts, styles and pictures. No script or style in the page itself runs, no
/// other site is asked, no other site may show it in a frame, and forms go to this site only.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                                       connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The headers of every page. With `no-referrer`, browsers would conceal the origin of forms too, which is checked.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(self), microphone=(), geolocation=()"),
];

/// Minimum size of a body that is compressed (bytes). Smaller ones hardly become smaller.
const MIN_COMPRESSED: usize = 800;

/// An answer.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Vec<u8>,
}

impl Reply {
    /// A page, or a part of one.
    pub(crate) fn html(markup: Markup) -> Self {
        let reply = Self { status: StatusCode::OK, headers: Vec::new(), body: markup.into_string().into_bytes() };
        reply.header(header::CONTENT_TYPE, "text/html; charset=utf-8").header(header::CACHE_CONTROL, NO_STORE)
    }

    /// A page with another status.
    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// Leads the browser to another page, with GET.
    pub(crate) fn see_other(to: &str) -> Self {
        let reply = Self { status: StatusCode::SEE_OTHER, headers: Vec::new(), body: Vec::new() };
        reply.header(header::LOCATION, to).header(header::CACHE_CONTROL, NO_STORE)
    }

    /// A file that never changes under its address, and for all who ask. `gzip` is the same, compressed.
    pub(crate) fn file(call: &Call, content_type: &str, text: &'static [u8], gzip: &[u8]) -> Self {
        let compressed = accepts_gzip(call);
        let body = if compressed { gzip.to_vec() } else { text.to_vec() };
        let reply = Self { status: StatusCode::OK, headers: Vec::new(), body };
        let reply = reply
            .header(header::CONTENT_TYPE, content_type)
            .header(header::CACHE_CONTROL, "public, max-age=31536000, immutable")
            .header(header::VARY, "Accept-Encoding");
        if compressed { reply.header(header::CONTENT_ENCODING, "gzip") } else { reply }
    }

    /// Adds a header. A value that no header can have is left out.
    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.extend(HeaderValue::from_str(value).ok().map(|value| (name, value)));
        self
    }

    /// The answer as [`common::api::serve`] takes it, compressed if the browser accepts that.
    pub(crate) fn into_page(self, call: &Call) -> Page {
        let Self { status, mut headers, mut body } = self;
        let is_compressed = headers.iter().any(|(name, _)| name == header::CONTENT_ENCODING);
        if !is_compressed && body.len() >= MIN_COMPRESSED && accepts_gzip(call) {
            if let Some(smaller) = compressed(&body) {
                body = smaller;
                headers.push((header::CONTENT_ENCODING, HeaderValue::from_static("gzip")));
            }
            headers.push((header::VARY, HeaderValue::from_static("Accept-Encoding, Cookie")));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.push((header::RETRY_AFTER, HeaderValue::from_static("1")));
        }
        headers.extend(HEADERS.map(|(name, value)| (name, HeaderValue::from_static(value))));
        let is_binary = headers.iter().any(|(name, _)| name == header::CONTENT_ENCODING);
        let body = match String::from_utf8(body) {
            Ok(text) if !is_binary => Body::Text(text),
            Ok(text) => Body::Binary(text.into_bytes()),
            Err(error) => Body::Binary(error.into_bytes()),
        };
        Page { status, headers, body }
    }
}

/// Whether the browser takes gzip (RFC 9110, section 12.5.3).
fn accepts_gzip(call: &Call) -> bool {
    let accepted = call.header("accept-encoding").unwrap_or_default();
    accepted.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        is_gzip && parts.all(|part| !matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

/// A body as one gzip member.
pub(crate) fn compressed(body: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 3), Compression::new(6));
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}
