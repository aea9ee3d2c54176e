//! Writes the keys of indexes into rows that were written before the indexes existed.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use uuid::Uuid;

use super::{
    Entries, Store, StoreError,
    error::classify,
    items::{self, Item, id_key, text},
    walk::{CREATED_ID, INDEX_ATTRIBUTES, STATUS_CREATED, USER_KEY},
};
use crate::{concurrency, reservation::Reservation};

/// Rows of one step.
const ROWS: usize = 100;

/// How far a back-fill has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// Rows that were looked at.
    pub looked: usize,
    /// Rows that were written.
    pub written: usize,
    /// Rows that another writer changed at the same moment. A later run finds them.
    pub busy: usize,
    /// Rows that cannot be read. They stay as they are.
    pub unreadable: usize,
}

/// A walk over all rows of one shard that completes their index keys.
pub struct Filling {
    entries: Entries,
}

impl Filling {
    /// All rows of a shard, from the first one after `after`, in the order of ids.
    #[must_use]
    pub fn of_shard(shard: u32, after: Option<Uuid>) -> Self {
        Self { entries: Entries::of_shard(shard, after) }
    }

    /// Completes the next rows. Gives the id of the last one; `None` at the end of the shard.
    ///
    /// Only index keys are written, and only where one is missing or wrong, on the condition that the row is as it was
    /// read. So no invariant is touched: `version`, status and range stay (RSV-1…7), and reserve-codes ignores the stream
    /// record.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn next(&mut self, store: Store<'_>, filled: &mut Filled) -> Result<Option<Uuid>, StoreError> {
        let ids = self.entries.next(store, ROWS).await?;
        let table = &store.config.tables.reservations;
        let keys = ids.iter().map(id_key).collect();
        let items = store.batch_get(table, keys).await?;
        filled.looked += ids.len();
        let writes = items.into_iter().map(|item| store.fill(item));
        for fill in concurrency::all(writes).await? {
            match fill {
                Fill::Complete => {}
                Fill::Written => filled.written += 1,
                Fill::Busy => filled.busy += 1,
                Fill::Unreadable => filled.unreadable += 1,
            }
        }
        Ok(ids.last().copied())
    }
}

/// What became of one row.
enum Fill {
    Complete,
    Written,
    Busy,
    Unreadable,
}

impl Store<'_> {
    /// Completes the index keys of an item.
    async fn fill(&self, item: Item) -> Result<Fill, StoreError> {
        let table = &self.config.tables.reservations;
        let read: Reservation = match items::read(table, item.clone()) {
            Ok(read) => read,
            Err(error) => {
                tracing::error!(error = %error, "a row keeps its index keys, because it cannot be read: {error}");
                return Ok(Fill::Unreadable);
            }
        };
        let wanted = self.reservation_item(&read)?;
        let keys = [CREATED_ID, STATUS_CREATED, USER_KEY];
        debug_assert!(keys.iter().all(|name| INDEX_ATTRIBUTES.contains(name)));
        let missing: Vec<(&str, _)> = keys
            .into_iter()
            .filter_map(|name| Some((name, wanted.get(name).filter(|value| item.get(name) != Some(*value))?.clone())))
            .collect();
        if missing.is_empty() {
            return Ok(Fill::Complete);
        }
        let sets: Vec<String> = missing.iter().map(|(name, _)| format!("{name} = :{name}")).collect();
        let mut values: HashMap<_, _> = missing.into_iter().map(|(name, value)| (format!(":{name}"), value)).collect();
        values.insert(":incarnation".to_owned(), text(read.incarnation.to_string()));
        values.insert(":version".to_owned(), items::number(read.version));
        let result = self
            .client
            .update_item()
            .table_name(table)
            .key("id", text(read.id.to_string()))
            .update_expression(format!("SET {}", sets.join(", ")))
            .condition_expression("incarnation = :incarnation AND version = :version")
            .set_expression_attribute_values(Some(values))
            .send()
            .await;
        match result {
            Ok(_) => Ok(Fill::Written),
            Err(error) => match error.as_service_error() {
                Some(
                    UpdateItemError::ConditionalCheckFailedException(_)
                    | UpdateItemError::TransactionConflictException(_),
                ) => Ok(Fill::Busy),
                _ => Err(classify(error)),
            },
        }
    }
}
