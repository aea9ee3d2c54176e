//! Model 5: tables from a backup, with the bucket and the printed files of the present (docs/operations.md, "Backup and
//! restore"; RSV-1, RSV-2, RSV-3, RSV-4).
//!
//! The tables are put back to an earlier moment. The bucket is not, and neither are the codes that were printed. An operator
//! switches the functions off, restores, burns the indexes that may have been issued, and switches the functions on.
//!
//! | action | code |
//! |---|---|
//! | `Backup` | the moment to which the tables will be put back |
//! | `Off`, `Restore`, `Burn`, `On` | the operator's steps, in this order; a protocol may leave some out |
//! | `Create` | `operations::create`: before or after the backup |
//! | `Deliver` | `work::look` |
//! | `Step` | one call in `allocate` or `export::Job`; [`Tables::allocate`] and [`Row::is_running_as`] are the conditions |
//! | `Lose` | an upload is lost while it is written, so that `Job::recover` looks for the object |
//! | `Client` | `operations::update`: again, with other settings of the export |
//! | `Wake` | `Store::nudge`; a restored table has no records |
//! | `Night` | `sweep::tidy`, for all incarnations at once |
//! | `Undo` | the operator brings the latest noncurrent version of an object back |
//!
//! Left out: the expiry of noncurrent versions (they are kept as long as a backup), deletion by clients (model 3), several
//! pools, multipart uploads (a lost one stands for all), and the tables Files, Requests and Directory.

use domain::reservation::{Work, export_may_go, invariants::Breach};
use serde_json::json;
use stateright::{Model, Property};

use crate::{
    check::{Protocol, exhaust, is_large, refute},
    rows::{Row, RowStatus, key},
    tables::{Placement, Pool, RangeRow, TODAY, Tables},
};

/// Which indexes the operator burns after a restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Burning {
    No,
    /// Those of the pools that the restored table has.
    KnownPools,
    /// Those of all pools; a pool that the table lacks is created.
    AllPools,
}

/// What a worker compares before it takes an object for the export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Identity {
    /// Its length and number of rows (`Job::is_whole`).
    Length,
    /// Also the range and the settings that it was rendered from.
    Content,
}

/// The bounds and the protocol.
#[derive(Clone, Debug)]
struct Restore {
    reservations: usize,
    workers: usize,
    edits: u8,
    /// Uploads that are lost.
    losses: u8,
    nights: u8,
    /// Whether the operator waits for the functions to end before the restore.
    drains: bool,
    burning: Burning,
    /// Whether both tables are restored to the same moment.
    same_moment: bool,
    identity: Identity,
    /// Whether a worker looks for an object before it writes one.
    looks_first: bool,
    /// A tidy run that finds more unknown incarnations than this deletes nothing.
    limit: Option<u8>,
    /// Whether the bucket keeps noncurrent versions.
    versioned: bool,
}

/// An object. Its key is made of the incarnation (here the number of the reservation) and the generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Object {
    incarnation: u8,
    generation: u8,
    /// The first index of its codes, and the settings that it was rendered with.
    start: u8,
    suffix: u8,
}

