//! Calls functions outside this process through the Lambda Invoke API (AWS Lambda API Reference, `Invoke`): SAM local,
//! `cargo lambda watch`, or the runtime interface emulator.
//!
//! An emulator serves one invocation at a time, so calls to the same address are queued. A call that timed out blocks
//! the queue until the emulator answers it, because this process cannot end the function as Lambda would.

use std::{collections::HashMap, str::FromStr, sync::Arc, time::Duration};

use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::HttpRequest,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use axum::http::Uri;
use lambda_runtime::Error;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::{invocation::Invoked, template::Function};

/// Maximum time after its time-out that a call may block the queue.
const LONGEST_OVERRUN: Duration = Duration::from_secs(300);
/// Maximum length of an unexpected answer in an error message, in characters.
const SHOWN: usize = 200;

const LOGICAL: &str = "{logical}";
const BINARY: &str = "{binary}";

/// The address of functions: `NAME=URL` for one, or a URL with `{logical}` or `{binary}` for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvokeEndpoint {
    /// The logical id or the binary of one function.
    name: Option<String>,
    url: String,
}

impl FromStr for InvokeEndpoint {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let (name, url) = match text.split_once('=') {
            Some((name, url)) if is_name(name) => (Some(name.to_owned()), url),
            _ => (None, text),
        };
        let host = url.strip_prefix("http://").ok_or("a URL that begins with http:// is needed")?;
        let valid = Uri::try_from(url.replace(LOGICAL, "x").replace(BINARY, "x")).is_ok();
        if !valid || host.starts_with('/') || host.is_empty() {
            return Err("this is no URL");
        }
        if name.is_none() && !url.contains(LOGICAL) && !url.contains(BINARY) {
            return Err("the URL must hold {logical} or {binary}, or be given for one function, as NAME=URL");
        }
        Ok(Self { name, url: url.to_owned() })
    }
}

/// An endpoint names a function that the template does not have.
#[derive(Debug, thiserror::Error)]
#[error("--invoke-endpoint: there is no function {name}; the functions are {known}")]
pub struct NoSuchFunction {
    name: String,
    known: String,
}

/// One address of the Invoke API.
#[derive(Debug)]
pub(crate) struct Remote {
    url: String,
    connector: SharedHttpConnector,
    turn: Arc<Mutex<()>>,
}

/// The endpoint of each function that has one, by logical id. An endpoint with a name takes precedence over one for
/// all; of several equal ones the last applies, as usual on a command line.
///
/// # Errors
/// [`NoSuchFunction`] when an endpoint names a function that the template does not have.
pub(crate) fn remotes(
    endpoints: &[InvokeEndpoint],
    functions: &[Function],
) -> Result<HashMap<String, Arc<Remote>>, NoSuchFunction> {
    let is = |function: &Function, name: &str| function.logical_id == name || function.binary == name;
    for name in endpoints.iter().filter_map(|endpoint| endpoint.name.as_deref()) {
        if !functions.iter().any(|function| is(function, name)) {
            let known: Vec<_> = functions.iter().map(|function| function.binary.as_str()).collect();
            return Err(NoSuchFunction { name: name.to_owned(), known: known.join(", ") });
        }
    }
    let settings = HttpConnectorSettings::builder().connect_timeout(Duration::from_secs(1)).build();
    let connector = SharedHttpConnector::new(Connector::builder().connector_settings(settings).build_http());
    let mut by_url: HashMap<String, Arc<Remote>> = HashMap::new();
    let mut remotes = HashMap::new();
    for function in functions {
        let named = |endpoint: &&InvokeEndpoint| endpoint.name.as_deref().is_some_and(|name| is(function, name));
        let of_all = |endpoint: &&InvokeEndpoint| endpoint.name.is_none();
        let endpoint = endpoints.iter().rfind(named).or_else(|| endpoints.iter().rfind(of_all));
        if let Some(endpoint) = endpoint {
            let url = endpoint.url.replace(LOGICAL, &function.logical_id).replace(BINARY, &function.binary);
            let remote = by_url
                .entry(url.clone())
                .or_insert_with(|| Arc::new(Remote { url, connector: connector.clone(), turn: Arc::default() }));
            remotes.insert(function.logical_id.clone(), Arc::clone(remote));
        }
    }
    Ok(remotes)
}

impl Remote {
    /// Calls the function when earlier calls to the same address are done. Its time limit starts then.
    ///
    /// # Errors
    /// The function's error, the time-out, or why the answer is not one of the Invoke API.
    pub(crate) async fn call(&self, invoked: &Invoked, payload: &Value) -> Result<Value, Error> {
        let mut request = HttpRequest::new(SdkBody::from(payload.to_string()));
        request.set_method("POST")?;
        request.set_uri(self.url.as_str())?;
        request.headers_mut().insert("content-type", "application/json");
        request.headers_mut().insert("x-amz-invocation-type", "RequestResponse");
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let (connector, url) = (self.connector.clone(), self.url.clone());
        let longest = invoked.timeout + LONGEST_OVERRUN;
        // A separate task, so that the queue stays blocked even if the caller is gone.
        let exchange = tokio::spawn(async move {
            let answer = tokio::time::timeout(longest, exchange(&connector, request, &url)).await;
            drop(turn);
            answer.unwrap_or_else(|_| Err(format!("{url} does not answer").into()))
        });
        invoked.run(async move { exchange.await? }).await
    }
}

