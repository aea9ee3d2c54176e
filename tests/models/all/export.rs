//! Model 2: export, complete and tidy (docs/architecture.md, S3, S4 and steps 2, 3, 5, 6; RSV-4, RSV-5).
//!
//! One reservation with a range. Workers write its file in slices, by multipart upload or by one PutObject; clients stop it
//! and ask for it again; tidy runs of workers and of the night remove what nothing refers to. Between any two calls of
//! DynamoDB and S3 everything else may happen, and the worker may die. S3 joins the parts of a completed upload later: until
//! then the upload is gone and the object is not there yet, whether or not anybody still waits for the answer.
//!
//! | action | code |
//! |---|---|
//! | `Deliver` | `work::look`, `Job::prepare` (with workers of two renderer versions) |
//! | `Step` | one call in `export::Job`, or in `operations::tidy`; the names of [`At`] are those of the functions |
//! | `Pause` | the time of the slice is over: `Job::save` |
//! | `Gap` | a part fails while the next one, in flight, lands (`Job::upload_parts`) |
//! | `Resend` | `Store::save_progress` is written, its answer is lost, and the SDK's retry finds its condition false |
//! | `Assemble` | S3 ends a CompleteMultipartUpload |
//! | `Die` | the process ends, or an answer is lost for good and the record fails |
//! | `Again` | a record that was processed is delivered again |
//! | `Drop` | the stream gives a record up; `Wake` is the sweep's `Store::nudge` |
//! | `Client` | `operations::update`: stop, or again. It is conditional on the version read, so it equals one step |
//! | `Night` | `sweep::tidy`, at any time and at any age of the objects |
//! | `Expire` | the bucket's lifecycle rule, or a person, aborts an upload |
//!
//! Every write to the reservation has the condition of `Store::running` ([`Row::is_running_as`]).
//!
//! Left out: the bytes of a part and the part policy (a part is there or not), `attempts` and `progress_at` (model 4), the
//! version (a reservation with a range has no condition on it), deletion (model 3).

use domain::reservation::{
    Work, export_may_go,
    invariants::{Breach, Exports, FileState, State as Stored},
    upload_may_go,
};
use serde_json::json;
use stateright::{Model, Property};

use crate::{
    check::{Protocol, exhaust, is_large, refute},
    rows::{Progress, Row, RowStatus, file, id, incarnation_id, key},
};

/// What a worker does whose upload is gone, and one that finds no upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Recovery {
    /// Without an object at once, it starts over; without an upload, it begins a new one.
    StartOver,
    /// It waits until S3 has had the time to join the parts, and looks for the object before it begins an upload.
    Look,
    /// As `Look`; and the id of the upload is saved before the upload is completed.
    SaveFirst,
}

/// What a tidy run may remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// `domain::reservation::{export_may_go, upload_may_go}`.
    Generations,
    /// A run that read a finished reservation removes everything that it does not refer to, also of younger generations.
    AnyGeneration,
    /// A run that read a running reservation removes its generation, too: nothing refers to it yet.
    AlsoRunning,
}

