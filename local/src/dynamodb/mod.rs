//! The embedded DynamoDB: `dynoxide` on a thread of its own, for the AWS SDK and the stream reader.
//!
//! All writes to the SQLite file run on that thread, one after the other. So further connections can do what `dynoxide`
//! does not support (indexes of the stream records, the reader's position, several writes in one transaction) without
//! locks between them. Only the checkpoints and the reads of functions run elsewhere; they need no lock. Tables in memory
//! are read on the thread, too.

mod checkpoint;
mod connector;
mod front;
mod index_entries;
mod source;
mod stored_json;
mod tables;
mod whole_items;
mod writes;

pub use front::Front;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use dynoxide::{
    Database,
    actions::{
        get_records::GetRecordsRequest, get_shard_iterator::encode_shard_iterator,
        update_time_to_live::UpdateTimeToLiveRequest,
    },
    errors::DynoxideError,
    streams,
};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    runtime::Handle,
    sync::{mpsc, oneshot},
};

use self::{checkpoint::Checkpoints, source::Readers, tables::Tables};
use crate::{
    data_dir::DataDir,
    listeners,
    random::random_text,
    template::{REGION, Table},
};

/// Without the indexes, each write to a table with a stream scans all stream records. The readers' positions are in the
/// same file as the records, so that a copy of the file contains both. Older files have a table with the position of
/// the only reader that there was.
const SCHEMA: &str = "
    CREATE INDEX IF NOT EXISTS _local_stream_by_table
        ON _stream_records (table_name, CAST(sequence_number AS INTEGER));
    CREATE INDEX IF NOT EXISTS _local_stream_by_shard
        ON _stream_records (table_name, shard_id, CAST(sequence_number AS INTEGER));
    CREATE TABLE IF NOT EXISTS _local_readers
        (table_name TEXT, reader TEXT, position INTEGER NOT NULL, PRIMARY KEY (table_name, reader)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS _local_positions (table_name TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
    INSERT OR IGNORE INTO _local_readers SELECT table_name, 'reserve-codes', position FROM _local_positions;
    DROP TABLE _local_positions;
";

/// Maximum stream records that one pruning removes, so that it blocks no request for long.
const PRUNE_LIMIT: u32 = 2_000;

/// A running embedded DynamoDB. It stops when the value is dropped.
#[derive(Debug)]
pub struct DynamoDb {
    address: SocketAddr,
    handle: Handle,
    stores: Stores,
    writes: mpsc::Sender<writes::Waiting>,
    _checkpoints: Option<Checkpoints>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

#[derive(Clone)]
struct Stores {
    database: Database,
    /// The connection of the functions in this process.
    tables: Arc<Mutex<Tables>>,
    /// Connections for the reads of these functions, if the tables are in a file.
    readers: Option<Arc<Readers>>,
    /// The connection for what is not a table of DynamoDB.
    side: Arc<Mutex<Connection>>,
}

impl std::fmt::Debug for Stores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stores")
    }
}

/// An error of the embedded DynamoDB.
#[derive(Debug, thiserror::Error)]
pub enum DynamoDbError {
    /// The engine refused a request.
    #[error("the embedded DynamoDB: {0}")]
    Engine(String),
    /// SQLite failed.
    #[error("the embedded DynamoDB's file: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The port or the thread cannot be created.
    #[error("the embedded DynamoDB cannot start: {0}")]
    Start(#[from] std::io::Error),
    /// The engine was stopped.
    #[error("the embedded DynamoDB has stopped")]
    Stopped,
}

impl From<DynoxideError> for DynamoDbError {
    fn from(error: DynoxideError) -> Self {
        Self::Engine(format!("{error:?}"))
    }
}

/// A record of a table's stream.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamRecord {
    /// The record's position in the stream. Positions only increase.
    pub position: i64,
    /// The record in the form that Lambda passes to functions.
    pub event: Value,
}

impl DynamoDb {
    /// Opens the tables of a data directory, or tables in memory, and serves them on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// [`DynamoDbError::Engine`] or [`DynamoDbError::Sqlite`] when the file cannot be opened; [`DynamoDbError::Start`]
    /// when there is no free port.
    pub fn start(data_dir: &DataDir) -> Result<Self, DynamoDbError> {
        Self::start_on(data_dir, std::net::TcpListener::bind(("127.0.0.1", 0))?)
    }

    /// Like [`DynamoDb::start`], on a listening socket.
    ///
    /// # Errors
    /// [`DynamoDbError::Engine`] or [`DynamoDbError::Sqlite`] when the file cannot be opened; [`DynamoDbError::Start`]
    /// when the socket cannot be used.
    pub fn start_on(data_dir: &DataDir, listener: std::net::TcpListener) -> Result<Self, DynamoDbError> {
        // A random name, because several systems may run in one process.
        let path = if data_dir.is_temporary() {
            format!("file:tables-{}?mode=memory&cache=shared", random_text(16))
        } else {
            data_dir.tables().display().to_string()
        };
        let database = Database::new(&path)?;
        let side = Connection::open(&path)?;
        // A power cut may lose a position; then a few records are repeated.
        tables::configure(&side)?;
        side.execute_batch(SCHEMA)?;
        let tables = Arc::new(Mutex::new(Tables::open(&path, database.clone())?));
        let checkpoints = if data_dir.is_temporary() { None } else { Some(Checkpoints::start(&path)?) };
        let readers = (!data_dir.is_temporary()).then(|| Arc::new(Readers::of(&path)));
        let stores = Stores { database, tables, readers, side: Arc::new(Mutex::new(side)) };

        listener.set_nonblocking(true)?;
        let address = listeners::reachable(listener.local_addr()?);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let (writes, queue) = mpsc::channel(writes::MAX_WAITING);
        handle.spawn(writes::serve(queue, Arc::clone(&stores.tables)));
        let database = stores.database.clone();
        let thread = thread::Builder::new().name("dynamodb".to_owned()).spawn(move || {
            runtime.block_on(async move {
                let server = async {
                    match TcpListener::from_std(listener) {
                        Ok(listener) => dynoxide::server::serve_on(listener, database).await,
                        Err(error) => tracing::error!(%error, "the embedded DynamoDB cannot listen"),
                    }
                };
                // A dropped sender has the same effect as a sent message.
                tokio::select! { () = server => {}, _ = stopped => {} }
            });
            // Closes open client connections without waiting for them.
            runtime.shutdown_background();
        })?;
        Ok(Self { address, handle, stores, writes, _checkpoints: checkpoints, stop: Some(stop), thread: Some(thread) })
    }

    /// The endpoint for the AWS SDK.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The port of the endpoint.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// An HTTP client for SDK clients in this process. Its reads and writes need no socket.
    #[must_use]
    pub fn http_client(&self) -> SharedHttpClient {
        connector::client(connector::Engine {
            database: self.stores.database.clone(),
            tables: Arc::clone(&self.stores.tables),
            readers: self.stores.readers.clone(),
            writes: self.writes.clone(),
            handle: self.handle.clone(),
            endpoint: self.endpoint(),
        })
    }

    /// Runs a task on the engine's thread.
    async fn run<T: Send + 'static>(
        &self,
        task: impl FnOnce(&Database, &mut Connection) -> Result<T, DynamoDbError> + Send + 'static,
    ) -> Result<T, DynamoDbError> {
        let stores = self.stores.clone();
        let task = async move {
            let mut side = stores.side.lock().unwrap_or_else(PoisonError::into_inner);
            task(&stores.database, &mut side)
        };
        self.handle.spawn(task).await.map_err(|_| DynamoDbError::Stopped)?
    }

    /// Creates missing tables, and adds indexes and a time to live that are new in the template.
    ///
    /// # Errors
    /// [`DynamoDbError::Engine`] when the engine refuses a table or an index.
    pub async fn create_tables(&self, tables: &[Table]) -> Result<(), DynamoDbError> {
        let tables = tables.to_vec();
        self.run(move |database, _| tables.iter().try_for_each(|table| create_table(database, table))).await
    }

    /// The records after `position`, oldest first.
    ///
    /// # Errors
    /// [`DynamoDbError::Engine`] when the stream cannot be read.
    pub async fn records_after(
        &self,
        table: &str,
        position: i64,
        limit: usize,
        stream_arn: &str,
    ) -> Result<Vec<StreamRecord>, DynamoDbError> {
        let (table, stream_arn) = (table.to_owned(), stream_arn.to_owned());
        self.run(move |database, _| {
            let shard_iterator = encode_shard_iterator(&table, &streams::shard_id(&table), position);
            let answer = database.get_records(GetRecordsRequest { shard_iterator, limit: Some(limit) })?;
            answer.records.into_iter().map(|record| to_stream_record(&record, &stream_arn)).collect()
        })
        .await
    }

    /// The position of the newest record of a table's stream; 0 if there is none.
    ///
    /// # Errors
    /// [`DynamoDbError::Sqlite`] when the file cannot be read.
    pub async fn newest_position(&self, table: &str) -> Result<i64, DynamoDbError> {
        let table = table.to_owned();
        self.run(move |_, side| {
            let sql =
                "SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) FROM _stream_records WHERE table_name = ?1";
            Ok(side.query_row(sql, params![table], |row| row.get(0))?)
        })
        .await
    }

    /// The position that a reader of a table's stream saved last.
    ///
    /// # Errors
    /// [`DynamoDbError::Sqlite`] when the file cannot be read.
    pub async fn position(&self, table: &str, reader: &str) -> Result<Option<i64>, DynamoDbError> {
        let (table, reader) = (table.to_owned(), reader.to_owned());
        self.run(move |_, side| {
            let sql = "SELECT position FROM _local_readers WHERE table_name = ?1 AND reader = ?2";
            Ok(side.query_row(sql, params![table, reader], |row| row.get(0)).optional()?)
        })
        .await
    }

    /// Saves the position of a reader of a table's stream and removes records that every reader is past. The newest
    /// record is kept, because the engine derives the next sequence number from it.
    ///
    /// # Errors
    /// [`DynamoDbError::Sqlite`] when the file cannot be written.
    pub async fn save_position(&self, table: &str, reader: &str, position: i64) -> Result<(), DynamoDbError> {
        let (table, reader) = (table.to_owned(), reader.to_owned());
        self.run(move |_, side| {
            let transaction = side.transaction()?;
            transaction.execute(
                "INSERT INTO _local_readers (table_name, reader, position) VALUES (?1, ?2, ?3)
                 ON CONFLICT (table_name, reader) DO UPDATE SET position = excluded.position",
                params![table, reader, position],
            )?;
            transaction.execute(
                "DELETE FROM _stream_records WHERE rowid IN (
                     SELECT rowid FROM _stream_records
                     WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) <
                         (SELECT MIN(position) FROM _local_readers WHERE table_name = ?1) LIMIT ?2)",
                params![table, PRUNE_LIMIT],
            )?;
            Ok(transaction.commit()?)
        })
        .await
    }

    /// Removes items whose time to live is over. Gives their number.
    ///
    /// # Errors
    /// [`DynamoDbError::Engine`] when the file cannot be written.
    pub async fn expire(&self) -> Result<usize, DynamoDbError> {
        self.run(|database, _| Ok(database.sweep_ttl()?)).await
    }
}

