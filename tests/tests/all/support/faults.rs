//! The fault injector: the network between a worker and its stores.
//!
//! [`Network`] is the HTTP client of the AWS SDK in a worker. It logs every request, and at one of them it injects a
//! [`Fault`], or at those that a [`Plan`] chooses.

use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context as Waker, Poll, ready},
    time::Duration,
};

use aws_sdk_dynamodb::config::{AsyncSleep as _, SharedAsyncSleep, Sleep};
use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    },
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use axum::body::Bytes;
use common::{config::Config, context::Context};
use http_body::Frame;
use local::{s3::StepLog, system::sdk_config};
use tokio::sync::{Notify, Semaphore};

use super::{
    answers::{Trouble, connection_error, forbidden, missing},
    harness::{PATIENCE, Running},
};

/// What happens at one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The request is not sent. It and all later requests are never answered: the worker died, or the store hangs.
    DieBefore,
    /// The request is done. Its answer and those of all later requests never come.
    DieAfter,
    /// The request is done and its answer is lost once; the SDK retries.
    LoseAnswer,
    /// This request and all later ones fail with an error of the connection, which the SDK retries.
    GoDown,
    /// The request is not sent. It and all later ones, or under a plan it alone, are answered with 403, which the SDK
    /// does not retry.
    RefuseBefore,
    /// The request is done. It and all later ones are answered with 403.
    RefuseAfter,
    /// The request waits until it is released, and is then sent.
    HoldBefore,
    /// The request is done; its answer waits until it is released.
    HoldAfter,
    /// The request is done; its answer waits until it is released, and is then lost. The SDK retries.
    HoldAndLose,
    /// The request is sent after this time.
    Delay(Duration),
    /// The request is done. The headers of its answer come at once, and the body after this time.
    SlowBody(Duration),
    /// The request is not sent, once; the SDK retries.
    Fail,
    /// The request is not sent and never answered: the SDK gives this try up after its time limit.
    Hang,
    /// The request is done and never answered.
    HangAfter,
    /// The request is not done. The store answers with an error.
    Refuse(Trouble),
    /// The request is done. The store answers with an error nevertheless.
    RefuseOnce(Trouble),
    /// The connection is reset when half of the body of the request is sent.
    Reset,
    /// The request is not answered, and is done after this time, when its sender has given it up.
    Late(Duration),
}

/// Chooses a fault for each request.
pub(crate) trait Plan: fmt::Debug + Send + Sync {
    /// What happens to the next request.
    fn next(&self, request: &Request) -> Course;
}

/// What happens to a request: it takes a while, suffers a fault, and its answer takes a while.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Course {
    pub(crate) before: Duration,
    pub(crate) fault: Option<Fault>,
    pub(crate) after: Duration,
}

/// Another body for a request to DynamoDB: `None` to leave it as it is.
pub(crate) type Rewrite = fn(&Request) -> Option<String>;

/// The request at which the fault is injected.
#[derive(Clone, Copy, Debug)]
pub(crate) enum At {
    /// The request with this number, from 1.
    Request(usize),
    /// The first request of this operation.
    First(&'static str),
}

impl From<usize> for At {
    fn from(number: usize) -> Self {
        Self::Request(number)
    }
}

impl From<&'static str> for At {
    fn from(operation: &'static str) -> Self {
        Self::First(operation)
    }
}

/// A request of a worker. Retries are requests too.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The name of the operation in the API reference of DynamoDB or S3.
    pub(crate) operation: String,
    /// The body of a request to DynamoDB; empty for S3.
    pub(crate) body: String,
    /// The number of the part that it uploads.
    pub(crate) part: Option<u32>,
}

/// The network of a worker: the requests so far, and one fault.
#[derive(Clone)]
pub(crate) struct Network(Arc<Inner>);

struct Inner {
    client: SharedHttpClient,
    state: Mutex<State>,
    struck: Notify,
    release: Semaphore,
    plan: Option<Arc<dyn Plan>>,
    rewrite: Option<Rewrite>,
}

