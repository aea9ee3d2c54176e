//! Keeps the tallies (`common::store`, `counting`). A record is a hint, as for reserve-codes: it names a reservation
//! whose row is read, so duplicate, late and reordered records do no harm.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime},
};

use common::{
    context::Context,
    metrics::{Event, Tallied},
    store::{MAX_COUNTED, Recounted},
};
use uuid::Uuid;

use crate::changes::Change;

/// Counts the reservations that changed. Gives the sequence numbers of the records of those that could not be counted.
///
/// A record whose images are counted alike costs nothing: the progress of an export, a new file, keys of indexes.
pub(crate) async fn follow(context: &Context, changes: &[Change]) -> Vec<String> {
    let mut records: BTreeMap<Uuid, Vec<&str>> = BTreeMap::new();
    let mut oldest: Option<SystemTime> = None;
    for change in changes {
        let [before, after] = &change.counted;
        if before.is_some() && before == after {
            continue;
        }
        records.entry(change.id).or_default().push(&change.sequence_number);
        oldest = Some(oldest.map_or(change.at, |oldest| oldest.min(change.at)));
    }
    let Some(oldest) = oldest else { return Vec::new() };
    let (ids, store) = (records.keys().copied().collect::<Vec<_>>(), context.store());
    let mut done = Recounted::default();
    for ids in ids.chunks(MAX_COUNTED) {
        match store.count_rows(ids, context.now()).await {
            Ok(counted) => done.add(counted),
            Err(error) => {
                tracing::warn!(error = %error, rows = ids.len(), "{} reservations were not counted for now", ids.len());
                done.failed.extend(ids);
            }
        }
    }
    let lag = context.host().time().duration_since(oldest).unwrap_or_default();
    record(context, &done, lag);
    let failed: BTreeSet<Uuid> = done.failed.into_iter().collect();
    let of_failed = records.iter().filter(|(id, _)| failed.contains(id));
    of_failed.flat_map(|(_, numbers)| numbers.iter().map(|number| (*number).to_owned())).collect()
}

fn record(context: &Context, done: &Recounted, lag: Duration) {
    let Recounted { moved, transactions, conflicts, failed } = done;
    let lag_ms = u64::try_from(lag.as_millis()).unwrap_or(u64::MAX);
    tracing::debug!(moved, transactions, conflicts, failed = failed.len(), lag_ms, "counted {moved} reservations");
    context.metrics().record(&Event::Tallied(Tallied {
        rows: *moved,
        transactions: *transactions,
        conflicts: *conflicts,
        failed: failed.len(),
        lag_ms,
    }));
}
