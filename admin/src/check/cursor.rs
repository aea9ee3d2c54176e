//! Where a check is, in a file, so that it can be continued.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use common::reservation::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::failure::Failure;

/// The steps of a check, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Pools and their ranges.
    #[default]
    Pools,
    /// Counts of codes of a day, by organisation.
    Quotas,
    /// Reservations and their exports.
    Reservations,
    /// File rows.
    Files,
    /// Objects of the bucket.
    Objects,
    /// Open uploads.
    Uploads,
}

/// Where a check is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The deployment that is checked: the name of its table of pools.
    pub deployment: String,
    /// When the check began, and not when it was continued.
    #[serde(default)]
    pub begun: Option<Timestamp>,
    /// The running step.
    pub phase: Phase,
    /// The running shard of the indexes.
    pub shard: u32,
    /// The last key that was checked: a namespace, an organisation, an id, or a key of the bucket.
    pub after: Option<String>,
    /// The last reservation of the running shard when the check came to it.
    #[serde(default)]
    pub last: Option<Uuid>,
    /// What was checked so far.
    pub counts: Counts,
}

/// What was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Pools.
    pub pools: u64,
    /// Ranges of pools.
    pub ranges: u64,
    /// Organisations, for their quotas.
    #[serde(default)]
    pub organisations: u64,
    /// Reservations.
    pub reservations: u64,
    /// File rows.
    pub files: u64,
    /// Objects of the bucket.
    pub objects: u64,
    /// Breaches of invariants.
    pub breaches: u64,
}

impl Cursor {
    /// The next step, from its beginning.
    pub fn begin(&mut self, phase: Phase) {
        (self.phase, self.shard, self.after, self.last) = (phase, 0, None, None);
    }
}

/// The file of a cursor; nothing is kept without one.
pub struct CursorFile(Option<PathBuf>);

impl CursorFile {
    /// Uses this file. It need not exist.
    #[must_use]
    pub fn new(path: Option<PathBuf>) -> Self {
        Self(path)
    }

    /// The cursor in the file, or one at the beginning.
    ///
    /// # Errors
    /// [`Failure::WrongUse`] when the file cannot be read, is no cursor, or is one of another deployment.
    pub fn read(&self, deployment: &str) -> Result<Cursor, Failure> {
        let fresh = Cursor { deployment: deployment.to_owned(), ..Cursor::default() };
        let Some(path) = &self.0 else { return Ok(fresh) };
        let wrong = |reason: String| Failure::WrongUse(format!("The cursor {} {reason}", path.display()));
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(fresh),
            Err(error) => return Err(wrong(format!("cannot be read: {error}"))),
        };
        let cursor: Cursor = serde_json::from_str(&text)
            .map_err(|error| wrong(format!("is none of `admin check`: {error}. Remove it to begin again.")))?;
        if cursor.deployment != deployment {
            return Err(wrong(format!("is one of another deployment: {}", cursor.deployment)));
        }
        Ok(cursor)
    }

    /// Saves a cursor. After a crash the file has this one or the one before.
    ///
    /// # Errors
    /// [`Failure::WrongUse`] when the file cannot be written.
    pub fn save(&self, cursor: &Cursor) -> Result<(), Failure> {
        let Some(path) = &self.0 else { return Ok(()) };
        let text = serde_json::to_string(cursor).map_err(std::io::Error::other)?;
        let temporary = beside(path);
        let written = fs::write(&temporary, text).and_then(|()| fs::rename(&temporary, path));
        written.map_err(|error| Failure::WrongUse(format!("The cursor {} cannot be written: {error}", path.display())))
    }

    /// Removes the file, at the end of the check.
    ///
    /// # Errors
    /// [`Failure::WrongUse`] when it cannot be removed.
    pub fn remove(&self) -> Result<(), Failure> {
        let Some(path) = &self.0 else { return Ok(()) };
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(Failure::WrongUse(format!("The cursor {} cannot be removed: {error}", path.display())))
            }
            _ => Ok(()),
        }
    }
}

fn beside(path: &Path) -> PathBuf {
    path.with_file_name(format!("{}.new", path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_one_that_is_none_is_refused() {
        let folder = std::env::temp_dir().join(format!("admin-cursor-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&folder).unwrap();
        let file = CursorFile::new(Some(folder.join("cursor.json")));
        let mut cursor = file.read("pools").unwrap();
        assert_eq!((cursor.phase, &cursor.after), (Phase::Pools, &None));
        cursor.begin(Phase::Files);
        (cursor.shard, cursor.after, cursor.counts.ranges) = (7, Some("x".to_owned()), 9);
        file.save(&cursor).unwrap();
        assert_eq!(file.read("pools").unwrap(), cursor);
        assert!(file.read("others").unwrap_err().to_string().contains("another deployment"));
        for text in ["", "{}", "{\"phase\":\"x\"}", "[1]"] {
            fs::write(folder.join("cursor.json"), text).unwrap();
            assert!(matches!(file.read("pools"), Err(Failure::WrongUse(_))), "{text}");
        }
        file.remove().unwrap();
        file.remove().unwrap();
        assert_eq!(file.read("pools").unwrap().phase, Phase::Pools);
        fs::remove_dir_all(folder).unwrap();
    }
}
