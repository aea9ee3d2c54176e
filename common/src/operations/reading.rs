//! [`Reading`]: from the plan of a query to the reservations that it matches, in its order and window. Rows are read in
//! chunks, and only what the rest of the query needs of them is kept.

use std::collections::{HashMap, VecDeque};

use uuid::Uuid;

use super::{OperationError, Session, in_memory::turn, relate::Loader, rows};
use crate::{
    context::Context,
    query::{self, Collection, Limit, Meta, Query, Rank, Related, Row, Window},
    reservation::Reservation,
    store::{
        Entries, EntryFilter, Store, StoreError,
        plan::{Fewer, Plan, Source, plan},
    },
};

/// Rows in the first read of a list. Each further read is twice as large, up to [`MAX_CHUNK`]: most lists are short.
const CHUNK: usize = 100;

/// Maximum number of rows in one read (five concurrent batch reads).
const MAX_CHUNK: usize = 500;

/// When other index entries are looked at, because the index in the order of the query leads through rows that do not
/// match: after so many rows, if they are at most so many. At last, all that one query may read.
const FEWER: [(usize, usize); 2] = [(1, 4_000), (1_000, usize::MAX)];

/// Maximum number of matches that are held until their order is known.
const HELD: usize = 200;

/// Reservations, each with its row.
type Rows = Vec<(Reservation, Row)>;

/// What is kept of each match until all are known.
pub(super) enum Kept {
    /// The matches of the query's window, in its order.
    Window(Vec<Reservation>),
    /// The order of each match, and the first [`HELD`] of them. Other rows of the window are read again.
    Order(Vec<(Rank, Uuid)>, HashMap<Uuid, Reservation>),
    /// The members that groups and aggregates need.
    Reduced(Vec<Row>),
}

/// The result of reading a list.
pub(super) struct Read {
    pub(super) kept: Kept,
    /// The number of matches, if the query asks for it.
    pub(super) filtered: Option<usize>,
}

/// Reads the rows of one query.
pub(super) struct Reading<'a> {
    context: &'a Context,
    store: Store<'a>,
    session: Session<'a>,
    query: &'a Query,
    needs: &'a query::Needs,
    loader: Loader<'a>,
}

impl<'a> Reading<'a> {
    /// A reading of a query whose codes are looked up.
    pub(super) async fn open(
        context: &'a Context,
        session: Session<'a>,
        query: &'a Query,
        needs: &'a query::Needs,
    ) -> Result<Self, OperationError> {
        let mut loader = Loader::new(context, session);
        loader.resolve_codes(query).await?;
        Ok(Self { context, store: context.store(), session, query, needs, loader })
    }

    /// The plan of the query.
    pub(super) fn plan(&self) -> Plan {
        plan(self.query, self.store.shape(), |codes| self.loader.reservations_with(codes))
    }

    /// Reads the matches of the query. The plan limits how many items are read. `counted` is the number of matches, if
    /// it is known already.
    pub(super) async fn read(
        &mut self,
        plan: &Plan,
        window: Window,
        counted: Option<usize>,
    ) -> Result<Read, OperationError> {
        let read = match &plan.source {
            Source::Nothing => Read { kept: self.nothing(), filtered: Some(0) },
            Source::Keys(ids) => self.everything(&mut Candidates::Ids(ids.iter().copied().collect())).await?,
            Source::Entries { walk, in_order, fewer } => {
                let mut candidates = Candidates::Entries(Entries::new(walk, &plan.entries));
                let read = match in_order {
                    true => self.page(plan, window, &mut candidates, fewer.as_ref(), counted).await?,
                    false => self.everything(&mut candidates).await?,
                };
                tracing::debug!(scanned = candidates.scanned(), "plan: {plan}");
                read
            }
        };
        Ok(read)
    }

    fn nothing(&self) -> Kept {
        if self.query.shows_rows() { Kept::Window(Vec::new()) } else { Kept::Reduced(Vec::new()) }
    }

