//! What a list reads of the indexes of `Reservations`, and in which order. Pure.
//!
//! | index | partition | order |
//! |---|---|---|
//! | `by_…` | organisation, product, reference, shard | id |
//! | `by_…_created` | organisation, product, reference, user, shard | time of creation, then id |
//! | `by_…_status` | organisation, product, shard | status, then time of creation, then id |
//!
//! Only the last three have a key that changes, when the status does. `docs/decisions/0030` gives the reasons. A table
//! that is older than the last two kinds gets them one by one (see [`IndexStage`]).

use std::fmt;

use chrono::{DateTime, Datelike, SubsecRound, Utc};
use uuid::Uuid;

use crate::{
    config::LAST_INDEX_STAGE,
    query::{Scalar, Test},
    reservation::{Reservation, Status, Timestamp},
};

/// Attributes that only indexes use: the sort keys of the indexes by creation and by status, and the user as a key.
pub(super) const CREATED_ID: &str = "created_id";
pub(super) const STATUS_CREATED: &str = "status_created";
pub(super) const USER_KEY: &str = "user_key";

/// The attribute of reservations that are open and not seeded, and its only value. Indexes by status project it.
pub(super) const OPEN: &str = "open";

/// The attributes of a row that exist for indexes alone. A write that changes nothing else changes no reservation.
pub const INDEX_ATTRIBUTES: [&str; 8] =
    ["organisation_key", "product_key", "reference_key", "shard", OPEN, USER_KEY, CREATED_ID, STATUS_CREATED];

/// In place of a time that does not exist: after every time, as in the order of an answer.
const NO_TIME: &str = "~";

/// The indexes that a table has. DynamoDB adds one index in a deployment, so a table that is older than an index gets it
/// in a deployment of its own: the parameter `IndexStage` counts these. After those that add indexes, two remove the ones
/// of open reservations.
///
/// An index is read only from the deployment after the one that adds it, when it is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IndexStage(u32);

/// The indexes that older tables lack, in the order of the deployments that add them.
const ADDED: [&str; 8] = [
    "by_shard_created",
    "by_shard_status",
    "by_organisation_created",
    "by_organisation_status",
    "by_product_created",
    "by_product_status",
    "by_reference_created",
    "by_user_created",
];

/// After those that add an index, two deployments remove one.
const _: () = assert!(ADDED.len() + 2 == LAST_INDEX_STAGE as usize);

impl IndexStage {
    /// The stage with this number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Whether an index can be read. Those that every table has can.
    pub(super) fn has(self, index: &str) -> bool {
        ADDED.iter().position(|added| *added == index).is_none_or(|position| self.0 as usize > position + 1)
    }
}

/// The partition of an index.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Partition {
    /// Reservations of one organisation.
    Organisation(String),
    /// Reservations for one product.
    Product(String),
    /// Reservations with one reference.
    Reference(String),
    /// Reservations that one user created. Only in the order of creation.
    User(String),
    /// One shard of all reservations.
    Shard(u32),
}

impl Partition {
    /// The index by id. Users have none.
    fn by_id(&self) -> &'static str {
        match self {
            Self::Organisation(_) => "by_organisation",
            Self::Product(_) => "by_product",
            Self::Reference(_) => "by_reference",
            Self::User(_) => "by_user",
            Self::Shard(_) => "by_shard",
        }
    }

    /// The index by creation.
    fn by_creation(&self) -> &'static str {
        match self {
            Self::Organisation(_) => "by_organisation_created",
            Self::Product(_) => "by_product_created",
            Self::Reference(_) => "by_reference_created",
            Self::User(_) => "by_user_created",
            Self::Shard(_) => "by_shard_created",
        }
    }

    /// The index by status, if there is one.
    fn by_status(&self) -> Option<&'static str> {
        match self {
            Self::Organisation(_) => Some("by_organisation_status"),
            Self::Product(_) => Some("by_product_status"),
            Self::Shard(_) => Some("by_shard_status"),
            Self::Reference(_) | Self::User(_) => None,
        }
    }

    fn attribute(&self) -> &'static str {
        match self {
            Self::Organisation(_) => "organisation_key",
            Self::Product(_) => "product_key",
            Self::Reference(_) => "reference_key",
            Self::User(_) => USER_KEY,
            Self::Shard(_) => "shard",
        }
    }

    fn value(&self) -> String {
        match self {
            Self::Organisation(value) | Self::Product(value) | Self::Reference(value) | Self::User(value) => {
                value.clone()
            }
            Self::Shard(shard) => shard.to_string(),
        }
    }

    /// Whether there is an index of this kind by creation.
    pub(super) fn has_times(&self, stage: IndexStage) -> bool {
        stage.has(self.by_creation())
    }

    /// Whether there is an index of this kind by status.
    pub(super) fn has_statuses(&self, stage: IndexStage) -> bool {
        self.by_status().is_some_and(|index| stage.has(index))
    }
}

