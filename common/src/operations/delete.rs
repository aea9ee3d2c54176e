//! Deletes reservations. Their ranges remain: a code that may have been printed is never issued again (RSV-7). The
//! export is deleted when the DynamoDB stream delivers the deletion.

use std::collections::BTreeSet;

use serde_json::Value;
use uuid::Uuid;

use super::{
    OperationError, Session,
    batch::{Rows, check_matches, check_number, parse_keys},
    create::MAX_BATCH,
    read::matching,
};
use crate::{
    context::Context,
    metrics::Event,
    query::{Action, Budget, Collection},
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

/// Deletes many: an array of ids, `{keys}` or `{query}`. A query that matches nothing deletes nothing.
///
/// # Errors
/// As [`by_ids`]; `INVALID_PAYLOAD` for another shape or too many rows.
pub async fn many(context: &Context, session: Session<'_>, body: &Value) -> Result<(), OperationError> {
    session.caller.may(Action::Delete, Collection::CodeReservation)?;
    match body {
        Value::Array(keys) => by_ids(context, session, &parse_keys(keys)?).await,
        Value::Object(members) => match Rows::parse(members)? {
            Rows::Keys(keys) => by_ids(context, session, &keys).await,
            Rows::Query(raw) => by_query(context, session, &raw).await,
        },
        _ => Err(OperationError::InvalidPayload("\"value\" must be of type object".to_owned())),
    }
}

async fn by_query(context: &Context, session: Session<'_>, raw: &crate::query::RawQuery) -> Result<(), OperationError> {
    let query = session.query(Collection::CodeReservation, raw)?;
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
