//! Users, as far as a caller may see them.

use serde_json::Value;

use super::{in_memory, read::Asker, rows};
use crate::{
    api::{Action, ApiError},
    context::Context,
    query::{self, Answer, Collection, Query, RawQuery, Row},
    store::Store,
};

/// Lists users.
///
/// # Errors
/// What the parameters deserve, or the store's.
pub async fn list(context: &Context, asker: Asker<'_>, raw: &RawQuery) -> Result<(Query, Answer), ApiError> {
    let query = asker.query(Collection::Users, raw)?;
    let users = Store::of(context).all_users().await?;
    let rows: Vec<Row> = users.iter().map(rows::user).collect();
    let answer = in_memory::list(context, asker, &query, &rows).await?;
    Ok((query, answer))
}

/// Reads one user.
///
/// # Errors
/// FORBIDDEN for a user that does not exist.
pub async fn one(context: &Context, asker: Asker<'_>, id: &str, raw: &RawQuery) -> Result<(Query, Value), ApiError> {
    let query = asker.query(Collection::Users, raw)?;
    let Some(id) = crate::reservation::uuid(id) else { return Err(ApiError::no_row()) };
    let user = Store::of(context).user(&id.to_string()).await?.ok_or_else(ApiError::no_row)?;
    let value = in_memory::one(context, asker, &query, rows::user(&user)).await?;
    Ok((query, value))
}

/// Reads the caller. Whoever may not read users still sees the own `id`.
///
/// # Errors
/// INVALID_CREDENTIALS without a token.
pub async fn me(context: &Context, asker: Asker<'_>, raw: &RawQuery) -> Result<(Query, Value), ApiError> {
    let user = asker.caller.get().ok_or(ApiError::InvalidCredentials)?;
    let access = match asker.caller.may(Action::Read, Collection::Users.name()) {
        Ok(()) => asker.access(),
        Err(_) => asker.access().for_own_account(),
    };
    let query = query::parse(raw, Collection::Users, &access, asker.now.time())?;
    let value = in_memory::one(context, asker, &query, rows::user(user)).await?;
    Ok((query, value))
}