/// The order in which entries are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By id.
    Id {
        /// Whether it is descending.
        descending: bool,
    },
    /// By time of creation, then by id.
    Created {
        /// Whether times are descending.
        descending: bool,
        /// Whether ids of one time are.
        ids_descending: bool,
    },
}

impl Order {
    /// Whether the keys of the indexes are read from the end.
    pub(super) fn descending(self) -> bool {
        match self {
            Self::Id { descending } | Self::Created { descending, .. } => descending,
        }
    }

    /// Whether entries of one time are in the opposite order in the index.
    pub(super) fn turns_ties(self) -> bool {
        matches!(self, Self::Created { descending, ids_descending } if descending != ids_descending)
    }
}

/// Times of creation, as bounds of sort keys, both included. No key equals a bound, because a key ends with an id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Times {
    low: Option<String>,
    high: Option<String>,
}

/// Before every time. Not the empty text, which DynamoDB refuses as a value of a key.
const FIRST: &str = "!";

/// Follows `#`, which separates the parts of a key: a text with it is after all keys that begin with the same text.
const AFTER: char = '$';

impl Times {
    /// Whether every time is included.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// Restricts the times to those that pass a test. Gives whether the bounds are exactly the test; if not, they are not
    /// changed.
    pub fn restrict(&mut self, test: &Test) -> bool {
        let at_least = |at: &DateTime<Utc>| if whole(at) { Some(before(at)?) } else { after(at) };
        let at_most = |at: &DateTime<Utc>| after(at);
        let (low, high) = match test {
            Test::Greater(Scalar::Instant(at)) => (after(at), None),
            Test::GreaterOrEqual(Scalar::Instant(at)) => (at_least(at), None),
            Test::Less(Scalar::Instant(at)) => (None, if whole(at) { before(at) } else { after(at) }),
            Test::LessOrEqual(Scalar::Instant(at)) => (None, at_most(at)),
            Test::Between(Scalar::Instant(from), Scalar::Instant(to)) => match (at_least(from), at_most(to)) {
                (Some(low), Some(high)) => (Some(low), Some(high)),
                _ => return false,
            },
            Test::Equal(Scalar::Instant(at)) if whole(at) => match (before(at), after(at)) {
                (Some(low), Some(high)) => (Some(low), Some(high)),
                _ => return false,
            },
            Test::NotNull => (None, Some(NO_TIME.to_owned())),
            Test::Null => (Some(NO_TIME.to_owned()), None),
            _ => return false,
        };
        if low.is_none() && high.is_none() {
            return false;
        }
        // A row without a time passes no comparison.
        let excludes = !matches!(test, Test::Null) && self.high.is_none();
        let high = high.or_else(|| excludes.then(|| NO_TIME.to_owned()));
        self.low = self.low.take().max(low);
        self.high = match (self.high.take(), high) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (one, other) => one.or(other),
        };
        true
    }

    /// Those of a moment and later ones.
    pub(super) fn since(at: Timestamp) -> Self {
        Self { low: before(&at.time()), high: Some(NO_TIME.to_owned()) }
    }

    /// Those from a moment, if there is one, until before another one.
    pub(super) fn between(from: Option<Timestamp>, until: Timestamp) -> Self {
        Self { low: from.and_then(|from| before(&from.time())), high: before(&until.time()) }
    }

    /// The bounds of the keys with a prefix.
    fn keys(&self, prefix: &str) -> (String, String) {
        let low = self.low.as_deref().unwrap_or(FIRST);
        // Twice, because the key of a row without a time begins with it.
        let high = self.high.as_deref().unwrap_or("~~");
        (format!("{prefix}{low}"), format!("{prefix}{high}"))
    }

    /// Whether no time is included.
    pub(super) fn is_empty(&self) -> bool {
        matches!((&self.low, &self.high), (Some(low), Some(high)) if low > high)
    }
}

