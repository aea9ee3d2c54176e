//! How full a pool is, how fast it fills, and when it is used up.

use chrono::{Days, TimeDelta};
use common::{
    code::Namespace,
    reservation::Timestamp,
    store::{Pool, Store, StoreError},
};
use serde::Serialize;

/// Days over which the rate is taken.
pub const DAYS: u32 = 30;

/// The last day that a calendar of this program shows. A pool that lasts longer is not used up.
const LAST_YEAR: &str = "9999-12-31";

/// How full a pool is.
#[derive(Clone, Debug, Serialize)]
pub struct Usage {
    /// The pool's namespace.
    pub namespace: Namespace,
    /// The next index to be allocated, which is the number of indexes that are used.
    pub next: u64,
    /// Maximum number of indexes.
    pub capacity: u64,
    /// Percent of the capacity that is used.
    pub used_percent: f64,
    /// Codes a day over the last 30 days, without burned ranges.
    pub codes_a_day: f64,
    /// The day on which the pool is used up at that rate; null if it lasts, or if no code was reserved in that time.
    pub used_up_on: Option<String>,
    /// Whether the rate was taken over less than 30 days, because the pool has too many ranges to read them all.
    pub is_estimate: bool,
}

impl Usage {
    /// Reads how much of a pool was used in the last 30 days, in `most_pages` pages of 1 MB at most.
    ///
    /// # Errors
    /// [`StoreError`] when DynamoDB does not answer or a range cannot be read.
    pub async fn of(store: Store<'_>, pool: &Pool, now: Timestamp, most_pages: usize) -> Result<Self, StoreError> {
        let (codes, days, is_estimate) = recent(store, pool, now, most_pages).await?;
        // Exactness ends at 2^53 codes, which no pool reaches in a month.
        #[expect(clippy::cast_precision_loss, reason = "a rate is shown with one decimal")]
        let (codes_a_day, used_percent) =
            (codes as f64 / days, 100.0 * pool.next as f64 / (pool.capacity.max(1)) as f64);
        Ok(Self {
            namespace: pool.namespace.clone(),
            next: pool.next,
            capacity: pool.capacity,
            used_percent: rounded(used_percent),
            codes_a_day: rounded(codes_a_day),
            used_up_on: used_up_on(pool.capacity.saturating_sub(pool.next), codes_a_day, now),
            is_estimate,
        })
    }

    /// Percent for people.
    #[must_use]
    pub fn percent(&self) -> String {
        format!("{:.1} %", self.used_percent)
    }

    /// The rate for people.
    #[must_use]
    pub fn rate(&self) -> String {
        format!("{}{:.1}", if self.is_estimate { "about " } else { "" }, self.codes_a_day)
    }
}

/// Two decimals.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// The codes of the last 30 days, the days over which they were counted, and whether these are fewer than 30.
async fn recent(
    store: Store<'_>,
    pool: &Pool,
    now: Timestamp,
    most_pages: usize,
) -> Result<(u64, f64, bool), StoreError> {
    let since = now.time() - TimeDelta::days(i64::from(DAYS));
    let whole = f64::from(DAYS);
    let (mut codes, mut oldest) = (0_u64, now.time());
    let mut starts = match pool.next.checked_sub(1) {
        Some(last) => 0..=last,
        None => return Ok((0, whole, false)),
    };
    for _ in 0..most_pages {
        let (ranges, next) = store.ranges_page(&pool.namespace, starts, true).await?;
        for range in ranges {
            match range.at.map(|at| at.time()) {
                Some(at) if at < since => return Ok((codes, whole, false)),
                Some(at) => oldest = oldest.min(at),
                // A range that an operator burned by hand may have no time.
                None => {}
            }
            if range.reservation.is_some() {
                codes = codes.saturating_add(range.count);
            }
        }
        match next {
            Some(next) => starts = next,
            None => return Ok((codes, whole, false)),
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "seconds of 30 days")]
    let days = (now.time() - oldest).num_seconds().max(1) as f64 / 86_400.0;
    Ok((codes, days, true))
}

/// The day on which so many codes are used up.
fn used_up_on(left: u64, codes_a_day: f64, now: Timestamp) -> Option<String> {
    if codes_a_day <= 0.0 {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a cast of a float saturates, and such a day is beyond the calendar"
    )]
    let days = (left as f64 / codes_a_day).floor() as u64;
    let day = now.time().date_naive().checked_add_days(Days::new(days))?.to_string();
    (day.len() == LAST_YEAR.len() && day.as_str() <= LAST_YEAR).then_some(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_used_up_on_the_day_that_its_rate_says_or_never() {
        let now = Timestamp::parse("2026-01-31T23:00:00Z").unwrap();
        let day = |left, rate| used_up_on(left, rate, now);
        assert_eq!(day(0, 3.0).as_deref(), Some("2026-01-31"));
        assert_eq!(day(29, 10.0).as_deref(), Some("2026-02-02"));
        assert_eq!(day(30, 10.0).as_deref(), Some("2026-02-03"));
        assert_eq!(day(1_000, 0.0), None);
        for endless in [(u64::MAX, 0.01), (u64::MAX, 1.0), (10_000_000, 1.0)] {
            assert_eq!(day(endless.0, endless.1), None, "{endless:?}");
        }
    }
}
