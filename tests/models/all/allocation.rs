//! Model 1: allocation while clients edit (docs/architecture.md, S1, S2 and C2; RSV-1, RSV-2, RSV-3, RSV-8, RSV-9).
//!
//! Workers get batches of hints, read each reservation, read the pool and the count of the day, and write one transaction.
//! Between any two of these steps other workers and clients write, and the worker may die. Records come twice, late, in
//! any order and in any grouping.
//!
//! | action | code | writes on the condition |
//! |---|---|---|
//! | `Deliver`, `Step` of a worker that reads | `work::look` | – |
//! | `Step` of a group | `allocate::Group::attempt`, `Store::pool`, `Today::read` | – |
//! | `Step` of a worker that places | `Store::allocate` | `Tables::allocate` |
//! | `Step` of a worker that refuses | `allocate::Group::fail_refused`, `Store::fail` | `Row::is_running_as` |
//! | `Edit`, `Write` | `operations::update`, `Store::replace` | `incarnation` and `version` as read |
//! | `Die` | the process ends, or DynamoDB gives no answer, before or after it did the last write | – |
//! | `Again` | a record is delivered although it was processed | – |
//!
//! A lost answer of the transaction needs no action of its own: the SDK's retry has the same token and does nothing, and
//! an error fails the record, as a death does. A `TransactionConflict` is a delay.
//!
//! Left out: more than one pool (groups share nothing but the counts), character sets, permanent errors of the input
//! (model 3 has `fail`), a change of day, the check value of the key, creation and deletion (model 3), and the export.

use domain::reservation::{Work, invariants::Breach};
use serde_json::{Value, json};
use stateright::{Model, Property};

use crate::{
    check::{Protocol, exhaust, is_large, refute},
    rows::{Row, RowStatus, organisation},
    tables::{Overtaken, Placement, Pool, TODAY, Tables, Writing},
};

/// The bounds and the protocol.
#[derive(Clone, Debug)]
struct Allocation {
    /// The quantity of each reservation.
    quantities: &'static [u8],
    /// The codes of the pool.
    capacity: u8,
    /// The codes that organisation 0 may get.
    quota: Option<u8>,
    workers: usize,
    clients: usize,
    edits: u8,
    /// Deaths and repeated deliveries.
    faults: u8,
    writing: Writing,
    /// Whether the transaction is split into two writes.
    split: bool,
}

/// `allocate::MAX_TRIES`, lower so that it is reached.
const MAX_TRIES: u8 = 2;

/// What `has_room` allows in one transaction, lower so that it is reached.
const MAX_PLACEMENTS: usize = 2;

/// A change that a client requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Edit {
    Quantity(u8),
    Organisation(u8),
    Close,
    Reopen,
}

const EDITS: [Edit; 5] = [Edit::Quantity(1), Edit::Quantity(2), Edit::Organisation(1), Edit::Close, Edit::Reopen];

impl Edit {
    fn json(self) -> Value {
        match self {
            Self::Quantity(quantity) => json!({"quantity": quantity}),
            Self::Organisation(number) => json!({"reserved_for": organisation(number)}),
            Self::Close => json!({"status": "complete"}),
            Self::Reopen => json!({"status": "new"}),
        }
    }
}

/// The reservations of a group, as `allocate::Waiting`.
type Waiting = Vec<(u8, Row)>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Worker {
    Idle,
    /// Reads the reservations of its batch one after the other.
    Reading {
        batch: Vec<u8>,
        read: Waiting,
    },
    /// About to read the pool.
    Group {
        waiting: Waiting,
        tries: u8,
    },
    /// Has read the pool and is about to read the count of the day.
    Counting {
        waiting: Waiting,
        tries: u8,
        entry: Option<Pool>,
    },
    /// About to write.
    Placing {
        waiting: Waiting,
        tries: u8,
        entry: Option<Pool>,
        codes_today: u8,
    },
    /// Between the two writes of a split allocation.
    Half {
        waiting: Waiting,
        tries: u8,
        placements: Vec<Placement>,
    },
    /// Ends reservations that do not fit, one after the other.
    Refusing {
        waiting: Waiting,
        tries: u8,
        refused: Waiting,
    },
}

