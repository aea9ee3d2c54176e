//! What reaches the disk before a write is answered, and in which order.
//!
//! Bytes come before the description that names them, and both before the answer. The table row that depends on the answer
//! is written after it. SQLite may lose the latest rows in a power cut, but never writes a later one without an earlier.

use std::{
    fs::File,
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

/// A record of steps, in their order. Others may note theirs in it.
pub type StepLog = Arc<Mutex<Vec<String>>>;

/// Whether a write that is answered survives a power cut, and not only a kill of the process.
#[derive(Clone, Debug, Default)]
pub struct Durability {
    is_on: bool,
    log: Option<StepLog>,
}

impl From<bool> for Durability {
    fn from(is_on: bool) -> Self {
        Self { is_on, log: None }
    }
}

impl Durability {
    /// Writes survive a power cut, and each flush is noted: `bytes`, `description` or `folder`, and a path.
    #[must_use]
    pub fn noted(log: StepLog) -> Self {
        Self { is_on: true, log: Some(log) }
    }

    /// Flushes the bytes of an object or of a part.
    pub(super) async fn bytes(&self, file: &tokio::fs::File, path: &Path) -> io::Result<()> {
        if self.is_on {
            file.sync_data().await?;
            self.note("bytes", path);
        }
        Ok(())
    }

    /// Flushes a description, which will have this path.
    pub(super) fn description(&self, file: &File, path: &Path) -> io::Result<()> {
        if self.is_on {
            file.sync_all()?;
            self.note("description", path);
        }
        Ok(())
    }

    /// Flushes the names of the new and renamed files in a folder. Does nothing where folders cannot be opened.
    pub(super) fn folder(&self, path: &Path) -> io::Result<()> {
        if self.is_on && cfg!(unix) {
            File::open(path)?.sync_all()?;
            self.note("folder", path);
        }
        Ok(())
    }

    fn note(&self, step: &str, path: &Path) {
        if let Some(log) = &self.log {
            log.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{step} {}", path.display()));
        }
    }
}
