//! The data directory: a lock for one process at a time, the secret of the codes, and the location of each store's
//! files.
//!
//! Unknown files in the directory are left alone. With `--memory` it is a temporary directory, removed at the end.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{access_key::AccessKey, random::random_text};

/// Length of the secret that keys the codes, in characters.
const SECRET_LENGTH: usize = 64;

/// A data directory that only this process uses.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// Kept open: the operating system releases the lock when the process ends, however it ends.
    _lock: File,
    temporary: Option<TempDir>,
}

/// Why the data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another process holds the lock.
    #[error(
        "the data directory {0} is in use by another process; stop that one, or choose another with --data-dir or --memory"
    )]
    InUse(PathBuf),
    /// There is no data directory.
    #[error("there is no data directory {0}; `cargo run` creates one")]
    Missing(PathBuf),
    /// A file in it cannot be read or written.
    #[error("the data directory cannot be used: {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file with the stores' access key was changed by hand.
    #[error("{0} does not hold the access key that was made on first start; remove the file, and a new key is made")]
    AccessKey(PathBuf),
    /// The file with the secret was changed by hand.
    #[error(
        "{0} does not hold the secret that was made on first start ({SECRET_LENGTH} characters); codes made with another secret could repeat those already issued"
    )]
    Secret(PathBuf),
}

impl DataDir {
    /// Opens the directory, or creates it, and locks it.
    ///
    /// # Errors
    /// [`DataDirError::InUse`] when another process holds it; [`DataDirError::Io`] when it cannot be created or locked.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| DataDirError::Io { path, source }
        };
        create_private(path).map_err(at(path))?;
        let lock_path = path.join("lock");
        let lock =
            OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path).map_err(at(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock, temporary: None }),
            Err(TryLockError::WouldBlock) => Err(DataDirError::InUse(path.to_owned())),
            Err(TryLockError::Error(source)) => Err(DataDirError::Io { path: lock_path, source }),
        }
    }

    /// Locks a directory that exists and holds tables.
    ///
    /// # Errors
    /// [`DataDirError::Missing`] when there is none at the path; otherwise as [`DataDir::open`].
    pub fn open_existing(path: &Path) -> Result<Self, DataDirError> {
        if path.join(TABLES).is_file() { Self::open(path) } else { Err(DataDirError::Missing(path.to_owned())) }
    }

    /// Creates a temporary directory. It is removed when the value is dropped.
    ///
    /// # Errors
    /// [`DataDirError::Io`] when the system's temporary directory cannot be written.
    pub fn temporary() -> Result<Self, DataDirError> {
        let directory = tempfile::Builder::new()
            .prefix("code-reservation-")
            .tempdir()
            .map_err(|source| DataDirError::Io { path: std::env::temp_dir(), source })?;
        let mut opened = Self::open(directory.path())?;
        opened.temporary = Some(directory);
        Ok(opened)
    }

    /// Whether the directory is removed at the end.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        self.temporary.is_some()
    }

    /// The directory itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The SQLite file of the tables.
    #[must_use]
    pub fn tables(&self) -> PathBuf {
        self.path.join(TABLES)
    }

    /// The directory of the objects.
    #[must_use]
    pub fn objects(&self) -> PathBuf {
        self.path.join("objects")
    }

    /// The file that replaces the queue of failed stream batches: one JSON document per line.
    #[must_use]
    pub fn failures(&self) -> PathBuf {
        self.path.join("failures.jsonl")
    }

    /// The secret that keys the codes. It is created on first start and readable only by its owner.
    ///
    /// # Errors
    /// [`DataDirError::Io`] when the file cannot be read or written; [`DataDirError::Secret`] when it does not hold a
    /// secret.
    pub fn secret(&self) -> Result<String, DataDirError> {
        let secret = self.kept("secret", || random_text(SECRET_LENGTH))?;
        if secret.len() != SECRET_LENGTH || !secret.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(DataDirError::Secret(self.path.join("secret")));
        }
        Ok(secret)
    }

    /// The access key of the stores, for other processes. It is created on first start and readable only by its owner.
    /// It is kept, so that a shell or container that read it keeps working after the stores restart.
    ///
    /// # Errors
    /// [`DataDirError::Io`] when the file cannot be read or written; [`DataDirError::AccessKey`] when it does not hold
    /// a key.
    pub fn access_key(&self) -> Result<AccessKey, DataDirError> {
        let made = || AccessKey::random().to_text();
        let text = self.kept("access-key", made)?;
        AccessKey::from_text(&text).ok_or_else(|| DataDirError::AccessKey(self.path.join("access-key")))
    }

    /// Whether all rows have the keys of all indexes.
    #[must_use]
    pub fn has_index_keys(&self) -> bool {
        self.path.join(INDEX_KEYS).exists()
    }

    /// Notes that all rows have the keys of all indexes.
    ///
    /// # Errors
    /// [`DataDirError::Io`] when the file cannot be written.
    pub fn note_index_keys(&self) -> Result<(), DataDirError> {
        self.write(INDEX_KEYS, "All rows have the keys of all indexes.\n").map(drop)
    }

    /// Whether all pools are in the index over pools and have claimed their company prefixes.
    #[must_use]
    pub fn has_complete_pools(&self) -> bool {
        self.path.join(COMPLETE_POOLS).exists()
    }

    /// Notes that all pools are complete.
    ///
    /// # Errors
    /// [`DataDirError::Io`] when the file cannot be written.
    pub fn note_complete_pools(&self) -> Result<(), DataDirError> {
        self.write(COMPLETE_POOLS, "All pools are in the index over pools.\n").map(drop)
    }

    /// Writes a file that only its owner can read. Replaces an existing one.
    ///
    /// # Errors
    /// [`DataDirError::Io`] when it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf, DataDirError> {
        let path = self.path.join(name);
        write_private(&path, text).map_err(|source| DataDirError::Io { path: path.clone(), source })?;
        Ok(path)
    }

    /// The text of a private file without surrounding whitespace. Creates the file if it does not exist.
    fn kept(&self, name: &str, make: impl FnOnce() -> String) -> Result<String, DataDirError> {
        let path = self.path.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text.trim().to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let text = make();
                self.write(name, &text)?;
                Ok(text)
            }
            Err(source) => Err(DataDirError::Io { path, source }),
        }
    }
}

