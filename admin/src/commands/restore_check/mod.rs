//! `admin restore-check`: after a restore, how far each pool may have been used, and the burned ranges that move it
//! past that. It also forgets the answers to requests whose reservations are lost.
//!
//! | file | contents |
//! |---|---|
//! | `evidence` | what tells how far the pools were used |
//! | `answers` | answers that are remembered under an Idempotency-Key |

mod answers;
mod evidence;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use common::{
    code::{Namespace, grouped, pool_number},
    context::Context,
    operations::directory::Author,
    store::PoolEntry,
};
use serde::Serialize;

use self::evidence::{Evidence, Objects, Source, Unclear, Used};
use super::pool::{Advanced, burn, fresh, random};
use crate::{
    connection::Connection,
    failure::Failure,
    output::{Output, confirm, table},
    progress::Progress,
};

/// What was written so long before the time of the restore is looked at too: clocks differ, and a backup is of a moment
/// around its time.
const MARGIN: TimeDelta = TimeDelta::minutes(15);

/// Pools in a row that the store does not answer for, after which no further one is tried.
const MAX_UNANSWERED: usize = 3;

/// What to check.
#[derive(Args, Debug)]
pub struct Command {
    /// The time to which the tables were restored (RFC 3339), for example 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: DateTime<Utc>,
    /// The damaged table of pools, if it still exists
    #[arg(long, value_name = "TABLE")]
    old_pools: Option<String>,
    /// Indexes to give up in every pool beyond what is known, for codes that leave no trace; each run with it gives up
    /// as many more
    #[arg(long, value_name = "N", default_value_t = 0)]
    spare: u64,
    /// Only show how far the pools may have been used
    #[arg(long, conflicts_with = "yes")]
    list: bool,
    /// Write the burned ranges, and forget answers, without being asked
    #[arg(long)]
    yes: bool,
}

fn time(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()).map_err(|error| error.to_string())
}

/// The report.
#[derive(Debug, Serialize)]
struct Report {
    /// Pools that are to be moved.
    pools: Vec<Used>,
    /// Whose codes nobody knows.
    unclear: Vec<Unclear>,
    /// The objects of the bucket, with their earlier versions.
    objects: Objects,
    /// Remembered answers to requests whose reservations are lost.
    lost_answers: usize,
    /// The burned ranges that were written.
    written: Vec<Advanced>,
    /// The pools that could not be moved.
    failed: Vec<Unmoved>,
    /// The answers that were forgotten.
    forgotten: usize,
}

/// A pool that could not be moved.
#[derive(Debug, Serialize)]
struct Unmoved {
    namespace: Namespace,
    /// Where it should go on.
    to: u64,
    reason: String,
}

/// Runs the check.
///
/// # Errors
/// [`Failure::WrongUse`] for a time in the future; [`Failure::Refused`] when something stays unclear, a pool cannot be
/// moved, or nothing is to be written; [`Failure::NotReachable`] when a store does not answer.
pub async fn run(command: Command, connection: &Connection, output: &mut Output<'_>) -> Result<(), Failure> {
    let context = connection.context();
    let now = context.now().time();
    if command.at > now {
        return Err(Failure::WrongUse(format!(
            "--at {} is in the future: it is {} now. Tables are restored to a time in the past; a local time needs its \
             offset, such as 2026-01-31T13:00:00+01:00.",
            command.at.format("%FT%TZ"),
            now.format("%FT%TZ"),
        )));
    }
    let mut evidence = Evidence::new(context, command.at).await?;
    if let Some(table) = &command.old_pools {
        evidence.read_old_table(table).await?;
    }
    evidence.read_reservations().await?;
    evidence.read_objects().await?;
    evidence.read_uploads().await?;
    if command.spare > 0 {
        evidence.spare(command.spare).await?;
    }
    let mut found = evidence.finish();
    let lost = answers::lost(context, command.at - MARGIN, &mut found.unclear).await?;
    let mut report = Report {
        pools: found.pools,
        unclear: found.unclear,
        objects: found.objects,
        lost_answers: lost.len(),
        written: Vec::new(),
        failed: Vec::new(),
        forgotten: 0,
    };
    let is_writing = !(command.list || report.pools.is_empty() && lost.is_empty());
    let mut ended = Ok(());
    if is_writing {
        if !output.is_json() {
            output.line(&report, shown)?;
        }
        confirm(output, &question(&report), command.yes)?;
        let author = connection.author().await?;
        ended = move_all(context, &author, &mut report).await;
        if ended.is_ok() {
            (report.forgotten, ended) = answers::forget(context, &lost).await;
        }
    }
    output.show(&report, |report| if is_writing { done(report) } else { shown(report) })?;
    ended?;
    let Report { unclear, failed, .. } = &report;
    let mut left = Vec::new();
    if !failed.is_empty() {
        left.push(format!("{} pools could not be moved", failed.len()));
    }
    if !unclear.is_empty() {
        left.push(format!("of {} objects, uploads or rows nobody knows how far their pools were used", unclear.len()));
    }
    if left.is_empty() {
        return Ok(());
    }
    Err(Failure::Refused(format!(
        "Some pools may issue codes twice: {}. docs/operations.md, \"Backup and restore\", says what to do.",
        left.join("; ")
    )))
}

