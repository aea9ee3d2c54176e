//! [`Candidates`]: the reservations that a list looks at, in the order in which it does.

use std::{collections::VecDeque, fmt, ops::AddAssign};

use uuid::Uuid;

use super::OperationError;
use crate::store::{Entries, Entry, Store, StoreError};

/// What a list has read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    /// Index entries.
    pub(super) entries: usize,
    /// Rows, some of them perhaps twice.
    pub(super) rows: usize,
    /// Calls of DynamoDB.
    pub(super) calls: usize,
}

impl Cost {
    /// What was read of index entries.
    pub(super) fn of(entries: &Entries) -> Self {
        Self { entries: entries.scanned(), rows: 0, calls: entries.calls() }
    }

    /// Adds reads of rows.
    pub(super) fn add_rows(&mut self, rows: usize) {
        self.rows += rows;
        self.calls += rows.div_ceil(100);
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.entries += other.entries;
        self.rows += other.rows;
        self.calls += other.calls;
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "read: {} entries, {} rows, {} calls", self.entries, self.rows, self.calls)
    }
}

/// The reservations that may match: their ids and, if index entries tell them, their members.
pub(super) struct Candidates {
    /// Those that are known and not taken yet.
    known: VecDeque<Entry>,
    /// Where more come from.
    entries: Option<Entries>,
    /// Why no more can be read. It matters only if they are needed.
    failed: Option<StoreError>,
}

impl Candidates {
    /// These ids and no others.
    pub(super) fn ids(ids: impl IntoIterator<Item = Uuid>) -> Self {
        let known = ids.into_iter().map(|id| Entry { id, row: None }).collect();
        Self { known, entries: None, failed: None }
    }

    /// Index entries.
    pub(super) fn entries(entries: Entries) -> Self {
        Self { known: VecDeque::new(), entries: Some(entries), failed: None }
    }

    /// Whether they come with members of their rows, but for those that an entry cannot tell.
    pub(super) fn tell(&self) -> bool {
        self.entries.as_ref().is_some_and(Entries::tell)
    }

    /// The next candidates, `count` at most; none at the end.
    ///
    /// # Errors
    /// `INVALID_QUERY` for more than `MaxScan` entries; `SERVICE_UNAVAILABLE` when DynamoDB does not answer.
    pub(super) async fn next(&mut self, store: Store<'_>, count: usize) -> Result<Vec<Entry>, OperationError> {
        if self.known.is_empty() {
            self.read_ahead(store, count).await;
        }
        match self.failed.take() {
            Some(error) if self.known.is_empty() => return Err(error.into()),
            later => self.failed = later,
        }
        Ok(self.known.drain(..self.known.len().min(count)).collect())
    }

    /// Passes over the next candidates, `count` at most, and gives their number; none at the end.
    ///
    /// # Errors
    /// As [`Candidates::next`].
    pub(super) async fn skip(&mut self, store: Store<'_>, count: usize) -> Result<usize, OperationError> {
        match &mut self.entries {
            Some(entries) if self.known.is_empty() && self.failed.is_none() => Ok(entries.skip(store, count).await?),
            _ => Ok(self.next(store, count).await?.len()),
        }
    }

    /// Puts candidates back that were taken last and not looked at.
    pub(super) fn put_back(&mut self, entries: Vec<Entry>) {
        for entry in entries.into_iter().rev() {
            self.known.push_front(entry);
        }
    }

    /// Reads entries until `count` candidates are known. An error is kept until they are needed.
    pub(super) async fn read_ahead(&mut self, store: Store<'_>, count: usize) {
        let missing = count.saturating_sub(self.known.len());
        let Some(entries) = self.entries.as_mut().filter(|_| missing > 0 && self.failed.is_none()) else { return };
        let mut found = Vec::with_capacity(missing.min(1_000));
        self.failed = entries.read_into(store, missing, &mut found).await.err();
        self.known.extend(found);
    }

    /// What was read of the indexes.
    pub(super) fn cost(&self) -> Cost {
        self.entries.as_ref().map_or_else(Cost::default, Cost::of)
    }
}
