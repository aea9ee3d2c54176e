//! The embedded stores of one data directory, with the tables and buckets of the template and the clients for them.
//!
//! [`crate::system`] adds the functions and everything that calls them. Other programs open the stores alone, while no
//! system runs on the directory.

use std::{net::TcpListener, num::NonZero, path::Path, sync::Arc};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use common::{
    config::{Config, ConfigError, Endpoints, MAX_SHARDS, SecretSource},
    context::{Context, EMBEDDED_ENGINE},
    export::PartPolicy,
    https,
    store::{Completed, Filled, Filling, StoreError},
};

use crate::{
    access_key::AccessKey,
    data_dir::{DataDir, DataDirError},
    dynamodb::{DynamoDb, DynamoDbError},
    options::Between,
    s3::{Access, Durability, MIN_PART, S3, S3StartError},
    template::{REGION, TEMPLATE, Template, TemplateError},
};

/// The stores of a data directory.
pub struct Stores {
    /// The settings and clients that the functions use.
    pub context: Arc<Context>,
    // The order of the fields matters: users of a store are dropped before it, and the directory is unlocked last.
    /// The embedded DynamoDB.
    pub dynamodb: Arc<DynamoDb>,
    /// The embedded S3.
    pub s3: S3,
    /// The data directory.
    pub data_dir: DataDir,
}

/// Why the stores cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum StoresError {
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The template cannot be used.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The embedded DynamoDB cannot start.
    #[error(transparent)]
    DynamoDb(#[from] DynamoDbError),
    /// The embedded S3 cannot start.
    #[error(transparent)]
    S3(#[from] S3StartError),
    /// The template's environment variables are invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The rows of an older data directory cannot be completed.
    #[error("the rows of the data directory cannot be completed: {0}")]
    Rows(#[from] StoreError),
    /// A socket cannot be opened.
    #[error("a socket cannot be used: {0}")]
    Socket(#[from] std::io::Error),
}

/// How the stores are opened.
#[derive(Debug)]
pub(crate) struct Sockets {
    /// The socket of DynamoDB's engine.
    pub(crate) engine: TcpListener,
    /// The socket of S3.
    pub(crate) s3: TcpListener,
    /// The access key of both.
    pub(crate) key: AccessKey,
}

/// What tests set.
#[derive(Debug, Default)]
pub(crate) struct ForTests {
    /// How exports are cut into parts.
    pub(crate) part_policy: Option<PartPolicy>,
    /// What lies between the functions and the stores.
    pub(crate) between: Option<Between>,
}

impl Stores {
    /// Opens an existing data directory that no other process uses. The stores listen on free ports of 127.0.0.1.
    ///
    /// # Errors
    /// [`DataDirError::Missing`] when there is no data directory at the path; [`DataDirError::InUse`] when another
    /// process holds it; otherwise the store that cannot start.
    pub async fn open_existing(path: &Path) -> Result<Self, StoresError> {
        let data_dir = DataDir::open_existing(path)?;
        let any = || TcpListener::bind(("127.0.0.1", 0));
        let sockets = Sockets { engine: any()?, s3: any()?, key: AccessKey::random() };
        let durability = Durability::from(!data_dir.is_temporary());
        Self::open(data_dir, &Template::parse(TEMPLATE, &[])?, sockets, ForTests::default(), durability).await
    }

    /// Opens the stores of a data directory. Creates missing tables, and completes rows that are older than an index.
    ///
    /// # Errors
    /// [`StoresError`] names the store that cannot start.
    pub(crate) async fn open(
        data_dir: DataDir,
        template: &Template,
        sockets: Sockets,
        tests: ForTests,
        durability: Durability,
    ) -> Result<Self, StoresError> {
        let dynamodb = Arc::new(DynamoDb::start_on(&data_dir, sockets.engine)?);
        dynamodb.create_tables(&template.tables).await?;
        let ForTests { part_policy, between } = tests;
        let min_part = part_policy.map_or(MIN_PART, |policy| policy.part_len.min(MIN_PART));
        let access = Access { listener: sockets.s3, key: sockets.key };
        let s3 = S3::start_with(&data_dir.objects(), &template.buckets, durability, min_part, access).await?;
        let mut config = config(template, &dynamodb, &s3, data_dir.secret()?)?;
        config.part_policy = part_policy.unwrap_or_default();
        let client = dynamodb.http_client();
        let client = between.map_or_else(|| client.clone(), |between| between.0(client.clone()));
        // The engine is in this process: nobody would check a signature.
        let sdk = sdk_config(&s3).to_builder().http_client(client).auth_scheme_preference([EMBEDDED_ENGINE]).build();
        let context = Context::new(config, &sdk);
        // Of a directory of an older version. The note comes after the last row, so a start that was cut short is repeated.
        if !data_dir.has_index_keys() {
            complete_index_keys(&context).await?;
            data_dir.note_index_keys()?;
        }
        if !data_dir.has_complete_pools() {
            complete_pools(&context).await?;
            data_dir.note_complete_pools()?;
        }
        Ok(Self { context, dynamodb, s3, data_dir })
    }
}

/// The SDK configuration for clients of the embedded stores.
#[must_use]
pub fn sdk_config(s3: &S3) -> SdkConfig {
    sdk_config_with(s3.access_key())
}

/// The same for stores of another process, with their access key.
#[must_use]
pub fn sdk_config_with(key: &AccessKey) -> SdkConfig {
    let keys = Credentials::new(&key.id, &key.secret, None, None, "embedded");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(https::direct())
        .region(Region::new(REGION))
        .credentials_provider(SharedCredentialsProvider::new(keys))
        .build()
}

/// Gives the rows of an older data directory the keys of indexes that are new.
async fn complete_index_keys(context: &Context) -> Result<(), StoreError> {
    let store = context.store();
    let mut filled = Filled::default();
    for shard in 0..MAX_SHARDS {
        let mut filling = Filling::of_shard(shard, None);
        while filling.next(store, &mut filled).await?.is_some() {}
    }
    let Filled { looked, written, .. } = filled;
    tracing::info!(looked, written, "completed the index keys of {written} of {looked} rows");
    Ok(())
}

/// Completes the pools of an older data directory. No older version runs meanwhile, so one pass is enough.
async fn complete_pools(context: &Context) -> Result<(), StoreError> {
    let mut completed = Completed::default();
    let mut after = None;
    loop {
        after = context.store().complete_old_pools(after, &mut completed).await?;
        if after.is_none() {
            break;
        }
    }
    for namespace in &completed.conflicts {
        tracing::error!(namespace, "the company prefix of {namespace} begins or continues that of another pool");
    }
    Ok(())
}

fn config(template: &Template, dynamodb: &DynamoDb, s3: &S3, secret: String) -> Result<Config, ConfigError> {
    let mut config = Config::from_lookup(|name| template.environment.get(name).cloned())?;
    config.secret = SecretSource::Value(secret);
    config.reads_ahead = std::thread::available_parallelism().map(NonZero::get).ok();
    config.endpoints =
        Endpoints { dynamodb: Some(dynamodb.endpoint()), s3: Some(s3.endpoint()), ..Endpoints::default() };
    Ok(config)
}
