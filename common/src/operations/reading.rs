//! [`Reading`]: from the plan of a query to the reservations that it matches, in its order and window.
//!
//! Rows are read in chunks. If the index entries tell every member that the query evaluates, no row is read but those of
//! the page. Otherwise the first ones are read as they are shown, because most lists end there. Of all others only the
//! members are read that the query evaluates; the rows of the page are then read as they are shown. That is whole if codes
//! are shown, and otherwise the members that are shown and evaluated. Nothing is kept of rows that are passed over.

use std::{
    collections::{HashMap, VecDeque},
    ops::RangeInclusive,
};

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
    concurrency::AT_ONCE,
    context::Context,
    query::{self, Collection, Groups, Leading, Limit, Members, Meta, Query, Related, Row, Window},
    reservation::{Reservation, Status},
    store::{
        COLUMNS_IN_A_READ, COLUMNS_IN_A_STEP, Entries, Entry, EntryFilter, Store, StoreError,
        plan::{Fewer, Plan, Source, plan},
    },
};

/// Rows in the first read of a list: as many as its window reaches, within these bounds. Each further read is up to
/// [`GROWTH`] times as large, and not larger than [`MAX_CHUNK`] or [`COLUMNS_IN_A_STEP`]: most lists are short.
const CHUNK: RangeInclusive<usize> = 25..=100;

/// How much larger each read of a list is than the one before.
const GROWTH: usize = 4;

/// Maximum number of rows that may be shown in one read (five concurrent batch reads).
const MAX_CHUNK: usize = 500;

/// Rows that a step may read in any case, if so many may be read at all.
const LEAST_STEP: usize = 800;

/// Entries that are passed over in one step.
const SKIPPED: usize = 10_000;

/// Other entries than those of the index in the order of the query, if that leads through rows that do not match.
#[derive(Clone, Copy)]
enum Other {
    /// Those of an index with another order, if they are at most so many. They are sorted.
    Few(usize),
    /// What is listed by status in the order of ids.
    Listed,
}

impl Other {
    /// Whether these entries are not worth looking at, because the walk will have filled the window after `rows` rows, if it
    /// goes on as it began. `read` of them were read.
    fn is_spare(self, rows: usize, read: usize) -> bool {
        match self {
            // All that one query may read.
            Self::Few(usize::MAX) => rows <= read.saturating_add(FEW),
            // The matches may all lie at the beginning, so not much more is read to see whether they go on.
            Self::Few(FEW..) => rows <= *CHUNK.end(),
            Self::Few(_) | Self::Listed => rows <= LEAST_STEP,
        }
    }
}

/// Entries that are read and sorted rather than so many rows, and rows that a walk may still lead through before all entries
/// that one query may read are.
const FEW: usize = 4_000;

/// Which other entries are looked at, and after how many rows.
const FEWER: [(usize, Other); 2] = [(1, Other::Few(FEW)), (1_000, Other::Few(usize::MAX))];

/// The same where rows are listed by status. The listings may be behind, so a small number of rows is read exactly.
const FEWER_OR_LISTED: [(usize, Other); 4] =
    [(1, Other::Few(100)), (1, Other::Listed), (1, Other::Few(FEW)), (1_000, Other::Few(usize::MAX))];

/// The same where complete rows do not match. Most rows are, so what matches is not looked for among all rows first.
const LISTED_FIRST: [(usize, Other); 4] =
    [(0, Other::Few(100)), (0, Other::Listed), (1, Other::Few(FEW)), (1_000, Other::Few(usize::MAX))];

/// Rows that are read as they are shown where all are read before one is.
const HELD: usize = 200;

/// Matches that are kept behind the window, in the place of those that are gone when the rows of the window are read.
const SPARE: usize = 25;

/// Reservations, and the row of each.
type Rows = (Vec<Reservation>, Vec<Row>);

