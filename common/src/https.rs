//! The one HTTPS client of a process: of the AWS SDK, and for the keys of the issuer of tokens.
//!
//! The SDK is compiled without a client of its own, so all packages compile it alike, and one cryptographic library is built.

use aws_smithy_http_client::{
    Builder, ConnectorBuilder,
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

/// TLS by rustls, on the cryptography of `ring`, with the certificates that the system trusts.
pub const TLS: Provider = Provider::Rustls(CryptoMode::Ring);

/// A client for AWS. It goes through the proxy that `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` name, as the SDK's own client
/// does.
#[must_use]
pub fn client() -> SharedHttpClient {
    Builder::new().build_with_connector_fn(|settings, components| {
        let mut connector = ConnectorBuilder::default().tls_provider(TLS).proxy_config(ProxyConfig::from_env());
        connector.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            connector.set_sleep_impl(components.sleep_impl());
        }
        connector.build()
    })
}

/// A client for stores on this machine: no proxy stands before them.
#[must_use]
pub fn direct() -> SharedHttpClient {
    Builder::new().tls_provider(TLS).build_https()
}
