//! The ranges that reservations ever had, from the records of the stream: also those of reservations that are gone. A code
//! that was printed and deleted must not be issued again.

use std::collections::BTreeMap;

use common::reservation::invariants::RangeState;
use serde_json::Value;
use uuid::Uuid;

/// A range of a pool: its namespace, first index and number of indexes.
type Range = (String, u64, u64);

/// What the stream told so far.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    ranges: BTreeMap<Uuid, Vec<Range>>,
}

impl History {
    /// Notes what a record says.
    pub(super) fn note(&mut self, event: &Value) {
        let image = &event["dynamodb"]["NewImage"];
        let range = &image["range"]["M"];
        if range.is_null() {
            return;
        }
        let number = |name: &str| range[name]["N"].as_str().unwrap().parse().unwrap();
        let incarnation = image["incarnation"]["S"].as_str().unwrap().parse().unwrap();
        let range = (range["namespace"]["S"].as_str().unwrap().to_owned(), number("start"), number("count"));
        let known = self.ranges.entry(incarnation).or_default();
        if !known.contains(&range) {
            known.push(range);
        }
    }

    /// Breaches of RSV-1, RSV-2 and RSV-7 over all time; `entries` are the range entries of today.
    pub(super) fn breaches(&self, entries: &[RangeState]) -> Vec<String> {
        let mut breaches = Vec::new();
        let mut all: Vec<(&Range, &Uuid)> =
            self.ranges.iter().flat_map(|(owner, ranges)| ranges.iter().map(move |range| (range, owner))).collect();
        all.sort();
        for pair in all.windows(2) {
            if let [((one, start, count), first), ((two, next, _), second)] = pair
                && one == two
                && start + count > *next
            {
                breaches.push(format!("RSV-1: {first} and {second} have codes of {one} in common, from {next}"));
            }
        }
        for (incarnation, ranges) in self.ranges.iter().filter(|(_, ranges)| ranges.len() > 1) {
            breaches.push(format!("RSV-2: {incarnation} had the ranges {ranges:?}"));
        }
        for ((namespace, start, count), owner) in all {
            let is_this = |entry: &&RangeState| entry.namespace == *namespace && entry.start == *start;
            let entry = entries.iter().find(is_this);
            if entry.is_none_or(|entry| entry.count != *count || entry.incarnation != Some(*owner)) {
                breaches.push(format!("RSV-7: the range {start} of {namespace} was {owner}'s, and is {entry:?}"));
            }
        }
        breaches
    }
}