/// The bounds and the protocol.
#[derive(Clone, Debug)]
struct Export {
    /// The parts of the file; one part is a small file, written by PutObject.
    parts: u8,
    workers: usize,
    /// Changes by clients.
    edits: u8,
    faults: u8,
    /// Tidy runs of the night that begin while something else runs.
    nights: u8,
    /// The newest renderer version among the workers.
    renderers: u8,
    max_restarts: u8,
    /// Whether the sweep wakes reservations without progress.
    wakes: bool,
    recovery: Recovery,
    rule: Rule,
    /// Whether an export may never be begun again without a reason.
    strict: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Upload {
    id: u8,
    generation: u8,
    /// The parts, one bit for each.
    parts: u8,
}

/// Where a worker is: the call that it makes next, with what it remembers. The row is the one that it read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum At {
    Restart(Row),
    Put(Row),
    FindUpload(Row),
    HeadBefore(Row),
    CreateUpload(Row),
    UploadPart {
        row: Row,
        upload: u8,
        part: u8,
    },
    Save {
        row: Row,
        upload: u8,
        part: u8,
    },
    SaveFirst {
        row: Row,
        upload: u8,
    },
    ListParts {
        row: Row,
        upload: u8,
    },
    CompleteUpload {
        row: Row,
        upload: u8,
    },
    /// The request is sent; S3 has not answered.
    Completing {
        row: Row,
        upload: u8,
    },
    HeadAfter(Row),
    Recover(Row),
    Head(Row),
    Abort {
        row: Row,
        upload: u8,
    },
    StartOver(Row),
    Fail(Row),
    Complete(Row),
    CleanUp,
    ListUploads(Row),
    AbortUploads {
        row: Row,
        uploads: Vec<u8>,
    },
    ListObjects(Row),
    DeleteObjects {
        generations: Vec<u8>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Worker {
    at: At,
    renderer: u8,
    /// Whether it processes a record; the sweep has none.
    of_stream: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    row: Row,
    /// The generations of the file rows.
    files: Vec<u8>,
    /// The generations of the objects. Every object is whole: an upload with a gap is never completed.
    objects: Vec<u8>,
    uploads: Vec<Upload>,
    /// Uploads whose parts S3 is joining.
    assembling: Vec<Upload>,
    next_upload: u8,
    hint: bool,
    workers: Vec<Worker>,
    edits: u8,
    faults: u8,
    nights: u8,
    /// Whether an upload was aborted from outside, a client stopped the export, and a file was written although it was there.
    lost: bool,
    stopped: bool,
    rewritten: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Action {
    Deliver { renderer: u8 },
    Step(usize),
    Pause(usize),
    Gap(usize),
    Resend(usize),
    Impatient(usize),
    Die(usize),
    Assemble(usize),
    Again,
    Drop,
    Wake,
    Client(&'static str),
    Night,
    Expire(usize),
}

/// What follows a step.
enum Next {
    At(At),
    /// The record is processed.
    Done,
    /// The record fails and is delivered again.
    Fails,
}

impl Export {
    fn all(&self) -> u8 {
        (1 << self.parts) - 1
    }

    fn is_rest(state: &State) -> bool {
        !state.hint && state.workers.is_empty() && state.assembling.is_empty()
    }

    fn may_go(&self, row: &Row, generation: u8, of_file: bool) -> bool {
        let (item, key) = (row.real(0), key(row, generation));
        let is_referenced = of_file && row.file == Some(generation);
        match self.rule {
            Rule::Generations if of_file => export_may_go(&item, &key),
            Rule::Generations => upload_may_go(&item, &key),
            Rule::AnyGeneration if !row.is_open() => !is_referenced,
            Rule::AnyGeneration => generation < row.generation && !is_referenced,
            Rule::AlsoRunning => generation <= row.generation && !is_referenced,
        }
    }

    /// `work::look` and `Job::prepare`: the first call after the row is read.
    fn look(&self, row: Row, renderer: u8) -> Next {
        match Work::of(&row.real(0)) {
            Work::Tidy => Next::At(At::ListUploads(row)),
            Work::Export if row.renderer > renderer => Next::Fails,
            Work::Export if row.renderer < renderer => Next::At(At::Restart(row)),
            Work::Export if self.parts == 1 => Next::At(At::Put(row)),
            Work::Export => match row.export.and_then(|export| export.upload) {
                Some(upload) => self.from(row, upload, row.export.map_or(1, |export| export.next_part)),
                None => Next::At(At::FindUpload(row)),
            },
            Work::Nothing | Work::Allocate | Work::Impossible => Next::Done,
        }
    }

    /// `upload_parts` from a part on, or `finish` if no part is left.
    fn from(&self, row: Row, upload: u8, part: u8) -> Next {
        Next::At(match part > self.parts {
            true => At::ListParts { row, upload },
            false => At::UploadPart { row, upload, part },
        })
    }

    /// The next call of a worker. `None` if it waits for S3.
    #[expect(clippy::too_many_lines, reason = "one arm for each call of the export")]
    fn step(&self, state: &mut State, at: At, renderer: u8) -> Option<Next> {
        // A conditional write: `Saved::Stale` leads to `clean_up`.
        let write = |state: &mut State, read: &Row, new: Row| {
            if !state.row.is_running_as(read) {
                return Next::At(At::CleanUp);
            }
            state.row = Row { version: 0, ..new };
            state.hint = true;
            Next::Done
        };
        let find = |state: &State, id: u8| state.uploads.iter().position(|upload| upload.id == id);
        let head = |state: &State, row: &Row| state.objects.contains(&row.generation);
        Some(match at {
            At::Restart(row) => match write(state, &row, state.row.restarted(renderer, 0)) {
                Next::At(_) => Next::Done,
                other => other,
            },
            At::Put(row) => {
                self.put(state, row.generation);
                Next::At(At::Complete(row))
            }
            At::FindUpload(row) => {
                // `Bucket::find_upload`: the oldest one of the key.
                match state.uploads.iter().find(|upload| upload.generation == row.generation) {
                    Some(upload) => self.from(row, upload.id, row.export.map_or(1, |export| export.next_part)),
                    None if self.recovery == Recovery::StartOver => Next::At(At::CreateUpload(row)),
                    None => Next::At(At::HeadBefore(row)),
                }
            }
            At::HeadBefore(row) => Next::At(match head(state, &row) {
                true => At::Complete(row),
                false => At::CreateUpload(row),
            }),
            At::CreateUpload(row) => {
                let generation = row.generation;
                let is_there = state.assembling.iter().any(|upload| upload.generation == generation);
                state.rewritten |= is_there || state.objects.contains(&generation);
                let upload = Upload { id: state.next_upload, generation, parts: 0 };
                state.next_upload += 1;
                state.uploads.push(upload);
                self.from(row, upload.id, row.export.map_or(1, |export| export.next_part))
            }
            At::UploadPart { row, upload, part } => match find(state, upload) {
                None => Next::At(At::Recover(row)),
                Some(found) => {
                    state.uploads[found].parts |= 1 << (part - 1);
                    self.from(row, upload, part + 1)
                }
            },
            At::Save { row, upload, part } => {
                let restarts = row.export.map_or(0, |export| export.restarts);
                let export = Some(Progress { upload: Some(upload), next_part: part, restarts });
                write(state, &row, Row { export, ..state.row })
            }
            At::SaveFirst { row, upload } => {
                let restarts = row.export.map_or(0, |export| export.restarts);
                let export = Some(Progress { upload: Some(upload), next_part: self.parts + 1, restarts });
                let new = Row { export, ..row };
                match write(state, &row, Row { export, ..state.row }) {
                    Next::Done => Next::At(At::CompleteUpload { row: new, upload }),
                    other => other,
                }
            }
            At::ListParts { row, upload } => match find(state, upload).map(|found| state.uploads[found]) {
                None => Next::At(At::Recover(row)),
                Some(found) if found.parts != self.all() => Next::At(At::Abort { row, upload }),
                Some(_) => Next::At(match row.export.and_then(|export| export.upload) {
                    None if self.recovery == Recovery::SaveFirst => At::SaveFirst { row, upload },
                    _ => At::CompleteUpload { row, upload },
                }),
            },
            At::CompleteUpload { row, upload } => match find(state, upload) {
                None => Next::At(At::HeadAfter(row)),
                Some(found) => {
                    let found = state.uploads.remove(found);
                    state.assembling.push(found);
                    Next::At(At::Completing { row, upload })
                }
            },
            At::Completing { row, upload } => {
                if state.assembling.iter().any(|assembling| assembling.id == upload) {
                    return None;
                }
                Next::At(At::Complete(row))
            }
            At::HeadAfter(row) if head(state, &row) => Next::At(At::Recover(row)),
            At::HeadAfter(_) => Next::Fails,
            At::Recover(row) => {
                let now = &state.row;
                let same = now.generation == row.generation && now.status == row.status && now.export == row.export;
                Next::At(if same { At::Head(row) } else { At::CleanUp })
            }
            At::Head(row) if head(state, &row) => Next::At(At::Complete(row)),
            At::Head(row) => {
                let joins = state.assembling.iter().any(|upload| upload.generation == row.generation);
                if joins && self.recovery != Recovery::StartOver {
                    return None;
                }
                Next::At(At::StartOver(row))
            }
            At::Abort { row, upload } => {
                state.uploads.retain(|known| known.id != upload);
                Next::At(At::StartOver(row))
            }
            At::StartOver(row) => {
                let restarts = row.export.map_or(0, |export| export.restarts) + 1;
                if restarts > self.max_restarts {
                    return Some(Next::At(At::Fail(row)));
                }
                let export = Some(Progress { restarts, ..Progress::begin() });
                write(state, &row, Row { export, ..state.row })
            }
            At::Fail(row) => {
                // `fail_if_permanent`: if the reservation changed, the change has a record of its own.
                if state.row.is_running_as(&row) {
                    state.row = Row { version: 0, ..state.row.failed() };
                    state.hint = true;
                }
                Next::Done
            }
            At::Complete(row) => {
                let old = row.file;
                let next = write(state, &row, state.row.completed(0));
                if matches!(next, Next::Done) {
                    // In the same transaction: the file row of this generation, and not that of the one before.
                    state.files.retain(|file| Some(*file) != old && *file != row.generation);
                    state.files.push(row.generation);
                }
                next
            }
            At::CleanUp => Next::At(At::ListUploads(state.row)),
            At::ListUploads(row) => {
                let uploads = state.uploads.iter().filter(|upload| self.may_go(&row, upload.generation, false));
                let uploads: Vec<u8> = uploads.map(|upload| upload.id).collect();
                Next::At(match uploads.is_empty() {
                    true => At::ListObjects(row),
                    false => At::AbortUploads { row, uploads },
                })
            }
            At::AbortUploads { row, mut uploads } => {
                let upload = uploads.remove(0);
                state.uploads.retain(|known| known.id != upload);
                Next::At(match uploads.is_empty() {
                    true => At::ListObjects(row),
                    false => At::AbortUploads { row, uploads },
                })
            }
            At::ListObjects(row) => {
                let generations = state.objects.iter().copied();
                let generations: Vec<u8> = generations.filter(|object| self.may_go(&row, *object, true)).collect();
                match generations.is_empty() {
                    true => Next::Done,
                    false => Next::At(At::DeleteObjects { generations }),
                }
            }
            At::DeleteObjects { generations } => {
                state.objects.retain(|object| !generations.contains(object));
                Next::Done
            }
        })
    }

    fn put(&self, state: &mut State, generation: u8) {
        state.objects.retain(|object| *object != generation);
        state.objects.push(generation);
        state.objects.sort_unstable();
    }

    /// The worker of this position goes on, ends, or fails.
    fn go(state: &mut State, position: usize, next: Next) {
        match next {
            Next::At(at) => state.workers[position].at = at,
            Next::Done => {
                state.workers.remove(position);
            }
            Next::Fails => {
                state.hint |= state.workers[position].of_stream;
                state.workers.remove(position);
            }
        }
    }

    /// The contents of the tables and the bucket, as the checks of the invariants take them.
    fn stored(state: &State) -> (Stored, Exports) {
        let key = |generation: &u8| key(&state.row, *generation);
        let file = |generation: &u8| FileState {
            id: file(state.row.incarnation, *generation),
            key: key(generation),
            reservation: Some(id(0)),
            incarnation: Some(incarnation_id(state.row.incarnation)),
        };
        let exports = Exports {
            files: state.files.iter().map(file).collect(),
            objects: state.objects.iter().map(key).collect(),
            uploads: state.uploads.iter().map(|upload| key(&upload.generation)).collect(),
        };
        (Stored { reservations: vec![state.row.real(0)], ..Stored::default() }, exports)
    }

    fn has_leftovers(state: &State) -> bool {
        let (stored, exports) = Self::stored(state);
        !stored.leftovers(&exports).is_empty()
    }

    /// RSV-4 and, of a complete reservation, that its file is that of its generation.
    fn is_whole(state: &State) -> bool {
        let (stored, exports) = Self::stored(state);
        let lost = stored.leftovers(&exports).into_iter().any(|breach| breach.id == "RSV-4");
        !lost && (state.row.status != RowStatus::Complete || state.row.file == Some(state.row.generation))
    }
}

impl Model for Export {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let row = Row { version: 0, ..Row::created(0, 1, 0, 0).allocated(0, 1, 0) };
        vec![State {
            row: Row { version: 0, ..row },
            files: vec![],
            objects: vec![],
            uploads: vec![],
            assembling: vec![],
            next_upload: 0,
            hint: true,
            workers: vec![],
            edits: self.edits,
            faults: self.faults,
            nights: self.nights,
            lost: false,
            stopped: false,
            rewritten: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let busy = state.workers.iter().filter(|worker| worker.of_stream).count();
        if state.hint && busy < self.workers {
            actions.extend((1..=self.renderers).map(|renderer| Action::Deliver { renderer }));
        }
        for (position, worker) in state.workers.iter().enumerate() {
            if position > 0 && state.workers[position - 1] == *worker {
                continue;
            }
            actions.push(Action::Step(position));
            let began = |row: &Row| row.export.map_or(1, |export| export.next_part);
            match &worker.at {
                At::UploadPart { row, part, .. } if *part > began(row) => actions.push(Action::Pause(position)),
                _ => {}
            }
            if state.faults > 0 {
                actions.push(Action::Die(position));
                match &worker.at {
                    At::UploadPart { part, .. } if *part < self.parts => actions.push(Action::Gap(position)),
                    At::Save { .. } | At::SaveFirst { .. } | At::StartOver(_) => actions.push(Action::Resend(position)),
                    At::Head(_) if self.recovery != Recovery::StartOver => actions.push(Action::Impatient(position)),
                    _ => {}
                }
            }
        }
        actions.extend((0..state.assembling.len()).map(Action::Assemble));
        if state.faults > 0 {
            actions.push(if state.hint { Action::Drop } else { Action::Again });
            actions.extend((0..state.uploads.len()).map(Action::Expire));
        }
        if self.wakes && Self::is_rest(state) && state.row.is_open() {
            actions.push(Action::Wake);
        }
        if state.edits > 0 {
            actions.extend(["new", "error"].map(Action::Client));
        }
        let night = state.workers.iter().any(|worker| !worker.of_stream);
        if !night && (state.nights > 0 || (Self::is_rest(state) && !state.row.is_open() && Self::has_leftovers(state)))
        {
            actions.push(Action::Night);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Deliver { renderer } => {
                let Next::At(at) = self.look(state.row, renderer) else { return None };
                state.hint = false;
                state.workers.push(Worker { at, renderer, of_stream: true });
            }
            Action::Step(position) => {
                let Worker { at, renderer, .. } = state.workers[position].clone();
                let next = self.step(&mut state, at, renderer)?;
                Self::go(&mut state, position, next);
            }
            Action::Pause(position) => {
                let At::UploadPart { row, upload, part } = state.workers[position].at else { return None };
                state.workers[position].at = At::Save { row, upload, part };
            }
            Action::Gap(position) => {
                state.faults -= 1;
                let At::UploadPart { row, upload, part } = state.workers[position].at else { return None };
                if let Some(found) = state.uploads.iter_mut().find(|found| found.id == upload) {
                    found.parts |= 1 << part;
                }
                let began = row.export.map_or(1, |export| export.next_part);
                let save = Next::At(At::Save { row, upload, part });
                Self::go(&mut state, position, if part > began { save } else { Next::Fails });
            }
            Action::Resend(position) => {
                state.faults -= 1;
                let Worker { at, renderer, .. } = state.workers[position].clone();
                match self.step(&mut state, at, renderer)? {
                    Next::Done | Next::At(At::CompleteUpload { .. }) => state.workers[position].at = At::CleanUp,
                    // Nothing was written.
                    Next::At(_) | Next::Fails => return None,
                }
            }
            Action::Impatient(position) => {
                state.faults -= 1;
                let At::Head(row) = state.workers[position].at else { return None };
                if state.objects.contains(&row.generation) {
                    return None;
                }
                // The bounded wait ends before S3 has joined the parts. That counts as a lost upload.
                state.lost = true;
                state.workers[position].at = At::StartOver(row);
            }
            Action::Die(position) => {
                state.faults -= 1;
                Self::go(&mut state, position, Next::Fails);
            }
            Action::Assemble(position) => {
                let upload = state.assembling.remove(position);
                self.put(&mut state, upload.generation);
            }
            Action::Again => {
                state.faults -= 1;
                state.hint = true;
            }
            Action::Drop => {
                state.faults -= 1;
                state.hint = false;
            }
            Action::Wake => state.hint = true,
            Action::Client(status) => {
                let new = state.row.edited(&json!({ "status": status }), state.row.renderer, 0)?;
                let new = Row { version: 0, ..new };
                if new == state.row {
                    return None;
                }
                state.edits -= 1;
                state.stopped = new.status == RowStatus::Error;
                state.row = new;
                state.hint = true;
            }
            Action::Night => {
                state.nights = state.nights.saturating_sub(1);
                state.workers.push(Worker { at: At::ListUploads(state.row), renderer: 1, of_stream: false });
            }
            Action::Expire(position) => {
                state.faults -= 1;
                state.lost = true;
                state.uploads.remove(position);
            }
        }
        state.files.sort_unstable();
        state.assembling.sort_unstable();
        state.workers.sort_unstable();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always("RSV-4", |_, state: &State| Self::is_whole(state)),
            Property::sometimes("the export is complete", |_, state: &State| state.row.status == RowStatus::Complete),
        ];
        if self.edits > 0 {
            properties.push(Property::sometimes(
                "a second generation is complete and nothing is left over",
                |_, state: &State| {
                    let second = state.row.status == RowStatus::Complete && state.row.generation == 2;
                    second && Self::is_rest(state) && !Self::has_leftovers(state)
                },
            ));
        }
        if self.strict {
            properties.extend([
                Property::always("an export begins again only after its upload was lost", |_, state: &State| {
                    state.lost || state.row.export.is_none_or(|export| export.restarts == 0)
                }),
                Property::always("only a client or a lost upload ends it as error", |_, state: &State| {
                    state.row.status != RowStatus::Error || state.stopped || state.lost
                }),
            ]);
        }
        if self.strict && self.workers == 1 {
            properties.push(Property::always("no file is uploaded a second time", |_, state: &State| {
                state.lost || !state.rewritten
            }));
        }
        properties
    }
}

impl Protocol for Export {
    fn bounds(&self) -> String {
        let Self { parts, workers, edits, faults, nights, renderers, .. } = self;
        format!(
            "{parts} parts, {workers} workers, {edits} edits, {faults} faults, {nights} nights, {renderers} renderers"
        )
    }

    fn line(&self, state: &State) -> String {
        let Row { status, generation, export, file, .. } = state.row;
        let uploads = state.uploads.iter().map(|upload| format!("{} of {}", upload.id, upload.generation));
        let workers = state.workers.iter().map(|worker| {
            let name = format!("{:?}", worker.at);
            name.split(['(', ' ']).next().unwrap_or_default().to_owned()
        });
        format!(
            "{status:?} generation {generation}, {}, file {file:?} | file rows {:?} | objects {:?} | uploads [{}] | workers [{}]",
            export.map_or_else(
                || "no export".to_owned(),
                |export| {
                    format!("upload {:?}, next part {}, restarts {}", export.upload, export.next_part, export.restarts)
                }
            ),
            state.files,
            state.objects,
            uploads.collect::<Vec<_>>().join(", "),
            workers.collect::<Vec<_>>().join(", "),
        )
    }

    fn broken(&self, state: &State) -> Vec<Breach> {
        let (stored, exports) = Self::stored(state);
        stored.leftovers(&exports)
    }

    fn is_end(&self, state: &State) -> bool {
        Self::is_rest(state) && !state.row.is_open() && !Self::has_leftovers(state)
    }
}

/// What every test starts from.
fn model() -> Export {
    Export {
        parts: 2,
        workers: 2,
        edits: 1,
        faults: 1,
        nights: 1,
        renderers: 1,
        max_restarts: 2,
        wakes: true,
        recovery: Recovery::StartOver,
        rule: Rule::Generations,
        strict: false,
    }
}

#[test]
fn rsv_4_5_every_export_is_whole_and_nothing_is_left_over() {
    let small = [
        model(),
        Export { parts: 1, edits: 2, faults: 2, ..model() },
        Export { renderers: 2, edits: 0, nights: 0, ..model() },
    ];
    let large = [
        Export { faults: 2, edits: 2, ..model() },
        Export { parts: 3, faults: 2, ..model() },
        Export { renderers: 2, faults: 2, ..model() },
    ];
    for model in if is_large() { large } else { small } {
        exhaust("export", model);
    }
}

#[test]
#[should_panic(expected = "from here the end cannot be reached")]
fn without_the_sweep_an_export_whose_record_is_lost_never_ends() {
    exhaust("export without the sweep", Export { wakes: false, edits: 0, nights: 0, ..model() });
}

#[test]
#[should_panic(expected = "never \"the export is complete")]
fn a_model_in_which_something_never_happens_is_refused() {
    exhaust("export without workers", Export { workers: 0, wakes: false, ..model() });
}

#[test]
fn an_export_that_looks_for_its_object_is_never_begun_again_in_vain() {
    for recovery in [Recovery::Look, Recovery::SaveFirst] {
        let looks = Export { recovery, strict: true, nights: 0, ..model() };
        exhaust(&format!("export, {recovery:?}"), looks);
    }
}

#[test]
fn with_the_upload_saved_first_one_worker_after_the_other_writes_each_file_once() {
    let saved = Export { recovery: Recovery::SaveFirst, strict: true, workers: 1, faults: 2, ..model() };
    exhaust("export, SaveFirst, one worker", saved);
}

#[test]
fn a_look_before_the_upload_alone_writes_a_file_twice_while_s3_joins_its_parts() {
    let looks = Export { recovery: Recovery::Look, strict: true, workers: 1, edits: 0, nights: 0, ..model() };
    refute("export, Look, one worker", looks, "no file is uploaded a second time");
}

#[test]
fn without_a_look_an_export_begins_again_while_s3_joins_its_parts() {
    let strict = Export { strict: true, edits: 0, nights: 0, ..model() };
    refute("export, StartOver", strict.clone(), "an export begins again only after its upload was lost");
    let once = Export { max_restarts: 0, ..strict.clone() };
    refute("export, StartOver", once, "only a client or a lost upload ends it as error");
    refute("export, StartOver", Export { workers: 1, ..strict }, "no file is uploaded a second time");
}

#[test]
fn without_the_generation_rule_a_late_tidy_run_removes_a_younger_export() {
    let rule = Rule::AnyGeneration;
    refute("tidy of any generation", Export { rule, faults: 0, workers: 1, parts: 1, ..model() }, "RSV-4");
}

#[test]
fn without_the_rule_of_the_running_generation_a_tidy_run_removes_the_export_that_is_being_written() {
    let rule = Rule::AlsoRunning;
    refute("tidy of the running generation", Export { rule, faults: 0, workers: 1, edits: 0, ..model() }, "RSV-4");
}
