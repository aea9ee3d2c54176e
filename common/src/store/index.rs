//! The indexes of `Reservations`, and reads of their entries in the order of ids.
//!
//! Index entries are eventually consistent and contain only a few members. The rows themselves are read by key.

use std::collections::{HashMap, VecDeque};

use aws_sdk_dynamodb::types::{AttributeValue, Select};
use uuid::Uuid;

use super::{
    Store, StoreError,
    error::classify,
    items::{self, Item, text},
};
use crate::concurrency;

/// The name of the index of open reservations, of its partition attribute, and the only value of that attribute.
pub(super) const OPEN: &str = "open";

/// Maximum number of pages that one read fetches without finding an entry that passes the filter.
const MAX_ROUNDS: usize = 10_000;

/// An index of the table, with the partition to read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Index {
    /// Reservations of one organisation.
    Organisation(String),
    /// Reservations for one product.
    Product(String),
    /// Reservations with one reference.
    Reference(String),
    /// One shard of all reservations.
    Shard(u32),
    /// Open reservations: `new` or `in_progress`.
    Open,
}

impl Index {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Organisation(_) => "by_organisation",
            Self::Product(_) => "by_product",
            Self::Reference(_) => "by_reference",
            Self::Shard(_) => "by_shard",
            Self::Open => OPEN,
        }
    }

    fn attribute(&self) -> &'static str {
        match self {
            Self::Organisation(_) => "organisation_key",
            Self::Product(_) => "product_key",
            Self::Reference(_) => "reference_key",
            Self::Shard(_) => "shard",
            Self::Open => OPEN,
        }
    }

    fn value(&self) -> String {
        match self {
            Self::Organisation(value) | Self::Product(value) | Self::Reference(value) => value.clone(),
            Self::Shard(shard) => shard.to_string(),
            Self::Open => OPEN.to_owned(),
        }
    }
}

/// The shard of an id. It depends on the last four bytes, which are random in UUIDs of version 4 and 7.
pub(super) fn shard(id: Uuid, shards: u32) -> u32 {
    let [.., a, b, c, d] = *id.as_bytes();
    u32::from_be_bytes([a, b, c, d]) % shards.max(1)
}

/// Conditions on index entries, besides the partition. Only attributes that every index projects can be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryFilter(Vec<(&'static str, Vec<String>)>);

impl EntryFilter {
    /// Requires an attribute to have one of `values`. With more than 100 values or an empty one, no condition is added,
    /// and only the rows are checked.
    pub fn require(&mut self, attribute: &'static str, values: &[&str]) {
        if values.len() <= 100 && values.iter().all(|value| !value.is_empty()) {
            self.0.push((attribute, values.iter().map(|value| (*value).to_owned()).collect()));
        }
    }

    fn without(&self, attribute: &str) -> Self {
        Self(self.0.iter().filter(|(name, _)| *name != attribute).cloned().collect())
    }

    /// The filter expression; `None` without conditions. Adds its names and values to the maps.
    fn expression(
        &self,
        names: &mut HashMap<String, String>,
        values: &mut HashMap<String, AttributeValue>,
    ) -> Option<String> {
        let mut conditions = Vec::new();
        for (position, (attribute, wanted)) in self.0.iter().enumerate() {
            names.insert(format!("#f{position}"), (*attribute).to_owned());
            let placeholders: Vec<String> = (0..wanted.len()).map(|value| format!(":f{position}x{value}")).collect();
            for (placeholder, value) in placeholders.iter().zip(wanted) {
                values.insert(placeholder.clone(), text(value));
            }
            conditions.push(format!("#f{position} IN ({})", placeholders.join(", ")));
        }
        (!conditions.is_empty()).then(|| conditions.join(" AND "))
    }
}

/// Entries of one index, read a page at a time.
struct IndexCursor {
    index: Index,
    descending: bool,
    filter: EntryFilter,
    start: Option<Item>,
    buffer: VecDeque<Uuid>,
    done: bool,
    /// The number of entries that DynamoDB has examined.
    scanned: usize,
}

impl IndexCursor {
    /// A cursor at the start of the index.
    fn new(index: Index, descending: bool, filter: &EntryFilter) -> Self {
        let filter = filter.without(index.attribute());
        Self { index, descending, filter, start: None, buffer: VecDeque::new(), done: false, scanned: 0 }
    }

    /// The next id, which stays in the cursor. `want` is the number of entries that the caller expects to take, and is
    /// used as the page size. `budget` is the number of entries that may still be examined.
    async fn peek(&mut self, store: Store<'_>, want: usize, budget: usize) -> Result<Option<Uuid>, StoreError> {
        let before = self.scanned;
        for _ in 0..MAX_ROUNDS {
            if let Some(id) = self.buffer.front() {
                return Ok(Some(*id));
            }
            if self.done {
                return Ok(None);
            }
            // One more than the budget, so that an index with exactly as many entries can be read to its end.
            let left = (budget + 1).saturating_sub(self.scanned - before);
            if left == 0 {
                return Err(StoreError::TooMany(store.config().max_scan));
            }
            self.fill(store, want, left).await?;
        }
        Err(StoreError::Busy("an index read did not end".to_owned()))
    }

