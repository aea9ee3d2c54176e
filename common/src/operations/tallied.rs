//! Counts of reservations without reading them: `aggregate[count]`, its groups, and `meta`.
//!
//! Up to [`EXACT`] index entries are counted, or their rows read, so that small counts are exact at once. Above, counts
//! come from the tallies, which are behind by the time that the stream needs, if the query depends only on what they
//! tell apart and if they are complete. Otherwise everything is read, as far as `MaxScan` allows.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{OperationError, Session};
use crate::{
    context::Context,
    query::{Filter, Meta, Query, Related, Row},
    reservation::tally::Counted,
    store::{
        Cell, Spread, Store, Walk, Wanted,
        plan::{Plan, Source, plan},
    },
};

/// Maximum number of index entries that a count reads before it takes the tallies.
const EXACT: usize = 1_000;

/// Entries that are counted for the price of a row that is read.
const COUNTED_PER_ROW: usize = 10;

/// What a query of counts needs.
pub(super) enum Data {
    /// Nothing more: the number of matches, and the `data` of the answer.
    Counted(usize, Value),
    /// Its rows, or what index entries tell of them; `is_small` says that there are at most [`EXACT`] entries.
    OfRows { is_small: bool },
}

/// Counts for one query.
pub(super) struct Tallied<'a> {
    context: &'a Context,
    store: Store<'a>,
    session: Session<'a>,
}

impl<'a> Tallied<'a> {
    /// Counts for a query of this session.
    pub(super) fn new(context: &'a Context, session: Session<'a>) -> Self {
        Self { context, store: context.store(), session }
    }

    /// The number of matches and the `data` of a query of counts, if that is possible without its rows.
    pub(super) async fn data(&self, query: &Query, plan: &Plan) -> Result<Data, OperationError> {
        let of_rows = Data::OfRows { is_small: false };
        let Source::Entries { walk, .. } = &plan.source else { return Ok(of_rows) };
        let counts_entries = plan.exact && query.count_data(0).is_some();
        if let Some(members) = query.members_of_counts() {
            if let Some(rows) = self.few(walk).await? {
                let exact = plan.exact.then(|| query.count_data(rows)).flatten();
                return Ok(exact.map_or(Data::OfRows { is_small: true }, |data| Data::Counted(rows, data)));
            }
            if let Some(cells) = self.cells(query, &members).await? {
                let (rows, data) = query.tallied_data(&cells, &Related::within(self.session.budget))?;
                return Ok(Data::Counted(rows, data));
            }
        }
        if !counts_entries {
            return Ok(of_rows);
        }
        let rows = self.entries(walk).await?;
        Ok(query.count_data(rows).map_or(of_rows, |data| Data::Counted(rows, data)))
    }

    /// `filter_count` of a list, without reading the rows after its window. `None` if they have to be read.
    pub(super) async fn filter_count(&self, query: &Query) -> Result<Option<usize>, OperationError> {
        if !query.meta.contains(&Meta::FilterCount) || !query.shows_rows() {
            return Ok(None);
        }
        self.matches(query).await
    }

    /// `total_count`: the number of rows that exist for the caller. `filtered` is the number of those that match, if it
    /// is known.
    pub(super) async fn total_count(&self, query: &Query, filtered: Option<usize>) -> Result<usize, OperationError> {
        if !query.meta.contains(&Meta::TotalCount) {
            return Ok(0);
        }
        if let (Some(filtered), None, None) = (filtered, &query.filter, &query.search) {
            return Ok(filtered);
        }
        let all = query.of_all_rows();
        if let Some(rows) = self.matches(&all).await? {
            return Ok(rows.max(filtered.unwrap_or(0)));
        }
        match self.plan(&all).source {
            Source::Entries { walk, .. } => self.entries(&walk).await,
            Source::Nothing => Ok(0),
            Source::Keys(ids) => Ok(ids.len()),
        }
    }

