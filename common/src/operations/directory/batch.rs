//! [`Batch`]: the writes of several changes, which are one transaction with their audit rows.

use std::{collections::BTreeSet, future::Future};

use super::{DirectoryError, Effect, MAX_TRIES, contended, first};
use crate::{
    backoff::pause,
    context::Context,
    directory::Audit,
    store::{Changed, DirectoryWrite, Kind, MAX_DIRECTORY_BYTES, MAX_DIRECTORY_WRITES, Revision},
};

/// Why changes are refused: the position of a change, and its error. There is at least one.
pub type Refused = Vec<(usize, DirectoryError)>;

/// Changes that were checked on the rows as they are. They can be written once.
pub struct Prepared<R> {
    /// The rows as they will be, each once, in the order of the changes, without those that are removed; `None` for one
    /// that cannot be read even then.
    pub rows: Vec<Option<R>>,
    /// What each change does.
    pub effects: Vec<Effect>,
    pub(super) batch: Batch,
    /// The texts over which a rule of several rows holds, as they will be: the id of the row, and its text if it has one
    /// then.
    pub(super) texts: Vec<(String, Option<String>)>,
}

/// Each change with its position and what a check of it alone gives, and those that it refuses.
pub(super) fn checked_each<C, T>(
    changes: &[C],
    check: impl Fn(&C) -> Result<T, DirectoryError>,
) -> (Vec<(usize, &C, T)>, Refused) {
    let (mut checked, mut refused) = (Vec::with_capacity(changes.len()), Refused::new());
    for (position, change) in changes.iter().enumerate() {
        match check(change) {
            Ok(found) => checked.push((position, change, found)),
            Err(error) => refused.push((position, error)),
        }
    }
    (checked, refused)
}

impl<R> Prepared<R> {
    /// So many changes that do nothing yet.
    ///
    /// # Errors
    /// The changes that were refused, in their order.
    pub(super) fn unless(mut refused: Refused, changes: usize) -> Result<Self, Refused> {
        if !refused.is_empty() {
            refused.sort_by_key(|(position, _)| *position);
            return Err(refused);
        }
        let effects = vec![Effect::Unchanged; changes];
        Ok(Self { rows: Vec::new(), effects, batch: Batch::default(), texts: Vec::new() })
    }

    pub(super) fn set_effect(&mut self, position: usize, effect: Effect) {
        if let Some(known) = self.effects.get_mut(position) {
            *known = effect;
        }
    }
}

/// What became of prepared changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// They are written.
    Done,
    /// Nothing is written, since another writer changed what was read. Prepare them again.
    Again,
}

/// Changes of the rows of one kind, which are checked first and then written.
pub trait Writes: Send {
    /// A row.
    type Row: Send + Sync;
    /// A change of a row.
    type Change: Clone + Send + Sync;

    /// Checks changes on the rows as they are. Writes nothing.
    fn prepare(
        &mut self,
        changes: &[Self::Change],
    ) -> impl Future<Output = Result<Prepared<Self::Row>, Refused>> + Send;

    /// Writes prepared changes, all or none.
    fn commit(
        &mut self,
        prepared: Prepared<Self::Row>,
    ) -> impl Future<Output = Result<Sent, (usize, DirectoryError)>> + Send;

    /// Makes one change.
    fn make(&mut self, change: Self::Change) -> impl Future<Output = Result<Effect, DirectoryError>> + Send {
        async move {
            let changes = [change];
            for attempt in 1..=MAX_TRIES {
                let prepared = self.prepare(&changes).await.map_err(first)?;
                let effect = prepared.effects.first().copied().unwrap_or(Effect::Unchanged);
                match self.commit(prepared).await.map_err(|(_, error)| error)? {
                    Sent::Done => return Ok(effect),
                    Sent::Again => pause(attempt).await,
                }
            }
            Err(contended())
        }
    }
}

