//! Reads of the entries of the indexes of `Reservations`, in the order of a [`Walk`], and of the index of `Tallies`.
//!
//! Index entries are eventually consistent and contain only a few members. What they do not tell is read of the rows.

use std::collections::{HashMap, HashSet, VecDeque};

use aws_sdk_dynamodb::{
    operation::query::builders::QueryFluentBuilder,
    types::{AttributeValue, Select},
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    Store, StoreError,
    error::classify,
    items::{self, Item, key, text},
    tallies::row_of,
    walk::{Indexed, Order, Partition, Place, Run, Walk},
};
use crate::{
    concurrency,
    query::Row,
    reservation::{Status, Timestamp},
};

/// Maximum number of pages that one read fetches without finding an entry that passes the filter.
const MAX_ROUNDS: usize = 10_000;

/// Maximum number of entries that a read without a filter asks for at once.
const MAX_PAGE: usize = 1_000;

/// Pages of so many entries are read in tasks of their own: most of their time goes into the answer, and another core can
/// spend it.
const IN_A_TASK: usize = 200;

/// As many partitions are each asked for a whole page, so that one call is enough wherever its entries are.
const FEW_PARTITIONS: usize = 4;

/// Of more partitions, each is asked for so many entries at least.
const LEAST_SHARE: usize = 8;

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

    /// Whether there is no condition.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
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

/// Members of rows that index entries tell.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told(Vec<&'static str>);

/// The members that every index projects, and the attribute that has the value.
const PROJECTED: [(&str, &str); 6] = [
    ("reserved_for", "organisation_key"),
    ("product", "product_key"),
    ("reference_id", "reference_key"),
    ("user_created", "user_created"),
    ("date_created", "date_created"),
    ("code_type", "code_type"),
];

impl Told {
    /// The attribute that has a member's value; `None` for the id and the status.
    fn attribute(member: &str) -> Option<&'static str> {
        PROJECTED.iter().find(|(name, _)| *name == member).map(|(_, attribute)| *attribute)
    }

    /// The attributes to read, with the names of their placeholders.
    fn attributes(&self) -> impl Iterator<Item = (String, &'static str)> {
        self.0.iter().filter_map(|member| Self::attribute(member)).enumerate().map(|(n, name)| (format!("#m{n}"), name))
    }

    /// The members as a row. `None` if the entry does not tell one of them: a key has no value for the empty text, nor
    /// for none.
    fn row(&self, id: Uuid, status: Option<Status>, mut entry: Item) -> Option<Row> {
        let mut members = Vec::with_capacity(self.0.len());
        for name in &self.0 {
            let value = match Self::attribute(name) {
                Some(attribute) => match entry.remove(attribute) {
                    Some(AttributeValue::S(text)) => Value::String(text),
                    _ if attribute == *name => Value::Null,
                    _ => return None,
                },
                None if *name == "id" => Value::String(id.to_string()),
                None => Value::String(status?.to_string()),
            };
            members.push((*name, value));
        }
        Some(members.into_iter().collect())
    }
}

/// What is known of a row from its index entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The row's id.
    pub id: Uuid,
    /// The members that were asked for; `None` if the entry does not tell all of them, or if none were.
    pub row: Option<Row>,
}

/// An entry that was read and not yet given.
#[derive(Clone)]
struct Found {
    place: Place,
    row: Option<Row>,
}

/// The entries of one run of keys, read a page at a time.
#[derive(Clone)]
struct Cursor {
    run: Run,
    descending: bool,
    filter: EntryFilter,
    told: Option<Told>,
    start: Option<Item>,
    /// The place to which the run was read, if it was not read to its end.
    through: Option<Place>,
    /// The size of the last page.
    page: usize,
    /// In rounds, how many entries the last one kept of the last page; `None` if all.
    kept: Option<usize>,
    /// Whether each page is larger than the last one: a run of many of which few may have most entries.
    grows: bool,
    buffer: VecDeque<Found>,
    done: bool,
    /// The number of entries that DynamoDB has examined.
    scanned: usize,
    /// The number of pages that were read.
    calls: usize,
}

impl Cursor {
    /// A cursor at the start of the run.
    fn new(run: Run, descending: bool, filter: &EntryFilter) -> Self {
        let filter = filter.without(run.attribute);
        Self {
            run,
            descending,
            filter,
            told: None,
            start: None,
            through: None,
            page: 0,
            kept: None,
            grows: false,
            buffer: VecDeque::new(),
            done: false,
            scanned: 0,
            calls: 0,
        }
    }

