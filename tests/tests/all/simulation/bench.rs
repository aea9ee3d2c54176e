//! The stores of many runs, in threads of their own and in real time. A call of the simulation waits for its
//! answer, so for the simulation it takes no time.

use std::{
    collections::{HashMap, HashSet},
    env,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
        mpsc::sync_channel,
    },
    task::{self, Poll, Wake},
    thread::{self, Thread},
};

use aws_sdk_dynamodb::types::{AttributeValue, Delete, TransactWriteItem};
use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use common::{
    clients,
    config::{Config, SecretSource},
    context::Context,
    https,
    reservation::ExportKey,
};
use local::dynamodb::StreamRecord;
use serde_json::Value;
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::Notify,
};

use super::{
    streams::Streams,
    times::{Deed, Times},
};
use crate::support::{
    harness::{Running, Setup, TOKEN},
    manual::SMALL_PARTS,
};

/// The stores.
pub(super) struct Bench {
    real: Runtime,
    context: Arc<Context>,
    source: Source,
    client: SharedHttpClient,
    /// The position of the stream when the run began.
    position: AtomicI64,
}

/// Whose stores they are.
enum Source {
    /// Those of `local`, in this process.
    Embedded(Box<Running>),
    /// Those that the variables of a function name.
    Elsewhere(Streams),
}

/// What stores outside this process lack.
#[derive(Clone, Debug, Default)]
struct Lacking {
    /// The only region that they know. A simulated process signs for a region of its own.
    region: String,
    /// The tokens of transactions that were done.
    tokens: Arc<Mutex<HashSet<String>>>,
}

impl Lacking {
    /// Signs for the known region. The signature is then wrong, and moto checks none.
    fn name_region(&self, request: &mut HttpRequest) {
        // Credential=KEY/DAY/REGION/SERVICE/aws4_request
        let signed = request.headers().get("authorization").and_then(|text| {
            let (key, rest) = text.split_once('/')?;
            let (day, rest) = rest.split_once('/')?;
            let (_, rest) = rest.split_once('/')?;
            Some(format!("{key}/{day}/{}/{rest}", self.region))
        });
        if let Some(signed) = signed {
            request.headers_mut().insert("authorization", signed);
        }
    }
}

impl Bench {
    /// The embedded stores; others if `FAULT_STORES` is `elsewhere`.
    pub(super) fn start() -> Self {
        let real = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let is_elsewhere = env::var("FAULT_STORES").is_ok_and(|place| place == "elsewhere");
        let (context, source, client) =
            real.block_on(async { if is_elsewhere { elsewhere().await } else { embedded().await } });
        let bench = Self { real, context, source, client, position: AtomicI64::new(0) };
        bench.clear();
        bench
    }

    /// The stores without a fault.
    pub(super) fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// The position of the stream when the run began.
    pub(super) fn position(&self) -> i64 {
        self.position.load(Ordering::Relaxed)
    }

    /// Runs a future in real time. Must not be called from a future.
    pub(super) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.real.block_on(future)
    }

    /// The client of the processes of a simulation. It notifies after each request.
    pub(super) fn client(&self, written: &Arc<Notify>, times: &Arc<Times>) -> SharedHttpClient {
        let handle = self.real.handle().clone();
        let lacking = matches!(self.source, Source::Elsewhere(_)).then(|| Lacking {
            region: self.context.sdk().region().map(ToString::to_string).unwrap_or_default(),
            ..Lacking::default()
        });
        let (client, written, times) = (self.client.clone(), Arc::clone(written), Arc::clone(times));
        SharedHttpClient::new(Bridge { handle, client, written, times, lacking })
    }

    /// Records of the stream of reservations after a position.
    pub(super) fn records_after(&self, position: i64) -> Vec<StreamRecord> {
        let table = &self.context.config().tables.reservations;
        match &self.source {
            Source::Embedded(running) => {
                let dynamodb = running.system.dynamodb();
                wait(dynamodb.records_after(table, position, 100, "arn:aws:dynamodb:stream")).unwrap()
            }
            Source::Elsewhere(streams) => {
                let _real = self.real.enter();
                wait(streams.records_after(position))
            }
        }
    }

    /// Removes what a run left, but for the administrator.
    pub(super) fn clear(&self) {
        let position = self.real.block_on(async {
            clear(&self.context).await;
            match &self.source {
                Source::Embedded(running) => prune(running).await,
                Source::Elsewhere(streams) => streams.records_after(0).await.last().map_or(0, |record| record.position),
            }
        });
        self.position.store(position, Ordering::Relaxed);
    }
}

type Stores = (Arc<Context>, Source, SharedHttpClient);

async fn embedded() -> Stores {
    // A table of this stage has an index of all open rows. The sweep reads 510 partitions without it, which takes longer
    // than all the rest of a run.
    let setup = Setup::new().paused().without_tallies().parameter("IndexStage", 8).parts(SMALL_PARTS);
    let running = setup.start().await;
    let client = running.system.dynamodb().http_client();
    (Arc::clone(running.context()), Source::Embedded(Box::new(running)), client)
}

/// The stores of a function's variables, whose tables exist.
async fn elsewhere() -> Stores {
    let mut config = Config::from_env().unwrap();
    config.part_policy = SMALL_PARTS;
    config.secret = SecretSource::Value("elsewhere".repeat(8));
    let sdk = clients::from_env(https::direct());
    let endpoint = config.endpoints.dynamodb.clone().unwrap();
    let streams = Streams::new(&endpoint, sdk.region().unwrap().as_ref(), &config.tables.reservations);
    let context = Context::new(config, &sdk);
    local::seed::administrator(&context, TOKEN).await.unwrap();
    (context, Source::Elsewhere(streams), https::direct())
}

