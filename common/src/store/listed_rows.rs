//! The reservations of a status in the order of ids, for lists.
//!
//! `Reservations` has no index in that order: it would be written at each change of a status, and in place of another one
//! (`docs/decisions/0052`). The marks of the tallies know the status of each row, so they lead to it:
//!
//! | rows | where | partition | order |
//! |---|---|---|---|
//! | of a status | the marks, in the index `by_status` | status and shard | id |
//! | of a status of an organisation or a product | items of their own beside the mark | `listed#`, status, organisation or product | id |
//!
//! Complete rows have no items of their own: most rows are complete, so a list of those of one organisation or product walks
//! through its rows by id. Open rows are listed when they are five minutes old. Most are at an end by then, and a change
//! that nobody lists costs nothing. What is not counted yet, or too young, is taken from the indexes by status, too.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{Delete, Put};
use chrono::TimeDelta;
use futures::future;
use uuid::Uuid;

use super::{
    Entries, EntryFilter, Store, StoreError, Times,
    items::{Item, get_text, number, text},
    plan::Fewer,
    tallies::{item_key, part},
    tally_state::TallyState,
    transaction::Transaction,
    walk::{Indexed, Order, Partition, Run, Walk},
};
use crate::reservation::{
    Status, Timestamp,
    tally::{Counted, Mark},
};

/// The attribute of marks that the index has as its partition, and the index.
const LISTED: &str = "listed";
const INDEX: &str = "by_status";

/// The attribute of marks that have items beside them.
const APART: &str = "apart";

/// Rows that were created in this time are read from the indexes by status: most changes of a status come soon after it.
const NEW: TimeDelta = TimeDelta::minutes(5);

/// After this time, a row that is still open is listed as such. Longer than [`NEW`], so that a row that changes meanwhile is
/// listed by whoever counts the change, or was not changed when this is over.
const OPEN_AFTER: TimeDelta = TimeDelta::minutes(10);

/// Maximum number of new rows, a page of entries. With more, as after an import, what is listed is not used.
const MOST_NEW: usize = 1_000;

/// Maximum number of statuses of organisations or products that one list reads here. With more, a walk through all their rows
/// takes fewer calls.
const MOST_RUNS: usize = 30;

/// Where lists find a reservation by its status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    /// The status in the index of marks.
    status: Option<Status>,
    /// The partitions of the items beside the mark.
    apart: BTreeSet<String>,
}

impl Listing {
    /// Where lists should find a row. `is_old` says that it is old enough to be listed as open.
    pub(super) fn of(counted: Option<&Counted>, is_old: bool) -> Self {
        let Some(counted) = counted else { return Self::default() };
        let Some(status) = counted.kind.status.filter(|status| is_old || !status.is_open()) else {
            return Self::default();
        };
        let organisation = counted.organisation.iter().map(|value| Of::Organisation(value));
        let product = counted.product.iter().map(|value| Of::Product(value));
        let apart = organisation.chain(product).filter_map(|of| partition(status, of)).collect();
        Self { status: Some(status), apart }
    }

    /// Where lists find a row whose mark is stored like this.
    pub(super) fn stored(item: &Item, mark: &Mark) -> Self {
        let status = get_text(item, LISTED).and_then(|listed| Status::parse(listed.split_once('#')?.0));
        let apart = match item.contains_key(APART) {
            true => Self::of(mark.counted.as_ref(), true).apart,
            false => BTreeSet::new(),
        };
        Self { status, apart }
    }

    /// Whether the row is listed as open. It stays so until it is at an end, whatever the clock says.
    pub(super) fn is_open(&self) -> bool {
        self.status.is_some_and(Status::is_open)
    }

    /// Adds what a mark needs to be found so. `shard` is the row's partition in the index.
    pub(super) fn add_to(&self, mark: &mut Item, shard: u32) {
        if let Some(status) = self.status {
            mark.insert(LISTED.to_owned(), text(listed(status, &shard.to_string())));
        }
        if !self.apart.is_empty() {
            mark.insert(APART.to_owned(), number(self.apart.len()));
        }
    }
}

