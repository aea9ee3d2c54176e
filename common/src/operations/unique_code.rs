//! `unique_code`: the codes of reservations as a collection of their own, read only and never stored.
//!
//! A list selects codes by reservation, by id or by the whole code. Only the requested window is computed, so the time
//! depends neither on the offset nor on the number of codes.

use serde_json::Value;
use uuid::Uuid;

use super::{
    Loader, OperationError, Session,
    code_rows::{CodeRows, MAX_CODES, Rendered, UNITS_PER_CODE},
    find_codes::{FoundCode, find_code_by_id, find_codes},
    in_memory::{self, Items, Rows},
};
use crate::{
    code::Code,
    concurrency,
    context::Context,
    query::{
        Answer, Collection, Condition, Filter, Limit, Query, RawQuery, Row, Scalar, Test, Window, sort::SortTarget,
    },
    reservation::{Reservation, uuid},
};

/// Maximum number of reservations or ids that one list may name.
const MAX_RESERVATIONS: usize = 100;

/// Lists codes.
///
/// # Errors
/// `INVALID_QUERY` when the filter names neither reservation, id nor code, or names too many; `FORBIDDEN` for a member
/// that the caller may not read; `SERVICE_UNAVAILABLE` when DynamoDB or the secret does not answer.
pub async fn list(context: &Context, session: Session<'_>, raw: &RawQuery) -> Result<(Query, Answer), OperationError> {
    let query = session.query(Collection::UniqueCode, raw)?;
    let answer = run(context, session, &query).await?;
    Ok((query, answer))
}

/// Runs a checked query of `unique_code`.
///
/// # Errors
/// As [`list`].
pub async fn run(context: &Context, session: Session<'_>, query: &Query) -> Result<Answer, OperationError> {
    let descending = descending(query)?;
    match asked(query)? {
        Asked::Reservations(ids) => of_reservations(context, session, query, &ids, descending).await,
        Asked::Rows(named) => {
            let rows = named.rows(context, session).await?;
            answer(context, session, query, &Items(&rows, Row::clone)).await
        }
    }
}

/// Reads one code by its id; `None` stands for a text that is not a UUID.
///
/// # Errors
/// `FORBIDDEN` when no code that the caller may see has this id.
pub async fn one(
    context: &Context,
    session: Session<'_>,
    id: impl Into<Option<Uuid>>,
    raw: &RawQuery,
) -> Result<(Query, Value), OperationError> {
    let query = session.query(Collection::UniqueCode, raw)?;
    let found = found(context, session, id.into()).await?;
    let row = CodeRows::open(context).await?.at(&found.reservation, found.index)?.ok_or_else(OperationError::no_row)?;
    let value = in_memory::one(context, session, &query, row).await?;
    Ok((query, value))
}

/// The forms of one code by its id, as an export of its reservation contains them; `None` stands for a text that is not
/// a UUID.
///
/// # Errors
/// As [`one`].
pub async fn forms(
    context: &Context,
    session: Session<'_>,
    id: impl Into<Option<Uuid>>,
) -> Result<Code, OperationError> {
    let found = found(context, session, id.into()).await?;
    CodeRows::open(context).await?.code(&found.reservation, found.index)?.ok_or_else(OperationError::no_row)
}

/// The code with an id that the caller may see.
async fn found(context: &Context, session: Session<'_>, id: Option<Uuid>) -> Result<FoundCode, OperationError> {
    let id = id.ok_or_else(OperationError::no_row)?;
    find_code_by_id(context, session.caller, id).await?.ok_or_else(OperationError::no_row)
}

/// The codes that the filter of a list selects.
enum Asked {
    /// All codes of reservations, in the order of their positions.
    Reservations(Vec<Uuid>),
    /// Codes that are named one by one.
    Rows(Named),
}

/// Codes that are named one by one.
enum Named {
    Ids(Vec<Uuid>),
    Lookups(Vec<crate::query::CodeLookup>),
}

