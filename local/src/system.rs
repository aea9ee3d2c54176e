//! The whole system in one process: the stores, the functions, and what stands between them on AWS.

use std::{collections::HashMap, net::SocketAddr, sync::Arc, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use common::{
    config::{Config, ConfigError, Endpoints, SecretSource},
    context::Context,
};
use tokio::{
    net::TcpListener,
    sync::{Notify, oneshot},
    task::{JoinHandle, JoinSet},
};

use crate::{
    data_dir::{DataDir, DataDirError},
    dynamodb::{DynamoDb, DynamoDbError},
    functions,
    gateway::{Gateway, Routes},
    invocation::Invoked,
    options::Options,
    s3::{MIN_PART, S3, S3StartError},
    schedule, seed,
    seed::SeedError,
    stream::{Failures, Mapping, Pace, StreamReader},
    template::{REGION, TEMPLATE, Template, TemplateError},
};

/// Time between two looks for items whose time to live is over.
const EXPIRY_PERIOD: Duration = Duration::from_secs(60);

/// Time between two lines of figures.
const FIGURES_PERIOD: Duration = Duration::from_secs(60);

/// How long a stop waits for requests under way.
const REQUEST_WAIT: Duration = Duration::from_millis(500);

/// The running system.
pub struct System {
    address: SocketAddr,
    token: Option<String>,
    context: Arc<Context>,
    failures: Arc<Failures>,
    gateway: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
    stream: Option<StreamReader>,
    // In this order: who uses a store ends before it, and the directory is unlocked last.
    tasks: JoinSet<()>,
    dynamodb: Arc<DynamoDb>,
    s3: S3,
    data_dir: DataDir,
}

/// The system cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The template.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The tables.
    #[error(transparent)]
    DynamoDb(#[from] DynamoDbError),
    /// The bucket.
    #[error(transparent)]
    S3(#[from] S3StartError),
    /// The settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The first rows.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// The port.
    #[error("port {port} cannot be used: {source}; choose another with --port, or 0 for a free one")]
    Port {
        /// The port.
        port: u16,
        /// What the system said.
        source: std::io::Error,
    },
}

impl System {
    /// Starts everything; when it returns, the API answers.
    ///
    /// # Errors
    /// When a part of it cannot start; what had started is stopped.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let template = Template::parse(TEMPLATE, &options.parameters)?;
        let data_dir = if options.memory { DataDir::temporary()? } else { DataDir::open(&options.data_dir)? };
        // Early, so that a taken port costs nothing.
        let port = options.port;
        let listener =
            TcpListener::bind(("127.0.0.1", port)).await.map_err(|source| StartError::Port { port, source })?;
        let address = listener.local_addr().map_err(|source| StartError::Port { port, source })?;

        let dynamodb = Arc::new(DynamoDb::start(&data_dir)?);
        dynamodb.create_tables(&template.tables).await?;
        let min_part = options.part_policy.map_or(MIN_PART, |policy| policy.part_len.min(MIN_PART));
        let durable = !data_dir.is_temporary();
        let s3 = S3::start_with(&data_dir.objects(), &template.buckets, durable, min_part).await?;
        let mut config = config(&template, &dynamodb, &s3, data_dir.secret()?)?;
        config.part_policy = options.part_policy.unwrap_or_default();
        let sdk = sdk_config(&s3).to_builder().http_client(dynamodb.http_client()).build();
        let context = Context::new(config, &sdk);
        let token = match &options.seed {
            Some(path) => seed::load(&context, path).await?,
            None => {
                seed::administrator(&context, &options.token).await?;
                Some(options.token.clone())
            }
        };
        let failures = Arc::new(Failures::new(&data_dir.failures()));

        let mut system = Self {
            address,
            token,
            context,
            failures,
            gateway: None,
            stream: None,
            tasks: JoinSet::new(),
            dynamodb,
            s3,
            data_dir,
        };
        let written = Arc::new(Notify::new());
        if !options.pause_stream {
            system.start_stream(&template, &written).await?;
            system.start_schedules(&template);
        }
        system.start_expiry();
        system.start_figures();
        system.start_gateway(&template, written, listener)?;
        Ok(system)
    }

    async fn start_stream(&mut self, template: &Template, written: &Arc<Notify>) -> Result<(), StartError> {
        let Some((function, settings)) = template.stream_mapping() else { return Ok(()) };
        let binary = &function.binary;
        let handler = functions::stream(binary, &self.context)
            .ok_or_else(|| TemplateError::new(format!("{binary} is no function that reads a stream")))?;
        let mapping = Mapping {
            settings: settings.clone(),
            invoked: Invoked::from(function),
            function: handler,
            failures: Arc::clone(&self.failures),
            pace: Pace::default(),
        };
        let reader = StreamReader::start(Arc::clone(&self.dynamodb), mapping, Arc::clone(written)).await?;
        self.stream = Some(reader);
        Ok(())
    }

    fn start_schedules(&mut self, template: &Template) {
        for function in &template.functions {
            for schedule in &function.schedules {
                if let Some(handler) = functions::scheduled(&function.binary, &self.context) {
                    self.tasks.spawn(schedule::run(schedule.clone(), Invoked::from(function), handler));
                }
            }
        }
    }

    fn start_expiry(&mut self) {
        let dynamodb = Arc::clone(&self.dynamodb);
        self.tasks.spawn(async move {
            loop {
                if let Err(error) = dynamodb.expire().await {
                    tracing::warn!(%error, "items whose time is over could not be removed");
                }
                tokio::time::sleep(EXPIRY_PERIOD).await;
            }
        });
    }

    /// One log line a minute with the figures that are metrics on AWS; none for a minute in which nothing happened.
    fn start_figures(&mut self) {
        let context = Arc::clone(&self.context);
        self.tasks.spawn(async move {
            loop {
                tokio::time::sleep(FIGURES_PERIOD).await;
                let totals = context.metrics().take();
                if !totals.is_empty() {
                    tracing::info!("last minute: {totals}");
                }
            }
        });
    }

    fn start_gateway(
        &mut self,
        template: &Template,
        written: Arc<Notify>,
        listener: TcpListener,
    ) -> Result<(), TemplateError> {
        let mut handlers = HashMap::new();
        for function in template.functions.iter().filter(|function| !function.routes.is_empty()) {
            let handler = functions::http(&function.binary, &self.context).ok_or_else(|| {
                TemplateError::new(format!("{} is no function that answers requests", function.binary))
            })?;
            handlers.insert(function.logical_id.clone(), (Invoked::from(function), handler));
        }
        let gateway = Gateway::new(Routes::new(&template.functions), handlers, written);
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(async move {
            if let Err(error) = gateway.serve(listener, stopped).await {
                tracing::error!(%error, "the HTTP API stopped");
            }
        });
        self.gateway = Some((stop, server));
        Ok(())
    }

    /// Where the API answers.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The token of an administrator, if there is one.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The settings and clients that the functions use.
    #[must_use]
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// Descriptions of stream records that were given up.
    #[must_use]
    pub fn failures(&self) -> &Failures {
        &self.failures
    }

    /// The embedded DynamoDB.
    #[must_use]
    pub fn dynamodb(&self) -> &DynamoDb {
        &self.dynamodb
    }

    /// The embedded S3.
    #[must_use]
    pub fn s3(&self) -> &S3 {
        &self.s3
    }

    /// The data directory.
    #[must_use]
    pub fn data_dir(&self) -> &DataDir {
        &self.data_dir
    }

    /// Ends everything, within two seconds: requests and batches of the stream that are under way get a moment to finish.
    pub async fn stop(mut self) {
        if let Some((stop, server)) = self.gateway.take() {
            // An Err says that it has ended already.
            let _ = stop.send(());
            let abort = server.abort_handle();
            if tokio::time::timeout(REQUEST_WAIT, server).await.is_err() {
                abort.abort();
            }
        }
        if let Some(stream) = self.stream.take() {
            stream.stop().await;
        }
        self.tasks.shutdown().await;
    }
}

/// The SDK configuration with which AWS clients reach the embedded stores.
#[must_use]
pub fn sdk_config(s3: &S3) -> SdkConfig {
    let keys = s3.credentials();
    let keys = Credentials::new(&keys.access_key_id, &keys.secret_access_key, None, None, "embedded");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(SharedCredentialsProvider::new(keys))
        .build()
}

fn config(template: &Template, dynamodb: &DynamoDb, s3: &S3, secret: String) -> Result<Config, ConfigError> {
    let mut config = Config::from_lookup(|name| template.environment.get(name).cloned())?;
    config.secret = SecretSource::Value(secret);
    config.endpoints = Endpoints { dynamodb: Some(dynamodb.endpoint()), s3: Some(s3.endpoint()) };
    Ok(config)
}
