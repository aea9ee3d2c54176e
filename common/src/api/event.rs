//! The event of an HTTP request, as HTTP APIs of API Gateway send it (payload format version 2.0), and the request that
//! the handlers receive.
//!
//! Path, query, headers, cookies and body are taken from the event here, and `lambda_http` receives an empty event in
//! its place. `lambda_http` would rebuild a URI from host, path and query: it panics on characters that a URI does not
//! allow, takes a `?` or `#` of the decoded path for the begin of a query or fragment, and drops every cookie if one is
//! not ASCII. The deployed functions and `local` both use this module, so they read every event alike.

use std::future::ready;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use futures::future::BoxFuture;
use lambda_http::{
    Adapter, Body, IntoResponse, LambdaEvent, Request, RequestExt, Response, Service,
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    lambda_runtime::Diagnostic,
    request::LambdaRequest,
    service_fn,
};
use serde::Serialize;
use serde_json::{Map, Value};

/// The version of the payload format.
const VERSION: &str = "2.0";

/// An event that is not a request of an HTTP API. Its text names what is wrong and nothing that a client sent.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("this function answers requests of an HTTP API (payload format {VERSION}), and this event is none: {0}")]
pub struct UnsupportedEvent(&'static str);

/// The error as the Lambda Runtime API takes it.
impl From<UnsupportedEvent> for Diagnostic {
    fn from(error: UnsupportedEvent) -> Self {
        Self { error_type: "UnsupportedEvent".to_owned(), error_message: error.to_string() }
    }
}

/// The values of an event for which an HTTP request has no place, or which it could change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Raw {
    /// The decoded path.
    pub(super) path: String,
    /// The query string as the client sent it, without the question mark.
    pub(super) query: String,
    /// The cookies, each as `name=value`.
    pub(super) cookies: Vec<String>,
    /// The decoded parameters of the path.
    pub(super) parameters: Vec<(String, String)>,
    /// The gateway's id of the request.
    pub(super) request_id: Option<String>,
    /// The route, as written in the template.
    pub(super) route_key: Option<String>,
}

impl Raw {
    /// The raw values of a request. A request that [`request`] did not make has none.
    pub(super) fn of(request: &Request) -> Option<&Self> {
        request.extensions().get()
    }
}

/// Answers an event with a handler of requests. The answer is what API Gateway expects from a function.
///
/// # Errors
/// [`UnsupportedEvent`] for an event that is not a request of an HTTP API.
pub async fn answer_event<F, R>(
    event: LambdaEvent<Value>,
    handle: F,
) -> Result<impl Serialize + use<F, R>, UnsupportedEvent>
where
    F: FnOnce(Request) -> R + Send,
    R: Future<Output = Response<Body>> + Send,
{
    let request = request(event.payload)?.with_lambda_context(event.context.clone());
    let mut once = Some((handle, request));
    let handler = service_fn(move |_: Request| {
        let taken = once.take();
        async move {
            match taken {
                Some((handle, request)) => Ok(Unchanged(handle(request).await)),
                None => Err(UnsupportedEvent("it was answered before")),
            }
        }
    });
    let empty = LambdaRequest::ApiGatewayV2(Default::default());
    Adapter::from(handler).call(LambdaEvent::new(empty, event.context)).await
}

/// A response whose body is sent as it is. From a plain `Response`, `lambda_http` reads a text again, in the charset of
/// its media type, which removes a byte order mark and copies the text.
struct Unchanged(Response<Body>);

impl IntoResponse for Unchanged {
    fn into_response(self) -> BoxFuture<'static, Response<Body>> {
        // An answer without a body has an empty one in the form of the gateway too.
        let response = self.0.map(|body| if matches!(body, Body::Empty) { Body::Text(String::new()) } else { body });
        Box::pin(ready(response))
    }
}

