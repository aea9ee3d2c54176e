//! The buckets: the layout of their files, and the in-memory index of objects and uploads.
//!
//! On disk, per bucket:
//!
//! ```text
//! objects/<SHA-256 of the key>.json     description of an object
//! data/<id>/<file>                      bytes of an object, or of an upload's parts
//! data/<id>/upload.json                 present while <id> is an open upload
//! data/<id>/<part number>.json          description of a part
//! ```
//!
//! Keys never become paths, so no key can escape its bucket, and every key that S3 allows can be stored.

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use s3s::{S3Result, s3_error};
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use super::{
    description::{self, Object, Part, Upload},
    durability::Durability,
};

pub(super) const UPLOAD_MARK: &str = "upload.json";

/// All buckets.
#[derive(Debug)]
pub(super) struct Store {
    root: PathBuf,
    durability: Durability,
    /// Minimum size of every part but the last, in bytes.
    pub(super) min_part: u64,
    buckets: Mutex<HashMap<String, Arc<Bucket>>>,
}

/// One bucket.
#[derive(Debug)]
pub(super) struct Bucket {
    root: PathBuf,
    pub(super) durability: Durability,
    index: Mutex<Index>,
    /// One lock per group of keys, so that a condition and the write that depends on it are atomic.
    writers: Vec<Arc<AsyncMutex<()>>>,
}

/// The objects and open uploads of a bucket.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) objects: BTreeMap<String, Arc<Stored>>,
    pub(super) uploads: BTreeMap<(String, String), Open>,
}

/// An open upload.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) upload: Upload,
    pub(super) parts: BTreeMap<i32, Part>,
    pub(super) folder: Arc<Folder>,
}

/// An object with its data files.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) object: Object,
    pub(super) folder: Arc<Folder>,
}

/// A folder of data files. A discarded folder is removed when its last user drops it, so a running download can finish.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    unwanted: AtomicBool,
}

impl Folder {
    pub(super) fn new(path: PathBuf) -> Arc<Self> {
        Arc::new(Self { path, unwanted: AtomicBool::new(false) })
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn discard(&self) {
        self.unwanted.store(true, Ordering::Release);
    }

    pub(super) fn keep(&self) {
        self.unwanted.store(false, Ordering::Release);
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.unwanted.load(Ordering::Acquire)
            && let Err(error) = fs::remove_dir_all(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, path = %self.path.display(), "a folder of the embedded S3 could not be removed");
        }
    }
}

impl Store {
    /// Opens the existing buckets under `root`.
    pub(super) fn open(root: &Path, durability: Durability, min_part: u64) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        let mut buckets = HashMap::new();
        for entry in fs::read_dir(root)? {
            let entry = entry?;
            // Unknown files and folders are left alone.
            if let Ok(name) = entry.file_name().into_string()
                && entry.path().join("objects").is_dir()
            {
                buckets.insert(name, Arc::new(Bucket::open(&entry.path(), durability.clone())?));
            }
        }
        Ok(Self { root: root.to_owned(), durability, min_part, buckets: Mutex::new(buckets) })
    }

    /// Creates a bucket; `false` if it exists.
    pub(super) fn make_bucket(&self, name: &str) -> io::Result<bool> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.contains_key(name) {
            return Ok(false);
        }
        let bucket = Bucket::open(&self.root.join(name), self.durability.clone())?;
        buckets.insert(name.to_owned(), Arc::new(bucket));
        Ok(true)
    }

    pub(super) fn bucket(&self, name: &str) -> S3Result<Arc<Bucket>> {
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.get(name).cloned().ok_or_else(|| s3_error!(NoSuchBucket))
    }
}

impl Bucket {
    fn open(root: &Path, durability: Durability) -> io::Result<Self> {
        fs::create_dir_all(root.join("objects"))?;
        fs::create_dir_all(root.join("data"))?;
        let bucket = Self {
            root: root.to_owned(),
            durability,
            index: Mutex::default(),
            writers: (0..64).map(|_| Arc::default()).collect(),
        };
        bucket.load()?;
        Ok(bucket)
    }

