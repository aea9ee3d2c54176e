//! Entries of whole requests: from the event of the gateway to the answer of a function.

use common::{
    api::{Answer, ApiError, Call, answer_event, serve},
    config::Oidc,
    identity::Issuer,
};
use lambda_http::{Context as LambdaContext, LambdaEvent};
use serde_json::{Value, json};

use super::offline::{block_on, context};

/// A document with variables, as a client sends it: text, and perhaps JSON of variables after a zero byte.
pub(super) fn graphql(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (document, variables) = text.split_once('\0').unwrap_or((&text, "null"));
    let variables: Value = serde_json::from_str(variables).unwrap_or_default();
    for path in ["/graphql", "/graphql/system"] {
        let answer = graphql_answer(path, &json!({ "query": document, "variables": variables }));
        assert_answered(&answer);
        assert!(answer["statusCode"].as_u64().is_some_and(|status| status != 500), "{answer}");
    }
}

/// The answer to a document at `/graphql/system`.
#[must_use]
pub fn answer_to_document(document: &str) -> Value {
    graphql_answer("/graphql/system", &json!({ "query": document }))
}

fn graphql_answer(path: &str, body: &Value) -> Value {
    let event = json!({
        "version": "2.0",
        "rawPath": path,
        "headers": { "authorization": "Bearer fuzz", "content-type": "application/json" },
        "body": body.to_string(),
        "requestContext": { "http": { "method": "POST" } },
    });
    let answer = block_on(answer_event(event_of(event), |request| graphql::handle(context(), request)));
    answer.ok().and_then(|answer| serde_json::to_value(answer).ok()).unwrap_or_default()
}

/// A text as a token, in every place where a token can be.
pub(super) fn tokens(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let event = |query: &str, authorization: &str, cookie: &str| {
        json!({
            "version": "2.0",
            "rawPath": text,
            "rawQueryString": query,
            "headers": { "authorization": authorization, "origin": text, "if-none-match": text },
            "cookies": [cookie, "directus_session_token=fuzz"],
            "requestContext": { "http": { "method": "GET" } },
        })
    };
    for event in [
        event(&text, "", ""),
        event(&format!("access_token={text}"), "", ""),
        event("", &text, ""),
        event("", &format!("Bearer {text}"), ""),
        event("", "", &text),
        event("", "", &format!("directus_session_token={text}")),
    ] {
        assert_answered(&served(event));
    }
}

/// A token as JWT. The issuer cannot be reached, so none is accepted.
pub(super) fn jwt(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if !Issuer::is_jwt(&text) {
        return;
    }
    let settings = Oidc { issuer: "https://127.0.0.1:1".to_owned(), audience: "codes".to_owned(), client_id: None };
    static ISSUER: std::sync::OnceLock<Issuer> = std::sync::OnceLock::new();
    let issuer = ISSUER.get_or_init(|| Issuer::new(settings));
    assert!(block_on(issuer.subject(&text)).is_err(), "a token without a key is accepted: {text}");
}

/// A request for a page: path, query string, cookies and form, with zero bytes between them. Whatever they are, the answer is
/// a page, a redirect within the pages, or one of their files.
pub(super) fn pages(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut parts = text.splitn(4, '\0');
    let mut part = || parts.next().unwrap_or_default().to_owned();
    let (path, query, cookie, form) = (part(), part(), part(), part());
    for method in ["GET", "POST"] {
        let event = json!({
            "version": "2.0",
            "rawPath": format!("/console/{path}"),
            "rawQueryString": query,
            "cookies": [cookie],
            "headers": {
                "host": "codes.example.com",
                "origin": "https://codes.example.com",
                "content-type": "application/x-www-form-urlencoded",
                "accept-language": query,
            },
            "body": form,
            "requestContext": { "http": { "method": method } },
        });
        let answer = block_on(answer_event(event_of(event), |request| console::handle(context(), request)));
        let answer = answer.ok().and_then(|answer| serde_json::to_value(answer).ok()).unwrap_or_default();
        let headers = &answer["headers"];
        assert_ne!(answer["statusCode"], 500, "{answer}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{answer}");
        assert!(headers["content-security-policy"].is_string(), "{answer}");
        if let Some(to) = headers["location"].as_str() {
            // The form keeps what was written in its query.
            assert!(to == "/" || to.starts_with("/?") || to.starts_with("/console/"), "{answer}");
        }
    }
}

/// An event as JSON, whatever it is.
pub(super) fn events(input: &[u8]) {
    let Ok(event) = serde_json::from_slice::<Value>(input) else { return };
    let answer = served(event);
    if !answer.is_null() {
        assert_answered(&answer);
    }
}

fn event_of(event: Value) -> LambdaEvent<Value> {
    LambdaEvent::new(event, LambdaContext::default())
}

/// The answer of a function that reads everything of its request; null for an event that is none of the gateway.
fn served(event: Value) -> Value {
    let read = |call: Call| {
        let id = call.id().is_ok();
        let key = call.text_header("idempotency-key")?;
        let json = call.json()?;
        Ok::<_, ApiError>(Answer::Data(json!([id, key, json, call.path, call.query])))
    };
    let handle = |request| async move { serve(context(), request, |_, call| std::future::ready(read(call))).await };
    let answer: Option<Value> = block_on(async {
        let answer = answer_event(event_of(event), handle).await.ok()?;
        serde_json::to_value(answer).ok()
    });
    answer.unwrap_or_default()
}

/// Every answer has a status, the headers that protect it, and a body that is JSON unless it may have none.
fn assert_answered(answer: &Value) {
    let status = answer["statusCode"].as_u64().unwrap_or_default();
    assert!((200..600).contains(&status), "{answer}");
    assert_eq!(answer["headers"]["x-content-type-options"], "nosniff", "{answer}");
    assert!(answer["headers"]["cache-control"].is_string(), "{answer}");
    let body = answer["body"].as_str().unwrap_or_default();
    if status >= 400 && !body.is_empty() {
        assert!(serde_json::from_str::<Value>(body).is_ok_and(|body| body["errors"].is_array()), "{answer}");
    }
}
