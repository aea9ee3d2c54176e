//! Model 4: the sweep (docs/architecture.md, S5 and step 7; RSV-5).
//!
//! One reservation that waits for the stream function: first for its range, then for its file. The function may be out of
//! service for any time, its tries may fail, and a reservation may kill every worker that touches it. Sweeps run beside one
//! another. Time passes without bound: a reservation without progress becomes stale.
//!
//! | action | code | writes on the condition |
//! |---|---|---|
//! | `Tick` | 15 minutes have passed since `progress_at` | – |
//! | `Sweep`, `Write` | `wake::run`: reads, [`is_stale`], then `Store::wake` | as read: status, incarnation, generation, `version` without a range, upload and next part (`Store::running`), `attempts`, `progress_at` |
//! | `Deliver` | `work::look` | – |
//! | `Count` | `work::count_attempt`: [`Attempt::of`], then `Store::count_attempt` or `Store::fail` | the same, and `woken` exists; `Store::fail` as `Try` |
//! | `Try` | `Store::allocate`, `Store::complete` | `Store::running` |
//! | `Fail` | the try fails or the worker dies; the record comes again, until the stream gives it up | – |
//! | `Down`, `Up` | an outage of the function: every delivery fails | – |
//!
//! The time limit of the stream function is far below 15 minutes. So 15 minutes after `progress_at` was written, every worker
//! that lived then has finished or failed.
//!
//! Left out: other reservations (they share only the time of the sweep), edits by clients (they reset the attempts as
//! progress does), two writes of `progress_at` in one millisecond, and the slices between the first and the last (each
//! resets the attempts, as the allocation does here).

use domain::reservation::{Attempt, Reservation, Status, is_stale};
use stateright::{Model, Property};

use crate::{
    check::{Protocol, exhaust, is_large, refute},
    rows::{Row, time},
};

/// Who counts the attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counting {
    /// The sweep, with each wake, as in older versions.
    Sweep,
    /// The worker, once for each wake, before its try (`Store::count_attempt`). The sweep only wakes. The count sets
    /// `progress_at` too, so that no sweep wakes the reservation during the try.
    Worker,
    /// As `Worker`, but the count leaves `progress_at` as it is.
    WorkerAlone,
}

/// The bounds and the protocol.
#[derive(Clone, Debug)]
struct Sweep {
    /// `MAX_ATTEMPTS` of `domain`, lower.
    max_attempts: u8,
    workers: usize,
    sweeps: usize,
    /// Tries that fail although the reservation is sound.
    failures: u8,
    outages: u8,
    /// Records that come again although they were processed.
    repeats: u8,
    /// `MaximumRetryAttempts` of the stream, lower.
    retries: u8,
    /// Whether the reservation kills every worker that tries it.
    poison: bool,
    counting: Counting,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Stage {
    New,
    InProgress,
    Complete,
    Error,
}

/// The reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Item {
    stage: Stage,
    attempts: u8,
    /// Stands for `version`: 1 for the item that is stored, 0 for any older one ([`State::canonical`]).
    version: u8,
    /// Stands for `progress_at`, in the same way.
    progress: u8,
    /// With [`Counting::Worker`]: woken, and not counted yet.
    woken: bool,
}

impl Item {
    fn is_open(self) -> bool {
        matches!(self.stage, Stage::New | Stage::InProgress)
    }

    /// The reservation that `domain` decides about. Its last progress was at the time 0.
    fn real(self) -> Reservation {
        let status = match self.stage {
            Stage::New => Status::New,
            Stage::InProgress => Status::InProgress,
            Stage::Complete => Status::Complete,
            Stage::Error => Status::Error,
        };
        let row = Row::created(0, 1, 0, 0).real(0);
        Reservation { status, attempts: self.attempts.into(), woken: self.woken, ..row }
    }

    /// The condition of `Store::running`.
    fn is_running_as(self, read: Self) -> bool {
        self.stage == read.stage && (read.stage != Stage::New || self.version == read.version)
    }

