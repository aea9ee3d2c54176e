//! Plans the DynamoDB requests of a query within its caller's rights: which keys or index entries to read, in which
//! order, and which conditions remain to be evaluated on the rows. Pure: it plans and does not read.

use std::fmt;

use uuid::Uuid;

use super::{
    EntryFilter, Store,
    walk::{IndexStage, Order, Partition, Times, Walk},
};
use crate::{
    query::{CodeLookup, Condition, Filter, Query, Scalar, Test},
    reservation::{Status, uuid},
};

/// Maximum number of partitions that one query merges.
const MAX_PARTITIONS: usize = 100;

/// Maximum length of a partition key in DynamoDB (bytes).
const MAX_KEY_BYTES: usize = 2_048;

/// How the rows of a query are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The source of the candidates.
    pub source: Source,
    /// Further conditions on index entries, as far as DynamoDB can evaluate them.
    pub entries: EntryFilter,
    /// Whether every candidate matches. Then candidates can be counted and skipped without reading their rows.
    pub exact: bool,
}

/// The source of the candidates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// No row can match.
    Nothing,
    /// The reservations with these ids.
    Keys(Vec<Uuid>),
    /// Index entries.
    Entries {
        /// The entries.
        walk: Walk,
        /// Whether they are in the order of the query. Otherwise all matches are read before the first is shown.
        in_order: bool,
        /// For a query in the order of ids: entries that contain every match and are likely to be fewer, but have another
        /// order.
        fewer: Option<Fewer>,
    },
}

/// Entries that are worth reading, and sorting, if there are few of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fewer {
    /// The entries.
    pub walk: Walk,
    /// Whether every one of them matches.
    pub exact: bool,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Nothing => write!(f, "nothing: no row can match"),
            Source::Keys(ids) => write!(f, "{} keys, which the filter or its codes name", ids.len()),
            Source::Entries { walk, in_order, fewer } => {
                let order =
                    if *in_order { "in the order of the query" } else { "all, no index has the order of the query" };
                let rest = if self.exact { "every entry matches" } else { "conditions are evaluated on rows" };
                write!(f, "{walk}, {order}, {rest}")?;
                let Some(fewer) = fewer else { return Ok(()) };
                write!(f, ", or if they are few: {}", fewer.walk)?;
                match fewer.listed() {
                    Some(_) => write!(f, ", or in a list by status and id"),
                    None => Ok(()),
                }
            }
        }
    }
}

/// What the plan has to know about the table.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The number of partitions of an index over all organisations.
    pub shards: u32,
    /// The indexes that can be read.
    pub stage: IndexStage,
}

impl Store<'_> {
    /// What a plan has to know about the table of reservations.
    #[must_use]
    pub fn shape(&self) -> Shape {
        Shape { shards: self.config.shards, stage: IndexStage::new(self.config.index_stage) }
    }
}

