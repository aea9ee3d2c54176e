//! Distributes the stream's records to lanes by item, filters them, and tracks which are done. Pure: no I/O and no
//! clock.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{dynamodb::StreamRecord, stream::filter::Pattern, template::StreamMapping};

/// Maximum size of a batch, in bytes of JSON.
const MAX_BATCH: usize = 6 * 1024 * 1024;

pub(super) struct Lanes {
    filters: Vec<Pattern>,
    batch_size: usize,
    window: Duration,
    lanes: Vec<Lane>,
    /// Positions of records that were read and are not done.
    open: BTreeSet<i64>,
    read_up_to: i64,
    waiting: usize,
}

#[derive(Default)]
struct Lane {
    /// Records, each with its size and when it was read.
    queue: VecDeque<(StreamRecord, usize, Instant)>,
    busy: bool,
}

impl Lanes {
    pub(super) fn new(mapping: &StreamMapping, position: i64) -> Self {
        Self {
            filters: mapping.filters.clone(),
            batch_size: mapping.batch_size.max(1),
            window: mapping.window,
            lanes: (0..mapping.parallelization_factor.max(1)).map(|_| Lane::default()).collect(),
            open: BTreeSet::new(),
            read_up_to: position,
            waiting: 0,
        }
    }

    /// Adds the next record of the stream, which was read at `now`.
    pub(super) fn push(&mut self, record: StreamRecord, now: Instant) {
        self.read_up_to = record.position;
        if !self.filters.is_empty() && !self.filters.iter().any(|filter| filter.matches(&record.event)) {
            return;
        }
        let lane = lane_of(&record.event, self.lanes.len());
        if let Some(lane) = self.lanes.get_mut(lane) {
            self.open.insert(record.position);
            self.waiting += 1;
            let size = record.event.to_string().len();
            lane.queue.push_back((record, size, now));
        }
    }

    /// The next batch, from one lane; `None` if there is none at `now`. A batch is due when it is full, or when its
    /// first record has waited for the window. The lane is busy until `free` is called.
    pub(super) fn next_batch(&mut self, now: Instant) -> Option<(usize, Vec<StreamRecord>)> {
        let is_due = |lane: &Lane| {
            let first = lane.queue.front();
            lane.queue.len() >= self.batch_size
                || first.is_some_and(|(_, _, since)| now.saturating_duration_since(*since) >= self.window)
        };
        let (number, lane) = self.lanes.iter_mut().enumerate().find(|(_, lane)| !lane.busy && is_due(lane))?;
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < self.batch_size
            && let Some((record, size, since)) = lane.queue.pop_front()
        {
            bytes += size;
            if bytes > MAX_BATCH && !batch.is_empty() {
                lane.queue.push_front((record, size, since));
                break;
            }
            batch.push(record);
        }
        lane.busy = true;
        self.waiting -= batch.len();
        Some((number, batch))
    }

    pub(super) fn free(&mut self, lane: usize) {
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.busy = false;
        }
    }

    pub(super) fn done(&mut self, positions: &[i64]) {
        for position in positions {
            self.open.remove(position);
        }
    }

    /// The number of records that wait for a batch.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    pub(super) fn read_up_to(&self) -> i64 {
        self.read_up_to
    }

    /// The position up to which all records are done.
    pub(super) fn position(&self) -> i64 {
        self.open.first().map_or(self.read_up_to, |open| open - 1)
    }
}