/// What is kept of each match until all are known.
pub(super) enum Kept {
    /// The matches of the query's window, in its order.
    Window(Vec<Reservation>),
    /// The ids of the window and of [`SPARE`] more, in the order of the query, and those rows of the first [`HELD`] that
    /// match. Other rows of the window are read again.
    Ids {
        ids: Vec<Uuid>,
        held: HashMap<Uuid, Reservation>,
        /// The number of rows to show.
        take: usize,
    },
    /// Groups and aggregates.
    Data(Value),
}

/// The result of reading a list.
pub(super) struct Read {
    pub(super) kept: Kept,
    /// The number of matches, if the query asks for it.
    pub(super) filtered: Option<usize>,
}

/// What became of some candidates.
struct Evaluated {
    /// The rows that match.
    matches: Vec<Row>,
    /// The number of candidates that were looked at.
    rows: usize,
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
    /// The members that are read of the rows that may be shown; empty for whole rows.
    read: Vec<&'static str>,
    /// Whether the rows are only shown.
    only_shows: bool,
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
        let (store, read, cost) = (context.store(), Vec::new(), Cost::default());
        Ok(Self { context, store, session, query, needs, evaluated, read, only_shows: false, loader, cost })
    }

    /// Reads no more of each row than what is evaluated and shown, for rows that are only shown. Codes are computed from
    /// attributes that are no members, so rows with codes are read whole.
    pub(super) fn of_shown_members(mut self) -> Self {
        self.only_shows = true;
        if let Some(evaluated) = &self.evaluated
            && self.needs.codes.is_none()
            && !self.needs.count_to_render
        {
            let (shown, evaluated) = (self.query.shown_members(), evaluated.names());
            let other = shown.names().iter().filter(|name| !evaluated.contains(name));
            self.read = evaluated.iter().chain(other).copied().collect();
        }
        self
    }

    /// The plan of the query.
    pub(super) fn plan(&self) -> Plan {
        plan(self.query, self.store.shape(), |codes| self.loader.reservations_with(codes))
    }

    /// Reads the matches of the query. The plan limits how many items are read. `counted` is the number of matches, if
    /// it is known already. `is_small` says that there are few entries, for a query that shows no rows.
    pub(super) async fn read(
        &mut self,
        plan: &Plan,
        window: Window,
        counted: Option<usize>,
        is_small: bool,
    ) -> Result<Read, OperationError> {
        let read = match &plan.source {
            Source::Nothing => Read { kept: self.nothing()?, filtered: Some(0) },
            Source::Keys(ids) => {
                let mut candidates = Candidates::ids(ids.iter().copied());
                self.everything(window, &mut candidates).await?
            }
            Source::Entries { walk, in_order, fewer } => {
                let by_status = walk.by_every_status(self.store.shape().stage);
                let walk = by_status.as_ref().filter(|_| is_small && self.needs_status()).unwrap_or(walk);
                let entries = Entries::new(walk, &plan.entries);
                // Nothing is evaluated where every entry matches and they are in the order of the query.
                let entries = if plan.exact && *in_order { entries } else { self.telling(entries) };
                let mut candidates = Candidates::entries(entries);
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

    /// Entries that tell what is evaluated, if they can.
    fn telling(&self, entries: Entries) -> Entries {
        match &self.evaluated {
            Some(members) => entries.telling(members.names()),
            None => entries,
        }
    }

    fn needs_status(&self) -> bool {
        self.evaluated.as_ref().is_some_and(|members| members.names().contains(&"status"))
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
        let (mut exact, mut filtered, mut read) = (plan.exact, 0, 0);
        let mut items = Vec::new();
        // Matches of the window that are read as they are shown when there are enough of them, so that it takes one read.
        let mut pending = VecDeque::new();
        // A number of matches that is asked for needs all rows.
        let counts = counted.is_none() && self.query.meta.contains(&Meta::FilterCount);
        let may_end = self.only_shows && !counts && window.take().is_some();
        let mut tries = match fewer {
            None => &[],
            Some(fewer) => match fewer.listed().filter(|_| may_end) {
                Some(statuses) if !statuses.contains(&Status::Complete) && plan.entries.is_empty() => &LISTED_FIRST,
                Some(_) if fewer.exact => &FEWER_OR_LISTED,
                // It is not the status that excludes most rows, or entries tell what else does.
                _ => &FEWER[..],
            },
        };
        // How many more rows fill the window, if they go on matching as they did.
        let mut needed = None;
        // Where entries are filtered, most of those that are given match, and more than needed may be far away.
        let least = if plan.entries.is_empty() { *CHUNK.start() } else { 1 };
        let first = window.skip().saturating_add(take).clamp(least, *CHUNK.end());
        let mut most = first;
        loop {
            while items.len() + pending.len() < take
                && let (Some(fewer), [(after, other), later @ ..]) = (fewer, tries)
                && read >= *after
                && !rows_to(window, filtered, read).is_some_and(|rows| other.is_spare(rows, read))
            {
                tries = later;
                let Some(better) = Box::pin(self.other(*other, fewer, plan)).await? else { continue };
                self.cost += candidates.cost();
                *candidates = better;
                (exact, skip, filtered, most) = (fewer.exact, window.skip(), 0, first);
                needed = None;
                items.clear();
                pending.clear();
                tries = &[];
            }
            if exact {
                filtered += self.skip(candidates, &mut skip).await?;
            }
            if items.len() >= take {
                break;
            }
            let left = take - items.len();
            let is_shown = exact || self.evaluated.is_none() || (read == 0 && !candidates.tell());
            let chunk = if exact { left.min(most) } else { self.affordable(most, 0) };
            most = (most * GROWTH).min(if is_shown && read > 0 { MAX_CHUNK } else { COLUMNS_IN_A_STEP });
            let found = candidates.next(self.store, chunk).await?;
            if found.is_empty() {
                if self.fill(&mut items, &mut pending, take).await? {
                    break;
                }
                continue;
            }
            if is_shown {
                read += found.len();
                for item in self.matches_of(&ids_of(&found)).await?.0 {
                    filtered += 1;
                    if skip > 0 {
                        skip -= 1;
                    } else if items.len() < take {
                        items.push(item);
                    }
                }
            } else {
                let now = found.len();
                let ahead = match needed {
                    _ if chunk == COLUMNS_IN_A_STEP => chunk,
                    _ if candidates.tell() || read == 0 => 0,
                    Some(needed) => most.min(usize::saturating_sub(needed, now)),
                    None if plan.entries.is_empty() => most,
                    None => 0,
                };
                // Entries are read ahead while rows are, as far as the next step will read theirs.
                let ahead = if ahead < least { 0 } else { self.affordable(ahead, now) };
                let missing = skip.saturating_add(left.saturating_sub(pending.len()));
                let enough = if counts { usize::MAX } else { missing };
                let evaluated = self.evaluated(found, candidates, ahead, enough).await?;
                read += evaluated.rows;
                let matches = evaluated.matches;
                filtered += matches.len();
                pending.extend(matches.iter().skip(skip).filter_map(id));
                skip = skip.saturating_sub(matches.len());
                if pending.len() >= left.min(MAX_CHUNK) {
                    self.fill(&mut items, &mut pending, take).await?;
                }
            }
            // An answer that will be refused is not read to its end.
            let shown = items.len() + pending.len();
            self.check_members(shown.min(take))?;
            if !exact && filtered > 0 {
                let wanted = skip.saturating_add(take.saturating_sub(shown));
                let rows = wanted.saturating_mul(read) / filtered;
                let rows = rows.saturating_add(rows / 4);
                needed = Some(rows);
                most = most.min(rows).max(least);
            }
        }
        if let Some(counted) = counted {
            // Tallies may not have the newest rows.
            filtered = counted.max(filtered);
        } else if counts {
            filtered += self.count_rest(exact, candidates).await?;
        }
        Ok(Read { kept: Kept::Window(items), filtered: Some(filtered) })
    }

    /// Reads the rows of pending matches as they are shown, until there are `take`. A row that is gone when it is read makes
    /// room for the next one. Gives whether nothing was pending.
    async fn fill(
        &mut self,
        items: &mut Vec<Reservation>,
        pending: &mut VecDeque<Uuid>,
        take: usize,
    ) -> Result<bool, OperationError> {
        let is_done = pending.is_empty();
        while items.len() < take && !pending.is_empty() {
            let ids: Vec<Uuid> = pending.drain(..(take - items.len()).min(MAX_CHUNK).min(pending.len())).collect();
            self.check_members(items.len() + ids.len())?;
            items.extend(self.again(&ids).await?.0);
        }
        Ok(is_done)
    }

    /// As many rows of a step as the request should read: not most of those that it may still read, so that a page that
    /// is found in time is shown, and what comes after it can be read too. `now` rows are about to be read.
    fn affordable(&self, most: usize, now: usize) -> usize {
        let left = self.session.budget.rows_left().saturating_sub(now);
        most.min((left / 4).max(LEAST_STEP)).min(left.max(1))
    }

    /// Ends a list that was begun for a user whose the token is not any more. Nothing of it would be shown, so nothing more
    /// is read.
    ///
    /// # Errors
    /// `INVALID_CREDENTIALS` if so, which stands for the answer until the request begins again; `SERVICE_UNAVAILABLE` when
    /// DynamoDB does not answer.
    async fn check_reader(&self) -> Result<(), OperationError> {
        match self.session.assumed {
            Some(assumed) if !self.store.confirm(assumed).await? => Err(OperationError::InvalidCredentials),
            _ => Ok(()),
        }
    }

    /// Skips candidates that all match, without reading their rows, and gives their number. A row that was deleted since
    /// its index entry was written still counts.
    async fn skip(&self, candidates: &mut Candidates, skip: &mut usize) -> Result<usize, OperationError> {
        let mut all = 0;
        while *skip > 0 {
            let skipped = candidates.skip(self.store, (*skip).min(SKIPPED)).await?;
            if skipped == 0 {
                break;
            }
            self.session.reads(self.context, skipped)?;
            *skip -= skipped;
            all += skipped;
        }
        Ok(all)
    }

    /// Other entries that contain every match, in the order of the query, if they can be used.
    async fn other(&mut self, other: Other, fewer: &Fewer, plan: &Plan) -> Result<Option<Candidates>, OperationError> {
        if let Other::Few(most) = other {
            return Ok(self.few(fewer, plan, most).await?.map(Candidates::ids));
        }
        let descending = self.query.is_default_sort() == Some(true);
        let found = self.store.listed_rows(fewer, descending, self.context.now()).await?;
        self.session.budget.spend(Limit::SortValues, found.read)?;
        if found.entries.is_none() {
            self.cost += Cost { entries: found.read, rows: 0, calls: found.calls };
        }
        Ok(found.entries.map(Candidates::entries))
    }

    /// The ids of entries in the order of the query, if there are at most `most`, and not more than one query may read.
    ///
    /// They are paid for as values that are sorted, also if they are too many, not as rows that are read: an entry
    /// takes a tenth of the time of a row.
    async fn few(&mut self, fewer: &Fewer, plan: &Plan, most: usize) -> Result<Option<VecDeque<Uuid>>, OperationError> {
        let filter = if fewer.exact { &EntryFilter::default() } else { &plan.entries };
        // To count entries of one run, or few of several, costs a tenth of fetching them, if they are too many in the end.
        let limit = most.min(self.store.config().max_scan);
        if most < usize::MAX
            && (fewer.walk.is_one_run() || most < FEW)
            && filter.is_empty()
            && self.store.count_walk(&fewer.walk, limit).await? > limit
        {
            return Ok(None);
        }
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
            let (found, matches) = if exact {
                let found = candidates.skip(self.store, SKIPPED).await?;
                (found, found)
            } else {
                let found = candidates.next(self.store, COLUMNS_IN_A_STEP).await?;
                (found.len(), self.evaluated(found, candidates, COLUMNS_IN_A_STEP, usize::MAX).await?.matches.len())
            };
            if found == 0 {
                return Ok(count);
            }
            count += matches;
        }
    }

    /// Reads every match, for other sort orders, groups and aggregates. Keeps only the first rows in the order of the
    /// query, as many as the window reaches, or groups and aggregates.
    async fn everything(&mut self, window: Window, candidates: &mut Candidates) -> Result<Read, OperationError> {
        let mut groups = Groups::new(self.query);
        let mut leading = Leading::new(self.query, window.with_more(SPARE));
        let (mut held, mut filtered) = (HashMap::new(), 0);
        // Whole rows are worth holding only if they may be shown, and if they have to be read at all.
        let mut holds = self.query.shows_rows() && !candidates.tell();
        loop {
            let found = candidates.next(self.store, if holds { HELD } else { COLUMNS_IN_A_STEP }).await?;
            if found.is_empty() {
                break;
            }
            let matches: Vec<Row> = if holds {
                let (items, rows) = self.matches_of(&ids_of(&found)).await?;
                held.extend(items.into_iter().map(|item| (item.id, item)));
                rows
            } else {
                self.evaluated(found, candidates, COLUMNS_IN_A_STEP, usize::MAX).await?.matches
            };
            holds = false;
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
            true => Kept::Ids { ids: leading.into_window(), held, take: window.take().unwrap_or(usize::MAX) },
            false => Kept::Data(groups.into_data(self.session.budget)?),
        };
        Ok(Read { kept, filtered: Some(filtered) })
    }

    /// The reservations of a window in the order of the query.
    pub(super) async fn window(&mut self, kept: Kept) -> Result<Vec<Reservation>, OperationError> {
        let (ids, mut held, take) = match kept {
            Kept::Window(items) => return Ok(items),
            Kept::Data(_) => return Ok(Vec::new()),
            Kept::Ids { ids, held, take } => (ids, held, take),
        };
        self.check_members(ids.len().min(take))?;
        let mut items = Vec::with_capacity(ids.len().min(take));
        let mut rest = ids.as_slice();
        while items.len() < take && !rest.is_empty() {
            let (ids, later) = rest.split_at((take - items.len()).min(MAX_CHUNK).min(rest.len()));
            rest = later;
            let dropped: Vec<Uuid> = ids.iter().filter(|id| !held.contains_key(id)).copied().collect();
            if !dropped.is_empty() {
                // One that changed or was deleted meanwhile may not match any more.
                held.extend(self.again(&dropped).await?.0.into_iter().map(|item| (item.id, item)));
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

    /// The rows of candidates that match, in their order, with nothing but the members that are evaluated. What their
    /// entries do not tell is read; rows are evaluated while others are still read, and meanwhile also `ahead` of the next
    /// candidates are read. When `enough` rows match, the candidates that were not looked at are given back.
    async fn evaluated(
        &mut self,
        mut found: Vec<Entry>,
        candidates: &mut Candidates,
        ahead: usize,
        enough: usize,
    ) -> Result<Evaluated, OperationError> {
        let Some(members) = self.evaluated.clone() else {
            let mut matches = Vec::new();
            for ids in ids_of(&found).chunks(MAX_CHUNK) {
                matches.extend(self.matches_of(ids).await?.1);
            }
            return Ok(Evaluated { matches, rows: found.len() });
        };
        self.session.reads(self.context, found.len())?;
        // From here on, a list may read every row.
        self.check_reader().await?;
        // Rows that matter no more, before others are read.
        self.loader.forget();
        let unknown: Vec<Uuid> = found.iter().filter(|entry| entry.row.is_none()).map(|entry| entry.id).collect();
        let (all, is_told) = (found.len(), unknown.len() < found.len());
        let store = self.store;
        // What is read when enough rows match was read in vain.
        let most = store.config().reads_ahead.filter(|_| enough < usize::MAX);
        let at_once = most.map_or(AT_ONCE, |most| most.clamp(1, AT_ONCE));
        let mut looked = 0;
        let work = async {
            let (mut matches, mut read) = (Vec::new(), HashMap::new());
            'steps: for ids in unknown.chunks(COLUMNS_IN_A_STEP) {
                let mut reads = store.columns(ids, members.names(), at_once);
                while let Some(columns) = reads.next().await.transpose()? {
                    looked += columns.ids;
                    if is_told {
                        // The others are between them.
                        read.extend(columns.rows.into_iter().filter_map(|row| Some((id(&row)?, row))));
                        continue;
                    }
                    matches.extend(self.matches_among(columns.rows).await?);
                    if matches.len() >= enough {
                        break 'steps;
                    }
                }
            }
            if is_told {
                let rows = found.drain(..).filter_map(|entry| entry.row.or_else(|| read.remove(&entry.id)));
                matches = self.matches_among(rows.collect()).await?;
            }
            Ok::<_, OperationError>(matches)
        };
        let (_, matches) = tokio::join!(candidates.read_ahead(store, ahead), work);
        // Those behind the last one that was looked at are read already, or were about to be: their reads are ended.
        let begun = unknown.len().min(looked.saturating_add(COLUMNS_IN_A_READ * (at_once - 1)));
        self.cost.add_rows(begun);
        let matches = matches?;
        if is_told || looked == all {
            return Ok(Evaluated { matches, rows: all });
        }
        candidates.put_back(found.split_off(looked));
        self.session.budget.give_back(all - begun);
        Ok(Evaluated { matches, rows: looked })
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
        let mut items = self.loader.reservations(ids, &self.read, self.session.assumed).await?;
        self.check_reader().await?;
        // Items that do not exist for the caller (RSV-6) are dropped first, so that nothing is read for them.
        items.retain(|item| self.session.caller.sees(item.reserved_for.as_deref()));
        let mut rows: Vec<Row> = match &self.evaluated {
            Some(members) => items.iter().map(|item| rows::members_of(item, members.names())).collect(),
            None => items.iter().map(rows::reservation).collect(),
        };
        self.loader.to_evaluate(self.needs, Collection::CodeReservation, &rows).await?;
        if self.needs.count_to_evaluate {
            self.loader.counts(&items);
        }
        let mut matches = Vec::with_capacity(rows.len());
        for row in &rows {
            matches.push(self.query.matches(row, &self.loader.related));
            turn(self.session).await;
        }
        self.session.budget.check()?;
        // Those before the first that does not match stay where they are: a reservation is large to move.
        retain(&mut items, &matches);
        retain(&mut rows, &matches);
        Ok((items, rows))
    }

    /// The rows of reservations with what they show.
    pub(super) async fn show(mut self, items: Vec<Reservation>) -> Result<(Vec<Row>, Related), OperationError> {
        self.loader.codes(self.needs, &items).await?;
        let shown = self.query.shown_members();
        let rows: Vec<Row> = items.iter().map(|item| rows::shown(item, &shown)).collect();
        drop(items);
        self.loader.to_render(self.needs, Collection::CodeReservation, &rows).await?;
        Ok((rows, self.loader.related))
    }

    /// What was read so far.
    pub(super) fn cost(&self) -> Cost {
        self.cost
    }
}

/// The rows after which a walk will have filled the window, if it goes on as it began.
fn rows_to(window: Window, matches: usize, read: usize) -> Option<usize> {
    let wanted = window.skip().saturating_add(window.take()?);
    wanted.saturating_mul(read).checked_div(matches)
}

/// Keeps the items at the places that are true.
fn retain<T>(items: &mut Vec<T>, places: &[bool]) {
    let mut places = places.iter().copied();
    items.retain(|_| places.next().unwrap_or(false));
}

/// The ids of candidates.
fn ids_of(found: &[Entry]) -> Vec<Uuid> {
    found.iter().map(|entry| entry.id).collect()
}

/// The id of a row.
fn id(row: &Row) -> Option<Uuid> {
    row["id"].as_str().and_then(|id| Uuid::try_parse(id).ok())
}