/// The request of an event. Its method, headers and body are those of the client; its URI is always `/`.
///
/// # Errors
/// [`UnsupportedEvent`] for another version of the format, for an event of another service, and for one without a
/// method or with a body that is not base64 although the event says so. Other members may be missing.
pub fn request(event: Value) -> Result<Request, UnsupportedEvent> {
    let Value::Object(mut event) = event else { return Err(UnsupportedEvent("it is not an object")) };
    match event.get("version").and_then(Value::as_str) {
        Some(VERSION) => {}
        Some("1.0") => return Err(UnsupportedEvent("its version is 1.0")),
        Some(_) => return Err(UnsupportedEvent("it has another version")),
        None => return Err(UnsupportedEvent("it has no version")),
    }
    let Some(Value::Object(mut context)) = event.remove("requestContext") else {
        return Err(UnsupportedEvent("it has no requestContext"));
    };
    let Some(Value::Object(mut http)) = context.remove("http") else {
        return Err(UnsupportedEvent("it has no requestContext.http"));
    };
    let method = text(&mut http, "method").and_then(|method| Method::from_bytes(method.as_bytes()).ok());
    let Some(method) = method else { return Err(UnsupportedEvent("it has no valid requestContext.http.method")) };

    let (headers, of_header) = headers(event.remove("headers"));
    let mut cookies = match event.remove("cookies") {
        Some(Value::Array(cookies)) => cookies.into_iter().filter_map(into_text).collect(),
        _ => Vec::new(),
    };
    cookies.extend(of_header);
    let parameters = match event.remove("pathParameters") {
        Some(Value::Object(parameters)) => {
            parameters.into_iter().filter_map(|(name, value)| Some((name, into_text(value)?))).collect()
        }
        _ => Vec::new(),
    };
    let raw = Raw {
        path: text(&mut event, "rawPath").or_else(|| text(&mut http, "path")).unwrap_or_else(|| "/".to_owned()),
        query: text(&mut event, "rawQueryString").unwrap_or_default(),
        cookies,
        parameters,
        request_id: text(&mut context, "requestId"),
        route_key: text(&mut event, "routeKey").or_else(|| text(&mut context, "routeKey")),
    };
    let is_base64 = event.get("isBase64Encoded").and_then(Value::as_bool).unwrap_or_default();
    let body = match text(&mut event, "body") {
        None => Body::Empty,
        Some(body) if is_base64 => {
            let body = BASE64.decode(body).map_err(|_| UnsupportedEvent("its body is not base64"))?;
            Body::Binary(body)
        }
        Some(body) => Body::Text(body),
    };
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.headers_mut() = headers;
    request.extensions_mut().insert(raw);
    Ok(request)
}

/// The headers of an event, and the cookies among them. API Gateway lists cookies elsewhere; some emulators do not.
fn headers(given: Option<Value>) -> (HeaderMap, Vec<String>) {
    let (mut headers, mut cookies) = (HeaderMap::new(), Vec::new());
    let Some(Value::Object(given)) = given else { return (headers, cookies) };
    for (name, value) in given {
        let (Ok(name), Some(value)) = (HeaderName::from_bytes(name.as_bytes()), into_text(value)) else { continue };
        if name == header::COOKIE {
            cookies.push(value);
        } else {
            // The map is full after some 24,000 headers; the event of a gateway has at most some hundred.
            let _full = headers.try_append(name, header_value(&value));
        }
    }
    (headers, cookies)
}

/// A header's value. A control character becomes U+FFFD, so that the value stays one that is present and not plain
/// ASCII, which [`super::Call::text_header`] refuses.
fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_bytes(text.as_bytes()).unwrap_or_else(|_| {
        let text = text.replace(|character: char| character.is_control(), "\u{fffd}");
        HeaderValue::from_bytes(text.as_bytes()).unwrap_or_else(|_| HeaderValue::from_static(""))
    })
}

fn text(members: &mut Map<String, Value>, name: &str) -> Option<String> {
    members.remove(name).and_then(into_text)
}