/// The call that a worker makes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum At {
    ReadPool(Row),
    Allocate { row: Row, entry: Option<Pool> },
    Head(Row),
    Put(Row),
    Complete(Row),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Phase {
    On,
    Off,
    Restored,
    Burned,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    tables: Tables,
    backup: Option<Tables>,
    /// The pool and the ranges of another moment, if the tables are not restored to the same one.
    backup_of_pools: Option<(Option<Pool>, Vec<RangeRow>)>,
    phase: Phase,
    is_restored: bool,
    /// How many of the reservations were created.
    created: u8,
    hints: Vec<bool>,
    /// The reservation of each worker, and its next call.
    workers: Vec<(u8, At)>,
    objects: Vec<Object>,
    noncurrent: Vec<Object>,
    edits: u8,
    losses: u8,
    nights: u8,
    /// Every range that was ever allocated: start, count, incarnation.
    issued: Vec<(u8, u8, u8)>,
    /// The files that clients may have printed.
    printed: Vec<Object>,
    /// Whether a tidy run raised the alarm.
    alarm: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Action {
    Deliver(u8),
    Step(usize),
    Lose(usize),
    Create,
    Client(u8),
    Wake(u8),
    Night,
    Undo(Object),
    Backup,
    BackupOfPools,
    Off,
    Restore,
    Burn,
    On,
}

fn object(row: &Row) -> Object {
    let start = row.range.map_or(0, |range| range.0);
    Object { incarnation: row.incarnation, generation: row.generation, start, suffix: row.suffix }
}

impl State {
    fn find(&self, row: &Row) -> Option<Object> {
        let is_same = |object: &&Object| (object.incarnation, object.generation) == (row.incarnation, row.generation);
        self.objects.iter().find(is_same).copied()
    }

    fn row(&self, id: u8) -> Option<Row> {
        self.tables.rows[usize::from(id)]
    }

    /// The first index after all that were ever issued.
    fn end_of_issued(&self) -> u8 {
        self.issued.iter().map(|(start, count, _)| start + count).max().unwrap_or(0)
    }

    fn write(&mut self, id: u8, row: Row) {
        self.tables.rows[usize::from(id)] = Some(row);
        self.hints[usize::from(id)] = true;
    }

    /// Removes an object; a versioned bucket keeps it as a noncurrent version.
    fn remove(&mut self, object: Object, versioned: bool) {
        self.objects.retain(|known| *known != object);
        if versioned && !self.noncurrent.contains(&object) {
            self.noncurrent.push(object);
            self.noncurrent.sort_unstable();
        }
    }
}

impl Restore {
    fn step(&self, state: &mut State, id: u8, at: At) -> Option<At> {
        match at {
            At::ReadPool(row) => Some(At::Allocate { row, entry: state.tables.pool }),
            At::Allocate { row, entry } => {
                let placement = Placement { id, read: row, start: entry.map_or(0, |pool| pool.next) };
                match state.tables.allocate(entry, &[placement], None, TODAY) {
                    Ok(()) => {
                        state.issued.push((placement.start, row.quantity, row.incarnation));
                        state.issued.sort_unstable();
                        let row = state.row(id)?;
                        state.write(id, row);
                        Some(if self.looks_first { At::Head(row) } else { At::Put(row) })
                    }
                    Err(overtaken) if overtaken.changed.is_empty() => Some(At::ReadPool(row)),
                    Err(_) => None,
                }
            }
            At::Head(row) => {
                // `Job::is_whole`. All files of a reservation have the same length and number of rows.
                let is_whole = |found: &Object| self.identity == Identity::Length || *found == object(&row);
                Some(if state.find(&row).is_some_and(|found| is_whole(&found)) {
                    At::Complete(row)
                } else {
                    At::Put(row)
                })
            }
            At::Put(row) => {
                if let Some(old) = state.find(&row) {
                    state.remove(old, self.versioned && old != object(&row));
                }
                state.objects.push(object(&row));
                state.objects.sort_unstable();
                Some(At::Complete(row))
            }
            At::Complete(row) => {
                let now = state.row(id)?;
                if now.is_running_as(&row) {
                    state.write(id, now.completed(0));
                    let file = state.find(&row)?;
                    if !state.printed.contains(&file) {
                        state.printed.push(file);
                        state.printed.sort_unstable();
                    }
                }
                None
            }
        }
    }

    /// `sweep::tidy::run` over the whole bucket, with a limit on unknown incarnations.
    fn night(&self, state: &mut State) {
        let row_of = |state: &State, object: &Object| {
            state.tables.rows.iter().flatten().find(|row| row.incarnation == object.incarnation).copied()
        };
        let mut unknown: Vec<u8> =
            state.objects.iter().filter(|one| row_of(state, one).is_none()).map(|one| one.incarnation).collect();
        unknown.dedup();
        if self.limit.is_some_and(|limit| unknown.len() > usize::from(limit)) {
            state.alarm = true;
            return;
        }
        for object in state.objects.clone() {
            let may_go = match row_of(state, &object) {
                None => true,
                Some(row) => export_may_go(&row.real(0), &key(&row, object.generation)),
            };
            if may_go {
                state.remove(object, self.versioned);
            }
        }
    }

    fn is_burned(&self, state: &State) -> bool {
        match self.burning {
            Burning::No => true,
            Burning::KnownPools | Burning::AllPools => state.phase == Phase::Burned,
        }
    }
}

impl Model for Restore {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let tables = Tables { pool: None, ranges: vec![], rows: vec![None; self.reservations], codes_today: None };
        vec![State {
            tables,
            created: 0,
            hints: vec![false; self.reservations],
            backup: None,
            backup_of_pools: None,
            phase: Phase::On,
            is_restored: false,
            workers: vec![],
            objects: vec![],
            noncurrent: vec![],
            edits: self.edits,
            losses: self.losses,
            nights: self.nights,
            issued: vec![],
            printed: vec![],
            alarm: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for position in 0..state.workers.len() {
            actions.push(Action::Step(position));
            if state.losses > 0 && matches!(state.workers[position].1, At::Put(_)) {
                actions.push(Action::Lose(position));
            }
        }
        if state.phase == Phase::On {
            for id in (0_u8..).take(self.reservations) {
                let is_open = state.row(id).is_some_and(|row| row.is_open());
                let is_busy = state.workers.iter().any(|worker| worker.0 == id);
                match state.hints[usize::from(id)] {
                    true if state.workers.len() < self.workers => actions.push(Action::Deliver(id)),
                    false if is_open && !is_busy => actions.push(Action::Wake(id)),
                    _ => {}
                }
                if state.edits > 0 {
                    actions.push(Action::Client(id));
                }
            }
            if usize::from(state.created) < self.reservations {
                actions.push(Action::Create);
            }
            if state.nights > 0 {
                actions.push(Action::Night);
            }
            if state.backup.is_none() {
                actions.push(Action::Backup);
            } else if !state.is_restored {
                actions.push(Action::Off);
            }
            if !self.same_moment && state.backup_of_pools.is_none() {
                actions.push(Action::BackupOfPools);
            }
        }
        match state.phase {
            Phase::Off if state.workers.is_empty() || !self.drains => actions.push(Action::Restore),
            Phase::Restored if self.burning != Burning::No => actions.push(Action::Burn),
            Phase::Restored | Phase::Burned if self.is_burned(state) => actions.push(Action::On),
            _ => {}
        }
        if state.is_restored {
            let lost = state.printed.iter().filter(|file| !state.objects.contains(file));
            let kept = lost.filter(|file| state.noncurrent.contains(file));
            actions.extend(
                kept.filter(|file| {
                    !state
                        .objects
                        .iter()
                        .any(|object| (object.incarnation, object.generation) == (file.incarnation, file.generation))
                })
                .map(|file| Action::Undo(*file)),
            );
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Deliver(id) => {
                state.hints[usize::from(id)] = false;
                if let Some(row) = state.row(id) {
                    match Work::of(&row.real(id)) {
                        Work::Allocate => state.workers.push((id, At::ReadPool(row))),
                        Work::Export if self.looks_first => state.workers.push((id, At::Head(row))),
                        Work::Export => state.workers.push((id, At::Put(row))),
                        // `remove_unreferenced` is part of the night here.
                        Work::Tidy | Work::Nothing | Work::Impossible => {}
                    }
                }
            }
            Action::Step(position) => {
                let (id, at) = state.workers.remove(position);
                if let Some(at) = self.step(&mut state, id, at) {
                    state.workers.push((id, at));
                }
            }
            Action::Lose(position) => {
                state.losses -= 1;
                let (_, at) = &mut state.workers[position];
                let At::Put(row) = *at else { return None };
                *at = At::Head(row);
            }
            Action::Create => {
                let id = state.created;
                state.created += 1;
                state.write(id, Row::created(id, 1, 0, 0));
            }
            Action::Client(id) => {
                let row = state.row(id)?;
                let new = row.edited(&json!({"status": "new"}), 1, 0)?;
                if (Row { version: row.version, ..new }) == row {
                    return None;
                }
                state.edits -= 1;
                state.write(id, new);
            }
            Action::Wake(id) => {
                let row = state.row(id)?;
                state.write(id, Row { version: row.version + 1, ..row });
            }
            Action::Night => {
                state.nights -= 1;
                self.night(&mut state);
            }
            Action::Undo(file) => {
                state.noncurrent.retain(|known| *known != file);
                state.objects.push(file);
                state.objects.sort_unstable();
            }
            Action::Backup => {
                state.backup = Some(state.tables.clone());
            }
            Action::BackupOfPools => {
                state.backup_of_pools = Some((state.tables.pool, state.tables.ranges.clone()));
            }
            Action::Off => state.phase = Phase::Off,
            Action::Restore => {
                state.tables = state.backup.clone()?;
                if let Some((pool, ranges)) = state.backup_of_pools.clone() {
                    (state.tables.pool, state.tables.ranges) = (pool, ranges);
                }
                // The restored table is a new one: its stream is empty.
                state.hints.fill(false);
                state.phase = Phase::Restored;
                state.is_restored = true;
            }
            Action::Burn => {
                let (start, end) = (state.tables.pool.map_or(0, |pool| pool.next), state.end_of_issued());
                let is_known = state.tables.pool.is_some() || self.burning == Burning::AllPools;
                if is_known && end > start {
                    let pool = state.tables.pool.unwrap_or(Pool { next: 0, only_organisation: None, only_next: None });
                    state.tables.pool = Some(Pool { next: end, ..pool });
                    state.tables.ranges.push(RangeRow { start, count: end - start, owner: None });
                }
                state.phase = Phase::Burned;
            }
            Action::On => state.phase = Phase::On,
        }
        state.workers.sort_unstable();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no code is issued twice, not even before and after the restore", |_, state: &State| {
                let overlap = |pair: &[(u8, u8, u8)]| pair[0].0 + pair[0].1 > pair[1].0;
                !state.issued.windows(2).any(overlap)
            }),
            Property::always("RSV-1, RSV-2, RSV-3 of the tables", |_, state: &State| {
                state.tables.breaches().is_empty()
            }),
            Property::always("a file holds the codes of its reservation", |_, state: &State| {
                let complete = state.tables.rows.iter().flatten().filter(|row| row.status == RowStatus::Complete);
                complete.into_iter().all(|row| state.find(row).is_none_or(|found| found == object(row)))
            }),
            Property::always("no printed file is lost for good", |_, state: &State| {
                // A file of the same codes with other settings will do.
                let has_codes =
                    |file: &Object, other: &Object| (other.incarnation, other.start) == (file.incarnation, file.start);
                let kept = || state.objects.iter().chain(&state.noncurrent);
                state.printed.iter().all(|file| kept().any(|other| has_codes(file, other)))
            }),
            Property::sometimes("everything is complete again after a restore", |_, state: &State| {
                let is_complete = |row: &Option<Row>| row.is_some_and(|row| row.status == RowStatus::Complete);
                state.is_restored && state.phase == Phase::On && state.tables.rows.iter().all(is_complete)
            }),
            Property::sometimes("a restore forgets a printed file", |_, state: &State| {
                let is_known =
                    |file: &Object| state.tables.rows.iter().flatten().any(|row| row.incarnation == file.incarnation);
                state.is_restored && !state.printed.iter().all(is_known)
            }),
        ]
    }
}

