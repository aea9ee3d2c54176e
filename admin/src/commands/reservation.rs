//! `admin reservation`: what a reservation does, and how to start a stuck one.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use clap::Subcommand;
use common::{
    context::Context,
    directory::User,
    operations::{Caller, Session, directory::Author, update},
    query::Budget,
    reservation::{Reservation, Status, Timestamp},
    store::Saved,
};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::{
    connection::Connection,
    failure::Failure,
    output::{Output, fields, table},
    progress::Progress,
};

/// What to do with reservations.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show a reservation with what the service itself notes about it
    Show {
        /// The reservation's id
        id: Uuid,
    },
    /// Start a reservation again: wake an open one, or open a failed one; codes that it has stay the same
    Retry {
        /// The reservation's id
        id: Uuid,
        /// Write the file of a complete reservation once more, with the same codes
        #[arg(long)]
        again: bool,
    },
    /// List open reservations that make no progress
    Stuck {
        /// Minutes without progress
        #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(0..=525_600))]
        minutes: u32,
    },
    /// Wait until a reservation is complete or has failed
    Wait {
        /// The reservation's id
        id: Uuid,
        /// Seconds to wait
        #[arg(long, value_name = "SECONDS", default_value_t = 900, value_parser = clap::value_parser!(u32).range(0..=86_400))]
        timeout: u32,
    },
}

/// Rows of one read.
const ROWS: usize = 100;

/// The longest time between two looks at a reservation.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A reservation for an operator.
#[derive(Debug, Serialize)]
struct Shown {
    id: Uuid,
    status: Status,
    reserved_for: Option<String>,
    code_type: Option<String>,
    product: Option<String>,
    quantity: Option<i64>,
    quantity_reserved: Option<i64>,
    export_type: Option<String>,
    export_file: Option<String>,
    reference_id: Option<String>,
    error_message: Option<String>,
    date_created: Option<Timestamp>,
    date_updated: Option<Timestamp>,
    /// When the last progress was made, or the reservation was woken.
    progress_at: Option<Timestamp>,
    /// Wakes since the last progress.
    attempts: u32,
    /// The number of the export, 0 before the first.
    generation: u32,
    version: u64,
    /// The pool of its codes, and their first and last index.
    pool: Option<String>,
    first_index: Option<u64>,
    last_index: Option<u64>,
    /// The part of a running export that is next.
    next_part: Option<u32>,
    /// A row of a seed: it is shown and never processed.
    seeded: bool,
}

impl From<&Reservation> for Shown {
    fn from(item: &Reservation) -> Self {
        let range = item.range.as_ref();
        Self {
            id: item.id,
            status: item.status,
            reserved_for: item.reserved_for.clone(),
            code_type: item.code_type.clone(),
            product: item.product.clone(),
            quantity: item.quantity,
            quantity_reserved: item.quantity_reserved,
            export_type: item.export_type.clone(),
            export_file: item.export_file.clone(),
            reference_id: item.reference_id.clone(),
            error_message: item.error_message.clone(),
            date_created: item.date_created,
            date_updated: item.date_updated,
            progress_at: item.progress_at,
            attempts: item.attempts,
            generation: item.generation,
            version: item.version,
            pool: range.map(|range| range.namespace.to_string()),
            first_index: range.map(|range| range.start),
            last_index: range.map(|range| range.end().saturating_sub(1)),
            next_part: item.export.as_ref().map(|export| export.next_part),
            seeded: item.seeded,
        }
    }
}

/// Runs a command of this group.
///
/// # Errors
/// [`Failure`] with the reason and the exit code.
pub async fn run(command: Command, connection: &Connection, output: &mut Output<'_>) -> Result<(), Failure> {
    match command {
        Command::Show { id } => show(&existing(connection, id).await?, output),
        Command::Retry { id, again } => retry(connection, id, again, output).await,
        Command::Stuck { minutes } => list(connection, minutes, output).await,
        Command::Wait { id, timeout } => wait(connection, id, Duration::from_secs(timeout.into()), output).await,
    }
}

