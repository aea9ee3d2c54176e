//! The embedded S3: buckets in a folder, served to the AWS SDK over loopback.
//!
//! An object is a small description (its key, size, checksums and a list of data files) and those files. The description
//! is written last and by a rename, so a kill at any moment leaves the old object or the new one; completing a multipart
//! upload writes a description of the parts that lie there already and copies nothing.

mod body;
mod buckets;
mod checks;
mod description;
mod listing;
mod reading;
mod service;
mod uploads;
mod writing;

use std::{convert::Infallible, net::SocketAddr, path::Path, sync::Arc};

use axum::response::{IntoResponse, Response};
use buckets::Store;
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use tokio::{net::TcpListener, task::JoinHandle};
use tower::ServiceExt;

use crate::{access_key::AccessKey, listeners};

/// The smallest part but the last that S3 takes, in bytes.
pub const MIN_PART: u64 = 5 * 1024 * 1024;

/// A running embedded S3. It stops when the value is dropped.
#[derive(Debug)]
pub struct S3 {
    address: SocketAddr,
    access_key: AccessKey,
    server: JoinHandle<()>,
}

/// Where the embedded S3 answers, and to whom.
#[derive(Debug)]
pub struct Access {
    /// The socket.
    pub listener: std::net::TcpListener,
    /// The key that requests must be signed with.
    pub key: AccessKey,
}

impl Access {
    /// A free port of 127.0.0.1 and a key that nobody has yet.
    ///
    /// # Errors
    /// When there is no port.
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
    /// `durable` says whether what is acknowledged must also survive the machine, not only the process.
    ///
    /// # Errors
    /// When the folder cannot be used, or there is no port.
    pub async fn start(root: &Path, buckets: &[String], durable: bool) -> Result<Self, S3StartError> {
        Self::start_with(root, buckets, durable, MIN_PART, Access::private()?).await
    }

    /// As [`S3::start`], with an address and a key, and another smallest part: tests cut small files into parts.
    ///
    /// # Errors
    /// As [`S3::start`].
    pub async fn start_with(
        root: &Path,
        buckets: &[String],
        durable: bool,
        min_part: u64,
        access: Access,
    ) -> Result<Self, S3StartError> {
        let root = root.to_owned();
        let names = buckets.to_vec();
        let store = tokio::task::spawn_blocking(move || {
            let store = Store::open(&root, durable, min_part)?;
            names.iter().try_for_each(|name| store.make_bucket(name).map(drop))?;
            Ok::<_, std::io::Error>(store)
        });
        let store = store.await.map_err(std::io::Error::other)??;

        let Access { listener, key } = access;
        let mut service = S3ServiceBuilder::new(service::Service(Arc::new(store)));
        service.set_auth(SimpleAuth::from_single(key.id.clone(), key.secret.clone()));
        let service = service.build();
        let service = tower::service_fn(move |request: axum::extract::Request| {
            let service = service.clone();
            async move {
                Ok::<Response, Infallible>(match service.oneshot(request).await {
                    Ok(response) => response.map(axum::body::Body::new),
                    Err(error) => {
                        tracing::error!(?error, "the embedded S3 failed");
                        axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
                    }
                })
            }
        });
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let address = listeners::reachable(listener.local_addr()?);
        let router = axum::Router::new().fallback_service(service);
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the embedded S3 stopped");
            }
        });
        Ok(Self { address, access_key: key, server })
    }

    /// Where the AWS SDK finds it (by path, not by host name).
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The port that it answers on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The key that it accepts.
    #[must_use]
    pub fn access_key(&self) -> &AccessKey {
        &self.access_key
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.server.abort();
    }
}