/// Whether a time has whole milliseconds, as those of reservations.
fn whole(at: &DateTime<Utc>) -> bool {
    at.trunc_subsecs(3) == *at
}

/// A text before the keys of a time and after those of earlier ones. `None` for years whose texts have another order.
fn before(at: &DateTime<Utc>) -> Option<String> {
    (0..=9_999).contains(&at.year()).then(|| Timestamp::new(*at).to_string())
}

/// A text after the keys of a time and before those of later ones.
fn after(at: &DateTime<Utc>) -> Option<String> {
    before(at).map(|text| format!("{text}{AFTER}"))
}

/// The entries that a list reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    /// The partitions, all of one kind.
    pub partitions: Vec<Partition>,
    /// The order of the entries.
    pub order: Order,
    /// Only entries with one of these statuses, if any are named. Only in the order of creation, and for kinds of
    /// partitions that have an index by status.
    pub statuses: Option<Vec<Status>>,
    /// The times of creation. Only in the order of creation.
    pub times: Times,
}

impl Walk {
    /// All entries of some partitions by ascending id.
    #[must_use]
    pub fn by_id(partitions: impl IntoIterator<Item = Partition>) -> Self {
        Self {
            partitions: partitions.into_iter().collect(),
            order: Order::Id { descending: false },
            statuses: None,
            times: Times::default(),
        }
    }

    /// The same entries from the indexes by status, which tell it: all statuses if none are named. `None` if there is no
    /// such index. Their order is that of creation.
    #[must_use]
    pub fn by_every_status(&self, stage: IndexStage) -> Option<Self> {
        let is_possible = self.partitions.iter().all(|one| one.has_statuses(stage));
        is_possible.then(|| Self {
            order: Order::Created { descending: false, ids_descending: false },
            statuses: self.statuses.clone().or_else(|| Some(Status::ALL.to_vec())),
            ..self.clone()
        })
    }

    /// Whether all entries are one run of keys.
    #[must_use]
    pub fn is_one_run(&self) -> bool {
        self.partitions.len() == 1 && self.statuses.as_ref().is_none_or(|statuses| statuses.len() == 1)
    }

    /// The runs of keys to read: one for each partition, and status if statuses are named.
    pub(super) fn runs(&self) -> Vec<Run> {
        self.partitions.iter().flat_map(|partition| self.runs_of(partition)).collect()
    }

    fn runs_of(&self, partition: &Partition) -> Vec<Run> {
        let run = |index, range, status| {
            let (attribute, value) = (partition.attribute(), partition.value());
            Run { table: Indexed::Reservations, index, attribute, value, range, status }
        };
        let created = |prefix: &str, attribute| {
            let (low, high) = self.times.keys(prefix);
            Some(Range { attribute, low, high })
        };
        let by_status = self.statuses.as_ref().zip(partition.by_status());
        match (self.order, by_status) {
            (Order::Id { .. }, _) => vec![run(partition.by_id(), None, None)],
            (Order::Created { .. }, None) => vec![run(partition.by_creation(), created("", CREATED_ID), None)],
            (Order::Created { .. }, Some((statuses, index))) => {
                let range = |status| created(&format!("{status}#"), STATUS_CREATED);
                statuses.iter().map(|status| run(index, range(*status), Some(*status))).collect()
            }
        }
    }
}

