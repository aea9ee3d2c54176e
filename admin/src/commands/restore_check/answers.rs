//! Answers that are remembered under an Idempotency-Key, and whose reservations a restore lost.
//!
//! A client that repeats such a request would get the remembered answer, and believe that its reservation exists.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use common::{context::Context, store::Remembered};
use futures::{StreamExt, stream};
use uuid::Uuid;

use super::evidence::{Kind, Unclear};
use crate::{
    check::{Readable, readable},
    failure::Failure,
    progress::Progress,
};

/// Rows of one read.
const ROWS: usize = 1_000;

/// Answers that are forgotten at once.
const AT_ONCE: usize = 8;

/// The requests that were answered since a time, and of whose reservations one does not exist.
///
/// # Errors
/// [`Failure`] when DynamoDB does not answer.
pub(super) async fn lost(
    context: &Context,
    since: DateTime<Utc>,
    unclear: &mut Vec<Unclear>,
) -> Result<Vec<Remembered>, Failure> {
    let progress = Progress::new("answers", None);
    let (mut lost, mut after) = (Vec::new(), None);
    loop {
        let page = context.store().requests_page(since.timestamp(), after.as_deref()).await?;
        progress.add(page.requests.len() as u64);
        unclear.extend(page.unreadable.into_iter().map(|(key, reason)| Unclear {
            kind: Kind::Request,
            key,
            upload: None,
            reason,
        }));
        let ids: BTreeSet<Uuid> = page.requests.iter().flat_map(|request| request.ids.iter().copied()).collect();
        let ids: Vec<Uuid> = ids.into_iter().collect();
        let mut known = BTreeSet::new();
        for ids in ids.chunks(ROWS) {
            let Readable { rows, unreadable } = readable(context, ids).await?;
            known.extend(rows.into_iter().map(|item| item.id));
            known.extend(unreadable.into_keys());
        }
        let is_lost = |request: &Remembered| !request.ids.iter().all(|id| known.contains(id));
        // The answers themselves may be long, and are not needed.
        lost.extend(page.requests.into_iter().filter(is_lost).map(|one| Remembered { answer: None, ..one }));
        after = page.next;
        if after.is_none() {
            return Ok(lost);
        }
    }
}

/// Forgets requests. Gives the number of those that are forgotten, and the first failure.
pub(super) async fn forget(context: &Context, requests: &[Remembered]) -> (usize, Result<(), Failure>) {
    let store = context.store();
    let mut results = stream::iter(requests).map(|request| store.forget_request(request)).buffered(AT_ONCE);
    let mut forgotten = 0;
    while let Some(result) = results.next().await {
        if let Err(error) = result {
            return (forgotten, Err(error.into()));
        }
        forgotten += 1;
    }
    (forgotten, Ok(()))
}
