//! `admin check`: the invariants of docs/architecture.md over tables and bucket.

use std::path::PathBuf;

use chrono::TimeDelta;
use clap::Args;
use common::{
    bucket::Listed,
    code::grouped,
    config::MAX_SHARDS,
    reservation::{ExportKey, Timestamp},
    store::{Entries, Entry, FileRow},
};
use serde::Serialize;
use uuid::Uuid;

use super::pool::Found;
use crate::{
    check::{
        Check,
        cursor::{Counts, Cursor, CursorFile, Phase},
        pools,
    },
    connection::Connection,
    failure::Failure,
    output::Output,
    progress::Progress,
};

/// Rows of one step.
const ROWS: usize = 100;

// Each list ends with its first page that is not full, so what is added behind its end meanwhile does not prolong it.

/// Organisations of one step. Each step reads the ranges of two days, if one of them has a quota.
const ORGANISATIONS: i32 = 1_000;

/// What to check.
#[derive(Args, Debug)]
pub struct Command {
    /// A file that says how far the check has come; if it exists, the check continues there
    #[arg(long, value_name = "FILE")]
    cursor: Option<PathBuf>,
    /// Seconds that the service has to wake and to tidy; what is younger is no breach of RSV-5
    #[arg(long, value_name = "SECONDS", default_value_t = 26 * 60 * 60)]
    grace: u32,
}

/// The last line of the report.
#[derive(Serialize)]
struct Summary {
    /// When the check began: it is about what existed then.
    begun: Timestamp,
    #[serde(flatten)]
    counts: Counts,
}

/// Runs the check.
///
/// # Errors
/// [`Failure::Refused`] when a breach was found; otherwise [`Failure`] with the reason and the exit code.
pub async fn run(command: Command, connection: &Connection, output: &mut Output<'_>) -> Result<(), Failure> {
    let context = connection.context();
    let file = CursorFile::new(command.cursor);
    let mut cursor = file.read(&context.config().tables.pools)?;
    let begun = *cursor.begun.get_or_insert_with(|| context.now());
    let check = Check { context, grace: TimeDelta::seconds(command.grace.into()), begun };
    let progress = Progress::new("checked", None);
    while let Some(found) = step(&check, &mut cursor, &progress).await? {
        for breach in found {
            cursor.counts.breaches += 1;
            output.line(&Found::from(breach), |breach| format!("{} {}", breach.invariant, breach.found))?;
        }
        file.save(&cursor)?;
    }
    drop(progress);
    file.remove()?;
    let counts = cursor.counts;
    output.line(&Summary { begun, counts }, |_| {
        format!(
            "Of what existed at {begun}: {} pools with {} ranges, {} organisations, {} reservations, {} file rows, {} objects: {} breaches",
            grouped(counts.pools),
            grouped(counts.ranges),
            grouped(counts.organisations),
            grouped(counts.reservations),
            grouped(counts.files),
            grouped(counts.objects),
            grouped(counts.breaches)
        )
    })?;
    match counts.breaches {
        0 => Ok(()),
        number => Err(Failure::Refused(format!("{number} breaches of invariants were found."))),
    }
}

/// Checks the next page, and advances the cursor. `None` at the end.
async fn step(
    check: &Check<'_>,
    cursor: &mut Cursor,
    progress: &Progress,
) -> Result<Option<Vec<common::reservation::invariants::Breach>>, Failure> {
    let store = check.context.store();
    let wrong = |text: &str| Failure::WrongUse(format!("The cursor is damaged: {text:?}. Remove it to begin again."));
    let mut breaches = Vec::new();
    match cursor.phase {
        Phase::Pools => {
            let after = cursor.after.as_deref().map(|text| text.parse().map_err(|_| wrong(text))).transpose()?;
            let namespaces = store.pool_namespaces("", after.as_ref(), ROWS).await?;
            for namespace in &namespaces {
                cursor.counts.ranges += pools::check(check.context, namespace, progress, &mut breaches).await?;
                cursor.counts.pools += 1;
            }
            match namespaces.last().filter(|_| namespaces.len() == ROWS) {
                Some(last) => cursor.after = Some(last.to_string()),
                None => cursor.begin(Phase::Quotas),
            }
        }
        Phase::Quotas => {
            let (ids, more) = store.organisation_ids(cursor.after.as_deref(), ORGANISATIONS).await?;
            breaches = check.quotas(&ids).await?;
            count(&mut cursor.counts.organisations, ids.len(), progress);
            match ids.last().filter(|_| more) {
                Some(last) => cursor.after = Some(last.clone()),
                None => cursor.begin(Phase::Reservations),
            }
        }
        Phase::Reservations if cursor.shard >= MAX_SHARDS => cursor.begin(Phase::Files),
        Phase::Reservations => {
            let after =
                cursor.after.as_deref().map(|text| Uuid::try_parse(text).map_err(|_| wrong(text))).transpose()?;
            if cursor.last.is_none() {
                cursor.last = store.last_of_shard(cursor.shard).await?;
            }
            let Some(last) = cursor.last else {
                next_of_shard(cursor, None);
                return Ok(Some(breaches));
            };
            let mut entries = Entries::of_shard(cursor.shard, after).telling(&["date_created"]);
            let page = entries.next_entries(store, ROWS).await?;
            // The ids of the service are in the order of time, so nearly all new rows are behind the last one.
            let within = page.iter().filter(|entry| entry.id <= last && check.existed(created(entry)));
            let ids: Vec<Uuid> = within.map(|entry| entry.id).collect();
            breaches = check.reservations(&ids).await?;
            count(&mut cursor.counts.reservations, ids.len(), progress);
            let next = page.last().filter(|entry| page.len() == ROWS && entry.id < last);
            next_of_shard(cursor, next.map(|entry| entry.id.to_string()));
        }
        Phase::Files if cursor.shard >= MAX_SHARDS => cursor.begin(Phase::Objects),
        Phase::Files => {
            let (mut rows, next) = store.files_of_shard(cursor.shard, cursor.after.as_deref()).await?;
            rows.retain(|row: &FileRow| check.existed(row.created_on));
            breaches = check.files(&rows).await?;
            count(&mut cursor.counts.files, rows.len(), progress);
            next_of_shard(cursor, next);
        }
        Phase::Objects => {
            let bucket = check.context.bucket();
            let (mut page, next) = bucket.objects_page(ExportKey::PREFIX, cursor.after.clone(), None).await?;
            let last = page.last().filter(|_| next.is_some()).map(|last| last.key.clone());
            page.retain(|object: &Listed| check.existed_since(object.modified));
            breaches = check.objects(&page).await?;
            count(&mut cursor.counts.objects, page.len(), progress);
            match last {
                Some(last) => cursor.after = Some(last),
                None => cursor.begin(Phase::Uploads),
            }
        }
        Phase::Uploads if cursor.shard > 0 => return Ok(None),
        Phase::Uploads => {
            breaches = check.uploads().await?;
            cursor.shard = 1;
        }
    }
    Ok(Some(breaches))
}

/// Continues in the same shard after `last`, or with the next one.
fn next_of_shard(cursor: &mut Cursor, last: Option<String>) {
    if last.is_none() {
        (cursor.shard, cursor.last) = (cursor.shard + 1, None);
    }
    cursor.after = last;
}

/// When the reservation of an entry was created, as far as the index tells.
fn created(entry: &Entry) -> Option<Timestamp> {
    entry.row.as_ref()?.get("date_created")?.as_str().and_then(Timestamp::parse)
}

fn count(counter: &mut u64, number: usize, progress: &Progress) {
    *counter += number as u64;
    progress.add(number as u64);
}
