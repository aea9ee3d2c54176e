//! `admin failures`: stream records that reserve-codes or follow gave up.
//!
//! A message names a shard of the stream and sequence numbers, not reservations. DynamoDB keeps the records for 24
//! hours; until then they tell the reservations. Those of reserve-codes are woken, those of follow are counted. Later,
//! every open reservation is woken that has made no progress since, and the sweep counts every reservation once more.

use std::{collections::BTreeSet, path::PathBuf};

use aws_sdk_dynamodbstreams::types::ShardIteratorType;
use aws_sdk_sqs::{
    error::ProvideErrorMetadata, operation::change_message_visibility::ChangeMessageVisibilityError,
    types::QueueAttributeName,
};
use chrono::{DateTime, TimeDelta, Utc};
use clap::Subcommand;
use common::{
    operations::directory::Author,
    store::{MAX_COUNTED, Recounted},
};
use local::dynamodb::position_of;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::reservation::{Effect, for_each_stuck, wake};
use crate::{
    connection::{Connection, Resources},
    failure::Failure,
    output::{Output, confirm, table},
    progress::Progress,
};

/// Maximum number of messages of one command. The rest is for the next one.
const MAX_MESSAGES: usize = 1_000;

/// How long a message that was read stays hidden from other readers (seconds).
const HIDDEN_SECONDS: i32 = 120;

/// Maximum number of reads of a shard for one message. A batch has ten records at most.
const MAX_READS: usize = 100;

/// How long DynamoDB keeps the records of a stream.
const KEPT: TimeDelta = TimeDelta::hours(24);

/// What to do with failures.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the messages of the failure queue; they stay there
    List,
    /// Wake or count the reservations of all messages, and remove the messages
    Replay {
        /// Do it without being asked
        #[arg(long)]
        yes: bool,
    },
}

/// A message, as Lambda sends it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    timestamp: DateTime<Utc>,
    request_context: RequestContext,
    #[serde(rename = "DDBStreamBatchInfo")]
    batch: BatchInfo,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    request_id: String,
    #[serde(default)]
    function_arn: String,
    condition: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchInfo {
    shard_id: String,
    start_sequence_number: String,
    end_sequence_number: String,
    approximate_arrival_of_first_record: Option<DateTime<Utc>>,
    batch_size: u64,
    stream_arn: String,
}

/// A message for people and scripts.
#[derive(Debug, Serialize)]
struct Message {
    at: DateTime<Utc>,
    /// The function that gave it up, as in the ARN.
    function: String,
    /// Why Lambda gave it up, for example `RetryAttemptsExhausted`.
    condition: String,
    /// The request id of the last try, which is in the log.
    request_id: String,
    records: u64,
    shard: String,
    first: String,
    last: String,
    /// Whether the stream still has the records.
    in_stream: bool,
}

/// What became of a message.
#[derive(Debug, Serialize)]
struct Replayed {
    at: DateTime<Utc>,
    request_id: String,
    /// The function that gave it up, as in the ARN.
    function: String,
    /// `stream`: the records named the reservations; `stuck`: they are gone, and every open reservation without
    /// progress was woken; `again`: they are gone, and the sweep counts every reservation once more; `stuck_again`: both.
    by: &'static str,
    reservations: u64,
    woken: u64,
    /// Reservations that are counted as something else now.
    counted: u64,
    /// Reservations that could not be counted. Then the message stays.
    uncounted: u64,
    /// Whether the message is removed.
    removed: bool,
}

/// The place of a message, to remove it.
enum Handle {
    Sqs(String),
    Line(String),
}

/// Messages of a queue that are hidden: another reader, or an earlier command that was ended, received them less than
/// [`HIDDEN_SECONDS`] ago.
#[derive(Debug)]
enum Hidden {
    Number(u64),
    /// Why it is not known.
    Unknown(String),
}

impl Hidden {
    fn warning(&self) -> Option<String> {
        match self {
            Self::Number(0) => None,
            Self::Number(number) => Some(format!(
                "About {number} messages of the queue are hidden, and missing here: somebody else is reading them, or an \
                 earlier command was ended. Try again in {HIDDEN_SECONDS} seconds."
            )),
            Self::Unknown(reason) => Some(format!(
                "Messages may be missing here that somebody else is reading. Their number is not known: {reason}"
            )),
        }
    }
}