/// A client between its read and its write.
type Client = Option<(u8, Edit, Row)>;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    tables: Tables,
    /// Reservations with a record that waits to be delivered.
    hints: Vec<bool>,
    workers: Vec<Worker>,
    clients: Vec<Client>,
    edits: u8,
    faults: u8,
    /// The quantity and the organisation that clients were told are stored.
    accepted: Vec<(u8, u8)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Action {
    /// A worker gets the records of these reservations.
    Deliver(Vec<u8>),
    /// The worker of this position does its next step.
    Step(usize),
    Die(usize),
    /// A record that was processed comes again.
    Again(u8),
    /// A client reads a reservation to change it.
    Edit(u8, Edit),
    /// The client of this position writes.
    Write(usize),
}

impl Allocation {
    /// The placements and the refused of one attempt, from what was read (`Group::attempt`): first the quota, then the
    /// pool, then the room in the transaction.
    fn place(&self, waiting: &Waiting, entry: Option<Pool>, codes_today: u8) -> (Vec<Placement>, Vec<usize>) {
        let mut next = entry.map_or(0, |pool| pool.next);
        let mut added = 0;
        let (mut placements, mut refused) = (Vec::new(), Vec::new());
        for (position, (id, read)) in waiting.iter().enumerate() {
            let counts = self.quota.filter(|_| read.organisation == 0);
            if counts.is_some_and(|quota| read.quantity > quota.saturating_sub(codes_today).saturating_sub(added))
                || next + read.quantity > self.capacity
            {
                refused.push(position);
            } else if placements.len() < MAX_PLACEMENTS {
                placements.push(Placement { id: *id, read: *read, start: next });
                next += read.quantity;
                added += counts.map_or(0, |_| read.quantity);
            } else {
                break;
            }
        }
        (placements, refused)
    }

    /// One attempt at the transaction, from `Placing`.
    fn attempt(&self, state: &mut State, waiting: Waiting, tries: u8, entry: Option<Pool>, codes_today: u8) -> Worker {
        let (placements, refused) = self.place(&waiting, entry, codes_today);
        if placements.is_empty() {
            let refused = refused.into_iter().map(|position| waiting[position]).collect::<Waiting>();
            let waiting = waiting.into_iter().filter(|one| !refused.contains(one)).collect();
            return Worker::Refusing { waiting, tries, refused };
        }
        if self.split {
            return match state.tables.allocate_ranges(entry, &placements, self.quota) {
                Ok(()) => Worker::Half { waiting, tries, placements },
                Err(overtaken) => after(state, waiting, tries, &placements, Err(overtaken)),
            };
        }
        let result = state.tables.allocate(entry, &placements, self.quota, self.writing);
        after(state, waiting, tries, &placements, result)
    }

    /// The next step of a worker.
    fn step(&self, state: &mut State, worker: Worker) -> Worker {
        match worker {
            Worker::Idle => Worker::Idle,
            Worker::Reading { mut batch, mut read } => {
                let id = batch.remove(0);
                let row = state.tables.rows[usize::from(id)];
                // `work::look`: only new reservations go on to the allocation. The others are at an end in this model.
                if let Some(row) = row.filter(|row| Work::of(&row.real(id)) == Work::Allocate) {
                    read.push((id, row));
                }
                match batch.is_empty() {
                    false => Worker::Reading { batch, read },
                    true => group(state, read, 0),
                }
            }
            Worker::Group { waiting, tries } => {
                let entry = state.tables.pool;
                match self.quota {
                    Some(_) => Worker::Counting { waiting, tries, entry },
                    None => Worker::Placing { waiting, tries, entry, codes_today: 0 },
                }
            }
            Worker::Counting { waiting, tries, entry } => {
                let codes_today = state.tables.codes_today.unwrap_or(0);
                Worker::Placing { waiting, tries, entry, codes_today }
            }
            Worker::Placing { waiting, tries, entry, codes_today } => {
                self.attempt(state, waiting, tries, entry, codes_today)
            }
            Worker::Half { waiting, tries, placements } => {
                let result = state.tables.allocate_rows(&placements, self.writing);
                after(state, waiting, tries, &placements, result)
            }
            Worker::Refusing { waiting, tries, mut refused } => {
                let (id, read) = refused.remove(0);
                // If the reservation changed, the change has a record of its own.
                if let Some(row) = &mut state.tables.rows[usize::from(id)]
                    && row.is_running_as(&read)
                {
                    *row = row.failed();
                }
                match refused.is_empty() {
                    false => Worker::Refusing { waiting, tries, refused },
                    true => group(state, waiting, tries + 1),
                }
            }
        }
    }
}

