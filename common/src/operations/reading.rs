//! [`Reading`]: from the plan of a query to the reservations that it matches, in its order and window.
//!
//! Rows are read in chunks. The first of them are read whole, because most lists end there. Of all others only the
//! members are read that the query evaluates; the rows of the page are then read whole. Nothing is kept of rows that
//! are passed over.

use std::collections::{HashMap, VecDeque};

use futures::StreamExt;
use serde_json::Value;

use uuid::Uuid;

use super::{
    OperationError, Session,
    candidates::{Candidates, Cost},
    in_memory::turn,
    relate::Loader,
    rows,
};
use crate::{
    context::Context,
    query::{self, Collection, Groups, Leading, Limit, Members, Meta, Query, Related, Row, Window},
    reservation::Reservation,
    store::{
        COLUMNS_AT_ONCE, Entries, EntryFilter, Store, StoreError,
        plan::{Fewer, Plan, Source, plan},
    },
};

/// Rows in the first read of a list. Each further read is twice as large, up to [`MAX_CHUNK`]: most lists are short.
const CHUNK: usize = 100;

/// Maximum number of whole rows in one read (five concurrent batch reads).
const MAX_CHUNK: usize = 500;

/// Rows that a walk in the order of the query may still lead through before other entries are looked at.
const NEARLY_THERE: usize = 4_000;

/// When other index entries are looked at, because the index in the order of the query leads through rows that do not
/// match: after so many rows, if they are at most so many. At last, all that one query may read.
const FEWER: [(usize, usize); 2] = [(1, 4_000), (1_000, usize::MAX)];

/// Rows that are read whole where all are read before one is shown.
const HELD: usize = 200;

/// Reservations, each with its row.
type Rows = Vec<(Reservation, Row)>;

