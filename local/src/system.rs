//! Starts and stops the whole system in one process: the stores, the functions, and the components that connect them on
//! AWS.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use common::{
    context::Context,
    identity::{IdentityError, new_sign_in_link},
};
use tokio::{
    net::TcpListener,
    sync::{Notify, oneshot},
    task::{JoinHandle, JoinSet},
};

use crate::{
    access_key::AccessKey,
    callable::Callable,
    data_dir::{DataDir, DataDirError},
    dynamodb::{DynamoDb, DynamoDbError, Front},
    environment,
    functions::{self, Handler},
    gateway::{Gateway, Routes},
    invocation::Invoked,
    listeners::{ListenError, Listeners, reachable},
    options::{DEFAULT_TOKEN, Options},
    remote::{NoSuchFunction, Remote, remotes},
    s3::{Durability, S3},
    schedule,
    secrets::SecretsManager,
    seed,
    seed::SeedError,
    stores::{ForTests, Sockets, Stores, StoresError},
    stream::{Failures, Mapping, Pace, StreamReader},
    template::{Function, Schedule, TEMPLATE, Template, TemplateError},
};

pub use crate::stores::sdk_config;

/// Time between two removals of items whose time to live is over.
const EXPIRY_PERIOD: Duration = Duration::from_secs(60);

/// What runs without a request.
#[derive(Clone, Copy)]
struct Runs {
    /// The function that works on reservations, and the schedules of this work.
    work: bool,
    /// The function that keeps the tallies, and the schedules for these.
    tallies: bool,
}

/// The function that works on reservations.
const WORKER: &str = "reserve-codes";

/// The tasks of the sweep that keep the tallies.
const TALLY_TASKS: [&str; 2] = ["tallies", "marks"];

/// Time between two looks at the stream for what follows from changes.
const FOLLOW_PERIOD: Duration = Duration::from_millis(100);

/// Time between two log lines with metrics.
const FIGURES_PERIOD: Duration = Duration::from_secs(60);

/// Maximum time that a stop waits for open requests.
const REQUEST_WAIT: Duration = Duration::from_millis(500);

/// The running system.
pub struct System {
    address: Option<SocketAddr>,
    token: Option<String>,
    context: Arc<Context>,
    remotes: HashMap<String, Arc<Remote>>,
    failures: Arc<Failures>,
    gateway: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
    streams: Vec<StreamReader>,
    // The order of the fields matters: users of a store are dropped before it, and the directory is unlocked last.
    tasks: JoinSet<()>,
    dynamodb: Arc<DynamoDb>,
    s3: S3,
    shared: Option<Shared>,
    data_dir: DataDir,
}

/// The resources for other processes: functions, and `admin`.
#[derive(Debug)]
pub struct Shared {
    /// The addresses of the stores, as seen from this machine.
    pub places: environment::Places,
    /// The files with the environment of the functions.
    pub files: environment::Files,
    _front: Front,
    _secrets: SecretsManager,
}