/// The question before anything is written.
fn question(report: &Report) -> String {
    let mut asked = Vec::new();
    if !report.pools.is_empty() {
        let codes: u64 = report.pools.iter().map(|pool| pool.used - pool.next.unwrap_or(0).min(pool.used)).sum();
        asked.push(format!("move {} pools past these indexes ({} codes)", report.pools.len(), grouped(codes)));
    }
    if report.lost_answers > 0 {
        asked.push(format!("forget {} answers", report.lost_answers));
    }
    format!("This will {}. It cannot be undone.", asked.join(" and "))
}

/// Moves every pool, and goes on after one that cannot be moved.
///
/// # Errors
/// [`Failure::NotReachable`] when the store did not answer for a pool. The report has what was done.
async fn move_all(context: &Context, author: &Author, report: &mut Report) -> Result<(), Failure> {
    let progress = Progress::new("pools to move", Some(report.pools.len() as u64));
    let (mut unanswered, mut last) = (0, None);
    for pool in &report.pools {
        let moved = match last.take_if(|_| unanswered >= MAX_UNANSWERED) {
            Some(failure) => Err(failure),
            None => move_one(context, author, pool).await,
        };
        match moved {
            Ok(advanced) => {
                unanswered = 0;
                report.written.push(advanced);
            }
            Err(failure) => {
                let (namespace, reason) = (pool.namespace.clone(), failure.to_string());
                report.failed.push(Unmoved { namespace, to: pool.used, reason });
                if matches!(failure, Failure::NotReachable(_)) {
                    unanswered += 1;
                    last = Some(failure);
                } else {
                    unanswered = 0;
                }
            }
        }
        progress.add(1);
    }
    match last {
        Some(failure) => Err(Failure::NotReachable(format!(
            "{} of {} pools were not moved: {failure} The same command goes on when the store answers again.",
            report.failed.len(),
            report.pools.len()
        ))),
        None => Ok(()),
    }
}

async fn move_one(context: &Context, author: &Author, pool: &Used) -> Result<Advanced, Failure> {
    // The restored pool, or one that is made again with its number, if that is known.
    let entry = match context.store().pool(&pool.namespace).await? {
        Some(known) => PoolEntry::Known(known),
        None => {
            let number = pool.number.unwrap_or_else(|| pool_number(random()));
            PoolEntry::Fresh(fresh(context, &pool.specification, number).await?)
        }
    };
    burn(context, author, entry, pool.used).await
}

fn shown(report: &Report) -> String {
    let source = |source: &Source| match source {
        Source::OldTable => "old table",
        Source::Reservation => "reservations",
        Source::Object => "files",
        Source::Spare => "spare",
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
    let Objects { looked, later, skipped } = report.objects;
    text += &format!(
        "\n\n{} versions of files were looked at, {} of them written after the time; {} are older.",
        grouped(looked),
        grouped(later),
        grouped(skipped)
    );
    if later == 0 {
        text += "\nNo file was written after the time. Check that it is the right one.";
    }
    if report.lost_answers > 0 {
        text += &format!(
            "\n{} requests with an Idempotency-Key were answered, and their reservations are lost.",
            report.lost_answers
        );
    }
    for Unclear { kind, key, upload, reason } in &report.unclear {
        let upload = upload.as_ref().map(|id| format!(" (upload {id})")).unwrap_or_default();
        text += &format!("\nunclear: {} {key}{upload} {reason}", kind.as_str());
    }
    text
}

fn done(report: &Report) -> String {
    let moved = report.written.iter().map(|one| format!("{} goes on at {}", one.namespace, grouped(one.to)));
    let failed = report.failed.iter();
    let failed = failed.map(|one| format!("not moved to {}: {} {}", grouped(one.to), one.namespace, one.reason));
    let forgotten = (report.forgotten > 0).then(|| format!("{} answers are forgotten", report.forgotten));
    moved.chain(failed).chain(forgotten).collect::<Vec<_>>().join("\n")
}