async fn exchange(connector: &SharedHttpConnector, request: HttpRequest, url: &str) -> Result<Value, Error> {
    let response = connector.call(request).await.map_err(|error| format!("{url} cannot be reached: {error}"))?;
    let status = response.status();
    let function_error = response.headers().get("x-amz-function-error").map(str::to_owned);
    let body = ByteStream::new(response.into_body()).collect().await?.into_bytes();
    result(status.as_u16(), function_error.as_deref(), &body).map_err(|reason| format!("{url}: {reason}").into())
}

/// Interprets an answer of the Invoke API.
fn result(status: u16, function_error: Option<&str>, body: &[u8]) -> Result<Value, String> {
    let start = || String::from_utf8_lossy(body).chars().take(SHOWN).collect::<String>();
    if !(200..300).contains(&status) {
        return Err(format!("status {status}: {}", start()));
    }
    if let Some(kind) = function_error {
        return Err(format!("{kind} error of the function: {}", start()));
    }
    if body.trim_ascii().is_empty() {
        return Ok(Value::Null);
    }
    // The emulator reports a time-out in plain text.
    let answer: Value = serde_json::from_slice(body).map_err(|_| format!("no JSON: {}", start()))?;
    // Some emulators omit the header that marks an error. The body of an error then has exactly these members.
    let is_error = answer.as_object().is_some_and(|members| {
        members.contains_key("errorMessage")
            && members
                .keys()
                .all(|name| ["errorMessage", "errorType", "stackTrace", "requestId"].contains(&name.as_str()))
    });
    if is_error { Err(format!("error of the function: {}", start())) } else { Ok(answer) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::template::{TEMPLATE, Template};

    #[test]
    fn an_endpoint_is_for_one_function_or_names_each() {
        let parse = |text: &str| text.parse::<InvokeEndpoint>();
        let one = parse("sweep=http://127.0.0.1:9/2015-03-31/functions/function/invocations").unwrap();
        assert_eq!(one.name.as_deref(), Some("sweep"));
        assert!(parse("http://127.0.0.1:3001/2015-03-31/functions/{logical}/invocations").unwrap().name.is_none());
        // The equals sign in a query string belongs to the URL.
        assert!(parse("http://127.0.0.1:3001/{binary}?a=b").unwrap().name.is_none());
        for wrong in [
            "",
            "sweep",
            "sweep=",
            "http://127.0.0.1:9/",
            "https://x/{binary}",
            "a b=http://x/",
            "sweep=http://",
            "http:///{binary}",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn each_function_has_its_address_and_those_of_one_address_share_a_turn() {
        let functions = Template::parse(TEMPLATE, &[]).unwrap().functions;
        let with = |texts: &[&str]| {
            let endpoints: Vec<InvokeEndpoint> = texts.iter().map(|text| text.parse().unwrap()).collect();
            remotes(&endpoints, &functions)
        };
        let all = with(&["http://a/{logical}", "http://b/{binary}/x", "Sweep=http://c/", "files=http://c/"]).unwrap();
        assert_eq!(all.len(), functions.len());
        assert_eq!(all["GetReservation"].url, "http://b/get-reservation/x");
        assert!(Arc::ptr_eq(&all["Sweep"], &all["Files"]));
        let some = with(&["get-reservation=http://a/"]).unwrap();
        assert_eq!(some.keys().collect::<Vec<_>>(), ["GetReservation"]);
        let error = with(&["get-reservations=http://a/"]).unwrap_err().to_string();
        assert!(error.contains("no function get-reservations") && error.contains("get-reservation,"), "{error}");
    }

    #[test]
    fn errors_of_the_function_and_of_the_endpoint_are_no_answers() {
        assert_eq!(result(200, None, br#"{"statusCode":200}"#).unwrap(), json!({ "statusCode": 200 }));
        assert_eq!(result(200, None, b"null").unwrap(), Value::Null);
        assert_eq!(result(200, None, b"").unwrap(), Value::Null);
        // A member of this name in an answer does not make it an error.
        let answer = br#"{"errorMessage":"x","batchItemFailures":[]}"#;
        assert!(result(200, None, answer).is_ok());
        for (status, header, body, shows) in [
            (200, Some("Unhandled"), r#"{"errorMessage":"boom"}"#, "boom"),
            (200, None, r#"{"errorType":"E","errorMessage":"boom"}"#, "boom"),
            (200, None, "Task timed out after 3.00 seconds", "timed out"),
            (404, None, r#"{"Message":"Function not found"}"#, "404"),
            (502, None, "<html>", "502"),
            (429, None, "", "429"),
        ] {
            let error = result(status, header, body.as_bytes()).unwrap_err();
            assert!(error.contains(shows), "{error}");
        }
        assert!(result(500, None, "é".repeat(10_000).as_bytes()).unwrap_err().len() < 500);
    }
}