impl fmt::Display for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = self.runs();
        let index = runs.first().map_or("no partition", |run| run.index);
        write!(f, "{index} x {}", runs.len())?;
        if self.order.descending() {
            write!(f, ", from the end")?;
        }
        if let Some(statuses) = &self.statuses {
            let names: Vec<&str> = statuses.iter().map(|status| status.as_str()).collect();
            write!(f, ", {}", names.join(" or "))?;
        }
        if !self.times.is_all() {
            write!(f, ", within times")?;
        }
        Ok(())
    }
}

/// The table of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Indexed {
    /// The rows themselves.
    Reservations,
    /// What the tallies count each row as.
    Marks,
    /// Items beside these, in the same table. The keys of the table are their index.
    Beside,
}

/// A run of keys in one partition of one index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) table: Indexed,
    pub(super) index: &'static str,
    pub(super) attribute: &'static str,
    pub(super) value: String,
    /// The bounds of the sort key; none for a whole partition.
    pub(super) range: Option<Range>,
    /// The status of its entries, in the indexes by status.
    pub(super) status: Option<Status>,
}

impl Run {
    /// All keys of a partition, in an index that tells no status.
    pub(super) fn whole(
        table: Indexed,
        index: &'static str,
        attribute: &'static str,
        value: impl Into<String>,
    ) -> Self {
        Self { table, index, attribute, value: value.into(), range: None, status: None }
    }
}

/// Bounds of a sort key, both included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) attribute: &'static str,
    pub(super) low: String,
    pub(super) high: String,
}

/// The place of an entry in the order of a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// The time in the form of keys; empty in the order of ids.
    pub(super) time: String,
    pub(super) id: Uuid,
}

impl Place {
    /// The key of the entry at this place in a run of an index by status or by creation.
    pub(super) fn key(&self, status: Option<Status>) -> String {
        let prefix = status.map(|status| format!("{status}#")).unwrap_or_default();
        format!("{prefix}{}#{}", self.time, self.id)
    }

    /// The place of an entry of a run, from its id and its sort key.
    pub(super) fn new(id: Uuid, key: Option<&str>) -> Self {
        let time = key.and_then(|key| key.rsplit_once('#')).map_or("", |(before, _)| {
            // In an index by status, the status precedes the time.
            before.rsplit_once('#').map_or(before, |(_, time)| time)
        });
        Self { time: time.to_owned(), id }
    }
}

/// The sort key of a reservation in the indexes by creation.
pub(super) fn created_key(item: &Reservation) -> String {
    let time = item.date_created.map_or_else(|| NO_TIME.to_owned(), |at| at.to_string());
    format!("{time}#{}", item.id)
}

/// The sort key of a reservation in the indexes by status, when it has this status.
pub(super) fn status_key(item: &Reservation, status: Status) -> String {
    format!("{status}#{}", created_key(item))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(statuses: Option<Vec<Status>>, tests: &[Test]) -> Walk {
        let mut times = Times::default();
        assert!(tests.iter().all(|test| times.restrict(test)));
        let order = Order::Created { descending: true, ids_descending: true };
        Walk { partitions: vec![Partition::Shard(0)], order, statuses, times }
    }

    #[test]
    fn no_bound_of_a_key_is_the_empty_text_which_dynamodb_refuses() {
        let at = || Scalar::Instant(Timestamp::parse("2026-01-01T00:00:00Z").unwrap().time());
        for tests in [vec![], vec![Test::Less(at())], vec![Test::GreaterOrEqual(at())]] {
            for statuses in [None, Some(vec![Status::New, Status::Error])] {
                for run in walk(statuses, &tests).runs() {
                    let range = run.range.unwrap();
                    assert!(!range.low.is_empty() && range.low < range.high, "{range:?}");
                }
            }
        }
    }

    #[test]
    fn a_run_without_bounds_has_the_keys_of_all_times_and_of_rows_without_one() {
        let runs = walk(None, &[]).runs();
        let range = runs[0].range.as_ref().unwrap();
        for time in ["0000-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z", NO_TIME] {
            let key = format!("{time}#{}", Uuid::nil());
            assert!(range.low < key && key < range.high, "{key}");
        }
    }
}