/// The writes of several changes.
#[derive(Default)]
pub(super) struct Batch {
    writes: Vec<DirectoryWrite>,
    /// For each write the position of its change, and the member whose value is taken if the write fails.
    meanings: Vec<(usize, Option<Unique>)>,
    audits: Vec<Audit>,
    revision: Option<Revision>,
}

/// A value that only one row may have.
#[derive(Clone)]
pub(super) struct Unique {
    pub(super) what: &'static str,
    pub(super) field: &'static str,
    pub(super) value: String,
}

impl Unique {
    pub(super) fn taken(self) -> DirectoryError {
        DirectoryError::Exists { what: self.what, field: self.field, value: self.value }
    }
}

impl Batch {
    /// Adds a write of the change at a position.
    pub(super) fn write(&mut self, position: usize, write: DirectoryWrite) {
        self.writes.push(write);
        self.meanings.push((position, None));
    }

    /// Adds a write that fails if a value is taken.
    pub(super) fn claim(&mut self, position: usize, write: DirectoryWrite, value: Unique) {
        self.writes.push(write);
        self.meanings.push((position, Some(value)));
    }

    /// Adds the audit row of a change.
    pub(super) fn audit(&mut self, audit: Audit) {
        self.audits.push(audit);
    }

    /// Makes the transaction conditional on a revision. Of several, the one that was read first is the strictest.
    pub(super) fn depend_on(&mut self, revision: Revision) {
        self.revision.get_or_insert(revision);
    }

    pub(super) fn revision(&self) -> Option<&Revision> {
        self.revision.as_ref()
    }

    /// Checks that the writes fit into one transaction.
    ///
    /// # Errors
    /// [`DirectoryError::Refused`] for too many or too long writes; [`DirectoryError::Exists`] for a value that moves from one row of
    /// the batch to another, which one transaction cannot do.
    pub(super) fn check(&self) -> Result<(), (usize, DirectoryError)> {
        let mut places: BTreeSet<(Kind, &str)> = BTreeSet::new();
        for (write, (position, value)) in self.writes.iter().zip(&self.meanings) {
            if !places.insert(write.place()) {
                let twice = || DirectoryError::Refused("Two rows of the request write the same row.".to_owned());
                return Err((*position, value.clone().map_or_else(twice, Unique::taken)));
            }
        }
        let of_audit = |audit: &Audit| serde_json::to_string(audit).map_or(0, |text| text.len());
        let bytes: usize = self.writes.iter().map(DirectoryWrite::size).chain(self.audits.iter().map(of_audit)).sum();
        if bytes > MAX_DIRECTORY_BYTES {
            let reason = format!(
                "The changes of the request take {bytes} bytes, {MAX_DIRECTORY_BYTES} at most. Send fewer rows."
            );
            return Err((0, DirectoryError::Refused(reason)));
        }
        let writes = self.writes.len() + self.audits.len() + usize::from(self.revision.is_some());
        if writes > MAX_DIRECTORY_WRITES {
            return Err((
                0,
                DirectoryError::Refused(format!(
                    "The request needs {writes} writes, and one transaction has {MAX_DIRECTORY_WRITES} at most: two for each \
                     row, one more for each token and external identifier that changes. Send fewer rows."
                )),
            ));
        }
        Ok(())
    }

    /// Writes all changes or none.
    ///
    /// # Errors
    /// [`DirectoryError::Exists`] with the position of a change whose value another row has; [`DirectoryError::Store`]
    /// when DynamoDB does not answer.
    pub(super) async fn send(self, context: &Context) -> Result<Sent, (usize, DirectoryError)> {
        let Self { mut writes, meanings, audits, revision } = self;
        if writes.is_empty() && audits.is_empty() {
            return Ok(Sent::Done);
        }
        writes.extend(revision.map(DirectoryWrite::Advance));
        let sent = context.store().change_directory(&writes, &audits).await;
        match sent.map_err(|error| (0, error.into()))? {
            Changed::Done => Ok(Sent::Done),
            Changed::Failed(at) => match meanings.get(at) {
                Some((position, Some(value))) => Err((*position, value.clone().taken())),
                _ => Ok(Sent::Again),
            },
        }
    }
}
