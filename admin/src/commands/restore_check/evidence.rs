//! What tells how far the pools were used before the tables were restored.
//!
//! A restored table Pools has counters that are older than the codes that were issued after its time. Three sources
//! tell how far the pools were used: the damaged table, if it still exists; rows of Reservations with ranges beyond the
//! counters; and objects of the bucket that were written later, also those that were deleted since. An object says
//! which codes it holds. One of an older version of the service does not, but its first code leads to its index.
//!
//! An export that was running, or that ended as `error`, has no object, and no trace outside the tables. `--spare` is
//! for these.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use common::{
    bucket::{Bucket, BucketError, Version},
    code::{CharacterSet, Namespace, PoolSpec},
    config::{Config, MAX_SHARDS},
    context::Context,
    operations::indexes_in,
    query::CodeLookup,
    reservation::{ExportKey, Origin, Reservation},
    store::{Entries, Kind as DirectoryKind, Pool, Store, StoreError},
};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use uuid::Uuid;

use super::MARGIN;
use crate::{
    check::{Readable, readable},
    evidence::{ENOUGH, first_codes},
    failure::Failure,
    progress::Progress,
};

/// Rows of one read.
const ROWS: usize = 100;

/// Objects that are read at once.
const AT_ONCE: usize = 8;

/// Restored pools that are kept in memory. Most evidence agrees with the restored pool.
const MAX_RESTORED: usize = 100_000;

/// Where evidence was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Source {
    OldTable,
    Reservation,
    Object,
    /// The operator gives up indexes that may have been used.
    Spare,
}

/// How far a pool may have been used.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Used {
    pub(super) namespace: Namespace,
    /// The next index of the restored pool; null if there is no such pool.
    pub(super) next: Option<u64>,
    /// The index after the last one that may have been issued.
    pub(super) used: u64,
    /// What tells it.
    pub(super) sources: BTreeSet<Source>,
    #[serde(skip)]
    pub(super) specification: PoolSpec,
    #[serde(skip)]
    pub(super) number: Option<u64>,
}

/// What may belong to a pool that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Object,
    Upload,
    Reservation,
    Pool,
    Request,
}

impl Kind {
    /// The name, as in the report for scripts.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Upload => "upload",
            Self::Reservation => "reservation",
            Self::Pool => "pool",
            Self::Request => "request",
        }
    }
}

/// Something of which nobody knows to which pool and indexes it belongs.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Unclear {
    pub(super) kind: Kind,
    pub(super) key: String,
    /// The id of an open upload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) upload: Option<String>,
    pub(super) reason: String,
}

/// How many versions of objects there are.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Objects {
    /// Those that were written after the time of the restore, or shortly before.
    pub(super) looked: u64,
    /// Those of them that were written after it.
    pub(super) later: u64,
    /// Those that are older, which were not looked at.
    pub(super) skipped: u64,
}

/// All evidence.
pub(super) struct Found {
    pub(super) pools: Vec<Used>,
    pub(super) unclear: Vec<Unclear>,
    pub(super) objects: Objects,
}

/// What is known so far, one entry for each pool that was used further than it says.
pub(super) struct Evidence<'a> {
    context: &'a Context,
    /// The time of the restore.
    at: DateTime<Utc>,
    /// Company prefixes of organisations: they tell where the prefix of an SSCC ends.
    prefixes: BTreeSet<String>,
    /// Restored pools that were looked up; `None` for those that do not exist.
    restored: BTreeMap<Namespace, Option<Pool>>,
    used: BTreeMap<Namespace, Used>,
    unclear: Vec<Unclear>,
    objects: Objects,
}

/// What a version of an object tells.
enum Told {
    /// It does not exist any more.
    Nothing,
    /// Which codes it holds, and how many.
    Origin(Origin, u64),
    /// Its first codes, and how many it holds.
    Codes(Vec<CodeLookup>, Option<u64>),
    /// Why it cannot be read.
    Unreadable(String),
}

impl<'a> Evidence<'a> {
    /// No evidence yet.
    ///
    /// # Errors
    /// [`Failure`] when the Directory cannot be read.
    pub(super) async fn new(context: &'a Context, at: DateTime<Utc>) -> Result<Self, Failure> {
        const PREFIX: &str = "organisation_company_prefix";
        let rows =
            context.store().directory_rows(DirectoryKind::Organisation, |row| row.member(PREFIX).is_some()).await?;
        let prefixes = rows.iter().filter_map(|row| row.member(PREFIX)?.as_str().map(str::to_owned)).collect();
        Ok(Self {
            context,
            at,
            prefixes,
            restored: BTreeMap::new(),
            used: BTreeMap::new(),
            unclear: Vec::new(),
            objects: Objects::default(),
        })
    }