/// All records of one item use the same lane, so they stay in order.
fn lane_of(event: &Value, lanes: usize) -> usize {
    let keys = event.pointer("/dynamodb/Keys").and_then(Value::as_object);
    let keys: BTreeMap<&String, String> =
        keys.into_iter().flatten().map(|(name, value)| (name, value.to_string())).collect();
    let mut hasher = DefaultHasher::new();
    keys.hash(&mut hasher);
    usize::try_from(hasher.finish() % (lanes.max(1) as u64)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mapping(extra: &str) -> StreamMapping {
        let text = format!(
            "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      Events:\n        S:\n          Type: DynamoDB\n          \
             Properties:\n            Stream: arn:aws:dynamodb:r:1:table/T/stream/x\n            StartingPosition: TRIM_HORIZON\n{extra}"
        );
        crate::template::Template::parse(&text, &[]).unwrap().stream_mappings().next().unwrap().1.clone()
    }

    /// No test depends on the time unless it says so.
    fn now() -> Instant {
        Instant::now()
    }

    fn record(position: i64, id: &str) -> StreamRecord {
        StreamRecord { position, event: json!({"eventName": "INSERT", "dynamodb": {"Keys": {"id": {"S": id}}}}) }
    }

    #[test]
    fn records_of_one_item_stay_in_one_lane_and_in_order() {
        let mut lanes = Lanes::new(&mapping("            ParallelizationFactor: 10\n            BatchSize: 2\n"), 0);
        for position in 1..=100 {
            lanes.push(record(position, &format!("item-{}", position % 7)), now());
        }
        let mut lane_of_item: BTreeMap<String, usize> = BTreeMap::new();
        let mut last: BTreeMap<String, i64> = BTreeMap::new();
        while let Some((lane, batch)) = lanes.next_batch(now()) {
            assert!(batch.len() <= 2);
            for record in batch {
                let id = record.event["dynamodb"]["Keys"]["id"]["S"].as_str().unwrap().to_owned();
                assert_eq!(*lane_of_item.entry(id.clone()).or_insert(lane), lane);
                assert!(last.insert(id, record.position).is_none_or(|before| before < record.position));
            }
            lanes.free(lane);
        }
        assert_eq!(last.len(), 7);
        assert_eq!(lanes.waiting(), 0);
    }

    #[test]
    fn a_busy_lane_gives_no_second_batch() {
        let mut lanes = Lanes::new(&mapping("            BatchSize: 1\n"), 0);
        lanes.push(record(1, "a"), now());
        lanes.push(record(2, "b"), now());
        let (lane, first) = lanes.next_batch(now()).unwrap();
        assert_eq!(first[0].position, 1);
        assert!(lanes.next_batch(now()).is_none());
        lanes.free(lane);
        assert_eq!(lanes.next_batch(now()).unwrap().1[0].position, 2);
    }

    #[test]
    fn the_position_moves_only_over_what_is_done() {
        let mut lanes = Lanes::new(&mapping(""), 4);
        assert_eq!(lanes.position(), 4);
        for position in [10, 20, 30] {
            lanes.push(record(position, "a"), now());
        }
        assert_eq!(lanes.position(), 9);
        lanes.done(&[20]);
        assert_eq!(lanes.position(), 9);
        lanes.done(&[10]);
        assert_eq!(lanes.position(), 29);
        lanes.done(&[30]);
        assert_eq!(lanes.position(), 30);
    }

    #[test]
    fn filtered_records_never_arrive_and_do_not_hold_the_position() {
        let filter = "            FilterCriteria: {Filters: [{Pattern: '{\"eventName\":[\"REMOVE\"]}'}]}\n";
        let mut lanes = Lanes::new(&mapping(filter), 0);
        lanes.push(record(7, "a"), now());
        assert!(lanes.next_batch(now()).is_none());
        assert_eq!(lanes.position(), 7);
    }

    #[test]
    fn a_batch_has_at_most_six_megabytes() {
        let mut lanes = Lanes::new(&mapping("            BatchSize: 100\n"), 0);
        for position in 1..=20 {
            let event =
                json!({"dynamodb": {"Keys": {"id": {"S": "a"}}, "NewImage": {"x": {"S": "x".repeat(400_000)}}}});
            lanes.push(StreamRecord { position, event }, now());
        }
        let (_, batch) = lanes.next_batch(now()).unwrap();
        assert_eq!(batch.len(), 15);
    }

    #[test]
    fn a_batch_that_is_not_full_waits_for_its_window() {
        let mut lanes =
            Lanes::new(&mapping("            BatchSize: 3\n            MaximumBatchingWindowInSeconds: 1\n"), 0);
        let begin = now();
        let at = |milliseconds| begin + Duration::from_millis(milliseconds);
        lanes.push(record(1, "a"), at(0));
        lanes.push(record(2, "b"), at(700));
        assert!(lanes.next_batch(at(999)).is_none());
        assert_eq!(lanes.next_batch(at(1_000)).unwrap().1.len(), 2, "the first record has waited long enough");
        lanes.free(0);
        for position in 3..=6 {
            lanes.push(record(position, "a"), at(1_100));
        }
        assert_eq!(lanes.next_batch(at(1_100)).unwrap().1.len(), 3, "a full batch does not wait");
        lanes.free(0);
        assert!(lanes.next_batch(at(1_200)).is_none());
    }
}
