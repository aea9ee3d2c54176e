//! The connection of this process' functions to the tables.
//!
//! The engine's own connection cannot be configured from outside, and other processes use it through the socket. This
//! one executes the same actions with settings of its own. Both are used on the engine's thread only.

use std::time::Duration;

use dynoxide::{Database, TableMetadata, errors::DynoxideError, storage::Storage};
use rusqlite::{Connection, config::DbConfig};

use super::source::{Answer, Definitions, Source};

/// A write to a table with twelve indexes executes over forty statements. rusqlite keeps 16 by default, so each was
/// compiled again at every write.
const STATEMENTS: usize = 256;

/// Pages in memory, in KiB (as SQLite counts when the number is negative).
const CACHE: i64 = -65_536;

/// Pages of 4 KiB in the write-ahead log after which a commit writes them into the file. The thread of
/// [`super::checkpoint`] usually has done so before; this bounds the log while writes never pause.
const LOG_PAGES: i64 = 16_384;

/// How much a commit waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// The operating system has the data. It survives a kill of this process.
    Process,
    /// The disk has the data, and all commits before. It also survives a power cut.
    Disk,
}

impl Durability {
    /// The value of SQLite's `synchronous` in WAL mode.
    fn synchronous(self) -> &'static str {
        match self {
            Self::Process => "NORMAL",
            Self::Disk => "FULL",
        }
    }
}

/// The connection.
pub(super) struct Tables {
    path: String,
    database: Database,
    storage: Storage,
    definitions: Definitions,
    durability: Durability,
}

impl Tables {
    /// Opens a further connection to the tables of `database`, which are at `path`.
    pub(super) fn open(path: &str, database: Database) -> Result<Self, DynoxideError> {
        let (storage, durability) = (connect(path)?, Durability::Process);
        Ok(Self { path: path.to_owned(), database, storage, definitions: Definitions::default(), durability })
    }

    /// The connection.
    pub(super) fn storage(&self) -> &Storage {
        &self.storage
    }

    /// Answers a read from the stored text; `None` if the engine has to answer.
    pub(super) fn answer(&mut self, read: &impl Answer) -> Option<String> {
        Source::answer(self.storage.conn(), &mut self.definitions, read)
    }

    /// Makes sure that the connection knows the present definitions of these tables. It keeps definitions in memory, so
    /// it is opened again when the engine has changed one.
    pub(super) fn refresh<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) -> Result<(), DynoxideError> {
        for name in names {
            let (present, known) = (self.database.get_table_metadata(name)?, self.storage.get_table_metadata(name)?);
            if present.as_ref().map(definition) != known.as_ref().map(definition) {
                self.storage = connect(&self.path)?;
                self.durability = Durability::Process;
                break;
            }
        }
        Ok(())
    }

    /// What the next commits wait for.
    pub(super) fn set_durability(&mut self, durability: Durability) -> Result<(), DynoxideError> {
        if self.durability != durability {
            self.storage.conn().pragma_update(None, "synchronous", durability.synchronous())?;
            self.durability = durability;
        }
        Ok(())
    }
}

/// What a write needs to know of a table.
fn definition(table: &TableMetadata) -> impl PartialEq + '_ {
    (
        (&table.table_id, &table.key_schema, &table.attribute_definitions, &table.table_status),
        (&table.gsi_definitions, &table.lsi_definitions, &table.vector_index_definitions),
        (table.stream_enabled, &table.stream_view_type, &table.stream_label),
    )
}

fn connect(path: &str) -> Result<Storage, DynoxideError> {
    let storage = Storage::new(path)?;
    configure(storage.conn())?;
    storage.conn().pragma_update(None, "cache_size", CACHE)?;
    storage.conn().set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(storage)
}

/// Settings of every connection of `local` to the tables but the engine's own. Tables in memory ignore them.
pub(super) fn configure(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.busy_timeout(Duration::from_secs(5))?;
    // Without it, SQLite compiles a statement again for every other value of its LIMIT, which could change its plan. Every
    // statement here has one plan, by the index that it names.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "synchronous", Durability::Process.synchronous())?;
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)
}
