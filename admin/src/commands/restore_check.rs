//! `admin restore-check`: after a restore, how far each pool may have been used, and the burned ranges that move it
//! past that.
//!
//! A restored table Pools has counters that are older than the codes that were issued after its time. Three sources
//! tell how far the pools were used: the damaged table, if it still exists; rows of Reservations with ranges beyond the
//! counters; and objects of the bucket that were written later, whose first code leads to its index.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use common::{
    bucket::Listed,
    code::{CharacterSet, Namespace, PoolSpec, grouped, pool_number},
    config::{Config, MAX_SHARDS},
    context::Context,
    operations::indexes_in,
    query::CodeLookup,
    reservation::{ExportKey, Reservation},
    store::{Pool, PoolEntry, Store},
};
use serde::Serialize;
use uuid::Uuid;

use super::pool::{Advanced, burn, fresh, random};
use crate::{
    connection::Connection,
    evidence::{ENOUGH, first_codes},
    failure::Failure,
    output::{Output, confirm, table},
    progress::Progress,
};

/// Objects that were written so long before the time of the restore are looked at too: clocks differ, and a backup is
/// of a moment around its time.
const MARGIN: TimeDelta = TimeDelta::minutes(15);

/// Rows of one read.
const ROWS: usize = 100;

/// What to check.
#[derive(Args, Debug)]
pub struct Command {
    /// The time to which the tables were restored (RFC 3339), for example 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: DateTime<Utc>,
    /// The damaged table of pools, if it still exists
    #[arg(long, value_name = "TABLE")]
    old_pools: Option<String>,
    /// Indexes to give up in each of these pools beyond what is known: codes whose reservations and files were deleted
    /// leave no trace
    #[arg(long, value_name = "N", default_value_t = 0)]
    spare: u64,
    /// Only show how far the pools may have been used
    #[arg(long, conflicts_with = "yes")]
    list: bool,
    /// Write the burned ranges without being asked
    #[arg(long)]
    yes: bool,
}

fn time(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()).map_err(|error| error.to_string())
}

/// Where evidence was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Source {
    OldTable,
    Reservation,
    Object,
}

/// How far a pool may have been used.
#[derive(Clone, Debug, Serialize)]
struct Used {
    namespace: Namespace,
    /// The next index of the restored pool; null if there is no such pool.
    next: Option<u64>,
    /// The index after the last one that may have been issued.
    used: u64,
    /// What tells it.
    sources: BTreeSet<Source>,
    #[serde(skip)]
    specification: PoolSpec,
    #[serde(skip)]
    number: Option<u64>,
}

/// The report.
#[derive(Debug, Serialize)]
struct Report {
    /// Pools that were used further than they say.
    pools: Vec<Used>,
    /// Objects of which nobody knows to which pool their codes belong.
    unclear: Vec<Unclear>,
    /// The burned ranges that were written.
    written: Vec<Advanced>,
}

#[derive(Clone, Debug, Serialize)]
struct Unclear {
    key: String,
    reason: String,
}

/// Runs the check.
///
/// # Errors
/// [`Failure::Refused`] when objects stay unclear, or the ranges are not to be written; otherwise [`Failure`] with the
/// reason and the exit code.
pub async fn run(command: Command, connection: &Connection, output: &mut Output<'_>) -> Result<(), Failure> {
    let context = connection.context();
    let mut evidence = Evidence::new(context).await?;
    if let Some(table) = &command.old_pools {
        evidence.read_old_table(table).await?;
    }
    evidence.read_reservations().await?;
    evidence.read_objects(command.at - MARGIN).await?;
    let (mut pools, unclear) = evidence.finish();
    for pool in &mut pools {
        pool.used = pool.used.saturating_add(command.spare).min(pool.specification.capacity());
    }
    let mut report = Report { pools, unclear, written: Vec::new() };
    let is_writing = !command.list && !report.pools.is_empty();
    if is_writing {
        if !output.is_json() {
            output.line(&report, shown)?;
        }
        let codes: u64 = report.pools.iter().map(|pool| pool.used - pool.next.unwrap_or(0).min(pool.used)).sum();
        let question =
            format!("Move {} pools past these indexes? {} codes are given up.", report.pools.len(), grouped(codes));
        confirm(output, &question, command.yes)?;
        let author = connection.author().await?;
        for pool in report.pools.clone() {
            report.written.push(burn(context, &author, entry(context, &pool).await?, pool.used).await?);
        }
    }
    output.show(&report, |report| {
        if report.written.is_empty() {
            return shown(report);
        }
        let lines = report.written.iter().map(|one| format!("{} goes on at {}", one.namespace, grouped(one.to)));
        lines.collect::<Vec<_>>().join("\n")
    })?;
    match report.unclear.len() {
        0 => Ok(()),
        number => Err(Failure::Refused(format!(
            "{number} objects could not be assigned to a pool. Find their pools, and move each with `admin pool advance`."
        ))),
    }
}