/// The messages of a queue.
#[derive(Default)]
struct Read {
    messages: Vec<(Document, Handle)>,
    /// Those that have another form.
    unreadable: Vec<Handle>,
}

/// Where the messages are.
enum Queue<'a> {
    Sqs(aws_sdk_sqs::Client, &'a str),
    /// A file with one document a line. Only while no `local` runs may lines be removed.
    File {
        path: PathBuf,
        is_ours: bool,
    },
}

/// Runs a command of this group.
///
/// # Errors
/// [`Failure`] with the reason and the exit code.
pub async fn run(command: Command, connection: &Connection, output: &mut Output<'_>) -> Result<(), Failure> {
    let queue = Queue::of(connection)?;
    // Before this command hides any message itself.
    if let Some(warning) = queue.hidden().await?.warning() {
        output.warn(&warning);
    }
    let Read { messages, unreadable } = queue.all().await?;
    let done = match command {
        Command::List => list(&messages, connection, output),
        Command::Replay { yes } => replay(&queue, &messages, connection, output, yes).await,
    };
    // Those that stay are there for the next command. A handle of a message that is removed is no error.
    let stay = messages.iter().map(|(_, handle)| handle).chain(&unreadable);
    let shown = match &done {
        Ok(()) if matches!(command, Command::Replay { .. }) => queue.show_again(&unreadable).await,
        _ => queue.show_again(stay).await,
    };
    done?;
    shown?;
    match unreadable.len() {
        0 => Ok(()),
        number => Err(Failure::Refused(format!("{number} messages are none of Lambda, and stay where they are."))),
    }
}

fn list(messages: &[(Document, Handle)], connection: &Connection, output: &mut Output<'_>) -> Result<(), Failure> {
    let now = connection.context().now().time();
    let message = |(document, _): &(Document, Handle)| {
        let Document { timestamp, request_context, batch } = document.clone();
        let in_stream = is_kept(&batch, timestamp, now);
        Message {
            at: timestamp,
            function: function(&request_context.function_arn),
            condition: request_context.condition,
            request_id: request_context.request_id,
            records: batch.batch_size,
            shard: batch.shard_id,
            first: batch.start_sequence_number,
            last: batch.end_sequence_number,
            in_stream,
        }
    };
    let messages: Vec<Message> = messages.iter().map(message).collect();
    output.show(&messages, |messages| {
        let row = |one: &Message| {
            let kept = if one.in_stream { "yes" } else { "no" };
            [
                one.at.to_rfc3339(),
                one.function.clone(),
                one.condition.clone(),
                one.records.to_string(),
                one.request_id.clone(),
                kept.to_owned(),
            ]
        };
        let headings = ["at", "function", "reason", "records", "request", "in the stream"];
        table(headings, messages.iter().map(row).collect(), "There are no failures.")
    })
}

/// The name in the ARN of a function, which may end with a version or an alias.
fn function(arn: &str) -> String {
    let name = arn.split(':').nth(6).filter(|name| !name.is_empty());
    name.unwrap_or("-").to_owned()
}

/// What a function does with the records of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Work {
    reserves: bool,
    counts: bool,
}

impl Work {
    /// The work of a function by its name. SAM names a function after the stack and its logical id, `local` after its
    /// binary. An unknown one may do both.
    fn of(function: &str) -> Self {
        let is = |binary: &str, logical_id: &str| function == binary || function.contains(&format!("-{logical_id}-"));
        match (is("reserve-codes", "ReserveCodes"), is("follow", "Follow")) {
            (true, false) => Self { reserves: true, counts: false },
            (false, true) => Self { reserves: false, counts: true },
            _ => Self { reserves: true, counts: true },
        }
    }
}

/// Whether the stream still has the records of a batch.
fn is_kept(batch: &BatchInfo, at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now - batch.approximate_arrival_of_first_record.unwrap_or(at) < KEPT
}

