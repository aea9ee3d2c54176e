//! Reads some members of reservations: what a query needs to decide which rows it shows, and no more.
//!
//! A whole row has more than twenty attributes, and nested ones. Most of the time of a list that passes over many rows
//! would go into attributes that nobody looks at.

use std::{collections::HashMap, vec::IntoIter};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use futures::{
    StreamExt,
    future::{BoxFuture, FutureExt},
    stream::{self, Buffered, Iter},
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

/// Rows whose members are read in one step: several times as many as are read at the same time, so that the processors and
/// DynamoDB seldom wait for the last reads of a step.
pub const COLUMNS_IN_A_STEP: usize = 4 * COLUMNS_IN_A_READ * AT_ONCE;

/// Maximum number of rows of one read.
pub const COLUMNS_IN_A_READ: usize = MAX_BATCH;

/// What one read found.
pub struct Columns {
    /// The number of ids that it was for.
    pub ids: usize,
    /// The rows that exist, in the order of the ids.
    pub rows: Vec<Row>,
}

/// The read of a hundred rows at most.
type ColumnRead<'a> = BoxFuture<'a, Result<Columns, StoreError>>;

/// The reads of some rows: one result for each hundred of them, in their order.
pub type ColumnReads<'a> = Buffered<Iter<IntoIter<ColumnRead<'a>>>>;

impl<'a> Store<'a> {
    /// Reads members of reservations, [`COLUMNS_IN_A_STEP`] rows at most, a hundred in each of `at_once` reads that run at
    /// the same time. Rows are in the order of `ids`; those that do not exist are left out. Values are those of whole rows,
    /// as [`crate::operations::rows::reservation`] gives them.
    ///
    /// The reads are eventually consistent, which costs half: like index entries, they may be older than the last
    /// second. Whoever shows a row reads it again.
    ///
    /// # Errors
    /// Each result is [`StoreError::Busy`] when DynamoDB does not answer.
    pub fn columns(self, ids: &[Uuid], names: &'a [&'static str], at_once: usize) -> ColumnReads<'a> {
        let ids = ids.chunks(MAX_BATCH).take(COLUMNS_IN_A_STEP / MAX_BATCH);
        let reads: Vec<ColumnRead<'a>> = ids.map(|ids| self.columns_of_batch(ids.to_vec(), names).boxed()).collect();
        stream::iter(reads).buffered(at_once)
    }

    async fn columns_of_batch(self, ids: Vec<Uuid>, names: &[&'static str]) -> Result<Columns, StoreError> {
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
        Ok(Columns { ids: ids.len(), rows: ids.iter().filter_map(|id| found.remove(id)).collect() })
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