    /// The number of rows that match rights, filter and search. `None` if their rows have to be read.
    async fn matches(&self, query: &Query) -> Result<Option<usize>, OperationError> {
        let Some(members) = query.members_of_matches() else { return Ok(None) };
        let plan = self.plan(query);
        let walk = match &plan.source {
            Source::Nothing => return Ok(Some(0)),
            Source::Keys(_) => return Ok(None),
            Source::Entries { walk, .. } => walk,
        };
        if let Some(rows) = self.few(walk).await? {
            return Ok(plan.exact.then_some(rows));
        }
        match self.cells(query, &members).await? {
            Some(cells) => Ok(Some(query.tallied_count(&cells, &Related::within(self.session.budget))?)),
            None if plan.exact => Ok(Some(self.entries(walk).await?)),
            None => Ok(None),
        }
    }

    /// The plan of a query whose order does not matter. It looks up no code.
    fn plan(&self, query: &Query) -> Plan {
        plan(&query.in_any_order(), self.store.shape(), |_| Vec::new())
    }

    /// The number of entries; `None` if there are more than [`EXACT`]. To count entries costs a tenth of reading rows, and the request
    /// pays that: also with the lowest `MaxScan` there is enough left for the tallies, and for a page of rows.
    async fn few(&self, walk: &Walk) -> Result<Option<usize>, OperationError> {
        let most = EXACT.min(self.store.config().max_scan);
        let read = self.store.count_walk(walk, most).await?;
        self.session.reads(self.context, read.div_ceil(COUNTED_PER_ROW))?;
        Ok((read <= most).then_some(read))
    }

    /// Counts the entries, as far as the request can pay for them.
    async fn entries(&self, walk: &Walk) -> Result<usize, OperationError> {
        let max_scan = self.store.config().max_scan;
        let most = self.session.budget.rows_left().min(max_scan);
        let rows = self.store.count_walk(walk, most).await?;
        if rows > most {
            return Err(OperationError::TooManyItems(max_scan));
        }
        self.session.reads(self.context, rows)?;
        Ok(rows)
    }

    /// Rows that stand for all reservations with the same values of some members. `None` if the tallies cannot tell.
    async fn cells(
        &self,
        query: &Query,
        members: &BTreeSet<&'static str>,
    ) -> Result<Option<Vec<(Row, usize)>>, OperationError> {
        let wanted = wanted(query, members);
        let most = self.store.config().max_scan;
        let Some((cells, read)) = self.store.tallied(&wanted, most).await? else { return Ok(None) };
        self.session.reads(self.context, read)?;
        tracing::debug!(cells = cells.len(), read, "counts come from {read} tallies");
        // What is counted together as "another text" is not told apart.
        let is_unknown = |(counted, _): &Cell| {
            (counted.kind.status.is_none() && members.contains("status"))
                || (counted.kind.code_type == Some(None) && members.contains("code_type"))
        };
        if cells.iter().any(is_unknown) {
            return Ok(None);
        }
        Ok(Some(cells.into_iter().map(|(counted, rows)| (row(&counted), rows)).collect()))
    }
}

/// The row of a cell. Its id only says that it has one.
fn row(counted: &Counted) -> Row {
    Row::from([
        ("id", json!("")),
        ("reserved_for", json!(counted.organisation)),
        ("product", json!(counted.product)),
        ("code_type", json!(counted.kind.code_type.flatten().map(|code_type| code_type.as_str()))),
        ("status", json!(counted.kind.status)),
    ])
}

/// Which tallies a query needs, if its answer depends on these members.
fn wanted(query: &Query, members: &BTreeSet<&'static str>) -> Wanted {
    let conditions = query.conditions();
    let equalities = conditions.as_ref().map(Filter::required_equalities).unwrap_or_default();
    let spread = |member: &str| {
        if !members.contains(member) {
            return Spread::Together;
        }
        match equalities.iter().find(|(name, _)| *name == member) {
            Some((_, values)) => {
                let values: BTreeSet<String> = values.iter().map(|value| (*value).to_owned()).collect();
                Spread::Only(values.into_iter().collect())
            }
            None => Spread::All,
        }
    };
    Wanted { organisations: spread("reserved_for"), products: spread("product") }
}