    /// Reads one window of candidates that are in the order of the query. If every candidate matches, they are skipped
    /// without reading their rows.
    ///
    /// If the first rows do not fill the window, the entries of `fewer` are looked at: a filter that few rows match would
    /// lead through most of the table.
    async fn page(
        &mut self,
        plan: &Plan,
        window: Window,
        candidates: &mut Candidates,
        fewer: Option<&Fewer>,
        counted: Option<usize>,
    ) -> Result<Read, OperationError> {
        let (mut skip, take) = (window.skip(), window.take().unwrap_or(usize::MAX));
        let mut tries = if fewer.is_some() { &FEWER[..] } else { &[] };
        let (mut exact, mut filtered, mut read) = (plan.exact, 0, 0);
        let mut items = Vec::new();
        let mut most = CHUNK;
        loop {
            if exact {
                filtered += self.skip(candidates, &mut skip).await?;
            }
            if items.len() >= take {
                break;
            }
            let left = take - items.len();
            let chunk = if exact { left.min(most) } else { most };
            most = (most * 2).min(MAX_CHUNK);
            let ids = candidates.next(self.store, chunk).await?;
            if ids.is_empty() {
                break;
            }
            for (item, _) in self.matches_of(&ids).await? {
                filtered += 1;
                if skip > 0 {
                    skip -= 1;
                } else if items.len() < take {
                    items.push(item);
                }
            }
            // An answer that will be refused is not read to its end.
            self.check_members(items.len())?;
            read += ids.len();
            if items.len() < take
                && let (Some(entries), [(after, few), later @ ..]) = (fewer, tries)
                && read >= *after
            {
                tries = later;
                let Some(ids) = self.few(entries, plan, *few).await? else { continue };
                *candidates = Candidates::Ids(ids);
                (exact, skip, filtered, most) = (entries.exact, window.skip(), 0, CHUNK);
                items.clear();
                tries = &[];
            }
        }
        if let Some(counted) = counted {
            // Tallies may not have the newest rows.
            filtered = counted.max(filtered);
        } else if self.query.meta.contains(&Meta::FilterCount) {
            filtered += self.count_rest(exact, candidates).await?;
        }
        Ok(Read { kept: Kept::Window(items), filtered: Some(filtered) })
    }

    /// Skips candidates that all match, without reading their rows, and gives their number. A row that was deleted since
    /// its index entry was written still counts.
    async fn skip(&self, candidates: &mut Candidates, skip: &mut usize) -> Result<usize, OperationError> {
        let mut all = 0;
        while *skip > 0 {
            let skipped = candidates.next(self.store, (*skip).min(1_000)).await?.len();
            if skipped == 0 {
                break;
            }
            self.session.reads(self.context, skipped)?;
            *skip -= skipped;
            all += skipped;
        }
        Ok(all)
    }

