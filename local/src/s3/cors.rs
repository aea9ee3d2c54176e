//! CORS as S3 does it: the rules of a bucket decide which pages may send requests and read answers. Browsers ask with a
//! preflight request (OPTIONS), which needs no signature.

use std::collections::HashMap;

use axum::{
    body::Body,
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri,
        header::{
            ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
            ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
            ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
        },
    },
    response::Response,
};
use percent_encoding::percent_decode_str;

use super::refusal::refusal;
use crate::template::{Bucket, CorsRule};

/// The rules of all buckets.
#[derive(Debug)]
pub(super) struct Cors(HashMap<String, Vec<CorsRule>>);

impl Cors {
    pub(super) fn new(buckets: &[Bucket]) -> Self {
        Self(buckets.iter().map(|bucket| (bucket.name.clone(), bucket.cors.clone())).collect())
    }

    /// The answer to a preflight request.
    pub(super) fn preflight(&self, uri: &Uri, asked: &HeaderMap) -> Response {
        let bad = |message: &str| refusal(StatusCode::BAD_REQUEST, "BadRequest", message, &[]);
        let Some(origin) = text(asked, &ORIGIN) else {
            return bad("Insufficient information. Origin request header needed.");
        };
        let Some(method) = text(asked, &ACCESS_CONTROL_REQUEST_METHOD) else {
            return bad("Invalid Access-Control-Request-Method: null");
        };
        let wanted = text(asked, &ACCESS_CONTROL_REQUEST_HEADERS).unwrap_or_default().to_lowercase();
        let wanted: Vec<&str> = wanted.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        let rules = self.rules(uri);
        let found = rules.iter().find_map(|rule| {
            let allowed = rule.allows(origin, method)?;
            let every = wanted.iter().all(|name| rule.headers.iter().any(|one| fits(&one.to_lowercase(), name)));
            every.then(|| rule.answer(allowed, origin))
        });
        let Some(mut headers) = found else {
            let why = if rules.is_empty() {
                "CORS is not enabled for this bucket."
            } else {
                "This CORS request is not allowed. This is usually because the evalution of Origin, request method / \
                 Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the \
                 resource's CORS spec."
            };
            let (_, key) = bucket_and_key(uri);
            let kind = if key.is_empty() { "BUCKET" } else { "OBJECT" };
            let more = [("Method", method), ("ResourceType", kind)];
            return refusal(StatusCode::FORBIDDEN, "AccessForbidden", &format!("CORSResponse: {why}"), &more);
        };
        set(&mut headers, ACCESS_CONTROL_ALLOW_HEADERS, &wanted.join(", "));
        let mut response = Response::new(Body::empty());
        *response.headers_mut() = headers;
        response
    }

    /// The headers that let a page read the answer to its request; none if no rule allows it.
    pub(super) fn headers(&self, method: &Method, uri: &Uri, asked: &HeaderMap) -> HeaderMap {
        let Some(origin) = text(asked, &ORIGIN) else { return HeaderMap::new() };
        let rules = self.rules(uri).iter();
        let mut found = rules.filter_map(|rule| Some(rule.answer(rule.allows(origin, method.as_str())?, origin)));
        found.next().unwrap_or_default()
    }

    fn rules(&self, uri: &Uri) -> &[CorsRule] {
        let (bucket, _) = bucket_and_key(uri);
        self.0.get(&*percent_decode_str(bucket).decode_utf8_lossy()).map(Vec::as_slice).unwrap_or_default()
    }
}

impl CorsRule {
    /// The entry of the rule that allows the origin to use the method.
    fn allows(&self, origin: &str, method: &str) -> Option<&str> {
        let is_allowed = self.methods.iter().any(|one| one == method);
        self.origins.iter().find(|one| is_allowed && fits(one, origin)).map(String::as_str)
    }

    fn answer(&self, allowed: &str, origin: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if allowed == "*" {
            set(&mut headers, ACCESS_CONTROL_ALLOW_ORIGIN, "*");
        } else {
            set(&mut headers, ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            set(&mut headers, ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
        }
        set(&mut headers, ACCESS_CONTROL_ALLOW_METHODS, &self.methods.join(", "));
        set(&mut headers, ACCESS_CONTROL_EXPOSE_HEADERS, &self.exposed.join(", "));
        set(&mut headers, ACCESS_CONTROL_MAX_AGE, &self.max_age.map(|age| age.to_string()).unwrap_or_default());
        set(&mut headers, VARY, "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
        headers
    }
}

/// The bucket and the key of a path, as they are written.
fn bucket_and_key(uri: &Uri) -> (&str, &str) {
    let path = uri.path().trim_start_matches('/');
    path.split_once('/').unwrap_or((path, ""))
}

/// Whether a text fits a pattern with at most one `*`.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((begin, end)) => text.strip_prefix(begin).is_some_and(|rest| rest.ends_with(end)),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Sets a header, unless the text is empty.
fn set(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text)
        && !text.is_empty()
    {
        headers.insert(name, value);
    }
}
