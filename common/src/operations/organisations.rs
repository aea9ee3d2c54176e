//! Organisations, as far as a caller may see them. Read only: they are made by the operators of the service.

use serde_json::Value;

use super::{in_memory, read::Asker, rows};
use crate::{
    api::ApiError,
    context::Context,
    query::{Answer, Collection, Query, RawQuery, Row},
    store::Store,
};

/// Lists organisations; a caller of some organisations sees those (RSV-6).
///
/// # Errors
/// What the parameters deserve, or the store's.
pub async fn list(context: &Context, asker: Asker<'_>, raw: &RawQuery) -> Result<(Query, Answer), ApiError> {
    let query = asker.query(Collection::Organisation, raw)?;
    let store = Store::of(context);
    let organisations = match asker.caller.organisations() {
        Some(own) => store.organisations(own).await?,
        None => store.all_organisations().await?,
    };
    let rows: Vec<Row> = organisations.iter().map(rows::organisation).collect();
    let answer = in_memory::list(context, asker, &query, &rows).await?;
    Ok((query, answer))
}

/// Reads one organisation.
///
/// # Errors
/// FORBIDDEN, the same for an organisation that does not exist and one that does not exist for the caller (RSV-6).
pub async fn one(context: &Context, asker: Asker<'_>, id: &str, raw: &RawQuery) -> Result<(Query, Value), ApiError> {
    let query = asker.query(Collection::Organisation, raw)?;
    if !asker.caller.sees(Some(id)) {
        return Err(ApiError::no_row());
    }
    let organisation = Store::of(context).organisation(id).await?.ok_or_else(ApiError::no_row)?;
    let value = in_memory::one(context, asker, &query, rows::organisation(&organisation)).await?;
    Ok((query, value))
}
