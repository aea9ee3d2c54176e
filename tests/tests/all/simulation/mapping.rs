//! The stream between the table and `reserve-codes`, as Lambda's event source mapping delivers it when things go wrong:
//! batches twice, late, in any order between shards, beside a record that always fails, and given up after some retries.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use common::context::Context;
use local::dynamodb::StreamRecord;
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{
    history::History,
    plan::BatchCourse,
    world::{Ended, World},
};
use crate::support::{manual::events, stream};

/// Maximum records of a batch (`BatchSize`).
const BATCH: usize = 10;
/// Fewer retries than `MaximumRetryAttempts`, so that more records are given up.
const RETRIES: u32 = 2;
/// The time limit of the function.
const LIMIT: Duration = Duration::from_secs(120);

/// A mapping that runs.
pub(super) struct Mapping {
    world: Arc<World>,
    shards: Vec<UnboundedSender<StreamRecord>>,
    position: AtomicI64,
    /// Records that wait or are processed, and invocations that nobody waits for.
    busy: Arc<AtomicUsize>,
    batches: AtomicU64,
    given_up: Mutex<Vec<StreamRecord>>,
    history: Mutex<History>,
}

impl Mapping {
    /// Starts to read the stream into this number of shards. There is one worker for each.
    pub(super) fn start(world: &Arc<World>, shards: usize) -> Arc<Self> {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..shards).map(|_| unbounded_channel()).unzip();
        let mapping = Arc::new(Self {
            world: Arc::clone(world),
            shards: senders,
            position: AtomicI64::new(world.bench.position()),
            busy: Arc::default(),
            batches: AtomicU64::new(0),
            given_up: Mutex::default(),
            history: Mutex::default(),
        });
        for receiver in receivers {
            tokio::spawn(Arc::clone(&mapping).shard(receiver));
        }
        tokio::spawn(Arc::clone(&mapping).read_all());
        mapping
    }

    /// What the records said.
    pub(super) fn history(&self) -> History {
        self.history.lock().unwrap().clone()
    }

    /// Delivers what was given up once more, as the replay of the failure queue does.
    pub(super) fn replay(&self) {
        for record in std::mem::take(&mut *self.given_up.lock().unwrap()) {
            self.world.plan.count("records replayed", 1);
            self.push(record);
        }
    }

    /// Waits until every record is processed.
    ///
    /// # Panics
    /// After two days.
    pub(super) async fn drain(&self) {
        let end = self.world.clock.now() + Duration::from_secs(2 * 86_400);
        while self.read() || self.busy.load(Ordering::Relaxed) > 0 {
            assert!(self.world.clock.now() < end, "the stream does not become empty");
            self.world.sleep(Duration::from_millis(500)).await;
        }
    }

    async fn read_all(self: Arc<Self>) {
        loop {
            self.world.written.notified().await;
            self.world.sleep(Duration::from_millis(100)).await;
            while self.read() {}
        }
    }

    /// Reads new records into the shards. Gives whether there were any.
    fn read(&self) -> bool {
        let records = self.world.bench.records_after(self.position.load(Ordering::Relaxed));
        let Some(last) = records.last() else { return false };
        self.position.store(last.position, Ordering::Relaxed);
        for record in records {
            self.history.lock().unwrap().note(&record.event);
            self.push(record);
        }
        true
    }

    fn push(&self, record: StreamRecord) {
        // All records of an item are in one shard.
        let mut hasher = DefaultHasher::new();
        record.event["dynamodb"]["Keys"].to_string().hash(&mut hasher);
        let shard = usize::try_from(hasher.finish() % self.shards.len() as u64).unwrap();
        self.busy.fetch_add(1, Ordering::Relaxed);
        self.shards[shard].send(record).unwrap();
    }

    async fn shard(self: Arc<Self>, mut waiting: UnboundedReceiver<StreamRecord>) {
        let mut worker = None;
        while let Some(first) = waiting.recv().await {
            let mut records = vec![first];
            while records.len() < BATCH
                && let Ok(next) = waiting.try_recv()
            {
                records.push(next);
            }
            let number = records.len();
            let course = self.world.plan.batch(self.batches.fetch_add(1, Ordering::Relaxed));
            self.clone().process(&mut worker, records, course).await;
            self.busy.fetch_sub(number, Ordering::Relaxed);
        }
    }

    /// Delivers a batch until each record is done or given up.
    async fn process(
        self: Arc<Self>,
        worker: &mut Option<Arc<Context>>,
        mut records: Vec<StreamRecord>,
        course: BatchCourse,
    ) {
        if let Some(time) = course.stall {
            self.world.sleep(time).await;
        }
        if let Some(time) = course.again {
            Arc::clone(&self).deliver_again(records.clone(), time);
        }
        if let Some(place) = course.poison {
            records.insert(place.min(records.len()), poison());
        }
        let mut abandoned = course.abandoned;
        // In reverse order, so that records stay in order when a batch is split.
        let mut tasks = vec![(records, 0)];
        while let Some((mut records, retries)) = tasks.pop() {
            let Some(index) = self.invoke(worker, &records, abandoned.take()).await else { continue };
            let mut rest = records.split_off(index);
            if index > 0 {
                tasks.push((rest, retries));
            } else if rest.len() > 1 {
                let second = rest.split_off(rest.len() / 2);
                tasks.push((second, retries));
                tasks.push((rest, retries));
            } else if retries < RETRIES {
                self.world.sleep(Duration::from_secs(1) * 2_u32.pow(retries)).await;
                tasks.push((rest, retries + 1));
            } else {
                self.world.plan.count("records given up", 1);
                self.given_up.lock().unwrap().extend(rest);
            }
        }
    }

    /// Delivers records once more after a time, to a worker of their own, whatever becomes of it.
    fn deliver_again(self: Arc<Self>, records: Vec<StreamRecord>, time: Duration) {
        self.busy.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            self.world.sleep(time).await;
            self.invoke(&mut None, &records, None).await;
            self.busy.fetch_sub(1, Ordering::Relaxed);
        });
    }

    /// One invocation. Gives the first record that failed.
    async fn invoke(
        &self,
        worker: &mut Option<Arc<Context>>,
        records: &[StreamRecord],
        abandoned: Option<Duration>,
    ) -> Option<usize> {
        let context = Arc::clone(worker.get_or_insert_with(|| self.world.process(|_| {})));
        let events = events(records);
        let (world, busy) = (Arc::clone(&self.world), Arc::clone(&self.busy));
        self.busy.fetch_add(1, Ordering::Relaxed);
        // A task of its own, so that the invocation goes on when nobody waits for it.
        let invocation = tokio::spawn(async move {
            let ended = world.invoke(LIMIT, stream::handle(&context, events)).await;
            busy.fetch_sub(1, Ordering::Relaxed);
            ended
        });
        let ended = match abandoned {
            None => invocation.await.unwrap(),
            Some(time) => match futures::future::select(invocation, self.world.clock.sleep(time)).await {
                futures::future::Either::Left((ended, _)) => ended.unwrap(),
                futures::future::Either::Right(_) => Ended::Died,
            },
        };
        match ended {
            Ended::Answered(failed) => {
                let sequence = |record: &StreamRecord| record.event["dynamodb"]["SequenceNumber"].clone();
                let is_failed = |record| failed.iter().any(|number| sequence(record) == number.as_str());
                records.iter().position(is_failed)
            }
            Ended::Died | Ended::TimedOut => {
                *worker = None;
                Some(0)
            }
        }
    }
}

/// A record that names no reservation, so it always fails.
fn poison() -> StreamRecord {
    let event = json!({
        "eventID": "poison", "eventName": "MODIFY", "eventVersion": "1.1", "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1", "eventSourceARN": "arn:aws:dynamodb:stream",
        "dynamodb": { "ApproximateCreationDateTime": 0, "Keys": { "id": { "S": "poison" } }, "NewImage": {}, "OldImage": {},
            "SequenceNumber": "7", "SizeBytes": 1, "StreamViewType": "NEW_AND_OLD_IMAGES" },
    });
    StreamRecord { position: 0, event }
}
