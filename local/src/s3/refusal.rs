//! Errors that S3 answers before it begins an operation.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::Response,
};

use crate::random::random_text;

/// The answer of S3 for an error: code, message and further members as XML.
pub(super) fn refusal(status: StatusCode, code: &str, message: &str, more: &[(&str, &str)]) -> Response {
    let (request, host) = (random_text(16).to_uppercase(), random_text(56));
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
    for (name, text) in [("Code", code), ("Message", message)]
        .iter()
        .chain(more)
        .chain(&[("RequestId", request.as_str()), ("HostId", host.as_str())])
    {
        xml.push_str(&format!("<{name}>{}</{name}>", escaped(text)));
    }
    xml.push_str("</Error>");
    let mut response = Response::new(Body::from(xml));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}

/// A text as the content of an element. What XML 1.0 cannot hold becomes U+FFFD.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(char::REPLACEMENT_CHARACTER),
            c => out.push(c),
        }
    }
    out
}
