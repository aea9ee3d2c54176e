//! The limit of open reservations of an organisation (`MaxOpenReservations`), for callers who are limited to
//! organisations.
//!
//! The count comes from an index that is eventually consistent, so concurrent requests may exceed the limit by what
//! they create within about a second. The limit protects the service from one tenant's backlog; it is not an invariant.

use std::collections::BTreeMap;

use super::{Caller, OperationError};
use crate::{code::grouped, context::Context, reservation::Reservation};

/// Number of organisations that are counted concurrently.
const AT_ONCE: usize = 8;

/// Checks rows that become open, or that move to another organisation while they are open.
///
/// # Errors
/// `INVALID_PAYLOAD` when an organisation would have more open reservations than allowed; `SERVICE_UNAVAILABLE` when
/// DynamoDB does not answer.
pub(super) async fn check(context: &Context, caller: &Caller, opened: &[&Reservation]) -> Result<(), OperationError> {
    if caller.organisations().is_none() {
        return Ok(());
    }
    let mut added: BTreeMap<&str, usize> = BTreeMap::new();
    for item in opened.iter().filter(|item| item.is_open()) {
        if let Some(organisation) = item.reserved_for.as_deref().filter(|organisation| !organisation.is_empty()) {
            *added.entry(organisation).or_default() += 1;
        }
    }
    let added: Vec<(&str, usize)> = added.into_iter().collect();
    for some in added.chunks(AT_ONCE) {
        let checks = some.iter().map(|(organisation, added)| check_one(context, organisation, *added));
        futures::future::try_join_all(checks).await?;
    }
    Ok(())
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
