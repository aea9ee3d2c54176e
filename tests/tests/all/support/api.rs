//! A client of the HTTP API, as a script would write one: a base address, a token, JSON in and out.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, redirect::Policy};
use serde_json::{Value, json};

/// Where the reservations are.
pub(crate) const RESERVATIONS: &str = "/items/code_reservation";

/// A client with one token, or none.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    http: Client,
    url: String,
    token: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) text: String,
}

impl Reply {
    /// The body.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// `data` of a 200.
    pub(crate) fn data(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        self.json()["data"].clone()
    }
}

impl Api {
    pub(crate) fn new(url: &str, token: &str) -> Self {
        // A link to S3 is followed by hand: the token must not travel there.
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

    /// Sends a request; an error is one of the connection.
    pub(crate) async fn try_send(request: RequestBuilder) -> reqwest::Result<Reply> {
        let answer = request.send().await?;
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (status, location, content_type) = (answer.status().as_u16(), header("location"), header("content-type"));
        Ok(Reply { status, location, content_type, text: answer.text().await? })
    }

    pub(crate) async fn send(&self, method: &str, path: &str) -> Reply {
        Self::try_send(self.request(method, path)).await.unwrap()
    }

    pub(crate) async fn send_json(&self, method: &str, path: &str, body: &Value) -> Reply {
        Self::try_send(self.request(method, path).json(body)).await.unwrap()
    }

    /// Creates a reservation; gives the object.
    pub(crate) async fn post(&self, body: &Value) -> Value {
        self.send_json("POST", RESERVATIONS, body).await.data()
    }

    /// Reads a reservation.
    pub(crate) async fn get(&self, id: &str) -> Value {
        self.send("GET", &format!("{RESERVATIONS}/{id}")).await.data()
    }

    /// Changes a reservation; gives the object.
    pub(crate) async fn patch(&self, id: &str, body: &Value) -> Value {
        self.send_json("PATCH", &format!("{RESERVATIONS}/{id}"), body).await.data()
    }

    /// Deletes a reservation.
    pub(crate) async fn delete(&self, id: &str) {
        let reply = self.send("DELETE", &format!("{RESERVATIONS}/{id}")).await;
        assert_eq!((reply.status, reply.text.as_str()), (204, ""));
    }

    /// A file's bytes: the API's link, followed without the token.
    pub(crate) async fn download(&self, file: &str) -> Vec<u8> {
        let reply = self.send("GET", &format!("/assets/{file}")).await;
        assert_eq!(reply.status, 302, "{}", reply.text);
        let answer = self.http.get(reply.location.unwrap()).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        answer.bytes().await.unwrap().to_vec()
    }

    /// The answer behind a link, still arriving.
    pub(crate) async fn follow(&self, file: &str) -> reqwest::Response {
        let reply = self.send("GET", &format!("/assets/{file}")).await;
        self.http.get(reply.location.unwrap()).send().await.unwrap()
    }
}

/// What most tests reserve: sgtin codes of the product of the specification's example.
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