    /// Starts again after an entry of another run with the same order, or at the start of the run.
    fn restart(&mut self, after: Option<&Place>) {
        self.start = after.zip(self.run.range.as_ref()).map(|(place, range)| {
            Item::from([
                key(self.run.attribute, &self.run.value),
                key(range.attribute, place.key(self.run.status)),
                key("id", place.id),
            ])
        });
        self.through = None;
        self.buffer.clear();
        self.done = false;
    }

    /// Whether there is no entry at hand, and more may be read.
    fn is_unread(&self) -> bool {
        self.buffer.is_empty() && !self.done
    }

    /// Adds the entries of a second read of the same run, as far as both were read.
    fn merge(&mut self, again: Self, descending: bool) {
        let is_after = |place: &Place, end: &Place| is_after(place, end, descending);
        let ends = [&*self, &again].into_iter().filter_map(|cursor| cursor.through.clone());
        let end = ends.reduce(|a, b| if is_after(&a, &b) { b } else { a });
        // Of two entries of one row, the one that was read last stays.
        let mut found: Vec<Found> = again.buffer.into_iter().chain(self.buffer.drain(..)).collect();
        found.sort_by(|a, b| a.place.cmp(&b.place));
        found.dedup_by(|a, b| a.place == b.place);
        if descending {
            found.reverse();
        }
        found.retain(|found| end.as_ref().is_none_or(|end| !is_after(&found.place, end)));
        self.buffer = found.into();
        self.done &= again.done;
        self.through = end;
        // The copy began with the figures of this one.
        (self.scanned, self.calls) = (again.scanned, again.calls);
    }

    /// Passes over entries without fetching them, `count` at most, if no entry was read and none is excluded.
    async fn pass(&mut self, store: Store<'_>, count: usize) -> Result<usize, StoreError> {
        let keys = self.run.keys();
        let answer = store
            .client
            .query()
            .table_name(self.run.table.name(&store))
            .set_index_name(self.run.index_name())
            .key_condition_expression(keys.condition)
            .set_expression_attribute_names(Some(keys.names))
            .set_expression_attribute_values(Some(keys.values))
            .scan_index_forward(!self.descending)
            .select(Select::Count)
            .limit(i32::try_from(count).unwrap_or(i32::MAX))
            .set_exclusive_start_key(self.start.take())
            .send()
            .await
            .map_err(classify)?;
        let passed = usize::try_from(answer.scanned_count).unwrap_or(0);
        self.calls += 1;
        self.scanned += passed;
        self.start = answer.last_evaluated_key;
        self.done = self.start.is_none();
        Ok(passed)
    }

    /// Reads the next page. `want` is the number of entries that the caller expects to take, and `left` how many may be
    /// examined.
    async fn fill(&mut self, store: Store<'_>, want: usize, left: usize) -> Result<(), StoreError> {
        self.page = if self.grows || !self.filter.is_empty() { self.larger_page(want) } else { want };
        self.read(store, left).await
    }

    /// The size of a page that is larger than the last one. With a filter, a page of `want` entries may contain few matches,
    /// so those grow faster, up to DynamoDB's maximum (1 MB).
    fn larger_page(&self, want: usize) -> usize {
        match self.filter.is_empty() {
            true => want.max(self.page.saturating_mul(2)).min(MAX_PAGE),
            false => want.max(FIRST_FILTERED).max(self.page.saturating_mul(4)),
        }
    }

    /// Reads a page in a round: a larger one if the last one was used to its end, and few entries if they would only be
    /// read again, because they lie beyond those of other runs.
    async fn fill_in_round(&mut self, store: Store<'_>, want: usize, left: usize) -> Result<(), StoreError> {
        self.page = match self.kept {
            // Entries that the filter excludes were used, too; how many is not known.
            Some(_) if !self.filter.is_empty() => (self.page / 2).max(LEAST_SHARE),
            Some(kept) => kept.saturating_mul(2).max(LEAST_SHARE),
            None => self.larger_page(want),
        };
        self.read(store, left).await
    }

