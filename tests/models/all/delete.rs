//! Model 3: delete, create again with the same id, and retry by hand (docs/architecture.md, C1, C2, S1, S2, S4 and step 6;
//! RSV-1, RSV-2, RSV-3, RSV-4, RSV-5, RSV-7).
//!
//! Clients create a reservation under one id that they chose, delete it, create it again, stop it and ask for it again. The
//! SDK repeats a create whose answer was lost; the client repeats one, too, with its Idempotency-Key or without. Workers
//! allocate, write a small file and tidy. Records come twice, late and in any order.
//!
//! | action | code | writes on the condition |
//! |---|---|---|
//! | `Post` | `operations::create`: a request with a new incarnation | – |
//! | `Send`, `Lose` | `Store::create_one` or `Store::create`; the second loses the answer | `attribute_not_exists(id)`; with a key also `attribute_not_exists(#key)` |
//! | `Delete` | `operations::delete`, `Store::delete` | `incarnation` and `version` as read: equals one step |
//! | `Client` | `operations::update`, `Store::replace` | the same |
//! | `Deliver` | `records::reduce` and `work::look`; one record, or all that wait | – |
//! | `Step` | one call in `allocate`, `export::Job` or `operations::tidy` | `Tables::allocate`, `Row::is_running_as` |
//! | `Die`, `Again`, `Drop`, `Wake` | as in model 2 | – |
//! | `Night` | `sweep::tidy` for one incarnation of which there is an object | – |
//!
//! Left out: multipart uploads (model 2), several reservations in a transaction (model 1), and the expiry of a key.

use domain::reservation::{
    Work, export_may_go,
    invariants::{Breach, Exports, FileState},
};
use serde_json::json;
use stateright::{Model, Property};

use crate::{
    check::{Protocol, exhaust, is_large, refute},
    rows::{Row, RowStatus, file, id, incarnation_id, key},
    tables::{Placement, Pool, RangeRow, TODAY, Tables},
};

/// How one reservation is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Creation {
    /// PutItem on the condition `attribute_not_exists(id)`, which the SDK repeats (`Store::create_one`).
    Put,
    /// TransactWriteItems: a repeated request has the same token, and DynamoDB answers it without writing again.
    Token,
    /// PutItem that is never repeated.
    PutOnce,
    /// TransactWriteItems with the entry of an Idempotency-Key, which all requests of the client share.
    Keyed,
}

/// The bounds and the protocol.
#[derive(Clone, Debug)]
struct Delete {
    posts: u8,
    deletes: u8,
    edits: u8,
    faults: u8,
    nights: u8,
    workers: usize,
    /// The codes of the pool.
    capacity: u8,
    creation: Creation,
}

/// A request to create that has no answer yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Request {
    incarnation: u8,
    /// How often the SDK may still send it.
    sends: u8,
}

/// What a record tells of an incarnation (`operations::tidy::Incarnation`): its number, and the generation of the file
/// that the old image named.
type Record = (u8, Option<u8>);

/// The generation of an export, with its incarnation.
type Export = (u8, u8);

