//! The runs of `cargo test`, and those that a variable asks for. After each, RSV-1, RSV-2, RSV-3, RSV-4, RSV-5 and RSV-7 hold.

use std::{env, ops::Range, sync::Arc, time::Instant};

use super::{bench::Bench, run::Run, table::Table};

/// The seeds of `cargo test`.
const SEEDS: Range<u64> = 0..100;

/// How often a run that fails is made again, to find one with fewer faults.
const AGAIN: usize = 20;

/// `7` or `0..100`.
fn range(text: &str) -> Range<u64> {
    let number = |text: &str| text.trim().parse().unwrap_or_else(|_| panic!("{text:?} is no number"));
    match text.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => number(text)..number(text) + 1,
    }
}

#[test]
fn whatever_fails_when_it_stops_every_invariant_holds() {
    let variable = |name| env::var(name).ok().filter(|text| !text.is_empty());
    let seeds = variable("FAULT_SEED").or_else(|| variable("FAULT_SEEDS")).map_or(SEEDS, |text| range(&text));
    let window = variable("FAULT_REQUESTS").map_or(0..u64::MAX, |text| range(&text));
    let (mut bench, mut table, begun) = (Arc::new(Bench::start()), Table::default(), Instant::now());
    let mut failed = Vec::new();
    for seed in seeds {
        let run = Run { window: window.clone(), ..Run::of(seed) };
        let outcome = run.make(&bench);
        table.add(&outcome);
        match outcome.breaches.is_empty() {
            true => bench.clear(),
            false => {
                println!("seed {seed}:\n  {}", outcome.breaches.join("\n  "));
                failed.push(shrunk(&run, outcome.requests));
                // Whatever is left there does not matter to the next run.
                bench = Arc::new(Bench::start());
            }
        }
    }
    table.print(begun.elapsed());
    assert!(failed.is_empty(), "these runs fail:\n{}", failed.join("\n"));
}

/// Makes a run that failed again with fewer faults: first without the last ones, then without the first ones. Gives the
/// shortest that failed.
fn shrunk(run: &Run, requests: u64) -> String {
    let mut tries = AGAIN;
    let mut fails = |window: Range<u64>| {
        tries = tries.checked_sub(1)?;
        let again = Run { window, ..run.clone() };
        Some(!again.make(&Arc::new(Bench::start())).breaches.is_empty())
    };
    let (mut from, mut to) = (run.window.start, run.window.end.min(requests));
    // The smallest end that fails lies in between.
    let (mut low, mut high) = (from, to);
    while low + 1 < high && from < to {
        let middle = low.midpoint(high);
        match fails(from..middle) {
            Some(true) => high = middle,
            Some(false) => low = middle,
            None => break,
        }
    }
    to = high;
    let (mut low, mut high) = (from, to);
    while low + 1 < high {
        let middle = low.midpoint(high);
        match fails(middle..to) {
            Some(true) => low = middle,
            Some(false) => high = middle,
            None => break,
        }
    }
    from = low;
    format!("FAULT_SEED={} FAULT_REQUESTS={from}..{to}", run.seed)
}
