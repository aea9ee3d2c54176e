//! An HTTP connector that passes the functions' requests to the embedded DynamoDB without a socket.
//!
//! The SDK builds the request and parses the answer as usual, but does not sign what goes to the engine
//! ([`common::context::EMBEDDED_ENGINE`]). Only the transfer is replaced: writes are executed on the engine's thread, and so
//! are reads of tables in memory; those of a file need no other thread. Everything else uses the socket: failed requests, so
//! that every error has the server's form; operations on tables; and requests to other addresses.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::{
    client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use common::https;
use dynoxide::{
    Database,
    actions::query::{self, QueryRequest},
    errors::Result as EngineResult,
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
};

use super::{
    index_entries::Entries,
    source::{Answer, Readers},
    tables::Tables,
    whole_items::{BatchGet, Get},
    writes::{DONE, Waiting, Write, ready},
};

/// The header in which the SDK names the DynamoDB operation.
const TARGET: &str = "x-amz-target";
const TARGET_PREFIX: &str = "DynamoDB_20120810.";
const CONTENT_TYPE: &str = "application/x-amz-json-1.0";
/// In place of a signature ([`signed`]).
const SIGNATURE: &str = "AWS4-HMAC-SHA256 Credential=local, SignedHeaders=host, Signature=none";
const DATE: &str = "19700101T000000Z";

/// The engine and the thread on which it runs.
#[derive(Clone)]
pub(super) struct Engine {
    pub(super) database: Database,
    pub(super) tables: Arc<Mutex<Tables>>,
    /// Connections for reads on other threads, if the tables are in a file.
    pub(super) readers: Option<Arc<Readers>>,
    pub(super) writes: mpsc::Sender<Waiting>,
    pub(super) handle: Handle,
    pub(super) endpoint: String,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// An SDK client whose requests to the engine need no socket.
pub(super) fn client(engine: Engine) -> SharedHttpClient {
    let sockets = https::direct();
    http_client_fn(move |settings, components| {
        let sockets = sockets.http_connector(settings, components);
        SharedHttpConnector::new(Connector { engine: engine.clone(), sockets })
    })
}

#[derive(Clone, Debug)]
struct Connector {
    engine: Engine,
    sockets: SharedHttpConnector,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = self.clone();
        HttpConnectorFuture::new(async move {
            match connector.engine.answer(&request).await {
                Some(response) => Ok(response),
                None if connector.engine.is_meant(&request) => connector.sockets.call(signed(request)?).await,
                None => connector.sockets.call(request).await,
            }
        })
    }
}

/// A request to the engine's socket with what that expects of one that is signed. It verifies no signature;
/// [`super::front`] does so for other processes.
fn signed(mut request: HttpRequest) -> Result<HttpRequest, ConnectorError> {
    let headers = request.headers_mut();
    for (name, value) in [("x-amz-date", DATE), ("authorization", SIGNATURE)] {
        if !headers.contains_key(name) {
            headers.try_insert(name, value).map_err(|error| ConnectorError::other(error.into(), None))?;
        }
    }
    Ok(request)
}

impl Engine {
    /// Whether a request goes to the engine.
    fn is_meant(&self, request: &HttpRequest) -> bool {
        let path = request.uri().strip_prefix(&self.endpoint);
        path.is_some_and(|path| path.is_empty() || path.starts_with('/'))
    }

    /// The answer of a successful read or write; `None` for every other request.
    async fn answer(&self, request: &HttpRequest) -> Option<HttpResponse> {
        if !self.is_meant(request) {
            return None;
        }
        let body = request.body().bytes()?;
        let text = match request.headers().get(TARGET)?.strip_prefix(TARGET_PREFIX)? {
            "GetItem" => self.items::<Get, _, _>(body, Database::get_item).await,
            "BatchGetItem" => self.items::<BatchGet, _, _>(body, Database::batch_get_item).await,
            "Query" => match self.stored::<Entries>(body).await {
                Some(answer) => Some(answer),
                None => self.query(body).await,
            },
            operation => self.write(Write::read(operation, body)?).await,
        }?;
        let mut response = HttpResponse::new(StatusCode::try_from(200).ok()?, SdkBody::from(text));
        response.headers_mut().insert("content-type", CONTENT_TYPE);
        Some(response)
    }

    /// Reads items: directly from storage if possible, otherwise through the engine.
    async fn items<W, Q, A>(&self, body: &[u8], read: fn(&Database, Q) -> EngineResult<A>) -> Option<String>
    where
        W: Answer + DeserializeOwned + Send + 'static,
        Q: DeserializeOwned + Send + 'static,
        A: Serialize + Send + 'static,
    {
        match self.stored::<W>(body).await {
            Some(answer) => Some(answer),
            None => self.run(body, read).await,
        }
    }

    async fn stored<W: Answer + DeserializeOwned + Send + 'static>(&self, body: &[u8]) -> Option<String> {
        let request: W = serde_json::from_slice(body).ok()?;
        if let Some(readers) = &self.readers {
            return readers.answer(&request);
        }
        // Connections to tables in memory share locks, and a reader's would make a write of another connection fail.
        let tables = Arc::clone(&self.tables);
        let task = async move { tables.lock().unwrap_or_else(PoisonError::into_inner).answer(&request) };
        self.handle.spawn(task).await.ok()?
    }

    async fn query(&self, body: &[u8]) -> Option<String> {
        let request: QueryRequest = serde_json::from_slice(body).ok()?;
        let tables = Arc::clone(&self.tables);
        let task = async move {
            let mut tables = tables.lock().unwrap_or_else(PoisonError::into_inner);
            tables.refresh([request.table_name.as_str()]).ok()?;
            ready(query::execute(tables.storage(), request))?.ok()
        };
        serde_json::to_string(&self.handle.spawn(task).await.ok()??).ok()
    }

    /// Waits until a write is committed, perhaps together with others; `None` if the socket has to answer.
    async fn write(&self, write: Write) -> Option<String> {
        let (written, answer) = oneshot::channel();
        self.writes.send(Waiting { write, written }).await.ok()?;
        answer.await.ok()?.then(|| DONE.to_owned())
    }

    /// Executes a read on the engine's thread. The caller's thread parses the request and serialises the answer.
    async fn run<Q, A>(&self, body: &[u8], read: fn(&Database, Q) -> EngineResult<A>) -> Option<String>
    where
        Q: DeserializeOwned + Send + 'static,
        A: Serialize + Send + 'static,
    {
        let request: Q = serde_json::from_slice(body).ok()?;
        let database = self.database.clone();
        let answer = self.handle.spawn(async move { read(&database, request) }).await.ok()?.ok()?;
        serde_json::to_string(&answer).ok()
    }
}