impl Drop for DynamoDb {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // An error means that the thread has ended already.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the embedded DynamoDB ended with a panic");
        }
    }
}

fn create_table(database: &Database, table: &Table) -> Result<(), DynamoDbError> {
    let existing = database.get_table_metadata(&table.name)?;
    match &existing {
        Some(existing) => add_indexes(database, table, existing.gsi_definitions.as_deref())?,
        None => drop(database.create_table(from_json(table.create.clone())?)?),
    }
    if let Some(attribute) = table.time_to_live.as_ref().filter(|_| existing.is_none_or(|table| !table.ttl_enabled)) {
        let body = json!({
            "TableName": table.name,
            "TimeToLiveSpecification": { "AttributeName": attribute, "Enabled": true },
        });
        database.update_time_to_live(from_json::<UpdateTimeToLiveRequest>(body)?)?;
    }
    Ok(())
}

/// Adds the indexes of the template that an existing table lacks.
fn add_indexes(database: &Database, table: &Table, existing: Option<&str>) -> Result<(), DynamoDbError> {
    let existing: Value = existing.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let name = |index: &Value| index.get("IndexName").and_then(Value::as_str).map(str::to_owned);
    let known: Vec<String> = existing.as_array().into_iter().flatten().filter_map(name).collect();
    let wanted = table.create.get("GlobalSecondaryIndexes").and_then(Value::as_array);
    for index in wanted.into_iter().flatten() {
        if name(index).is_some_and(|name| !known.contains(&name)) {
            database.update_table(from_json(json!({
                "TableName": table.name,
                "AttributeDefinitions": table.create.get("AttributeDefinitions"),
                "GlobalSecondaryIndexUpdates": [{ "Create": index }],
            }))?)?;
        }
    }
    Ok(())
}

