//! Work that happens between the calls of a request: before each call to DynamoDB, a future of the test runs.

use std::{fmt, sync::Arc};

use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    },
    orchestrator::HttpRequest,
    runtime_components::RuntimeComponents,
};
use common::{config::Config, context::Context};
use futures::future::BoxFuture;
use local::system::sdk_config;

use super::harness::Running;

/// What happens before each call.
type Step = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

#[derive(Clone)]
struct Meanwhile {
    client: SharedHttpClient,
    step: Step,
}

/// A context over the stores of a system, whose calls wait for `step` first.
pub(crate) fn meanwhile(
    running: &Running,
    change: impl FnOnce(&mut Config),
    step: impl Fn() -> BoxFuture<'static, ()> + Send + Sync + 'static,
) -> Arc<Context> {
    let mut config = running.context().config().clone();
    change(&mut config);
    let client = Meanwhile { client: aws_smithy_http_client::Builder::new().build_http(), step: Arc::new(step) };
    Context::new(config, &sdk_config(running.system.s3()).to_builder().http_client(client).build())
}

impl fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meanwhile")
    }
}

impl HttpClient for Meanwhile {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.client.http_connector(settings, components);
        SharedHttpConnector::new(Connector { inner, step: Arc::clone(&self.step) })
    }
}

struct Connector {
    inner: SharedHttpConnector,
    step: Step,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (step, inner) = ((self.step)(), self.inner.clone());
        HttpConnectorFuture::new(async move {
            step.await;
            inner.call(request).await
        })
    }
}