impl Protocol for Restore {
    fn bounds(&self) -> String {
        let Self { reservations, workers, edits, losses, nights, .. } = self;
        format!("{reservations} reservations, {workers} workers, {edits} edits, {losses} lost uploads, {nights} nights")
    }

    fn line(&self, state: &State) -> String {
        let rows = state.tables.rows.iter().map(|row| {
            row.map_or_else(
                || "gone".to_owned(),
                |Row { status, generation, range, suffix, .. }| {
                    format!("{status:?} generation {generation} range {range:?} settings {suffix}")
                },
            )
        });
        let objects = state.objects.iter().map(|Object { incarnation, generation, start, suffix }| {
            format!("{incarnation}/{generation}: codes from {start}, settings {suffix}")
        });
        format!(
            "{:?} | next {:?} | rows [{}] | objects [{}] | issued {:?}{}",
            state.phase,
            state.tables.pool.map(|pool| pool.next),
            rows.collect::<Vec<_>>().join(", "),
            objects.collect::<Vec<_>>().join(", "),
            state.issued,
            if state.alarm { " | alarm" } else { "" },
        )
    }

    fn broken(&self, state: &State) -> Vec<Breach> {
        state.tables.breaches()
    }

    fn is_end(&self, state: &State) -> bool {
        let is_open = state.tables.rows.iter().flatten().any(Row::is_open);
        state.phase == Phase::On && state.workers.is_empty() && !is_open && !state.hints.contains(&true)
    }
}

