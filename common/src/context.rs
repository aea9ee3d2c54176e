//! The composition root: the settings and clients that a function keeps for its lifetime. It hands out the store, the
//! bucket and the identity provider. Except for the DynamoDB client, each client is created on first use.
//!
//! So a function that never uses the bucket or the secret opens no connection to them and needs no permission for them.

mod health;

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use aws_config::{SdkConfig, retry::RetryConfig, stalled_stream_protection::StalledStreamProtectionConfig};
use aws_sdk_dynamodb::config::{
    Intercept as _, SharedInterceptor,
    endpoint::{Endpoint, EndpointFuture, Params, ResolveEndpoint},
};
use aws_smithy_runtime_api::client::auth::AuthSchemeId;
use chrono::{DateTime, Utc};
use health::Health;
use tokio::sync::OnceCell;

use crate::{
    bucket::Bucket,
    clients::{self, CALL_SECONDS, TRY_SECONDS, timeouts},
    code::{Namespace, Secret},
    config::{Config, ConfigError, SecretSource},
    host::{Host, Machine},
    https,
    identity::Identity,
    metrics::Metrics,
    reservation::Timestamp,
    store::{Pool, SecretCheck, Store, StoreError},
};

/// An [`SdkConfig`] that prefers this scheme has the HTTP client of an engine of DynamoDB in the same process, which nobody
/// signs for. No client knows a scheme of this name, so the others sign as always.
pub const EMBEDDED_ENGINE: AuthSchemeId = AuthSchemeId::new("embedded-engine");
/// The SDK's name for no signature.
const UNSIGNED: AuthSchemeId = AuthSchemeId::new("noAuth");

/// The endpoint of the embedded engine. The SDK's rules would find the same one anew for each call.
#[derive(Debug)]
struct OneEndpoint(Endpoint);

impl ResolveEndpoint for OneEndpoint {
    fn resolve_endpoint(&self, _: &Params) -> EndpointFuture<'_> {
        EndpointFuture::ready(Ok(self.0.clone()))
    }
}

/// The settings and clients of one process. It is shared by `Arc`.
pub struct Context {
    config: Config,
    sdk: SdkConfig,
    dynamodb: aws_sdk_dynamodb::Client,
    s3: OnceLock<aws_sdk_s3::Client>,
    s3_links: OnceLock<aws_sdk_s3::Client>,
    secret: OnceCell<Secret>,
    /// Whether the secret was found to be that of the table `Pools`.
    is_checked: AtomicBool,
    observers: Vec<SharedInterceptor>,
    identity: OnceLock<Identity>,
    metrics: Metrics,
    health: Health,
    host: Arc<dyn Host>,
}

