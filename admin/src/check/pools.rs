//! Pools and their ranges: RSV-1, RSV-3, RSV-7, RSV-8, RSV-11, and RSV-2 of the reservations that own ranges.

use std::collections::BTreeSet;

use common::{
    code::{Namespace, PoolSpec},
    context::Context,
    reservation::invariants::{Breach, ClaimState, PoolState, PoolWalk, RangeState, State},
    store::{Pool, RangeEntry},
};
use uuid::Uuid;

use super::{AGAIN, readable};
use crate::{failure::Failure, progress::Progress};

/// Checks a pool and its ranges. Gives the number of ranges, and adds what is wrong to `breaches`.
///
/// # Errors
/// [`Failure`] when a store does not answer or an item cannot be read.
pub async fn check(
    context: &Context,
    namespace: &Namespace,
    progress: &Progress,
    breaches: &mut Vec<Breach>,
) -> Result<u64, Failure> {
    let (ranges, found) = once(context, namespace, progress).await?;
    if found.is_empty() {
        return Ok(ranges);
    }
    tokio::time::sleep(AGAIN).await;
    let (ranges, found) = once(context, namespace, progress).await?;
    breaches.extend(found);
    Ok(ranges)
}

async fn once(context: &Context, namespace: &Namespace, progress: &Progress) -> Result<(u64, Vec<Breach>), Failure> {
    let store = context.store();
    let Some(pool) = store.pool(namespace).await? else {
        let found = format!("{namespace} is in the index over pools, and there is no such pool");
        return Ok((0, vec![Breach { id: "RSV-3", found }]));
    };
    let mut breaches = of_row(context, &pool).await?;
    let state = state(&pool);
    let mut walk = PoolWalk::new(&state);
    let mut count = 0;
    // Ranges that begin at or after the counter that was read belong to later allocations.
    let mut starts = pool.next.checked_sub(1).map(|last| 0..=last);
    while let Some(page) = starts.take() {
        let (ranges, next) = store.ranges_page(namespace, page, false).await?;
        let ranges: Vec<RangeState> = ranges.into_iter().map(|range| state_of(namespace, range)).collect();
        ranges.iter().for_each(|range| walk.range(range));
        breaches.extend(of_owners(context, &ranges).await?);
        count += ranges.len() as u64;
        progress.add(ranges.len() as u64);
        starts = next;
    }
    breaches.extend(walk.finish());
    Ok((count, breaches))
}

/// What the row of a pool must say.
async fn of_row(context: &Context, pool: &Pool) -> Result<Vec<Breach>, Failure> {
    let Pool { namespace, number, capacity, .. } = pool;
    let mut found = Vec::new();
    if context.secret().await?.pool_key(namespace).check_value() != pool.check {
        found.push(("RSV-1", "was made with another secret, so its indexes would give other codes".to_owned()));
    }
    match PoolSpec::from_pool(namespace.clone(), pool.character_set) {
        Ok(spec) if spec.capacity() == *capacity => {}
        Ok(spec) => found.push(("RSV-1", format!("has the capacity {capacity}, and {} is right", spec.capacity()))),
        Err(error) => found.push(("RSV-1", format!("has a character set that does not fit it: {error}"))),
    }
    if pool.next > *capacity {
        found.push(("RSV-1", format!("is at {}, beyond its capacity of {capacity}", pool.next)));
    }
    match context.store().namespace_of(*number).await? {
        Some(back) if back == *namespace => {}
        other => found.push(("RSV-2", format!("has the number {number}, which leads to {other:?}"))),
    }
    let mut claims = Vec::new();
    match namespace.company_prefix() {
        Some(prefix) if pool.claimed => claims = of_claims(context, pool, prefix).await?,
        Some(_) => found.push(("RSV-11", "has not claimed its company prefix".to_owned())),
        None => {}
    }
    let of_pool = found.into_iter().map(|(id, text)| Breach { id, found: format!("{namespace} {text}") });
    Ok(of_pool.chain(claims).collect())
}

/// RSV-11: the items of the pool's company prefix, and of those that begin it, show its claim.
async fn of_claims(context: &Context, pool: &Pool, prefix: &str) -> Result<Vec<Breach>, Failure> {
    let claims = context.store().prefix_claims(prefix).await?.into_iter();
    let claims =
        claims.map(|claim| ClaimState { prefix: claim.prefix, claimed: claim.claimed, continued: claim.continued });
    Ok(State { pools: vec![state(pool)], claims: claims.collect(), ..State::default() }.prefixes_apart())
}

/// A pool in the form of the invariants.
fn state(pool: &Pool) -> PoolState {
    PoolState {
        namespace: pool.namespace.to_string(),
        next: pool.next,
        only_organisation: pool.only_organisation.clone(),
        only_next: pool.only_next,
        claimed: pool.claimed,
    }
}

/// RSV-2: a reservation that owns a range has exactly this range.
async fn of_owners(context: &Context, ranges: &[RangeState]) -> Result<Vec<Breach>, Failure> {
    let incarnations: BTreeSet<Uuid> = ranges.iter().filter_map(|range| range.incarnation).collect();
    let ids: Vec<Uuid> = ranges.iter().filter_map(|range| range.reservation).collect();
    let mut breaches = Vec::new();
    // Of deleted reservations, only the ranges are left.
    for ids in ids.chunks(1_000) {
        // Rows that cannot be read are named where reservations are checked.
        let mut reservations = readable(context, ids).await?.rows;
        reservations.retain(|item| incarnations.contains(&item.incarnation));
        let own: BTreeSet<Uuid> = reservations.iter().map(|item| item.incarnation).collect();
        let ranges = ranges.iter().filter(|range| range.incarnation.is_some_and(|one| own.contains(&one))).cloned();
        breaches.extend(State { reservations, ranges: ranges.collect(), ..State::default() }.one_range_each());
    }
    Ok(breaches)
}

/// A range entry in the form of the invariants.
pub(super) fn state_of(namespace: &Namespace, range: RangeEntry) -> RangeState {
    RangeState {
        namespace: namespace.to_string(),
        start: range.start,
        count: range.count,
        reservation: range.reservation,
        incarnation: range.incarnation,
        organisation: range.organisation,
        day: range.at.map(|at| at.time().date_naive().to_string()),
    }
}
