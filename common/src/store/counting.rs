//! Makes the tallies agree with rows: the one step that writes marks and tallies. The stream function takes it for rows
//! that changed, and the sweep for all rows.
//!
//! It reads the marks first and the rows afterwards, both consistently, and writes the next marks with the changes of
//! the tallies in one transaction, on the condition that each mark is as it was read. Then it reads the rows once more.
//! [`crate::reservation::tally`] says why that is enough (RSV-10). So it may run twice, late, for rows that did not
//! change, and beside itself.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, Put, Update};
use uuid::Uuid;

use super::{
    Store, StoreError,
    error::{classify, unless_condition_failed},
    items::{self, get_text, number, text},
    listed_rows::{Listing, Relisting, is_old, is_unlisted},
    tallies::{
        GONE_AT, ROW, TEXT, counted, get_number, is_hashed, item_key, mark_item, mark_key, read_mark, row_of, tally_key,
    },
    tally_state::TallyState,
    transaction::{MAX_ACTIONS, Outcome, Reason, Transaction},
};
use crate::{
    concurrency,
    reservation::{
        Timestamp,
        tally::{Changes, Counted, Kind, Mark, Move, Pack, Tally, packs},
    },
};

/// Maximum number of rows of one step: their marks and the state are one batch read, and the rows another.
pub const MAX_COUNTED: usize = 99;

/// Maximum tries of rows that other invocations count at the same time.
const TRIES: u32 = 8;

/// The tries in which rows share transactions. Afterwards each has its own, so that one row cannot fail others.
const SHARED_TRIES: u32 = 4;

/// The result of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recounted {
    /// Rows whose mark was written.
    pub moved: usize,
    /// Transactions that were sent.
    pub transactions: usize,
    /// Transactions that conflicted with another writer and were tried again.
    pub conflicts: usize,
    /// Rows that could not be counted.
    pub failed: Vec<Uuid>,
}

impl Recounted {
    /// Adds the result of another step.
    pub fn add(&mut self, other: Self) {
        self.moved += other.moved;
        self.transactions += other.transactions;
        self.conflicts += other.conflicts;
        self.failed.extend(other.failed);
    }
}

/// What a row is counted as, and when it was created.
struct CountedRow {
    counted: Counted,
    created: Option<Timestamp>,
}

/// Where lists find each row, and where they should.
type Relistings = BTreeMap<Uuid, Relisting>;

/// The result of one transaction.
enum Written {
    Done,
    /// Another writer was faster. Marks and rows must be read again.
    Conflict,
    /// DynamoDB refuses an action.
    Refused(String),
}

