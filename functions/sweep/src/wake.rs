//! Wakes reservations (architecture, step 7): after 15 minutes without progress a reservation is retried, and after 8
//! attempts it ends with status `error`.

use std::time::{Duration, SystemTime};

use chrono::TimeDelta;
use common::{
    context::Context,
    reservation::{Reservation, Timestamp},
    store::{Saved, Store, StoreError},
};
use uuid::Uuid;

/// Minutes without progress after which a reservation is woken.
const STALE_MINUTES: i64 = 15;

/// Attempts before a reservation ends with an error.
const MAX_ATTEMPTS: u32 = 8;

/// Time reserved at the end of an invocation.
const RESERVE: Duration = Duration::from_secs(5);

/// The figures of a run.
#[derive(Default)]
pub(crate) struct Woken {
    /// Reservations that were woken.
    pub(crate) nudged: usize,
    /// Reservations that ended with an error.
    pub(crate) ended: usize,
}

pub(crate) async fn run(context: &Context, deadline: SystemTime) -> Result<Woken, StoreError> {
    let store = context.store();
    let now = context.now();
    let mut entries = store.open_entries();
    let mut woken = Woken::default();
    // A reservation that cannot be read or written must not block those after it. The first error is returned at
    // the end.
    let mut failed: Option<StoreError> = None;
    // If time runs out, the next run continues: reservations that were woken have recent progress and are skipped.
    while SystemTime::now() + RESERVE < deadline {
        let ids = entries.next(store, 100).await?;
        if ids.is_empty() {
            break;
        }
        for item in readable(store, &ids, &mut failed).await {
            if is_stale(&item, now)
                && let Err(error) = wake(store, &item, now, &mut woken).await
            {
                failed.get_or_insert(error);
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

fn is_stale(item: &Reservation, now: Timestamp) -> bool {
    let limit = now.time() - TimeDelta::minutes(STALE_MINUTES);
    item.is_open() && item.progress_at.is_none_or(|progress| progress.time() <= limit)
}

async fn wake(store: Store<'_>, item: &Reservation, now: Timestamp, woken: &mut Woken) -> Result<(), StoreError> {
    // The write does nothing if the reservation changed in the meantime, because then it made progress.
    if item.attempts < MAX_ATTEMPTS {
        if store.nudge(item, now).await? == Saved::Done {
            woken.nudged += 1;
        }
    } else {
        let message = format!("It failed {MAX_ATTEMPTS} times. Set the status to \"new\" to try again.");
        if store.give_up(item, &message, now).await? == Saved::Done {
            tracing::error!(reservation = %item.id, "reservation {} ends after {MAX_ATTEMPTS} tries", item.id);
            woken.ended += 1;
        }
    }
    Ok(())
}