    /// Reads the index from disk, and removes what a killed process left unfinished.
    fn load(&self) -> io::Result<()> {
        let mut index = self.index();
        let mut referenced: HashMap<String, Arc<Folder>> = HashMap::new();
        for entry in fs::read_dir(self.root.join("objects"))? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                if path.extension().is_some_and(|extension| extension == "tmp") {
                    fs::remove_file(&path)?;
                }
                continue;
            }
            let object: Object = description::read(&path)?;
            let folder = Folder::new(self.data(&object.data));
            referenced.insert(object.data.clone(), Arc::clone(&folder));
            index.objects.insert(object.key.clone(), Arc::new(Stored { object, folder }));
        }
        for entry in fs::read_dir(self.root.join("data"))? {
            let entry = entry?;
            let Ok(id) = entry.file_name().into_string() else { continue };
            let mark = entry.path().join(UPLOAD_MARK);
            if referenced.contains_key(&id) {
                // The upload was completed just before the process ended.
                if mark.exists() {
                    fs::remove_file(&mark)?;
                }
            } else if mark.exists() {
                let upload: Upload = description::read(&mark)?;
                let folder = Folder::new(entry.path());
                let parts = load_parts(&entry.path())?;
                index.uploads.insert((upload.key.clone(), id), Open { upload, parts, folder });
            } else if uuid::Uuid::parse_str(&id).is_ok() {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no other write of this key is running.
    pub(super) async fn write_lock(&self, key: &str) -> OwnedMutexGuard<()> {
        let slot = usize::from(hash(key).first().copied().unwrap_or_default()) % self.writers.len();
        let writer = self.writers.get(slot).map(Arc::clone).unwrap_or_default();
        writer.lock_owned().await
    }

    pub(super) fn data(&self, id: &str) -> PathBuf {
        self.root.join("data").join(id)
    }

    /// Makes the names of new folders of data durable.
    pub(super) fn flush_data_folder(&self) -> io::Result<()> {
        self.durability.folder(&self.root.join("data"))
    }

    pub(super) fn description(&self, key: &str) -> PathBuf {
        self.root.join("objects").join(hex::encode(hash(key)) + ".json")
    }

    pub(super) fn object(&self, key: &str) -> Option<Arc<Stored>> {
        self.index().objects.get(key).cloned()
    }

    /// Publishes an object in place of an older one. The caller holds the key's write lock.
    pub(super) fn publish(&self, object: Object, folder: Arc<Folder>) -> io::Result<()> {
        description::write(&self.description(&object.key), &object, &self.durability)?;
        let key = object.key.clone();
        let before = self.index().objects.insert(key, Arc::new(Stored { object, folder: Arc::clone(&folder) }));
        if let Some(before) = before.filter(|before| !Arc::ptr_eq(&before.folder, &folder)) {
            before.folder.discard();
        }
        Ok(())
    }

    /// Removes an object; does nothing if it does not exist. The caller holds the key's write lock.
    pub(super) fn remove(&self, key: &str) -> io::Result<()> {
        let Some(stored) = self.object(key) else { return Ok(()) };
        fs::remove_file(self.description(key))?;
        self.index().objects.remove(key);
        stored.folder.discard();
        Ok(())
    }
}

fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

fn load_parts(folder: &Path) -> io::Result<BTreeMap<i32, Part>> {
    let mut parts: BTreeMap<i32, Part> = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let number = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
        if let (Some(number), Some("json")) = (number, path.extension().and_then(|extension| extension.to_str())) {
            let part: Part = description::read(&path)?;
            // A description without its bytes: the machine lost power before the bytes were flushed to disk.
            if fs::metadata(folder.join(&part.file)).is_ok_and(|metadata| metadata.len() == part.size) {
                parts.insert(number, part);
            }
        }
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_known = name == UPLOAD_MARK || name.ends_with(".json") || parts.values().any(|part| part.file == name);
        if !is_known {
            fs::remove_file(path)?;
        }
    }
    Ok(parts)
}