fn shown(report: &Report) -> String {
    let source = |source: &Source| match source {
        Source::OldTable => "old table",
        Source::Reservation => "reservations",
        Source::Object => "files",
    };
    let row = |pool: &Used| {
        [
            pool.namespace.to_string(),
            pool.next.map_or_else(|| "(missing)".to_owned(), grouped),
            grouped(pool.used),
            pool.sources.iter().map(source).collect::<Vec<_>>().join(", "),
        ]
    };
    let rows = report.pools.iter().map(row).collect();
    let empty = "No pool was used further than it says.";
    let mut text = table(["pool", "next", "may be used up to", "known from"], rows, empty);
    for unclear in &report.unclear {
        text += &format!("\nunclear: {} {}", unclear.key, unclear.reason);
    }
    text
}

/// The pool to move: the restored one, or one that is made again with its number, if that is known.
async fn entry(context: &Context, pool: &Used) -> Result<PoolEntry, Failure> {
    if let Some(known) = context.store().pool(&pool.namespace).await? {
        return Ok(PoolEntry::Known(known));
    }
    let number = pool.number.unwrap_or_else(|| pool_number(random()));
    Ok(PoolEntry::Fresh(fresh(context, &pool.specification, number).await?))
}

/// What is known so far, one entry for each pool that was used further than it says.
struct Evidence<'a> {
    context: &'a Context,
    /// Company prefixes of organisations: they tell where the prefix of an SSCC ends.
    prefixes: BTreeSet<String>,
    /// Restored pools that were looked up; `None` for those that do not exist.
    restored: BTreeMap<Namespace, Option<Pool>>,
    used: BTreeMap<Namespace, Used>,
    unclear: Vec<Unclear>,
}

