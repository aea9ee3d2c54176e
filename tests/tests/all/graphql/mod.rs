//! GraphQL over the whole system: the published documents, the language, rights, and documents that mean harm.

mod hostile;
mod language;
mod published;
mod rights;

use std::path::PathBuf;

use lambda_http::{Context as LambdaContext, LambdaEvent};
use local::{functions, options::Options, system::System};
use serde_json::{Value, json};

pub(super) const NORTH: &str = "c0000000-0000-4000-8000-000000000001";
pub(super) const SOUTH: &str = "c0000000-0000-4000-8000-000000000002";
pub(super) const FAILED: &str = "c0000000-0000-4000-8000-000000000003";

/// The running system with the rows of `tests/graphql/seed.json`.
pub(super) struct Service {
    system: System,
    http: reqwest::Client,
}

/// A status and a body.
pub(super) type Answer = (u16, Value);

impl Service {
    pub(super) async fn start() -> Self {
        Self::with(|options| options).await
    }

    pub(super) async fn with(change: impl FnOnce(Options) -> Options) -> Self {
        let seed = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/graphql/seed.json"));
        let options = Options { seed: Some(seed), ..Options::in_memory() };
        let system = System::start(change(options)).await.unwrap();
        Self { system, http: reqwest::Client::new() }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.system.address().unwrap())
    }

    /// Posts a body to a path.
    pub(super) async fn post(&self, path: &str, token: &str, body: &Value) -> Answer {
        let request = self.http.post(self.url(path)).bearer_auth(token).json(body);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// A document to `/graphql`.
    pub(super) async fn ask(&self, token: &str, query: &str) -> Answer {
        self.post("/graphql", token, &json!({ "query": query })).await
    }

    /// A document with variables.
    pub(super) async fn ask_with(&self, token: &str, query: &str, variables: Value) -> Answer {
        self.post("/graphql", token, &json!({ "query": query, "variables": variables })).await
    }

    /// The data of a document that has no errors.
    pub(super) async fn data(&self, query: &str) -> Value {
        let (status, body) = self.ask("graphql-admin", query).await;
        assert!(status == 200 && body.get("errors").is_none(), "{query}: {status} {body}");
        body["data"].clone()
    }

    /// A request of any kind.
    pub(super) async fn request(&self, method: &str, path: &str, body: Option<&str>) -> Answer {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, self.url(path)).bearer_auth("graphql-admin");
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_owned());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// The function itself, with the event that API Gateway makes of a POST.
    pub(super) async fn event(&self, token: &str, query: &str) -> Answer {
        let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../events/graphql/post.json"));
        let mut event: Value = serde_json::from_str(text).unwrap();
        event["body"] = Value::String(json!({ "query": query }).to_string());
        event["isBase64Encoded"] = Value::Bool(false);
        event["headers"]["authorization"] = Value::String(format!("Bearer {token}"));
        event["headers"]["content-type"] = Value::String("application/json".to_owned());
        let function = functions::http("graphql", self.system.context()).unwrap();
        let answer = function(LambdaEvent::new(event, LambdaContext::default())).await.unwrap();
        let body = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        (u16::try_from(answer["statusCode"].as_u64().unwrap()).unwrap(), body)
    }

    /// Waits until a reservation is no longer being worked on.
    pub(super) async fn settled(&self, id: &str) -> Value {
        for _ in 0..600 {
            let data =
                self.data(&format!("{{ code_reservation_by_id(id: \"{id}\") {{ status quantity_reserved }} }}")).await;
            let row = data["code_reservation_by_id"].clone();
            if row["status"] == "complete" || row["status"] == "error" {
                return row;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("{id} is still not settled");
    }

    pub(super) async fn stop(self) {
        self.system.stop().await;
    }
}

/// The code of the first error.
pub(super) fn code(body: &Value) -> &str {
    body["errors"][0]["extensions"]["code"].as_str().unwrap_or_default()
}

/// The first message of a document that is refused.
pub(super) fn refusal(body: &Value) -> &str {
    body["errors"][0]["extensions"]["errors"][0]["message"].as_str().unwrap_or_default()
}
