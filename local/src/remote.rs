//! Calls functions outside this process through the Lambda Invoke API (AWS Lambda API Reference, `Invoke`): SAM local,
//! `cargo lambda watch`, or the runtime interface emulator.
//!
//! An emulator serves one invocation at a time, so calls to the same address are queued. A call that timed out blocks
//! the queue until the emulator answers it, because this process cannot end the function as Lambda would.

use std::{collections::HashMap, error::Error as StdError, io, sync::Arc, time::Duration};

use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::HttpRequest,
    result::ConnectorError,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use axum::http::Uri;
use lambda_runtime::Error;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::{invocation::Invoked, invoke_endpoint::InvokeEndpoint, template::Function};

/// Maximum time after its time-out that a call may block the queue.
const LONGEST_OVERRUN: Duration = Duration::from_secs(300);
/// Maximum length of an unexpected answer in an error message, in characters.
const SHOWN: usize = 200;

/// An endpoint names a function that the template does not have.
#[derive(Debug, thiserror::Error)]
#[error("--invoke-endpoint: there is no function {name}; the functions are {known}")]
pub struct NoSuchFunction {
    name: String,
    known: String,
}

/// No connection to a function's endpoint: the function was not called. Other errors can come from a function that ran.
#[derive(Debug, thiserror::Error)]
#[error("{url} cannot be reached; is the function started? {source}")]
pub(crate) struct NotReached {
    url: String,
    source: ConnectorError,
}

/// One address of the Invoke API.
#[derive(Debug)]
pub struct Remote {
    url: String,
    connector: SharedHttpConnector,
    turn: Arc<Mutex<()>>,
}

/// The endpoint of each function that has one, by logical id. An endpoint with a name takes precedence over one for
/// all; of several equal ones the last applies, as usual on a command line.
///
/// # Errors
/// [`NoSuchFunction`] when an endpoint names a function that the template does not have.
pub fn remotes(
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
    let mut by_place: HashMap<String, Arc<Remote>> = HashMap::new();
    let mut remotes = HashMap::new();
    for function in functions {
        let named = |endpoint: &&InvokeEndpoint| endpoint.name.as_deref().is_some_and(|name| is(function, name));
        let of_all = |endpoint: &&InvokeEndpoint| endpoint.name.is_none();
        let endpoint = endpoints.iter().rfind(named).or_else(|| endpoints.iter().rfind(of_all));
        if let Some(endpoint) = endpoint {
            let url = endpoint.url(&function.logical_id, &function.binary);
            let remote = by_place
                .entry(place(&url))
                .or_insert_with(|| Arc::new(Remote { url, connector: connector.clone(), turn: Arc::default() }));
            remotes.insert(function.logical_id.clone(), Arc::clone(remote));
        }
    }
    Ok(remotes)
}

/// Identifies the place that a URL leads to: two spellings of this machine's loopback address, and of the default port, are
/// one place.
fn place(url: &str) -> String {
    let Ok(uri) = url.parse::<Uri>() else { return url.to_owned() };
    let host = match uri.host().unwrap_or_default().to_ascii_lowercase().as_str() {
        "localhost" | "127.0.0.1" | "0.0.0.0" | "[::1]" | "[::]" => "127.0.0.1".to_owned(),
        host => host.to_owned(),
    };
    format!("{host}:{}{}", uri.port_u16().unwrap_or(80), uri.path_and_query().map_or("/", |path| path.as_str()))
}

impl Remote {
    /// Calls the function when earlier calls to the same address are done. Its time limit starts then.
    ///
    /// # Errors
    /// [`NotReached`] when nothing answers at the address; otherwise the function's error, the time-out, or why the answer
    /// is not one of the Invoke API.
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
    let response = connector.call(request).await.map_err(|source| -> Error {
        if is_not_connected(&source) {
            NotReached { url: url.to_owned(), source }.into()
        } else {
            format!("{url}: {source}").into()
        }
    })?;
    let status = response.status();
    let function_error = response.headers().get("x-amz-function-error").map(str::to_owned);
    let body = ByteStream::new(response.into_body()).collect().await?.into_bytes();
    result(status.as_u16(), function_error.as_deref(), &body).map_err(|reason| format!("{url}: {reason}").into())
}

/// Whether the connection failed before the request was sent. A connection that broke later may have started the function.
fn is_not_connected(error: &ConnectorError) -> bool {
    // The only time limit of the connector is that of connecting.
    if error.is_timeout() {
        return true;
    }
    let mut source = StdError::source(error);
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
            return ![BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof].contains(&error.kind());
        }
        source = error.source();
    }
    false
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
        let spelt = with(&["sweep=http://localhost:80/x", "files=http://127.0.0.1/x", "graphql=http://127.0.0.1/y"]);
        let spelt = spelt.unwrap();
        assert!(Arc::ptr_eq(&spelt["Sweep"], &spelt["Files"]) && !Arc::ptr_eq(&spelt["Sweep"], &spelt["Graphql"]));
        let some = with(&["get-reservation=http://a/"]).unwrap();
        assert_eq!(some.keys().collect::<Vec<_>>(), ["GetReservation"]);
        let error = with(&["get-reservations=http://a/"]).unwrap_err().to_string();
        assert!(error.contains("no function get-reservations") && error.contains("get-reservation,"), "{error}");
    }

    #[tokio::test]
    async fn a_closed_port_is_not_reached_and_a_connection_that_breaks_is_an_error() {
        let functions = Template::parse(TEMPLATE, &[]).unwrap().functions;
        let invoked = Invoked::from(&functions[0]);
        let call = async |address: &str| {
            let endpoint = format!("{}=http://{address}/", functions[0].binary).parse().unwrap();
            let remotes = remotes(&[endpoint], &functions).unwrap();
            remotes[&functions[0].logical_id].call(&invoked, &json!({})).await.unwrap_err()
        };
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let breaking = tokio::spawn(async move {
            // Reads the request, and ends as a killed emulator does.
            let (stream, _) = listener.accept().await.unwrap();
            stream.readable().await.unwrap();
        });
        let broken = call(&address).await;
        assert!(broken.downcast_ref::<NotReached>().is_none(), "{broken}");
        breaking.await.unwrap();
        let closed = call(&address).await;
        assert!(closed.downcast_ref::<NotReached>().is_some(), "{closed}");
        let unknown = call("no-such-host.invalid:9").await;
        assert!(unknown.downcast_ref::<NotReached>().is_some(), "{unknown}");
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