#[derive(Default)]
struct State {
    requests: Vec<Request>,
    fault: Option<(At, Fault)>,
    has_failed: bool,
    condition: Condition,
    /// Operations that are answered with 404.
    hidden: Vec<&'static str>,
    /// Where requests are noted when they are sent.
    log: Option<StepLog>,
}

/// What happens to every request after a fault.
#[derive(Clone, Copy, Default)]
enum Condition {
    #[default]
    Healthy,
    Silent,
    Down,
    Refusing,
}

/// What happens to one request.
enum Verdict {
    Pass,
    Silence,
    Error,
    Refusal,
    Missing(&'static str),
    Strike(Fault),
    Planned(Course),
}

impl Network {
    /// A network without a fault.
    pub(crate) fn healthy() -> Self {
        Self::new(None)
    }

    /// A network with a fault at one request.
    pub(crate) fn failing(at: impl Into<At>, fault: Fault) -> Self {
        Self::new(Some((at.into(), fault)))
    }

    /// A network with a plan of faults.
    pub(crate) fn following(plan: Arc<dyn Plan>) -> Self {
        Self(Arc::new(Inner { plan: Some(plan), ..Inner::new(direct(), None) }))
    }

    /// A network over another client with a plan of faults.
    pub(crate) fn planned(client: SharedHttpClient, plan: Arc<dyn Plan>, rewrite: Option<Rewrite>) -> Self {
        Self(Arc::new(Inner { plan: Some(plan), rewrite, ..Inner::new(client, None) }))
    }

    fn new(fault: Option<(At, Fault)>) -> Self {
        Self(Arc::new(Inner::new(direct(), fault)))
    }

    /// A worker on this network, over the stores of a system, with other settings.
    pub(crate) fn worker(&self, running: &Running, change: impl FnOnce(&mut Config)) -> Arc<Context> {
        let mut config = running.context().config().clone();
        change(&mut config);
        let sdk = sdk_config(running.system.s3()).to_builder().http_client(self.clone()).build();
        Context::new(config, &sdk)
    }

    /// The requests so far, including those that were not sent or not answered.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.0.state.lock().unwrap().requests.clone()
    }