    /// The condition of `Step::without_progress_since`: `attempts = :attempts_read AND progress_at = :progress_read`.
    fn is_without_progress_since(self, read: Self) -> bool {
        self.attempts == read.attempts && self.progress == read.progress
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum At {
    /// Has read the item.
    Looked(Item),
    /// Tries its next step.
    Trying(Item),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Worker {
    at: At,
    /// How often its record may still be delivered again.
    left: u8,
    /// Whether `progress_at` was written during its life.
    is_older: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    item: Item,
    is_stale: bool,
    /// The record that waits, and how often it may still be delivered again.
    record: Option<u8>,
    is_up: bool,
    workers: Vec<Worker>,
    /// The copies of sweeps that are about to write.
    sweeps: Vec<Item>,
    failures: u8,
    outages: u8,
    repeats: u8,
    /// The deliveries that workers began to process since the last progress, at most `max_attempts`.
    tries: u8,
}

impl State {
    /// Whether the sweep wakes the reservation now: [`is_stale`].
    fn is_due(&self) -> bool {
        is_stale(&self.item.real(), time(u8::from(self.is_stale)))
    }

    /// The same state with the smallest numbers. A copy is only compared with the stored item, so of its version all that
    /// matters is whether it is the stored one; time and writes are therefore without bound.
    fn canonical(mut self) -> Self {
        let stored = self.item;
        let older = |copy: &mut Item| {
            copy.version = u8::from(copy.version == stored.version);
            copy.progress = u8::from(copy.progress == stored.progress);
        };
        let copies = self.workers.iter_mut().map(|worker| match &mut worker.at {
            At::Looked(item) | At::Trying(item) => item,
        });
        copies.chain(&mut self.sweeps).for_each(older);
        (self.item.version, self.item.progress) = (1, 1);
        self.workers.sort_unstable();
        self.sweeps.sort_unstable();
        self
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Action {
    Tick,
    Sweep,
    Write(usize),
    Deliver,
    Repeat,
    Count(usize),
    Try(usize),
    Fail(usize),
    Down,
    Up,
}

impl Sweep {
    /// A write of the item. It adds 1 to `version`, and its stream record is delivered up to `retries` times again.
    fn write(&self, state: &mut State, item: Item, sets_progress: bool) {
        state.item = Item { version: state.item.version + 1, ..item };
        state.record = Some(self.retries);
        if sets_progress {
            state.item.progress += 1;
            state.is_stale = false;
            for worker in &mut state.workers {
                worker.is_older = true;
            }
        }
    }

    /// A record fails: it comes again, or the stream gives it up. A younger record has more deliveries left.
    fn fail(state: &mut State, left: u8) {
        state.record = state.record.max(left.checked_sub(1));
    }

    /// What a sweep writes that has read `read`.
    fn wake(&self, state: &mut State, read: Item) {
        if !state.item.is_running_as(read) || !state.item.is_without_progress_since(read) {
            return;
        }
        let item = state.item;
        match self.counting {
            Counting::Sweep if read.attempts < self.max_attempts => {
                self.write(state, Item { attempts: read.attempts + 1, ..item }, true);
            }
            Counting::Sweep => self.write(state, Item { stage: Stage::Error, ..item }, false),
            Counting::Worker | Counting::WorkerAlone => self.write(state, Item { woken: true, ..item }, true),
        }
    }

    /// What a worker does that has read `read`: it counts the wake, if it was woken, and tries.
    fn count(&self, state: &mut State, worker: Worker, read: Item) {
        let trying = |item| Worker { at: At::Trying(item), ..worker };
        let is_as_read = state.item.is_running_as(read) && state.item.is_without_progress_since(read);
        match Attempt::of(&read.real(), self.max_attempts.into()) {
            Attempt::Try => state.workers.push(trying(read)),
            // Otherwise another worker has counted this wake, and tries.
            Attempt::Count if is_as_read && state.item.woken => {
                let counted = read.real().counted(time(1));
                let attempts = u8::try_from(counted.attempts).expect("the numbers of a model are small");
                let sets_progress = self.counting == Counting::Worker;
                self.write(state, Item { attempts, woken: counted.woken, ..state.item }, sets_progress);
                let item = state.item;
                state.workers.push(Worker { is_older: worker.is_older || sets_progress, ..trying(item) });
            }
            Attempt::GiveUp if state.item.is_running_as(read) => {
                self.write(state, Item { stage: Stage::Error, woken: false, ..state.item }, false);
            }
            Attempt::Count | Attempt::GiveUp => {}
        }
    }
}

impl Model for Sweep {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let item = Item { stage: Stage::New, attempts: 0, version: 1, progress: 1, woken: false };
        vec![State {
            item,
            is_stale: false,
            record: Some(self.retries),
            is_up: true,
            workers: vec![],
            sweeps: vec![],
            failures: self.failures,
            outages: self.outages,
            repeats: self.repeats,
            tries: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        // A worker ends within its time limit: it has finished or failed before.
        if state.item.is_open() && !state.is_stale && !state.workers.iter().any(|worker| worker.is_older) {
            actions.push(Action::Tick);
        }
        if state.is_due() && state.sweeps.len() < self.sweeps {
            actions.push(Action::Sweep);
        }
        actions.extend((0..state.sweeps.len()).map(Action::Write));
        if state.record.is_some() && (state.workers.len() < self.workers || !state.is_up) {
            actions.push(Action::Deliver);
        }
        if state.record.is_none() && state.repeats > 0 {
            actions.push(Action::Repeat);
        }
        for (position, worker) in state.workers.iter().enumerate() {
            match worker.at {
                At::Looked(_) => actions.push(Action::Count(position)),
                At::Trying(_) if !self.poison => actions.push(Action::Try(position)),
                At::Trying(_) => {}
            }
            let dies = self.poison && matches!(worker.at, At::Trying(_));
            if dies || state.failures > 0 {
                actions.push(Action::Fail(position));
            }
        }
        match state.is_up {
            true if state.outages > 0 => actions.push(Action::Down),
            true => {}
            false => actions.push(Action::Up),
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Tick => state.is_stale = true,
            Action::Sweep => state.sweeps.push(state.item),
            Action::Write(position) => {
                let read = state.sweeps.remove(position);
                self.wake(&mut state, read);
            }
            Action::Deliver => {
                let left = state.record.take()?;
                if !state.is_up {
                    Self::fail(&mut state, left);
                } else if state.item.is_open() {
                    state.tries = (state.tries + 1).min(self.max_attempts);
                    state.workers.push(Worker { at: At::Looked(state.item), left, is_older: false });
                }
            }
            Action::Repeat => {
                state.repeats -= 1;
                state.record = Some(0);
            }
            Action::Count(position) => {
                let worker = state.workers.remove(position);
                let At::Looked(read) = worker.at else { return None };
                self.count(&mut state, worker, read);
            }
            Action::Try(position) => {
                let worker = state.workers.remove(position);
                let At::Trying(read) = worker.at else { return None };
                if state.item.is_running_as(read) {
                    let stage = if read.stage == Stage::New { Stage::InProgress } else { Stage::Complete };
                    let item = Item { stage, attempts: 0, woken: false, ..state.item };
                    self.write(&mut state, item, true);
                    state.tries = 0;
                }
            }
            Action::Fail(position) => {
                let worker = state.workers.remove(position);
                if !(self.poison && matches!(worker.at, At::Trying(_))) {
                    state.failures -= 1;
                }
                Self::fail(&mut state, worker.left);
            }
            Action::Down => {
                state.is_up = false;
                state.outages -= 1;
                for worker in std::mem::take(&mut state.workers) {
                    Self::fail(&mut state, worker.left);
                }
            }
            Action::Up => state.is_up = true,
        }
        Some(state.canonical())
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let end = match self.poison {
            true => Property::sometimes("a reservation that kills its workers ends as error", |_, state: &State| {
                state.item.stage == Stage::Error
            }),
            false => Property::sometimes("it is complete after an outage", |_, state: &State| {
                state.item.stage == Stage::Complete && state.outages == 0 && state.is_up
            }),
        };
        vec![
            Property::always("it ends as error only after all its tries", |model: &Sweep, state: &State| {
                state.item.stage != Stage::Error || state.tries >= model.max_attempts
            }),
            Property::always("a sound reservation never ends as error", |model: &Sweep, state: &State| {
                model.poison || state.item.stage != Stage::Error
            }),
            end,
        ]
    }
}

impl Protocol for Sweep {
    fn bounds(&self) -> String {
        let Self { max_attempts, workers, sweeps, failures, outages, repeats, retries, poison, counting } = self;
        format!(
            "{max_attempts} attempts counted by {counting:?}, poison {poison}, {workers} workers, {sweeps} sweeps, \
             {failures} failures, {outages} outages, {repeats} repeats, {retries} retries, any time"
        )
    }

    fn line(&self, state: &State) -> String {
        let Item { stage, attempts, woken, .. } = state.item;
        format!(
            "{stage:?} attempts {attempts}{}{} | {} | record {:?} | {} workers, {} sweeps | {} tries",
            if woken { ", woken" } else { "" },
            if state.is_stale { ", no progress for 15 minutes" } else { "" },
            if state.is_up { "up" } else { "down" },
            state.record,
            state.workers.len(),
            state.sweeps.len(),
            state.tries,
        )
    }

    fn is_end(&self, state: &State) -> bool {
        let ended = if self.poison { Stage::Error } else { Stage::Complete };
        state.item.stage == ended && state.record.is_none() && state.workers.is_empty() && state.sweeps.is_empty()
    }
}

/// What every test starts from: more attempts than failures and outages together.
fn model() -> Sweep {
    Sweep {
        max_attempts: 3,
        workers: 2,
        sweeps: 2,
        failures: 1,
        outages: 1,
        repeats: 1,
        retries: 1,
        poison: false,
        counting: Counting::Worker,
    }
}

#[test]
fn rsv_5_an_outage_of_any_length_ends_with_everything_complete_if_workers_count() {
    let small = [model(), Sweep { poison: true, failures: 0, max_attempts: 2, ..model() }];
    let large = [
        Sweep { max_attempts: 5, failures: 2, outages: 2, repeats: 2, ..model() },
        Sweep { poison: true, max_attempts: 3, ..model() },
    ];
    for model in if is_large() { large } else { small } {
        exhaust("sweep", model);
    }
}

#[test]
fn if_the_sweep_counts_its_own_wakes_an_outage_ends_a_reservation_that_nobody_tried() {
    let sweep = Sweep { counting: Counting::Sweep, failures: 0, repeats: 0, sweeps: 1, workers: 1, ..model() };
    refute("sweep that counts", sweep.clone(), "a sound reservation never ends as error");
    refute("sweep that counts", sweep, "it ends as error only after all its tries");
}

#[test]
fn if_the_count_leaves_the_time_of_progress_the_next_wake_overtakes_the_try() {
    let sweep = Sweep { counting: Counting::WorkerAlone, failures: 0, repeats: 0, outages: 0, ..model() };
    refute("count without progress_at", sweep, "a sound reservation never ends as error");
}