/// The call that a worker makes next.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum At {
    /// `remove_all` of the first of these, then of the others, then the work on the row that was read.
    ListFiles {
        gone: Vec<Record>,
        then: Option<Row>,
    },
    DeleteFiles {
        files: Vec<Export>,
        gone: Vec<Record>,
        then: Option<Row>,
    },
    ListObjects {
        gone: Vec<Record>,
        then: Option<Row>,
    },
    DeleteObjects {
        objects: Vec<Export>,
        gone: Vec<Record>,
        then: Option<Row>,
    },
    ReadPool(Row),
    Allocate {
        row: Row,
        entry: Option<Pool>,
    },
    Fail(Row),
    Put(Row),
    Complete(Row),
    CleanUp(Row),
    Tidy(Row),
    DeleteUnreferenced(Vec<Export>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Worker {
    at: At,
    /// The records that it processes; none for the sweep.
    records: Vec<Record>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    tables: Tables,
    requests: Vec<Request>,
    /// The incarnations whose request token DynamoDB knows.
    tokens: Vec<u8>,
    /// Whether the entry of the Idempotency-Key exists.
    is_key_used: bool,
    next_incarnation: u8,
    files: Vec<Export>,
    objects: Vec<Export>,
    records: Vec<Record>,
    workers: Vec<Worker>,
    posts: u8,
    deletes: u8,
    edits: u8,
    faults: u8,
    nights: u8,
    /// The incarnations that were created, and those that were deleted.
    created: Vec<u8>,
    deleted: Vec<u8>,
    /// The ranges that were ever allocated.
    allocated: Vec<RangeRow>,
}

#[derive(Clone, Debug, PartialEq)]
enum Action {
    Post,
    Send(usize),
    Lose(usize),
    Delete,
    Client(&'static str),
    Deliver(Vec<Record>),
    Step(usize),
    Die(usize),
    Again(Record),
    Drop(Record),
    Wake,
    Night(u8),
}

fn insert<T: Ord>(list: &mut Vec<T>, one: T) {
    if let Err(position) = list.binary_search(&one) {
        list.insert(position, one);
    }
}

impl State {
    fn row(&self) -> Option<Row> {
        self.tables.rows[0]
    }

    /// A write of the row, with its record. The old image names the file.
    fn write(&mut self, new: Row) {
        let old = self.row().and_then(|old| old.file);
        insert(&mut self.records, (new.incarnation, old));
        self.tables.rows[0] = Some(new);
    }

    /// The same state with the smallest versions. A copy is only compared with the stored row, so of its version all that
    /// matters is whether it is the stored one.
    fn canonical(mut self) -> Self {
        let stored = self.row();
        let is_stored =
            |copy: &Row| stored.is_some_and(|row| (row.incarnation, row.version) == (copy.incarnation, copy.version));
        for worker in &mut self.workers {
            let copy = match &mut worker.at {
                At::ListFiles { then, .. }
                | At::DeleteFiles { then, .. }
                | At::ListObjects { then, .. }
                | At::DeleteObjects { then, .. } => then.as_mut(),
                At::ReadPool(row)
                | At::Allocate { row, .. }
                | At::Fail(row)
                | At::Put(row)
                | At::Complete(row)
                | At::CleanUp(row)
                | At::Tidy(row) => Some(row),
                At::DeleteUnreferenced(_) => None,
            };
            if let Some(copy) = copy {
                copy.version = u8::from(is_stored(copy));
            }
        }
        if let Some(row) = &mut self.tables.rows[0] {
            row.version = 1;
        }
        self.requests.sort_unstable();
        self.workers.sort_unstable();
        self
    }

    /// Whether the first incarnation was deleted, and another one has this status.
    fn is_second(&self, status: RowStatus) -> bool {
        self.deleted.len() == 1 && self.row().is_some_and(|row| row.status == status)
    }

    fn is_rest(&self) -> bool {
        self.records.is_empty() && self.workers.is_empty() && self.requests.is_empty()
    }

    fn exports(&self) -> Exports {
        // The keys of all incarnations, of which the row may be gone.
        let key = |(incarnation, generation): &Export| key(&Row::created(*incarnation, 1, 0, 0), *generation);
        let file = |export: &Export| FileState {
            id: file(export.0, export.1),
            key: key(export),
            reservation: Some(id(0)),
            incarnation: Some(incarnation_id(export.0)),
        };
        let (files, objects) = (self.files.iter().map(file), self.objects.iter().map(key));
        Exports { files: files.collect(), objects: objects.collect(), uploads: vec![] }
    }

    fn leftovers(&self) -> Vec<&'static str> {
        self.tables.real().leftovers(&self.exports()).into_iter().map(|breach| breach.id).collect()
    }
}

impl Delete {
    /// The server takes a request. `Store::create_one`, or `Store::create` with a key.
    fn create(&self, state: &mut State, request: Request) {
        let Request { incarnation, .. } = request;
        let is_known = self.creation != Creation::Put && state.tokens.contains(&incarnation);
        let is_used = self.creation == Creation::Keyed && state.is_key_used;
        // `Created::Done` for a known token; `Created::Remembered` for a key in use; `Created::Exists` for an id in use,
        // and `Created::Done` if the row is that of an earlier send.
        if is_known || is_used || state.row().is_some() {
            return;
        }
        if self.creation != Creation::Put && request.sends > 1 {
            insert(&mut state.tokens, incarnation);
        }
        state.is_key_used = self.creation == Creation::Keyed;
        state.write(Row::created(incarnation, 1, 0, 0));
        insert(&mut state.created, incarnation);
    }

    fn then(&self, gone: Vec<Record>, then: Option<Row>) -> Option<At> {
        if !gone.is_empty() {
            return Some(At::ListFiles { gone, then });
        }
        let row = then?;
        match Work::of(&row.real(0)) {
            Work::Allocate => Some(At::ReadPool(row)),
            Work::Export => Some(At::Put(row)),
            Work::Tidy => Some(At::Tidy(row)),
            Work::Nothing | Work::Impossible => None,
        }
    }

    /// The next call of a worker, and the one after it. `None` at the end.
    fn step(&self, state: &mut State, at: At) -> Option<At> {
        let of = |list: &[Export], incarnation: u8| -> Vec<Export> {
            list.iter().copied().filter(|export| export.0 == incarnation).collect()
        };
        match at {
            At::ListFiles { gone, then } => {
                let (incarnation, named) = gone[0];
                // The file rows of the objects, and the one that the record names.
                let mut files = of(&state.objects, incarnation);
                named.into_iter().for_each(|generation| insert(&mut files, (incarnation, generation)));
                match files.is_empty() {
                    true => Some(At::ListObjects { gone, then }),
                    false => Some(At::DeleteFiles { files, gone, then }),
                }
            }
            At::DeleteFiles { mut files, gone, then } => {
                let file = files.remove(0);
                state.files.retain(|known| *known != file);
                match files.is_empty() {
                    true => Some(At::ListObjects { gone, then }),
                    false => Some(At::DeleteFiles { files, gone, then }),
                }
            }
            At::ListObjects { mut gone, then } => {
                let objects = of(&state.objects, gone[0].0);
                if objects.is_empty() {
                    gone.remove(0);
                    return self.then(gone, then);
                }
                Some(At::DeleteObjects { objects, gone, then })
            }
            At::DeleteObjects { objects, mut gone, then } => {
                state.objects.retain(|object| !objects.contains(object));
                gone.remove(0);
                self.then(gone, then)
            }
            At::ReadPool(row) => {
                let entry = state.tables.pool;
                let next = entry.map_or(0, |pool| pool.next);
                Some(if next + row.quantity > self.capacity { At::Fail(row) } else { At::Allocate { row, entry } })
            }
            At::Allocate { row, entry } => {
                let placement = Placement { id: 0, read: row, start: entry.map_or(0, |pool| pool.next) };
                let old = state.row();
                match state.tables.allocate(entry, &[placement], None, TODAY) {
                    Ok(()) => {
                        let range = *state.tables.ranges.iter().find(|range| range.start == placement.start)?;
                        insert(&mut state.allocated, range);
                        let new = state.row()?;
                        state.tables.rows[0] = old;
                        state.write(new);
                        Some(At::Put(new))
                    }
                    Err(overtaken) if overtaken.changed.is_empty() => Some(At::ReadPool(row)),
                    Err(_) => None,
                }
            }
            At::Fail(row) => {
                if let Some(now) = state.row().filter(|now| now.is_running_as(&row)) {
                    state.write(now.failed());
                }
                None
            }
            At::Put(row) => {
                insert(&mut state.objects, (row.incarnation, row.generation));
                Some(At::Complete(row))
            }
            At::Complete(row) => match state.row().filter(|now| now.is_running_as(&row)) {
                None => Some(At::CleanUp(row)),
                Some(now) => {
                    state.write(now.completed(0));
                    state.files.retain(|file| row.file.is_none_or(|old| *file != (row.incarnation, old)));
                    insert(&mut state.files, (row.incarnation, row.generation));
                    None
                }
            },
            At::CleanUp(row) => Some(match state.row() {
                Some(now) if now.incarnation == row.incarnation => At::Tidy(now),
                _ => At::ListFiles { gone: vec![(row.incarnation, None)], then: None },
            }),
            At::Tidy(row) => {
                let objects = of(&state.objects, row.incarnation).into_iter();
                let objects: Vec<Export> =
                    objects.filter(|(_, generation)| export_may_go(&row.real(0), &key(&row, *generation))).collect();
                (!objects.is_empty()).then_some(At::DeleteUnreferenced(objects))
            }
            At::DeleteUnreferenced(objects) => {
                state.objects.retain(|object| !objects.contains(object));
                None
            }
        }
    }
}

impl Model for Delete {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            tables: Tables { pool: None, ranges: vec![], rows: vec![None], codes_today: None },
            requests: vec![],
            tokens: vec![],
            is_key_used: false,
            next_incarnation: 0,
            files: vec![],
            objects: vec![],
            records: vec![],
            workers: vec![],
            posts: self.posts,
            deletes: self.deletes,
            edits: self.edits,
            faults: self.faults,
            nights: self.nights,
            created: vec![],
            deleted: vec![],
            allocated: vec![],
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.posts > 0 {
            actions.push(Action::Post);
        }
        for position in 0..state.requests.len() {
            actions.push(Action::Send(position));
            if state.faults > 0 {
                actions.push(Action::Lose(position));
            }
        }
        if state.row().is_some() && state.deletes > 0 {
            actions.push(Action::Delete);
        }
        if state.row().is_some() && state.edits > 0 {
            actions.extend(["new", "error"].map(Action::Client));
        }
        let busy = state.workers.iter().filter(|worker| !worker.records.is_empty()).count();
        if busy < self.workers {
            actions.extend(state.records.iter().map(|record| Action::Deliver(vec![*record])));
            if state.records.len() > 1 {
                actions.push(Action::Deliver(state.records.clone()));
            }
        }
        for (position, worker) in state.workers.iter().enumerate() {
            if position == 0 || state.workers[position - 1] != *worker {
                actions.push(Action::Step(position));
                if state.faults > 0 {
                    actions.push(Action::Die(position));
                }
            }
        }
        if state.faults > 0 {
            // The first record of an incarnation, or one that names the file of its first generation.
            let past = state.created.iter().flat_map(|incarnation| [(*incarnation, None), (*incarnation, Some(1))]);
            actions.extend(past.filter(|record| !state.records.contains(record)).map(Action::Again));
            actions.extend(state.records.iter().map(|record| Action::Drop(*record)));
        }
        if state.is_rest() && state.row().is_some_and(|row| row.is_open()) {
            actions.push(Action::Wake);
        }
        let rests = state.is_rest() && !state.row().is_some_and(|row| row.is_open());
        let night = state.workers.iter().any(|worker| worker.records.is_empty());
        if !night && (state.nights > 0 || (rests && !state.leftovers().is_empty())) {
            let mut incarnations: Vec<u8> = state.objects.iter().map(|object| object.0).collect();
            incarnations.dedup();
            actions.extend(incarnations.into_iter().map(Action::Night));
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Post => {
                state.posts -= 1;
                let sends = if self.creation == Creation::PutOnce { 1 } else { 2 };
                state.requests.push(Request { incarnation: state.next_incarnation, sends });
                state.next_incarnation += 1;
            }
            Action::Send(position) => {
                let request = state.requests.remove(position);
                self.create(&mut state, request);
            }
            Action::Lose(position) => {
                state.faults -= 1;
                let request = state.requests.remove(position);
                self.create(&mut state, request);
                if request.sends > 1 {
                    state.requests.push(Request { sends: request.sends - 1, ..request });
                }
            }
            Action::Delete => {
                state.deletes -= 1;
                let row = state.tables.rows[0].take()?;
                insert(&mut state.records, (row.incarnation, row.file));
                insert(&mut state.deleted, row.incarnation);
            }
            Action::Client(status) => {
                let row = state.row()?;
                let new = row.edited(&json!({ "status": status }), 1, 0)?;
                if (Row { version: row.version, ..new }) == row {
                    return None;
                }
                state.edits -= 1;
                state.write(new);
            }
            Action::Deliver(records) => {
                state.records.retain(|record| !records.contains(record));
                let row = state.row();
                // `records::reduce` keeps the latest record of an incarnation.
                let is_latest = |(position, record): &(usize, &Record)| {
                    records.get(position + 1).is_none_or(|next| next.0 != record.0)
                };
                let latest = records.iter().enumerate().filter(is_latest).map(|(_, record)| *record);
                let gone = latest.filter(|record| row.is_none_or(|row| row.incarnation != record.0)).collect();
                if let Some(at) = self.then(gone, row) {
                    state.workers.push(Worker { at, records });
                }
            }
            Action::Step(position) => {
                let Worker { at, records } = state.workers.remove(position);
                if let Some(at) = self.step(&mut state, at) {
                    state.workers.push(Worker { at, records });
                }
            }
            Action::Die(position) => {
                state.faults -= 1;
                let records = state.workers.remove(position).records;
                records.into_iter().for_each(|record| insert(&mut state.records, record));
            }
            Action::Again(record) => {
                state.faults -= 1;
                insert(&mut state.records, record);
            }
            Action::Drop(record) => {
                state.faults -= 1;
                state.records.retain(|known| *known != record);
            }
            Action::Wake => {
                let row = state.row()?;
                // `Store::nudge`.
                state.write(Row { version: row.version + 1, ..row });
            }
            Action::Night(incarnation) => {
                state.nights = state.nights.saturating_sub(1);
                let at = match state.row() {
                    Some(row) if row.incarnation == incarnation => At::Tidy(row),
                    _ => At::ListFiles { gone: vec![(incarnation, None)], then: None },
                };
                state.workers.push(Worker { at, records: vec![] });
            }
        }
        state.tokens.retain(|token| state.requests.iter().any(|request| request.incarnation == *token));
        Some(state.canonical())
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always("RSV-1, RSV-2, RSV-3", |_, state: &State| state.tables.breaches().is_empty()),
            Property::always("RSV-4", |_, state: &State| !state.leftovers().contains(&"RSV-4")),
            Property::always("RSV-7", |_, state: &State| state.allocated == state.tables.ranges),
            Property::always("no deleted incarnation comes back", |_, state: &State| {
                state.row().is_none_or(|row| !state.deleted.contains(&row.incarnation))
            }),
            Property::always("a key creates once", |model: &Delete, state: &State| {
                model.creation != Creation::Keyed || state.created.len() <= 1
            }),
            Property::sometimes("a deleted reservation leaves its range and nothing else", |_, state: &State| {
                let is_clean = state.files.is_empty() && state.objects.is_empty() && !state.tables.ranges.is_empty();
                state.is_rest() && state.row().is_none() && is_clean
            }),
        ];
        if self.creation != Creation::Keyed && self.posts > 1 {
            properties.push(match self.capacity {
                1 => Property::sometimes("a second incarnation finds the pool exhausted", |_, state: &State| {
                    state.is_second(RowStatus::Error)
                }),
                _ => Property::sometimes("a second incarnation is complete", |_, state: &State| {
                    state.is_second(RowStatus::Complete)
                }),
            });
        }
        properties
    }
}

