//! GraphQL over HTTP and through an event: the published documents, the language, rights, and hostile documents.

mod bad_rows;
mod hostile;
mod language;
mod once_only;
mod published;
mod rights;
mod sorting;

use lambda_http::{Context as LambdaContext, LambdaEvent};
use local::functions;
use serde_json::{Value, json};

use crate::support::{
    harness::{Running, Setup, wait_until},
    repository::root,
};

/// Reservations of `tests/graphql/seed.json`.
const NORTH: &str = "c0000000-0000-4000-8000-000000000001";
const SOUTH: &str = "c0000000-0000-4000-8000-000000000002";
const FAILED: &str = "c0000000-0000-4000-8000-000000000003";

/// A running system with the rows of `tests/graphql/seed.json`.
struct Service {
    running: Running,
}

/// A status and a body.
type Answer = (u16, Value);

impl Service {
    async fn start() -> Self {
        Self::with(Setup::new()).await
    }

    async fn with(setup: Setup) -> Self {
        Self { running: setup.seed(&root().join("tests/graphql/seed.json")).start().await }
    }

    /// Posts a body to a path.
    async fn post(&self, path: &str, token: &str, body: &Value) -> Answer {
        let reply = self.running.json("POST", path, token, body).await;
        (reply.status, reply.parsed())
    }

    /// Posts a document to `/graphql`.
    async fn ask(&self, token: &str, query: &str) -> Answer {
        self.post("/graphql", token, &json!({ "query": query })).await
    }

    /// Posts a document with variables to `/graphql`.
    async fn ask_with(&self, token: &str, query: &str, variables: Value) -> Answer {
        self.post("/graphql", token, &json!({ "query": query, "variables": variables })).await
    }

    /// The data of a document, which must have no errors.
    async fn data(&self, query: &str) -> Value {
        let (status, body) = self.ask("graphql-admin", query).await;
        assert!(status == 200 && body.get("errors").is_none(), "{query}: {status} {body}");
        body["data"].clone()
    }

    /// Sends any request; a body that is not JSON is returned as text.
    async fn request(&self, method: &str, path: &str, body: Option<&str>) -> Answer {
        let headers: &[_] = if body.is_some() { &[("content-type", "application/json")] } else { &[] };
        let body = body.map(|body| body.as_bytes().to_vec());
        let reply = self.running.send(method, path, Some("graphql-admin"), headers, body).await;
        (reply.status, serde_json::from_str(&reply.text).unwrap_or(Value::String(reply.text)))
    }

    /// Calls the function itself with the event that API Gateway makes of a POST.
    async fn event(&self, token: &str, query: &str) -> Answer {
        let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../events/graphql/post.json"));
        let mut event: Value = serde_json::from_str(text).unwrap();
        event["body"] = Value::String(json!({ "query": query }).to_string());
        event["isBase64Encoded"] = Value::Bool(false);
        event["headers"]["authorization"] = Value::String(format!("Bearer {token}"));
        event["headers"]["content-type"] = Value::String("application/json".to_owned());
        let function = functions::http("graphql", self.running.context()).unwrap();
        let answer = function(LambdaEvent::new(event, LambdaContext::default())).await.unwrap();
        let body = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        (u16::try_from(answer["statusCode"].as_u64().unwrap()).unwrap(), body)
    }

    /// Waits until a reservation is `complete` or `error`.
    async fn settled(&self, id: &str) -> Value {
        let query = format!("{{ code_reservation_by_id(id: \"{id}\") {{ status quantity_reserved }} }}");
        let look = || async {
            let row = self.data(&query).await["code_reservation_by_id"].clone();
            (row["status"] == "complete" || row["status"] == "error").then_some(row)
        };
        wait_until(&format!("reservation {id} ends"), look).await
    }

    async fn stop(self) {
        self.running.stop().await;
    }
}

/// The code of the first error.
fn code(body: &Value) -> &str {
    body["errors"][0]["extensions"]["code"].as_str().unwrap_or_default()
}

/// The first message of a refused document.
fn refusal(body: &Value) -> &str {
    body["errors"][0]["extensions"]["errors"][0]["message"].as_str().unwrap_or_default()
}
