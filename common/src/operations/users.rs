//! Reads users, limited to those and to the members that the caller may see.

use serde_json::Value;

use super::{
    OperationError, Session,
    in_memory::{self, Items},
    rows,
};
use crate::{
    context::Context,
    query::{self, Answer, Collection, Query, RawQuery},
};

/// Lists users. A caller who is limited to organisations sees those who share one of them.
///
/// # Errors
/// `INVALID_QUERY` or `FORBIDDEN` for bad parameters; `INVALID_QUERY` beyond `MaxScan` items; `SERVICE_UNAVAILABLE`
/// when DynamoDB does not answer.
pub async fn list(context: &Context, session: Session<'_>, raw: &RawQuery) -> Result<(Query, Answer), OperationError> {
    let query = session.query(Collection::Users, raw)?;
    let users = context.store().users_that(|theirs| session.caller.sees_user(theirs)).await?;
    let answer = in_memory::list(context, session, &query, &Items(&users, rows::user)).await?;
    Ok((query, answer))
}

/// Reads one user.
///
/// # Errors
/// `FORBIDDEN`, the same for a user who does not exist and one who does not exist for the caller.
pub async fn one(
    context: &Context,
    session: Session<'_>,
    id: &str,
    raw: &RawQuery,
) -> Result<(Query, Value), OperationError> {
    let query = session.query(Collection::Users, raw)?;
    let Some(id) = crate::reservation::uuid(id) else { return Err(OperationError::no_row()) };
    let user = context.store().user_that(&id.to_string(), |theirs| session.caller.sees_user(theirs)).await?;
    let user = user.ok_or_else(OperationError::no_row)?;
    let value = in_memory::one(context, session, &query, rows::user(&user)).await?;
    Ok((query, value))
}

/// Reads the caller. A caller who may not read users sees only their own `id`. The limits for other users do not apply.
///
/// # Errors
/// `INVALID_CREDENTIALS` without a token.
pub async fn me(context: &Context, session: Session<'_>, raw: &RawQuery) -> Result<(Query, Value), OperationError> {
    let user = session.caller.get().ok_or(OperationError::InvalidCredentials)?;
    let access = session.access().for_own_account();
    let query = query::parse(raw, Collection::Users, &access, session.now.time(), session.budget)?;
    let value = in_memory::one(context, session, &query, rows::user(user)).await?;
    Ok((query, value))
}
