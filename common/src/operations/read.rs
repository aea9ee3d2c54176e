//! Reads reservations: lists, single rows, aggregates, and the answers of writes. The caller's rights are applied here,
//! in one place for all of these.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    OperationError, Session, plans,
    reading::{Kept, Reading},
    relate::Loader,
    rows,
    tallied::{self, Tallied},
    too_many,
};
use crate::{
    context::Context,
    query::{self, Action, Answer, Budget, Collection, Meta, Query, RawQuery, Related, Row},
    reservation::{Reservation, Timestamp},
    store::ReadAhead,
};

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
    let needs = query.needs();
    let mut reading = Reading::open(context, session, query, &needs).await?.of_shown_members();
    let plan = reading.plan();
    let refused = |error| too_many::explained(error, query, session);
    let tallied = Tallied::new(context, session);
    let is_small = match tallied.data(query, &plan).await.map_err(refused)? {
        tallied::Data::Counted(filtered, data) => {
            plans::report(format_args!("{plan}; only counted"));
            let total = tallied.total_count(query, Some(filtered)).await.map_err(refused)?;
            return Ok(List { meta: query.meta_of(total, filtered), data: Data::Value(data) });
        }
        tallied::Data::OfRows { is_small } => is_small,
    };
    let counted = tallied.filter_count(query).await.map_err(refused)?;
    let read = reading.read(&plan, query.window, counted, is_small).await.map_err(|error| {
        plans::report(format_args!("{plan}; refused; {}", reading.cost()));
        refused(error)
    })?;
    // Without `filter_count`, the matches are counted only as far as the window needs.
    let filtered = read.filtered.filter(|_| query.meta.contains(&Meta::FilterCount));
    let total = tallied.total_count(query, filtered).await.map_err(refused)?;
    let meta = query.meta_of(total, read.filtered.unwrap_or(0));
    let data = match read.kept {
        Kept::Data(data) => {
            plans::report(format_args!("{plan}; {}", reading.cost()));
            Data::Value(data)
        }
        kept => {
            let items = reading.window(kept).await?;
            plans::report(format_args!("{plan}; {}", reading.cost()));
            let (rows, related) = reading.show(items).await?;
            Data::Rows(rows, Box::new(related))
        }
    };
    Ok(List { meta, data })
}

/// Reads one reservation by its id; `None` stands for a text that is not a UUID. `ahead` is the row, if it was read together
/// with the caller.
///
/// Rights on the collection and its members are decided before the row is looked up, or before the one that was read is
/// looked at.
///
/// # Errors
/// `FORBIDDEN` when the row does not exist or belongs to an organisation that the caller may not see.
pub async fn one(
    context: &Context,
    session: Session<'_>,
    id: impl Into<Option<Uuid>>,
    raw: &RawQuery,
    ahead: Option<ReadAhead>,
) -> Result<(Query, Value), OperationError> {
    let query = session.query(Collection::CodeReservation, raw)?;
    let id = id.into().ok_or_else(OperationError::no_row)?;
    let item = session.caller.own(context.store().reservation_ahead(id, ahead).await?)?;
    let value = show_one(context, session, &query, &item).await?;
    Ok((query, value))
}

/// When the codes of a reservation were reserved; `None` before that, and for a row of a seed.
///
/// # Errors
/// `FORBIDDEN` when the row does not exist for the caller; `SERVICE_UNAVAILABLE` when DynamoDB does not answer.
pub async fn reserved_at(
    context: &Context,
    session: Session<'_>,
    id: Uuid,
) -> Result<Option<Timestamp>, OperationError> {
    session.caller.may(Action::Read, Collection::CodeReservation)?;
    let item = session.caller.own(context.store().reservation(id).await?)?;
    let Some(range) = item.range else { return Ok(None) };
    Ok(context.store().range_of(&range.namespace, range.start).await?.and_then(|range| range.at))
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
    let window = query.window.within(most + 1);
    let mut reading = Reading::open(context, session, query, &needs).await?;
    let plan = reading.plan();
    let read =
        reading.read(&plan, window, None, false).await.map_err(|error| too_many::explained(error, query, session))?;
    plans::report(format_args!("{plan}; {}", reading.cost()));
    reading.window(read.kept).await
}
