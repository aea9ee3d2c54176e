//! The reservations that are at an end, by status and id, for lists of a status in the order of ids.
//!
//! `Reservations` has no index in that order: it would be written at each change of a status, and in place of another one
//! (`docs/decisions/0052`). The marks of the tallies have the status of each row, so an index of theirs does. It lacks what
//! was not counted yet. Rows that are new enough are therefore taken from the index by status, too.

use chrono::TimeDelta;
use uuid::Uuid;

use super::{
    Entries, EntryFilter, Store, StoreError, Times,
    items::{Item, get_text},
    walk::{Indexed, Order, Run, Walk},
};
use crate::reservation::{Status, Timestamp, tally::Mark};

/// The attribute of marks that the index has as its partition, and the index.
pub(super) const LISTED: &str = "listed";
const INDEX: &str = "by_status";

/// Rows that were created in this time are read from the index by status: most changes of a status come soon after it.
const NEW: TimeDelta = TimeDelta::minutes(5);

/// Maximum number of such rows, a page of entries. With more, as after an import, the index of marks is not used.
const MOST_NEW: usize = 1_000;

/// Whether the index of marks has rows of a status. It has those at an end, which most rows reach once, so that the index
/// costs a reservation one write.
#[must_use]
pub fn is_listed(status: Status) -> bool {
    !status.is_open()
}

/// The partition of a status in a shard.
pub(super) fn listed(status: Status, shard: &str) -> String {
    format!("{status}#{shard}")
}

/// The status as which the index has a mark.
pub(super) fn listed_status(mark: &Mark) -> Option<Status> {
    mark.counted.as_ref()?.kind.status.filter(|status| is_listed(*status))
}

/// Whether the index has a stored mark as it should.
pub(super) fn is_listed_as(item: &Item, mark: &Mark) -> bool {
    let stored = get_text(item, LISTED).map(|listed| listed.split_once('#').map_or(listed, |(status, _)| status));
    stored == listed_status(mark).map(Status::as_str)
}

/// Entries of rows that are at an end.
pub struct Ended {
    /// In the order of ids; `None` if the index of marks cannot be used.
    pub entries: Option<Entries>,
    /// Entries that were read to find the new ones.
    pub read: usize,
    /// The calls of that.
    pub calls: usize,
}

impl Store<'_> {
    /// The rows of a walk over statuses in all shards, each status one that [`is_listed`], in the order of ids. No entries while
    /// the index of marks is not complete, and if more than 1,000 of them are new: then nothing says that it is not far behind.
    ///
    /// A row whose status changed a moment ago, and which was created longer ago than five minutes, may be missing for as long
    /// as counts are late, and one that has another status meanwhile may be given.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn ended(&self, walk: &Walk, descending: bool, now: Timestamp) -> Result<Ended, StoreError> {
        let new = Walk { times: Times::since(Timestamp::new(now.time() - NEW)), ..walk.clone() };
        let mut new = Entries::new(&new, &EntryFilter::default());
        let most = MOST_NEW.min(self.config.max_scan.saturating_sub(1));
        let (state, found) = futures::future::join(self.tally_state(), new.next(*self, most + 1)).await;
        let state = state?;
        let (read, calls) = (new.scanned(), new.calls());
        let found: Vec<Uuid> = match found {
            Ok(found) if found.len() <= most && state.lists && state.lanes <= self.config.shards => found,
            Ok(_) | Err(StoreError::TooMany(_)) => return Ok(Ended { entries: None, read, calls }),
            Err(error) => return Err(error),
        };
        let run = |run: Run| {
            let partition = listed(run.status?, &run.value);
            Some(Run::whole(Indexed::Tallies, INDEX, LISTED, partition))
        };
        let runs = walk.runs().into_iter().filter_map(run).collect();
        let entries = Entries::of(runs, Order::Id { descending }, &EntryFilter::default());
        Ok(Ended { entries: Some(entries.with(found, &new)), read, calls })
    }
}
