//! Reads organisations, limited to those that the caller may see. Only operators of the service create or change them.

use serde_json::Value;

use super::{
    OperationError, Session,
    in_memory::{self, Items},
    rows,
};
use crate::{
    context::Context,
    query::{Answer, Collection, Query, RawQuery},
};

/// Lists organisations. A caller with a limited set of organisations sees only those (RSV-6).
///
/// # Errors
/// `INVALID_QUERY` or `FORBIDDEN` for bad parameters; `INVALID_QUERY` beyond `MaxScan` items; `SERVICE_UNAVAILABLE`
/// when DynamoDB does not answer.
pub async fn list(context: &Context, session: Session<'_>, raw: &RawQuery) -> Result<(Query, Answer), OperationError> {
    let query = session.query(Collection::Organisation, raw)?;
    let store = context.store();
    let organisations = match session.caller.organisations() {
        Some(own) => store.organisations(own).await?,
        None => store.all_organisations().await?,
    };
    let answer = in_memory::list(context, session, &query, &Items(&organisations, rows::organisation)).await?;
    Ok((query, answer))
}

/// Reads one organisation.
///
/// # Errors
/// `FORBIDDEN`, the same for an organisation that does not exist and one that does not exist for the caller (RSV-6).
pub async fn one(
    context: &Context,
    session: Session<'_>,
    id: &str,
    raw: &RawQuery,
) -> Result<(Query, Value), OperationError> {
    let query = session.query(Collection::Organisation, raw)?;
    if !session.caller.sees(Some(id)) {
        return Err(OperationError::no_row());
    }
    let organisation = context.store().organisation(id).await?.ok_or_else(OperationError::no_row)?;
    let value = in_memory::one(context, session, &query, rows::organisation(&organisation)).await?;
    Ok((query, value))
}
