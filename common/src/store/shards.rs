//! Finds rows that no list over all organisations reads, because the parameter `Shards` was lowered after they were
//! written.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::Select;

use super::{Store, StoreError, error::classify, items::text};
use crate::{concurrency, config::MAX_SHARDS};

impl Store<'_> {
    /// The partitions at or above `Shards` that contain rows, in the index of reservations or of files. Makes two reads
    /// of one entry for each partition that is possible, 510 at most.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn stray_shards(&self) -> Result<BTreeSet<u32>, StoreError> {
        let looks = (self.config.shards..MAX_SHARDS).map(|shard| self.is_stray(shard));
        Ok(concurrency::all(looks).await?.into_iter().flatten().collect())
    }

    async fn is_stray(&self, shard: u32) -> Result<Option<u32>, StoreError> {
        let (reservations, files) = (&self.config.tables.reservations, &self.config.tables.files);
        let (one, other) =
            futures::future::try_join(self.holds_rows(reservations, shard), self.holds_rows(files, shard)).await?;
        Ok((one || other).then_some(shard))
    }

    async fn holds_rows(&self, table: &str, shard: u32) -> Result<bool, StoreError> {
        let answer = self
            .client
            .query()
            .table_name(table)
            .index_name("by_shard")
            .key_condition_expression("#shard = :shard")
            .expression_attribute_names("#shard", "shard")
            .expression_attribute_values(":shard", text(shard.to_string()))
            .select(Select::Count)
            .limit(1)
            .send()
            .await
            .map_err(classify)?;
        Ok(answer.count > 0)
    }
}