async fn replay(
    queue: &Queue<'_>,
    messages: &[(Document, Handle)],
    connection: &Connection,
    output: &mut Output<'_>,
    yes: bool,
) -> Result<(), Failure> {
    if !messages.is_empty() {
        let question = format!("Wake or count the reservations of {} messages and remove these?", messages.len());
        confirm(output, &question, yes)?;
    }
    let author = connection.author().await?;
    let progress = Progress::new("messages", Some(messages.len() as u64));
    let mut all = Vec::new();
    for (document, handle) in messages {
        let mut replayed = again(connection, &author, document).await?;
        // Removed last: if something fails before, the message is replayed again.
        replayed.removed = replayed.uncounted == 0 && queue.remove(handle).await?;
        all.push(replayed);
        progress.add(1);
    }
    drop(progress);
    output.show(&all, |all| {
        let row = |one: &Replayed| {
            let message = match (one.removed, one.uncounted) {
                (true, _) => "removed",
                (false, 0) => "stays: `local` is running",
                (false, _) => "stays: not all could be counted",
            };
            [
                one.at.to_rfc3339(),
                one.function.clone(),
                one.request_id.clone(),
                one.reservations.to_string(),
                one.woken.to_string(),
                if one.by.ends_with("again") { "all, by the sweep".to_owned() } else { one.counted.to_string() },
                message.to_owned(),
            ]
        };
        let headings = ["at", "function", "request", "reservations", "woken", "counted", "message"];
        table(headings, all.iter().map(row).collect(), "There are no failures.")
    })?;
    match all.iter().map(|one| one.uncounted).sum::<u64>() {
        0 => Ok(()),
        number => Err(Failure::Refused(format!(
            "{number} reservations could not be counted, because others are counted at the same time. Try again."
        ))),
    }
}

/// Does again what a message says was given up.
async fn again(connection: &Connection, author: &Author, document: &Document) -> Result<Replayed, Failure> {
    let Document { timestamp, request_context, batch } = document;
    let (context, function) = (connection.context(), function(&request_context.function_arn));
    let work = Work::of(&function);
    let ids = match is_kept(batch, *timestamp, context.now().time()) {
        true => reservations_of(connection, batch).await?,
        false => None,
    };
    let (mut reservations, mut woken, mut counted, mut uncounted) = (0, 0, 0, 0);
    let mut note = |effect: Effect| {
        reservations += 1;
        woken += u64::from(effect == Effect::Woken);
    };
    let by = match &ids {
        Some(ids) => {
            for id in ids {
                let item = if work.reserves { context.store().reservation(*id).await? } else { None };
                note(match &item {
                    Some(item) => wake(context, author, item).await?,
                    None => Effect::Gone,
                });
            }
            "stream"
        }
        None if work.reserves => {
            let since = batch.approximate_arrival_of_first_record.unwrap_or(*timestamp);
            let idle = context.now().time() - (*timestamp).max(since);
            for_each_stuck(connection, idle.max(TimeDelta::zero()), async |item| {
                note(wake(context, author, item).await?);
                Ok(())
            })
            .await?;
            if work.counts { "stuck_again" } else { "stuck" }
        }
        None => "again",
    };
    match ids {
        Some(ids) if work.counts => {
            let ids: Vec<Uuid> = ids.into_iter().collect();
            for ids in ids.chunks(MAX_COUNTED) {
                let Recounted { moved, failed, .. } = context.store().count_rows(ids, context.now()).await?;
                counted += moved as u64;
                uncounted += failed.len() as u64;
            }
        }
        // Nobody knows what they were, so everything is counted once more.
        None if work.counts => context.store().begin_tally_run().await?,
        _ => {}
    }
    let (at, request_id) = (*timestamp, request_context.request_id.clone());
    Ok(Replayed { at, request_id, function, by, reservations, woken, counted, uncounted, removed: false })
}

/// The reservations that the records of a batch name; `None` if the records are gone.
async fn reservations_of(connection: &Connection, batch: &BatchInfo) -> Result<Option<BTreeSet<Uuid>>, Failure> {
    let Some(last) = number(&batch.end_sequence_number) else { return Ok(None) };
    match (connection.resources(), connection.stores()) {
        (Some(resources), _) => of_stream(resources, batch, last).await,
        (None, Some(stores)) => {
            let table = &connection.context().config().tables.reservations;
            let positions = position_of(&batch.start_sequence_number).zip(position_of(&batch.end_sequence_number));
            let Some((from, to)) = positions else { return Ok(None) };
            let limit = usize::try_from(to - from + 1).unwrap_or(0).min(10_000);
            let records = stores.dynamodb.records_after(table, from - 1, limit, &batch.stream_arn).await;
            let records = records.map_err(|error| Failure::Refused(error.to_string()))?;
            let within: Vec<_> = records.into_iter().filter(|record| (from..=to).contains(&record.position)).collect();
            // `local` removes records that its reader has passed.
            let is_whole = within.first().is_some_and(|record| record.position == from);
            let id = |event: &Value| event.pointer("/dynamodb/Keys/id/S").and_then(Value::as_str)?.parse().ok();
            Ok(is_whole.then(|| within.iter().filter_map(|record| id(&record.event)).collect()))
        }
        (None, None) => Ok(None),
    }
}