fn from_json<T: serde::de::DeserializeOwned>(body: Value) -> Result<T, DynamoDbError> {
    serde_json::from_value(body).map_err(|error| DynamoDbError::Engine(error.to_string()))
}

/// The offset between positions and public sequence numbers, which have 21 digits.
const PUBLIC_OFFSET: i128 = 100_000_000_000_000_000_000;

/// The sequence number of a position, as it appears in records and failures.
#[must_use]
pub fn public_position(position: i64) -> String {
    (PUBLIC_OFFSET + i128::from(position)).to_string()
}

/// The position of a sequence number; `None` if it is no such number.
#[must_use]
pub fn position_of(sequence_number: &str) -> Option<i64> {
    i64::try_from(sequence_number.parse::<i128>().ok()? - PUBLIC_OFFSET).ok()
}

/// Converts a record and adds the region and ARN that it would have on AWS.
fn to_stream_record(
    record: &dynoxide::actions::get_records::Record,
    stream_arn: &str,
) -> Result<StreamRecord, DynamoDbError> {
    let failed = |error: serde_json::Error| DynamoDbError::Engine(error.to_string());
    let position = position_of(&record.dynamodb.sequence_number)
        .ok_or_else(|| DynamoDbError::Engine("a stream record has no sequence number".to_owned()))?;
    let mut event = serde_json::to_value(record).map_err(failed)?;
    if let Some(members) = event.as_object_mut() {
        members.insert("awsRegion".to_owned(), json!(REGION));
        members.insert("eventSourceARN".to_owned(), json!(stream_arn));
    }
    Ok(StreamRecord { position, event })
}