/// The file of the tables.
const TABLES: &str = "tables.db";

/// The file that exists if all rows have the keys of all indexes. Versions with further indexes need another name.
const INDEX_KEYS: &str = "index-keys-1";

/// The file that exists if all pools are complete. Versions that complete more need another name.
const COMPLETE_POOLS: &str = "complete-pools-1";

/// Creates a directory, with its parents, that only its owner can enter: the tables hold every code and the hashes of all
/// tokens. The permissions of an existing directory stay, because it may serve other purposes too.
fn create_private(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Writes a file that only its owner can read. After a crash the file is either complete or absent.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    // The temporary name contains the whole file name, because `env` and `env.json` are two files.
    let temporary =
        path.with_file_name(format!("{}.new", path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default()));
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_made_once_and_private() {
        let home = tempfile::tempdir().unwrap();
        let first = DataDir::open(home.path()).unwrap().secret().unwrap();
        let again = DataDir::open(home.path()).unwrap().secret().unwrap();
        assert_eq!(first, again);
        assert_eq!(first.len(), 64);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(home.path().join("secret")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_enter_the_directory() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let path = home.path().join("a/b");
        drop(DataDir::open(&path).unwrap());
        assert_eq!(mode(&path), 0o700);
        // A directory that somebody made for another purpose keeps its permissions.
        fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        drop(DataDir::open(&path).unwrap());
        assert_eq!(mode(&path), 0o755);
    }

    #[test]
    fn the_access_key_lasts_and_a_damaged_one_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let key = |home: &Path| DataDir::open(home).unwrap().access_key();
        let first = key(home.path()).unwrap();
        let again = key(home.path()).unwrap();
        assert_eq!((first.id, first.secret), (again.id, again.secret));
        for damaged in ["", "one", "one two three", "id secret\nmore"] {
            fs::write(home.path().join("access-key"), damaged).unwrap();
            assert!(matches!(key(home.path()), Err(DataDirError::AccessKey(_))), "{damaged:?}");
        }
    }

    #[test]
    fn a_damaged_secret_stops_the_start() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("secret"), "short").unwrap();
        assert!(matches!(DataDir::open(home.path()).unwrap().secret(), Err(DataDirError::Secret(_))));
    }

    #[test]
    fn two_processes_do_not_share_a_directory() {
        let home = tempfile::tempdir().unwrap();
        let _first = DataDir::open(home.path()).unwrap();
        let second = DataDir::open(home.path()).unwrap_err();
        assert!(second.to_string().contains("in use by another process"), "{second}");
    }

    #[test]
    fn files_of_others_are_left_alone() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("notes.txt"), "mine").unwrap();
        DataDir::open(home.path()).unwrap().secret().unwrap();
        assert_eq!(fs::read_to_string(home.path().join("notes.txt")).unwrap(), "mine");
    }
}