/// The secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// It could not be read.
    #[error("the secret of the codes could not be read: {0}")]
    Unread(String),
    /// It is not the one of the table `Pools`. With it, codes that exist would be issued again and shown wrongly.
    #[error("the secret is not the one that the codes of this deployment were made with")]
    Other,
    /// The table could not be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Context {
    /// Builds the context of a Lambda function from its environment variables.
    ///
    /// # Errors
    /// [`ConfigError`] when a variable is missing or invalid.
    pub async fn from_env() -> Result<Arc<Self>, ConfigError> {
        let config = Config::from_env()?;
        // Endpoints other than those of AWS are on this machine or its network. Requests to them must not go through a
        // proxy.
        let client = if config.endpoints.is_empty() { https::client() } else { https::direct() };
        let sdk = clients::from_env(client);
        let metrics = Metrics::on_stdout(&config.stack);
        Ok(Self::assemble(config, &sdk, Vec::new(), metrics, Arc::new(Machine)))
    }

    /// Builds a context from settings and an SDK configuration. Its metrics are added up in memory (`local` and tests).
    #[must_use]
    pub fn new(config: Config, sdk: &SdkConfig) -> Arc<Self> {
        Self::on(Arc::new(Machine), config, sdk)
    }

    /// Like [`Context::new`], on another host.
    #[must_use]
    pub fn on(host: Arc<dyn Host>, config: Config, sdk: &SdkConfig) -> Arc<Self> {
        Self::assemble(config, sdk, Vec::new(), Metrics::totals(), host)
    }

    /// Like [`Context::new`], with another destination of metrics.
    #[must_use]
    pub fn measured(config: Config, sdk: &SdkConfig, metrics: Metrics) -> Arc<Self> {
        Self::assemble(config, sdk, Vec::new(), metrics, Arc::new(Machine))
    }

    /// Like [`Context::new`], with an interceptor that sees every call of every client. Tests count and record calls
    /// with it.
    #[must_use]
    pub fn observed(config: Config, sdk: &SdkConfig, observer: SharedInterceptor) -> Arc<Self> {
        Self::assemble(config, sdk, vec![observer], Metrics::totals(), Arc::new(Machine))
    }

    /// A context with other settings and one more observer, which replaces an observer of the same name. Both contexts
    /// have the same metrics.
    #[must_use]
    pub fn observed_also(&self, config: Config, sdk: &SdkConfig, observer: SharedInterceptor) -> Arc<Self> {
        let others = self.observers.iter().filter(|other| other.name() != observer.name()).cloned();
        let observers = others.chain([observer.clone()]).collect();
        Self::assemble(config, sdk, observers, self.metrics.clone(), Arc::clone(&self.host))
    }

    fn assemble(
        config: Config,
        sdk: &SdkConfig,
        observers: Vec<SharedInterceptor>,
        metrics: Metrics,
        host: Arc<dyn Host>,
    ) -> Arc<Self> {
        let sdk = sdk
            .to_builder()
            .retry_config(RetryConfig::standard().with_max_attempts(4).with_initial_backoff(Duration::from_millis(50)))
            .timeout_config(timeouts(TRY_SECONDS, CALL_SECONDS))
            // By default the SDK cancels a body in which nothing moves for 5 s. S3 answers CompleteMultipartUpload with
            // its headers at once, and is then silent while it joins the parts, for minutes perhaps; a part waits as long
            // while S3 or this function is busy. Each try of each call has a time-out of its own, which bounds a body too.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        let mut dynamodb = aws_sdk_dynamodb::config::Builder::from(&sdk);
        let endpoint = config.endpoints.dynamodb.as_deref();
        if let Some(endpoint) = endpoint {
            dynamodb = dynamodb.endpoint_url(endpoint);
        }
        if sdk.auth_scheme_preference().is_some_and(|some| some.clone().into_iter().any(|one| one == EMBEDDED_ENGINE)) {
            dynamodb = dynamodb.allow_no_auth().auth_scheme_preference([UNSIGNED]);
            if let Some(endpoint) = endpoint {
                dynamodb =
                    dynamodb.endpoint_resolver(OneEndpoint(Endpoint::builder().url(endpoint.to_owned()).build()));
            }
        }
        for observer in &observers {
            dynamodb.push_interceptor(observer.clone());
        }
        let dynamodb = aws_sdk_dynamodb::Client::from_conf(dynamodb.build());
        Arc::new(Self {
            config,
            sdk,
            dynamodb,
            s3: OnceLock::new(),
            s3_links: OnceLock::new(),
            secret: OnceCell::new(),
            is_checked: AtomicBool::new(false),
            observers,
            identity: OnceLock::new(),
            metrics,
            health: Health::default(),
            host,
        })
    }

    /// The machine of this process: time, waiting, random numbers.
    #[must_use]
    pub fn host(&self) -> &dyn Host {
        &*self.host
    }

    /// The current time. All code that needs the time gets it here, and the pure modules get it as an argument.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::new(DateTime::<Utc>::from(self.host.time()))
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The destination of metrics.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The configuration with which clients are created: credentials, region and HTTP client.
    #[must_use]
    pub fn sdk(&self) -> &SdkConfig {
        &self.sdk
    }

    /// The DynamoDB client.
    #[must_use]
    pub fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        &self.dynamodb
    }

    /// The tables.
    #[must_use]
    pub fn store(&self) -> Store<'_> {
        Store::new(&self.dynamodb, &self.config, self.host())
    }

    /// The bucket of the exports.
    #[must_use]
    pub fn bucket(&self) -> Bucket<'_> {
        Bucket::new(self.s3(), self.s3_links(), &self.config.bucket)
    }

    /// The identity provider, which finds the users of tokens. It is created when the first request is authenticated.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        self.identity.get_or_init(|| Identity::new(self.config.oidc.clone()))
    }

    /// The S3 client. Its time-outs are longer than those of DynamoDB, because a request can carry a whole part of an
    /// export.
    pub fn s3(&self) -> &aws_sdk_s3::Client {
        self.s3.get_or_init(|| self.s3_at(self.config.endpoints.s3.as_deref()))
    }

    /// The S3 client that signs links. A signature covers the host, so a link for a browser must be signed with the
    /// host name that the browser uses. This client sends no requests.
    pub fn s3_links(&self) -> &aws_sdk_s3::Client {
        match &self.config.endpoints.s3_link {
            Some(endpoint) => self.s3_links.get_or_init(|| self.s3_at(Some(endpoint))),
            None => self.s3(),
        }
    }

    /// Whether DynamoDB and S3 can be reached and no function found the secret to be another one, as the last check of at
    /// most 10 seconds ago found.
    ///
    /// # Errors
    /// Why not, for the log.
    pub async fn health(&self) -> Result<(), String> {
        let check = async {
            let (store, bucket) = (self.store(), self.bucket());
            // The functions that have the secret record it when it is not the right one. This one may not read it.
            let secret = async {
                let row = store.secret_check().await?;
                if row.is_some_and(|row| row.mismatch.is_some()) { Err(SecretError::Other) } else { Ok(()) }
            };
            let (secret, bucket) = futures::future::join(secret, bucket.ping()).await;
            let fault = secret.err().map(|error| error.to_string()).or(bucket.err().map(|error| error.to_string()));
            if let Some(error) = &fault {
                tracing::error!(error, "health check failed");
            }
            fault
        };
        self.health.fault(check).await.map_or(Ok(()), Err)
    }

    fn s3_at(&self, endpoint: Option<&str>) -> aws_sdk_s3::Client {
        let mut s3 = aws_sdk_s3::config::Builder::from(&self.sdk).timeout_config(timeouts(30, 90));
        if let Some(endpoint) = endpoint {
            s3 = s3.endpoint_url(endpoint).force_path_style(true);
        }
        for observer in &self.observers {
            s3.push_interceptor(observer.clone());
        }
        aws_sdk_s3::Client::from_conf(s3.build())
    }

    fn secrets(&self) -> aws_sdk_secretsmanager::Client {
        let mut secrets = aws_sdk_secretsmanager::config::Builder::from(&self.sdk);
        if let Some(endpoint) = &self.config.endpoints.secrets {
            secrets = secrets.endpoint_url(endpoint);
        }
        for observer in &self.observers {
            secrets.push_interceptor(observer.clone());
        }
        aws_sdk_secretsmanager::Client::from_conf(secrets.build())
    }

    /// The secret from which the keys of all pools are derived. It is fetched once per process, and compared with the
    /// check value in the table `Pools`.
    ///
    /// # Errors
    /// [`SecretError`] when Secrets Manager or DynamoDB refuses the request or does not answer, or when the secret cannot
    /// be used or is not the one of the table. A failure is not kept: the next call tries again.
    pub async fn secret(&self) -> Result<&Secret, SecretError> {
        let secret = self.fetched_secret().await?;
        if !self.is_checked.load(Ordering::Relaxed)
            && let Some(row) = self.store().secret_check().await?
        {
            self.check_secret(secret, &row).await?;
        }
        Ok(secret)
    }

    /// The same for a caller who has read the row of the secret together with others.
    ///
    /// # Errors
    /// As [`Context::secret`].
    pub async fn secret_of(&self, row: Option<&SecretCheck>) -> Result<&Secret, SecretError> {
        let secret = self.fetched_secret().await?;
        if let Some(row) = row.filter(|_| !self.is_checked.load(Ordering::Relaxed)) {
            self.check_secret(secret, row).await?;
        }
        Ok(secret)
    }

    /// Whether the tables have a check value, and it is that of this secret, as far as this process has seen.
    pub fn is_secret_known(&self) -> bool {
        self.is_checked.load(Ordering::Relaxed)
    }

    /// A pool that another secret made, in tables without a check value: those of an older version of the service, whose
    /// pools are all that tells which secret is theirs. `None` if the tables have a check value, or no pool.
    ///
    /// # Errors
    /// As [`Context::secret`].
    pub async fn pool_of_another_secret(&self) -> Result<Option<Namespace>, SecretError> {
        if self.is_secret_known() || self.store().secret_check().await?.is_some() {
            return Ok(None);
        }
        let secret = self.fetched_secret().await?;
        let pool = self.store().any_pool().await?;
        let is_other = |pool: &Pool| secret.pool_key(&pool.namespace).check_value() != pool.check;
        Ok(pool.filter(is_other).map(|pool| pool.namespace))
    }

    /// Stores the check value of the secret in tables that have none. Called before codes are allocated, when no pool of
    /// these tables is known to be of another secret.
    ///
    /// # Errors
    /// As [`Context::secret`]; [`SecretError::Other`] when another function stored that of another secret first.
    pub async fn establish_secret(&self) -> Result<(), SecretError> {
        if self.is_checked.load(Ordering::Relaxed) {
            return Ok(());
        }
        let secret = self.fetched_secret().await?;
        let row = self.store().init_secret_check(&secret.check_value()).await?;
        self.check_secret(secret, &row).await
    }

    /// Compares the secret with the row, and records in it what is new about that.
    async fn check_secret(&self, secret: &Secret, row: &SecretCheck) -> Result<(), SecretError> {
        let check = secret.check_value();
        let is_right = row.check == check;
        let other = (!is_right).then_some(check.as_str());
        if row.mismatch.as_deref() != other {
            self.store().note_mismatch(other, self.now()).await?;
        }
        if !is_right {
            tracing::error!("the secret is not the one that the codes of this deployment were made with");
            return Err(SecretError::Other);
        }
        self.is_checked.store(true, Ordering::Relaxed);
        Ok(())
    }

    async fn fetched_secret(&self) -> Result<&Secret, SecretError> {
        self.secret
            .get_or_try_init(|| async {
                let text = match &self.config.secret {
                    SecretSource::Value(value) => value.clone(),
                    SecretSource::SecretsManager(arn) => {
                        let answer = self
                            .secrets()
                            .get_secret_value()
                            .secret_id(arn)
                            .send()
                            .await
                            .map_err(|error| SecretError::Unread(error.into_service_error().to_string()))?;
                        answer.secret_string.ok_or_else(|| SecretError::Unread("it has no text".to_owned()))?
                    }
                };
                Secret::new(text.as_bytes()).map_err(|error| SecretError::Unread(error.to_string()))
            })
            .await
    }
}