impl Protocol for Delete {
    fn bounds(&self) -> String {
        let Self { posts, deletes, edits, faults, nights, workers, capacity, creation } = self;
        format!(
            "{posts} creates ({creation:?}), {deletes} deletions, {edits} edits, capacity {capacity}, {workers} workers, \
             {faults} faults, {nights} nights"
        )
    }

    fn line(&self, state: &State) -> String {
        let row = state.row().map(|row| {
            let Row { incarnation, status, generation, range, .. } = row;
            format!("incarnation {incarnation} {status:?} generation {generation} range {range:?}")
        });
        let ranges = state.tables.ranges.iter().filter_map(|range| Some((range.start, range.owner?.1)));
        format!(
            "{} | requests {:?} | owners of ranges {:?} | objects {:?} | file rows {:?} | records {:?}",
            row.unwrap_or_else(|| "no row".to_owned()),
            state.requests.iter().map(|request| request.incarnation).collect::<Vec<_>>(),
            ranges.collect::<Vec<_>>(),
            state.objects,
            state.files,
            state.records,
        )
    }

    fn broken(&self, state: &State) -> Vec<Breach> {
        [state.tables.breaches(), state.tables.real().leftovers(&state.exports())].concat()
    }

    fn is_end(&self, state: &State) -> bool {
        state.is_rest() && state.leftovers().is_empty()
    }
}

