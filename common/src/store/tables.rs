//! Reads and writes of single items and of batches, for all tables.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::{
    operation::get_item::builders::GetItemFluentBuilder,
    types::{KeysAndAttributes, builders::KeysAndAttributesBuilder},
};

use super::{
    Store, StoreError,
    error::{classify, unless_condition_failed},
    items::Item,
};
use crate::concurrency;

/// Maximum number of items of a batch read, which is as many as DynamoDB allows.
pub(super) const MAX_BATCH: usize = 100;

/// Maximum number of rounds of a batch read. If items are still missing then, the read fails as busy.
pub(super) const MAX_BATCH_ROUNDS: u32 = 8;

/// The part of a batch read about one table: whole items, or their ids and these members, if there are any.
pub(super) fn keys_request(keys: Vec<Item>, members: &[&'static str]) -> KeysAndAttributesBuilder {
    let request = KeysAndAttributes::builder().set_keys(Some(keys));
    if members.is_empty() {
        return request;
    }
    let mut projection = String::from("id");
    let mut names = HashMap::new();
    // Some names are reserved words in expressions.
    for (position, name) in members.iter().enumerate().filter(|(_, name)| **name != "id") {
        projection += &format!(", #c{position}");
        names.insert(format!("#c{position}"), (*name).to_owned());
    }
    request
        .projection_expression(projection)
        .set_expression_attribute_names(Some(names).filter(|names| !names.is_empty()))
}

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
        self.batch_get_members(table, unique, &[]).await
    }

    /// Reads items by keys of which none occurs twice (consistent), in no particular order: whole items, or their ids and
    /// these members, if there are any.
    pub(super) async fn batch_get_members(
        &self,
        table: &str,
        keys: Vec<Item>,
        members: &[&'static str],
    ) -> Result<Vec<Item>, StoreError> {
        let chunks = keys.chunks(MAX_BATCH).map(|chunk| self.batch_get_at_once([(table, chunk.to_vec(), members)]));
        Ok(concurrency::all(chunks).await?.into_iter().flat_map(HashMap::into_values).flatten().collect())
    }

    /// Reads at most [`MAX_BATCH`] items of some tables by key (consistent), in no particular order, by the names of the
    /// tables. No key may occur twice. The members of each table are those of [`Store::batch_get_members`].
    pub(super) async fn batch_get_at_once<'k>(
        &self,
        keys: impl IntoIterator<Item = (&'k str, Vec<Item>, &'k [&'static str])>,
    ) -> Result<HashMap<String, Vec<Item>>, StoreError> {
        let request = |keys, members| keys_request(keys, members).consistent_read(true).build();
        let (mut wanted, mut members_of) = (HashMap::new(), HashMap::new());
        for (table, keys, members) in keys {
            if !keys.is_empty() {
                wanted.insert(table.to_owned(), request(keys, members)?);
                members_of.insert(table, members);
            }
        }
        let mut found: HashMap<String, Vec<Item>> = HashMap::new();
        for round in 0..MAX_BATCH_ROUNDS {
            if wanted.is_empty() {
                return Ok(found);
            }
            if round > 0 {
                self.pause(round).await;
            }
            let answer = self.client.batch_get_item().set_request_items(Some(wanted)).send().await.map_err(classify)?;
            for (table, items) in answer.responses.into_iter().flatten() {
                found.entry(table).or_default().extend(items);
            }
            // DynamoDB leaves keys out above 16 MB or when a partition is throttled. They are read in the next round.
            wanted = HashMap::new();
            for (table, rest) in answer.unprocessed_keys.into_iter().flatten() {
                if !rest.keys.is_empty() {
                    let members = members_of.get(table.as_str()).copied().unwrap_or_default();
                    wanted.insert(table, request(rest.keys, members)?);
                }
            }
        }
        match wanted.is_empty() {
            true => Ok(found),
            false => Err(StoreError::Busy("a batch read stayed incomplete".to_owned())),
        }
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