    async fn restored(&mut self, namespace: &Namespace) -> Result<Option<Pool>, Failure> {
        if let Some(known) = self.restored.get(namespace) {
            return Ok(known.clone());
        }
        let pool = match self.context.store().pool(namespace).await {
            Ok(pool) => pool,
            // It is moved like one that is missing, which fails and is reported: nothing may be allocated in it.
            Err(StoreError::Corrupt { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        if self.restored.len() >= MAX_RESTORED {
            self.restored.clear();
        }
        self.restored.insert(namespace.clone(), pool.clone());
        Ok(pool)
    }

    /// Notes that a pool was used up to an index.
    async fn note(&mut self, found: PoolSpec, number: Option<u64>, end: u64, source: Source) -> Result<(), Failure> {
        let namespace = found.namespace.clone();
        let next = self.restored(&namespace).await?.map(|pool| pool.next);
        if next.is_some_and(|next| next >= end) {
            return Ok(());
        }
        let used = self.entry(found, next);
        used.used = used.used.max(end);
        used.number = used.number.or(number);
        used.sources.insert(source);
        Ok(())
    }

    fn entry(&mut self, specification: PoolSpec, next: Option<u64>) -> &mut Used {
        let namespace = specification.namespace.clone();
        self.used.entry(namespace.clone()).or_insert_with(|| Used {
            namespace,
            next,
            used: next.unwrap_or(0),
            sources: BTreeSet::new(),
            specification,
            number: None,
        })
    }

    fn leave(&mut self, kind: Kind, key: impl Into<String>, reason: impl Into<String>) {
        self.unclear.push(Unclear { kind, key: key.into(), upload: None, reason: reason.into() });
    }

    /// The damaged table: its counters are exact.
    ///
    /// # Errors
    /// [`Failure`] when the table cannot be read.
    pub(super) async fn read_old_table(&mut self, table: &str) -> Result<(), Failure> {
        let mut config: Config = self.context.config().clone();
        table.clone_into(&mut config.tables.pools);
        let store = Store::new(self.context.dynamodb(), &config, self.context.host());
        for (spec, pool) in self.pools_of(store, "pools of the old table").await? {
            self.note(spec, Some(pool.number), pool.next, Source::OldTable).await?;
        }
        Ok(())
    }

    /// All pools of a table. Those that cannot be used are left as unclear.
    async fn pools_of(&mut self, store: Store<'_>, what: &'static str) -> Result<Vec<(PoolSpec, Pool)>, Failure> {
        let progress = Progress::new(what, None);
        let (mut all, mut place) = (Vec::new(), None);
        loop {
            let (page, next) = store.pools_page(place).await?;
            progress.add(page.len() as u64);
            for pool in page {
                match pool {
                    Ok(pool) => match PoolSpec::from_pool(pool.namespace.clone(), pool.character_set) {
                        Ok(spec) => all.push((spec, pool)),
                        Err(error) => self.leave(Kind::Pool, pool.namespace.to_string(), error.to_string()),
                    },
                    Err(StoreError::Corrupt { key, reason, .. }) => self.leave(Kind::Pool, key, reason),
                    Err(error) => return Err(error.into()),
                }
            }
            place = next;
            if place.is_none() {
                return Ok(all);
            }
        }
    }

    /// Rows whose ranges lie beyond the counters, if Reservations is newer than Pools.
    ///
    /// # Errors
    /// [`Failure`] when DynamoDB does not answer.
    pub(super) async fn read_reservations(&mut self) -> Result<(), Failure> {
        let progress = Progress::new("reservations", None);
        let store = self.context.store();
        for shard in 0..MAX_SHARDS {
            let mut entries = Entries::of_shard(shard, None);
            loop {
                let ids = entries.next(store, ROWS).await?;
                if ids.is_empty() {
                    break;
                }
                let Readable { rows, unreadable } = readable(self.context, &ids).await?;
                for item in rows {
                    self.note_range(&item).await?;
                }
                for (id, reason) in unreadable {
                    self.leave(Kind::Reservation, id.to_string(), format!("cannot be read: {reason}"));
                }
                progress.add(ids.len() as u64);
            }
        }
        Ok(())
    }

    async fn note_range(&mut self, item: &Reservation) -> Result<(), Failure> {
        let Some(range) = &item.range else { return Ok(()) };
        match PoolSpec::from_pool(range.namespace.clone(), range.character_set) {
            Ok(spec) => self.note(spec, Some(range.pool_number), range.end(), Source::Reservation).await,
            Err(error) => {
                self.leave(Kind::Reservation, item.id.to_string(), format!("has a range that cannot be used: {error}"));
                Ok(())
            }
        }
    }

    /// Whether something was written after the time of the restore, or shortly before.
    fn is_late(&self, written: Option<i64>) -> bool {
        written.is_none_or(|written| written >= (self.at - MARGIN).timestamp())
    }

    /// The incarnations with a range among the reservations of keys.
    async fn with_range(&self, keys: impl Iterator<Item = &ExportKey>) -> Result<BTreeSet<Uuid>, Failure> {
        let ids: Vec<Uuid> = keys.map(|key| key.reservation).collect::<BTreeSet<_>>().into_iter().collect();
        let mut found = BTreeSet::new();
        for ids in ids.chunks(ROWS) {
            let rows = readable(self.context, ids).await?.rows;
            found.extend(rows.iter().filter(|item| item.range.is_some()).map(|item| item.incarnation));
        }
        Ok(found)
    }

    /// Objects that were written late, of reservations whose ranges are lost, and all late ones that were replaced or
    /// deleted: a reservation may have got another range since.
    ///
    /// # Errors
    /// [`Failure`] when a store does not answer.
    pub(super) async fn read_objects(&mut self) -> Result<(), Failure> {
        let progress = Progress::new("objects", None);
        let bucket = self.context.bucket();
        let mut place = None;
        loop {
            let (page, next) = bucket.versions_page(ExportKey::PREFIX, place).await?;
            progress.add(page.len() as u64);
            let of_exports = page.iter().filter_map(|version| Some((version, ExportKey::parse(&version.key)?)));
            let (late, older): (Vec<_>, Vec<_>) = of_exports.partition(|(version, _)| self.is_late(version.modified));
            let is_later = |version: &Version| version.modified.is_none_or(|modified| modified >= self.at.timestamp());
            self.objects.later += late.iter().filter(|(version, _)| is_later(version)).count() as u64;
            self.objects.looked += late.len() as u64;
            self.objects.skipped += older.len() as u64;
            let known = self.with_range(late.iter().map(|(_, key)| key)).await?;
            let unknown: Vec<&Version> = late
                .iter()
                .filter(|(version, key)| !version.is_latest || !known.contains(&key.incarnation))
                .map(|(version, _)| *version)
                .collect();
            let told = stream::iter(&unknown).map(|version| told(bucket, version)).buffered(AT_ONCE);
            let told: Vec<Told> = told.try_collect().await?;
            for (version, told) in unknown.into_iter().zip(told) {
                self.note_object(&version.key, told).await?;
            }
            place = next;
            if place.is_none() {
                return Ok(());
            }
        }
    }

    async fn note_object(&mut self, key: &str, told: Told) -> Result<(), Failure> {
        match told {
            Told::Nothing => Ok(()),
            Told::Unreadable(reason) => {
                self.leave(Kind::Object, key, format!("cannot be read: {reason}"));
                Ok(())
            }
            Told::Origin(origin, rows) => {
                let place = origin.place(&self.context.secret().await?.id_key());
                let spec = PoolSpec::from_pool(origin.namespace, origin.character_set);
                match (spec, place) {
                    (Ok(spec), Some((number, index))) if index.saturating_add(rows) <= spec.capacity() => {
                        self.note(spec, Some(number), index.saturating_add(rows), Source::Object).await
                    }
                    _ => {
                        self.leave(Kind::Object, key, "says an origin that this deployment's secret did not write");
                        Ok(())
                    }
                }
            }
            Told::Codes(codes, rows) => self.note_codes(key, &codes, rows).await,
        }
    }

    /// Finds the pool of an object by its first codes.
    async fn note_codes(&mut self, key: &str, codes: &[CodeLookup], rows: Option<u64>) -> Result<(), Failure> {
        let (Some(first), Some(rows)) = (codes.first(), rows) else {
            self.leave(Kind::Object, key, "holds no codes that can be read, or does not say how many");
            return Ok(());
        };
        let mut found = Vec::new();
        for (spec, index) in self.candidates(first).await? {
            let has_next = match codes.get(1) {
                Some(second) => indexes_of(self.context, second, &spec).await?.contains(&index.saturating_add(1)),
                None => true,
            };
            if has_next && index < spec.capacity() {
                found.push((spec, index));
            }
        }
        match found.as_slice() {
            [(spec, index)] => self.note(spec.clone(), None, index.saturating_add(rows), Source::Object).await?,
            [] => self.leave(Kind::Object, key, "has codes of no pool that is known here"),
            // One row alone can be a code of several character sets, with a probability of 1 in 10,000 for each.
            _ => self.leave(Kind::Object, key, "has one code that several pools could have"),
        }
        Ok(())
    }

    /// The pools that a code may belong to, each with its index there. A pool that exists knows its characters; for one
    /// that is lost, every set is tried.
    async fn candidates(&mut self, code: &CodeLookup) -> Result<Vec<(PoolSpec, u64)>, Failure> {
        let mut found = Vec::new();
        for candidate in code.candidates() {
            let namespace = candidate.namespace;
            let known = self.restored(&namespace).await?.map(|pool| pool.character_set);
            let known = known.or_else(|| self.used.get(&namespace).map(|used| used.specification.character_set));
            let is_ours = known.is_some() || namespace.company_prefix().is_none_or(|one| self.prefixes.contains(one));
            if !is_ours {
                continue;
            }
            let sets = known.map_or_else(|| CharacterSet::ALL.to_vec(), |set| vec![set]);
            for spec in sets.into_iter().filter_map(|set| PoolSpec::from_pool(namespace.clone(), set).ok()) {
                let indexes = indexes_of(self.context, code, &spec).await?;
                found.extend(indexes.into_iter().map(|index| (spec.clone(), index)));
            }
        }
        Ok(found)
    }

    /// Open uploads that were begun late, of reservations whose ranges are lost. S3 does not give the metadata of an
    /// upload before it is completed.
    ///
    /// # Errors
    /// [`Failure`] when a store does not answer.
    pub(super) async fn read_uploads(&mut self) -> Result<(), Failure> {
        let uploads = self.context.bucket().open_uploads(ExportKey::PREFIX).await?;
        let late = uploads.into_iter().filter(|upload| self.is_late(upload.initiated));
        let late: Vec<_> = late.filter_map(|upload| Some((ExportKey::parse(&upload.key)?, upload))).collect();
        let known = self.with_range(late.iter().map(|(key, _)| key)).await?;
        for (key, upload) in late.into_iter().filter(|(key, _)| !known.contains(&key.incarnation)) {
            self.unclear.push(Unclear {
                kind: Kind::Upload,
                key: key.to_string(),
                upload: Some(upload.id),
                reason: "is open, and says nothing of its codes before it is completed".to_owned(),
            });
        }
        Ok(())
    }

    /// Gives up so many more indexes in every pool: in those of the restored table and in those that evidence names.
    ///
    /// # Errors
    /// [`Failure`] when DynamoDB does not answer.
    pub(super) async fn spare(&mut self, indexes: u64) -> Result<(), Failure> {
        for (spec, pool) in self.pools_of(self.context.store(), "pools").await? {
            self.entry(spec, Some(pool.next));
        }
        for used in self.used.values_mut() {
            used.used = used.used.saturating_add(indexes).min(used.specification.capacity());
            used.sources.insert(Source::Spare);
        }
        // A pool that is used up has nothing to give.
        self.used.retain(|_, used| used.next.is_none_or(|next| next < used.used));
        Ok(())
    }

    /// The pools that were used further than they say, and what is unclear.
    pub(super) fn finish(self) -> Found {
        Found { pools: self.used.into_values().collect(), unclear: self.unclear, objects: self.objects }
    }
}

/// What a version of an object tells.
async fn told(bucket: Bucket<'_>, version: &Version) -> Result<Told, Failure> {
    let Version { key, id, .. } = version;
    let stored = match bucket.head_version(key, Some(id)).await {
        Ok(Some(stored)) => stored,
        Ok(None) => return Ok(Told::Nothing),
        Err(error) => return unreadable(error),
    };
    if let Some((origin, rows)) = stored.origin.as_deref().and_then(Origin::parse).zip(stored.rows) {
        return Ok(Told::Origin(origin, rows));
    }
    let extension = key.rsplit('/').next().and_then(|name| name.split_once('.')).map_or("", |(_, rest)| rest);
    match bucket.beginning(key, Some(id), ENOUGH).await {
        Ok(Some(bytes)) => Ok(Told::Codes(first_codes(extension, &bytes), stored.rows)),
        Ok(None) => Ok(Told::Nothing),
        Err(error) => unreadable(error),
    }
}

/// An object that S3 refuses to give is unclear; that S3 does not answer ends the command.
fn unreadable(error: BucketError) -> Result<Told, Failure> {
    match error {
        BucketError::Busy(_) => Err(error.into()),
        error => Ok(Told::Unreadable(error.to_string())),
    }
}

/// The indexes of a code in one pool: none, or one.
async fn indexes_of(context: &Context, code: &CodeLookup, spec: &PoolSpec) -> Result<Vec<u64>, Failure> {
    let of = |namespace: &Namespace| Some(spec.clone()).filter(|spec| spec.namespace == *namespace);
    Ok(indexes_in(context.secret().await?, code, of)?.into_iter().map(|(_, index)| index).collect())
}
