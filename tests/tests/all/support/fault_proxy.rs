//! Stands between a worker and its stores: writes down what the worker asks for, and cuts it off at any request, as a crash
//! does: from then on nothing arrives, and of the request itself either nothing arrived or only the answer was lost.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{StatusCode, request::Parts},
    response::Response,
};
use common::{config::Config, context::Context};
use local::system::sdk_config;
use tokio::{net::TcpListener, sync::Notify, task::JoinSet};

use crate::support::system::{PATIENCE, Running};

/// Where a worker is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Never.
    Never,
    /// Before the request of this number, from 0: it does not arrive.
    Before(usize),
    /// After the request of this number: it is done, and the answer does not arrive.
    After(usize),
    /// As [`Cut::Before`], but the store hangs: the connection stays open, and no answer comes to this request or a later one.
    HangBefore(usize),
    /// As [`Cut::After`], but the store hangs: the request is done, and neither its answer nor a later one comes.
    HangAfter(usize),
    /// Not cut off, but held up at the first request of this operation, until the test lets it go.
    Hold(&'static str),
}

/// A worker behind the proxy.
pub(crate) struct Worker {
    /// What its handler is called with.
    pub(crate) context: Arc<Context>,
    log: Arc<Mutex<Log>>,
    gate: Arc<Gate>,
    _servers: JoinSet<()>,
}

#[derive(Default)]
struct Gate {
    held: Notify,
    go: Notify,
}

struct Log {
    cut: Cut,
    requests: Vec<String>,
}

struct Proxy {
    target: String,
    http: reqwest::Client,
    log: Arc<Mutex<Log>>,
    gate: Arc<Gate>,
}

impl Worker {
    /// A worker of a system, with settings of its own.
    pub(crate) async fn new(running: &Running, cut: Cut, change: impl FnOnce(&mut Config)) -> Self {
        let log = Arc::new(Mutex::new(Log { cut, requests: Vec::new() }));
        let gate = Arc::new(Gate::default());
        let mut servers = JoinSet::new();
        let mut config = running.context().config().clone();
        for endpoint in [&mut config.endpoints.dynamodb, &mut config.endpoints.s3] {
            let target = endpoint.take().unwrap();
            let proxy = Proxy { target, http: reqwest::Client::new(), log: Arc::clone(&log), gate: Arc::clone(&gate) };
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            *endpoint = Some(format!("http://{}", listener.local_addr().unwrap()));
            let router = Router::new().fallback(pass).with_state(Arc::new(proxy));
            servers.spawn(async move { axum::serve(listener, router).await.unwrap() });
        }
        change(&mut config);
        let context = Context::new(config, &sdk_config(running.system.s3()));
        Self { context, log, gate, _servers: servers }
    }

    /// The requests so far: operation and first line of the body's beginning, or method and path.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.log.lock().unwrap().requests.clone()
    }

    /// Waits until the worker is held up.
    pub(crate) async fn held(&self) {
        tokio::time::timeout(PATIENCE, self.gate.held.notified()).await.unwrap();
    }

    /// Lets the worker go on.
    pub(crate) fn let_go(&self) {
        self.gate.go.notify_one();
    }

    /// Whether it was cut off.
    pub(crate) fn is_cut(&self) -> bool {
        let log = self.log.lock().unwrap();
        match log.cut {
            Cut::Never | Cut::Hold(_) => false,
            Cut::Before(number) | Cut::After(number) | Cut::HangBefore(number) | Cut::HangAfter(number) => {
                log.requests.len() > number
            }
        }
    }
}

async fn pass(State(proxy): State<Arc<Proxy>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let (arrives, answers, held) = proxy.log.lock().unwrap().note(&parts, &body);
    if held {
        proxy.gate.held.notify_one();
        proxy.gate.go.notified().await;
    }
    let hangs = matches!(proxy.log.lock().unwrap().cut, Cut::HangBefore(_) | Cut::HangAfter(_));
    if !arrives {
        return gone(hangs).await;
    }
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let forwarded = proxy.http.request(parts.method, format!("{}{path}", proxy.target));
    let answer = forwarded.headers(parts.headers).body(body).send().await.unwrap();
    if !answers {
        return gone(hangs).await;
    }
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut response = Response::new(Body::from(answer.bytes().await.unwrap()));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

impl Log {
    /// Writes a request down; tells whether it arrives, whether its answer does, and whether it is held up.
    fn note(&mut self, parts: &Parts, body: &[u8]) -> (bool, bool, bool) {
        let number = self.requests.len();
        let operation = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok()?.split('.').nth(1));
        self.requests.push(match operation {
            Some(operation) => format!("{operation} {}", String::from_utf8_lossy(body)),
            None => format!("{} {}", parts.method, parts.uri),
        });
        match self.cut {
            Cut::Never => (true, true, false),
            Cut::Before(last) | Cut::HangBefore(last) => (number < last, number < last, false),
            Cut::After(last) | Cut::HangAfter(last) => (number <= last, number < last, false),
            Cut::Hold(operation) => {
                let mut like = self.requests.iter().filter(|request| request.starts_with(operation));
                let held =
                    like.next().is_some() && like.next().is_none() && self.requests[number].starts_with(operation);
                (true, true, held)
            }
        }
    }
}

/// What no client tries again; where the store hangs, nothing for ever.
async fn gone(hangs: bool) -> Response {
    if hangs {
        std::future::pending::<()>().await;
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::FORBIDDEN;
    response
}
