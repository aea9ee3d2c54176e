//! Plans the DynamoDB requests of a query within its caller's rights: which keys or index entries to read, in which
//! order, and which conditions remain to be evaluated on the rows. Pure: it plans and does not read.

use std::fmt;

use uuid::Uuid;

use super::{EntryFilter, Index};
use crate::{
    query::{CodeLookup, Condition, Filter, Query, Scalar, Test},
    reservation::uuid,
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
    /// The entries of these indexes, all of one kind.
    Indexes(Vec<Index>),
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = if self.exact { ", exact" } else { "" };
        match &self.source {
            Source::Nothing => write!(f, "nothing"),
            Source::Keys(ids) => write!(f, "{} keys", ids.len()),
            Source::Indexes(indexes) => {
                let kind = indexes.first().map_or("none", Index::name);
                write!(f, "{} × {kind}{exact}", indexes.len())
            }
        }
    }
}

/// Plans a query of `code_reservation`. `found` gives the reservations that contain one of the given codes.
///
/// The first of these that the query restricts is used: ids; codes, which lead to ids; a reference; a product;
/// organisations. Otherwise all shards are read.
///
/// A caller who is limited to organisations reads the partitions of these and no others, with a reference or product as
/// a condition on their entries. The indexes by reference and by product hold the rows of every organisation: their
/// number would show in the time that the query takes, and in whether it exceeds `MaxScan`.
#[must_use]
pub fn plan(query: &Query, shards: u32, found: impl Fn(&[CodeLookup]) -> Vec<Uuid>) -> Plan {
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
    let (used, indexes) = partitions(&of, query.rights.is_some(), shards);
    let mut entries = EntryFilter::default();
    for (field, attribute) in
        [("reserved_for", "organisation_key"), ("product", "product_key"), ("reference_id", "reference_key")]
    {
        if let Some(values) = of(field).filter(|_| used != Some(field)) {
            entries.require(attribute, values);
        }
    }
    for field in ["code_type", "user_created"] {
        if let Some(values) = of(field) {
            entries.require(field, values);
        }
    }
    let exact = query.search.is_none() && conditions.as_ref().is_none_or(|filter| covered(filter, used));
    let entries = if exact { EntryFilter::default() } else { entries };
    Plan { source: Source::Indexes(indexes), entries, exact }
}

/// The partitions to read, and the member that selected them.
fn partitions<'a>(
    of: &impl Fn(&str) -> Option<&'a [&'a str]>,
    has_rights: bool,
    shards: u32,
) -> (Option<&'static str>, Vec<Index>) {
    type Choice = (&'static str, fn(String) -> Index);
    let all: [Choice; 3] =
        [("reference_id", Index::Reference), ("product", Index::Product), ("reserved_for", Index::Organisation)];
    let [.., own] = all;
    let choices = if has_rights { &[own][..] } else { &all };
    for (field, index) in choices.iter().copied() {
        // An index has no entry for the empty text. The organisations of the caller's rights are used however many they
        // are, because rights must never lead to reading all rows.
        let usable = |values: &&[&str]| values.len() <= MAX_PARTITIONS && values.iter().all(|value| !value.is_empty());
        if let Some(values) = of(field).filter(|values| usable(values) || (field == "reserved_for" && has_rights)) {
            // A value that cannot be an index key was never stored.
            let mut values: Vec<_> =
                values.iter().filter(|value| !value.is_empty() && value.len() <= MAX_KEY_BYTES).collect();
            values.sort_unstable();
            values.dedup();
            return (Some(field), values.into_iter().map(|value| index((*value).to_owned())).collect());
        }
    }
    (None, (0..shards.max(1)).map(Index::Shard).collect())
}

/// Whether a filter only requires that the selected member has one of the partitions' values.
fn covered(filter: &Filter, used: Option<&str>) -> bool {
    match filter {
        Filter::And(all) => all.iter().all(|one| covered(one, used)),
        Filter::Or(any) => matches!(any.as_slice(), [one] if covered(one, used)),
        Filter::Leaf(Condition { path, test }) => {
            path.own_field().is_some() && path.own_field() == used && is_text_equality(test)
        }
        Filter::Codes { .. } => false,
    }
}

fn is_text_equality(test: &Test) -> bool {
    match test {
        Test::Equal(Scalar::Text(text)) => !text.is_empty(),
        Test::In(values) => values.iter().all(|value| matches!(value, Scalar::Text(text) if !text.is_empty())),
        _ => false,
    }
}