async fn of_stream(resources: &Resources, batch: &BatchInfo, last: u128) -> Result<Option<BTreeSet<Uuid>>, Failure> {
    let client = aws_sdk_dynamodbstreams::Client::new(&resources.sdk);
    let begun = client
        .get_shard_iterator()
        .stream_arn(&batch.stream_arn)
        .shard_id(&batch.shard_id)
        .shard_iterator_type(ShardIteratorType::AtSequenceNumber)
        .sequence_number(&batch.start_sequence_number)
        .send()
        .await;
    let mut iterator = match begun {
        Ok(answer) => answer.shard_iterator,
        Err(error) => match error.as_service_error() {
            // The records or the whole shard are gone.
            Some(gone) if gone.is_trimmed_data_access_exception() || gone.is_resource_not_found_exception() => {
                return Ok(None);
            }
            Some(refused) => return Err(Failure::Refused(format!("The stream cannot be read: {refused}"))),
            None => return Err(Failure::NotReachable(format!("The stream cannot be read: {error}"))),
        },
    };
    let mut ids = BTreeSet::new();
    for _ in 0..MAX_READS {
        let Some(at) = iterator.take() else { break };
        let answer = match client.get_records().shard_iterator(at).send().await {
            Ok(answer) => answer,
            Err(error) => match error.as_service_error() {
                Some(gone) if gone.is_trimmed_data_access_exception() || gone.is_resource_not_found_exception() => {
                    return Ok(None);
                }
                Some(refused) => return Err(Failure::Refused(format!("The stream cannot be read: {refused}"))),
                None => return Err(Failure::NotReachable(format!("The stream cannot be read: {error}"))),
            },
        };
        for record in answer.records() {
            let Some(change) = record.dynamodb() else { continue };
            let number = change.sequence_number().and_then(number);
            if number.is_some_and(|number| number > last) {
                return Ok(Some(ids));
            }
            let key = change.keys().and_then(|keys| keys.get("id")?.as_s().ok());
            ids.extend(key.and_then(|id| Uuid::try_parse(id).ok()));
            // An open shard has no end: without this, every page after the last record would be read.
            if number == Some(last) {
                return Ok(Some(ids));
            }
        }
        iterator = answer.next_shard_iterator().map(str::to_owned);
    }
    Ok(Some(ids))
}

fn number(sequence_number: &str) -> Option<u128> {
    sequence_number.parse().ok()
}

impl<'a> Queue<'a> {
    fn of(connection: &'a Connection) -> Result<Self, Failure> {
        if let Some(resources) = connection.resources() {
            let url = resources.outputs.get("FailureQueueUrl").ok_or_else(|| {
                Failure::Refused("The stack has no output FailureQueueUrl: deploy it again.".to_owned())
            })?;
            return Ok(Self::Sqs(aws_sdk_sqs::Client::new(&resources.sdk), url));
        }
        match (connection.stores(), connection.data_dir()) {
            (Some(stores), _) => Ok(Self::File { path: stores.data_dir.failures(), is_ours: true }),
            (None, Some(folder)) => Ok(Self::File { path: folder.join("failures.jsonl"), is_ours: false }),
            (None, None) => Err(Failure::Refused("This deployment has no failure queue.".to_owned())),
        }
    }

    /// The messages that nobody can read now.
    async fn hidden(&self) -> Result<Hidden, Failure> {
        let Self::Sqs(client, url) = self else { return Ok(Hidden::Number(0)) };
        let hidden = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
        let asked = client.get_queue_attributes().queue_url(*url).attribute_names(hidden.clone()).send().await;
        match asked {
            Ok(answer) => {
                let number = answer.attributes().and_then(|all| all.get(&hidden)?.parse().ok());
                Ok(number.map_or_else(|| Hidden::Unknown("SQS gave no number".to_owned()), Hidden::Number))
            }
            // A policy of an earlier version does not allow it, and the messages can be read nevertheless.
            Err(error) => match error.as_service_error() {
                Some(refused) => Ok(Hidden::Unknown(refused.to_string())),
                None => Err(unreachable_queue(&error)),
            },
        }
    }

