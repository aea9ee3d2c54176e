//! The answers of operations, and the HTTP responses made from them.

use lambda_http::{
    Body, Response,
    http::{HeaderName, HeaderValue, StatusCode, header},
};
use serde_json::{Map, Value, json};

use super::{Page, serve::NO_STORE};
use crate::{
    bucket::Link,
    operations::{OperationError, Session},
    query::{self, Budget, Collection, Limit, ListFormat, Query, RawQuery},
    reservation::{Disposition, Timestamp, content_disposition},
};

/// Maximum size of a response body (bytes). Lambda allows 6 MB for the whole response, with its envelope and base64.
pub(super) const MAX_ANSWER: usize = Limit::Text.most();

/// The media type of plain texts, as Directus has it.
const TEXT: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// The answer of an operation.
#[derive(Debug)]
pub enum Answer {
    /// `{"data": …}` with 200.
    Data(Value),
    /// A whole JSON body with 200 (`{"meta":…,"data":…}`, GraphQL).
    Json(Value),
    /// A JSON body with another status (GraphQL).
    JsonWith(StatusCode, Value),
    /// A JSON body that is already serialised, with 200.
    JsonText(String),
    /// An empty body, with 204.
    NoContent,
    /// Plain text with 200.
    Text(&'static str),
    /// A redirect to a link, with 302.
    Redirect(Link),
    /// A link in the body, with 200. No one may keep the answer, since the link soon ends.
    Link(Link),
    /// A file for the client to save, with 200.
    Attachment {
        /// Its media type.
        content_type: &'static str,
        /// The value of Content-Disposition.
        disposition: String,
        /// Its content.
        body: String,
    },
    /// A picture, with 200.
    Picture {
        /// Its media type.
        content_type: &'static str,
        /// Its content: text, or bytes, which the gateway gets in base64.
        body: Body,
    },
    /// The methods that a path supports, in the body and in the header `Allow`, with 200 (OPTIONS).
    Methods(String),
    /// A page for people.
    Page(Page),
}

impl Answer {
    /// The answer of a list: its body, or the file that `export` asks for.
    #[must_use]
    pub fn of_list(query: &Query, answer: query::Answer, now: Timestamp) -> Self {
        match query.export {
            Some(format) => Self::export(query, format, &answer.data, now),
            None => Self::Json(answer.into_body()),
        }
    }

    /// The answer of a single row: its body, or the file that `export` asks for.
    #[must_use]
    pub fn of_one(query: &Query, data: Value, now: Timestamp) -> Self {
        match query.export {
            Some(format) => Self::export(query, format, &data, now),
            None => Self::Data(data),
        }
    }

    /// The answer of a write of a collection: its body, 204 if the filter of the parameters excludes the row, or the file
    /// that `export` asks for.
    ///
    /// # Errors
    /// None that the write did not have: it checked the parameters, too.
    pub fn of_write(
        session: Session<'_>,
        collection: Collection,
        raw: &RawQuery,
        data: Value,
    ) -> Result<Self, OperationError> {
        if data.is_null() {
            return Ok(Self::NoContent);
        }
        if raw.get("export").is_none() {
            return Ok(Self::Data(data));
        }
        // The parameters are read again for the columns of the file. The write has spent the budget of the request.
        let budget = Budget::default();
        let session = Session { budget: &budget, ..session };
        Ok(Self::of_one(&session.query(collection, raw)?, data, session.now))
    }

    fn export(query: &Query, format: ListFormat, data: &Value, now: Timestamp) -> Self {
        let name = format.file_name(query.collection.name(), now.time());
        Self::Attachment {
            content_type: format.content_type(),
            disposition: content_disposition(Disposition::Attachment, &name),
            body: format.write(query, data),
        }
    }

    /// The HTTP response of this answer.
    pub(super) fn into_response(self) -> Response<Body> {
        match self {
            Self::Data(data) => {
                let body = Map::from_iter([("data".to_owned(), data)]);
                json_response(StatusCode::OK, text(&Value::Object(body)))
            }
            Self::Json(body) => json_response(StatusCode::OK, text(&body)),
            Self::JsonWith(status, body) => json_response(status, text(&body)),
            Self::JsonText(text) => json_response(StatusCode::OK, text),
            Self::NoContent => with(StatusCode::NO_CONTENT, Body::Empty),
            Self::Text(text) => typed(StatusCode::OK, TEXT, Body::from(text)),
            Self::Redirect(link) => {
                let mut response = with(StatusCode::FOUND, Body::Empty);
                insert(&mut response, header::LOCATION, &link.url);
                response
            }
            Self::Link(link) => {
                let data = json!({ "url": link.url, "expires_at": Timestamp::new(link.expires_at) });
                let mut response = Self::Data(data).into_response();
                insert(&mut response, header::CACHE_CONTROL, NO_STORE);
                response
            }
            Self::Attachment { content_type, disposition, body } => {
                let mut response = typed(StatusCode::OK, HeaderValue::from_static(content_type), Body::from(body));
                insert(&mut response, header::CONTENT_DISPOSITION, &disposition);
                response
            }
            Self::Picture { content_type, body } => typed(StatusCode::OK, HeaderValue::from_static(content_type), body),
            Self::Methods(methods) => {
                let allow = HeaderValue::from_str(&methods).ok();
                let mut response = typed(StatusCode::OK, TEXT, Body::from(methods));
                response.headers_mut().extend(allow.map(|methods| (header::ALLOW, methods)));
                response
            }
            Self::Page(page) => page.into_response(),
        }
    }
}

/// Serialises a value. `Display` gives the same text but is several times slower.
fn text(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| value.to_string())
}

/// A JSON response.
pub(super) fn json_response(status: StatusCode, text: String) -> Response<Body> {
    typed(status, HeaderValue::from_static("application/json; charset=utf-8"), Body::from(text))
}

fn typed(status: StatusCode, content_type: HeaderValue, body: Body) -> Response<Body> {
    let mut response = with(status, body);
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

fn with(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

/// Sets a header. Ignores a value that no header can have.
pub(super) fn insert(response: &mut Response<Body>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
