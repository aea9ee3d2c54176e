//! The plan of a run: what the seed decides. Each decision depends on the seed and on the number of what is decided (the
//! request, the invocation, the batch), not on the decisions before it. So a run can be repeated with a part of its faults.

use std::{
    collections::BTreeMap,
    fmt,
    ops::Range,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use crate::support::{
    answers::Trouble,
    faults::{self, Course, Fault, Request},
};

/// How likely each kind of fault is, in percent.
#[derive(Clone, Copy, Debug)]
struct Rates {
    request: u32,
    death: u32,
    jump: u32,
    repeat: u32,
    abandon: u32,
    poison: u32,
    stall: u32,
}

/// The plan of one run.
pub(super) struct Plan {
    seed: u64,
    rates: Rates,
    /// The requests that may suffer a fault, and in whose time anything else may happen.
    window: Range<u64>,
    requests: AtomicU64,
    is_over: AtomicBool,
    counts: Mutex<BTreeMap<String, u64>>,
}

/// What a decision is about. Each has numbers of its own.
#[derive(Clone, Copy, Debug)]
pub(super) enum About {
    Rates = 1,
    Request,
    Invocation,
    Process,
    Batch,
    Client,
    Script,
    Sweep,
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan").field("seed", &self.seed).finish_non_exhaustive()
    }
}

impl Plan {
    pub(super) fn new(seed: u64, window: Range<u64>) -> Self {
        let mut random = of(seed, About::Rates, 0);
        let mut one_of = |rates: &[u32]| *rates.choose(&mut random).unwrap();
        let rates = Rates {
            request: one_of(&[0, 1, 2, 5, 10, 20, 30]),
            death: one_of(&[0, 2, 10, 30]),
            jump: one_of(&[0, 0, 10, 30]),
            repeat: one_of(&[0, 5, 20]),
            abandon: one_of(&[0, 0, 5, 15]),
            poison: one_of(&[0, 0, 10]),
            stall: one_of(&[0, 2, 5]),
        };
        let (requests, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
        Self { seed, rates, window, requests, is_over, counts: Mutex::default() }
    }

    /// The random numbers of a decision.
    pub(super) fn random(&self, about: About, number: u64) -> StdRng {
        of(self.seed, about, number)
    }

    /// Ends all faults.
    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// The number of requests so far.
    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Counts what happened.
    pub(super) fn count(&self, what: &str, number: u64) {
        *self.counts.lock().unwrap().entry(what.to_owned()).or_default() += number;
    }

    pub(super) fn counts(&self) -> BTreeMap<String, u64> {
        self.counts.lock().unwrap().clone()
    }

    fn is_open(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed) && self.window.contains(&self.requests())
    }

    /// Whether something of this rate happens now.
    fn happens(&self, random: &mut StdRng, rate: u32, what: &str) -> bool {
        let happens = random.random_ratio(rate, 100) && self.is_open();
        if happens {
            self.count(what, 1);
        }
        happens
    }

    /// After how many polls an invocation dies.
    pub(super) fn death(&self, number: u64) -> Option<u32> {
        let mut random = self.random(About::Invocation, number);
        // Half of the deaths come in the first few polls, and some late.
        let magnitude = random.random_range(0..8);
        let polls = random.random_range(0..2_u32 << magnitude);
        self.happens(&mut random, self.rates.death, "deaths").then_some(polls)
    }

    /// By how many seconds the clock of a new process is wrong.
    pub(super) fn jump(&self, number: u64) -> i64 {
        let mut random = self.random(About::Process, number);
        let seconds = *[-3_600, 3_600, -600, 600].choose(&mut random).unwrap();
        if self.happens(&mut random, self.rates.jump, "clock jumps") { seconds } else { 0 }
    }