impl Named {
    async fn rows(self, context: &Context, session: Session<'_>) -> Result<Vec<Row>, OperationError> {
        let named = match &self {
            Self::Ids(ids) => ids.len(),
            Self::Lookups(lookups) => lookups.len(),
        };
        session.budget.spend(Limit::Codes, named)?;
        let mut found: Vec<FoundCode> = match self {
            Self::Ids(ids) => {
                let found = ids.into_iter().map(|id| find_code_by_id(context, session.caller, id));
                concurrency::all(found).await?.into_iter().flatten().collect()
            }
            Self::Lookups(lookups) => {
                find_codes(context, session.caller, &lookups).await?.into_values().flatten().collect()
            }
        };
        if found.is_empty() {
            return Ok(Vec::new());
        }
        // A code that is named in two forms gives one row.
        found.sort_by_key(|found| (found.reservation.id, found.index));
        found.dedup_by_key(|found| (found.reservation.id, found.index));
        let codes = CodeRows::open(context).await?;
        let mut rows = Vec::new();
        for found in &found {
            rows.extend(codes.at(&found.reservation, found.index)?);
        }
        Ok(rows)
    }
}

fn asked(query: &Query) -> Result<Asked, OperationError> {
    let filter = query.filter.as_ref();
    let equalities = filter.map(Filter::required_equalities).unwrap_or_default();
    let ids = |name: &str| -> Option<Vec<Uuid>> {
        let (_, values) = equalities.iter().find(|(field, _)| *field == name)?;
        Some(values.iter().filter_map(|value| uuid(value)).collect())
    };
    if let Some(ids) = ids("id") {
        if ids.len() > MAX_RESERVATIONS {
            return Err(OperationError::InvalidQuery(format!(
                "{MAX_RESERVATIONS} ids of codes at most are allowed in one filter"
            )));
        }
        return Ok(Asked::Rows(Named::Ids(ids)));
    }
    if let Some(ids) = ids("reservation") {
        if ids.len() > MAX_RESERVATIONS {
            return Err(OperationError::InvalidQuery(format!(
                "{MAX_RESERVATIONS} reservations at most are allowed in one filter"
            )));
        }
        return Ok(Asked::Reservations(ids));
    }
    match filter.map(Filter::as_code_lookups) {
        Some(Ok(lookups)) => Ok(Asked::Rows(Named::Lookups(lookups))),
        _ => Err(OperationError::InvalidQuery(
            "\"unique_code\" needs a filter on \"reservation\", \"id\", \"code\" with \"product\", \"digital_link\", \
             \"epc_join_key\" or \"epc_hex\""
                .to_owned(),
        )),
    }
}

/// Whether codes are listed by descending position. The order is ascending unless the first sort key says otherwise.
/// Groups are sorted after they are formed.
fn descending(query: &Query) -> Result<bool, OperationError> {
    let Some(key) = query.sort.first().filter(|_| query.shows_rows()) else { return Ok(false) };
    match &key.target {
        SortTarget::Path(path) if matches!(path.own_field(), Some("position" | "id")) => Ok(key.descending),
        SortTarget::Aggregate(_) => Ok(false),
        SortTarget::Path(_) => {
            Err(OperationError::InvalidQuery("\"unique_code\" can be sorted by \"position\" only".to_owned()))
        }
    }
}

async fn of_reservations(
    context: &Context,
    session: Session<'_>,
    query: &Query,
    ids: &[Uuid],
    descending: bool,
) -> Result<Answer, OperationError> {
    let items = context.store().reservations(ids).await?;
    let items: Vec<Reservation> =
        items.into_iter().filter(|item| session.caller.sees(item.reserved_for.as_deref())).collect();
    let count = |item: &Reservation| item.range.as_ref().map_or(0, |range| range.count);
    let total: u64 = items.iter().map(count).sum();
    let plain = query.search.is_none() && query.filter.as_ref().is_none_or(only_reservation);
    if plain {
        let total = usize::try_from(total).unwrap_or(usize::MAX);
        if let Some(data) = query.count_data(total) {
            return Ok(Answer { meta: query.meta_of(total, total), data });
        }
    }
    if plain && query.shows_rows() {
        let rows = window(context, session, query, &items, descending).await?;
        let mut loader = Loader::new(context, session);
        loader.to_render(&query.needs(), Collection::UniqueCode, &rows).await?;
        let data = query.render(&rows, &loader.related)?;
        let total = usize::try_from(total).unwrap_or(usize::MAX);
        return Ok(Answer { meta: query.meta_of(total, total), data });
    }
    // Further conditions are evaluated on each code.
    if total > context.config().max_scan as u64 {
        return Err(OperationError::InvalidQuery(format!(
            "The reservations have {total} codes; a filter besides \"reservation\", a search, groups and aggregates other \
             than count are for {} at most",
            context.config().max_scan
        )));
    }
    let codes = AllCodes::new(CodeRows::open(context).await?, &items, descending)?;
    answer(context, session, query, &codes).await
}