/// The listing of a mark as it was read, and as it is to be written.
#[derive(Clone, Debug, Default)]
pub(super) struct Relisting {
    pub(super) known: Listing,
    pub(super) next: Listing,
}

impl Relisting {
    /// Whether a mark has to be written even if its row is counted as it should be.
    pub(super) fn is_needed(&self) -> bool {
        self.known != self.next
    }

    /// The number of items beside the mark that are written.
    pub(super) fn writes(&self) -> usize {
        self.known.apart.symmetric_difference(&self.next.apart).count()
    }

    /// Adds these writes. They need no conditions: that of the mark says whether `known` is what is stored.
    pub(super) fn add_to(&self, transaction: &mut Transaction, id: Uuid, table: &str) -> Result<(), StoreError> {
        let key = |partition: &String| Some(item_key(partition, &id.to_string()));
        for partition in self.next.apart.difference(&self.known.apart) {
            transaction.put(Put::builder().table_name(table).set_item(key(partition)).build()?);
        }
        for partition in self.known.apart.difference(&self.next.apart) {
            transaction.delete(Delete::builder().table_name(table).set_key(key(partition)).build()?);
        }
        Ok(())
    }
}

/// Whether a row is old enough to be listed as open when it is counted.
pub(super) fn is_old(created: Option<Timestamp>, now: Timestamp) -> bool {
    created.is_none_or(|created| created.time() <= now.time() - NEW)
}

/// Whether a stored mark has to be looked at, because it is not listed as its row should be, or is not listed as open.
pub(super) fn is_unlisted(item: &Item, mark: &Mark) -> bool {
    Listing::stored(item, mark) != Listing::of(mark.counted.as_ref(), true)
}

