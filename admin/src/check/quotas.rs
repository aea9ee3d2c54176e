//! RSV-9: the counts of the codes that organisations with a quota were given today and yesterday (UTC), against their
//! ranges. Older counts expire.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use common::{
    reservation::{
        Timestamp,
        invariants::{Breach, CountState, RangeState, State},
    },
    store::RangeEntry,
};

use super::{Check, pools::state_of, twice};
use crate::failure::Failure;

/// Pools of one page.
const POOLS: usize = 100;

/// Ranges of a pool lie in the order of their times, but for the clocks of the workers that wrote them.
const SKEW: TimeDelta = TimeDelta::hours(1);

impl Check<'_> {
    /// Checks the counts of these organisations. Without a count nothing else is read.
    ///
    /// # Errors
    /// [`Failure`] when a store does not answer or an item cannot be read.
    pub async fn quotas(&self, organisations: &[String]) -> Result<Vec<Breach>, Failure> {
        twice(|| self.counts(organisations)).await
    }

    async fn counts(&self, organisations: &[String]) -> Result<Vec<Breach>, Failure> {
        let store = self.context.store();
        let names: Vec<&str> = organisations.iter().map(String::as_str).collect();
        let now = self.context.now().time();
        let yesterday = now - TimeDelta::days(1);
        let mut counts = Vec::new();
        // The counts first: an allocation that ends meanwhile adds to both, and a range that is read later is no breach.
        for time in [yesterday, now] {
            let day = time.date_naive().to_string();
            for (organisation, codes) in store.codes_of_day(&names, Timestamp::new(time)).await? {
                counts.push(CountState { organisation, day: day.clone(), codes });
            }
        }
        if counts.is_empty() {
            return Ok(Vec::new());
        }
        let begin = yesterday.date_naive().and_time(NaiveTime::MIN).and_utc();
        let ranges = self.given(&counts, begin).await?;
        Ok(State { counts, ranges, ..State::default() }.counted_once())
    }

    /// What these counts are about: one range for each, with the sum of what the organisation was given on the day.
    async fn given(&self, counts: &[CountState], begin: DateTime<Utc>) -> Result<Vec<RangeState>, Failure> {
        let store = self.context.store();
        let place = |organisation: &str, day: &str| (organisation.to_owned(), day.to_owned());
        let mut given: BTreeMap<(String, String), RangeState> = BTreeMap::new();
        let wanted: std::collections::BTreeSet<_> =
            counts.iter().map(|count| place(&count.organisation, &count.day)).collect();
        let mut after = None;
        loop {
            let namespaces = store.pool_namespaces("", after.as_ref(), POOLS).await?;
            for namespace in &namespaces {
                let mut starts = Some(0..=u64::MAX);
                while let Some(page) = starts.take() {
                    let (ranges, next) = store.ranges_page(namespace, page, true).await?;
                    let is_over = ranges.iter().any(|range| is_before(range, begin));
                    for range in ranges.into_iter().map(|range| state_of(namespace, range)) {
                        let (Some(organisation), Some(day)) = (&range.organisation, &range.day) else { continue };
                        let place = place(organisation, day);
                        if wanted.contains(&place) {
                            let sum = given.entry(place).or_insert_with(|| RangeState { count: 0, ..range.clone() });
                            sum.count = sum.count.saturating_add(range.count);
                        }
                    }
                    starts = next.filter(|_| !is_over);
                }
            }
            match namespaces.into_iter().last() {
                Some(last) => after = Some(last),
                None => return Ok(given.into_values().collect()),
            }
        }
    }
}

/// Whether a range, and with it all that begin before it, is older than a time.
fn is_before(range: &RangeEntry, begin: DateTime<Utc>) -> bool {
    range.at.is_some_and(|at| at.time() < begin - SKEW)
}