async fn existing(connection: &Connection, id: Uuid) -> Result<Reservation, Failure> {
    let item = connection.context().store().reservation(id).await?;
    item.ok_or_else(|| Failure::Refused(format!("There is no reservation {id}.")))
}

fn show(item: &Reservation, output: &mut Output<'_>) -> Result<(), Failure> {
    output.show(&Shown::from(item), |shown| {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        let time = |value: Option<Timestamp>| value.map_or_else(|| "-".to_owned(), |at| at.to_string());
        let number = |value: Option<i64>| value.map_or_else(|| "-".to_owned(), |number| number.to_string());
        let indexes = shown.first_index.zip(shown.last_index).map(|(first, last)| format!("{first} to {last}"));
        fields(&[
            ("id", shown.id.to_string()),
            ("status", shown.status.to_string()),
            ("for", text(&shown.reserved_for)),
            ("type", text(&shown.code_type)),
            ("product", text(&shown.product)),
            ("codes", number(shown.quantity)),
            ("written", number(shown.quantity_reserved)),
            ("format", text(&shown.export_type)),
            ("file", text(&shown.export_file)),
            ("reference", text(&shown.reference_id)),
            ("error", text(&shown.error_message)),
            ("created", time(shown.date_created)),
            ("changed", time(shown.date_updated)),
            ("progress", time(shown.progress_at)),
            ("attempts", shown.attempts.to_string()),
            ("generation", shown.generation.to_string()),
            ("pool", text(&shown.pool)),
            ("indexes", text(&indexes)),
        ])
    })
}

/// What `retry` and `replay` did with a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Effect {
    /// It was open and is woken.
    Woken,
    /// It was at an end and is open again.
    Opened,
    /// It made progress meanwhile, so nothing was written.
    Moving,
    /// It is at an end.
    Ended,
    /// It does not exist, or is a row of a seed.
    Gone,
}

/// Wakes an open reservation, as the sweep does.
pub(super) async fn wake(context: &Context, author: &Author, item: &Reservation) -> Result<Effect, Failure> {
    if item.seeded {
        return Ok(Effect::Gone);
    }
    if !item.is_open() {
        return Ok(Effect::Ended);
    }
    let audit = author.audit("reservation.wake", "reservation", &item.id.to_string());
    let audit = audit.with("woken", None, Some(true.into()));
    Ok(match context.store().wake_audited(item, context.now(), &audit).await? {
        Saved::Done => Effect::Woken,
        Saved::Stale => Effect::Moving,
    })
}

/// What `retry` did.
#[derive(Debug, Serialize)]
struct Retried {
    id: Uuid,
    effect: Effect,
}

async fn retry(connection: &Connection, id: Uuid, again: bool, output: &mut Output<'_>) -> Result<(), Failure> {
    let item = existing(connection, id).await?;
    if item.seeded {
        return Err(Failure::Refused(format!("Reservation {id} is a row of a seed, which is never processed.")));
    }
    let (context, author) = (connection.context(), connection.author().await?);
    let effect = match item.status {
        Status::New | Status::InProgress => wake(context, &author, &item).await?,
        Status::Complete if !again => {
            return Err(Failure::Refused(format!(
                "Reservation {id} is complete. Add --again to write its file once more, with the same codes."
            )));
        }
        Status::Complete | Status::Error => {
            open(context, &author, &item).await?;
            Effect::Opened
        }
    };
    output.show(&Retried { id, effect }, |retried| match retried.effect {
        Effect::Woken => format!("Reservation {id} is woken."),
        Effect::Opened => format!("Reservation {id} is open again."),
        _ => format!("Reservation {id} has just made progress; nothing was changed."),
    })
}

