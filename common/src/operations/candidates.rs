//! [`Candidates`]: the ids of the reservations that a list looks at, in the order in which it does.

use std::{collections::VecDeque, fmt, ops::AddAssign};

use uuid::Uuid;

use super::OperationError;
use crate::store::{Entries, Store, StoreError};

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

/// The ids of reservations that may match.
pub(super) struct Candidates {
    /// Those that are known and not taken yet.
    ids: VecDeque<Uuid>,
    /// Where more come from.
    entries: Option<Entries>,
    /// Why no more can be read. It matters only if they are needed.
    failed: Option<StoreError>,
}

impl Candidates {
    /// These ids and no others.
    pub(super) fn ids(ids: VecDeque<Uuid>) -> Self {
        Self { ids, entries: None, failed: None }
    }

    /// The ids of index entries.
    pub(super) fn entries(entries: Entries) -> Self {
        Self { ids: VecDeque::new(), entries: Some(entries), failed: None }
    }

    /// The next ids, `count` at most; none at the end.
    ///
    /// # Errors
    /// `INVALID_QUERY` for more than `MaxScan` entries; `SERVICE_UNAVAILABLE` when DynamoDB does not answer.
    pub(super) async fn next(&mut self, store: Store<'_>, count: usize) -> Result<Vec<Uuid>, OperationError> {
        if self.ids.is_empty() {
            self.read_ahead(store, count).await;
        }
        match self.failed.take() {
            Some(error) if self.ids.is_empty() => return Err(error.into()),
            later => self.failed = later,
        }
        Ok(self.ids.drain(..self.ids.len().min(count)).collect())
    }

    /// Reads entries until `count` ids are known. An error is kept until the ids are needed.
    pub(super) async fn read_ahead(&mut self, store: Store<'_>, count: usize) {
        let missing = count.saturating_sub(self.ids.len());
        let Some(entries) = self.entries.as_mut().filter(|_| missing > 0 && self.failed.is_none()) else { return };
        match entries.next(store, missing).await {
            Ok(ids) => self.ids.extend(ids),
            Err(error) => self.failed = Some(error),
        }
    }

    /// What was read of the indexes.
    pub(super) fn cost(&self) -> Cost {
        self.entries.as_ref().map_or_else(Cost::default, Cost::of)
    }
}
