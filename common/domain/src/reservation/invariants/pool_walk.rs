//! The invariants of one pool, range by range: RSV-1, RSV-3, RSV-7 and RSV-8. Memory does not grow with the ranges.

use super::tables::{Breach, PoolState, RangeState};

/// Maximum number of breaches that one pool reports. A damaged pool could have one for each range.
const MAX_BREACHES: usize = 100;

/// A walk over the ranges of a pool, in the order of their starts.
#[derive(Debug)]
pub struct PoolWalk<'a> {
    pool: &'a PoolState,
    /// The index after the last one that a range has.
    end: u64,
    sum: u64,
    breaches: Vec<Breach>,
}

impl<'a> PoolWalk<'a> {
    /// Begins with a pool. Its ranges must be read after it: only those that begin below its `next` count.
    #[must_use]
    pub fn new(pool: &'a PoolState) -> Self {
        Self { pool, end: 0, sum: 0, breaches: Vec::new() }
    }

    /// Takes the next range.
    pub fn range(&mut self, range: &RangeState) {
        let namespace = &self.pool.namespace;
        if range.start < self.end {
            self.found("RSV-1", format!("{namespace}: the range at {} overlaps the one before", range.start));
        } else if range.start > self.end {
            let (from, to) = (self.end, range.start);
            self.found("RSV-7", format!("{namespace}: no range has the indexes from {from} to {to}"));
        }
        let only = self.pool.only_organisation.as_ref().filter(|_| self.pool.only_next == Some(self.pool.next));
        // A burned range belongs to nobody.
        if range.reservation.is_some() && only.is_some_and(|only| range.organisation.as_ref() != Some(only)) {
            self.found("RSV-8", format!("{namespace}: the range at {} is of {:?}", range.start, range.organisation));
        }
        self.end = self.end.max(range.start.saturating_add(range.count));
        self.sum = self.sum.saturating_add(range.count);
    }

    /// Ends the walk after the last range. Gives what was found.
    #[must_use]
    pub fn finish(mut self) -> Vec<Breach> {
        let PoolState { namespace, next, .. } = self.pool;
        if self.sum != *next {
            self.found("RSV-3", format!("{namespace}: next is {next}, the ranges sum to {}", self.sum));
        }
        self.breaches
    }

    fn found(&mut self, id: &'static str, found: String) {
        if self.breaches.len() < MAX_BREACHES {
            self.breaches.push(Breach { id, found });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(next: u64) -> PoolState {
        let (only_organisation, only_next) = (Some("A".into()), Some(next));
        PoolState { namespace: "sgtin#1#8".into(), next, only_organisation, only_next, claimed: false }
    }

    fn range(start: u64, count: u64) -> RangeState {
        RangeState {
            namespace: "sgtin#1#8".into(),
            start,
            count,
            reservation: None,
            incarnation: None,
            organisation: None,
            day: None,
        }
    }

    fn ids(pool: &PoolState, ranges: &[(u64, u64)]) -> Vec<&'static str> {
        let mut walk = PoolWalk::new(pool);
        ranges.iter().for_each(|(start, count)| walk.range(&range(*start, *count)));
        walk.finish().iter().map(|breach| breach.id).collect()
    }

    #[test]
    fn overlaps_gaps_and_wrong_sums_are_found() {
        assert_eq!(ids(&pool(15), &[(0, 10), (10, 5)]), [""; 0]);
        assert_eq!(ids(&pool(0), &[]), [""; 0]);
        assert_eq!(ids(&pool(15), &[(0, 10), (9, 5)]), ["RSV-1"]);
        // A range inside another one, and one that begins where the longer of them ends.
        assert_eq!(ids(&pool(20), &[(0, 10), (2, 3), (10, 7)]), ["RSV-1"]);
        // A range that was freed.
        assert_eq!(ids(&pool(15), &[(0, 4), (10, 5)]), ["RSV-7", "RSV-3"]);
        assert_eq!(ids(&pool(15), &[(5, 10)]), ["RSV-7", "RSV-3"]);
        assert_eq!(ids(&pool(16), &[(0, 15)]), ["RSV-3"]);
    }

    #[test]
    fn what_one_pool_reports_is_bounded() {
        assert_eq!(ids(&pool(0), &[(0, 10); 1_000]).len(), MAX_BREACHES);
    }
}