    /// The operations of the requests so far.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.operation).collect()
    }

    /// How often an operation was called.
    pub(crate) fn count(&self, operation: &str) -> usize {
        self.calls().iter().filter(|call| *call == operation).count()
    }

    /// The number of requests that wrote to DynamoDB.
    pub(crate) fn writes(&self) -> usize {
        let writes = ["TransactWriteItems", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"];
        self.calls().iter().filter(|call| writes.contains(&call.as_str())).count()
    }

    /// Whether the fault was injected.
    pub(crate) fn has_failed(&self) -> bool {
        self.0.state.lock().unwrap().has_failed
    }

    /// Waits until a fault kills the worker or holds a request.
    ///
    /// # Panics
    /// After [`PATIENCE`].
    pub(crate) async fn struck(&self) {
        tokio::time::timeout(PATIENCE, self.0.struck.notified()).await.unwrap();
    }

    /// Lets the held request go on.
    pub(crate) fn release(&self) {
        self.0.release.add_permits(1);
    }

    /// Ends the effects of a fault: requests pass again.
    pub(crate) fn heal(&self) {
        let mut state = self.0.state.lock().unwrap();
        (state.condition, state.hidden) = (Condition::Healthy, Vec::new());
    }

    /// Notes every request in this log too.
    pub(crate) fn note(&self, log: &StepLog) {
        self.0.state.lock().unwrap().log = Some(Arc::clone(log));
    }

    /// Answers these operations with 404 until the network is healed.
    pub(crate) fn hide(&self, operations: &[&'static str]) {
        self.0.state.lock().unwrap().hidden = operations.to_vec();
    }

    fn verdict(&self, request: Request) -> Verdict {
        let mut state = self.0.state.lock().unwrap();
        let strikes = match state.fault {
            Some((At::Request(number), _)) => state.requests.len() + 1 == number,
            Some((At::First(operation), _)) => request.operation == operation,
            None => false,
        };
        if let Some(log) = &state.log {
            log.lock().unwrap().push(request.operation.clone());
        }
        if let Some(plan) = &self.0.plan {
            return Verdict::Planned(plan.next(&request));
        }
        let missing = state.hidden.iter().find(|hidden| **hidden == request.operation).copied();
        state.requests.push(request);
        if let Some(operation) = missing {
            return Verdict::Missing(operation);
        }
        match state.condition {
            Condition::Healthy => {}
            Condition::Silent => return Verdict::Silence,
            Condition::Down => return Verdict::Error,
            Condition::Refusing => return Verdict::Refusal,
        }
        let Some((_, fault)) = state.fault.take_if(|_| strikes) else { return Verdict::Pass };
        state.has_failed = true;
        match fault {
            Fault::GoDown => {
                state.condition = Condition::Down;
                Verdict::Error
            }
            Fault::DieBefore => {
                state.condition = Condition::Silent;
                self.0.struck.notify_one();
                Verdict::Silence
            }
            Fault::RefuseBefore => {
                state.condition = Condition::Refusing;
                Verdict::Refusal
            }
            Fault::RefuseAfter => {
                state.condition = Condition::Refusing;
                Verdict::Strike(fault)
            }
            other => Verdict::Strike(other),
        }
    }

    async fn hold(&self) {
        self.0.struck.notify_one();
        self.0.release.acquire().await.unwrap().forget();
    }

    fn die(&self) {
        self.0.state.lock().unwrap().condition = Condition::Silent;
        self.0.struck.notify_one();
    }
}

impl Inner {
    fn new(client: SharedHttpClient, fault: Option<(At, Fault)>) -> Self {
        Self {
            client,
            state: Mutex::new(State { fault, ..State::default() }),
            struck: Notify::new(),
            release: Semaphore::new(0),
            plan: None,
            rewrite: None,
        }
    }
}

/// A client of HTTP without TLS.
fn direct() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().build_http()
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Network")
    }
}

impl HttpClient for Network {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.0.client.http_connector(settings, components);
        let sleep = components.sleep_impl().unwrap();
        SharedHttpConnector::new(Connector { network: self.clone(), inner, sleep })
    }
}

#[derive(Clone, Debug)]
struct Connector {
    network: Network,
    inner: SharedHttpConnector,
    sleep: SharedAsyncSleep,
}

impl HttpConnector for Connector {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let logged = logged(&request);
        if let Some(body) = self.network.0.rewrite.and_then(|rewrite| rewrite(&logged)) {
            request.headers_mut().insert("content-length", body.len().to_string());
            *request.body_mut() = SdkBody::from(body);
        }
        let trouble = logged.clone();
        match self.network.verdict(logged) {
            Verdict::Pass => self.inner.call(request),
            Verdict::Silence => HttpConnectorFuture::new(std::future::pending()),
            Verdict::Error => HttpConnectorFuture::ready(Err(connection_error())),
            Verdict::Refusal => HttpConnectorFuture::ready(Ok(forbidden())),
            Verdict::Missing(operation) => HttpConnectorFuture::ready(Ok(missing(operation))),
            Verdict::Strike(fault) => {
                let connector = self.clone();
                HttpConnectorFuture::new(async move { connector.suffer(request, fault, &trouble).await })
            }
            Verdict::Planned(course) => {
                let connector = self.clone();
                HttpConnectorFuture::new(async move {
                    connector.sleep.sleep(course.before).await;
                    let answer = match course.fault {
                        Some(fault) => connector.suffer(request, fault, &trouble).await,
                        None => connector.inner.call(request).await,
                    };
                    connector.sleep.sleep(course.after).await;
                    answer
                })
            }
        }
    }
}