/// Waits for what another thread does, on the thread of the simulation.
fn wait<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let (waker, mut future) = (Arc::new(Unpark(thread::current())).into(), pin!(future));
    loop {
        match future.as_mut().poll(&mut task::Context::from_waker(&waker)) {
            Poll::Ready(result) => return result,
            Poll::Pending => thread::park(),
        }
    }
}

async fn clear(context: &Context) {
    let tables = &context.config().tables;
    let keys: [(&String, &[&str]); 4] = [
        (&tables.reservations, &["id"]),
        (&tables.pools, &["namespace", "entry"]),
        (&tables.files, &["id"]),
        (&tables.requests, &["key"]),
    ];
    for (table, names) in keys {
        let pages = context.dynamodb().scan().table_name(table).into_paginator().items().send();
        let items: Vec<HashMap<String, AttributeValue>> = pages.collect::<Result<_, _>>().await.unwrap();
        for chunk in items.chunks(100) {
            let delete = |item: &HashMap<String, AttributeValue>| {
                let key = names.iter().map(|name| ((*name).to_owned(), item[*name].clone())).collect();
                let delete = Delete::builder().table_name(table).set_key(Some(key)).build().unwrap();
                TransactWriteItem::builder().delete(delete).build()
            };
            let actions = chunk.iter().map(delete).collect();
            context.dynamodb().transact_write_items().set_transact_items(Some(actions)).send().await.unwrap();
        }
    }
    let bucket = context.bucket();
    for upload in bucket.open_uploads(ExportKey::PREFIX).await.unwrap() {
        bucket.abort_upload(&upload.key, &upload.id).await.unwrap();
    }
    let objects = bucket.objects(ExportKey::PREFIX).await.unwrap();
    if !objects.is_empty() {
        bucket.delete(&objects.into_iter().map(|object| object.key).collect::<Vec<_>>()).await.unwrap();
    }
}

/// Removes the records of the stream. Gives the position of the last one.
async fn prune(running: &Running) -> i64 {
    let (dynamodb, tables) = (running.system.dynamodb(), &running.context().config().tables);
    let position = dynamodb.newest_position(&tables.reservations).await.unwrap();
    for reader in ["reserve-codes", "follow"] {
        dynamodb.save_position(&tables.reservations, reader, position).await.unwrap();
    }
    position
}

/// Sends requests on the other runtime, and waits for the whole answer.
#[derive(Clone, Debug)]
struct Bridge {
    handle: Handle,
    client: SharedHttpClient,
    written: Arc<Notify>,
    times: Arc<Times>,
    /// For stores outside this process.
    lacking: Option<Lacking>,
}

impl HttpClient for Bridge {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.client.http_connector(settings, components);
        SharedHttpConnector::new(BridgeConnector { bridge: self.clone(), inner })
    }
}

#[derive(Debug)]
struct BridgeConnector {
    bridge: Bridge,
    inner: SharedHttpConnector,
}

impl HttpConnector for BridgeConnector {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let lacking = self.bridge.lacking.as_ref();
        if let Some(lacking) = lacking {
            lacking.name_region(&mut request);
        }
        let token = lacking.and_then(|lacking| Some((&lacking.tokens, token(&request)?)));
        if let Some((tokens, token)) = &token
            && tokens.lock().unwrap().contains(token)
        {
            let done = HttpResponse::new(StatusCode::try_from(200).unwrap(), "{}".into());
            return HttpConnectorFuture::ready(Ok(done));
        }
        let deed = Deed::of(&request);
        let (inner, (done, answer)) = (self.inner.clone(), sync_channel(1));
        self.bridge.handle.spawn(async move { done.send(whole(inner.call(request).await).await) });
        let mut answer = answer.recv().unwrap_or_else(|error| Err(ConnectorError::other(error.into(), None)));
        if let (Some((tokens, token)), Ok(answer)) = (token, &answer)
            && answer.status().is_success()
        {
            tokens.lock().unwrap().insert(token);
        }
        if let Ok(answer) = &mut answer
            && answer.status().is_success()
        {
            self.bridge.times.note(&deed);
            if let (Deed::Lists, Some(listing)) = (&deed, answer.body().bytes()) {
                let listing = self.bridge.times.dated(&String::from_utf8_lossy(listing));
                answer.headers_mut().insert("content-length", listing.len().to_string());
                *answer.body_mut() = SdkBody::from(listing);
            }
        }
        self.bridge.written.notify_one();
        HttpConnectorFuture::ready(answer)
    }
}

/// The token of a transaction.
fn token(request: &HttpRequest) -> Option<String> {
    let body: Value = serde_json::from_slice(request.body().bytes()?).ok()?;
    body["ClientRequestToken"].as_str().map(str::to_owned)
}

async fn whole(answer: Result<HttpResponse, ConnectorError>) -> Result<HttpResponse, ConnectorError> {
    let mut answer = answer?;
    let body = std::mem::replace(answer.body_mut(), SdkBody::taken());
    let bytes = ByteStream::new(body).collect().await.map_err(|error| ConnectorError::io(error.into()))?;
    *answer.body_mut() = SdkBody::from(bytes.into_bytes());
    Ok(answer)
}
