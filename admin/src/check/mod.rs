//! The check of a live deployment: the invariants RSV-1 … RSV-5, RSV-7 … RSV-9 and RSV-11 of docs/architecture.md over
//! tables and bucket, page by page.
//!
//! The rules are the functions of `common::reservation::invariants`, which the tests use too. This module reads what
//! they need and nothing else, so memory does not grow with the deployment. The deployment runs meanwhile: what looks
//! wrong is read once more before it is reported.

pub mod bucket;
pub mod cursor;
pub mod pools;
pub mod quotas;
pub mod reservations;

use std::{collections::BTreeMap, future::Future, time::Duration};

use chrono::TimeDelta;
use common::{
    context::Context,
    reservation::{Reservation, Timestamp, invariants::Breach},
    store::StoreError,
};
use uuid::Uuid;

use crate::failure::Failure;

/// Wait before what looks wrong is read once more. A transaction and its index entries take much less.
const AGAIN: Duration = Duration::from_secs(2);

/// What a check has in common.
pub struct Check<'a> {
    /// The deployment.
    pub context: &'a Context,
    /// How old something must be to be a breach of RSV-5: the service wakes and tidies up to then.
    pub grace: TimeDelta,
    /// When the check began. What was made later is left out, so that the check ends however fast the deployment grows.
    pub begun: Timestamp,
}

impl Check<'_> {
    /// Whether a time is so long ago that the service should have acted. A missing time is.
    #[must_use]
    pub fn is_overdue(&self, time: Option<Timestamp>) -> bool {
        time.is_none_or(|time| time.time() + self.grace <= self.context.now().time())
    }

    /// Whether something existed when the check began. Something without a time did.
    #[must_use]
    pub fn existed(&self, made: Option<Timestamp>) -> bool {
        made.is_none_or(|made| made <= self.begun)
    }

    /// The same for seconds since 1970.
    #[must_use]
    pub fn existed_since(&self, seconds: Option<i64>) -> bool {
        seconds.is_none_or(|seconds| seconds <= self.begun.time().timestamp())
    }

    /// [`Check::is_overdue`] for seconds since 1970.
    #[must_use]
    pub fn is_overdue_since(&self, seconds: Option<i64>) -> bool {
        let limit = self.context.now().time().timestamp().saturating_sub(self.grace.num_seconds());
        seconds.is_none_or(|seconds| seconds <= limit)
    }
}

/// Reservations that were read.
#[derive(Default)]
pub struct Readable {
    /// Those that exist and can be read.
    pub rows: Vec<Reservation>,
    /// Why others cannot be read. One damaged row does not end a check.
    pub unreadable: BTreeMap<Uuid, String>,
}

/// Reads reservations.
///
/// # Errors
/// [`Failure`] when DynamoDB does not answer.
pub async fn readable(context: &Context, ids: &[Uuid]) -> Result<Readable, Failure> {
    let store = context.store();
    match store.reservations(ids).await {
        Ok(rows) => return Ok(Readable { rows, ..Readable::default() }),
        Err(StoreError::Corrupt { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let mut read = Readable::default();
    for id in ids {
        match store.reservation(*id).await {
            Ok(row) => read.rows.extend(row),
            Err(StoreError::Corrupt { reason, .. }) => drop(read.unreadable.insert(*id, reason)),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(read)
}

/// Looks, and looks once more if something was found. Gives what the second look found.
///
/// # Errors
/// Those of `look`.
pub async fn twice<F: Future<Output = Result<Vec<Breach>, Failure>>>(
    look: impl Fn() -> F,
) -> Result<Vec<Breach>, Failure> {
    if look().await?.is_empty() {
        return Ok(Vec::new());
    }
    tokio::time::sleep(AGAIN).await;
    look().await
}
