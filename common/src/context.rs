//! The composition root: what a function holds for its lifetime. It hands out the store, the bucket and the identity
//! provider, each made when first needed.
//!
//! A function that never asks for the bucket or the secret never opens a connection to them, and needs no right to them.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig};
use aws_sdk_dynamodb::config::SharedInterceptor;
use chrono::Utc;
use tokio::sync::OnceCell;

use crate::{
    bucket::Bucket,
    clients::timeouts,
    code::Secret,
    config::{Config, ConfigError, SecretSource},
    identity::Identity,
    reservation::Timestamp,
    store::Store,
};

/// The settings and clients of one process. Cheap to share by `Arc`.
pub struct Context {
    config: Config,
    sdk: SdkConfig,
    dynamodb: aws_sdk_dynamodb::Client,
    s3: OnceLock<aws_sdk_s3::Client>,
    secret: OnceCell<Secret>,
    identity: OnceLock<Identity>,
}

/// The secret could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the secret of the codes could not be read: {0}")]
pub struct SecretError(String);

impl Context {
    /// Reads the environment of a Lambda function.
    ///
    /// # Errors
    /// When a variable is missing or wrong.
    pub async fn from_env() -> Result<Arc<Self>, ConfigError> {
        let config = Config::from_env()?;
        let sdk = aws_config::defaults(BehaviorVersion::latest()).load().await;
        Ok(Self::new(config, &sdk))
    }

    /// Makes a context from settings and an SDK configuration (`local` and tests).
    #[must_use]
    pub fn new(config: Config, sdk: &SdkConfig) -> Arc<Self> {
        Self::build(config, sdk, None)
    }

    /// As [`Context::new`], with an interceptor that sees every call to DynamoDB: tests count reads with it.
    #[must_use]
    pub fn observed(config: Config, sdk: &SdkConfig, observer: SharedInterceptor) -> Arc<Self> {
        Self::build(config, sdk, Some(observer))
    }

    fn build(config: Config, sdk: &SdkConfig, observer: Option<SharedInterceptor>) -> Arc<Self> {
        // A dead endpoint must not cost a request more than these bounds: connect 1 s, one try 5 s, all tries 15 s.
        let sdk = sdk
            .to_builder()
            .retry_config(RetryConfig::standard().with_max_attempts(4).with_initial_backoff(Duration::from_millis(50)))
            .timeout_config(timeouts(5, 15))
            .build();
        let mut dynamodb = aws_sdk_dynamodb::config::Builder::from(&sdk);
        if let Some(endpoint) = &config.endpoints.dynamodb {
            dynamodb = dynamodb.endpoint_url(endpoint);
        }
        if let Some(observer) = observer {
            dynamodb.push_interceptor(observer);
        }
        let dynamodb = aws_sdk_dynamodb::Client::from_conf(dynamodb.build());
        Arc::new(Self {
            config,
            sdk,
            dynamodb,
            s3: OnceLock::new(),
            secret: OnceCell::new(),
            identity: OnceLock::new(),
        })
    }

    /// The time. Everything that needs the time asks here, so that the pure modules get it as an argument.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::new(Utc::now())
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The DynamoDB client.
    #[must_use]
    pub fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        &self.dynamodb
    }

    /// The tables.
    #[must_use]
    pub fn store(&self) -> Store<'_> {
        Store::new(&self.dynamodb, &self.config)
    }

    /// The bucket of the exports.
    #[must_use]
    pub fn bucket(&self) -> Bucket<'_> {
        Bucket::new(self.s3(), &self.config.bucket)
    }

    /// Finds the users of tokens; made when the first request is authenticated.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        self.identity.get_or_init(|| Identity::new(self.config.oidc.clone()))
    }

    /// The S3 client; its tries last longer than DynamoDB's, since one carries a part of an export.
    pub fn s3(&self) -> &aws_sdk_s3::Client {
        self.s3.get_or_init(|| {
            let mut s3 = aws_sdk_s3::config::Builder::from(&self.sdk).timeout_config(timeouts(30, 90));
            if let Some(endpoint) = &self.config.endpoints.s3 {
                s3 = s3.endpoint_url(endpoint).force_path_style(true);
            }
            aws_sdk_s3::Client::from_conf(s3.build())
        })
    }

    /// The secret that keys every pool, fetched once per process.
    ///
    /// # Errors
    /// When Secrets Manager refuses or does not answer; the next call tries again.
    pub async fn secret(&self) -> Result<&Secret, SecretError> {
        self.secret
            .get_or_try_init(|| async {
                let text = match &self.config.secret {
                    SecretSource::Value(value) => value.clone(),
                    SecretSource::SecretsManager(arn) => {
                        let answer = aws_sdk_secretsmanager::Client::new(&self.sdk)
                            .get_secret_value()
                            .secret_id(arn)
                            .send()
                            .await
                            .map_err(|error| SecretError(error.into_service_error().to_string()))?;
                        answer.secret_string.ok_or_else(|| SecretError("it has no text".to_owned()))?
                    }
                };
                Secret::new(text.as_bytes()).map_err(|error| SecretError(error.to_string()))
            })
            .await
    }
}
