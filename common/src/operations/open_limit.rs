//! The limit of open reservations of an organisation (`MaxOpenReservations`), for callers who are limited to
//! organisations.
//!
//! The check precedes the write, and the count comes from an index that lags by about a second. So requests that run at
//! the same time may exceed the limit, each by the rows that it opens (100 at most). The limit protects the service from
//! one tenant's backlog; it is not an invariant.

use std::collections::BTreeMap;

use super::{Caller, OperationError};
use crate::{code::grouped, concurrency, context::Context, reservation::Reservation};

/// Checks changes of rows: each as it was, if it existed, and as it will be. Those that stop being open, or leave an
/// organisation, make room for others of the same request.
///
/// # Errors
/// `INVALID_PAYLOAD` when an organisation would have more open reservations than allowed; `SERVICE_UNAVAILABLE` when
/// DynamoDB does not answer.
pub(super) async fn check(
    context: &Context,
    caller: &Caller,
    changes: impl Iterator<Item = (Option<&Reservation>, &Reservation)>,
) -> Result<(), OperationError> {
    if caller.organisations().is_none() {
        return Ok(());
    }
    // More open rows, and fewer.
    let mut changed: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (old, new) in changes {
        if let Some(organisation) = counted_for(new) {
            changed.entry(organisation).or_default().0 += 1;
        }
        if let Some(organisation) = old.and_then(counted_for) {
            changed.entry(organisation).or_default().1 += 1;
        }
    }
    let added = changed.into_iter().map(|(organisation, (more, fewer))| (organisation, more.saturating_sub(fewer)));
    let added: Vec<(&str, usize)> = added.filter(|(_, added)| *added > 0).collect();
    concurrency::all(added.into_iter().map(|(organisation, added)| check_one(context, organisation, added))).await?;
    Ok(())
}

/// The organisation among whose open reservations a row counts.
fn counted_for(item: &Reservation) -> Option<&str> {
    item.reserved_for.as_deref().filter(|organisation| item.is_open() && !organisation.is_empty())
}

async fn check_one(context: &Context, organisation: &str, added: usize) -> Result<(), OperationError> {
    let most = context.config().max_open_reservations;
    // One more than may be open before this request.
    let enough = (most + 1).saturating_sub(added);
    if enough > 0 && context.store().open_reservations(organisation, enough).await? < enough {
        return Ok(());
    }
    Err(OperationError::InvalidPayload(format!(
        "Organisation \"{organisation}\" would have more than {} open reservations; try again when some are complete",
        grouped(most as u64)
    )))
}