/// Plans a query of `code_reservation`. `found` gives the reservations that contain one of the given codes.
///
/// The first of these that the query restricts is used: ids; codes, which lead to ids; a reference; a product;
/// organisations; in the order of creation also a user. Otherwise all shards are read. In the order of creation, and
/// where all matches are read before one is shown, statuses and times of creation restrict the entries further.
///
/// A caller who is limited to organisations reads the partitions of these and no others, with a reference or product as
/// a condition on their entries. The indexes by reference and by product hold the rows of every organisation: their
/// number would show in the time that the query takes, and in whether it exceeds `MaxScan`.
#[must_use]
pub fn plan(query: &Query, table: Shape, found: impl Fn(&[CodeLookup]) -> Vec<Uuid>) -> Plan {
    let conditions = query.conditions();
    let equalities = conditions.as_ref().map(Filter::required_equalities).unwrap_or_default();
    let of = |name: &str| equalities.iter().find(|(field, _)| *field == name).map(|(_, values)| values.as_slice());
    let nothing = Plan { source: Source::Nothing, entries: EntryFilter::default(), exact: true };
    // An empty list of values means that no row can match.
    if equalities.iter().any(|(_, values)| values.is_empty()) {
        return nothing;
    }
    let ids = of("id").map(|ids| ids.iter().filter_map(|id| uuid(id)).collect());
    let codes = conditions.as_ref().map(Filter::required_codes).unwrap_or_default();
    if let Some(mut ids) = ids.or_else(|| codes.first().map(|codes| found(codes))) {
        ids.sort_unstable();
        ids.dedup();
        return match ids.is_empty() {
            true => nothing,
            false => Plan { source: Source::Keys(ids), entries: EntryFilter::default(), exact: false },
        };
    }
    let (used, partitions) = partitions(&of, query.rights.is_some(), table.shards);
    let narrow = narrow(conditions.as_ref(), &of, used, &partitions, table.stage);
    let Some(narrow) = narrow else { return nothing };
    let by_id = query.is_default_sort().filter(|_| query.shows_rows());
    let is_search_spare = query.search_excludes_nothing(conditions.as_ref());
    let covers =
        |chosen: &Chosen<'_>| is_search_spare && conditions.as_ref().is_none_or(|filter| chosen.covers(filter));
    let (chosen, in_order, fewer) = match (by_id, query.is_sorted_by_creation()) {
        (Some(descending), _) => {
            let walk = Walk { order: Order::Id { descending }, ..Walk::by_id(partitions) };
            let fewer = narrow.is_narrower.then(|| {
                let chosen = Chosen { walk: narrow.walk, used: narrow.used, ranges: true };
                Fewer { exact: covers(&chosen), walk: chosen.walk }
            });
            (Chosen { walk, used, ranges: false }, true, fewer)
        }
        (None, Some((descending, ids_descending))) if narrow.is_possible => {
            let walk = Walk { order: Order::Created { descending, ids_descending }, ..narrow.walk };
            (Chosen { walk, used: narrow.used, ranges: true }, true, None)
        }
        (None, _) if narrow.is_narrower => (Chosen { walk: narrow.walk, used: narrow.used, ranges: true }, false, None),
        (None, _) => (Chosen { walk: Walk::by_id(partitions), used, ranges: false }, false, None),
    };
    let exact = covers(&chosen);
    let entries = if exact { EntryFilter::default() } else { entry_filter(&of, chosen.used) };
    Plan { source: Source::Entries { walk: chosen.walk, in_order, fewer }, entries, exact }
}

/// The conditions that DynamoDB evaluates on entries: equalities other than the one that selected the partitions.
fn entry_filter<'a>(of: &impl Fn(&str) -> Option<&'a [&'a str]>, used: Option<&str>) -> EntryFilter {
    let mut entries = EntryFilter::default();
    for (field, attribute) in
        [("reserved_for", "organisation_key"), ("product", "product_key"), ("reference_id", "reference_key")]
    {
        if let Some(values) = of(field).filter(|_| used != Some(field)) {
            entries.require(attribute, values);
        }
    }
    if let Some(values) = of("code_type") {
        entries.require("code_type", values);
    }
    // Not a user: its id may be stored with upper case letters, as a seed had it, and equals one without.
    entries
}

/// Entries in the order of creation that contain every match.
struct Narrow<'a> {
    walk: Walk,
    used: Option<&'a str>,
    /// Whether the table has the indexes.
    is_possible: bool,
    /// Whether the entries are fewer than those of the partitions by id, too.
    is_narrower: bool,
}