/// The protocol that holds, from which every test starts.
fn model() -> Restore {
    Restore {
        reservations: 2,
        workers: 1,
        edits: 1,
        losses: 1,
        nights: 1,
        drains: true,
        burning: Burning::AllPools,
        same_moment: true,
        identity: Identity::Content,
        looks_first: false,
        limit: Some(0),
        versioned: true,
    }
}

#[test]
fn rsv_1_2_3_4_a_restore_issues_no_code_twice_and_loses_no_printed_file() {
    let small = [model(), Restore { looks_first: true, losses: 0, ..model() }];
    let large =
        [Restore { workers: 2, ..model() }, Restore { reservations: 3, ..model() }, Restore { edits: 2, ..model() }];
    for model in small.into_iter().chain(if is_large() { large.to_vec() } else { vec![] }) {
        exhaust("restore", model);
    }
}

const ONCE: &str = "no code is issued twice, not even before and after the restore";

#[test]
fn without_a_burned_range_a_restored_pool_issues_codes_again() {
    refute("restore without burning", Restore { burning: Burning::No, ..model() }, ONCE);
}

#[test]
fn burning_the_pools_of_the_restored_table_is_not_enough_for_a_pool_that_was_made_later() {
    refute("restore, known pools burned", Restore { burning: Burning::KnownPools, ..model() }, ONCE);
}

#[test]
fn a_restore_under_running_functions_breaks_the_tables() {
    let running = Restore { drains: false, ..model() };
    refute("restore while workers run", running, ONCE);
}

#[test]
fn tables_of_two_moments_do_not_fit_together() {
    let story = refute(
        "restore to two moments",
        Restore { same_moment: false, ..model() },
        "RSV-1, RSV-2, RSV-3 of the tables",
    );
    assert!(story.contains("RSV-2: ") || story.contains("RSV-3: "), "{story}");
}

#[test]
fn an_object_that_is_known_by_its_length_alone_is_taken_for_a_file_of_other_codes() {
    let length = Restore { identity: Identity::Length, ..model() };
    refute("restore, objects by length", length.clone(), "a file holds the codes of its reservation");
    let first = Restore { looks_first: true, losses: 0, edits: 0, ..length };
    refute("restore, objects by length, look first", first, "a file holds the codes of its reservation");
}

#[test]
fn without_versions_the_night_after_a_restore_destroys_printed_files() {
    let without = Restore { versioned: false, limit: None, ..model() };
    refute("tidy after a restore", without, "no printed file is lost for good");
}