    /// All messages, [`MAX_MESSAGES`] at most.
    async fn all(&self) -> Result<Read, Failure> {
        match self {
            Self::Sqs(client, url) => received(client, url).await,
            Self::File { path, .. } => {
                let text = match std::fs::read_to_string(path) {
                    Ok(text) => text,
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
                    Err(error) => return Err(Failure::Refused(format!("{} cannot be read: {error}", path.display()))),
                };
                let mut read = Read::default();
                for line in text.lines().take(MAX_MESSAGES) {
                    read.take(line, Handle::Line(line.to_owned()));
                }
                Ok(read)
            }
        }
    }

    /// Lets the next command read messages that this one has read. SQS hides a message from other readers for a while.
    async fn show_again<'h>(&self, handles: impl IntoIterator<Item = &'h Handle>) -> Result<(), Failure> {
        let Self::Sqs(client, url) = self else { return Ok(()) };
        for handle in handles {
            let Handle::Sqs(receipt) = handle else { continue };
            let show = client.change_message_visibility().queue_url(*url).receipt_handle(receipt);
            match show.visibility_timeout(0).send().await {
                Ok(_) => {}
                // The message is removed, or is visible already.
                Err(error) if error.as_service_error().is_some_and(is_settled) => {}
                Err(error) => return Err(unreachable_queue(&error)),
            }
        }
        Ok(())
    }

    /// Removes a message. Gives whether it is removed.
    async fn remove(&self, handle: &Handle) -> Result<bool, Failure> {
        match (self, handle) {
            (Self::Sqs(client, url), Handle::Sqs(receipt)) => {
                let delete = client.delete_message().queue_url(*url).receipt_handle(receipt);
                delete.send().await.map_err(|error| unreachable_queue(&error))?;
                Ok(true)
            }
            (Self::File { path, is_ours: true }, Handle::Line(line)) => {
                let failed =
                    |error: std::io::Error| Failure::Refused(format!("{} cannot be changed: {error}", path.display()));
                let text = std::fs::read_to_string(path).map_err(failed)?;
                let mut lines: Vec<&str> = text.lines().collect();
                if let Some(place) = lines.iter().position(|one| one == line) {
                    lines.remove(place);
                }
                let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
                std::fs::write(path, text).map_err(failed)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}

/// Whether the visibility of a message cannot change, because it is removed or not hidden.
fn is_settled(error: &ChangeMessageVisibilityError) -> bool {
    error.is_message_not_inflight()
        || error.is_receipt_handle_is_invalid()
        || error.code() == Some("InvalidParameterValue")
}

impl Read {
    /// Takes the next message.
    fn take(&mut self, text: &str, handle: Handle) {
        match serde_json::from_str(text) {
            Ok(document) => self.messages.push((document, handle)),
            Err(_) => self.unreadable.push(handle),
        }
    }
}

async fn received(client: &aws_sdk_sqs::Client, url: &str) -> Result<Read, Failure> {
    let mut read = Read::default();
    while read.messages.len() + read.unreadable.len() < MAX_MESSAGES {
        let answer = client
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(10)
            .wait_time_seconds(1)
            .visibility_timeout(HIDDEN_SECONDS)
            .send()
            .await
            .map_err(|error| unreachable_queue(&error))?;
        if answer.messages().is_empty() {
            break;
        }
        for message in answer.messages() {
            let handle = Handle::Sqs(message.receipt_handle().unwrap_or_default().to_owned());
            read.take(message.body().unwrap_or_default(), handle);
        }
    }
    Ok(read)
}

fn unreachable_queue(error: &(impl std::error::Error + 'static)) -> Failure {
    Failure::NotReachable(format!(
        "The failure queue cannot be used: {}",
        aws_sdk_sqs::error::DisplayErrorContext(error)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_queue_without_hidden_messages_gives_no_warning() {
        assert_eq!(Hidden::Number(0).warning(), None);
        assert!(Hidden::Number(3).warning().unwrap().starts_with("About 3 messages of the queue are hidden"));
        assert!(Hidden::Unknown("AccessDenied".to_owned()).warning().unwrap().ends_with("AccessDenied"));
    }
}
