//! [`Page`]: an answer for people, which has headers, cookies and caching of its own.

use lambda_http::{
    Body, Response,
    http::{HeaderName, HeaderValue, StatusCode},
};

/// A complete answer: a page, a file that a page needs, or a redirect. [`super::serve`] adds the headers of every
/// answer, but none of CORS: pages are for their own origin only.
#[derive(Debug)]
pub struct Page {
    /// The status.
    pub status: StatusCode,
    /// The headers, `Cache-Control` among them. A name may occur several times (`Set-Cookie`).
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body, perhaps compressed.
    pub body: Body,
}

impl Page {
    /// The HTTP response of this answer.
    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        response
    }
}
