//! Reads of the entries of the indexes of `Reservations`, in the order of a [`Walk`].
//!
//! Index entries are eventually consistent and contain only a few members. The rows themselves are read by key.

use std::collections::{HashMap, VecDeque};

use aws_sdk_dynamodb::types::{AttributeValue, Select};
use uuid::Uuid;

use super::{
    Store, StoreError,
    error::classify,
    items::{self, Item, key, text},
    walk::{Order, Partition, Place, Run, Walk},
};
use crate::concurrency;

/// Maximum number of pages that one read fetches without finding an entry that passes the filter.
const MAX_ROUNDS: usize = 10_000;

/// Entries in the first page of a read with a filter.
const FIRST_FILTERED: usize = 100;

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

/// The entries of one run of keys, read a page at a time.
struct Cursor {
    run: Run,
    descending: bool,
    filter: EntryFilter,
    start: Option<Item>,
    /// The size of the last page.
    page: usize,
    buffer: VecDeque<Place>,
    done: bool,
    /// The number of entries that DynamoDB has examined.
    scanned: usize,
}

impl Cursor {
    /// A cursor at the start of the run.
    fn new(run: Run, descending: bool, filter: &EntryFilter) -> Self {
        let filter = filter.without(run.attribute);
        Self { run, descending, filter, start: None, page: 0, buffer: VecDeque::new(), done: false, scanned: 0 }
    }

