//! Wakes reservations (architecture, step 7): after 15 minutes without progress a reservation is tried again. The worker
//! that tries it counts the attempt and ends it after the last one, so nothing ends that nobody tried.

use std::time::{Duration, SystemTime};

use common::{
    context::Context,
    reservation::{Reservation, is_stale},
    store::{Saved, Store, StoreError},
};
use uuid::Uuid;

/// Time reserved at the end of an invocation.
const RESERVE: Duration = Duration::from_secs(5);

/// Wakes what waits. Gives the number of reservations that were woken.
pub(crate) async fn run(context: &Context, deadline: SystemTime) -> Result<usize, StoreError> {
    let store = context.store();
    let now = context.now();
    let mut entries = store.open_entries();
    let mut woken = 0;
    // A reservation that cannot be read or written must not block those after it. The first error is returned at
    // the end.
    let mut failed: Option<StoreError> = None;
    // If time runs out, the next run continues: reservations that were woken have recent progress and are skipped.
    while context.host().time() + RESERVE < deadline {
        let ids = entries.next(store, 100).await?;
        if ids.is_empty() {
            break;
        }
        for item in readable(store, &ids, &mut failed).await {
            if !is_stale(&item, now) {
                continue;
            }
            // The write does nothing if the reservation changed in the meantime, because then it made progress.
            match store.wake(&item, now).await {
                Ok(saved) => woken += usize::from(saved == Saved::Done),
                Err(error) => {
                    failed.get_or_insert(error);
                }
            }
        }
    }
    failed.map_or(Ok(woken), Err)
}

/// Reads a page of reservations at once; if that fails, one by one.
async fn readable(store: Store<'_>, ids: &[Uuid], failed: &mut Option<StoreError>) -> Vec<Reservation> {
    match store.reservations(ids).await {
        Ok(items) => items,
        Err(_) => {
            let mut items = Vec::new();
            for id in ids {
                match store.reservations(std::slice::from_ref(id)).await {
                    Ok(one) => items.extend(one),
                    Err(error) => {
                        tracing::error!(reservation = %id, error = %error, "reservation {id} cannot be read");
                        failed.get_or_insert(error);
                    }
                }
            }
            items
        }
    }
}