    async fn read(&mut self, store: Store<'_>, left: usize) -> Result<(), StoreError> {
        let table = self.run.table.name(&store);
        let mut keys = self.run.keys();
        // The names of the partition and sort keys are those of the condition.
        // A word of the expressions may be no name in them.
        let mut projection = "#i".to_owned();
        keys.names.insert(projection.clone(), self.run.table.id().to_owned());
        if self.run.range.is_some() {
            projection += ", #s";
        }
        for (placeholder, attribute) in self.told.iter().flat_map(Told::attributes) {
            projection += &format!(", {placeholder}");
            keys.names.insert(placeholder, attribute.to_owned());
        }
        let filter = self.filter.expression(&mut keys.names, &mut keys.values);
        let limit = self.page.clamp(1, left);
        let request = store
            .client
            .query()
            .table_name(table)
            .set_index_name(self.run.index_name())
            .key_condition_expression(keys.condition)
            .projection_expression(projection)
            .set_filter_expression(filter)
            .set_expression_attribute_names(Some(keys.names))
            .set_expression_attribute_values(Some(keys.values))
            .scan_index_forward(!self.descending)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(self.start.take());
        let page = page(request, self.run.clone(), self.told.clone(), table.to_owned());
        let page = if limit < IN_A_TASK { page.await? } else { concurrency::spawned(page).await? };
        self.calls += 1;
        self.scanned += page.scanned;
        self.buffer.extend(page.found);
        (self.start, self.through) = (page.start, page.through);
        self.done = self.start.is_none();
        Ok(())
    }
}

/// A page of a run.
struct Page {
    found: Vec<Found>,
    /// The number of entries that DynamoDB has examined.
    scanned: usize,
    /// Where the next page begins, as a key and as a place; `None` at the end.
    start: Option<Item>,
    through: Option<Place>,
}

/// Reads a page of a run. It borrows nothing, so that a task can do it.
async fn page(request: QueryFluentBuilder, run: Run, told: Option<Told>, table: String) -> Result<Page, StoreError> {
    let answer = request.send().await.map_err(classify)?;
    let found = answer.items.unwrap_or_default().into_iter().map(|item| {
        let place = run.place(&table, &item)?;
        let row = told.as_ref().and_then(|told| told.row(place.id, run.status, item));
        Ok::<_, StoreError>(Found { place, row })
    });
    Ok(Page {
        found: found.collect::<Result<_, _>>()?,
        scanned: usize::try_from(answer.scanned_count).unwrap_or(0),
        through: answer.last_evaluated_key.as_ref().map(|item| run.place(&table, item)).transpose()?,
        start: answer.last_evaluated_key,
    })
}

/// Whether a place is after another one in the direction of a list.
fn is_after(place: &Place, other: &Place, descending: bool) -> bool {
    if descending { place < other } else { place > other }
}

/// A key condition with its names (`#k`, `#s`) and values.
struct Keys {
    condition: &'static str,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Indexed {
    fn name<'a>(self, store: &Store<'a>) -> &'a str {
        match self {
            Self::Reservations => &store.config.tables.reservations,
            Self::Marks | Self::Beside => &store.config.tables.tallies,
        }
    }

    /// The attribute that tells which reservation an entry is of.
    fn id(self) -> &'static str {
        match self {
            Self::Reservations => "id",
            Self::Marks => "tally",
            Self::Beside => "key",
        }
    }
}

impl Run {
    /// The name of the index; `None` for the table itself.
    fn index_name(&self) -> Option<String> {
        (self.table != Indexed::Beside).then(|| self.index.to_owned())
    }

    /// The place of an entry, or of the key after which a read goes on.
    fn place(&self, table: &str, item: &Item) -> Result<Place, StoreError> {
        let key = self.range.as_ref().and_then(|range| items::get_text(item, range.attribute));
        let text = items::get_text(item, self.table.id());
        let id = match self.table {
            Indexed::Reservations => return Ok(Place::new(items::uuid_of(table, item)?, key)),
            Indexed::Marks => row_of(item),
            Indexed::Beside => text.and_then(|id| Uuid::try_parse(id).ok()),
        };
        let id = id.ok_or_else(|| StoreError::Corrupt {
            table: table.to_owned(),
            key: text.unwrap_or("none").to_owned(),
            reason: "it leads to no reservation".to_owned(),
        })?;
        Ok(Place::new(id, key))
    }

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
    ties: VecDeque<Entry>,
    bounded: bool,
    /// Whether rows move from one run to another while the runs are read: there are several statuses, one of them open.
    moving: bool,
    /// Where they move: the place to which all runs were read.
    known: Option<Place>,
    /// The number of partitions, of each of which a run of every status is read.
    partitions: usize,
}