/// What every test starts from.
fn model() -> Delete {
    Delete { posts: 2, deletes: 1, edits: 1, faults: 1, nights: 1, workers: 2, capacity: 2, creation: Creation::Token }
}

#[test]
fn rsv_1_2_3_4_5_7_a_deleted_reservation_leaves_its_range_and_nothing_else() {
    let small = [
        Delete { edits: 0, nights: 0, ..model() },
        Delete { posts: 1, ..model() },
        Delete { creation: Creation::PutOnce, edits: 0, workers: 1, ..model() },
        Delete { creation: Creation::Keyed, edits: 0, nights: 0, ..model() },
        Delete { capacity: 1, faults: 0, nights: 0, edits: 2, workers: 1, ..model() },
    ];
    let large = [
        model(),
        Delete { posts: 1, faults: 2, ..model() },
        Delete { posts: 3, deletes: 2, edits: 0, nights: 0, faults: 0, capacity: 3, ..model() },
        Delete { creation: Creation::Keyed, edits: 0, faults: 2, nights: 0, ..model() },
        Delete { capacity: 1, faults: 1, nights: 0, edits: 2, ..model() },
    ];
    for model in if is_large() { large } else { small } {
        exhaust("delete", model);
    }
}

#[test]
fn a_put_that_the_sdk_repeats_gives_a_deleted_incarnation_a_second_range() {
    let put = Delete { creation: Creation::Put, edits: 0, nights: 0, posts: 1, ..model() };
    refute("create by PutItem with retries", put.clone(), "no deleted incarnation comes back");
    let story = refute("create by PutItem with retries", put, "RSV-1, RSV-2, RSV-3");
    assert!(story.contains("RSV-2: "), "{story}");
}
