//! Converts a function's answer to an HTTP response.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use common::api::{NO_STORE, SECURITY_HEADERS};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Maximum size of a Lambda function's answer, in bytes of its JSON.
const MAX_ANSWER: usize = 6 * 1024 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status_code: u16,
    #[serde(default)]
    headers: Map<String, Value>,
    #[serde(default)]
    cookies: Vec<String>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// A response of the gateway itself.
pub(super) fn own(status: StatusCode, message: &str) -> Response {
    json(status, json!({ "message": message }).to_string())
}

/// A response of the gateway itself with a body of JSON.
pub(super) fn json(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(NO_STORE));
    headers.extend(SECURITY_HEADERS.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}

/// The HTTP response for a function's answer.
///
/// # Errors
/// A text that says why API Gateway would answer 500 instead: the answer is too large, or has a wrong form.
pub(super) fn to_response(answer: Value) -> Result<Response, String> {
    // Escaping multiplies the size of a body by six at most, so a small body is not serialised only to measure it.
    let body = answer.get("body").and_then(Value::as_str).map_or(0, str::len);
    let size = if body < MAX_ANSWER / 7 { body } else { answer.to_string().len() };
    if size > MAX_ANSWER {
        return Err(format!("the answer has {size} bytes, and a Lambda function can give {MAX_ANSWER}"));
    }
    let answer: Answer = serde_json::from_value(answer).map_err(|error| error.to_string())?;
    let body = match answer.body {
        Some(body) if answer.is_base64_encoded => BASE64.decode(body).map_err(|error| error.to_string())?,
        Some(body) => body.into_bytes(),
        None => Vec::new(),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(answer.status_code).map_err(|error| error.to_string())?;
    let headers = response.headers_mut();
    for (name, value) in &answer.headers {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let name: HeaderName = name.parse().map_err(|_| format!("{name} is no name of a header"))?;
        // The gateway computes the length itself.
        if name != header::CONTENT_LENGTH {
            headers.append(name, HeaderValue::from_str(&value).map_err(|error| error.to_string())?);
        }
    }
    for cookie in &answer.cookies {
        headers.append(header::SET_COOKIE, HeaderValue::from_str(cookie).map_err(|error| error.to_string())?);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    #[tokio::test]
    async fn status_headers_cookies_and_bodies_arrive() {
        let answer = json!({
            "statusCode": 201,
            "headers": {"content-type": "text/plain", "x-request-id": "r"},
            "multiValueHeaders": {},
            "cookies": ["a=1", "b=2; Path=/"],
            "body": "aGk=",
            "isBase64Encoded": true,
        });
        let response = to_response(answer).unwrap();
        assert_eq!(response.status(), 201);
        let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["a=1", "b=2; Path=/"]);
        assert_eq!(response.headers()["x-request-id"], "r");
        assert_eq!(to_bytes(response.into_body(), 10).await.unwrap(), "hi");
    }

    #[test]
    fn what_lambda_cannot_send_is_refused() {
        let large = json!({"statusCode": 200, "body": "x".repeat(MAX_ANSWER)});
        assert!(to_response(large).unwrap_err().contains("bytes"));
        assert!(to_response(json!({"body": "x"})).is_err());
        assert!(to_response(json!({"statusCode": 200, "headers": {"a b": "x"}})).is_err());
    }
}
