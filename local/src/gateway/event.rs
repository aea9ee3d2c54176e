//! Converts an HTTP request to the event of an HTTP API, payload format version 2.0 (API Gateway developer guide,
//! "Create AWS Lambda proxy integrations for HTTP APIs").

use std::{collections::BTreeMap, net::SocketAddr};

use axum::http::{HeaderMap, header, request::Parts};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use chrono::Utc;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::routes::Match;
use crate::template::ACCOUNT;

/// The origin of a request.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// The client's address.
    pub peer: SocketAddr,
    /// The id of the request.
    pub request_id: &'a str,
}

/// The event for a request with the decoded path `path`.
#[must_use]
pub fn event(parts: &Parts, path: &str, body: &[u8], matched: &Match, caller: &Caller<'_>) -> Value {
    let now = Utc::now();
    let query = parts.uri.query().unwrap_or_default();
    let (headers, cookies) = headers(parts, caller);
    let host = headers.get("host").cloned().unwrap_or_default();
    let user_agent = headers.get("user-agent").cloned().unwrap_or_default();
    let mut event = json!({
        "version": "2.0",
        "routeKey": matched.route_key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "local",
            "domainName": host,
            "domainPrefix": host.split(['.', ':']).next().unwrap_or_default(),
            "http": {
                "method": parts.method.as_str(),
                "path": path,
                "protocol": format!("{:?}", parts.version),
                "sourceIp": caller.peer.ip().to_string(),
                "userAgent": user_agent,
            },
            "requestId": caller.request_id,
            "routeKey": matched.route_key,
            "stage": "$default",
            "time": now.format("%d/%b/%Y:%H:%M:%S %z").to_string(),
            "timeEpoch": now.timestamp_millis(),
        },
    });
    let Some(members) = event.as_object_mut() else { return event };
    if !cookies.is_empty() {
        members.insert("cookies".to_owned(), json!(cookies));
    }
    let parameters = query_parameters(query);
    if !parameters.is_empty() {
        members.insert("queryStringParameters".to_owned(), json!(parameters));
    }
    if !matched.parameters.is_empty() {
        let parameters: Map<String, Value> =
            matched.parameters.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        members.insert("pathParameters".to_owned(), Value::Object(parameters));
    }
    let text = std::str::from_utf8(body).ok().filter(|_| is_text(&parts.headers));
    if !body.is_empty() {
        members.insert("body".to_owned(), text.map_or_else(|| json!(BASE64.encode(body)), |text| json!(text)));
    }
    members.insert("isBase64Encoded".to_owned(), json!(!body.is_empty() && text.is_none()));
    event
}

/// Headers in lower case, repeated ones joined by commas. Cookies are returned separately.
fn headers(parts: &Parts, caller: &Caller<'_>) -> (BTreeMap<String, String>, Vec<String>) {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    let mut cookies = Vec::new();
    for (name, value) in &parts.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        if name == header::COOKIE {
            cookies.extend(value.split(';').map(str::trim).filter(|cookie| !cookie.is_empty()).map(str::to_owned));
        } else if name != header::CONNECTION && name != header::TRANSFER_ENCODING {
            let joined = headers.entry(name.as_str().to_owned()).or_default();
            if !joined.is_empty() {
                joined.push(',');
            }
            joined.push_str(&value);
        }
    }
    let address = caller.peer.ip().to_string();
    let forwarded = match headers.get("x-forwarded-for") {
        Some(before) => format!("{before}, {address}"),
        None => address,
    };
    let port = headers.get("host").and_then(|host| host.rsplit_once(':')).map_or("80", |(_, port)| port).to_owned();
    headers.insert("x-forwarded-for".to_owned(), forwarded);
    headers.insert("x-forwarded-port".to_owned(), port);
    headers.insert("x-forwarded-proto".to_owned(), "http".to_owned());
    (headers, cookies)
}

/// The decoded query parameters, repeated ones joined by commas.
fn query_parameters(query: &str) -> BTreeMap<String, String> {
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let mut parameters: BTreeMap<String, String> = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decode(value);
        parameters
            .entry(decode(name))
            .and_modify(|joined| {
                joined.push(',');
                joined.push_str(&value);
            })
            .or_insert(value);
    }
    parameters
}

/// Whether the body is passed as text. All other bodies are encoded in base64.
fn is_text(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media.starts_with("text/")
        || media.ends_with("+json")
        || media.ends_with("+xml")
        || ["application/json", "application/javascript", "application/xml"].contains(&media.as_str())
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::{super::path::decode, *};

    fn make(request: axum::http::request::Builder, body: &[u8], parameters: &[(&str, &str)]) -> Value {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let path = decode(parts.uri.path());
        let matched = Match {
            function: "F".to_owned(),
            route_key: "GET /x/{id}".to_owned(),
            parameters: parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        };
        event(&parts, &path, body, &matched, &Caller { peer: ([127, 0, 0, 1], 4711).into(), request_id: "r-1" })
    }

    #[test]
    fn an_event_has_the_members_of_format_2() {
        let request = Request::get("/items/code_reservation/a?limit=1&limit=2&filter%5Bid%5D=a+b")
            .header("Host", "api.example.com:3000")
            .header("X-One", "1")
            .header("x-one", "2")
            .header("Cookie", "a=1; b=2")
            .header("cookie", "c=3")
            .header("User-Agent", "test/1");
        let event = make(request, b"", &[("id", "a")]);
        assert_eq!(event["version"], "2.0");
        assert_eq!(event["rawPath"], "/items/code_reservation/a");
        assert_eq!(event["rawQueryString"], "limit=1&limit=2&filter%5Bid%5D=a+b");
        assert_eq!(event["queryStringParameters"], json!({"limit": "1,2", "filter[id]": "a b"}));
        assert_eq!(event["cookies"], json!(["a=1", "b=2", "c=3"]));
        assert_eq!(event["headers"]["x-one"], "1,2");
        assert!(event["headers"].get("cookie").is_none());
        assert_eq!(event["headers"]["x-forwarded-port"], "3000");
        assert_eq!(event["pathParameters"], json!({"id": "a"}));
        assert_eq!(event["isBase64Encoded"], false);
        assert!(event.get("body").is_none());
        let http = &event["requestContext"]["http"];
        assert_eq!(http["method"], "GET");
        assert_eq!(http["path"], "/items/code_reservation/a");
        assert_eq!(http["protocol"], "HTTP/1.1");
        assert_eq!(http["sourceIp"], "127.0.0.1");
        assert_eq!(http["userAgent"], "test/1");
        assert_eq!(event["requestContext"]["requestId"], "r-1");
        assert_eq!(event["requestContext"]["domainPrefix"], "api");
    }

    #[test]
    fn a_body_is_text_by_its_type_and_base64_otherwise() {
        let post = |kind: &str| Request::post("/x").header("content-type", kind);
        let json = make(post("application/json; charset=utf-8"), "{\"é\":1}".as_bytes(), &[]);
        assert_eq!((&json["body"], &json["isBase64Encoded"]), (&json!("{\"é\":1}"), &json!(false)));
        let form = make(post("application/x-www-form-urlencoded"), b"{}", &[]);
        assert_eq!((&form["body"], &form["isBase64Encoded"]), (&json!("e30="), &json!(true)));
        let broken = make(post("application/json"), &[0xff], &[]);
        assert_eq!((&broken["body"], &broken["isBase64Encoded"]), (&json!("/w=="), &json!(true)));
    }
}