impl<'a> Evidence<'a> {
    async fn new(context: &'a Context) -> Result<Self, Failure> {
        let organisations = context.store().all_organisations().await?;
        let prefixes = organisations.into_iter().filter_map(|one| one.organisation_company_prefix).collect();
        let (restored, used) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { context, prefixes, restored, used, unclear: Vec::new() })
    }

    async fn restored(&mut self, namespace: &Namespace) -> Result<Option<Pool>, Failure> {
        if let Some(known) = self.restored.get(namespace) {
            return Ok(known.clone());
        }
        let pool = self.context.store().pool(namespace).await?;
        // Most evidence agrees with the restored pool, so only a part is kept.
        if self.restored.len() >= 100_000 {
            self.restored.clear();
        }
        self.restored.insert(namespace.clone(), pool.clone());
        Ok(pool)
    }

    /// Notes that a pool was used up to an index.
    async fn note(&mut self, found: PoolSpec, number: Option<u64>, end: u64, source: Source) -> Result<(), Failure> {
        let namespace = found.namespace.clone();
        let next = self.restored(&namespace).await?.map(|pool| pool.next);
        if next.unwrap_or(0) >= end && next.is_some() {
            return Ok(());
        }
        let used = self.used.entry(namespace.clone()).or_insert_with(|| Used {
            namespace,
            next,
            used: 0,
            sources: BTreeSet::new(),
            specification: found,
            number: None,
        });
        used.used = used.used.max(end);
        used.number = used.number.or(number);
        used.sources.insert(source);
        Ok(())
    }

    /// The damaged table: its counters are exact.
    async fn read_old_table(&mut self, table: &str) -> Result<(), Failure> {
        let mut config: Config = self.context.config().clone();
        table.clone_into(&mut config.tables.pools);
        let store = Store::new(self.context.dynamodb(), &config, self.context.host());
        let progress = Progress::new("pools of the old table", None);
        let mut after = None;
        loop {
            let namespaces = store.pool_namespaces("", after.as_ref(), ROWS).await?;
            let Some(last) = namespaces.last().cloned() else { return Ok(()) };
            after = Some(last);
            for pool in store.pools(&namespaces).await? {
                let spec = specification(&pool)?;
                self.note(spec, Some(pool.number), pool.next, Source::OldTable).await?;
            }
            progress.add(namespaces.len() as u64);
        }
    }

    /// Rows whose ranges lie beyond the counters, if Reservations is newer than Pools.
    async fn read_reservations(&mut self) -> Result<(), Failure> {
        let progress = Progress::new("reservations", None);
        let store = self.context.store();
        for shard in 0..MAX_SHARDS {
            let mut entries = store.entries_of_shard(shard, None);
            loop {
                let ids = entries.next(store, ROWS).await?;
                if ids.is_empty() {
                    break;
                }
                for item in store.reservations(&ids).await? {
                    self.note_range(&item).await?;
                }
                progress.add(ids.len() as u64);
            }
        }
        Ok(())
    }

    async fn note_range(&mut self, item: &Reservation) -> Result<(), Failure> {
        let Some(range) = &item.range else { return Ok(()) };
        let spec = PoolSpec::from_pool(range.namespace.clone(), range.character_set)
            .map_err(|error| Failure::Refused(format!("reservation {}: {error}", item.id)))?;
        self.note(spec, Some(range.pool_number), range.end(), Source::Reservation).await
    }

    /// Objects that were written after `since`, of reservations whose ranges are lost.
    async fn read_objects(&mut self, since: DateTime<Utc>) -> Result<(), Failure> {
        let progress = Progress::new("objects", None);
        let bucket = self.context.bucket();
        let mut token = None;
        loop {
            let (page, next) = bucket.objects_page(ExportKey::PREFIX, None, token).await?;
            progress.add(page.len() as u64);
            let is_late = |object: &Listed| object.modified.is_none_or(|modified| modified >= since.timestamp());
            let keys: Vec<ExportKey> = page
                .iter()
                .filter(|object| is_late(object))
                .filter_map(|object| ExportKey::parse(&object.key))
                .collect();
            let ids: Vec<Uuid> = keys.iter().map(|key| key.reservation).collect::<BTreeSet<_>>().into_iter().collect();
            let rows = if ids.is_empty() { Vec::new() } else { self.context.store().reservations(&ids).await? };
            let has_range: BTreeSet<Uuid> =
                rows.iter().filter(|item| item.range.is_some()).map(|item| item.incarnation).collect();
            for key in keys.iter().filter(|key| !has_range.contains(&key.incarnation)) {
                self.read_object(&key.to_string()).await?;
            }
            token = next;
            if token.is_none() {
                return Ok(());
            }
        }
    }

    /// Reads the first codes of an object and its number of rows.
    async fn read_object(&mut self, key: &str) -> Result<(), Failure> {
        let Some((bytes, rows)) = self.context.bucket().beginning(key, ENOUGH).await? else { return Ok(()) };
        let extension = key.rsplit('/').next().and_then(|name| name.split_once('.')).map_or("", |(_, rest)| rest);
        let codes = first_codes(extension, &bytes);
        let (Some(first), Some(rows)) = (codes.first(), rows) else {
            self.leave(key, "holds no codes that can be read, or does not say how many");
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
            [] => self.leave(key, "has codes of no pool that is known here"),
            // One row alone can be a code of several character sets, with a probability of 1 in 10,000 for each.
            _ => self.leave(key, "has one code that several pools could have"),
        }
        Ok(())
    }

    fn leave(&mut self, key: &str, reason: &str) {
        self.unclear.push(Unclear { key: key.to_owned(), reason: reason.to_owned() });
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

    /// The pools that were used further than they say, as they are now.
    fn finish(self) -> (Vec<Used>, Vec<Unclear>) {
        (self.used.into_values().collect(), self.unclear)
    }
}

fn specification(pool: &Pool) -> Result<PoolSpec, Failure> {
    PoolSpec::from_pool(pool.namespace.clone(), pool.character_set)
        .map_err(|error| Failure::Refused(format!("the pool {} cannot be used: {error}", pool.namespace)))
}

/// The indexes of a code in one pool: none, or one.
async fn indexes_of(context: &Context, code: &CodeLookup, spec: &PoolSpec) -> Result<Vec<u64>, Failure> {
    let of = |namespace: &Namespace| Some(spec.clone()).filter(|spec| spec.namespace == *namespace);
    Ok(indexes_in(context.secret().await?, code, of)?.into_iter().map(|(_, index)| index).collect())
}
