//! Reads reservations: lists, single rows, aggregates, and the answers of writes. The caller's rights are applied here,
//! in one place for all of these.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Caller, OperationError, Session, relate::Loader, rows};
use crate::{
    context::Context,
    query::{self, Answer, Collection, Meta, Query, RawQuery, Related, Row},
    reservation::Reservation,
    store::{
        Entries, Index, Store, StoreError,
        plan::{Plan, Source, plan},
    },
};

/// Rows in the first read of a list. Each further read is twice as large, up to [`MAX_CHUNK`]: most lists are short.
const CHUNK: usize = 100;

/// Maximum number of rows in one read (ten concurrent batch reads).
const MAX_CHUNK: usize = 1_000;

/// Reservations, each with its row.
type Rows = Vec<(Reservation, Row)>;

/// The result of reading a list: the matching rows, or only their number.
struct Read {
    items: Rows,
    /// Whether `items` already has the order and the window of the query.
    cut: bool,
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
    #[must_use]
    pub fn into_answer(self, query: &Query) -> Answer {
        let data = match self.data {
            Data::Rows(rows, related) => Value::Array(rows.iter().map(|row| query.render(row, &related)).collect()),
            Data::Value(value) => value,
        };
        Answer { meta: self.meta, data }
    }

    /// The list as the JSON of its body. Codes are written directly, without a JSON value for each: a list can show
    /// thousands.
    #[must_use]
    pub fn json(&self, query: &Query) -> String {
        let meta = self.meta.as_ref();
        match &self.data {
            Data::Rows(rows, related) => query.json_of(meta, rows, related),
            Data::Value(value) => query::json_body(meta, value),
        }
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
    let mut loader = Loader::new(context, session.caller);
    loader.resolve_codes(query).await?;
    let plan = plan(query, context.config().shards, |codes| loader.reservations_with(codes));

    if let Some(data) = count_alone(store, query, &plan).await? {
        return Ok(List { meta: None, data: Data::Value(data) });
    }
    let read = read(store, query, &plan, &mut loader).await?;
    let total = match query.meta.contains(&Meta::TotalCount) {
        true => total_count(store, session.caller).await?,
        false => 0,
    };
    let meta = query.meta_of(total, read.filtered.unwrap_or(0));

    let data = if query.shows_rows() {
        let shown = if read.cut { read.items } else { window(query, read.items, &loader) };
        let (items, rows): (Vec<Reservation>, Vec<Row>) = shown.into_iter().unzip();
        loader.codes(&needs, &items).await?;
        loader.to_render(&needs, Collection::CodeReservation, &rows).await?;
        Data::Rows(rows, Box::new(loader.related))
    } else {
        Data::Value(query.data_of(read.items.iter().map(|(_, row)| row).collect(), &loader.related))
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
    Ok(query.run(&rows, &related))
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
    let mut loader = Loader::new(context, session.caller);
    loader.resolve_codes(query).await?;
    loader.to_evaluate(&needs, Collection::CodeReservation, &rows).await?;
    loader.codes(&needs, items).await?;
    loader.to_render(&needs, Collection::CodeReservation, &rows).await?;
    Ok(loader.related)
}

/// The reservations that a query matches, in its order and window (batch updates and deletes), read consistently.
///
/// # Errors
/// `INVALID_QUERY` when the query would read more than `MaxScan` items; `SERVICE_UNAVAILABLE` when DynamoDB does not
/// answer.
pub async fn matching(
    context: &Context,
    session: Session<'_>,
    query: &Query,
) -> Result<Vec<Reservation>, OperationError> {
    let store = context.store();
    let mut loader = Loader::new(context, session.caller);
    loader.resolve_codes(query).await?;
    let plan = plan(query, context.config().shards, |codes| loader.reservations_with(codes));
    let read = read(store, query, &plan, &mut loader).await?;
    let shown = if read.cut { read.items } else { window(query, read.items, &loader) };
    Ok(shown.into_iter().map(|(item, _)| item).collect())
}

/// Sorts the rows and cuts them to the query's window.
fn window(query: &Query, all: Rows, loader: &Loader<'_>) -> Rows {
    let mut sorted: Vec<&Row> = all.iter().map(|(_, row)| row).collect();
    query.sort_rows(&mut sorted, &loader.related);
    let positions: HashMap<*const Row, usize> =
        all.iter().enumerate().map(|(at, (_, row))| (std::ptr::from_ref(row), at)).collect();
    let order = query.window.cut(sorted.into_iter().filter_map(|row| positions.get(&std::ptr::from_ref(row)).copied()));
    let mut all: Vec<Option<(Reservation, Row)>> = all.into_iter().map(Some).collect();
    order.into_iter().filter_map(|at| all.get_mut(at).and_then(Option::take)).collect()
}

/// Reads the matches of a query; the plan limits how many items are read.
async fn read(store: Store<'_>, query: &Query, plan: &Plan, loader: &mut Loader<'_>) -> Result<Read, OperationError> {
    let needs = query.needs();
    let wants_count = query.meta.contains(&Meta::FilterCount);
    match &plan.source {
        Source::Nothing => Ok(Read { items: Vec::new(), cut: false, filtered: Some(0) }),
        Source::Keys(ids) => {
            let items = loader.reservations(ids).await?;
            let items = keep_matching(query, &needs, loader, items).await?;
            let filtered = Some(items.len());
            tracing::debug!(%plan, rows = items.len(), "plan: {plan}");
            Ok(Read { items, cut: false, filtered })
        }
        Source::Indexes(indexes) => {
            let by_id = query.is_default_sort().filter(|_| query.shows_rows());
            let descending = by_id.unwrap_or(false);
            let mut entries = Entries::new(indexes, descending, &plan.entries);
            let read = match by_id {
                Some(_) => page(store, query, plan, loader, &mut entries, wants_count).await?,
                None => everything(store, query, loader, &mut entries).await?,
            };
            tracing::debug!(%plan, scanned = entries.scanned(), rows = read.items.len(), "plan: {plan}");
            Ok(read)
        }
    }
}

/// Reads one page in the default order. If every candidate matches, the rows before the page are skipped without being
/// read.
async fn page(
    store: Store<'_>,
    query: &Query,
    plan: &Plan,
    loader: &mut Loader<'_>,
    entries: &mut Entries,
    wants_count: bool,
) -> Result<Read, OperationError> {
    let needs = query.needs();
    let (mut skip, take) = (query.window.skip(), query.window.take().unwrap_or(usize::MAX));
    let mut filtered = 0;
    if plan.exact {
        // The offset counts index entries. A row that was deleted since its entry was written still counts.
        while skip > 0 {
            let skipped = entries.next(store, skip.min(1_000)).await?.len();
            if skipped == 0 {
                break;
            }
            skip -= skipped;
            filtered += skipped;
        }
    }
    let mut items = Vec::new();
    let (mut seen, mut most) = (0, CHUNK);
    while items.len() < take {
        let left = take - items.len();
        let chunk = if plan.exact { left.min(most) } else { most };
        most = (most * 2).min(MAX_CHUNK);
        let ids = entries.next(store, chunk).await?;
        if ids.is_empty() {
            break;
        }
        seen += ids.len();
        if seen > store.config().max_scan {
            return Err(StoreError::TooMany(store.config().max_scan).into());
        }
        let rows = store.reservations(&ids).await?;
        for item in keep_matching(query, &needs, loader, rows).await? {
            filtered += 1;
            if skip > 0 {
                skip -= 1;
            } else if items.len() < take {
                items.push(item);
            }
        }
    }
    if wants_count {
        filtered += count_rest(store, query, plan, loader, entries).await?;
    }
    Ok(Read { items, cut: true, filtered: Some(filtered) })
}

/// Counts the matches after the page.
async fn count_rest(
    store: Store<'_>,
    query: &Query,
    plan: &Plan,
    loader: &mut Loader<'_>,
    entries: &mut Entries,
) -> Result<usize, OperationError> {
    let needs = query.needs();
    let mut count = 0;
    loop {
        let ids = entries.next(store, 1_000).await?;
        if ids.is_empty() {
            return Ok(count);
        }
        count += if plan.exact {
            ids.len()
        } else {
            let rows = store.reservations(&ids).await?;
            keep_matching(query, &needs, loader, rows).await?.len()
        };
    }
}

/// Reads every match. Other sort orders, groups and aggregates need all of them.
async fn everything(
    store: Store<'_>,
    query: &Query,
    loader: &mut Loader<'_>,
    entries: &mut Entries,
) -> Result<Read, OperationError> {
    let needs = query.needs();
    let mut items = Vec::new();
    loop {
        let ids = entries.next(store, 1_000).await?;
        if ids.is_empty() {
            let filtered = Some(items.len());
            return Ok(Read { items, cut: false, filtered });
        }
        let rows = store.reservations(&ids).await?;
        items.extend(keep_matching(query, &needs, loader, rows).await?);
    }
}

/// Keeps the items that match the query. The items were read consistently; the index that named them may be stale.
/// Items that do not exist for the caller (RSV-6) are dropped first, so that nothing is read for them.
async fn keep_matching(
    query: &Query,
    needs: &query::Needs,
    loader: &mut Loader<'_>,
    mut items: Vec<Reservation>,
) -> Result<Rows, OperationError> {
    items.retain(|item| loader.caller.sees(item.reserved_for.as_deref()));
    let rows: Vec<Row> = items.iter().map(rows::reservation).collect();
    loader.to_evaluate(needs, Collection::CodeReservation, &rows).await?;
    if needs.count_to_evaluate {
        loader.counts(&items);
    }
    Ok(items.into_iter().zip(rows).filter(|(_, row)| query.matches(row, &loader.related)).collect())
}

/// The number of rows that exist for the caller.
async fn total_count(store: Store<'_>, caller: &Caller) -> Result<usize, OperationError> {
    let indexes = match caller.organisations() {
        Some(own) => own.iter().filter(|id| !id.is_empty()).cloned().map(Index::Organisation).collect::<BTreeSet<_>>(),
        None => (0..store.config().shards).map(Index::Shard).collect(),
    };
    count(store, indexes.iter()).await
}

async fn count(store: Store<'_>, indexes: impl Iterator<Item = &Index>) -> Result<usize, OperationError> {
    let mut total = 0;
    for index in indexes {
        total += store.index_count(index, store.config().max_scan.saturating_sub(total)).await?;
    }
    Ok(total)
}

/// The number of matches, if the query asks for nothing else and the index entries alone determine it.
async fn count_alone(store: Store<'_>, query: &Query, plan: &Plan) -> Result<Option<Value>, OperationError> {
    let Source::Indexes(indexes) = &plan.source else { return Ok(None) };
    if !plan.exact || !query.meta.is_empty() || query.count_data(0).is_none() {
        return Ok(None);
    }
    Ok(query.count_data(count(store, indexes.iter()).await?))
}