    async fn fill(&mut self, store: Store<'_>, want: usize, left: usize) -> Result<(), StoreError> {
        let table = &store.config.tables.reservations;
        let mut names = HashMap::from([("#k".to_owned(), self.index.attribute().to_owned())]);
        let mut values = HashMap::from([(":k".to_owned(), text(self.index.value()))]);
        let filter = self.filter.expression(&mut names, &mut values);
        // With a filter, a page of `want` entries would contain few matches. Then DynamoDB's maximum page (1 MB) is
        // used.
        let limit = if filter.is_none() { want.clamp(1, left) } else { left };
        let answer = store
            .client
            .query()
            .table_name(table)
            .index_name(self.index.name())
            .key_condition_expression("#k = :k")
            .projection_expression("id")
            .set_filter_expression(filter)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .scan_index_forward(!self.descending)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(self.start.take())
            .send()
            .await
            .map_err(classify)?;
        self.scanned += usize::try_from(answer.scanned_count).unwrap_or(0);
        for item in answer.items.unwrap_or_default() {
            self.buffer.push_back(item_id(table, &item)?);
        }
        self.start = answer.last_evaluated_key;
        self.done = self.start.is_none();
        Ok(())
    }
}

/// Entries of several indexes of one kind, merged in the order of ids. An id that occurs in two indexes is given once.
pub struct Entries {
    cursors: Vec<IndexCursor>,
    descending: bool,
    last: Option<Uuid>,
    bounded: bool,
}

impl Entries {
    /// The merged entries of these indexes.
    #[must_use]
    pub fn new(indexes: &[Index], descending: bool, filter: &EntryFilter) -> Self {
        let cursors = indexes.iter().map(|index| IndexCursor::new(index.clone(), descending, filter)).collect();
        Self { cursors, descending, last: None, bounded: true }
    }

    /// These entries without the limit `MaxScan`, for the service's own loops, which are bounded by time.
    #[must_use]
    pub fn unbounded(self) -> Self {
        Self { bounded: false, ..self }
    }

    /// The next ids, `count` at most. There are fewer only at the end.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] for more than `MaxScan` entries; [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn next(&mut self, store: Store<'_>, count: usize) -> Result<Vec<Uuid>, StoreError> {
        let mut ids = Vec::with_capacity(count.min(1_000));
        while ids.len() < count {
            // All partitions together may examine `most` entries.
            let most = if self.bounded { store.config().max_scan } else { usize::MAX - 1 };
            let share = (most / self.cursors.len().max(1)).max(1);
            let want = (count - ids.len()).min(1_000).min(share);
            let budget = most.saturating_sub(self.scanned());
            let peeks = self.cursors.iter_mut().map(|cursor| cursor.peek(store, want, budget));
            let heads = concurrency::all(peeks).await?;
            if self.scanned() > most {
                return Err(StoreError::TooMany(most));
            }
            let best = heads
                .iter()
                .enumerate()
                .filter_map(|(position, head)| head.map(|id| (id, position)))
                .reduce(|a, b| if (b.0 < a.0) == self.descending { a } else { b });
            let Some((id, position)) = best else { break };
            if let Some(cursor) = self.cursors.get_mut(position) {
                cursor.buffer.pop_front();
            }
            if self.last != Some(id) {
                self.last = Some(id);
                ids.push(id);
            }
        }
        Ok(ids)
    }

    /// The number of entries that DynamoDB has examined so far.
    #[must_use]
    pub fn scanned(&self) -> usize {
        self.cursors.iter().map(|cursor| cursor.scanned).sum()
    }
}

impl Store<'_> {
    /// Counts the entries of an index without fetching them.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] for more than `limit` entries; [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn index_count(&self, index: &Index, limit: usize) -> Result<usize, StoreError> {
        let count = self.count_entries(index.name(), index.attribute(), index.value(), limit.saturating_add(1)).await?;
        if count > limit { Err(StoreError::TooMany(self.config.max_scan)) } else { Ok(count) }
    }

    /// Counts the entries of one partition of an index; reads no further than `enough` of them.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub(super) async fn count_entries(
        &self,
        index: &str,
        attribute: &str,
        value: String,
        enough: usize,
    ) -> Result<usize, StoreError> {
        let mut count = 0;
        let mut start: Option<Item> = None;
        for _ in 0..MAX_ROUNDS {
            let left = enough.saturating_sub(count);
            if left == 0 {
                return Ok(count);
            }
            let answer = self
                .client
                .query()
                .table_name(&self.config.tables.reservations)
                .index_name(index)
                .key_condition_expression("#k = :k")
                .expression_attribute_names("#k", attribute)
                .expression_attribute_values(":k", text(&value))
                .select(Select::Count)
                .limit(i32::try_from(left).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(classify)?;
            count += usize::try_from(answer.count).unwrap_or(0);
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(count);
            }
        }
        Err(StoreError::Busy("a count of index entries did not end".to_owned()))
    }
}

fn item_id(table: &str, item: &HashMap<String, AttributeValue>) -> Result<Uuid, StoreError> {
    items::get_text(item, "id").and_then(|id| Uuid::try_parse(id).ok()).ok_or_else(|| StoreError::Corrupt {
        table: table.to_owned(),
        key: items::get_text(item, "id").unwrap_or("none").to_owned(),
        reason: "the id is no UUID".to_owned(),
    })
}