/// The group goes on with those that wait, until it is empty or has tried too often (`Group::try_all`, `give_up`: their
/// records fail and are delivered again).
fn group(state: &mut State, waiting: Waiting, tries: u8) -> Worker {
    if waiting.is_empty() {
        return Worker::Idle;
    }
    if tries < MAX_TRIES {
        return Worker::Group { waiting, tries };
    }
    fail(state, &waiting);
    Worker::Idle
}

/// The records of these reservations fail, and the stream delivers them again.
fn fail(state: &mut State, waiting: &Waiting) {
    for (id, _) in waiting {
        state.hints[usize::from(*id)] = true;
    }
}

/// What follows an attempt: those with a range leave the group, and so do those that changed, because the change has a
/// record of its own.
fn after(
    state: &mut State,
    waiting: Waiting,
    tries: u8,
    placements: &[Placement],
    result: Result<(), Overtaken>,
) -> Worker {
    let changed = match &result {
        Ok(()) => (0..placements.len()).collect(),
        Err(overtaken) => overtaken.changed.clone(),
    };
    let gone: Vec<u8> = changed.into_iter().map(|position| placements[position].id).collect();
    let rest = waiting.into_iter().filter(|(id, _)| !gone.contains(id)).collect();
    group(state, rest, tries + 1)
}

/// The reservations whose records a worker holds.
fn held(worker: &Worker) -> Vec<u8> {
    let ids = |waiting: &Waiting| waiting.iter().map(|(id, _)| *id).collect::<Vec<_>>();
    match worker {
        Worker::Idle => vec![],
        Worker::Reading { batch, read } => [batch.clone(), ids(read)].concat(),
        Worker::Group { waiting, .. }
        | Worker::Counting { waiting, .. }
        | Worker::Placing { waiting, .. }
        | Worker::Half { waiting, .. } => ids(waiting),
        Worker::Refusing { waiting, refused, .. } => [ids(waiting), ids(refused)].concat(),
    }
}

/// The sets of reservations that one batch can hold.
fn batches(hints: &[bool]) -> Vec<Vec<u8>> {
    let waiting: Vec<u8> = (0_u8..).zip(hints).filter(|(_, waits)| **waits).map(|(id, _)| id).collect();
    let subset = |bits: usize| {
        let chosen = waiting.iter().enumerate().filter(|(position, _)| bits >> position & 1 == 1);
        chosen.map(|(_, id)| *id).collect()
    };
    (1..1_usize << waiting.len()).map(subset).collect()
}

