//! The number of open reservations of an organisation, from the sparse index of open ones by organisation.

use super::{Store, StoreError};

/// The index. Its keys are the organisation and the mark of an open reservation, so only open ones are in it.
const OPEN_BY_ORGANISATION: &str = "open_by_organisation";

impl Store<'_> {
    /// Counts the open reservations of an organisation, up to `enough`. The index is eventually consistent: a
    /// reservation that was created or ended less than about a second ago may be missing or still counted.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn open_reservations(&self, organisation: &str, enough: usize) -> Result<usize, StoreError> {
        self.count_entries(OPEN_BY_ORGANISATION, "organisation_key", organisation.to_owned(), enough).await
    }
}
