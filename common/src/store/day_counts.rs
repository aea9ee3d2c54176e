//! The codes that an organisation with a quota was given on one day (UTC), in the `Requests` table, whose items expire.
//!
//! An allocation adds to the count in its own transaction, on the condition that the sum stays within the quota
//! (RSV-9). So a count is never lost and never added twice, whatever worker dies at whatever moment.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::Update;

use super::{
    Store, StoreError,
    items::{self, Item, number, text},
};
use crate::reservation::Timestamp;

/// How long after its day a count is kept (seconds). The day is part of the key, so a late deletion does no harm.
const KEPT_SECONDS: i64 = 3 * 24 * 60 * 60;

/// What an allocation adds to the count of one organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayCount {
    /// The organisation.
    pub organisation: String,
    /// The codes to add.
    pub codes: u64,
    /// Maximum of the count.
    pub quota: u64,
}

/// The key of a count: the day, such as `2026-01-31`, and the organisation. The keys of remembered requests are
/// hexadecimal, so none is equal.
fn key(organisation: &str, now: Timestamp) -> String {
    format!("codes#{}#{organisation}", now.time().format("%Y-%m-%d"))
}

impl Store<'_> {
    /// The codes that each of these organisations was given on the day of `now` (one consistent batch read). An
    /// organisation without a count is left out.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer; [`StoreError::Corrupt`] when an item cannot be read.
    pub async fn codes_of_day(
        &self,
        organisations: &[&str],
        now: Timestamp,
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        let table = &self.config.tables.requests;
        let by_key: BTreeMap<String, &str> = organisations.iter().map(|one| (key(one, now), *one)).collect();
        let keys = by_key.keys().map(|key| Item::from([items::key("key", key)])).collect();
        let mut counts = BTreeMap::new();
        for item in self.batch_get(table, keys).await? {
            let key = items::get_text(&item, "key").unwrap_or_default();
            let codes = item.get("codes").and_then(|codes| codes.as_n().ok()).and_then(|codes| codes.parse().ok());
            let (Some(organisation), Some(codes)) = (by_key.get(key), codes) else {
                let reason = "it is no count of a day".to_owned();
                return Err(StoreError::Corrupt { table: table.clone(), key: key.to_owned(), reason });
            };
            counts.insert((*organisation).to_owned(), codes);
        }
        Ok(counts)
    }

    /// Adds to a count, if the sum stays within the quota.
    pub(super) fn count_codes(&self, count: &DayCount, now: Timestamp) -> Result<Update, StoreError> {
        let expires_at = now.time().timestamp().saturating_add(KEPT_SECONDS);
        let most = count.quota.checked_sub(count.codes).ok_or_else(|| {
            StoreError::Refused(format!("{} codes are more than a quota of {}", count.codes, count.quota))
        })?;
        Update::builder()
            .table_name(&self.config.tables.requests)
            .key("key", text(key(&count.organisation, now)))
            .update_expression("SET codes = if_not_exists(codes, :none) + :codes, expires_at = :expires_at")
            .condition_expression("attribute_not_exists(codes) OR codes <= :most")
            .expression_attribute_values(":none", number(0))
            .expression_attribute_values(":codes", number(count.codes))
            .expression_attribute_values(":most", number(most))
            .expression_attribute_values(":expires_at", number(expires_at))
            .build()
            .map_err(StoreError::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_organisation_has_one_count_for_each_day_of_utc() {
        let at = |time| Timestamp::parse(time).unwrap();
        assert_eq!(key("/417/1", at("2026-01-31T23:59:59.999Z")), "codes#2026-01-31#/417/1");
        assert_eq!(key("/417/1", at("2026-02-01T00:00:00Z")), "codes#2026-02-01#/417/1");
        assert_eq!(key("/417/1", at("2026-02-01T01:00:00+02:00")), "codes#2026-01-31#/417/1");
    }
}
