//! The harness of the tests: the whole system in this process, and an HTTP client for it.
//!
//! [`Setup`] describes a system and starts it. [`super::manual`] adds a stream that the test delivers by hand;
//! [`super::program`] runs the system as a process of its own.

use std::{
    future::Future,
    io::Write,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use common::{context::Context, export::PartPolicy, store::Store};
use local::{
    options::{Between, Options},
    s3::StepLog,
    system::System,
};
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;
use tempfile::NamedTempFile;

use super::{
    api::{Api, Reply},
    faults::{Network, Plan},
};

/// The token of the administrator that a system without seed rows has.
pub(crate) const TOKEN: &str = "local-token";

/// How long a test waits for anything before it fails. This is no statement about speed: the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// What to start: by default a system in memory whose stream runs, with one administrator.
#[derive(Clone)]
pub(crate) struct Setup {
    options: Options,
    rows: Option<Value>,
}

impl Setup {
    pub(crate) fn new() -> Self {
        Self { options: Options::in_memory(), rows: None }
    }

    /// Accepts requests but processes no reservation. Changes are counted.
    pub(crate) fn paused(mut self) -> Self {
        self.options.pause_stream = true;
        self
    }

    /// Does not follow changes: counts never come from tallies.
    pub(crate) fn without_tallies(mut self) -> Self {
        self.options.pause_tallies = true;
        self
    }

    /// Accepts requests that API Gateway refuses for the length of their request line and headers.
    pub(crate) fn long_requests(mut self) -> Self {
        self.options.long_requests = true;
        self
    }

    /// Serves browsers under this name as well.
    pub(crate) fn host(mut self, name: &str) -> Self {
        self.options.hosts.push(name.to_owned());
        self
    }

    /// Adds the plans of lists to the headers of answers.
    pub(crate) fn explain(mut self) -> Self {
        self.options.explain = true;
        self
    }

    /// Offers the stores to `admin --local URL`.
    pub(crate) fn serving_admin(mut self) -> Self {
        self.options.serves_admin = true;
        self
    }

    /// Loads these rows at start, instead of the administrator.
    pub(crate) fn rows(mut self, rows: &Value) -> Self {
        self.rows = Some(rows.clone());
        self
    }

    /// Loads the rows of a file at start, instead of the administrator.
    pub(crate) fn seed(mut self, path: &Path) -> Self {
        self.options.seed = Some(path.to_owned());
        self
    }

    /// Sets a parameter of template.yaml.
    pub(crate) fn parameter(mut self, name: &str, value: impl ToString) -> Self {
        self.options = self.options.with_parameter(name, value);
        self
    }

    /// Cuts exports into other parts.
    pub(crate) fn parts(mut self, policy: PartPolicy) -> Self {
        self.options.part_policy = Some(policy);
        self
    }

    /// Notes what the embedded S3 flushes to disk.
    pub(crate) fn step_log(mut self, log: &StepLog) -> Self {
        self.options.step_log = Some(Arc::clone(log));
        self
    }

    /// Puts this network between the functions and their stores.
    pub(crate) fn between(mut self, plan: Arc<dyn Plan>) -> Self {
        let network = move |client| SharedHttpClient::new(Network::planned(client, Arc::clone(&plan), None));
        self.options.between = Some(Between(Arc::new(network)));
        self
    }

    /// Keeps tables and exports in this directory.
    pub(crate) fn data_dir(mut self, path: &Path) -> Self {
        self.options.memory = false;
        self.options.data_dir = path.to_owned();
        self
    }

    pub(crate) async fn start(mut self) -> Running {
        // The file has to exist until the system has read it.
        let mut file = NamedTempFile::new().unwrap();
        if let Some(rows) = self.rows {
            file.write_all(rows.to_string().as_bytes()).unwrap();
            self.options.seed = Some(file.path().to_owned());
        }
        let system = System::start(self.options).await.unwrap();
        let api = Api::new(&format!("http://{}", system.address().unwrap()), TOKEN);
        Running { system, api }
    }
}

/// A running system.
pub(crate) struct Running {
    pub(crate) system: System,
    /// A client with [`TOKEN`].
    pub(crate) api: Api,
}

impl Running {
    /// A system with the defaults of [`Setup`].
    pub(crate) async fn in_memory() -> Self {
        Setup::new().start().await
    }

    /// A system that accepts requests but processes nothing.
    pub(crate) async fn paused() -> Self {
        Setup::new().paused().start().await
    }

    /// The settings and clients of the functions.
    pub(crate) fn context(&self) -> &Arc<Context> {
        self.system.context()
    }

    pub(crate) fn store(&self) -> Store<'_> {
        self.context().store()
    }

    pub(crate) async fn stop(self) {
        self.system.stop().await;
    }

    /// Sends a request with further headers and a body as it is.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Reply {
        let mut request = self.api.with_token(token).request(method, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        Api::try_send(request).await.unwrap()
    }

    /// Sends a request with a body of JSON, if the body is not null.
    pub(crate) async fn json(&self, method: &str, path: &str, token: &str, body: &Value) -> Reply {
        let bytes = (!body.is_null()).then(|| body.to_string().into_bytes());
        self.send(method, path, Some(token), &[(CONTENT_TYPE.as_str(), "application/json")], bytes).await
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Reply {
        self.send("GET", path, Some(token), &[], None).await
    }
}

/// Calls `look` until it returns something.
///
/// # Panics
/// After [`PATIENCE`].
pub(crate) async fn wait_until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until a reservation is `complete` or `error` and returns it.
pub(crate) async fn ended(api: &Api, id: &str) -> Value {
    let look = || async {
        let object = api.get(id).await;
        matches!(object["status"].as_str(), Some("complete" | "error")).then_some(object)
    };
    wait_until(&format!("reservation {id} ends"), look).await
}

/// Waits until a reservation is complete and returns it.
pub(crate) async fn completed(api: &Api, id: &str) -> Value {
    let object = ended(api, id).await;
    assert_eq!(object["status"], "complete", "{object}");
    assert_eq!(object["quantity_reserved"], object["quantity"], "{object}");
    object
}