    /// Reads until the cursor has an entry or is at its end. `want` is the number of entries that the caller expects to
    /// take, and is used as the page size. `budget` is the number of entries that may still be examined.
    async fn advance(&mut self, store: Store<'_>, want: usize, budget: usize) -> Result<(), StoreError> {
        let before = self.scanned;
        for _ in 0..MAX_ROUNDS {
            if !self.buffer.is_empty() || self.done {
                return Ok(());
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
        let mut keys = self.run.keys();
        let filter = self.filter.expression(&mut keys.names, &mut keys.values);
        // With a filter, a page of `want` entries may contain few matches, so pages grow, up to DynamoDB's maximum (1 MB).
        self.page = if filter.is_none() { want } else { want.max(FIRST_FILTERED).max(self.page.saturating_mul(4)) };
        let limit = self.page.clamp(1, left);
        let answer = store
            .client
            .query()
            .table_name(table)
            .index_name(self.run.index)
            .key_condition_expression(keys.condition)
            // The names of the partition and sort keys are those of the condition.
            .projection_expression(if self.run.range.is_some() { "id, #s" } else { "id" })
            .set_filter_expression(filter)
            .set_expression_attribute_names(Some(keys.names))
            .set_expression_attribute_values(Some(keys.values))
            .scan_index_forward(!self.descending)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(self.start.take())
            .send()
            .await
            .map_err(classify)?;
        self.scanned += usize::try_from(answer.scanned_count).unwrap_or(0);
        for item in answer.items.unwrap_or_default() {
            let key = self.run.range.as_ref().and_then(|range| items::get_text(&item, range.attribute));
            self.buffer.push_back(Place::new(item_id(table, &item)?, key));
        }
        self.start = answer.last_evaluated_key;
        self.done = self.start.is_none();
        Ok(())
    }
}

/// A key condition with its names (`#k`, `#s`) and values.
struct Keys {
    condition: &'static str,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Run {
    fn keys(&self) -> Keys {
        let mut names = HashMap::from([("#k".to_owned(), self.attribute.to_owned())]);
        let mut values = HashMap::from([(":k".to_owned(), text(&self.value))]);
        let Some(range) = &self.range else { return Keys { condition: "#k = :k", names, values } };
        names.insert("#s".to_owned(), range.attribute.to_owned());
        values.insert(":low".to_owned(), text(&range.low));
        values.insert(":high".to_owned(), text(&range.high));
        Keys { condition: "#k = :k AND #s BETWEEN :low AND :high", names, values }
    }
}

/// The entries of a [`Walk`], merged in its order. An id that occurs in two runs is given once.
pub struct Entries {
    cursors: Vec<Cursor>,
    order: Order,
    last: Option<Place>,
    /// Entries of one time, in the order in which they are given, if that is not the order of the index.
    ties: VecDeque<Uuid>,
    bounded: bool,
}

impl Entries {
    /// The entries of a walk.
    #[must_use]
    pub fn new(walk: &Walk, filter: &EntryFilter) -> Self {
        Self::of(walk.runs(), walk.order, filter)
    }

    /// The entries of runs whose keys have this order.
    pub(super) fn of(runs: Vec<Run>, order: Order, filter: &EntryFilter) -> Self {
        let cursors = runs.into_iter().map(|run| Cursor::new(run, order.descending(), filter)).collect();
        Self { cursors, order, last: None, ties: VecDeque::new(), bounded: true }
    }

    /// All entries of a shard in the order of ids, from the first one after `after`, for the service's own loops, which
    /// are bounded by time.
    #[must_use]
    pub fn of_shard(shard: u32, after: Option<Uuid>) -> Self {
        Self::new(&Walk::by_id([Partition::Shard(shard)]), &EntryFilter::default()).unbounded().after(shard, after)
    }

    /// These entries of one shard, after that of an id.
    fn after(mut self, shard: u32, id: Option<Uuid>) -> Self {
        if let (Some(cursor), Some(id)) = (self.cursors.first_mut(), id) {
            cursor.start = Some(Item::from([key("id", id), key("shard", shard)]));
        }
        self
    }

    /// These entries without the limit `MaxScan`, for the service's own loops, which are bounded by time.
    pub(super) fn unbounded(self) -> Self {
        Self { bounded: false, ..self }
    }

    /// The next ids, `count` at most. There are fewer only at the end.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] for more than `MaxScan` entries; [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn next(&mut self, store: Store<'_>, count: usize) -> Result<Vec<Uuid>, StoreError> {
        let mut ids = Vec::with_capacity(count.min(1_000));
        while ids.len() < count {
            let want = count - ids.len();
            let next = match self.order.turns_ties() {
                true => self.next_of_ties(store, want).await?,
                false => self.next_place(store, want).await?.map(|place| place.id),
            };
            match next {
                Some(id) => ids.push(id),
                None => break,
            }
        }
        Ok(ids)
    }

    /// The next entry, where entries of one time are given in the opposite order of the index: all of them are read
    /// before the first one is given.
    async fn next_of_ties(&mut self, store: Store<'_>, want: usize) -> Result<Option<Uuid>, StoreError> {
        if let Some(id) = self.ties.pop_front() {
            return Ok(Some(id));
        }
        let Some(first) = self.next_place(store, want).await? else { return Ok(None) };
        self.ties.push_front(first.id);
        while let Some((place, position)) = self.head(store, want).await?.filter(|(head, _)| head.time == first.time) {
            if let Some(next) = self.take(place, position) {
                self.ties.push_front(next.id);
            }
        }
        Ok(self.ties.pop_front())
    }

    /// Takes the next entry in the order of the indexes.
    async fn next_place(&mut self, store: Store<'_>, want: usize) -> Result<Option<Place>, StoreError> {
        while let Some((place, position)) = self.head(store, want).await? {
            if let Some(place) = self.take(place, position) {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    /// Takes the head of a cursor. `None` if the same entry was taken from another one.
    fn take(&mut self, place: Place, position: usize) -> Option<Place> {
        if let Some(cursor) = self.cursors.get_mut(position) {
            cursor.buffer.pop_front();
        }
        (self.last.as_ref() != Some(&place)).then(|| {
            self.last = Some(place.clone());
            place
        })
    }

    /// The next entry in the order of the indexes, and the cursor that has it.
    async fn head(&mut self, store: Store<'_>, want: usize) -> Result<Option<(Place, usize)>, StoreError> {
        // All runs together may examine `most` entries.
        let most = if self.bounded { store.config().max_scan } else { usize::MAX - 1 };
        if self.cursors.iter().any(|cursor| cursor.buffer.is_empty() && !cursor.done) {
            let share = (most / self.cursors.len().max(1)).max(1);
            let want = want.min(1_000).min(share);
            let budget = most.saturating_sub(self.scanned());
            let empty = self.cursors.iter_mut().filter(|cursor| cursor.buffer.is_empty() && !cursor.done);
            concurrency::all(empty.map(|cursor| cursor.advance(store, want, budget))).await?;
            if self.scanned() > most {
                return Err(StoreError::TooMany(most));
            }
        }
        let descending = self.order.descending();
        let heads =
            self.cursors.iter().enumerate().filter_map(|(position, cursor)| Some((cursor.buffer.front()?, position)));
        let best = heads.reduce(|a, b| if (b.0 < a.0) == descending { a } else { b });
        Ok(best.map(|(place, position)| (place.clone(), position)))
    }

    /// The number of entries that DynamoDB has examined so far.
    #[must_use]
    pub fn scanned(&self) -> usize {
        self.cursors.iter().map(|cursor| cursor.scanned).sum()
    }
}

impl Store<'_> {
    /// Counts the entries of a walk without fetching them.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] for more than `limit` entries; [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn count_walk(&self, walk: &Walk, limit: usize) -> Result<usize, StoreError> {
        let mut total = 0;
        for run in walk.runs() {
            total += self.count_run(&run, None, limit.saturating_add(1).saturating_sub(total)).await?;
            if total > limit {
                return Err(StoreError::TooMany(self.config.max_scan));
            }
        }
        Ok(total)
    }

    /// Counts the entries of one run of keys that have an attribute, if one is given; stops at `enough` of them.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub(super) async fn count_run(&self, run: &Run, with: Option<&str>, enough: usize) -> Result<usize, StoreError> {
        let mut count = 0;
        let mut start: Option<Item> = None;
        for _ in 0..MAX_ROUNDS {
            let left = enough.saturating_sub(count);
            if left == 0 {
                return Ok(enough);
            }
            let mut keys = run.keys();
            let filter = with.map(|attribute| {
                keys.names.insert("#with".to_owned(), attribute.to_owned());
                "attribute_exists(#with)".to_owned()
            });
            let answer = self
                .client
                .query()
                .table_name(&self.config.tables.reservations)
                .index_name(run.index)
                .key_condition_expression(keys.condition)
                .set_filter_expression(filter)
                .set_expression_attribute_names(Some(keys.names))
                .set_expression_attribute_values(Some(keys.values))
                .select(Select::Count)
                // A filter is applied after the limit: with a small one, entries that it excludes would take a call each.
                .limit(i32::try_from(if with.is_some() { left.max(1_000) } else { left }).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(classify)?;
            count += usize::try_from(answer.count).unwrap_or(0);
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(count.min(enough));
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