impl Entries {
    /// The entries of a walk.
    #[must_use]
    pub fn new(walk: &Walk, filter: &EntryFilter) -> Self {
        Self::of(walk.runs(), walk.order, filter)
    }

    /// The entries of runs whose keys have this order.
    pub(super) fn of(runs: Vec<Run>, order: Order, filter: &EntryFilter) -> Self {
        let mut cursors: Vec<Cursor> =
            runs.into_iter().map(|run| Cursor::new(run, order.descending(), filter)).collect();
        let statuses: Vec<Status> = cursors.iter().filter_map(|cursor| cursor.run.status).collect();
        let moving = statuses.iter().any(|status| status.is_open())
            && statuses.iter().any(|status| statuses.first() != Some(status));
        let different = statuses.iter().collect::<HashSet<_>>().len().max(1);
        let partitions = cursors.len() / different;
        cursors.iter_mut().for_each(|cursor| cursor.grows = partitions > FEW_PARTITIONS);
        Self { cursors, order, last: None, ties: VecDeque::new(), bounded: true, moving, known: None, partitions }
    }

    /// All entries of a shard in the order of ids, from the first one after `after`. Without the limit `MaxScan`, for
    /// operators, and for the service's own loops, which are bounded by time.
    #[must_use]
    pub fn of_shard(shard: u32, after: Option<Uuid>) -> Self {
        Self::new(&Walk::by_id([Partition::Shard(shard)]), &EntryFilter::default()).unbounded().after(shard, after)
    }

    /// These entries and those of some reservations, in the same order, which must be that of ids. What was spent to find
    /// these is added to what is read: entries, and calls.
    pub(super) fn with(mut self, mut ids: Vec<Uuid>, read: usize, calls: usize) -> Self {
        ids.sort_unstable();
        if self.order.descending() {
            ids.reverse();
        }
        let Some(first) = self.cursors.first_mut() else { return self };
        let found = |id| Found { place: Place::new(id, None), row: None };
        let known = Cursor { buffer: ids.into_iter().map(found).collect(), done: true, ..first.clone() };
        (first.scanned, first.calls) = (read, calls);
        // Entries of a single run are passed over without being fetched.
        if !known.buffer.is_empty() {
            self.cursors.push(known);
        }
        self
    }

    /// These entries of one shard, after that of an id.
    pub(super) fn after(mut self, shard: u32, id: Option<Uuid>) -> Self {
        if let (Some(cursor), Some(id)) = (self.cursors.first_mut(), id) {
            cursor.start = Some(Item::from([key("id", id), key("shard", shard)]));
        }
        self
    }

    /// These entries without the limit `MaxScan`, for the service's own loops, which are bounded by time. A row that
    /// moves between two statuses meanwhile may be missing: the next loop finds it.
    pub(super) fn unbounded(self) -> Self {
        Self { bounded: false, moving: false, ..self }
    }

    /// These entries with members of their rows, if the index tells all of them: the id, the members that every index
    /// projects, and the status in the indexes by status.
    #[must_use]
    pub fn telling(mut self, members: &[&'static str]) -> Self {
        let has_status = self.cursors.iter().all(|cursor| cursor.run.status.is_some());
        let is_told = |name: &str| name == "id" || Told::attribute(name).is_some() || (name == "status" && has_status);
        if members.iter().all(|name| is_told(name)) {
            for cursor in &mut self.cursors {
                cursor.told = Some(Told(members.to_vec()));
            }
        }
        self
    }

    /// Whether entries tell members of their rows.
    #[must_use]
    pub fn tell(&self) -> bool {
        self.cursors.iter().any(|cursor| cursor.told.is_some())
    }

    /// The next ids, `count` at most. There are fewer only at the end.
    ///
    /// # Errors
    /// As [`Entries::next_entries`].
    pub async fn next(&mut self, store: Store<'_>, count: usize) -> Result<Vec<Uuid>, StoreError> {
        Ok(self.next_entries(store, count).await?.into_iter().map(|entry| entry.id).collect())
    }

    /// The next entries, `count` at most. There are fewer only at the end.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] for more than `MaxScan` entries; [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn next_entries(&mut self, store: Store<'_>, count: usize) -> Result<Vec<Entry>, StoreError> {
        let mut entries = Vec::with_capacity(count.min(1_000));
        self.read_into(store, count, &mut entries).await?;
        Ok(entries)
    }