impl Connector {
    async fn suffer(
        &self,
        mut request: HttpRequest,
        fault: Fault,
        logged: &Request,
    ) -> Result<HttpResponse, ConnectorError> {
        let network = &self.network;
        match fault {
            Fault::HoldBefore => network.hold().await,
            Fault::Delay(time) => self.sleep.sleep(time).await,
            Fault::Fail => return Err(connection_error()),
            Fault::RefuseBefore => return Ok(forbidden()),
            Fault::Hang => std::future::pending().await,
            Fault::Refuse(trouble) => return Ok(trouble.answer(logged)),
            Fault::Reset => cut(&mut request).await,
            Fault::Late(time) => {
                let Self { inner, sleep, .. } = self.clone();
                tokio::spawn(async move {
                    sleep.sleep(time).await;
                    drop(inner.call(request).await);
                });
                return std::future::pending().await;
            }
            _ => {}
        }
        let answer = self.inner.call(request).await;
        match fault {
            Fault::DieAfter => {
                network.die();
                std::future::pending().await
            }
            Fault::HoldAfter => {
                network.hold().await;
                answer
            }
            Fault::HoldAndLose => {
                network.hold().await;
                Err(connection_error())
            }
            Fault::SlowBody(time) => Ok(late(answer?, self.sleep.sleep(time)).await),
            Fault::LoseAnswer | Fault::Reset => Err(connection_error()),
            Fault::HangAfter => std::future::pending().await,
            Fault::RefuseAfter => Ok(forbidden()),
            Fault::RefuseOnce(trouble) => Ok(trouble.answer(logged)),
            _ => answer,
        }
    }
}

/// Cuts the body of a request in the middle: the server sees a connection that ends.
async fn cut(request: &mut HttpRequest) {
    let body = std::mem::replace(request.body_mut(), SdkBody::taken());
    let bytes = ByteStream::new(body).collect().await.unwrap().into_bytes();
    let half = bytes.slice(..bytes.len() / 2);
    *request.body_mut() = SdkBody::from_body_1_x(CutBody(Some(half)));
}

struct CutBody(Option<Bytes>);

impl http_body::Body for CutBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Waker<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let half = self.0.take().filter(|half| !half.is_empty());
        Poll::Ready(Some(half.map(Frame::data).ok_or_else(|| std::io::Error::other("the connection was reset"))))
    }
}

/// An answer whose body comes after this time.
async fn late(mut answer: HttpResponse, wait: Sleep) -> HttpResponse {
    let body = std::mem::replace(answer.body_mut(), SdkBody::taken());
    let bytes = ByteStream::new(body).collect().await.unwrap().into_bytes();
    let body = LateBody { wait, bytes: Some(bytes) };
    *answer.body_mut() = SdkBody::from_body_1_x(body);
    answer
}

struct LateBody {
    wait: Sleep,
    bytes: Option<Bytes>,
}

impl http_body::Body for LateBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Waker<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.bytes.is_some() {
            ready!(Pin::new(&mut self.wait).poll(cx));
        }
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }
}

fn logged(request: &HttpRequest) -> Request {
    if let Some(target) = request.headers().get("x-amz-target") {
        let operation = target.rsplit('.').next().unwrap_or(target).to_owned();
        let body = request.body().bytes().map_or_else(String::new, |bytes| String::from_utf8_lossy(bytes).into_owned());
        return Request { operation, body, part: None };
    }
    let query = request.uri().split_once('?').map_or("", |(_, query)| query);
    let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    let operation = match request.method() {
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
        "GET" => "GetObject",
        other => panic!("{other} {} is no operation of a worker", request.uri()),
    };
    let part = query.split('&').find_map(|pair| pair.strip_prefix("partNumber=")?.parse().ok());
    Request { operation: operation.to_owned(), body: String::new(), part }
}