    /// What happens to a batch besides its invocation.
    pub(super) fn batch(&self, number: u64) -> BatchCourse {
        let mut random = self.random(About::Batch, number);
        let mut in_time = |most: u64| Duration::from_millis(random.random_range(0..most));
        let (again, abandon, stall) = (in_time(1_200_000), in_time(20_000), in_time(1_500_000));
        let poison = random.random_range(0..10);
        BatchCourse {
            again: self.happens(&mut random, self.rates.repeat, "records delivered again").then_some(again),
            abandoned: self.happens(&mut random, self.rates.abandon, "invocations abandoned").then_some(abandon),
            poison: self.happens(&mut random, self.rates.poison, "poison records").then_some(poison),
            stall: self.happens(&mut random, self.rates.stall, "stalls").then_some(stall),
        }
    }
}

/// What happens to a batch of the stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct BatchCourse {
    /// It is delivered once more after this time, to another worker.
    pub(super) again: Option<Duration>,
    /// After this time the stream no longer waits for the invocation, which goes on.
    pub(super) abandoned: Option<Duration>,
    /// A record that names no reservation is put at this place.
    pub(super) poison: Option<usize>,
    /// The shard waits this long before the batch.
    pub(super) stall: Option<Duration>,
}

impl faults::Plan for Plan {
    fn next(&self, request: &Request) -> Course {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let mut random = self.random(About::Request, number);
        // Usually some milliseconds, sometimes seconds.
        let mut in_time = || {
            let magnitude = random.random_range(0..12);
            Duration::from_micros(random.random_range(1..1_000_u64 << magnitude))
        };
        let (before, after) = (in_time(), in_time());
        let fault = fault(&mut random, request);
        let is_hit = random.random_ratio(self.rates.request, 100) && self.is_open();
        if is_hit {
            self.count(name(fault), 1);
        }
        Course { before, fault: is_hit.then_some(fault), after }
    }
}

fn fault(random: &mut StdRng, request: &Request) -> Fault {
    let seconds = |random: &mut StdRng, most: u64| Duration::from_millis(random.random_range(1..most * 1_000));
    let trouble = *Trouble::ALL.choose(random).unwrap();
    match random.random_range(0..11) {
        0 => Fault::Fail,
        1 => Fault::LoseAnswer,
        2 => Fault::Hang,
        3 => Fault::HangAfter,
        4 => Fault::SlowBody(seconds(random, 10)),
        5 => Fault::Delay(seconds(random, 10)),
        6 => Fault::Late(seconds(random, 120)),
        7 if ["PutObject", "UploadPart"].contains(&request.operation.as_str()) => Fault::Reset,
        7 | 8 => Fault::RefuseOnce(Trouble::Internal),
        _ => Fault::Refuse(trouble),
    }
}

/// The kind of a fault, for the table.
fn name(fault: Fault) -> &'static str {
    match fault {
        Fault::Fail => "fails before it is sent",
        Fault::LoseAnswer => "done, answer lost",
        Fault::Hang => "never sent, time-out",
        Fault::HangAfter => "done, time-out",
        Fault::SlowBody(_) => "slow body",
        Fault::Delay(_) => "slow",
        Fault::Late(_) => "time-out, done later",
        Fault::Reset => "reset in the middle of an upload",
        Fault::RefuseOnce(_) => "done, answered with 500",
        Fault::Refuse(Trouble::Throttling) => "throttled (ThrottlingException, 503 SlowDown)",
        Fault::Refuse(Trouble::Throughput) => "ProvisionedThroughputExceeded, 503 SlowDown",
        Fault::Refuse(Trouble::Conflict) => "TransactionConflict, 503 SlowDown",
        Fault::Refuse(Trouble::Internal) => "500, or 200 with an error",
        other => unreachable!("{other:?} is in no plan"),
    }
}

/// The random numbers of a decision of a seed (SplitMix64 of the three numbers).
fn of(seed: u64, about: About, number: u64) -> StdRng {
    let mut state = seed;
    for part in [about as u64, number] {
        state = mixed(state.wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_add(part));
    }
    StdRng::seed_from_u64(state)
}

fn mixed(mut state: u64) -> u64 {
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}
