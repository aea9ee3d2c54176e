//! Reads reservations: lists, single rows, aggregates, and the answers of writes. The caller's rights are applied here,
//! in one place for all of these.

use std::collections::{BTreeSet, HashMap, VecDeque};

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Caller, OperationError, Session, in_memory::turn, relate::Loader, rows};
use crate::{
    context::Context,
    query::{self, Answer, Budget, Collection, Limit, Meta, Query, Rank, RawQuery, Related, Row, Window},
    reservation::Reservation,
    store::{
        Entries, EntryFilter, Partition, Store, StoreError, Walk,
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
enum Kept {
    /// The matches of the query's window, in its order.
    Window(Vec<Reservation>),
    /// The order of each match, and the first [`HELD`] of them. Other rows of the window are read again.
    Order(Vec<(Rank, Uuid)>, HashMap<Uuid, Reservation>),
    /// The members that groups and aggregates need.
    Reduced(Vec<Row>),
}

/// The result of reading a list.
struct Read {
    kept: Kept,
    /// The number of matches, if the query asks for it.
    filtered: Option<usize>,
}

/// A list of reservations that was read but not yet serialised.
#[derive(Debug)]
pub struct List {
    meta: Option<Map<String, Value>>,
    data: Data,
}

#[derive(Debug)]
enum Data {
    /// Sorted rows of the requested window, with the related rows that they show.
    Rows(Vec<Row>, Box<Related>),
    /// Groups and aggregates.
    Value(Value),
}

impl List {
    /// The list as JSON values, for callers that inspect it (GraphQL).
    ///
    /// # Errors
    /// `INVALID_QUERY` when the budget is spent.
    pub fn into_answer(self, query: &Query) -> Result<Answer, OperationError> {
        let data = match self.data {
            Data::Rows(rows, related) => query.render(&rows, &related)?,
            Data::Value(value) => value,
        };
        Ok(Answer { meta: self.meta, data })
    }

    /// The list as the JSON of its body. Codes are written directly, without a JSON value for each: a list can show
    /// thousands.
    ///
    /// # Errors
    /// `INVALID_QUERY` when the budget is spent or the answer is too long.
    pub fn json(&self, query: &Query, budget: &Budget) -> Result<String, OperationError> {
        let meta = self.meta.as_ref();
        Ok(match &self.data {
            Data::Rows(rows, related) => query.json_of(meta, rows, related)?,
            Data::Value(value) => query::json_body(meta, value, budget)?,
        })
    }
}

/// Lists reservations.
///
/// # Errors
/// `INVALID_QUERY` or `FORBIDDEN` for bad parameters; `INVALID_QUERY` when the query would read more than `MaxScan`
/// items; `SERVICE_UNAVAILABLE` when DynamoDB or the secret does not answer.
pub async fn list(context: &Context, session: Session<'_>, raw: &RawQuery) -> Result<(Query, List), OperationError> {
    let query = session.query(Collection::CodeReservation, raw)?;
    let list = run(context, session, &query).await?;
    Ok((query, list))
}

/// Runs a checked query of `code_reservation`.
///
/// # Errors
/// `INVALID_QUERY` when the query would read more than `MaxScan` items; `SERVICE_UNAVAILABLE` when DynamoDB does not
/// answer.
pub async fn run(context: &Context, session: Session<'_>, query: &Query) -> Result<List, OperationError> {
    let store = context.store();
    let needs = query.needs();
    let mut loader = Loader::new(context, session);
    loader.resolve_codes(query).await?;
    let plan = plan(query, context.store().shape(), |codes| loader.reservations_with(codes));

    if let Some(data) = count_alone(store, query, &plan).await? {
        return Ok(List { meta: None, data: Data::Value(data) });
    }
    let mut reading = Reading { context, store, session, query, needs: &needs, loader };
    let read = reading.read(&plan, query.window).await?;
    let total = match query.meta.contains(&Meta::TotalCount) {
        true => total_count(store, session.caller).await?,
        false => 0,
    };
    let meta = query.meta_of(total, read.filtered.unwrap_or(0));
    let data = match read.kept {
        Kept::Reduced(rows) => Data::Value(query.data_of(rows.iter().collect(), &reading.loader.related)?),
        kept => {
            let items = reading.window(kept, query.window).await?;
            reading.show(items).await?
        }
    };
    Ok(List { meta, data })
}

/// Reads one reservation by its id; `None` stands for a text that is not a UUID.
///
/// Rights on the collection and its members are decided before the row is looked up.
///
/// # Errors
/// `FORBIDDEN` when the row does not exist or belongs to an organisation that the caller may not see.
pub async fn one(
    context: &Context,
    session: Session<'_>,
    id: impl Into<Option<Uuid>>,
    raw: &RawQuery,
) -> Result<(Query, Value), OperationError> {
    let query = session.query(Collection::CodeReservation, raw)?;
    let id = id.into().ok_or_else(OperationError::no_row)?;
    let item = session.caller.own(context.store().reservation(id).await?)?;
    let value = show_one(context, session, &query, &item).await?;
    Ok((query, value))
}

/// Shows a reservation that was read or just written.
///
/// # Errors
/// `FORBIDDEN` when the filter of the query excludes the row.
pub async fn show_one(
    context: &Context,
    session: Session<'_>,
    query: &Query,
    item: &Reservation,
) -> Result<Value, OperationError> {
    let related = relate(context, session, query, std::slice::from_ref(item)).await?;
    Ok(query.run_one(Some(&rows::reservation(item)), &related)?)
}

/// Shows a reservation that is being written. Gives `Null` when the filter of the parameters excludes it: the write
/// happens nevertheless, and the client gets 204, as with Directus.
///
/// # Errors
/// `SERVICE_UNAVAILABLE` when DynamoDB or the secret does not answer.
pub async fn show_written(
    context: &Context,
    session: Session<'_>,
    query: &Query,
    item: &Reservation,
) -> Result<Value, OperationError> {
    match show_one(context, session, query, item).await {
        Err(OperationError::Forbidden(None)) => Ok(Value::Null),
        shown => shown,
    }
}

/// Shows reservations that were just written, in the form of a list.
///
/// # Errors
/// `SERVICE_UNAVAILABLE` when DynamoDB or the secret does not answer.
pub async fn show_many(
    context: &Context,
    session: Session<'_>,
    query: &Query,
    items: &[Reservation],
) -> Result<Answer, OperationError> {
    let related = relate(context, session, query, items).await?;
    let rows: Vec<Row> = items.iter().map(rows::reservation).collect();
    Ok(query.run(&rows, &related)?)
}

/// Checks that an answer is not too long, for a write that builds its answer first: what is refused must change nothing.
///
/// # Errors
/// `INVALID_QUERY` when its text is longer than an answer may be.
pub(super) fn check_length(session: Session<'_>, data: &Value) -> Result<(), OperationError> {
    Ok(query::json_body(None, data, session.budget).map(drop)?)
}

/// Loads the related rows and codes that a query needs for these reservations.
async fn relate(
    context: &Context,
    session: Session<'_>,
    query: &Query,
    items: &[Reservation],
) -> Result<query::Related, OperationError> {
    let needs = query.needs();
    let rows: Vec<Row> = items.iter().map(rows::reservation).collect();
    let mut loader = Loader::new(context, session);
    loader.resolve_codes(query).await?;
    loader.to_evaluate(&needs, Collection::CodeReservation, &rows).await?;
    loader.codes(&needs, items).await?;
    loader.to_render(&needs, Collection::CodeReservation, &rows).await?;
    Ok(loader.related)
}

/// The reservations that a query matches, in its order and window (batch updates and deletes), read consistently;
/// `most` of them and one more at most, so that the caller can refuse a larger number.
///
/// # Errors
/// `INVALID_QUERY` when the query would read more than `MaxScan` items or the budget is spent; `SERVICE_UNAVAILABLE` when
/// DynamoDB does not answer.
pub async fn matching(
    context: &Context,
    session: Session<'_>,
    query: &Query,
    most: usize,
) -> Result<Vec<Reservation>, OperationError> {
    let needs = query.needs();
    let mut loader = Loader::new(context, session);
    loader.resolve_codes(query).await?;
    let plan = plan(query, context.store().shape(), |codes| loader.reservations_with(codes));
    let window = query.window.within(most + 1);
    let mut reading = Reading { context, store: context.store(), session, query, needs: &needs, loader };
    let read = reading.read(&plan, window).await?;
    reading.window(read.kept, window).await
}

/// Reads the rows of one query.
struct Reading<'a> {
    context: &'a Context,
    store: Store<'a>,
    session: Session<'a>,
    query: &'a Query,
    needs: &'a query::Needs,
    loader: Loader<'a>,
}

impl Reading<'_> {
    /// Reads the matches of the query. The plan limits how many items are read.
    async fn read(&mut self, plan: &Plan, window: Window) -> Result<Read, OperationError> {
        let read = match &plan.source {
            Source::Nothing => Read { kept: self.nothing(), filtered: Some(0) },
            Source::Keys(ids) => self.everything(&mut Candidates::Ids(ids.iter().copied().collect())).await?,
            Source::Entries { walk, in_order, fewer } => {
                let mut candidates = Candidates::Entries(Entries::new(walk, &plan.entries));
                let read = match in_order {
                    true => self.page(plan, window, &mut candidates, fewer.as_ref()).await?,
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
        if self.query.meta.contains(&Meta::FilterCount) {
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
    async fn window(&mut self, kept: Kept, window: Window) -> Result<Vec<Reservation>, OperationError> {
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
    async fn show(mut self, items: Vec<Reservation>) -> Result<Data, OperationError> {
        self.loader.codes(self.needs, &items).await?;
        let shown = self.query.shown_members();
        let rows: Vec<Row> = items.iter().map(|item| shown.of(rows::reservation(item))).collect();
        drop(items);
        self.loader.to_render(self.needs, Collection::CodeReservation, &rows).await?;
        Ok(Data::Rows(rows, Box::new(self.loader.related)))
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

/// The number of rows that exist for the caller.
async fn total_count(store: Store<'_>, caller: &Caller) -> Result<usize, OperationError> {
    let partitions = match caller.organisations() {
        Some(own) => {
            own.iter().filter(|id| !id.is_empty()).cloned().map(Partition::Organisation).collect::<BTreeSet<_>>()
        }
        None => (0..store.config().shards).map(Partition::Shard).collect(),
    };
    Ok(store.count_walk(&Walk::by_id(partitions), store.config().max_scan).await?)
}

/// The number of matches, if the query asks for nothing else and the index entries alone determine it.
async fn count_alone(store: Store<'_>, query: &Query, plan: &Plan) -> Result<Option<Value>, OperationError> {
    let Source::Entries { walk, .. } = &plan.source else { return Ok(None) };
    if !plan.exact || !query.meta.is_empty() || query.count_data(0).is_none() {
        return Ok(None);
    }
    Ok(query.count_data(store.count_walk(walk, store.config().max_scan).await?))
}
