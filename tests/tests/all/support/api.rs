//! A client of the HTTP API, as a script would write one: a base address, a token, JSON in and out.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, header::HeaderMap, redirect::Policy};
use serde_json::{Value, json};

use super::contract;

/// The collection of reservations.
pub(crate) const RESERVATIONS: &str = "/items/code_reservation";
/// The collection of codes.
pub(crate) const CODES: &str = "/items/unique_code";

/// A client with one token, or none.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    http: Client,
    url: String,
    token: Option<String>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    /// The body as JSON; null if it is not JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If the body is not JSON.
    pub(crate) fn parsed(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The member `data` of a 200.
    ///
    /// # Panics
    /// If the status is not 200 or the body is not JSON.
    pub(crate) fn data(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        self.parsed()["data"].clone()
    }

    /// The code of the first error.
    pub(crate) fn code(&self) -> String {
        self.json()["errors"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The reason of the first error.
    pub(crate) fn reason(&self) -> String {
        self.json()["errors"][0]["extensions"]["reason"].as_str().unwrap_or_default().to_owned()
    }

    /// A header; empty if it is missing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and body: what a caller can tell apart.
    pub(crate) fn shape(&self) -> (u16, String) {
        (self.status, self.text.clone())
    }
}

impl Api {
    pub(crate) fn new(url: &str, token: &str) -> Self {
        // Redirects to S3 are followed by hand, because the token must not be sent there.
        let http = Client::builder().redirect(Policy::none()).timeout(Duration::from_secs(120)).build().unwrap();
        Self { http, url: url.to_owned(), token: Some(token.to_owned()) }
    }

    /// The same system, with another token.
    pub(crate) fn with_token(&self, token: Option<&str>) -> Self {
        Self { token: token.map(str::to_owned), ..self.clone() }
    }

    /// A request to a path, with the token.
    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.http.request(method, format!("{}{path}", self.url));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a request. The answer must be one of the OpenAPI document.
    ///
    /// # Errors
    /// `reqwest::Error` when the connection fails.
    pub(crate) async fn try_send(request: RequestBuilder) -> reqwest::Result<Reply> {
        let (client, request) = request.build_split();
        let request = request?;
        let method = request.method().to_string();
        let url = request.url();
        let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        let answer = client.execute(request).await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let reply = Reply { status, headers, text: answer.text().await? };
        contract::check(&method, &path, &reply);
        Ok(reply)
    }

    pub(crate) async fn send(&self, method: &str, path: &str) -> Reply {
        Self::try_send(self.request(method, path)).await.unwrap()
    }

    pub(crate) async fn send_json(&self, method: &str, path: &str, body: &Value) -> Reply {
        Self::try_send(self.request(method, path).json(body)).await.unwrap()
    }

    /// Creates a reservation and returns it.
    pub(crate) async fn post(&self, body: &Value) -> Value {
        self.send_json("POST", RESERVATIONS, body).await.data()
    }

    /// Reads a reservation.
    pub(crate) async fn get(&self, id: &str) -> Value {
        self.send("GET", &format!("{RESERVATIONS}/{id}")).await.data()
    }

    /// Changes a reservation and returns it.
    pub(crate) async fn patch(&self, id: &str, body: &Value) -> Value {
        self.send_json("PATCH", &format!("{RESERVATIONS}/{id}"), body).await.data()
    }

    /// Deletes a reservation.
    pub(crate) async fn delete(&self, id: &str) {
        let reply = self.send("DELETE", &format!("{RESERVATIONS}/{id}")).await;
        assert_eq!((reply.status, reply.text.as_str()), (204, ""));
    }

    /// The bytes of a file; the link is followed without the token.
    pub(crate) async fn download(&self, file: &str) -> Vec<u8> {
        let reply = self.send("GET", &format!("/assets/{file}")).await;
        assert_eq!(reply.status, 302, "{}", reply.text);
        let answer = self.http.get(reply.header("location")).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        answer.bytes().await.unwrap().to_vec()
    }

    /// The answer behind the link to a file, still arriving.
    pub(crate) async fn follow(&self, file: &str) -> reqwest::Response {
        let reply = self.send("GET", &format!("/assets/{file}")).await;
        self.http.get(reply.header("location")).send().await.unwrap()
    }
}

/// The reservation that most tests create: sgtin codes for the product of the specification's example.
pub(crate) fn sgtin(quantity: u64) -> Value {
    json!({
        "reserved_for": "/417/9312345000012",
        "code_type": "sgtin",
        "quantity": quantity,
        "export_type": "csv",
        "product": "/01/19361758000003",
    })
}

/// The same object with other members.
pub(crate) fn with(body: &Value, members: Value) -> Value {
    let mut body = body.clone();
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// The id of an object.
pub(crate) fn id(object: &Value) -> &str {
    object["id"].as_str().unwrap()
}

/// The end of a reservation's id, which the names of its files contain.
pub(crate) fn id_in_names(id: &impl ToString) -> String {
    id.to_string()[28..].to_owned()
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
