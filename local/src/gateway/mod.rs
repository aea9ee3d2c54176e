//! The HTTP API. It converts each request to the event that API Gateway would send (payload format 2.0), calls the
//! function, and converts the answer to a response.

mod answer;
mod connection;
mod event;
mod head_sizes;
mod hosts;
mod path;
mod request_line;
mod routes;

use std::{collections::HashMap, error::Error, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, Request, State, connect_info::Connected},
    http::{HeaderMap, StatusCode, header},
    response::Response,
    serve::IncomingStream,
};
use connection::Connections;
pub use event::{Caller, event};
use head_sizes::{HeadSizes, MAX_HEAD, size_of_parts};
use hosts::Hosts;
pub(crate) use hosts::host_name;
use http_body_util::LengthLimitError;
pub use routes::{Match, Routes};
use tokio::{
    net::TcpListener,
    sync::{Notify, oneshot},
};

use crate::{callable::Callable, environment, invocation};

/// Maximum size of a request body of an HTTP API, in bytes.
const MAX_BODY: usize = 10 * 1024 * 1024;
/// Maximum size of a Lambda event, in bytes of its JSON.
const MAX_EVENT: usize = 6 * 1024 * 1024;
/// Maximum time that an HTTP API waits for a function.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// The HTTP API.
pub struct Gateway {
    routes: Routes,
    functions: HashMap<String, Callable>,
    /// Notified after each request that may have written something, so that the stream reader polls at once.
    written: Arc<Notify>,
    /// Whether requests are accepted that API Gateway refuses for their length.
    accepts_long: bool,
    /// The file with the environment of the stores, for programs on this machine.
    environment: Option<PathBuf>,
    /// The names under which browsers reach it.
    hosts: Hosts,
}

/// The client of a connection.
#[derive(Clone, Debug)]
struct Peer {
    address: SocketAddr,
    sizes: HeadSizes,
}

impl Connected<IncomingStream<'_, Connections>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Connections>) -> Self {
        Self { address: *stream.remote_addr(), sizes: stream.io().sizes().clone() }
    }
}

impl Gateway {
    /// An API with these routes. `functions` are the functions by logical id.
    #[must_use]
    pub fn new(routes: Routes, functions: HashMap<String, Callable>, written: Arc<Notify>) -> Self {
        Self { routes, functions, written, accepts_long: false, environment: None, hosts: Hosts::and(&[]) }
    }

    /// Accepts requests whose request line and headers are longer than API Gateway allows, if `accepts`.
    #[must_use]
    pub fn accepting_long(self, accepts: bool) -> Self {
        Self { accepts_long: accepts, ..self }
    }

    /// Serves browsers under these names as well.
    #[must_use]
    pub fn named(self, names: &[String]) -> Self {
        Self { hosts: Hosts::and(names), ..self }
    }

    /// Tells programs on this machine where the file with the environment of the stores is.
    #[must_use]
    pub fn telling(self, environment: Option<PathBuf>) -> Self {
        Self { environment, ..self }
    }

    /// Serves on `listener` until `stop` is sent or dropped and all open requests are answered.
    ///
    /// # Errors
    /// The I/O error when the listener fails.
    pub async fn serve(self, listener: TcpListener, stop: oneshot::Receiver<()>) -> std::io::Result<()> {
        let router = Router::new().fallback(handle).with_state(Arc::new(self));
        axum::serve(Connections(listener), router.into_make_service_with_connect_info::<Peer>())
            .with_graceful_shutdown(async { drop(stop.await) })
            .await
    }

    async fn answer(&self, peer: &Peer, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let size = peer.sizes.take().unwrap_or_else(|| size_of_parts(&parts));
        if size > MAX_HEAD && !self.accepts_long {
            return answer::own(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "Request Header Fields Too Large");
        }
        if parts.uri.path() == environment::LOCATION
            && let Some(env) = &self.environment
            && let Some(text) = environment::location(env, peer.address, host(&parts.headers))
        {
            return answer::json(StatusCode::OK, text);
        }
        let body = match to_bytes(body, MAX_BODY).await {
            Ok(body) => body,
            Err(error) if error.source().is_some_and(<dyn Error>::is::<LengthLimitError>) => {
                return answer::own(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
            }
            // The body is not what its headers announce.
            Err(_) => return answer::own(StatusCode::BAD_REQUEST, "Bad Request"),
        };
        let path = path::decode(parts.uri.path());
        let Some(matched) = self.routes.find(parts.method.as_str(), parts.uri.path()) else {
            return answer::own(StatusCode::NOT_FOUND, "Not Found");
        };
        if self.hosts.refuses(&parts.headers, is_page(&matched)) {
            return answer::own(StatusCode::MISDIRECTED_REQUEST, hosts::MESSAGE);
        }
        let Some(function) = self.functions.get(&matched.function) else {
            return answer::own(StatusCode::NOT_FOUND, "Not Found");
        };
        let request_id = invocation::request_id();
        let payload = event(&parts, &path, &body, &matched, &Caller { peer: peer.address, request_id: &request_id });
        if body.len() > MAX_EVENT / 2 && payload.to_string().len() > MAX_EVENT {
            return answer::own(StatusCode::PAYLOAD_TOO_LARGE, "Request Too Long");
        }
        // As on AWS, the invocation has its own id, different from the request's.
        let invocation_id = invocation::request_id();
        let answer = tokio::time::timeout(MAX_WAIT, function.call(payload, &invocation_id)).await;
        let name = &function.invoked().name;
        if !parts.method.is_safe() {
            self.written.notify_one();
        }
        match answer {
            Ok(Ok(answer)) => answer::to_response(answer).unwrap_or_else(|reason| {
                tracing::error!(function = name, request_id, reason, "the answer cannot be sent");
                answer::own(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
            }),
            Ok(Err(error)) => {
                tracing::error!(function = name, request_id, error, "the function failed");
                answer::own(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
            }
            Err(_) => answer::own(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        }
    }
}

/// Whether a route is one of the pages for people.
fn is_page(matched: &Match) -> bool {
    let path = matched.route_key.split_once(' ').map_or("", |(_, path)| path);
    path == "/" || path == "/console" || path.starts_with("/console/")
}

/// The host that a client asked for.
fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST).and_then(|host| host.to_str().ok())
}

async fn handle(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request<Body>,
) -> Response {
    gateway.answer(&peer, request).await
}