/// What is kept of each match until all are known.
pub(super) enum Kept {
    /// The matches of the query's window, in its order.
    Window(Vec<Reservation>),
    /// The ids of the window, in the order of the query, and those rows of the first [`HELD`] that match. Other rows of
    /// the window are read again.
    Ids(Vec<Uuid>, HashMap<Uuid, Reservation>),
    /// Groups and aggregates.
    Data(Value),
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
    /// The members that are evaluated; `None` where whole rows are needed.
    evaluated: Option<Members>,
    loader: Loader<'a>,
    cost: Cost,
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
        // The number of codes is in the range of a row, which is no member.
        let evaluated = (!needs.count_to_evaluate).then(|| query.evaluated_members());
        Ok(Self { context, store: context.store(), session, query, needs, evaluated, loader, cost: Cost::default() })
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
            Source::Nothing => Read { kept: self.nothing()?, filtered: Some(0) },
            Source::Keys(ids) => {
                let mut candidates = Candidates::ids(ids.iter().copied().collect());
                self.everything(window, &mut candidates).await?
            }
            Source::Entries { walk, in_order, fewer } => {
                let mut candidates = Candidates::entries(Entries::new(walk, &plan.entries));
                let read = match in_order {
                    true => self.page(plan, window, &mut candidates, fewer.as_ref(), counted).await?,
                    false => self.everything(window, &mut candidates).await?,
                };
                self.cost += candidates.cost();
                read
            }
        };
        Ok(read)
    }

    fn nothing(&self) -> Result<Kept, OperationError> {
        Ok(match self.query.shows_rows() {
            true => Kept::Window(Vec::new()),
            false => Kept::Data(Groups::new(self.query).into_data(self.session.budget)?),
        })
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
            let is_whole = exact || read == 0 || self.evaluated.is_none();
            let chunk = if exact { left.min(most) } else { most };
            most = (most * 2).min(if is_whole { MAX_CHUNK } else { COLUMNS_AT_ONCE });
            let ids = candidates.next(self.store, chunk).await?;
            if ids.is_empty() {
                break;
            }
            if is_whole {
                for (item, _) in self.matches_of(&ids).await? {
                    filtered += 1;
                    if skip > 0 {
                        skip -= 1;
                    } else if items.len() < take {
                        items.push(item);
                    }
                }
            } else {
                // After a while, the next entries are read while rows are evaluated.
                let ahead = if chunk == COLUMNS_AT_ONCE { chunk } else { 0 };
                let matches = self.evaluated(&ids, candidates, ahead).await?;
                filtered += matches.len();
                let shown: Vec<Uuid> = matches.iter().skip(skip).take(left).filter_map(id).collect();
                skip = skip.saturating_sub(matches.len());
                self.check_members(items.len() + shown.len())?;
                for ids in shown.chunks(MAX_CHUNK) {
                    items.extend(self.again(ids).await?.into_iter().map(|(item, _)| item));
                }
            }
            // An answer that will be refused is not read to its end.
            self.check_members(items.len())?;
            read += ids.len();
            if items.len() < take
                && let (Some(entries), [(after, few), later @ ..]) = (fewer, tries)
                && read >= *after
                && (*few < usize::MAX || !is_nearly_there(filtered, read, window))
            {
                tries = later;
                let Some(ids) = self.few(entries, plan, *few).await? else { continue };
                self.cost += candidates.cost();
                *candidates = Candidates::ids(ids);
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
    /// They are paid for as values that are sorted, also if they are too many, not as rows that are read: an entry
    /// takes a tenth of the time of a row.
    async fn few(&mut self, fewer: &Fewer, plan: &Plan, most: usize) -> Result<Option<VecDeque<Uuid>>, OperationError> {
        let filter = if fewer.exact { &EntryFilter::default() } else { &plan.entries };
        let mut entries = Entries::new(&fewer.walk, filter);
        let read = entries.next(self.store, most.saturating_add(1)).await;
        self.cost += Cost::of(&entries);
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
            let ids = candidates.next(self.store, COLUMNS_AT_ONCE).await?;
            if ids.is_empty() {
                return Ok(count);
            }
            count += match exact {
                true => ids.len(),
                false => self.evaluated(&ids, candidates, COLUMNS_AT_ONCE).await?.len(),
            };
        }
    }

    /// Reads every match, for other sort orders, groups and aggregates. Keeps only the first rows in the order of the
    /// query, as many as the window reaches, or groups and aggregates.
    async fn everything(&mut self, window: Window, candidates: &mut Candidates) -> Result<Read, OperationError> {
        let mut groups = Groups::new(self.query);
        let mut leading = Leading::new(self.query, window);
        let (mut held, mut filtered) = (HashMap::new(), 0);
        let mut is_first = true;
        loop {
            let ids = candidates.next(self.store, if is_first { HELD } else { COLUMNS_AT_ONCE }).await?;
            if ids.is_empty() {
                break;
            }
            let matches: Vec<Row> = if is_first {
                let (items, rows): (Vec<_>, Vec<_>) = self.matches_of(&ids).await?.into_iter().unzip();
                if self.query.shows_rows() {
                    held.extend(items.into_iter().map(|item| (item.id, item)));
                }
                rows
            } else {
                self.evaluated(&ids, candidates, COLUMNS_AT_ONCE).await?
            };
            is_first = false;
            filtered += matches.len();
            for row in matches {
                if !self.query.shows_rows() {
                    groups.take(&row, &self.loader.related);
                } else if let Some(id) = id(&row) {
                    leading.offer(&row, &self.loader.related, id);
                }
            }
            self.session.budget.check()?;
        }
        let kept = match self.query.shows_rows() {
            true => Kept::Ids(leading.into_window(), held),
            false => Kept::Data(groups.into_data(self.session.budget)?),
        };
        Ok(Read { kept, filtered: Some(filtered) })
    }

    /// The reservations of a window in the order of the query.
    pub(super) async fn window(&mut self, kept: Kept) -> Result<Vec<Reservation>, OperationError> {
        let (ids, mut held) = match kept {
            Kept::Window(items) => return Ok(items),
            Kept::Data(_) => return Ok(Vec::new()),
            Kept::Ids(ids, held) => (ids, held),
        };
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

    /// The rows of reservations that match, in the order of `ids`, with nothing but the members that are evaluated.
    /// Rows are evaluated while others are still read; meanwhile also `ahead` of the next candidates are read.
    async fn evaluated(
        &mut self,
        ids: &[Uuid],
        candidates: &mut Candidates,
        ahead: usize,
    ) -> Result<Vec<Row>, OperationError> {
        let Some(members) = self.evaluated.clone() else {
            let mut matches = Vec::new();
            for ids in ids.chunks(MAX_CHUNK) {
                matches.extend(self.matches_of(ids).await?.into_iter().map(|(_, row)| row));
            }
            return Ok(matches);
        };
        self.session.reads(self.context, ids.len())?;
        self.cost.add_rows(ids.len());
        // Rows that matter no more, before others are read.
        self.loader.forget();
        let store = self.store;
        let work = async {
            let mut matches = Vec::new();
            for ids in ids.chunks(COLUMNS_AT_ONCE) {
                let mut reads = store.columns(ids, members.names());
                while let Some(rows) = reads.next().await.transpose()? {
                    matches.extend(self.matches_among(rows).await?);
                }
            }
            Ok::<_, OperationError>(matches)
        };
        let (_, matches) = tokio::join!(candidates.read_ahead(store, ahead), work);
        matches
    }

    /// The rows that exist for the caller and match.
    async fn matches_among(&mut self, mut rows: Vec<Row>) -> Result<Vec<Row>, OperationError> {
        if self.session.caller.organisations().is_some() {
            rows.retain(|row| self.session.caller.sees(row["reserved_for"].as_str()));
        }
        self.loader.to_evaluate(self.needs, Collection::CodeReservation, &rows).await?;
        let mut matches = Vec::new();
        for row in rows {
            if self.query.matches(&row, &self.loader.related) {
                matches.push(row);
            }
            turn(self.session).await;
        }
        self.session.budget.check()?;
        Ok(matches)
    }

    /// Like [`Reading::matches_of`], for reservations that were counted already. They are read consistently; the index
    /// that named them may be stale.
    async fn again(&mut self, ids: &[Uuid]) -> Result<Rows, OperationError> {
        // Rows that matter no more, before others are read.
        self.loader.forget();
        self.cost.add_rows(ids.len());
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

    /// What was read so far.
    pub(super) fn cost(&self) -> Cost {
        self.cost
    }
}

/// Whether a walk will soon have filled the window, if it goes on as it began.
fn is_nearly_there(matches: usize, read: usize, window: Window) -> bool {
    let wanted = window.take().map(|take| window.skip().saturating_add(take));
    matches > 0 && wanted.is_some_and(|wanted| wanted.saturating_mul(read) / matches <= read + NEARLY_THERE)
}

/// The id of a row.
fn id(row: &Row) -> Option<Uuid> {
    row["id"].as_str().and_then(|id| Uuid::try_parse(id).ok())
}
