//! A context whose stores are empty and answer at once: its HTTP client invents the answers.
//!
//! The Directory has one user, an administrator, to whom every token belongs.

use std::sync::{Arc, OnceLock};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use common::{
    config::{Config, SecretSource},
    context::Context,
};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

const USER: &str = "a11ce000-0000-4000-8000-000000000001";

/// The context.
pub(super) fn context() -> &'static Context {
    static CONTEXT: OnceLock<Arc<Context>> = OnceLock::new();
    CONTEXT.get_or_init(|| {
        let lookup = |name: &str| {
            let needed = name.ends_with("_TABLE") || ["EXPORTS_BUCKET", "SECRET_ARN"].contains(&name);
            needed.then(|| name.to_lowercase().replace('_', "-"))
        };
        let mut config = Config::from_lookup(lookup).expect("every variable that is needed has a value");
        config.secret = SecretSource::Value("0123456789abcdef".repeat(4));
        let connector = SharedHttpConnector::new(Invented);
        let keys = Credentials::new("id", "secret", None, None, "fuzz");
        let sdk = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(keys))
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .build();
        Context::new(config, &sdk)
    })
}

/// Runs work to its end.
pub(super) fn block_on<T>(work: impl Future<Output = T>) -> T {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = RUNTIME
        .get_or_init(|| Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime starts"));
    runtime.block_on(work)
}

/// Answers every request by itself.
#[derive(Debug)]
struct Invented;

impl HttpConnector for Invented {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body: Value = request.body().bytes().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
        let target = request.headers().get("x-amz-target").and_then(|target| target.split('.').next_back());
        let (status, answer) = match target {
            Some("GetItem") => (200, item(&body["Key"]).map_or_else(|| json!({}), |item| json!({ "Item": item }))),
            Some("BatchGetItem") => (200, batch(&body["RequestItems"])),
            Some("Query") => (200, json!({ "Items": [], "Count": 0, "ScannedCount": 0 })),
            Some(_) => (200, json!({})),
            // S3: there is no object.
            None => (404, json!("")),
        };
        let status = StatusCode::try_from(status).expect("it is a status");
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(answer.to_string()))))
    }
}

/// The item of a key: a token, a user, or nothing.
fn item(key: &Value) -> Option<Value> {
    match key["kind"]["S"].as_str()? {
        "token" => Some(json!({ "kind": key["kind"], "id": key["id"], "user": { "S": USER } })),
        "user" => Some(
            json!({ "kind": key["kind"], "id": { "S": USER }, "status": { "S": "active" }, "organisations": { "S": "*" },
            "role": { "S": "admin" } }),
        ),
        _ => None,
    }
}

fn batch(tables: &Value) -> Value {
    let of_table = |request: &Value| {
        let keys = request["Keys"].as_array().into_iter().flatten();
        keys.filter_map(item).collect::<Value>()
    };
    let tables = tables.as_object().into_iter().flatten();
    let found: serde_json::Map<_, _> = tables.map(|(name, request)| (name.clone(), of_table(request))).collect();
    json!({ "Responses": found, "UnprocessedKeys": {} })
}
