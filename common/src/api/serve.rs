//! From request to response: authentication, the operation, the envelope, CORS, ETag, one log line.

use lambda_http::{
    Body, Request, RequestExt as _, Response,
    http::{HeaderName, Method, StatusCode, header},
};
use serde_json::json;
use tracing::Instrument;
use twox_hash::XxHash3_64;

use super::{
    Answer, ApiError, Call, Deadline,
    answer::{MAX_ANSWER, insert, json_response},
    call::Incoming,
    ids::Ids,
    routes,
};
use crate::{
    context::Context,
    identity::IdentityError,
    metrics::{self, Event},
    operations::{OperationError, plans},
};

/// The methods in the answer to a preflight request, in the order of Directus.
const METHODS: &str = "GET,POST,PATCH,DELETE,SEARCH";

/// The headers that a page may send. `Range` and its conditions are for assets, whose redirect takes them along to S3.
const ALLOWED_HEADERS: &str = "Content-Type,Authorization,Idempotency-Key,If-None-Match,If-Match,If-Range,Range";

/// The headers of every answer, whatever its status. A browser ignores the second one over plain HTTP (RFC 6797,
/// section 8.1).
pub const SECURITY_HEADERS: [(HeaderName, &str); 2] =
    [(header::X_CONTENT_TYPE_OPTIONS, "nosniff"), (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000")];

/// `Cache-Control` of an answer that no one may keep: errors, writes, redirects, links.
pub const NO_STORE: &str = "no-store";

/// Maximum length of a path in a log line, in bytes.
const MAX_LOGGED_PATH: usize = 500;

/// Answers one request with the result of `operation`, if the caller has the right that the route needs. A list may be
/// computed twice: for the user that the token had before, and, if that is another one now, again (decision 81).
///
/// HEAD is executed as GET and answered like it. API Gateway states the length of the body and does not send it, so
/// `content-length` is that of GET (RFC 9110, section 8.6). Without the body, the length would be 0. OPTIONS is answered here and does not reach the operation. The
/// work ends before the function's time limit (see [`Deadline`]). Every line that is logged during the work contains
/// the request's ids.
pub async fn serve<'a, F, R>(context: &'a Context, request: Request, operation: F) -> Response<Body>
where
    F: Fn(&'a Context, Call) -> R,
    R: Future<Output = Result<Answer, ApiError>>,
{
    let ids = Ids::of(&request);
    // The span has the level of errors, so that log lines contain the ids at every log level.
    let span = tracing::error_span!("request", request_id = ids.request, invocation = ids.invocation);
    answer(context, request, operation, &ids).instrument(span).await
}

async fn answer<'a, F, R>(context: &'a Context, request: Request, operation: F, ids: &Ids) -> Response<Body>
where
    F: Fn(&'a Context, Call) -> R,
    R: Future<Output = Result<Answer, ApiError>>,
{
    let host = context.host();
    let started = host.uptime();
    let end = request.lambda_context_ref().map(|context| context.deadline());
    let deadline = Deadline::of_invocation(host, end);
    let request_id = &ids.request;
    let incoming = Incoming::new(request);
    let (method, path) = (incoming.method.clone(), incoming.path.clone());
    let (origin, if_none_match) = (incoming.origin(), incoming.if_none_match());

    let result = if method == Method::OPTIONS {
        Ok(Answer::Methods(routes::methods(&path)))
    } else {
        deadline.bound(host, run(context, incoming, operation, ids, deadline)).await
    };
    // Pages are for their own origin only.
    let is_page = matches!(result, Ok(Answer::Page(_)));
    let mut response = match result {
        Ok(answer) => limited(answer.into_response()),
        Err(error) => failed(&error, request_id),
    };
    cache_headers(&mut response, &method, if_none_match.as_deref());
    if !is_page {
        cors_headers(&mut response, &context.config().cors_origins, origin.as_deref());
    }
    insert(&mut response, HeaderName::from_static("x-request-id"), request_id);
    for (name, value) in SECURITY_HEADERS {
        insert(&mut response, name, value);
    }
    let duration_ms = u64::try_from(host.uptime().saturating_sub(started).as_millis()).unwrap_or(u64::MAX);
    let (status, invocation) = (response.status().as_u16(), &ids.invocation);
    let path = logged(&path);
    tracing::info!(%method, path, status, duration_ms, request_id, invocation, "request {request_id}");
    let (route, request_id) = (ids.route.clone(), request_id.clone());
    context.metrics().record(&Event::Request(metrics::Request { route, status, duration_ms, request_id }));
    response
}

async fn run<'a, F, R>(
    context: &'a Context,
    incoming: Incoming,
    operation: F,
    ids: &Ids,
    deadline: Deadline,
) -> Result<Answer, ApiError>
where
    F: Fn(&'a Context, Call) -> R,
    R: Future<Output = Result<Answer, ApiError>>,
{
    let now = context.now();
    // In boxes: rustc limits how deep the types of futures are nested.
    let operation = |call| Box::pin(operation(context, call));
    // Most lists come from a token that was used before: token and user are then read together with the rows.
    if let Some((call, assumed)) = incoming.assume(context, now, ids, deadline) {
        let answer = operation(call).await;
        if context.store().confirm(&assumed).await.map_err(IdentityError::from)? {
            return answer;
        }
        drop(answer);
        plans::discard();
    }
    let call = incoming.authenticate(context, now, ids, deadline).await?;
    operation(call).await
}

fn failed(error: &ApiError, request_id: &str) -> Response<Body> {
    if error.is_fault() {
        tracing::error!(request_id, error = %error, "request {request_id} failed");
    }
    let body = json!({ "errors": error.entries() });
    let mut response = json_response(error.status(), body.to_string());
    match error {
        ApiError::RequestsExceeded(seconds) => insert(&mut response, header::RETRY_AFTER, &seconds.to_string()),
        ApiError::Operation(OperationError::Unavailable(_)) => insert(&mut response, header::RETRY_AFTER, "1"),
        _ => {}
    }
    response
}

/// Replaces an answer above the limit of Lambda with an error that tells the client what to do.
fn limited(response: Response<Body>) -> Response<Body> {
    if response.body().len() <= MAX_ANSWER {
        return response;
    }
    let error = ApiError::invalid_query(format!(
        "The answer is larger than {MAX_ANSWER} bytes. Use \"limit\" and \"page\" to read it in pieces"
    ));
    json_response(error.status(), json!({ "errors": error.entries() }).to_string())
}

/// The part of a path that a log line may contain. A client that encodes the question mark, or writes `&` for it, puts
/// its token into the path.
fn logged(path: &str) -> &str {
    const TOKEN: &[u8] = b"access_token";
    let bytes = path.as_bytes();
    let token = bytes.windows(TOKEN.len()).position(|part| part.eq_ignore_ascii_case(TOKEN));
    let end = [token, path.find('?'), Some(MAX_LOGGED_PATH), Some(path.len())].into_iter().flatten().min();
    path.get(..path.floor_char_boundary(end.unwrap_or_default())).unwrap_or_default()
}

/// Sets `Cache-Control`, unless the answer has one. An answer that may be kept also gets a weak ETag, or becomes 304 if
/// the client has this version (RFC 9110, sections 8.8.3 and 13.1.2).
fn cache_headers(response: &mut Response<Body>, method: &Method, if_none_match: Option<&str>) {
    if response.headers().contains_key(header::CACHE_CONTROL) {
        return;
    }
    let readable = matches!(*method, Method::GET | Method::HEAD) && response.status() == StatusCode::OK;
    if !readable {
        return insert(response, header::CACHE_CONTROL, NO_STORE);
    }
    let tag = tag(response.body().as_ref());
    insert(response, header::ETAG, &tag);
    insert(response, header::CACHE_CONTROL, "private, no-cache");
    let known = if_none_match
        .is_some_and(|tags| tags.trim() == "*" || tags.split(',').any(|one| weak(one.trim()) == weak(&tag)));
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::Empty;
        response.headers_mut().remove(header::CONTENT_TYPE);
    }
}

/// Length and hash of a body. A tag only tells versions of an answer apart for those who may read it, so no cryptographic
/// hash is needed. A checksum of `crc-fast` would bring 650 KB of tables into each function.
fn tag(body: &[u8]) -> String {
    format!("W/\"{:x}-{:016x}\"", body.len(), XxHash3_64::oneshot(body))
}

/// A tag without its prefix `W/`, because If-None-Match compares weakly.
fn weak(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// Adds CORS headers for the configured origins. Without them, a browser withholds the answer from a page of another
/// origin.
fn cors_headers(response: &mut Response<Body>, allowed: &[String], origin: Option<&str>) {
    insert(response, header::VARY, "Origin");
    let Some(origin) = origin else { return };
    let any = allowed.iter().any(|one| one == "*");
    if !any && !allowed.iter().any(|one| one == origin) {
        return;
    }
    insert(response, header::ACCESS_CONTROL_ALLOW_ORIGIN, if any { "*" } else { origin });
    insert(response, header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    insert(response, header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS);
    insert(response, header::ACCESS_CONTROL_EXPOSE_HEADERS, "ETag,X-Request-Id,Content-Disposition,Retry-After");
    insert(response, header::ACCESS_CONTROL_MAX_AGE, "18000");
    if !any {
        // Credentials are allowed only for origins that are configured by name, not for `*`.
        insert(response, header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logged_path_holds_no_query_and_no_token_and_is_short() {
        for (path, expected) in [
            ("/items/code_reservation", "/items/code_reservation"),
            ("/assets/1/a?access_token=T", "/assets/1/a"),
            ("/assets/1/a&access_token=T", "/assets/1/a&"),
            ("/assets/1/a;ACCESS_TOKEN=T", "/assets/1/a;"),
            ("", ""),
        ] {
            assert_eq!(logged(path), expected);
        }
        let long = "é".repeat(MAX_LOGGED_PATH + 1);
        assert!(logged(&long[..]).len() <= MAX_LOGGED_PATH);
        assert!(logged(&format!("a{long}")).len() <= MAX_LOGGED_PATH);
    }
}
