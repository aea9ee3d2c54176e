//! The HTTPS client of a process, for the AWS SDK and for the keys of the token issuer.
//!
//! The SDK is compiled without a client of its own. So all packages use the same build of the SDK, and only one
//! cryptographic library is compiled.

use aws_smithy_http_client::{
    Builder, ConnectorBuilder,
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

/// TLS by rustls with the cryptography of `ring` and the root certificates of the system.
pub const TLS: Provider = Provider::Rustls(CryptoMode::Ring);

/// A client for AWS. Like the SDK's own client, it uses the proxy that `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`
/// define.
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

/// A client for stores on this machine or its network. It uses no proxy.
#[must_use]
pub fn direct() -> SharedHttpClient {
    Builder::new().tls_provider(TLS).build_https()
}
