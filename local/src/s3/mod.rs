//! The embedded S3: buckets in a folder, served to the AWS SDK over loopback.
//!
//! An object consists of a small description (key, size, checksums, list of data files) and the data files. The
//! description is written last and renamed into place, so a kill at any moment leaves either the old or the new object.
//! Completing a multipart upload writes one description of the uploaded parts and copies nothing.

mod body;
mod buckets;
mod checks;
mod cors;
mod description;
mod durability;
mod listing;
mod reading;
mod refusal;
mod service;
mod two_ways;
mod uploads;
mod writing;

use std::{convert::Infallible, path::Path, sync::Arc};

use axum::{
    extract::Request,
    http::{Method, StatusCode, header::CONTENT_RANGE},
    response::{IntoResponse, Response},
};
use buckets::Store;
use cors::Cors;
pub use durability::{Durability, StepLog};
use s3s::{
    auth::SimpleAuth,
    service::{S3Service, S3ServiceBuilder},
};
use tower::ServiceExt;

use crate::{access_key::AccessKey, serving::Serving, template::Bucket};

/// Minimum size of every part but the last in S3, in bytes.
pub const MIN_PART: u64 = 5 * 1024 * 1024;

/// A running embedded S3. It stops when the value is dropped.
#[derive(Debug)]
pub struct S3 {
    serving: Serving,
    access_key: AccessKey,
}

/// The address and the access key of the embedded S3.
#[derive(Debug)]
pub struct Access {
    /// The listening socket.
    pub listener: std::net::TcpListener,
    /// The key with which requests must be signed.
    pub key: AccessKey,
}

impl Access {
    /// A free port of 127.0.0.1 and a new random key.
    ///
    /// # Errors
    /// The I/O error when there is no free port.
    pub fn private() -> std::io::Result<Self> {
        Ok(Self { listener: std::net::TcpListener::bind(("127.0.0.1", 0))?, key: AccessKey::random() })
    }
}

/// The embedded S3 cannot start.
#[derive(Debug, thiserror::Error)]
#[error("the embedded S3 cannot start: {0}")]
pub struct S3StartError(#[from] std::io::Error);

impl S3 {
    /// Opens the buckets under `root` and serves them on a free port of 127.0.0.1.
    ///
    /// With [`Durability`], acknowledged data also survives a power cut, not only a kill of the process.
    ///
    /// # Errors
    /// [`S3StartError`] when the folder cannot be used or there is no free port.
    pub async fn start(
        root: &Path,
        buckets: &[Bucket],
        durability: impl Into<Durability>,
    ) -> Result<Self, S3StartError> {
        Self::start_with(root, buckets, durability.into(), MIN_PART, Access::private()?).await
    }

    /// Like [`S3::start`], with a given address, key and minimum part size. Tests use a smaller minimum to cut small
    /// files into parts.
    ///
    /// # Errors
    /// [`S3StartError`] when the folder or the socket cannot be used.
    pub async fn start_with(
        root: &Path,
        buckets: &[Bucket],
        durability: Durability,
        min_part: u64,
        access: Access,
    ) -> Result<Self, S3StartError> {
        let root = root.to_owned();
        let names: Vec<String> = buckets.iter().map(|bucket| bucket.name.clone()).collect();
        let store = tokio::task::spawn_blocking(move || {
            let store = Store::open(&root, durability, min_part)?;
            names.iter().try_for_each(|name| store.make_bucket(name).map(drop))?;
            Ok::<_, std::io::Error>(store)
        });
        let store = store.await.map_err(std::io::Error::other)??;

        let Access { listener, key } = access;
        let mut service = S3ServiceBuilder::new(service::Service(Arc::new(store)));
        service.set_auth(SimpleAuth::from_single(key.id.clone(), key.secret.clone()));
        let service = service.build();
        let cors = Arc::new(Cors::new(buckets));
        let service = tower::service_fn(move |request: Request| {
            let (service, cors) = (service.clone(), Arc::clone(&cors));
            async move { Ok::<Response, Infallible>(answer(service, &cors, request).await) }
        });
        let router = axum::Router::new().fallback_service(service);
        Ok(Self { serving: Serving::start("S3", listener, router)?, access_key: key })
    }

    /// The endpoint for the AWS SDK. Buckets are addressed by path, not by host name.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.serving.endpoint()
    }

    /// The port of the endpoint.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.serving.port()
    }

    /// The access key that it accepts.
    #[must_use]
    pub fn access_key(&self) -> &AccessKey {
        &self.access_key
    }
}

/// Answers a request. `s3s` knows neither CORS nor that a request may be signed in one way only, and its answer to HEAD
/// of a range has the status of the whole object.
async fn answer(service: S3Service, cors: &Cors, request: Request) -> Response {
    if request.method() == Method::OPTIONS {
        return cors.preflight(request.uri(), request.headers());
    }
    let headers = cors.headers(request.method(), request.uri(), request.headers());
    let mut response = match two_ways::refused(request.uri(), request.headers()) {
        Some(refusal) => refusal,
        None => match service.oneshot(request).await {
            Ok(response) => response.map(axum::body::Body::new),
            Err(error) => {
                tracing::error!(?error, "the embedded S3 failed");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        },
    };
    if response.status() == StatusCode::OK && response.headers().contains_key(CONTENT_RANGE) {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    response.headers_mut().extend(headers);
    response
}
