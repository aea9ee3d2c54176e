//! The sum of many runs, as the table of docs/reliability.md.

use std::{collections::BTreeMap, time::Duration};

use super::run::Outcome;

/// What happened in many runs.
#[derive(Debug, Default)]
pub(super) struct Table {
    runs: u64,
    broken: u64,
    requests: u64,
    counts: BTreeMap<String, u64>,
    /// The invariants that were broken, each with the number of runs in which it was.
    breaches: BTreeMap<String, u64>,
}

impl Table {
    pub(super) fn add(&mut self, outcome: &Outcome) {
        self.runs += 1;
        self.broken += u64::from(!outcome.breaches.is_empty());
        self.requests += outcome.requests;
        for (what, number) in &outcome.counts {
            *self.counts.entry(what.clone()).or_default() += number;
        }
        let mut kinds: Vec<&str> =
            outcome.breaches.iter().map(|breach| breach.split(':').next().unwrap_or_default()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        for kind in kinds {
            *self.breaches.entry(kind.to_owned()).or_default() += 1;
        }
    }

    /// Prints lines that the script adds up: a number and what it counts.
    pub(super) fn print(&self, time: Duration) {
        println!("= {} runs", self.runs);
        println!("= {} requests to the stores", self.requests);
        for (what, number) in &self.counts {
            println!("= {number} {what}");
        }
        println!("= {} runs with breaches", self.broken);
        println!("= {} milliseconds", time.as_millis());
        for (kind, runs) in &self.breaches {
            println!("{kind} is broken in {runs} runs");
        }
    }
}
