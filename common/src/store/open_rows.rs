//! The number of open reservations of an organisation, from the sparse index of open ones by organisation.

use aws_sdk_dynamodb::types::Select;

use super::{Store, StoreError, error::classify, items::text};

/// The index. Its keys are the organisation and the mark of an open reservation, so only open ones are in it.
const OPEN_BY_ORGANISATION: &str = "open_by_organisation";

/// Maximum number of pages. One page contains some 10,000 entries (1 MB), and the callers' limits are not higher.
const MAX_PAGES: usize = 10;

impl Store<'_> {
    /// Counts the open reservations of an organisation, up to `enough`. The index is eventually consistent: a
    /// reservation that was created or ended less than about a second ago may be missing or still counted.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn open_reservations(&self, organisation: &str, enough: usize) -> Result<usize, StoreError> {
        let (mut count, mut start) = (0, None);
        for _ in 0..MAX_PAGES {
            let left = enough.saturating_sub(count);
            if left == 0 {
                break;
            }
            let answer = self
                .client
                .query()
                .table_name(&self.config.tables.reservations)
                .index_name(OPEN_BY_ORGANISATION)
                .key_condition_expression("organisation_key = :organisation")
                .expression_attribute_values(":organisation", text(organisation))
                .select(Select::Count)
                .limit(i32::try_from(left).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(classify)?;
            count += usize::try_from(answer.count).unwrap_or(0);
            start = answer.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        Ok(count)
    }
}