impl Store<'_> {
    /// Makes the tallies agree with rows, [`MAX_COUNTED`] at most, that may have changed, appeared or vanished.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer; some rows may be counted then. A row that cannot be counted
    /// is no error (see [`Recounted::failed`]).
    pub async fn count_rows(&self, ids: &[Uuid], now: Timestamp) -> Result<Recounted, StoreError> {
        let mut done = Recounted::default();
        let mut left: BTreeSet<Uuid> = ids.iter().copied().collect();
        for attempt in 1..=TRIES {
            if attempt > 1 {
                self.pause(attempt).await;
            }
            let (moves, relistings) = self.moves(&left, now).await?;
            left = moves.iter().map(|one| one.id).collect();
            if left.is_empty() {
                return Ok(done);
            }
            let rows = if attempt <= SHARED_TRIES { MAX_ACTIONS } else { 1 };
            // Another lane for each try: a conflict is usually one on a tally.
            let lane = self.lane();
            for pack in packs(moves, MAX_ACTIONS, rows) {
                done.transactions += 1;
                match self.write_pack(&pack, &relistings, lane, now).await? {
                    Written::Done => {
                        done.moved += pack.moves.len();
                        for id in self.as_written(&pack.moves).await? {
                            left.remove(&id);
                        }
                    }
                    Written::Conflict => done.conflicts += 1,
                    Written::Refused(reason) if rows == 1 => {
                        for one in &pack.moves {
                            tracing::error!(reservation = %one.id, reason, "reservation {} cannot be counted", one.id);
                            left.remove(&one.id);
                            done.failed.push(one.id);
                        }
                    }
                    Written::Refused(_) => done.conflicts += 1,
                }
            }
        }
        done.failed.extend(left);
        Ok(done)
    }

    /// One of the items whose sum is a tally.
    fn lane(&self) -> u32 {
        let most = u64::from(self.config.shards.saturating_sub(1));
        u32::try_from(self.host.random_up_to(most)).unwrap_or_default()
    }

    /// The marks that have to be written for some rows, and where lists find these. Each mark is read before its row.
    async fn moves(&self, ids: &BTreeSet<Uuid>, now: Timestamp) -> Result<(Vec<Move>, Relistings), StoreError> {
        let mut relistings = Relistings::new();
        if ids.is_empty() {
            return Ok((Vec::new(), relistings));
        }
        let table = &self.config.tables.tallies;
        let keys = ids.iter().map(|id| mark_key(*id)).chain([TallyState::key()]).collect();
        let mut state = TallyState::default();
        let mut marks: BTreeMap<Uuid, Mark> = BTreeMap::new();
        for item in self.batch_get(table, keys).await? {
            match row_of(&item) {
                Some(id) => {
                    let mark = read_mark(table, &item)?;
                    relistings.entry(id).or_default().known = Listing::stored(&item, &mark);
                    marks.insert(id, mark);
                }
                None => state = TallyState::read(&item),
            }
        }
        let rows = self.counted_rows(ids.iter()).await?;
        let moves: Vec<Move> = ids
            .iter()
            .filter_map(|id| {
                let (known, row) = (marks.remove(id), rows.get(id));
                let counted = row.map(|row| &row.counted);
                let relisting = relistings.entry(*id).or_default();
                let old = relisting.known.is_open() || row.is_some_and(|row| is_old(row.created, now));
                relisting.next = Listing::of(counted, old);
                // Marks of an older version, and of rows that have become old, are written anew.
                let again = || known.as_ref().filter(|_| relisting.is_needed()).map(Mark::again);
                let next = Mark::next(known.as_ref(), counted).or_else(again)?;
                Some(Move { id: *id, known, next, beside: relisting.writes() })
            })
            .collect();
        if !moves.is_empty() {
            self.note_lanes(&state).await?;
        }
        Ok((moves, relistings))
    }

    /// The stored rows among some.
    async fn counted_rows(&self, ids: impl Iterator<Item = &Uuid>) -> Result<BTreeMap<Uuid, CountedRow>, StoreError> {
        let keys = ids.map(items::id_key).collect();
        let mut rows = BTreeMap::new();
        for item in self.batch_get(&self.config.tables.reservations, keys).await? {
            let id = get_text(&item, "id").and_then(|id| Uuid::try_parse(id).ok());
            let created = get_text(&item, "date_created").and_then(Timestamp::parse);
            rows.extend(id.map(|id| (id, CountedRow { counted: counted(&item), created })));
        }
        Ok(rows)
    }

    /// Those of some rows that still are what their marks, just written, count them as. The others changed between
    /// their reading and the writing. Whoever followed those changes may have found the mark from before, which was
    /// right again, and have left it.
    async fn as_written(&self, moves: &[Move]) -> Result<Vec<Uuid>, StoreError> {
        let rows = self.counted_rows(moves.iter().map(|one| &one.id)).await?;
        let same = moves.iter().filter(|one| rows.get(&one.id).map(|row| &row.counted) == one.next.counted.as_ref());
        Ok(same.map(|one| one.id).collect())
    }

    /// Writes marks, what lists need beside them, and the changes of their tallies, all or none.
    async fn write_pack(
        &self,
        pack: &Pack,
        relistings: &Relistings,
        lane: u32,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        let (mut transaction, unlisted) = (self.transaction(), Relisting::default());
        for one in &pack.moves {
            let relisting = relistings.get(&one.id).unwrap_or(&unlisted);
            transaction.put(self.put_mark(one, &relisting.next, now)?);
            relisting.add_to(&mut transaction, one.id, &self.config.tables.tallies)?;
        }
        self.add_changes(&mut transaction, &pack.changes, lane)?;
        match transaction.send(self.client).await? {
            Outcome::Done => Ok(Written::Done),
            Outcome::Cancelled(reasons) => {
                let refused = reasons.into_iter().find_map(|reason| match reason {
                    Reason::Refused(text) => Some(text),
                    _ => None,
                });
                Ok(refused.map_or(Written::Conflict, Written::Refused))
            }
        }
    }

    fn put_mark(&self, one: &Move, listing: &Listing, now: Timestamp) -> Result<Put, StoreError> {
        let put = Put::builder()
            .table_name(&self.config.tables.tallies)
            .set_item(Some(mark_item(one.id, &one.next, listing, now, self.config.shards)))
            .expression_attribute_names("#number", "number");
        let put = match &one.known {
            None => put.condition_expression("attribute_not_exists(#number)"),
            Some(mark) => {
                put.condition_expression("#number = :known").expression_attribute_values(":known", number(mark.number))
            }
        };
        Ok(put.build()?)
    }

    fn add_changes(&self, transaction: &mut Transaction, changes: &Changes, lane: u32) -> Result<(), StoreError> {
        for (tally, numbers) in changes.iter() {
            transaction.update(self.add_numbers(tally, numbers, lane)?);
        }
        Ok(())
    }

    fn add_numbers(&self, tally: &Tally, numbers: &BTreeMap<Kind, i64>, lane: u32) -> Result<Update, StoreError> {
        let (mut adds, mut names, mut values) = (Vec::new(), HashMap::new(), HashMap::new());
        for (position, (kind, by)) in numbers.iter().enumerate() {
            adds.push(format!("#n{position} :n{position}"));
            names.insert(format!("#n{position}"), kind.to_string());
            values.insert(format!(":n{position}"), number(by));
        }
        let mut expression = format!("ADD {}", adds.join(", "));
        let named = match tally {
            Tally::All => None,
            Tally::Organisation(value) | Tally::Product(value) | Tally::Both(_, value) => value.as_deref(),
        };
        if let Some(named) = named.filter(|value| is_hashed(Some(value))) {
            expression = format!("SET #text = :text {expression}");
            names.insert("#text".to_owned(), TEXT.to_owned());
            values.insert(":text".to_owned(), text(named));
        }
        let (tally, key) = tally_key(tally, lane);
        Ok(Update::builder()
            .table_name(&self.config.tables.tallies)
            .set_key(Some(item_key(&tally, &key)))
            .update_expression(expression)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .build()?)
    }

    /// A page of marks, in no particular order. Marks of reservations that were found deleted before `forget` (seconds
    /// since 1970) are removed. `after` is the place that the page before gave.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn marks_page(&self, after: Option<&MarksPlace>, forget: i64) -> Result<MarksPage, StoreError> {
        let table = &self.config.tables.tallies;
        let answer = self
            .client
            .scan()
            .table_name(table)
            .filter_expression("begins_with(tally, :row)")
            .expression_attribute_values(":row", text(ROW))
            .limit(SCANNED)
            .set_exclusive_start_key(after.map(|(tally, key)| item_key(tally, key)))
            .send()
            .await
            .map_err(classify)?;
        let mut page = MarksPage::default();
        let mut gone = Vec::new();
        for item in answer.items.unwrap_or_default() {
            let Some(id) = row_of(&item) else { continue };
            match get_number(&item, GONE_AT) {
                None => {
                    if read_mark(table, &item).is_ok_and(|mark| is_unlisted(&item, &mark)) {
                        page.unlisted.push(id);
                    }
                    page.counted.push(id);
                }
                Some(gone_at) if gone_at < forget => gone.push((id, item.get("number").cloned())),
                Some(_) => {}
            }
        }
        page.forgotten = gone.len();
        concurrency::all(gone.into_iter().map(|(id, number)| self.forget(id, number))).await?;
        page.next = answer
            .last_evaluated_key
            .as_ref()
            .and_then(|place| Some((get_text(place, "tally")?.to_owned(), get_text(place, "key")?.to_owned())));
        Ok(page)
    }

    /// Removes the mark of a deleted reservation, unless it was written since.
    async fn forget(&self, id: Uuid, number: Option<AttributeValue>) -> Result<(), StoreError> {
        let result = self
            .client
            .delete_item()
            .table_name(&self.config.tables.tallies)
            .set_key(Some(mark_key(id)))
            .condition_expression("#number = :number")
            .expression_attribute_names("#number", "number")
            .set_expression_attribute_values(number.map(|number| HashMap::from([(":number".to_owned(), number)])))
            .send()
            .await;
        unless_condition_failed(result)
    }
}

/// Items of one page of marks.
const SCANNED: i32 = 1_000;

/// A place among marks: the key of an item of the table.
pub type MarksPlace = (String, String);

/// A page of marks.
#[derive(Debug, Default)]
pub struct MarksPage {
    /// Reservations that are counted.
    pub counted: Vec<Uuid>,
    /// Those of them that may not be listed as they should: open ones, and those whose marks a function of an older version
    /// wrote.
    pub unlisted: Vec<Uuid>,
    /// Marks of deleted reservations that were removed.
    pub forgotten: usize,
    /// The place of the next page; `None` at the end.
    pub next: Option<MarksPlace>,
}