/// Why the system cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The template cannot be used.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The stores cannot be opened.
    #[error(transparent)]
    Stores(#[from] StoresError),
    /// The stream of the embedded DynamoDB cannot be read.
    #[error(transparent)]
    DynamoDb(#[from] DynamoDbError),
    /// The initial rows cannot be loaded.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// Other machines could use the API with the token that the documentation names.
    #[error("with --listen {0}, other machines reach the API: choose a token of your own with --token")]
    DefaultToken(IpAddr),
    /// A port cannot be opened.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// An open socket cannot be used.
    #[error("a socket cannot be used: {0}")]
    Socket(#[from] std::io::Error),
    /// An Invoke endpoint names an unknown function.
    #[error(transparent)]
    Invoke(#[from] NoSuchFunction),
}

impl System {
    /// Starts everything. The API answers as soon as this returns.
    ///
    /// # Errors
    /// [`StartError`] names the component that cannot start. Components that started before are stopped.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let template = Template::parse(TEMPLATE, &options.parameters)?;
        let is_open = !options.only_stores && !options.listen.is_loopback();
        if is_open && options.seed.is_none() && options.token == DEFAULT_TOKEN {
            return Err(StartError::DefaultToken(options.listen));
        }
        let remotes = remotes(&options.invoke_endpoints, &template.functions)?;
        let data_dir = if options.memory { DataDir::temporary()? } else { DataDir::open(&options.data_dir)? };
        let listeners = Listeners::open(&options)?;
        let key = if options.offers_stores() { data_dir.access_key()? } else { AccessKey::random() };
        let sockets = Sockets { engine: listeners.engine, s3: listeners.s3, key };
        let durability = match options.step_log {
            Some(log) => Durability::noted(log),
            None => Durability::from(!data_dir.is_temporary()),
        };
        let tests = ForTests { part_policy: options.part_policy, between: options.between };
        let Stores { context, dynamodb, s3, data_dir } =
            Stores::open(data_dir, &template, sockets, tests, durability).await?;
        let token = match &options.seed {
            Some(path) => seed::load(&context, path).await?,
            None => {
                seed::administrator(&context, &options.token).await?;
                Some(options.token.clone())
            }
        };
        let failures = Arc::new(Failures::new(&data_dir.failures()));
        let shared = match (listeners.dynamodb, listeners.secrets) {
            (Some(front), Some(secrets)) => Some(share(front, secrets, &template, &data_dir, &dynamodb, &s3)?),
            _ => None,
        };
        let address = listeners.http.as_ref().map(std::net::TcpListener::local_addr).transpose()?.map(reachable);

        let mut system = Self {
            address,
            token,
            context,
            remotes,
            failures,
            gateway: None,
            streams: Vec::new(),
            tasks: JoinSet::new(),
            dynamodb,
            s3,
            shared,
            data_dir,
        };
        let written = Arc::new(Notify::new());
        let runs = Runs { work: !options.pause_stream, tallies: !options.pause_tallies };
        system.start_streams(&template, &written, runs).await?;
        system.start_schedules(&template, runs);
        system.start_expiry();
        system.start_figures();
        if let Some(listener) = listeners.http {
            listener.set_nonblocking(true)?;
            let env = system.shared.as_ref().map(|shared| shared.files.shell.clone());
            let gateway = system.gateway(&template, written, options.explain)?;
            let gateway = gateway.accepting_long(options.long_requests).named(&options.hosts).telling(env);
            system.start_gateway(gateway, TcpListener::from_std(listener)?);
        }
        Ok(system)
    }

    /// Starts the readers of streams that run. The records of the others are kept.
    async fn start_streams(
        &mut self,
        template: &Template,
        written: &Arc<Notify>,
        runs: Runs,
    ) -> Result<(), StartError> {
        // Before any reader starts, because each removes the records that all known readers are past.
        for (function, settings) in template.stream_mappings() {
            StreamReader::position(&self.dynamodb, settings, &function.binary).await?;
        }
        for (function, settings) in template.stream_mappings() {
            let callable = self
                .callable(function, functions::stream)
                .ok_or_else(|| TemplateError::new(format!("{} is no function that reads a stream", function.binary)))?;
            let works = function.binary == WORKER;
            if !(if works { runs.work } else { runs.tallies }) {
                continue;
            }
            // Requests wake the worker at once. The others wait for full batches anyway.
            let (pace, written) = match works {
                true => (Pace::default(), Arc::clone(written)),
                false => (Pace { poll: FOLLOW_PERIOD, ..Pace::default() }, Arc::default()),
            };
            let mapping = Mapping {
                reader: function.binary.clone(),
                settings: settings.clone(),
                function: callable,
                failures: Arc::clone(&self.failures),
                pace,
            };
            self.streams.push(StreamReader::start(Arc::clone(&self.dynamodb), mapping, written).await?);
        }
        Ok(())
    }

    /// The function behind its Invoke endpoint if it has one, otherwise the one of this process.
    fn callable(&self, function: &Function, here: fn(&str, &Arc<Context>) -> Option<Handler>) -> Option<Callable> {
        let handler = here(&function.binary, &self.context)?;
        Some(match self.remotes.get(&function.logical_id) {
            Some(remote) => Callable::there(Invoked::from(function), Arc::clone(remote)),
            None => Callable::here(Invoked::from(function), handler),
        })
    }

    /// Starts the schedules that run.
    fn start_schedules(&mut self, template: &Template, runs: Runs) {
        let is_of_tallies = |schedule: &Schedule| {
            let task = schedule.input.as_ref().and_then(|input| input.get("task")?.as_str());
            task.is_some_and(|task| TALLY_TASKS.contains(&task))
        };
        let is_on = |schedule: &&Schedule| if is_of_tallies(schedule) { runs.tallies } else { runs.work };
        for function in &template.functions {
            for schedule in function.schedules.iter().filter(is_on) {
                if let Some(callable) = self.callable(function, functions::scheduled) {
                    self.tasks.spawn(schedule::run(schedule.clone(), callable));
                }
            }
        }
    }

    fn start_expiry(&mut self) {
        let dynamodb = Arc::clone(&self.dynamodb);
        self.tasks.spawn(async move {
            loop {
                if let Err(error) = dynamodb.expire().await {
                    tracing::warn!(%error, "expired items could not be removed");
                }
                tokio::time::sleep(EXPIRY_PERIOD).await;
            }
        });
    }

    /// Logs the metrics once a minute, unless they are all zero.
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

    /// The HTTP API with the routes of the template.
    fn gateway(&self, template: &Template, written: Arc<Notify>, explain: bool) -> Result<Gateway, TemplateError> {
        let mut handlers = HashMap::new();
        for function in template.functions.iter().filter(|function| !function.routes.is_empty()) {
            let callable = self.callable(function, functions::http).ok_or_else(|| {
                TemplateError::new(format!("{} is no function that answers requests", function.binary))
            })?;
            let callable = if explain { callable.explained() } else { callable };
            handlers.insert(function.logical_id.clone(), callable);
        }
        Ok(Gateway::new(Routes::new(&template.functions), handlers, written))
    }

    fn start_gateway(&mut self, gateway: Gateway, listener: TcpListener) {
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(async move {
            if let Err(error) = gateway.serve(listener, stopped).await {
                tracing::error!(%error, "the HTTP API stopped");
            }
        });
        self.gateway = Some((stop, server));
    }

    /// The address of the API; `None` with `--only-stores`.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// The resources for other processes; `None` if no other process uses the stores.
    #[must_use]
    pub fn shared(&self) -> Option<&Shared> {
        self.shared.as_ref()
    }

    /// The token of an administrator; `None` if the seed has none.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The secret of a new link that signs the administrator in to the pages, once. `None` without an API, or if the seed
    /// has no administrator with a token.
    ///
    /// # Errors
    /// [`IdentityError`] when the embedded DynamoDB does not answer.
    pub async fn sign_in_link(&self) -> Result<Option<String>, IdentityError> {
        let (Some(token), Some(_)) = (&self.token, self.address) else { return Ok(None) };
        let (context, now) = (&self.context, self.context.now());
        let user = context.identity().user_of(context.store(), token, now).await?;
        let Some(user) = user else { return Ok(None) };
        Ok(Some(new_sign_in_link(context.store(), &user.id, now).await?))
    }

    /// The settings and clients that the functions use.
    #[must_use]
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// Descriptions of the stream records that were discarded.
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

    /// Stops everything within two seconds. Open requests and batches of the stream get a moment to finish.
    pub async fn stop(mut self) {
        if let Some((stop, server)) = self.gateway.take() {
            // An error means that the gateway has ended already.
            let _ = stop.send(());
            let abort = server.abort_handle();
            if tokio::time::timeout(REQUEST_WAIT, server).await.is_err() {
                abort.abort();
            }
        }
        futures::future::join_all(self.streams.drain(..).map(StreamReader::stop)).await;
        self.tasks.shutdown().await;
    }
}

/// Starts Secrets Manager and writes the environment files.
fn share(
    front: std::net::TcpListener,
    secrets: std::net::TcpListener,
    template: &Template,
    data_dir: &DataDir,
    dynamodb: &DynamoDb,
    s3: &S3,
) -> Result<Shared, StartError> {
    let name = template.environment.get("SECRET_ARN").cloned().unwrap_or_default();
    let secrets = SecretsManager::start(secrets, s3.access_key().clone(), &name, data_dir.secret()?)?;
    let env = data_dir.path().join(environment::SHELL);
    let front = Front::start(front, s3.access_key().clone(), dynamodb.endpoint(), env)?;
    let places = environment::Places {
        dynamodb: front.endpoint(),
        s3: s3.endpoint(),
        secrets: secrets.endpoint(),
        ports: [front.port(), s3.port(), secrets.port()],
    };
    let files = environment::write(data_dir, &template.environment, &places, s3.access_key())?;
    Ok(Shared { places, files, _front: front, _secrets: secrets })
}
