//! Deletes reservations. Their ranges remain: a code that may have been printed is never issued again (RSV-7). The
//! export is deleted when the DynamoDB stream delivers the deletion.

use std::collections::BTreeSet;

use serde_json::Value;
use uuid::Uuid;

use super::{
    OperationError, Session,
    batch::{Rows, check_matches, check_number, uuid_key},
    create::MAX_BATCH,
    read::matching,
};
use crate::{
    context::Context,
    metrics::Event,
    query::{Action, Budget, Collection, RawQuery},
    store::Written,
};

/// Maximum tries of a deletion after version conflicts.
const MAX_TRIES: u32 = 20;

/// Deletes reservations by id, all or none.
///
/// # Errors
/// `FORBIDDEN` when one of them does not exist for the caller; `SERVICE_UNAVAILABLE` when DynamoDB does not answer.
pub async fn by_ids(context: &Context, session: Session<'_>, ids: &[Uuid]) -> Result<(), OperationError> {
    session.caller.may(Action::Delete, Collection::CodeReservation)?;
    check_number(ids.len())?;
    let ids: Vec<Uuid> = ids.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let store = context.store();
    for _ in 0..MAX_TRIES {
        let read = store.reservations(&ids).await?;
        if read.len() < ids.len() || read.iter().any(|item| !session.caller.sees(item.reserved_for.as_deref())) {
            return Err(OperationError::no_row());
        }
        if store.delete(&read).await? == Written::Done {
            return Ok(());
        }
        context.metrics().record(&Event::EditConflict);
    }
    Err(OperationError::Unavailable(format!("a deletion was overtaken {MAX_TRIES} times")))
}

/// Deletes many: an array of ids, `{keys}` or `{query}`. A query that matches nothing deletes nothing. `beside` are the
/// parameters beside the body, in the query string.
///
/// # Errors
/// As [`by_ids`]; `INVALID_PAYLOAD` for another shape or too many rows; `INVALID_QUERY` for a query that names no rows
/// ([`Session::selection`]), and for a selection beside the body ([`no_selection`]).
pub async fn many(
    context: &Context,
    session: Session<'_>,
    body: &Value,
    beside: &RawQuery,
) -> Result<(), OperationError> {
    session.caller.may(Action::Delete, Collection::CodeReservation)?;
    let rows = Rows::of_deletion(body, uuid_key)?;
    no_selection(beside)?;
    match rows {
        Rows::Keys(keys) => by_ids(context, session, &keys).await,
        Rows::Query(raw) => by_query(context, session, &raw).await,
    }
}

/// Refuses parameters in the query string of a deletion that would select rows in a read. The body or the path alone
/// names the rows, so a deletion that ignored them would delete rows that the client excludes.
///
/// # Errors
/// `INVALID_QUERY` for such a parameter.
pub fn no_selection(beside: &RawQuery) -> Result<(), OperationError> {
    const SELECTING: [&str; 7] = ["filter", "search", "limit", "offset", "page", "keys", "query"];
    match beside.names().find(|name| SELECTING.contains(name)) {
        Some(name) => Err(OperationError::InvalidQuery(format!(
            "\"{name}\" in the query string does not select what is deleted; write it into \"query\" in the body"
        ))),
        None => Ok(()),
    }
}

async fn by_query(context: &Context, session: Session<'_>, raw: &RawQuery) -> Result<(), OperationError> {
    let query = session.selection(Collection::CodeReservation, raw)?;
    for _ in 0..MAX_TRIES {
        let budget = Budget::of_rows(context.config().max_scan);
        let read = matching(context, session.again(&budget), &query, MAX_BATCH).await?;
        check_matches(read.len(), "deleted")?;
        // The condition on the version ensures that only rows that still match are deleted: after a conflict the query
        // runs again.
        if context.store().delete(&read).await? == Written::Done {
            return Ok(());
        }
        context.metrics().record(&Event::EditConflict);
    }
    Err(OperationError::Unavailable(format!("a deletion was overtaken {MAX_TRIES} times")))
}
