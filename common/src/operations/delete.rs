//! Deleting reservations. Their ranges stay: a code that may have been printed is never issued again (RSV-7). The export goes
//! when the deletion comes down the stream.

use std::collections::BTreeSet;

use serde_json::Value;
use uuid::Uuid;

use super::{
    batch::{Rows, parse_keys},
    create::MAX_BATCH,
    read::{Asker, matching},
};
use crate::{
    api::{Action, ApiError},
    context::Context,
    metrics::Event,
    query::Collection,
    reservation::COLLECTION,
    store::{Store, Written},
};

/// How often a deletion that was overtaken is made again on fresh data.
const MAX_TRIES: u32 = 20;

/// Deletes reservations by id, all or none.
///
/// # Errors
/// FORBIDDEN when one of them does not exist for the caller.
pub async fn ids(context: &Context, asker: Asker<'_>, ids: &[Uuid]) -> Result<(), ApiError> {
    asker.caller.may(Action::Delete, COLLECTION)?;
    let ids: Vec<Uuid> = ids.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    if ids.len() > MAX_BATCH {
        return Err(ApiError::InvalidPayload(format!(
            "{} rows in one request, {MAX_BATCH} at most are allowed",
            ids.len()
        )));
    }
    let store = Store::of(context);
    for _ in 0..MAX_TRIES {
        let read = store.reservations(&ids).await?;
        if read.len() < ids.len() || read.iter().any(|item| !asker.caller.sees(item.reserved_for.as_deref())) {
            return Err(ApiError::no_row());
        }
        if store.delete(&read).await? == Written::Done {
            return Ok(());
        }
        context.metrics().record(&Event::EditConflict);
    }
    Err(ApiError::Unavailable(format!("a deletion was overtaken {MAX_TRIES} times")))
}

/// Deletes many: an array of ids, `{keys}` or `{query}`. A query that matches nothing deletes nothing.
///
/// # Errors
/// As [`ids`]; INVALID_PAYLOAD for another shape or too many rows.
pub async fn many(context: &Context, asker: Asker<'_>, body: &Value) -> Result<(), ApiError> {
    asker.caller.may(Action::Delete, COLLECTION)?;
    match body {
        Value::Array(keys) => ids(context, asker, &parse_keys(keys)?).await,
        Value::Object(members) => match Rows::parse(members)? {
            Rows::Keys(keys) => ids(context, asker, &keys).await,
            Rows::Query(raw) => by_query(context, asker, &raw).await,
        },
        _ => Err(ApiError::InvalidPayload("\"value\" must be of type object".to_owned())),
    }
}

async fn by_query(context: &Context, asker: Asker<'_>, raw: &crate::query::RawQuery) -> Result<(), ApiError> {
    let query = asker.query(Collection::CodeReservation, raw)?;
    for _ in 0..MAX_TRIES {
        let read = matching(context, asker, &query).await?;
        if read.len() > MAX_BATCH {
            return Err(ApiError::InvalidPayload(format!(
                "{} rows match, {MAX_BATCH} at most can be deleted in one request",
                read.len()
            )));
        }
        // The condition on the version keeps the filter true of what is deleted: an overtaken row is looked at again.
        if Store::of(context).delete(&read).await? == Written::Done {
            return Ok(());
        }
        context.metrics().record(&Event::EditConflict);
    }
    Err(ApiError::Unavailable(format!("a deletion was overtaken {MAX_TRIES} times")))
}