    /// The ids of entries in the order of the query, if there are at most `most`, and not more than one query may read.
    ///
    /// They are paid for as values that are sorted, also if they are too many, not as rows that are read: an entry takes a
    /// tenth of the time of a row.
    async fn few(&self, fewer: &Fewer, plan: &Plan, most: usize) -> Result<Option<VecDeque<Uuid>>, OperationError> {
        let filter = if fewer.exact { &EntryFilter::default() } else { &plan.entries };
        let mut entries = Entries::new(&fewer.walk, filter);
        let read = entries.next(self.store, most.saturating_add(1)).await;
        self.session.budget.spend(Limit::SortValues, entries.scanned())?;
        let mut ids = match read {
            Ok(ids) => ids,
            Err(StoreError::TooMany(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        ids.sort_unstable();
        if self.query.is_default_sort() == Some(true) {
            ids.reverse();
        }
        Ok((ids.len() <= most).then(|| ids.into()))
    }

    /// Counts the matches after the window.
    async fn count_rest(&mut self, exact: bool, candidates: &mut Candidates) -> Result<usize, OperationError> {
        let mut count = 0;
        loop {
            let ids = candidates.next(self.store, MAX_CHUNK).await?;
            if ids.is_empty() {
                return Ok(count);
            }
            count += if exact { ids.len() } else { self.matches_of(&ids).await?.len() };
        }
    }

    /// Reads every match, for other sort orders, groups and aggregates. Keeps only what orders them, or the members that
    /// groups and aggregates need.
    async fn everything(&mut self, candidates: &mut Candidates) -> Result<Read, OperationError> {
        let grouped = self.query.grouped_members();
        let (mut order, mut held, mut reduced) = (Vec::new(), HashMap::new(), Vec::new());
        loop {
            let ids = candidates.next(self.store, MAX_CHUNK).await?;
            if ids.is_empty() {
                break;
            }
            for (item, row) in self.matches_of(&ids).await? {
                if self.query.shows_rows() {
                    order.extend(self.query.rank(&row, &self.loader.related).map(|rank| (rank, item.id)));
                    if held.len() < HELD {
                        held.insert(item.id, item);
                    }
                } else {
                    reduced.extend(grouped.held(row, self.session.budget));
                }
            }
            self.session.budget.check()?;
        }
        let filtered = Some(order.len() + reduced.len());
        let kept = if self.query.shows_rows() { Kept::Order(order, held) } else { Kept::Reduced(reduced) };
        Ok(Read { kept, filtered })
    }

    /// The reservations of a window in the order of the query.
    pub(super) async fn window(&mut self, kept: Kept, window: Window) -> Result<Vec<Reservation>, OperationError> {
        let (mut order, mut held) = match kept {
            Kept::Window(items) => return Ok(items),
            Kept::Reduced(_) => return Ok(Vec::new()),
            Kept::Order(order, held) => (order, held),
        };
        order.sort_by(|a, b| self.query.compare_ranks(&a.0, &b.0));
        let ids = window.cut(order.into_iter().map(|(_, id)| id));
        self.check_members(ids.len())?;
        let mut items = Vec::with_capacity(ids.len());
        for ids in ids.chunks(MAX_CHUNK) {
            let dropped: Vec<Uuid> = ids.iter().filter(|id| !held.contains_key(id)).copied().collect();
            if !dropped.is_empty() {
                // One that changed or was deleted meanwhile may not match any more.
                held.extend(self.again(&dropped).await?.into_iter().map(|(item, _)| (item.id, item)));
            }
            items.extend(ids.iter().filter_map(|id| held.remove(id)));
        }
        Ok(items)
    }

    /// Checks that so many rows can be shown at all, before more of them are read.
    fn check_members(&self, rows: usize) -> Result<(), OperationError> {
        if rows.saturating_mul(self.query.members_of_a_row()) > Limit::Members.most() {
            return Err(Limit::Members.error().into());
        }
        Ok(())
    }

    /// Reads reservations and keeps those that match.
    async fn matches_of(&mut self, ids: &[Uuid]) -> Result<Rows, OperationError> {
        self.session.reads(self.context, ids.len())?;
        self.again(ids).await
    }

    /// Like [`Reading::matches_of`], for reservations that were counted already. They are read consistently; the index
    /// that named them may be stale.
    async fn again(&mut self, ids: &[Uuid]) -> Result<Rows, OperationError> {
        // Rows that matter no more, before others are read.
        self.loader.forget(self.query)?;
        let mut items = self.loader.reservations(ids).await?;
        // Items that do not exist for the caller (RSV-6) are dropped first, so that nothing is read for them.
        items.retain(|item| self.session.caller.sees(item.reserved_for.as_deref()));
        let rows: Vec<Row> = items.iter().map(rows::reservation).collect();
        self.loader.to_evaluate(self.needs, Collection::CodeReservation, &rows).await?;
        if self.needs.count_to_evaluate {
            self.loader.counts(&items);
        }
        let mut matches = Vec::new();
        for (item, row) in items.into_iter().zip(rows) {
            if self.query.matches(&row, &self.loader.related) {
                matches.push((item, row));
            }
            turn(self.session).await;
        }
        self.session.budget.check()?;
        Ok(matches)
    }

    /// The rows of reservations with what they show.
    pub(super) async fn show(mut self, items: Vec<Reservation>) -> Result<(Vec<Row>, Related), OperationError> {
        self.loader.codes(self.needs, &items).await?;
        let shown = self.query.shown_members();
        let rows: Vec<Row> = items.iter().map(|item| shown.of(rows::reservation(item))).collect();
        drop(items);
        self.loader.to_render(self.needs, Collection::CodeReservation, &rows).await?;
        Ok((rows, self.loader.related))
    }

    /// The related rows that evaluation needed.
    pub(super) fn related(&self) -> &Related {
        &self.loader.related
    }
}

/// Where the ids of candidates come from.
enum Candidates {
    Ids(VecDeque<Uuid>),
    Entries(Entries),
}

impl Candidates {
    /// The next ids, `count` at most; none at the end.
    async fn next(&mut self, store: Store<'_>, count: usize) -> Result<Vec<Uuid>, OperationError> {
        match self {
            Self::Entries(entries) => Ok(entries.next(store, count).await?),
            Self::Ids(ids) => Ok(ids.drain(..ids.len().min(count)).collect()),
        }
    }

    /// The number of index entries that were examined.
    fn scanned(&self) -> usize {
        match self {
            Self::Entries(entries) => entries.scanned(),
            Self::Ids(_) => 0,
        }
    }
}
