//! A DynamoDB that gives prepared answers, for tests of what is done with them.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

use crate::{config::Config, context::Context};

/// The answers that are left, and the bodies of the requests so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Prepared(Arc<Mutex<Exchange>>);

#[derive(Debug, Default)]
struct Exchange {
    answers: VecDeque<(u16, Value)>,
    requests: Vec<Value>,
}

impl Prepared {
    /// A context whose DynamoDB gives these answers in their order: each a status and a body. A request too many fails.
    pub(super) fn context(answers: impl IntoIterator<Item = (u16, Value)>) -> (Arc<Context>, Self) {
        let exchange = Exchange { answers: answers.into_iter().collect(), requests: Vec::new() };
        let prepared = Self(Arc::new(Mutex::new(exchange)));
        let connector = SharedHttpConnector::new(prepared.clone());
        let keys = Credentials::new("id", "secret", None, None, "test");
        let sdk = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(keys))
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .build();
        (Context::new(Config::of_names(), &sdk), prepared)
    }

    /// The bodies of the requests, all of which had an answer, if that left none.
    pub(super) fn requests(&self) -> Vec<Value> {
        let exchange = self.0.lock().unwrap();
        assert!(exchange.answers.is_empty(), "answers that nobody asked for: {:?}", exchange.answers);
        exchange.requests.clone()
    }
}

impl HttpConnector for Prepared {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Exchange { answers, requests } = &mut *self.0.lock().unwrap();
        requests.push(request.body().bytes().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default());
        HttpConnectorFuture::ready(match answers.pop_front() {
            Some((status, body)) => {
                Ok(HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body.to_string())))
            }
            None => Err(ConnectorError::user("there is no further answer".into())),
        })
    }
}

/// The answer with an error of DynamoDB.
pub(super) fn error(name: &str) -> (u16, Value) {
    (400, json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{name}"), "message": "prepared"}))
}

/// The answer to a transaction that was cancelled, with a code for each action.
pub(super) fn cancelled(codes: &[&str]) -> (u16, Value) {
    let (status, mut body) = error("TransactionCanceledException");
    body["CancellationReasons"] = codes.iter().map(|code| json!({ "Code": code })).collect();
    (status, body)
}