/// Whose rows an item beside a mark is for.
#[derive(Clone, Copy)]
enum Of<'a> {
    Organisation(&'a str),
    Product(&'a str),
}

/// How the partitions of items beside marks begin.
const BESIDE: &str = "listed#";

/// The partition of a status of an organisation or a product; `None` where there is none.
fn partition(status: Status, of: Of<'_>) -> Option<String> {
    let (kind, value) = match of {
        Of::Organisation(value) => ("organisation", value),
        Of::Product(value) => ("product", value),
    };
    let is_listed = status != Status::Complete && !value.is_empty();
    is_listed.then(|| format!("{BESIDE}{status}#{kind}#{}", part(Some(value))))
}

/// The partition of a status in a shard of the index.
fn listed(status: Status, shard: &str) -> String {
    format!("{status}#{shard}")
}

/// The run of what is listed of a status in a partition; `None` where nothing is.
fn run(partition_of: &Partition, status: Status) -> Option<Run> {
    let of = match partition_of {
        Partition::Shard(shard) => {
            return Some(Run::whole(Indexed::Marks, INDEX, LISTED, listed(status, &shard.to_string())));
        }
        Partition::Organisation(value) => Of::Organisation(value),
        Partition::Product(value) => Of::Product(value),
        Partition::Reference(_) | Partition::User(_) => return None,
    };
    Some(Run::whole(Indexed::Beside, "listed", "tally", partition(status, of)?))
}

impl Fewer {
    /// Whether all these entries are listed in the order of ids ([`Store::listed_rows`]), and their statuses.
    #[must_use]
    pub fn listed(&self) -> Option<&[Status]> {
        self.runs_by_id()?;
        self.walk.statuses.as_deref()
    }

    fn runs_by_id(&self) -> Option<Vec<Run>> {
        let statuses = self.walk.statuses.as_deref().filter(|_| self.walk.times.is_all())?;
        let partitions = &self.walk.partitions;
        let is_small = partitions.len().saturating_mul(statuses.len()) <= MOST_RUNS;
        if !is_small && !partitions.iter().all(|one| matches!(one, Partition::Shard(_))) {
            return None;
        }
        let runs = partitions.iter().flat_map(|partition| statuses.iter().map(move |status| run(partition, *status)));
        runs.collect::<Option<Vec<Run>>>().filter(|runs| !runs.is_empty())
    }
}

/// What is listed.
#[derive(Default)]
pub struct ListedRows {
    /// In the order of ids; `None` if what is listed cannot be used.
    pub entries: Option<Entries>,
    /// Entries that were read to find the new ones.
    pub read: usize,
    /// The calls of that.
    pub calls: usize,
}

impl Store<'_> {
    /// The rows of entries that [`Fewer::listed`] has, in the order of ids. None while the listings are not complete, and if
    /// more than 1,000 of them are new: then nothing says that the listings are not far behind.
    ///
    /// A row whose status changed a moment ago, and which was created longer ago than five minutes, may be missing for as long
    /// as counts are late, and one that has another status meanwhile may be given.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn listed_rows(&self, fewer: &Fewer, descending: bool, now: Timestamp) -> Result<ListedRows, StoreError> {
        let mut listed = ListedRows::default();
        let (Some(runs), Some(statuses)) = (fewer.runs_by_id(), fewer.listed()) else { return Ok(listed) };
        let (open, ended): (Vec<Status>, Vec<Status>) = statuses.iter().partition(|status| status.is_open());
        let recent = Timestamp::new(now.time() - NEW);
        let mut new = Vec::new();
        let (state, is_small) =
            future::join(self.tally_state(), self.add_new(fewer, ended, recent, &mut new, &mut listed)).await;
        let state = state?;
        if !is_small? || !state.lists || state.lanes > self.config.shards {
            return Ok(listed);
        }
        if !open.is_empty() {
            let Some(before) = state.open_before else { return Ok(listed) };
            if !self.add_new(fewer, open, recent.min(before), &mut new, &mut listed).await? {
                return Ok(listed);
            }
        }
        let entries = Entries::of(runs, Order::Id { descending }, &EntryFilter::default());
        listed.entries = Some(entries.with(new, listed.read, listed.calls));
        Ok(listed)
    }

    /// Adds the rows of some statuses that were created since a moment. Gives whether there are few enough.
    async fn add_new(
        &self,
        fewer: &Fewer,
        statuses: Vec<Status>,
        since: Timestamp,
        new: &mut Vec<Uuid>,
        listed: &mut ListedRows,
    ) -> Result<bool, StoreError> {
        if statuses.is_empty() {
            return Ok(true);
        }
        let walk = Walk { statuses: Some(statuses), times: Times::since(since), ..fewer.walk.clone() };
        let mut entries = Entries::new(&walk, &EntryFilter::default());
        let most = MOST_NEW.min(self.config.max_scan.saturating_sub(1)).saturating_sub(new.len());
        let found = entries.next(*self, most + 1).await;
        listed.read += entries.scanned();
        listed.calls += entries.calls();
        match found {
            Ok(found) if found.len() <= most => new.extend(found),
            Ok(_) | Err(StoreError::TooMany(_)) => return Ok(false),
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    /// The open rows that may not be listed although they are old enough, in the order of their creation. Rows that were
    /// created before the second value are among them or listed. `None` if nothing is to be done: this was looked at already,
    /// or the table has no index by status yet.
    #[must_use]
    pub fn open_to_list(&self, state: &TallyState, now: Timestamp) -> Option<(Entries, Timestamp)> {
        let before = Timestamp::new(now.time() - OPEN_AFTER);
        if state.open_before.is_some_and(|done| done >= before) || !Partition::Shard(0).has_statuses(self.shape().stage)
        {
            return None;
        }
        // Of all shards that were ever used, because a lower `Shards` may be raised again.
        let partitions = (0..self.config.shards.max(state.lanes)).map(Partition::Shard).collect();
        let walk = Walk { times: Times::between(state.open_before, before), ..Walk::open(partitions) };
        Some((Entries::new(&walk, &EntryFilter::default()).unbounded(), before))
    }
}
