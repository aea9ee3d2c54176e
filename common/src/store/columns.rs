//! Reads some members of reservations: what a query needs to decide which rows it shows, and no more.
//!
//! A whole row has more than twenty attributes, and nested ones. Most of the time of a list that passes over many rows
//! would go into attributes that nobody looks at.

use std::collections::HashMap;

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use futures::{
    future::{BoxFuture, FutureExt},
    stream::FuturesOrdered,
};
use serde_json::{Number, Value};
use uuid::Uuid;

use super::{
    Store, StoreError,
    error::classify,
    items::{Item, get_text, id_key},
    tables::{MAX_BATCH, MAX_BATCH_ROUNDS, keys_request},
};
use crate::{
    concurrency::{AT_ONCE, spawned},
    query::Row,
};

/// Rows whose members are read at the same time.
pub const COLUMNS_AT_ONCE: usize = MAX_BATCH * AT_ONCE;

/// The reads of some rows: one result for each hundred of them, in their order.
pub type ColumnReads<'a> = FuturesOrdered<BoxFuture<'a, Result<Vec<Row>, StoreError>>>;

impl<'a> Store<'a> {
    /// Reads members of reservations, [`COLUMNS_AT_ONCE`] rows at most. Rows are in the order of `ids`; those that do
    /// not exist are left out. Values are those of whole rows, as [`crate::operations::rows::reservation`] gives them.
    ///
    /// The reads are eventually consistent, which costs half: like index entries, they may be older than the last
    /// second. Whoever shows a row reads it again.
    ///
    /// # Errors
    /// Each result is [`StoreError::Busy`] when DynamoDB does not answer.
    pub fn columns(self, ids: &[Uuid], names: &'a [&'static str]) -> ColumnReads<'a> {
        ids.chunks(MAX_BATCH).take(AT_ONCE).map(|ids| self.columns_of_batch(ids.to_vec(), names).boxed()).collect()
    }

    async fn columns_of_batch(self, ids: Vec<Uuid>, names: &[&'static str]) -> Result<Vec<Row>, StoreError> {
        let mut keys: Vec<Item> = ids.iter().map(id_key).collect();
        let mut found = HashMap::with_capacity(ids.len());
        for round in 0..MAX_BATCH_ROUNDS {
            if keys.is_empty() {
                break;
            }
            if round > 0 {
                self.pause(round).await;
            }
            let (client, table) = (self.client.clone(), self.config.tables.reservations.clone());
            // Most of the time goes into the request and the answer, so each has a task and can use another core.
            let (rows, left) = spawned(columns_of_keys(client, table, keys, names.to_vec())).await?;
            found.extend(rows);
            keys = left;
        }
        if !keys.is_empty() {
            return Err(StoreError::Busy("a batch read stayed incomplete".to_owned()));
        }
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }
}

/// Rows by their ids.
type RowsById = Vec<(Uuid, Row)>;

/// Reads members of the rows with these keys, once. The second value is the keys that DynamoDB left out.
async fn columns_of_keys(
    client: Client,
    table: String,
    keys: Vec<Item>,
    names: Vec<&'static str>,
) -> Result<(RowsById, Vec<Item>), StoreError> {
    let request = keys_request(keys, &names).consistent_read(false).build()?;
    let answer = client.batch_get_item().request_items(table, request).send().await.map_err(classify)?;
    let items = answer.responses.into_iter().flatten().flat_map(|(_, items)| items);
    let rows = items.filter_map(|item| {
        let id = get_text(&item, "id").and_then(|id| Uuid::try_parse(id).ok())?;
        Some((id, row(item, &names)))
    });
    let left = answer.unprocessed_keys.into_iter().flatten().flat_map(|(_, rest)| rest.keys);
    Ok((rows.collect(), left.collect()))
}

/// The row of an item: texts and whole numbers; a member without a value is null.
fn row(mut item: Item, names: &[&'static str]) -> Row {
    let value = |value| match value {
        Some(AttributeValue::S(text)) => Value::String(text),
        Some(AttributeValue::N(number)) => {
            number.parse::<i64>().map_or(Value::Null, |n| Value::Number(Number::from(n)))
        }
        _ => Value::Null,
    };
    names.iter().map(|name| (*name, value(item.remove(*name)))).collect()
}
