//! The open reservations: of an organisation, for its limit, and of all, for the sweep.

use uuid::Uuid;

use super::{
    Entries, EntryFilter, Store, StoreError,
    walk::{Indexed, OPEN, Order, Partition, Run, Times, Walk},
};
use crate::{config::MAX_SHARDS, reservation::Status};

/// The statuses of open reservations.
const STATUSES: [Status; 2] = [Status::New, Status::InProgress];

impl Walk {
    /// The reservations of some partitions with an open status, oldest first. Rows of a seed are among them.
    pub(super) fn open(partitions: Vec<Partition>) -> Self {
        Self {
            partitions,
            order: Order::Created { descending: false, ids_descending: false },
            statuses: Some(STATUSES.to_vec()),
            times: Times::default(),
        }
    }
}

/// All open reservations, in tables without an index by status.
fn open_before() -> Run {
    Run::whole(Indexed::Reservations, OPEN, OPEN, OPEN)
}

/// Those of an organisation, in tables without an index by status.
fn open_of_organisation_before(organisation: &str) -> Run {
    Run::whole(Indexed::Reservations, "open_by_organisation", "organisation_key", organisation)
}

impl Store<'_> {
    /// The open reservations of all organisations, oldest first, so that the sweep wakes those first that wait longest.
    /// Those in partitions that lists do not read since `Shards` was lowered are among them (RSV-5). Without the limit
    /// `MaxScan`: the sweep is bounded by time.
    #[must_use]
    pub fn open_entries(&self) -> Entries {
        let entries = if self.shape().stage.has("by_shard_status") {
            Entries::new(&Walk::open((0..MAX_SHARDS).map(Partition::Shard).collect()), &EntryFilter::default())
        } else {
            Entries::of(vec![open_before()], Order::Id { descending: false }, &EntryFilter::default())
        };
        entries.unbounded()
    }

    /// The last id of a shard now; `None` if the shard is empty. Whatever `Shards` is, there are [`MAX_SHARDS`] shards.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn last_of_shard(&self, shard: u32) -> Result<Option<Uuid>, StoreError> {
        let walk = Walk { order: Order::Id { descending: true }, ..Walk::by_id([Partition::Shard(shard)]) };
        Ok(Entries::new(&walk, &EntryFilter::default()).unbounded().next(*self, 1).await?.pop())
    }

    /// Counts the open reservations of an organisation, up to `enough`. The index is eventually consistent: a
    /// reservation that was created or ended less than about a second ago may be missing or still counted.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn open_reservations(&self, organisation: &str, enough: usize) -> Result<usize, StoreError> {
        if !self.shape().stage.has("by_organisation_status") {
            return self.count_run(&open_of_organisation_before(organisation), None, enough).await;
        }
        let mut count = 0;
        for run in Walk::open(vec![Partition::Organisation(organisation.to_owned())]).runs() {
            // Only rows that the service processes have the attribute; rows of a seed are never processed.
            count += self.count_run(&run, Some(OPEN), enough.saturating_sub(count)).await?;
        }
        Ok(count)
    }
}
