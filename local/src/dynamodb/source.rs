//! [`Source`]: what a read from the stored text needs, that is a connection and the keys of the tables.
//!
//! The keys are read from the engine's list of tables once, and again after a table or an index was created or removed,
//! which changes SQLite's number of the schema.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};
use serde::Deserialize;

use super::tables;

/// Statements that a connection keeps compiled: one for each table, and some for each index and direction.
const STATEMENTS: usize = 128;

/// Pages in the memory of a connection that only reads, in KiB (as SQLite counts when the number is negative).
const CACHE: i64 = -32_768;

/// Bytes of the file that long reads have in their address space, instead of copying every page: the most that SQLite
/// allows. What a file has beyond it is copied.
const MAPPED: i64 = 0x7fff_0000;

/// The names of the key attributes of a table or an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) partition: String,
    pub(super) sort: Option<String>,
}

/// A table's keys, and those of its indexes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Definition {
    pub(super) keys: Keys,
    pub(super) indexes: HashMap<String, Keys>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyElement {
    attribute_name: String,
    key_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Index {
    index_name: String,
    key_schema: Vec<KeyElement>,
}

impl Keys {
    fn of(schema: &[KeyElement]) -> Option<Self> {
        let named = |kind: &str| {
            schema.iter().find(|element| element.key_type == kind).map(|element| element.attribute_name.clone())
        };
        Some(Self { partition: named("HASH")?, sort: named("RANGE") })
    }
}

/// The definitions that a connection has read.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    schema: i64,
    known: HashMap<String, Arc<Definition>>,
}

impl Definitions {
    fn of(&mut self, connection: &Connection, table: &str) -> Option<Arc<Definition>> {
        let mut statement = connection.prepare_cached("PRAGMA schema_version").ok()?;
        let schema: i64 = statement.query_row([], |row| row.get(0)).ok()?;
        if schema != self.schema {
            *self = Self { schema, known: HashMap::new() };
        }
        if let Some(known) = self.known.get(table) {
            return Some(Arc::clone(known));
        }
        let sql = "SELECT key_schema, gsi_definitions FROM _tables WHERE table_name = ?1";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?));
        let (keys, indexes) = connection.prepare_cached(sql).ok()?.query_row([table], read).optional().ok()??;
        let indexes: Vec<Index> = indexes.map_or_else(|| Some(Vec::new()), |text| serde_json::from_str(&text).ok())?;
        let indexes = indexes.into_iter().map(|index| Some((index.index_name, Keys::of(&index.key_schema)?)));
        let keys = Keys::of(&serde_json::from_str::<Vec<KeyElement>>(&keys).ok()?)?;
        let definition = Arc::new(Definition { keys, indexes: indexes.collect::<Option<_>>()? });
        self.known.insert(table.to_owned(), Arc::clone(&definition));
        Some(definition)
    }
}

/// A read that may be answered from the stored text.
pub(super) trait Answer {
    /// The body of the answer; `None` if the engine has to answer.
    fn read(&self, source: &mut Source<'_>) -> Option<String>;

    /// Whether it reads so many pages of the file that it is worth mapping the file into memory.
    fn is_long(&self) -> bool {
        false
    }
}

/// The tables at one moment.
pub(super) struct Source<'a> {
    pub(super) connection: &'a Connection,
    definitions: &'a mut Definitions,
}

impl<'a> Source<'a> {
    /// Answers a read from one state of the tables; `None` if the engine has to answer.
    pub(super) fn answer(
        connection: &'a Connection,
        definitions: &'a mut Definitions,
        read: &impl Answer,
    ) -> Option<String> {
        // In a transaction, a file is locked once and not for each item.
        let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Deferred).ok()?;
        let answer = read.read(&mut Source { connection, definitions });
        transaction.finish().ok()?;
        answer
    }

    /// The keys of a table; `None` if there is no such table.
    pub(super) fn definition(&mut self, table: &str) -> Option<Arc<Definition>> {
        self.definitions.of(self.connection, table)
    }
}

/// Connections to a file that only read. Readers of a file wait neither for writers nor for each other, so a read is
/// executed where it is needed: no other thread has to wake up for it.
///
/// A read that begins after the answer to a write sees it, because the answer follows the commit.
///
/// Long reads have connections of their own, which map the file. After each commit of another connection SQLite maps it
/// again, so short reads beside writes would be slower for it.
#[derive(Debug)]
pub(super) struct Readers {
    path: String,
    /// As many as reads ever ran at the same time, which is at most one for each thread.
    idle: Mutex<Vec<Reader>>,
    /// The same for long reads.
    long: Mutex<Vec<Reader>>,
}

#[derive(Debug)]
struct Reader {
    connection: Connection,
    definitions: Definitions,
}

impl Readers {
    /// Readers of a file. Connections are opened when they are needed.
    pub(super) fn of(path: &str) -> Self {
        Self { path: path.to_owned(), idle: Mutex::default(), long: Mutex::default() }
    }

    /// Answers a read; `None` if the engine has to answer.
    pub(super) fn answer(&self, read: &impl Answer) -> Option<String> {
        let is_long = read.is_long();
        let idle = || (if is_long { &self.long } else { &self.idle }).lock().unwrap_or_else(PoisonError::into_inner);
        let known = idle().pop();
        let mut reader = match known {
            Some(reader) => reader,
            None => Reader::open(&self.path, is_long).ok()?,
        };
        let answer = Source::answer(&reader.connection, &mut reader.definitions, read);
        idle().push(reader);
        answer
    }
}

impl Reader {
    fn open(path: &str, is_long: bool) -> Result<Self, rusqlite::Error> {
        let connection = Connection::open(path)?;
        tables::configure(&connection)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.pragma_update(None, "cache_size", CACHE)?;
        connection.pragma_update(None, "mmap_size", if is_long { MAPPED } else { 0 })?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(Self { connection, definitions: Definitions::default() })
    }
}