fn into_text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::{Context, http::StatusCode};
    use serde_json::json;

    use super::*;

    fn event() -> Value {
        json!({
            "version": "2.0",
            "routeKey": "GET /assets/{id}/{name}",
            "rawPath": "/assets/1/PO#567?.csv",
            "rawQueryString": "filter={\"status\":{\"_eq\":\"new\"}}&access_token=T",
            "cookies": ["n=Jürgen", "directus_session_token=a=b"],
            "headers": {"host": "a^b", "X-One": "1", "x-two": "ü", "x-three": "a\r\nb", "not a name": "1"},
            "pathParameters": {"id": "1", "name": "PO#567?.csv", "odd": 1},
            "requestContext": {"http": {"method": "GET", "path": "/x"}, "requestId": "r", "stage": "$default"},
            "isBase64Encoded": false,
        })
    }

    #[test]
    fn raw_values_arrive_unchanged_whatever_characters_they_hold() {
        let request = request(event()).unwrap();
        let raw = Raw::of(&request).unwrap();
        assert_eq!(raw.path, "/assets/1/PO#567?.csv");
        assert_eq!(raw.query, "filter={\"status\":{\"_eq\":\"new\"}}&access_token=T");
        assert_eq!(raw.cookies, ["n=Jürgen", "directus_session_token=a=b"]);
        assert_eq!(raw.parameters.len(), 2);
        assert_eq!((raw.request_id.as_deref(), raw.route_key.as_deref()), (Some("r"), Some("GET /assets/{id}/{name}")));
        assert_eq!(request.uri(), "/");
        let headers = request.headers();
        assert!(headers["host"] == "a^b" && headers["x-one"] == "1");
        assert_eq!(headers["x-two"].as_bytes(), "ü".as_bytes());
        assert!(headers["x-three"].to_str().is_err(), "a value that cannot be sent is not taken for another");
        assert_eq!(headers.len(), 4);
    }

    #[test]
    fn cookies_in_a_header_count_too() {
        let mut event = event();
        event["headers"] = json!({"Cookie": "a=1; b=ü", "cookie": "c=3"});
        let request = request(event).unwrap();
        assert_eq!(Raw::of(&request).unwrap().cookies, ["n=Jürgen", "directus_session_token=a=b", "a=1; b=ü", "c=3"]);
        assert!(request.headers().is_empty());
    }

    #[test]
    fn members_may_be_missing_but_for_the_method() {
        let request_of = |event| request(event);
        let request = request_of(json!({"version": "2.0", "requestContext": {"http": {"method": "POST"}}})).unwrap();
        let raw = Raw::of(&request).unwrap();
        assert_eq!((request.method(), raw.path.as_str(), raw.query.as_str()), (&Method::POST, "/", ""));
        for wrong in ["headers", "cookies", "pathParameters", "rawPath", "rawQueryString", "body", "routeKey"] {
            let mut event = event();
            event[wrong] = json!(7);
            assert!(request_of(event).is_ok(), "{wrong}");
        }
    }

    #[test]
    fn an_event_of_another_service_or_format_is_named_as_such() {
        let refused = |event: Value| request(event).unwrap_err().to_string();
        for (event, reason) in [
            (json!([]), "not an object"),
            (json!(null), "not an object"),
            (json!({}), "no version"),
            (json!({"Records": []}), "no version"),
            (json!({"version": "1.0", "httpMethod": "GET", "path": "/"}), "version is 1.0"),
            (json!({"version": "3.0"}), "another version"),
            (json!({"version": "2.0"}), "no requestContext"),
            (json!({"version": "2.0", "requestContext": {}}), "no requestContext.http"),
            (json!({"version": "2.0", "requestContext": {"http": {}}}), "method"),
            (json!({"version": "2.0", "requestContext": {"http": {"method": "A B"}}}), "method"),
        ] {
            let message = refused(event);
            assert!(message.contains(reason) && message.contains("payload format 2.0"), "{message}");
        }
        let mut event = event();
        event["body"] = json!("~");
        event["isBase64Encoded"] = json!(true);
        assert!(refused(event).contains("base64"));
    }

    #[tokio::test]
    async fn an_answer_has_the_form_of_the_gateway_and_the_handler_sees_lambdas_context() {
        let mut context = Context::default();
        context.request_id = "lambda-1".to_owned();
        let answer = answer_event(LambdaEvent::new(event(), context), |request| async move {
            assert_eq!(request.lambda_context_ref().unwrap().request_id, "lambda-1");
            let mut response = Response::new(Body::Text(Raw::of(&request).unwrap().path.clone()));
            *response.status_mut() = StatusCode::IM_A_TEAPOT;
            response
        });
        let answer = serde_json::to_value(answer.await.unwrap()).unwrap();
        assert_eq!(answer["statusCode"], 418);
        assert_eq!(answer["body"], "/assets/1/PO#567?.csv");
        assert_eq!(answer["isBase64Encoded"], false);
    }

    #[tokio::test]
    async fn no_body_is_changed_whatever_its_media_type_says() {
        let marked = "\u{feff}\"a\"\n\"é\"";
        let given: [(Option<&str>, Body, &str, bool); 9] = [
            (Some("text/csv; charset=utf-8"), Body::from(marked), marked, false),
            (Some("application/json; charset=utf-8"), Body::from(marked), marked, false),
            (Some("text/xml; charset=utf-8"), Body::from("\u{feff}<a/>"), "\u{feff}<a/>", false),
            (Some("text/plain; charset=iso-8859-1"), Body::from("é"), "é", false),
            (Some("text/plain; charset=utf-16"), Body::from("ab"), "ab", false),
            (Some("application/x-ndjson"), Body::from("{}\n"), "{}\n", false),
            (None, Body::from(marked), marked, false),
            (Some("text/csv; charset=utf-8"), Body::Empty, "", false),
            (Some("text/plain"), Body::from(&[0xEF, 0xBB, 0xBF, 0xFF][..]), "77u//w==", true),
        ];
        for (content_type, body, expected, is_base64) in given {
            let answer = answer_event(LambdaEvent::new(event(), Context::default()), |_| async move {
                let mut response = Response::new(body);
                if let Some(content_type) = content_type {
                    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap());
                }
                response
            });
            let answer = serde_json::to_value(answer.await.unwrap()).unwrap();
            assert_eq!((&answer["body"], &answer["isBase64Encoded"]), (&json!(expected), &json!(is_base64)));
        }
    }
}