    /// Adds the next entries to `entries`, until it has `count`. There are fewer only at the end, or after an error: then
    /// those that were found before it.
    ///
    /// # Errors
    /// As [`Entries::next_entries`].
    pub async fn read_into(
        &mut self,
        store: Store<'_>,
        count: usize,
        entries: &mut Vec<Entry>,
    ) -> Result<(), StoreError> {
        while entries.len() < count {
            let want = count - entries.len();
            let next = match self.order.turns_ties() {
                true => self.next_of_ties(store, want).await?,
                false => self.next_found(store, want).await?,
            };
            match next {
                Some(entry) => entries.push(entry),
                None => break,
            }
        }
        Ok(())
    }

    /// Passes over the next entries, `count` at most, and gives their number. There are fewer only at the end. Entries of
    /// a single run are counted and not fetched.
    ///
    /// # Errors
    /// As [`Entries::next_entries`].
    pub async fn skip(&mut self, store: Store<'_>, count: usize) -> Result<usize, StoreError> {
        let mut skipped = 0;
        let is_plain = !self.moving && !self.order.turns_ties();
        while let [cursor] = self.cursors.as_mut_slice()
            && is_plain
            && cursor.filter.is_empty()
            && cursor.is_unread()
            && skipped < count
        {
            let most = if self.bounded { store.config().max_scan } else { usize::MAX - 1 };
            let left = (most + 1).saturating_sub(cursor.scanned);
            skipped += cursor.pass(store, (count - skipped).min(left)).await?;
            if cursor.scanned > most {
                return Err(StoreError::TooMany(most));
            }
        }
        while skipped < count {
            let passed = self.next_entries(store, (count - skipped).min(MAX_PAGE)).await?.len();
            if passed == 0 {
                break;
            }
            skipped += passed;
        }
        Ok(skipped)
    }

    /// The next entry, where entries of one time are given in the opposite order of the index: all of them are read
    /// before the first one is given.
    async fn next_of_ties(&mut self, store: Store<'_>, want: usize) -> Result<Option<Entry>, StoreError> {
        if let Some(entry) = self.ties.pop_front() {
            return Ok(Some(entry));
        }
        let Some(first) = self.next_found(store, want).await? else { return Ok(None) };
        let time = self.last.as_ref().map(|last| last.time.clone()).unwrap_or_default();
        self.ties.push_front(first);
        // Pages grow, since the last one is needed, too, however few entries are wanted.
        let (mut page, mut calls) = (want, self.calls());
        while let Some(position) = self.head(store, page).await? {
            if self.calls() > calls {
                (page, calls) = (page.saturating_mul(2).min(MAX_PAGE), self.calls());
            }
            if self.place_at(position).is_none_or(|head| head.time != time) {
                break;
            }
            if let Some(next) = self.take(position) {
                self.ties.push_front(next);
            }
        }
        Ok(self.ties.pop_front())
    }

