//! A store's HTTP server on a socket that is open already.

use std::{net::SocketAddr, net::TcpListener as StdListener};

use axum::Router;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::listeners;

/// A running server. It stops when the value is dropped.
#[derive(Debug)]
pub(crate) struct Serving {
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Serving {
    /// Starts to serve. `name` is the store's, for the log.
    ///
    /// # Errors
    /// The I/O error when the socket cannot be used.
    pub(crate) fn start(name: &'static str, listener: StdListener, router: Router) -> std::io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let address = listeners::reachable(listener.local_addr()?);
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await
            {
                tracing::error!(%error, "the embedded {name} stopped");
            }
        });
        Ok(Self { address, server })
    }

    /// The endpoint for the AWS SDK.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The port of the endpoint.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.server.abort();
    }
}
