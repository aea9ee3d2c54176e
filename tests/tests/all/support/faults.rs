//! The network between a worker and its stores, cut or held where a test wants it.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    },
    orchestrator::HttpRequest,
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use tokio::sync::{Notify, Semaphore};

/// What happens at one external call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The worker dies, and the call was never sent.
    DieBefore,
    /// The worker dies, and the call was done.
    DieAfter,
    /// The call is done, its answer lost once: the SDK sends it again.
    LoseAnswer,
    /// This call and all that follow fail until the invocation ends.
    GoDown,
    /// The call waits until it is released, and is then sent.
    HoldBefore,
    /// The call is done; its answer waits until it is released.
    HoldAfter,
}

/// The calls of a worker, and the one that a fault strikes.
#[derive(Clone)]
pub(crate) struct Wire(Arc<Inner>);

struct Inner {
    client: SharedHttpClient,
    state: Mutex<State>,
    struck: Notify,
    release: Semaphore,
}

#[derive(Default)]
struct State {
    calls: Vec<String>,
    fault: Option<(usize, Fault)>,
    is_down: bool,
    is_dead: bool,
}

/// What a call meets.
enum Verdict {
    Pass,
    Silence,
    Refusal,
    Strike(Fault),
}

impl Wire {
    /// A network on which nothing happens, or a fault at the `n`-th call (from 1).
    pub(crate) fn new(fault: Option<(usize, Fault)>) -> Self {
        Self(Arc::new(Inner {
            client: aws_smithy_http_client::Builder::new().build_http(),
            state: Mutex::new(State { fault, ..State::default() }),
            struck: Notify::new(),
            release: Semaphore::new(0),
        }))
    }

    /// The names of the calls so far.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.0.state.lock().unwrap().calls.clone()
    }

    /// How many calls wrote to DynamoDB.
    pub(crate) fn writes(&self) -> usize {
        let writes = ["TransactWriteItems", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"];
        self.calls().iter().filter(|call| writes.contains(&call.as_str())).count()
    }

    /// Whether the fault has happened.
    pub(crate) fn is_spent(&self) -> bool {
        self.0.state.lock().unwrap().fault.is_none()
    }

    /// Waits until a fault strikes that kills or holds.
    pub(crate) async fn struck(&self) {
        self.0.struck.notified().await;
    }

    /// Lets the held call go on.
    pub(crate) fn release(&self) {
        self.0.release.add_permits(1);
    }

    /// Ends what a fault began: the next invocation runs undisturbed.
    pub(crate) fn heal(&self) {
        let mut state = self.0.state.lock().unwrap();
        (state.is_down, state.is_dead) = (false, false);
    }

    fn verdict(&self, name: String) -> Verdict {
        let mut state = self.0.state.lock().unwrap();
        if state.is_dead {
            return Verdict::Silence;
        }
        if state.is_down {
            return Verdict::Refusal;
        }
        state.calls.push(name);
        match state.fault {
            Some((at, fault)) if at == state.calls.len() => {
                state.fault = None;
                match fault {
                    Fault::GoDown => {
                        state.is_down = true;
                        Verdict::Refusal
                    }
                    Fault::DieBefore => {
                        state.is_dead = true;
                        self.0.struck.notify_one();
                        Verdict::Silence
                    }
                    other => Verdict::Strike(other),
                }
            }
            _ => Verdict::Pass,
        }
    }

    async fn hold(&self) {
        self.0.struck.notify_one();
        self.0.release.acquire().await.unwrap().forget();
    }

    fn die(&self) {
        self.0.state.lock().unwrap().is_dead = true;
        self.0.struck.notify_one();
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl HttpClient for Wire {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.0.client.http_connector(settings, components);
        SharedHttpConnector::new(Connector { wire: self.clone(), inner })
    }
}

#[derive(Debug)]
struct Connector {
    wire: Wire,
    inner: SharedHttpConnector,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let refusal = || ConnectorError::io("the network is down".into());
        let wire = self.wire.clone();
        match self.wire.verdict(operation(&request)) {
            Verdict::Pass => self.inner.call(request),
            Verdict::Silence => HttpConnectorFuture::new(std::future::pending()),
            Verdict::Refusal => HttpConnectorFuture::ready(Err(refusal())),
            Verdict::Strike(fault) => {
                let inner = self.inner.clone();
                HttpConnectorFuture::new(async move {
                    if fault == Fault::HoldBefore {
                        wire.hold().await;
                    }
                    let answer = inner.call(request).await;
                    match fault {
                        Fault::DieAfter => {
                            wire.die();
                            std::future::pending().await
                        }
                        Fault::HoldAfter => {
                            wire.hold().await;
                            answer
                        }
                        Fault::LoseAnswer => Err(refusal()),
                        _ => answer,
                    }
                })
            }
        }
    }
}

/// The name of an operation, as the manuals of DynamoDB and S3 have it.
fn operation(request: &HttpRequest) -> String {
    if let Some(target) = request.headers().get("x-amz-target") {
        return target.rsplit('.').next().unwrap_or(target).to_owned();
    }
    let query = request.uri().split_once('?').map_or("", |(_, query)| query);
    let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    let name = match request.method() {
        "POST" if has("uploads") => "CreateMultipartUpload",
        "POST" if has("uploadId") => "CompleteMultipartUpload",
        "POST" if has("delete") => "DeleteObjects",
        "PUT" if has("partNumber") => "UploadPart",
        "PUT" => "PutObject",
        "DELETE" if has("uploadId") => "AbortMultipartUpload",
        "HEAD" => "HeadObject",
        "GET" if has("uploadId") => "ListParts",
        "GET" if has("uploads") => "ListMultipartUploads",
        "GET" if has("list-type") => "ListObjectsV2",
        other => panic!("{other} {} is no call of a worker", request.uri()),
    };
    name.to_owned()
}