    /// Takes the next entry in the order of the indexes.
    async fn next_found(&mut self, store: Store<'_>, want: usize) -> Result<Option<Entry>, StoreError> {
        while let Some(position) = self.head(store, want).await? {
            if let Some(entry) = self.take(position) {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// The place of the head of a cursor.
    fn place_at(&self, position: usize) -> Option<&Place> {
        self.cursors.get(position)?.buffer.front().map(|found| &found.place)
    }

    /// Takes the head of a cursor. `None` if the same entry was taken from another one.
    fn take(&mut self, position: usize) -> Option<Entry> {
        let Found { place, row } = self.cursors.get_mut(position)?.buffer.pop_front()?;
        (self.last.as_ref() != Some(&place)).then(|| {
            let id = place.id;
            self.last = Some(place);
            Entry { id, row }
        })
    }

    /// The cursor that has the next entry in the order of the indexes.
    async fn head(&mut self, store: Store<'_>, want: usize) -> Result<Option<usize>, StoreError> {
        // All runs together may examine `most` entries.
        let most = if self.bounded { store.config().max_scan } else { usize::MAX - 1 };
        if self.moving {
            return self.head_of_rounds(store, want, most).await;
        }
        for _ in 0..MAX_ROUNDS {
            let best = self.best();
            // Usually every run has an entry at hand, for each of the entries that are given.
            if !self.cursors.iter().any(Cursor::is_unread) {
                return Ok(best);
            }
            let next = best.and_then(|position| self.place_at(position)).cloned();
            let descending = self.order.descending();
            // A run without an entry at hand has none before the place to which it was read, so it need not be read
            // further for an entry that comes earlier.
            let may_be_first = |cursor: &Cursor| match (&next, &cursor.through) {
                (Some(next), Some(through)) => cursor.is_unread() && is_after(next, through, descending),
                _ => cursor.is_unread(),
            };
            if !self.cursors.iter().any(may_be_first) {
                return Ok(best);
            }
            let (want, budget) = self.page(want, most);
            let empty = self.cursors.iter_mut().filter(|cursor| may_be_first(cursor));
            concurrency::all(empty.map(|cursor| cursor.fill(store, want, budget + 1))).await?;
            if self.scanned() > most {
                return Err(StoreError::TooMany(most));
            }
        }
        Err(StoreError::Busy("an index read did not end".to_owned()))
    }

    /// The same where rows move between the runs.
    async fn head_of_rounds(
        &mut self,
        store: Store<'_>,
        want: usize,
        most: usize,
    ) -> Result<Option<usize>, StoreError> {
        for _ in 0..MAX_ROUNDS {
            let is_empty = self.cursors.iter().all(|cursor| cursor.buffer.is_empty());
            if !is_empty || self.cursors.iter().all(|cursor| cursor.done) {
                return Ok(self.best());
            }
            // What was found before is given first.
            if self.scanned() > most {
                return Err(StoreError::TooMany(most));
            }
            self.round(store, want, most).await?;
        }
        Err(StoreError::Busy("an index read did not end".to_owned()))
    }

    /// The cursor with the first of the entries at hand, in the order of the indexes.
    fn best(&self) -> Option<usize> {
        let descending = self.order.descending();
        let heads = (0..self.cursors.len()).filter_map(|position| Some((self.place_at(position)?, position)));
        let best = heads.reduce(|a, b| if (b.0 < a.0) == descending { a } else { b });
        best.map(|(_, position)| position)
    }

    /// The size of the next page of each run, and how many entries all of them may examine.
    fn page(&self, want: usize, most: usize) -> (usize, usize) {
        let share = (most / self.cursors.len().max(1)).max(1);
        (want.min(MAX_PAGE).min(share).min(self.share_of(want)), most.saturating_sub(self.scanned()))
    }

    /// What a run reads of a page to which many partitions contribute: more than its part, since they are not of one size.
    fn share_of(&self, want: usize) -> usize {
        let partitions = self.partitions.max(1);
        if partitions <= FEW_PARTITIONS { want } else { want.div_ceil(partitions).saturating_mul(4).max(LEAST_SHARE) }
    }

    /// Reads the next entries of all runs, where rows move between the runs meanwhile.
    ///
    /// A row is missing if it leaves a run before that is read, for one that was read before. So the runs are read in
    /// the order in which rows move: new, in progress, ended. A client can have an ended one exported again, so those
    /// in progress are read once more afterwards. What one run has beyond the place to which all were read is read
    /// again in the next round. A row that is found twice is given once, because both entries have the same place.
    ///
    /// Missing can only be a row that moves both ways within the few milliseconds of a round. On AWS, an index may also
    /// have removed a row's entry and not yet have written the next one.
    async fn round(&mut self, store: Store<'_>, want: usize, most: usize) -> Result<(), StoreError> {
        let (want, budget) = self.page(want, most);
        let descending = self.order.descending();
        let known = self.known.clone();
        for cursor in &mut self.cursors {
            cursor.restart(known.as_ref());
        }
        let is_at = |cursor: &Cursor, step: usize| match cursor.run.status {
            Some(Status::New) => step == 0,
            Some(Status::InProgress) => step == 1,
            _ => step == 2,
        };
        for step in 0..3 {
            let now = self.cursors.iter_mut().filter(|cursor| is_at(cursor, step));
            concurrency::all(now.map(|cursor| cursor.fill_in_round(store, want, budget + 1))).await?;
        }
        if self.cursors.iter().any(|cursor| is_at(cursor, 2)) {
            let running: Vec<&mut Cursor> = self.cursors.iter_mut().filter(|cursor| is_at(cursor, 1)).collect();
            let mut again: Vec<Cursor> = running.iter().map(|cursor| (*cursor).clone()).collect();
            for cursor in &mut again {
                cursor.restart(known.as_ref());
            }
            concurrency::all(again.iter_mut().map(|cursor| cursor.read(store, budget + 1))).await?;
            running.into_iter().zip(again).for_each(|(cursor, again)| cursor.merge(again, descending));
        }
        let is_after = |place: &Place, end: &Place| is_after(place, end, descending);
        let ends = self.cursors.iter().filter_map(|cursor| cursor.through.clone());
        self.known = ends.reduce(|a, b| if is_after(&a, &b) { b } else { a });
        let end = self.known.as_ref();
        for cursor in &mut self.cursors {
            let found = cursor.buffer.len();
            cursor.buffer.retain(|found| end.is_none_or(|end| !is_after(&found.place, end)));
            let is_used = |through: &Place| end.is_none_or(|end| !is_after(through, end));
            let all = cursor.buffer.len() == found && cursor.through.as_ref().is_none_or(is_used);
            cursor.kept = (!all).then_some(cursor.buffer.len());
        }
        Ok(())
    }

    /// The time of creation of the last entry that was given, in an order of creation.
    #[must_use]
    pub fn reached(&self) -> Option<Timestamp> {
        self.last.as_ref().and_then(|place| Timestamp::parse(&place.time))
    }

    /// The number of entries that DynamoDB has examined so far.
    #[must_use]
    pub fn scanned(&self) -> usize {
        self.cursors.iter().map(|cursor| cursor.scanned).sum()
    }

    /// The number of calls so far.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.cursors.iter().map(|cursor| cursor.calls).sum()
    }
}

impl Store<'_> {
    /// Counts the entries of a walk without fetching them, several runs at a time. A number above `limit` only says
    /// that there are more: what was read by then is counted, and no more is read.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn count_walk(&self, walk: &Walk, limit: usize) -> Result<usize, StoreError> {
        let mut waiting: VecDeque<(Run, Option<Item>)> = walk.runs().into_iter().map(|run| (run, None)).collect();
        let mut total = 0;
        for _ in 0..MAX_ROUNDS {
            let left = limit.saturating_add(1).saturating_sub(total);
            if left == 0 || waiting.is_empty() {
                return Ok(total);
            }
            let now = waiting.len().min(concurrency::AT_ONCE);
            let few: Vec<(Run, Option<Item>)> = waiting.drain(..now).collect();
            // A share of what is left for each run, so that together they read hardly more than that.
            let share = left.div_ceil(now);
            let pages = few.iter().map(|(run, start)| self.count_page(run, None, share, start.clone()));
            for ((run, _), (count, next)) in few.iter().zip(concurrency::all(pages).await?) {
                total += count;
                if next.is_some() {
                    waiting.push_front((run.clone(), next));
                }
            }
        }
        Err(StoreError::Busy("a count of index entries did not end".to_owned()))
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
            // A filter is applied after the limit: with a small one, entries that it excludes would take a call each.
            let limit = if with.is_some() { left.max(1_000) } else { left };
            let (more, next) = self.count_page(run, with, limit, start).await?;
            count += more;
            start = next;
            if start.is_none() {
                return Ok(count.min(enough));
            }
        }
        Err(StoreError::Busy("a count of index entries did not end".to_owned()))
    }

    /// Counts a page of the entries of one run of keys. Gives the place of the next page too.
    async fn count_page(
        &self,
        run: &Run,
        with: Option<&str>,
        limit: usize,
        start: Option<Item>,
    ) -> Result<(usize, Option<Item>), StoreError> {
        let mut keys = run.keys();
        let filter = with.map(|attribute| {
            keys.names.insert("#with".to_owned(), attribute.to_owned());
            "attribute_exists(#with)".to_owned()
        });
        let answer = self
            .client
            .query()
            .table_name(run.table.name(self))
            .set_index_name(run.index_name())
            .key_condition_expression(keys.condition)
            .set_filter_expression(filter)
            .set_expression_attribute_names(Some(keys.names))
            .set_expression_attribute_values(Some(keys.values))
            .select(Select::Count)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(classify)?;
        Ok((usize::try_from(answer.count).unwrap_or(0), answer.last_evaluated_key))
    }
}
