//! The stream reader, which does what Lambda's event source mapping does between a table's stream and a function.
//!
//! Records are delivered in order per item, at least once, in batches. A failed batch is retried (from its first failed
//! record, or in halves) and discarded after the mapping's maximum number of retries. The saved position only passes
//! records that are done, so a restart repeats only what was being processed.

mod batch;
mod failures;
pub mod filter;
mod lanes;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use batch::Worker;
pub use failures::Failures;
use lanes::Lanes;
use tokio::{
    sync::{Notify, mpsc, oneshot},
    task::{JoinHandle, JoinSet},
};

use crate::{
    callable::Callable,
    dynamodb::{DynamoDb, DynamoDbError},
    template::StreamMapping,
};

/// Maximum records of one read.
const READ_LIMIT: usize = 1_000;
/// Maximum records that wait in memory. When it is reached, reading pauses.
const MAX_WAITING: usize = 2_000;
/// Maximum time that a stop waits for running batches.
const STOP_WAIT: Duration = Duration::from_millis(1_000);

/// How often the reader polls and how long it waits after a failure.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Time between two polls of an idle stream.
    pub poll: Duration,
    /// Wait before the first retry. It doubles with each further retry.
    pub backoff: Duration,
    /// The maximum of that wait.
    pub longest_backoff: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            poll: Duration::from_millis(25),
            backoff: Duration::from_millis(200),
            longest_backoff: Duration::from_secs(5),
        }
    }
}

/// A mapping to run: a stream, a function, and a destination for descriptions of discarded records.
pub struct Mapping {
    /// The name under which the position is kept: the function's binary.
    pub reader: String,
    /// The settings.
    pub settings: StreamMapping,
    /// The function.
    pub function: Callable,
    /// The failure destination.
    pub failures: Arc<Failures>,
    /// The pace.
    pub pace: Pace,
}

/// A running reader.
#[derive(Debug)]
pub struct StreamReader {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl StreamReader {
    /// The position that a reader saved last, or the mapping's starting position, which is saved: the records after it
    /// are kept for a reader that starts later.
    ///
    /// # Errors
    /// [`DynamoDbError`] when the position cannot be read or saved.
    pub async fn position(store: &DynamoDb, settings: &StreamMapping, reader: &str) -> Result<i64, DynamoDbError> {
        let table = &settings.table;
        if let Some(position) = store.position(table, reader).await? {
            return Ok(position);
        }
        let position = if settings.from_start { 0 } else { store.newest_position(table).await? };
        store.save_position(table, reader, position).await?;
        Ok(position)
    }

    /// Starts at the reader's position.
    ///
    /// # Errors
    /// [`DynamoDbError`] when the position cannot be read or saved.
    pub async fn start(store: Arc<DynamoDb>, mapping: Mapping, written: Arc<Notify>) -> Result<Self, DynamoDbError> {
        let position = Self::position(&store, &mapping.settings, &mapping.reader).await?;
        let (stop, stopped) = oneshot::channel();
        let reader = Reader::new(store, mapping, position);
        let task = tokio::spawn(reader.run(written, stopped));
        Ok(Self { stop, task })
    }

    /// Stops the reader. Running batches get a moment to finish.
    pub async fn stop(self) {
        // Errors mean that the task has ended already.
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

struct Reader {
    store: Arc<DynamoDb>,
    table: String,
    name: String,
    stream_arn: String,
    worker: Arc<Worker>,
    lanes: Lanes,
    saved: i64,
    poll: Duration,
    done: mpsc::UnboundedReceiver<Vec<i64>>,
    running: JoinSet<usize>,
}

impl Reader {
    fn new(store: Arc<DynamoDb>, mapping: Mapping, position: i64) -> Self {
        let settings = &mapping.settings;
        let (sender, done) = mpsc::unbounded_channel();
        Self {
            store,
            table: settings.table.clone(),
            name: mapping.reader.clone(),
            stream_arn: settings.stream_arn.clone(),
            lanes: Lanes::new(settings, position),
            saved: position,
            poll: mapping.pace.poll,
            worker: Arc::new(Worker::new(mapping, sender)),
            done,
            running: JoinSet::new(),
        }
    }

    async fn run(mut self, written: Arc<Notify>, mut stopped: oneshot::Receiver<()>) {
        loop {
            let more = match self.step().await {
                Ok(more) => more,
                Err(DynamoDbError::Stopped) => return,
                Err(error) => {
                    tracing::warn!(%error, "the stream cannot be read; trying again");
                    tokio::time::sleep(Duration::from_millis(500)).await;
                    false
                }
            };
            if more {
                tokio::task::yield_now().await;
                if stopped.try_recv().is_ok() {
                    break;
                }
                continue;
            }
            tokio::select! {
                _ = &mut stopped => break,
                Some(positions) = self.done.recv() => self.lanes.done(&positions),
                Some(ended) = self.running.join_next() => self.free(ended),
                () = written.notified() => {}
                () = tokio::time::sleep(self.poll) => {}
            }
        }
        self.finish().await;
    }

    /// Reads new records, starts batches and saves the position. Gives whether there is more to read at once.
    async fn step(&mut self) -> Result<bool, DynamoDbError> {
        while let Some(ended) = self.running.try_join_next() {
            self.free(ended);
        }
        while let Ok(positions) = self.done.try_recv() {
            self.lanes.done(&positions);
        }
        let mut more = false;
        if self.lanes.waiting() < MAX_WAITING {
            let position = self.lanes.read_up_to();
            let records = self.store.records_after(&self.table, position, READ_LIMIT, &self.stream_arn).await?;
            more = records.len() == READ_LIMIT;
            let now = Instant::now();
            records.into_iter().for_each(|record| self.lanes.push(record, now));
        }
        while let Some((lane, records)) = self.lanes.next_batch(Instant::now()) {
            let worker = Arc::clone(&self.worker);
            self.running.spawn(async move {
                worker.process(records).await;
                lane
            });
        }
        self.save().await?;
        Ok(more && self.lanes.waiting() < MAX_WAITING)
    }

    async fn save(&mut self) -> Result<(), DynamoDbError> {
        let position = self.lanes.position();
        if position > self.saved {
            self.store.save_position(&self.table, &self.name, position).await?;
            self.saved = position;
        }
        Ok(())
    }

    fn free(&mut self, ended: Result<usize, tokio::task::JoinError>) {
        match ended {
            Ok(lane) => self.lanes.free(lane),
            // The worker catches panics of the function, so this is a bug in the reader.
            Err(error) => tracing::error!(%error, "a batch was lost; the next start delivers it again"),
        }
    }

    async fn finish(mut self) {
        let wait = async {
            while let Some(ended) = self.running.join_next().await {
                self.free(ended);
            }
        };
        if tokio::time::timeout(STOP_WAIT, wait).await.is_err() {
            self.running.abort_all();
        }
        while let Ok(positions) = self.done.try_recv() {
            self.lanes.done(&positions);
        }
        if let Err(error) = self.save().await {
            tracing::warn!(%error, "the position in the stream was not saved; some records will be delivered again");
        }
    }
}
