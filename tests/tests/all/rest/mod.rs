//! The REST dialect from outside: a system in memory, and HTTP requests to it.

mod bad_changes;
mod bad_input;
mod batches;
mod codes;
mod conditional;
mod directus;
mod examples;
mod files;
mod lookups;
mod oidc;
mod organisations;
mod plans;
mod refusals;
mod strangers;

use local::{options::Options, system::System};
use reqwest::{
    Client, Method,
    header::{CONTENT_TYPE, HeaderMap},
    redirect::Policy,
};
use serde_json::Value;

use crate::support::repository::root;

/// Tokens of the seed.
pub(crate) const ADMIN: &str = "admin-token";
pub(crate) const WRITER: &str = "writer-token";
pub(crate) const READER: &str = "reader-token";

pub(crate) const ITEMS: &str = "/items/code_reservation";
pub(crate) const CODES: &str = "/items/unique_code";

/// A running system, with a client.
pub(crate) struct Server {
    pub(crate) system: System,
    /// Whether it has the rows and users of a seed.
    pub(crate) has_seed: bool,
    client: Client,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    /// The body as JSON; null where it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// The member `data`.
    pub(crate) fn data(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        self.json()["data"].clone()
    }

    /// The code of the first error.
    pub(crate) fn code(&self) -> String {
        self.json()["errors"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The reason of the first error.
    pub(crate) fn reason(&self) -> String {
        self.json()["errors"][0]["extensions"]["reason"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and body: what a caller can tell apart.
    pub(crate) fn shape(&self) -> (u16, String) {
        (self.status, self.text.clone())
    }
}

impl Server {
    /// A system that keeps nothing; the stream runs unless the options say otherwise.
    pub(crate) async fn start(options: Options) -> Self {
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        let has_seed = options.seed.is_some();
        Self { system: System::start(options).await.unwrap(), has_seed, client }
    }

    /// A system with the rows of `tests/directus/seed.json`, which nothing processes.
    pub(crate) async fn seeded() -> Self {
        Self::start(seeded()).await
    }

    pub(crate) async fn stop(self) {
        self.system.stop().await;
    }

    /// Sends a request; `headers` beside the token, the body as it is.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Reply {
        let url = format!("http://{}{path}", self.system.address().unwrap());
        let mut request = self.client.request(Method::from_bytes(method.as_bytes()).unwrap(), url);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Reply { status, headers, text: response.text().await.unwrap() }
    }

    /// Sends a request with a body of JSON, if it is not null.
    pub(crate) async fn json(&self, method: &str, path: &str, token: &str, body: &Value) -> Reply {
        let bytes = (!body.is_null()).then(|| body.to_string().into_bytes());
        self.send(method, path, Some(token), &[(CONTENT_TYPE.as_str(), "application/json")], bytes).await
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Reply {
        self.send("GET", path, Some(token), &[], None).await
    }
}

/// Options of a system with the rows of `tests/directus/seed.json`, which nothing processes.
pub(crate) fn seeded() -> Options {
    Options { seed: Some(root().join("tests/directus/seed.json")), pause_stream: true, ..Options::in_memory() }
}

/// A value as a part of a query string.
pub(crate) fn encoded(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.bytes()
        .map(|byte| match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}
