//! A reservation that is read in the same call as its reader's token.

use uuid::Uuid;

use super::{
    Store, StoreError,
    items::{self, Item},
};
use crate::reservation::Reservation;

/// A reservation that was read (consistent) before it was decided whether the caller may see it. Its item is parsed when
/// it is asked for, so that one that cannot be read is an error only for those who have the right to read.
#[derive(Debug)]
pub struct ReadAhead {
    id: Uuid,
    item: Option<Item>,
}

impl ReadAhead {
    /// The item of the reservation with this id; `None` if there is none.
    pub(super) fn new(id: Uuid, item: Option<Item>) -> Self {
        Self { id, item }
    }
}

impl Store<'_> {
    /// A reservation: the one that was read ahead, or else as [`Store::reservation`].
    ///
    /// # Errors
    /// As [`Store::reservation`].
    pub async fn reservation_ahead(
        &self,
        id: Uuid,
        ahead: Option<ReadAhead>,
    ) -> Result<Option<Reservation>, StoreError> {
        match ahead.filter(|ahead| ahead.id == id) {
            Some(ReadAhead { item, .. }) => {
                item.map(|item| items::read(&self.config.tables.reservations, item)).transpose()
            }
            None => self.reservation(id).await,
        }
    }
}
