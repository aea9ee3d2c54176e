//! Writes the log of the tables' file into the file, on a thread of its own.
//!
//! SQLite's commits append changed pages to a write-ahead log. By default the commit that finds a thousand pages there
//! copies them into the file and waits for the disk; the engine's thread would stand still meanwhile. A checkpoint of
//! kind PASSIVE blocks neither readers nor writers.

use std::{
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use rusqlite::Connection;

use super::{DynamoDbError, tables::configure};

/// The pause between two checkpoints. After a power cut, at most the single writes of this time are lost.
const PAUSE: Duration = Duration::from_millis(500);

/// The thread. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Checkpoints {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Checkpoints {
    /// Starts the thread for the tables at `path`.
    pub(super) fn start(path: &str) -> Result<Self, DynamoDbError> {
        let connection = Connection::open(path)?;
        configure(&connection)?;
        let (stop, stopped) = mpsc::channel();
        let thread = thread::Builder::new().name("checkpoints".to_owned()).spawn(move || {
            while stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                // A failure (a full disk) shows at the next write, too. The log stays valid.
                if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
                    tracing::warn!(%error, "the log of the tables cannot be written into their file");
                }
            }
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the checkpoints ended with a panic");
        }
    }
}
