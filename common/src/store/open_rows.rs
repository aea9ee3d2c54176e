//! The open reservations: of an organisation, for its limit, and of all, for the sweep.

use super::{
    Store, StoreError,
    walk::{OPEN, Order, Partition, Times, Walk},
};
use crate::reservation::Status;

/// The statuses of open reservations.
const STATUSES: [Status; 2] = [Status::New, Status::InProgress];

impl Walk {
    /// The open reservations of some partitions, oldest first. Rows of a seed, which are never processed, are among them.
    fn open(partitions: Vec<Partition>) -> Self {
        Self {
            partitions,
            order: Order::Created { descending: false, ids_descending: false },
            statuses: Some(STATUSES.to_vec()),
            times: Times::default(),
        }
    }
}

impl Store<'_> {
    /// The open reservations of all organisations, oldest first, so that the sweep wakes those first that wait longest.
    #[must_use]
    pub fn open_walk(&self) -> Walk {
        Walk::open((0..self.config.shards).map(Partition::Shard).collect())
    }

    /// Counts the open reservations of an organisation, up to `enough`. The index is eventually consistent: a
    /// reservation that was created or ended less than about a second ago may be missing or still counted.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn open_reservations(&self, organisation: &str, enough: usize) -> Result<usize, StoreError> {
        let mut count = 0;
        for run in Walk::open(vec![Partition::Organisation(organisation.to_owned())]).runs() {
            // Only rows that the service processes have the attribute.
            count += self.count_run(&run, Some(OPEN), enough.saturating_sub(count)).await?;
        }
        Ok(count)
    }
}
