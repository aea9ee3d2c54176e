//! The socket of the embedded DynamoDB for other processes: verifies the signature, then passes the request on.
//!
//! The engine itself accepts any signature and allows every browser origin. On a fixed port, any page that a developer
//! opens could read and change the tables. So the engine listens on a random port of 127.0.0.1, and this socket answers
//! only requests that are signed with the access key of the data directory.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        http::{HttpConnector, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::HttpRequest,
    },
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use axum::{
    Router,
    body::Bytes,
    extract::{ConnectInfo, DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use chrono::Utc;
use serde_json::json;

use crate::{
    access_key::{AccessKey, joined},
    environment,
    serving::Serving,
};

/// The media type of DynamoDB's answers.
const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

/// The largest request that DynamoDB accepts is 16 MB (a batch).
const MAX_BODY: usize = 16 << 20;

/// The socket. It closes when this is dropped.
#[derive(Debug)]
pub struct Front {
    serving: Serving,
}

struct Engine {
    key: AccessKey,
    endpoint: String,
    connector: SharedHttpConnector,
    environment: PathBuf,
}

impl Front {
    /// Starts to answer on a listening socket, for the engine at `endpoint`. It also tells programs on this machine where
    /// the file with the environment of the stores is.
    ///
    /// # Errors
    /// When the socket cannot be used.
    pub fn start(
        listener: std::net::TcpListener,
        key: AccessKey,
        endpoint: String,
        environment: PathBuf,
    ) -> std::io::Result<Self> {
        let settings = HttpConnectorSettings::builder().connect_timeout(Duration::from_secs(1)).build();
        let connector = SharedHttpConnector::new(Connector::builder().connector_settings(settings).build_http());
        let engine = Arc::new(Engine { key, endpoint, connector, environment });
        let limit = DefaultBodyLimit::max(MAX_BODY);
        let router = Router::new()
            .route("/", post(answer))
            .layer(limit)
            .route(environment::LOCATION, get(tell))
            .with_state(engine);
        Ok(Self { serving: Serving::start("DynamoDB", listener, router)? })
    }

    /// The endpoint for the AWS SDK.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.serving.endpoint()
    }

    /// The port of the endpoint.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.serving.port()
    }
}

/// Maximum time of one call to the engine.
const PATIENCE: Duration = Duration::from_secs(60);

async fn answer(State(engine): State<Arc<Engine>>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| joined(&headers, name);
    if let Err(code) = engine.key.verify(header, &body, Utc::now()) {
        let message = "The request is not signed with the access key of the data directory.";
        let __type = format!("com.amazon.coral.service#{code}");
        return reply(StatusCode::BAD_REQUEST, json!({ "__type": __type, "message": message }).to_string());
    }
    let target = header("x-amz-target").unwrap_or_default();
    match tokio::time::timeout(PATIENCE, engine.pass(&headers, &target, body)).await {
        Ok(Ok((status, body))) => reply(status, body),
        Ok(Err(error)) => {
            tracing::error!(%error, target, "the engine of DynamoDB did not answer");
            reply(StatusCode::INTERNAL_SERVER_ERROR, json!({ "__type": "InternalServerError" }).to_string())
        }
        Err(_) => reply(StatusCode::INTERNAL_SERVER_ERROR, json!({ "__type": "InternalServerError" }).to_string()),
    }
}

async fn tell(
    State(engine): State<Arc<Engine>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    match environment::location(&engine.environment, peer, host) {
        Some(text) => reply(StatusCode::OK, text),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn reply(status: StatusCode, body: impl Into<axum::body::Body>) -> Response {
    (status, [(header::CONTENT_TYPE, CONTENT_TYPE)], body.into()).into_response()
}

impl Engine {
    async fn pass(&self, headers: &HeaderMap, target: &str, body: Bytes) -> Result<(StatusCode, Bytes), BoxError> {
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method("POST")?;
        request.set_uri(format!("{}/", self.endpoint))?;
        for name in ["content-type", "authorization", "x-amz-date"] {
            if let Some(value) = joined(headers, name) {
                request.headers_mut().try_insert(name, value)?;
            }
        }
        request.headers_mut().try_insert("x-amz-target", target.to_owned())?;
        let response = self.connector.call(request).await?;
        let status = StatusCode::from_u16(response.status().as_u16())?;
        Ok((status, ByteStream::new(response.into_body()).collect().await?.into_bytes()))
    }
}
