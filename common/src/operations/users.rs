//! Users, as far as a caller may see them.

use serde_json::Value;

use super::{Loader, read::Asker, rows};
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
    let mut loader = Loader::new(context, asker.caller);
    loader.to_evaluate(&query.needs(), Collection::Users, &rows).await?;
    loader.to_render(&query.needs(), Collection::Users, &rows).await?;
    let answer = query.run(&rows, &loader.related);
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
    show(context, asker, query, rows::user(&user)).await
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
    show(context, asker, query, rows::user(user)).await
}

async fn show(context: &Context, asker: Asker<'_>, query: Query, row: Row) -> Result<(Query, Value), ApiError> {
    let rows = [row];
    let mut loader = Loader::new(context, asker.caller);
    loader.to_evaluate(&query.needs(), Collection::Users, &rows).await?;
    loader.to_render(&query.needs(), Collection::Users, &rows).await?;
    let value = query.run_one(rows.first(), &loader.related)?;
    Ok((query, value))
}
