//! Shows pools to administrators of all organisations: how full each is, how it filled, and the day on which it runs
//! out if that goes on. Reads only.

use chrono::{TimeDelta, Utc};

use super::{OperationError, Session};
use crate::{
    code::Namespace,
    concurrency,
    context::Context,
    reservation::Timestamp,
    store::{Pool, RangeEntry},
};

/// Maximum number of pools on one page.
pub const MAX_POOLS: usize = 20;

/// Maximum number of ranges of a pool that are read: one page of a query.
const MAX_RANGES: u16 = 200;

/// The days whose use is taken as that of the future.
const DAYS: i64 = 30;

/// Days after which nobody asks any more.
const MAX_DAYS: f64 = 36_500.0;

/// A pool with its use.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolUse {
    /// The pool.
    pub pool: Pool,
    /// How many codes were reserved at the end of each of the latest ranges, the oldest first.
    pub filled: Vec<(Timestamp, u64)>,
    /// When no code is left if the next days are like the last thirty; `None` if nothing was reserved in these, or the
    /// pool lasts for more than a hundred years.
    pub runs_out: Option<Timestamp>,
}

/// A page of pools.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The pools, in the order of their namespaces.
    pub pools: Vec<PoolUse>,
    /// The namespace after which the next page begins, if there is one.
    pub next: Option<Namespace>,
}

/// The next pools after a namespace.
///
/// # Errors
/// `FORBIDDEN` for callers who may not see all pools; `SERVICE_UNAVAILABLE` when DynamoDB does not answer.
pub async fn list(context: &Context, session: Session<'_>, after: Option<&Namespace>) -> Result<Page, OperationError> {
    if !session.caller.sees_pools() {
        return Err(OperationError::no_row());
    }
    let store = context.store();
    let mut namespaces = store.pool_namespaces("", after, MAX_POOLS + 1).await?;
    let more = namespaces.len() > MAX_POOLS;
    namespaces.truncate(MAX_POOLS);
    session.reads(context, namespaces.len())?;
    let next = namespaces.last().filter(|_| more).cloned();
    let mut pools = store.pools(&namespaces).await?;
    pools.sort_by_key(|pool| pool.namespace.to_string());
    let ranges = pools.iter().map(|pool| store.latest_ranges(&pool.namespace, MAX_RANGES));
    let ranges = concurrency::all(ranges).await?;
    let used = |(pool, ranges): (Pool, Vec<RangeEntry>)| {
        let runs_out = runs_out(&pool, &ranges, session.now);
        let end = |range: &RangeEntry| range.at.map(|at| (at, range.start.saturating_add(range.count)));
        let filled = ranges.iter().rev().filter_map(end).collect();
        PoolUse { pool, filled, runs_out }
    };
    Ok(Page { pools: pools.into_iter().zip(ranges).map(used).collect(), next })
}

/// When a pool runs out, from its latest ranges. If these do not reach back for thirty days, the time since the oldest
/// of them counts, but at least one day.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "an estimate in days")]
fn runs_out(pool: &Pool, latest: &[RangeEntry], now: Timestamp) -> Option<Timestamp> {
    let begin = now.time() - TimeDelta::days(DAYS);
    let recent: Vec<(chrono::DateTime<Utc>, u64)> = latest
        .iter()
        .filter_map(|range| Some((range.at?.time(), range.count)))
        .filter(|(at, _)| *at >= begin)
        .collect();
    let used: u64 = recent.iter().map(|(_, count)| count).sum();
    let first = recent.iter().map(|(at, _)| *at).min()?;
    let whole = recent.len() < usize::from(MAX_RANGES);
    let since = if whole { begin } else { first };
    let days = ((now.time() - since).num_minutes() as f64 / 1_440.0).clamp(1.0, DAYS as f64);
    let left = pool.capacity.saturating_sub(pool.next);
    let days_left = left as f64 * days / used as f64;
    (used > 0 && days_left <= MAX_DAYS)
        .then(|| Timestamp::new(now.time() + TimeDelta::minutes((days_left * 1_440.0) as i64)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::CharacterSet;

    fn pool(next: u64, capacity: u64) -> Pool {
        Pool {
            namespace: "sgtin#19361758000003#8".parse().unwrap(),
            next,
            capacity,
            character_set: CharacterSet::Alphanumeric,
            number: 1,
            check: "c".to_owned(),
            only_organisation: None,
            only_next: None,
            claimed: false,
        }
    }

    fn range(at: &str, count: u64) -> RangeEntry {
        let at = Timestamp::parse(at);
        RangeEntry { start: 0, count, reservation: None, incarnation: None, organisation: None, at }
    }

    #[test]
    fn a_pool_runs_out_when_the_last_thirty_days_go_on() {
        let now = Timestamp::parse("2026-05-31T00:00:00Z").unwrap();
        let day = |pool: &Pool, ranges: &[RangeEntry]| runs_out(pool, ranges, now).map(|day| day.to_string());
        // 300 codes in 30 days, 100 are left: ten more days. What is older does not count.
        let ranges =
            [range("2026-05-30T00:00:00Z", 200), range("2026-05-10T00:00:00Z", 100), range("2026-01-01T00:00:00Z", 9)];
        assert_eq!(day(&pool(900, 1_000), &ranges).as_deref(), Some("2026-06-10T00:00:00.000Z"));
        assert_eq!(day(&pool(1_000, 1_000), &ranges).as_deref(), Some("2026-05-31T00:00:00.000Z"), "it is used up");
        assert_eq!(day(&pool(9, 1_000), &ranges[2..]), None, "nothing was reserved lately");
        assert_eq!(day(&pool(0, u64::MAX), &ranges), None, "not in a hundred years");
        assert_eq!(day(&pool(0, 10), &[]), None);
        // More ranges than are read: they show less than thirty days, here one.
        let many: Vec<_> = (0..MAX_RANGES).map(|_| range("2026-05-30T00:00:00Z", 1)).collect();
        assert_eq!(day(&pool(0, 400), &many).as_deref(), Some("2026-06-02T00:00:00.000Z"));
    }
}