impl Model for Allocation {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        // Each reservation is created and its record waits. Creation is at any time, because delivery is.
        let rows = (0_u8..).zip(self.quantities).map(|(id, quantity)| Some(Row::created(id, *quantity, 0, 0)));
        vec![State {
            tables: Tables { pool: None, ranges: vec![], rows: rows.collect(), codes_today: None },
            hints: vec![true; self.quantities.len()],
            workers: vec![Worker::Idle; self.workers],
            clients: vec![None; self.clients],
            edits: self.edits,
            faults: self.faults,
            accepted: self.quantities.iter().map(|quantity| (*quantity, 0)).collect(),
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.workers.contains(&Worker::Idle) {
            actions.extend(batches(&state.hints).into_iter().map(Action::Deliver));
        }
        for (position, worker) in state.workers.iter().enumerate().filter(|(_, worker)| **worker != Worker::Idle) {
            // Equal workers have equal next steps.
            if position == 0 || state.workers[position - 1] != *worker {
                actions.push(Action::Step(position));
                if state.faults > 0 {
                    actions.push(Action::Die(position));
                }
            }
        }
        let ids = 0..u8::try_from(state.hints.len()).unwrap();
        if state.faults > 0 {
            actions.extend(ids.clone().filter(|id| !state.hints[usize::from(*id)]).map(Action::Again));
        }
        if state.edits > 0 && state.clients.contains(&None) {
            actions.extend(ids.flat_map(|id| EDITS.map(|edit| Action::Edit(id, edit))));
        }
        let writing = state.clients.iter().enumerate().filter(|(_, client)| client.is_some());
        actions.extend(writing.map(|(position, _)| Action::Write(position)));
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Deliver(batch) => {
                for id in &batch {
                    state.hints[usize::from(*id)] = false;
                }
                let idle = state.workers.iter().position(|worker| *worker == Worker::Idle)?;
                state.workers[idle] = Worker::Reading { batch, read: vec![] };
            }
            Action::Step(position) => {
                let worker = std::mem::replace(&mut state.workers[position], Worker::Idle);
                state.workers[position] = self.step(&mut state, worker);
            }
            Action::Die(position) => {
                state.faults -= 1;
                for id in held(&state.workers[position]) {
                    state.hints[usize::from(id)] = true;
                }
                state.workers[position] = Worker::Idle;
            }
            Action::Again(id) => {
                state.faults -= 1;
                state.hints[usize::from(id)] = true;
            }
            Action::Edit(id, edit) => {
                let row = state.tables.rows[usize::from(id)]?;
                // A change that the contract refuses, or that changes nothing, is none.
                let new = row.edited(&edit.json(), 1, row.progress_at)?;
                if (Row { version: row.version, ..new }) == row {
                    return None;
                }
                state.edits -= 1;
                let client = state.clients.iter().position(Option::is_none)?;
                state.clients[client] = Some((id, edit, row));
            }
            Action::Write(position) => {
                let (id, edit, read) = state.clients[position].take()?;
                let row = state.tables.rows[usize::from(id)].as_mut()?;
                if (row.incarnation, row.version) != (read.incarnation, read.version) {
                    // `Written::Overtaken`: the update is made again on what is stored now, or refused.
                    let read = *row;
                    if read.edited(&edit.json(), 1, read.progress_at).is_some() {
                        state.clients[position] = Some((id, edit, read));
                    }
                } else if let Some(new) = read.edited(&edit.json(), 1, read.progress_at) {
                    *row = new;
                    state.accepted[usize::from(id)] = (new.quantity, new.organisation);
                    state.hints[usize::from(id)] = true;
                }
            }
        }
        // Workers are alike, and so are clients.
        state.workers.sort_unstable();
        state.clients.sort_unstable();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always("RSV-1, RSV-2, RSV-3, RSV-8, RSV-9", |_, state: &State| {
                state.tables.breaches().is_empty()
            }),
            Property::always("an incarnation has one range", |_, state: &State| {
                let owners = || state.tables.ranges.iter().map(|range| range.owner.map(|owner| owner.1));
                owners().enumerate().all(|(position, owner)| owners().skip(position + 1).all(|other| other != owner))
            }),
            Property::always("no accepted edit is lost", |_, state: &State| {
                let stored = state.tables.rows.iter().flatten().map(|row| (row.quantity, row.organisation));
                stored.eq(state.accepted.iter().copied())
            }),
            Property::always("the quota and the capacity hold", |model: &Allocation, state: &State| {
                let codes = |all| {
                    let own = |range: &&crate::tables::RangeRow| all || range.owner.is_some_and(|owner| owner.2 == 0);
                    state.tables.ranges.iter().filter(own).map(|range| range.count).sum::<u8>()
                };
                codes(true) <= model.capacity && model.quota.is_none_or(|quota| codes(false) <= quota)
            }),
            Property::sometimes("as many as fit have their ranges", |model: &Allocation, state: &State| {
                let with_range = state.tables.rows.iter().flatten().filter(|row| row.range.is_some()).count();
                let fits = model.quantities.iter().sum::<u8>() <= model.quota.unwrap_or(model.capacity);
                with_range + usize::from(!fits) == model.quantities.len()
            }),
        ];
        if self.edits > 0 {
            properties.push(Property::sometimes("a worker places a copy that a client has changed", |_, state: &State| {
                let is_old = |(id, read): &(u8, Row)| {
                    state.tables.rows[usize::from(*id)].is_some_and(|row| row.version != read.version)
                };
                let places_old =
                    |worker: &Worker| matches!(worker, Worker::Placing { waiting, .. } if waiting.iter().any(is_old));
                state.workers.iter().any(places_old)
            }));
        }
        if self.quota.is_some() || self.quantities.iter().sum::<u8>() > self.capacity {
            properties.push(Property::sometimes(
                "one is refused and the others have their ranges",
                |_, state: &State| {
                    let refused = |row: &&Row| row.status == RowStatus::Error && row.range.is_none();
                    let rows = || state.tables.rows.iter().flatten();
                    rows().filter(refused).count() == 1
                        && rows().filter(|row| row.range.is_some()).count() == rows().count() - 1
                },
            ));
        }
        properties.push(Property::sometimes("a worker is overtaken by another", |_, state: &State| {
            let is_late =
                |worker: &Worker| matches!(worker, Worker::Placing { entry, .. } if *entry != state.tables.pool);
            state.workers.iter().any(is_late)
        }));
        properties
    }
}

