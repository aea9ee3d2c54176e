//! Processes a batch: reads every reservation, allocates ranges, then writes small exports, then slices of large ones.

use std::time::{Duration, SystemTime};

use common::{
    context::Context,
    metrics::Event,
    operations::tidy,
    reservation::{Attempt, ExportKey, MAX_ATTEMPTS, Reservation, Work},
};
use futures::{StreamExt, stream::FuturesUnordered};

use crate::{
    allocate,
    error::{WorkError, fail_if_permanent},
    export,
    records::Hint,
};

/// Small exports (one PutObject each) that run concurrently. Each holds up to 8 MiB; label sheets hold somewhat more.
const SMALL_EXPORTS_AT_ONCE: usize = 3;

/// The next step of a reservation.
enum Next {
    Nothing,
    Allocate(Box<Reservation>),
    Export(Box<Reservation>),
}

/// Does the next step of each reservation. Gives one result per hint.
pub(crate) async fn run(
    context: &Context,
    hints: Vec<Hint>,
    deadline: SystemTime,
) -> Vec<(Hint, Result<(), WorkError>)> {
    // The reservations whose attempt was counted, as they were then.
    let mut counted: Vec<Option<Reservation>> = hints.iter().map(|_| None).collect();
    let looks = hints.iter().zip(&mut counted).map(|(hint, counted)| look(context, hint, counted));
    let looked = futures::future::join_all(looks).await;
    let mut results: Vec<Result<(), WorkError>> = Vec::with_capacity(hints.len());
    let mut fresh = Vec::new();
    let mut exports = Vec::new();
    for (position, next) in looked.into_iter().enumerate() {
        results.push(match next {
            Ok(Next::Nothing) => Ok(()),
            Ok(Next::Allocate(item)) => {
                fresh.push((position, *item));
                Ok(())
            }
            Ok(Next::Export(item)) => {
                exports.push((position, *item));
                Ok(())
            }
            Err(error) => Err(error),
        });
    }
    for (position, result) in allocate::run(context, fresh).await {
        match result {
            Ok(Some(item)) => exports.push((position, item)),
            Ok(None) => {}
            Err(error) => set(&mut results, position, Err(error)),
        }
    }
    for (position, result) in run_exports(context, exports, deadline).await {
        set(&mut results, position, result);
    }
    for (counted, result) in counted.iter().zip(&results) {
        if let (Some(counted), Err(WorkError::Away(_))) = (counted, result)
            && let Err(error) = context.store().take_back_attempt(counted).await
        {
            tracing::warn!(reservation = %counted.id, %error, "an attempt stays counted although a store was away");
        }
    }
    hints.into_iter().zip(results).collect()
}

fn set(results: &mut [Result<(), WorkError>], position: usize, result: Result<(), WorkError>) {
    if let Some(slot) = results.get_mut(position) {
        *slot = result;
    }
}

/// Reads the item (consistently), removes leftovers of other incarnations and generations, and decides the next step.
async fn look(context: &Context, hint: &Hint, counted: &mut Option<Reservation>) -> Result<Next, WorkError> {
    let (store, bucket) = (context.store(), context.bucket());
    let item = store.reservation(hint.id).await?;
    for known in &hint.incarnations {
        if item.as_ref().is_none_or(|item| item.incarnation != known.incarnation) {
            tidy::remove_all(store, bucket, known).await?;
        }
    }
    let Some(item) = item.filter(|item| !item.seeded) else { return Ok(Next::Nothing) };
    let attempts = item.attempts;
    let Some(item) = count_attempt(context, item).await? else { return Ok(Next::Nothing) };
    *counted = (item.attempts > attempts).then(|| item.clone());
    match Work::of(&item) {
        Work::Nothing => Ok(Next::Nothing),
        Work::Allocate => Ok(Next::Allocate(Box::new(item))),
        Work::Export => Ok(Next::Export(Box::new(item))),
        Work::Tidy => {
            tidy::remove_unreferenced(bucket, &item).await?;
            Ok(Next::Nothing)
        }
        Work::Impossible => Err(WorkError::Permanent(format!("status {} does not fit the range", item.status))),
    }
}

/// Counts the attempt before it is made, if the reservation was woken. Gives `None` when there is nothing to try: the
/// reservation changed, or it ended because its attempts are used up.
///
/// # Errors
/// `WorkError::Away` when DynamoDB, S3 or the secret cannot be reached. Then nothing is counted: an outage ends no
/// reservation, however long it lasts. One that shows later takes the count back ([`run`]).
async fn count_attempt(context: &Context, item: Reservation) -> Result<Option<Reservation>, WorkError> {
    let attempt = Attempt::of(&item, MAX_ATTEMPTS);
    if attempt == Attempt::Try {
        return Ok(Some(item));
    }
    context.secret().await?;
    // Any key will do.
    context.bucket().head(ExportKey::PREFIX).await?;
    if attempt == Attempt::Count {
        return Ok(context.store().count_attempt(&item, context.now()).await?);
    }
    context.metrics().record(&Event::GivenUp);
    let message = format!("It failed {MAX_ATTEMPTS} times. Set the status to \"new\" to try again.");
    fail_if_permanent(context, &item, Err(WorkError::Permanent(message))).await
}

async fn run_exports(
    context: &Context,
    items: Vec<(usize, Reservation)>,
    deadline: SystemTime,
) -> Vec<(usize, Result<(), WorkError>)> {
    let mut done = Vec::with_capacity(items.len());
    let (mut small, mut large) = (Vec::new(), Vec::new());
    for (position, item) in items {
        match export::Job::prepare(context, item).await {
            Ok(Some(job)) if job.is_small() => small.push((position, job)),
            Ok(Some(job)) => large.push((position, job)),
            Ok(None) => done.push((position, Ok(()))),
            Err(error) => done.push((position, Err(error))),
        }
    }
    let mut running = FuturesUnordered::new();
    for (position, job) in small {
        if running.len() >= SMALL_EXPORTS_AT_ONCE {
            done.extend(running.next().await);
        }
        running.push(async move { (position, job.run(Duration::MAX, deadline).await) });
    }
    while let Some(result) = running.next().await {
        done.push(result);
    }
    // All slices of a batch share the time of one, so that the batch after it, with its small exports, comes soon.
    let host = context.host();
    let time = host.left_until(deadline).saturating_sub(export::RESERVE);
    let (time, begun) = (context.config().slice.min(time), host.uptime());
    for (left, (position, job)) in (1..=u32::try_from(large.len()).unwrap_or(u32::MAX)).rev().zip(large) {
        let slice = time.saturating_sub(host.uptime().saturating_sub(begun)) / left;
        done.push((position, job.run(slice, deadline).await));
    }
    done
}
