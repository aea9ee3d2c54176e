//! Reads and writes of single items and of batches, for all tables.

use std::collections::HashSet;

use aws_sdk_dynamodb::{operation::get_item::builders::GetItemFluentBuilder, types::KeysAndAttributes};

use super::{
    Store, StoreError,
    error::{classify, unless_condition_failed},
    items::Item,
};
use crate::concurrency;

/// Maximum number of rounds of a batch read. If items are still missing then, the read fails as busy.
pub(super) const MAX_BATCH_ROUNDS: u32 = 8;

impl Store<'_> {
    /// The request for a consistent read of an item by its key. The caller sends it: an `async fn` here would add a
    /// level to every future that reads, and rustc limits their depth.
    pub(super) fn get(&self, table: &str, key: Item) -> GetItemFluentBuilder {
        self.client.get_item().table_name(table).set_key(Some(key)).consistent_read(true)
    }

    /// Reads items by key (consistent), in no particular order. A key that occurs twice is read once.
    pub(super) async fn batch_get(&self, table: &str, keys: Vec<Item>) -> Result<Vec<Item>, StoreError> {
        let mut unique: Vec<Item> = Vec::with_capacity(keys.len());
        let mut seen = HashSet::new();
        for key in keys {
            let mut name: Vec<_> = key.values().filter_map(|value| value.as_s().ok().cloned()).collect();
            name.sort();
            if seen.insert(name) {
                unique.push(key);
            }
        }
        let chunks = unique.chunks(100).map(|chunk| self.batch_get_chunk(table, chunk.to_vec()));
        Ok(concurrency::all(chunks).await?.into_iter().flatten().collect())
    }

    async fn batch_get_chunk(&self, table: &str, mut keys: Vec<Item>) -> Result<Vec<Item>, StoreError> {
        let mut found = Vec::with_capacity(keys.len());
        for round in 0..MAX_BATCH_ROUNDS {
            if keys.is_empty() {
                return Ok(found);
            }
            if round > 0 {
                self.pause(round).await;
            }
            let request = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build()?;
            let answer = self.client.batch_get_item().request_items(table, request).send().await.map_err(classify)?;
            found.extend(answer.responses.into_iter().flatten().flat_map(|(_, items)| items));
            // DynamoDB leaves keys out above 16 MB or when a partition is throttled. They are read in the next round.
            keys = answer.unprocessed_keys.into_iter().flatten().flat_map(|(_, rest)| rest.keys).collect();
        }
        if keys.is_empty() { Ok(found) } else { Err(StoreError::Busy("a batch read stayed incomplete".to_owned())) }
    }

    /// Puts an item unless its key exists. An existing item is not changed.
    pub(super) async fn put_unless_exists(&self, table: &str, item: Item, key: &str) -> Result<(), StoreError> {
        let result = self
            .client
            .put_item()
            .table_name(table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#key)")
            .expression_attribute_names("#key", key)
            .send()
            .await;
        unless_condition_failed(result)
    }
}