impl Protocol for Allocation {
    fn bounds(&self) -> String {
        let Self { quantities, capacity, quota, workers, clients, edits, faults, .. } = self;
        format!(
            "reservations of {quantities:?} codes, capacity {capacity}, quota {quota:?}, {workers} workers, {clients} \
             clients, {edits} edits, {faults} faults"
        )
    }

    fn line(&self, state: &State) -> String {
        let rows =
            state.tables.rows.iter().flatten().map(|row| {
                format!("{:?} v{} quantity {} range {:?}", row.status, row.version, row.quantity, row.range)
            });
        let ranges =
            state.tables.ranges.iter().map(|range| format!("{}+{} of {:?}", range.start, range.count, range.owner));
        format!(
            "next {:?} | ranges [{}] | rows [{}] | accepted {:?}",
            state.tables.pool.map(|pool| pool.next),
            ranges.collect::<Vec<_>>().join(", "),
            rows.collect::<Vec<_>>().join(", "),
            state.accepted,
        )
    }

    fn broken(&self, state: &State) -> Vec<Breach> {
        state.tables.breaches()
    }

    fn is_end(&self, state: &State) -> bool {
        let waits = |row: &Row| Work::of(&row.real(0)) == Work::Allocate;
        state.hints.iter().all(|waits| !waits)
            && state.workers.iter().all(|worker| *worker == Worker::Idle)
            && state.clients.iter().all(Option::is_none)
            && !state.tables.rows.iter().flatten().any(waits)
    }
}

/// What every test starts from.
fn model() -> Allocation {
    Allocation {
        quantities: &[1, 2],
        capacity: 3,
        quota: None,
        workers: 2,
        clients: 1,
        edits: 2,
        faults: 1,
        writing: TODAY,
        split: false,
    }
}

#[test]
fn rsv_1_2_3_8_9_every_code_is_allocated_once_and_no_edit_is_lost() {
    let small = [
        model(),
        Allocation { quantities: &[1, 1, 2], capacity: 3, edits: 1, ..model() },
        Allocation { quota: Some(2), ..model() },
    ];
    let large = [
        Allocation { faults: 2, edits: 3, clients: 2, ..model() },
        Allocation { quantities: &[1, 1, 2], ..model() },
        Allocation { workers: 3, edits: 1, ..model() },
        Allocation { quota: Some(2), faults: 2, ..model() },
    ];
    for model in if is_large() { large.to_vec() } else { small.to_vec() } {
        exhaust("allocation", model);
    }
}

#[test]
fn an_allocation_in_two_writes_gives_an_incarnation_two_ranges() {
    let split = Allocation { split: true, edits: 0, ..model() };
    let story = refute("allocation in two writes", split, "an incarnation has one range");
    assert!(story.contains("has two ranges"), "{story}");
}

#[test]
fn without_the_version_an_allocation_undoes_an_edit_that_was_accepted() {
    let writing = Writing { with_version: false, ..TODAY };
    refute("allocation without version", Allocation { writing, faults: 0, ..model() }, "no accepted edit is lost");
}

#[test]
fn without_the_version_an_allocation_of_its_own_members_reserves_another_quantity() {
    let writing = Writing { with_version: false, whole_item: false };
    let without = Allocation { writing, faults: 0, ..model() };
    let story = refute("allocation by members, without version", without, "RSV-1, RSV-2, RSV-3, RSV-8, RSV-9");
    assert!(story.contains("RSV-2: "), "{story}");
}

#[test]
fn with_the_version_an_allocation_may_write_its_own_members_alone() {
    let writing = Writing { whole_item: false, ..TODAY };
    exhaust("allocation by members", Allocation { writing, edits: 1, ..model() });
}
