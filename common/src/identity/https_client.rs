//! The HTTPS client for the issuer: bounded in time and in what it holds.

use std::{sync::OnceLock, time::Duration};

use aws_smithy_http_client::{Connector, proxy::ProxyConfig};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorSettings},
    orchestrator::HttpRequest,
};
use aws_smithy_types::body::SdkBody;

use crate::https::TLS;

/// Maximum size of a document of the issuer (bytes).
const MAX_DOCUMENT: usize = 1 << 20;

/// A client that is built when it is first used: building one reads the root certificates.
#[derive(Default)]
pub(super) struct HttpsClient(OnceLock<Connector>);

impl HttpsClient {
    fn connector(&self) -> &Connector {
        self.0.get_or_init(|| {
            let limits = HttpConnectorSettings::builder()
                .connect_timeout(Duration::from_secs(1))
                .read_timeout(Duration::from_secs(3))
                .build();
            Connector::builder()
                .tls_provider(TLS)
                .proxy_config(ProxyConfig::from_env())
                .connector_settings(limits)
                .build()
        })
    }

    /// The document at an address.
    ///
    /// # Errors
    /// Why there is none, for the log.
    pub(super) async fn get(&self, address: &str) -> Result<Vec<u8>, String> {
        let request = HttpRequest::get(address).map_err(|error| error.to_string())?;
        self.send(address, request).await
    }

    /// The document that answers a form.
    ///
    /// # Errors
    /// Why there is none, for the log. What was sent is not in it.
    pub(super) async fn post_form(&self, address: &str, form: String) -> Result<Vec<u8>, String> {
        let mut request = HttpRequest::new(SdkBody::from(form));
        request.set_method("POST").map_err(|error| error.to_string())?;
        request.set_uri(address).map_err(|error| error.to_string())?;
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")];
        for (name, value) in headers {
            request.headers_mut().insert(name, value);
        }
        self.send(address, request).await
    }

    async fn send(&self, address: &str, request: HttpRequest) -> Result<Vec<u8>, String> {
        let answer = self.connector().call(request).await.map_err(|error| error.to_string())?;
        if !answer.status().is_success() {
            return Err(format!("{address} answers {}", answer.status().as_u16()));
        }
        let mut body = aws_smithy_types::byte_stream::ByteStream::new(answer.into_body());
        let mut document = Vec::new();
        while let Some(chunk) = body.try_next().await.map_err(|error| error.to_string())? {
            if document.len() + chunk.len() > MAX_DOCUMENT {
                return Err(format!("{address} answers more than {MAX_DOCUMENT} bytes"));
            }
            document.extend_from_slice(&chunk);
        }
        Ok(document)
    }
}