/// Sets the status to `new`, as a client does, on the same conditions. `user_updated` is a user of the Directory, which an
/// operator is not, so it stays as it is; the audit names the operator.
async fn open(context: &Context, author: &Author, item: &Reservation) -> Result<(), Failure> {
    let last = item.user_updated.clone().or_else(|| item.user_created.clone());
    let caller = Caller::user(User::administrator(last.unwrap_or_default()));
    let budget = Budget::of_rows(context.config().max_scan);
    let session = Session::new(&caller, context.now(), &budget);
    let audit = |old: &Reservation, new: &Reservation| {
        let audit = author.audit("reservation.open", "reservation", &old.id.to_string());
        audit.with("status", Some(old.status.as_str().into()), Some(new.status.as_str().into()))
    };
    Ok(update::one_audited(context, session, item.id, &json!({ "status": "new" }), &audit).await?)
}

/// An open reservation without progress.
#[derive(Debug, Serialize)]
struct Stuck {
    id: Uuid,
    status: Status,
    reserved_for: Option<String>,
    quantity: Option<i64>,
    attempts: u32,
    progress_at: Option<Timestamp>,
}

async fn list(connection: &Connection, minutes: u32, output: &mut Output<'_>) -> Result<(), Failure> {
    let mut stuck = Vec::new();
    for_each_stuck(connection, TimeDelta::minutes(minutes.into()), async |item| {
        stuck.push(Stuck {
            id: item.id,
            status: item.status,
            reserved_for: item.reserved_for.clone(),
            quantity: item.quantity,
            attempts: item.attempts,
            progress_at: item.progress_at,
        });
        Ok(())
    })
    .await?;
    output.show(&stuck, |stuck| {
        let row = |one: &Stuck| {
            [
                one.id.to_string(),
                one.status.to_string(),
                one.reserved_for.clone().unwrap_or_else(|| "-".to_owned()),
                one.quantity.map_or_else(|| "-".to_owned(), |quantity| quantity.to_string()),
                one.attempts.to_string(),
                one.progress_at.map_or_else(|| "-".to_owned(), |at| at.to_string()),
            ]
        };
        let headings = ["reservation", "status", "for", "codes", "attempts", "no progress since"];
        table(headings, stuck.iter().map(row).collect(), "No reservation is stuck.")
    })
}

/// Calls `use_it` for each open reservation that has made no progress for so long.
pub(super) async fn for_each_stuck(
    connection: &Connection,
    idle: TimeDelta,
    mut use_it: impl AsyncFnMut(&Reservation) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let context = connection.context();
    let (store, limit) = (context.store(), context.now().time() - idle);
    let progress = Progress::new("open reservations", None);
    let mut entries = store.open_entries();
    loop {
        let ids = entries.next(store, ROWS).await?;
        if ids.is_empty() {
            return Ok(());
        }
        for item in store.reservations(&ids).await? {
            if item.is_open() && item.progress_at.is_none_or(|at| at.time() <= limit) {
                use_it(&item).await?;
            }
        }
        progress.add(ids.len() as u64);
    }
}

async fn wait(connection: &Connection, id: Uuid, timeout: Duration, output: &mut Output<'_>) -> Result<(), Failure> {
    let begun = Instant::now();
    let mut item = existing(connection, id).await?;
    let progress = Progress::new("codes", item.quantity.and_then(|quantity| u64::try_from(quantity).ok()));
    let (mut pause, mut shown) = (Duration::from_millis(100), 0);
    while item.is_open() && begun.elapsed() < timeout {
        tokio::time::sleep(pause.min(timeout.saturating_sub(begun.elapsed()))).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        item = existing(connection, id).await?;
        let written = item.quantity_reserved.and_then(|written| u64::try_from(written).ok()).unwrap_or(0);
        progress.add(written.saturating_sub(shown));
        shown = written.max(shown);
    }
    drop(progress);
    show(&item, output)?;
    match item.status {
        Status::Complete => Ok(()),
        Status::Error => Err(Failure::Refused(format!("Reservation {id} has failed."))),
        Status::New | Status::InProgress => {
            Err(Failure::Refused(format!("Reservation {id} is not at an end after {} s.", timeout.as_secs())))
        }
    }
}