/// All codes of some reservations, one reservation after the other.
struct AllCodes<'a> {
    codes: CodeRows<'a>,
    /// With the position of the first code of each.
    reservations: Vec<(usize, Rendered<'a>)>,
    len: usize,
    descending: bool,
}

impl<'a> AllCodes<'a> {
    fn new(codes: CodeRows<'a>, items: &'a [Reservation], descending: bool) -> Result<Self, OperationError> {
        let (mut reservations, mut len) = (Vec::new(), 0);
        for item in items {
            if let Some(rendered) = codes.rendered(item)? {
                let start = len;
                len += usize::try_from(rendered.count()).unwrap_or(usize::MAX);
                reservations.push((start, rendered));
            }
        }
        Ok(Self { codes, reservations, len, descending })
    }
}

impl Rows for AllCodes<'_> {
    fn len(&self) -> usize {
        self.len
    }

    fn row(&self, position: usize) -> Result<Row, OperationError> {
        let at = self.reservations.partition_point(|(start, _)| *start <= position);
        let Some((start, rendered)) = at.checked_sub(1).and_then(|at| self.reservations.get(at)) else {
            return Ok(Row::new());
        };
        let offset = (position - start) as u64;
        self.codes.row(rendered, if self.descending { rendered.count() - 1 - offset } else { offset })
    }
}

/// The rows of a window over the codes of several reservations, one after the other.
async fn window(
    context: &Context,
    session: Session<'_>,
    query: &Query,
    items: &[Reservation],
    descending: bool,
) -> Result<Vec<Row>, OperationError> {
    let asked = query.window;
    let (mut skip, mut take) = (asked.skip() as u64, asked.take().map_or(u64::MAX, |take| take as u64));
    let shown = query.shown_members();
    let mut rows = Vec::new();
    let mut codes = None;
    for item in items {
        let count = item.range.as_ref().map_or(0, |range| range.count);
        let here = count.saturating_sub(skip).min(take);
        if here > 0 {
            if rows.len() as u64 + here > MAX_CODES as u64 {
                return Err(OperationError::InvalidQuery(format!(
                    "{MAX_CODES} codes at most in one answer. Use \"limit\" and \"page\""
                )));
            }
            let codes = match &codes {
                Some(codes) => codes,
                None => &*codes.insert(CodeRows::open(context).await?),
            };
            let part = Window {
                limit: Some(i64::try_from(here).unwrap_or(i64::MAX)),
                offset: i64::try_from(skip).unwrap_or(i64::MAX),
                page: 0,
            };
            rows.extend(codes.window(item, part, descending, &shown)?);
            // Rendering a code costs about as much as evaluating this many conditions on it.
            session.budget.spend(Limit::Evaluation, usize::try_from(here).unwrap_or(usize::MAX) * UNITS_PER_CODE)?;
        }
        skip = skip.saturating_sub(count);
        take -= here;
    }
    Ok(rows)
}

/// Whether a filter consists only of conditions on `reservation`.
fn only_reservation(filter: &Filter) -> bool {
    filter.conjuncts().into_iter().all(|part| match part {
        Filter::Leaf(Condition { path, test }) => {
            path.own_field() == Some("reservation")
                && match test {
                    Test::Equal(Scalar::Text(_)) => true,
                    Test::In(values) => values.iter().all(|value| matches!(value, Scalar::Text(_))),
                    _ => false,
                }
        }
        _ => false,
    })
}

/// Evaluates a query over rows in memory. The conditions that found the rows are not evaluated again, because a Digital
/// Link is found under any domain.
async fn answer(
    context: &Context,
    session: Session<'_>,
    query: &Query,
    rows: &impl Rows,
) -> Result<Answer, OperationError> {
    let mut query = query.clone();
    if query.filter.as_ref().is_some_and(|filter| filter.as_code_lookups().is_ok()) {
        query.filter = None;
    }
    in_memory::list(context, session, &query, rows).await
}