/// The entries that statuses, times of creation and, if nothing else selected partitions, a user leave. `None` if that
/// is none.
fn narrow<'a>(
    conditions: Option<&Filter>,
    of: &impl Fn(&str) -> Option<&'a [&'a str]>,
    used: Option<&'static str>,
    partitions: &[Partition],
    stage: IndexStage,
) -> Option<Narrow<'static>> {
    let admitted = |status: &&Status| conditions.is_none_or(|c| c.admits("status", status.as_str()) != Some(false));
    let statuses: Vec<Status> = Status::ALL.iter().filter(admitted).copied().collect();
    // Most rows are complete. So without them, the entries of the statuses are fewer than those of a user, for one user
    // may have created all rows.
    let is_rare = !statuses.contains(&Status::Complete) && partitions.iter().all(|one| one.has_statuses(stage));
    let by_user = |values: &&[&str]| {
        used.is_none() && !is_rare && usable(values) && Partition::User(String::new()).has_times(stage)
    };
    let users = of("user_created").filter(by_user);
    let (used, partitions) = match users {
        Some(users) => (Some("user_created"), keys(users, Partition::User)),
        None => (used, partitions.to_vec()),
    };
    let mut times = Times::default();
    for Condition { path, test } in conditions.into_iter().flat_map(Filter::required) {
        if path.own_field() == Some("date_created") {
            times.restrict(test);
        }
    }
    if statuses.is_empty() || times.is_empty() {
        return None;
    }
    let by_status = statuses.len() < Status::ALL.len() && partitions.iter().all(|one| one.has_statuses(stage));
    let is_possible = by_status || partitions.iter().all(|one| one.has_times(stage));
    let walk = Walk {
        partitions,
        order: Order::Created { descending: false, ids_descending: false },
        statuses: by_status.then_some(statuses),
        times,
    };
    let is_narrower = is_possible && (by_status || users.is_some() || !walk.times.is_all());
    Some(Narrow { walk, used, is_possible, is_narrower })
}

/// The partitions to read, and the member that selected them.
fn partitions<'a>(
    of: &impl Fn(&str) -> Option<&'a [&'a str]>,
    has_rights: bool,
    shards: u32,
) -> (Option<&'static str>, Vec<Partition>) {
    type Choice = (&'static str, fn(String) -> Partition);
    let all: [Choice; 3] = [
        ("reference_id", Partition::Reference),
        ("product", Partition::Product),
        ("reserved_for", Partition::Organisation),
    ];
    let [.., own] = all;
    let choices = if has_rights { &[own][..] } else { &all };
    for (field, partition) in choices.iter().copied() {
        // The organisations of the caller's rights are used however many they are, because rights must never lead to
        // reading all rows.
        if let Some(values) = of(field).filter(|values| usable(values) || (field == "reserved_for" && has_rights)) {
            return (Some(field), keys(values, partition));
        }
    }
    (None, (0..shards.max(1)).map(Partition::Shard).collect())
}

/// Whether values can select partitions. An index has no entry for the empty text.
fn usable(values: &&[&str]) -> bool {
    values.len() <= MAX_PARTITIONS && values.iter().all(|value| !value.is_empty())
}

/// The partitions of some values. A value that cannot be an index key was never stored.
fn keys(values: &[&str], partition: fn(String) -> Partition) -> Vec<Partition> {
    let mut values: Vec<_> = values.iter().filter(|value| !value.is_empty() && value.len() <= MAX_KEY_BYTES).collect();
    values.sort_unstable();
    values.dedup();
    values.into_iter().map(|value| partition((*value).to_owned())).collect()
}

/// The walk of a plan, and what selected it.
struct Chosen<'a> {
    walk: Walk,
    /// The member that selected the partitions.
    used: Option<&'a str>,
    /// Whether statuses and times were applied.
    ranges: bool,
}

impl Chosen<'_> {
    /// Whether a filter only requires what selected the entries.
    fn covers(&self, filter: &Filter) -> bool {
        filter.conjuncts().into_iter().all(|part| match part {
            Filter::Leaf(Condition { path, test }) => match path.own_field() {
                Some("status") if self.ranges => self.walk.statuses.is_some(),
                Some("date_created") if self.ranges => Times::default().restrict(test),
                own => own.is_some() && own == self.used && is_text_equality(test),
            },
            _ => false,
        })
    }
}

fn is_text_equality(test: &Test) -> bool {
    match test {
        Test::Equal(Scalar::Text(text)) => !text.is_empty(),
        Test::In(values) => values.iter().all(|value| matches!(value, Scalar::Text(text) if !text.is_empty())),
        _ => false,
    }
}
