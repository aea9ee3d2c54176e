//! A DynamoDB that gives prepared answers, for tests of what is done with them.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
};
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

use super::Store;
use crate::{config::Config, host::Machine};

/// The tables of such a DynamoDB.
#[derive(Debug)]
pub(super) struct Prepared {
    client: Client,
    config: Config,
    exchange: Connector,
}

#[derive(Clone, Debug, Default)]
struct Connector(Arc<Mutex<Exchange>>);

/// The answers that are left, and the bodies of the requests so far.
#[derive(Debug, Default)]
struct Exchange {
    answers: VecDeque<(u16, Value)>,
    requests: Vec<Value>,
}

impl Prepared {
    /// DynamoDB gives these answers in their order: each a status and a body. A request too many fails.
    pub(super) fn new(answers: impl IntoIterator<Item = (u16, Value)>) -> Self {
        let answers = Exchange { answers: answers.into_iter().collect(), requests: Vec::new() };
        let exchange = Connector(Arc::new(Mutex::new(answers)));
        let connector = SharedHttpConnector::new(exchange.clone());
        let sdk = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .build();
        Self { client: Client::from_conf(sdk), config: Config::of_names(), exchange }
    }

    pub(super) fn store(&self) -> Store<'_> {
        Store::new(&self.client, &self.config, &Machine)
    }

    /// The bodies of the requests, all of which had an answer, if that left none.
    pub(super) fn requests(&self) -> Vec<Value> {
        let exchange = self.exchange.0.lock().unwrap();
        assert!(exchange.answers.is_empty(), "answers that nobody asked for: {:?}", exchange.answers);
        exchange.requests.clone()
    }
}

impl HttpConnector for Connector {
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
