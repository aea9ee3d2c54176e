//! The invariants of the tables: RSV-1, RSV-2, RSV-3, RSV-8, RSV-9, and the tables' half of RSV-5.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::reservation::{Reservation, Status};

/// The attributes of a pool that the invariants need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolState {
    /// The pool's namespace.
    pub namespace: String,
    /// The next index to be allocated.
    pub next: u64,
    /// The only organisation with ranges of the pool; `None` if it is shared.
    pub only_organisation: Option<String>,
    /// `next` when `only_organisation` was written. With another value, the pool counts as shared.
    pub only_next: Option<u64>,
}

/// A range entry of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeState {
    /// The pool's namespace.
    pub namespace: String,
    /// The first index.
    pub start: u64,
    /// The number of indexes.
    pub count: u64,
    /// The reservation that owns the range; `None` for a burned range, which an operator skips after a restore.
    pub reservation: Option<Uuid>,
    /// The incarnation of that reservation.
    pub incarnation: Option<Uuid>,
    /// The organisation of that reservation.
    pub organisation: Option<String>,
    /// The day (UTC) on which it was allocated, such as `2026-01-31`.
    pub day: Option<String>,
}

/// The codes that an organisation with a quota was given on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountState {
    /// The organisation.
    pub organisation: String,
    /// The day (UTC), such as `2026-01-31`.
    pub day: String,
    /// The codes.
    pub codes: u64,
}

/// The contents of the tables.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// All pools.
    pub pools: Vec<PoolState>,
    /// All range entries.
    pub ranges: Vec<RangeState>,
    /// All reservations.
    pub reservations: Vec<Reservation>,
    /// All counts of codes of a day.
    pub counts: Vec<CountState>,
}

/// A violation of an invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The invariant: `RSV-1`, `RSV-2`, …
    pub id: &'static str,
    /// What was found.
    pub found: String,
}

impl State {
    /// Every violation of RSV-1, RSV-2, RSV-3, RSV-8 and RSV-9.
    #[must_use]
    pub fn breaches(&self) -> Vec<Breach> {
        let mut breaches = self.disjoint();
        breaches.extend(self.one_range_each());
        breaches.extend(self.nothing_leaks());
        breaches.extend(self.only_organisations());
        breaches.extend(self.counted_once());
        breaches
    }

    /// The tables' half of RSV-5: the reservations that are not finished.
    #[must_use]
    pub fn unfinished(&self) -> Vec<Uuid> {
        self.reservations.iter().filter(|item| item.is_open()).map(|item| item.id).collect()
    }

    /// RSV-1: the ranges of a pool are disjoint, so no code is issued twice.
    fn disjoint(&self) -> Vec<Breach> {
        let mut sorted: Vec<_> = self.ranges.iter().collect();
        sorted.sort_by(|a, b| (&a.namespace, a.start).cmp(&(&b.namespace, b.start)));
        let pairs = sorted.windows(2).filter_map(|pair| match pair {
            [a, b] if a.namespace == b.namespace && a.start.saturating_add(a.count) > b.start => Some((a, b)),
            _ => None,
        });
        pairs
            .map(|(a, b)| Breach {
                id: "RSV-1",
                found: format!("{}: the ranges at {} and {} overlap", a.namespace, a.start, b.start),
            })
            .collect()
    }

    /// RSV-2: an incarnation has at most one range, the range has exactly `quantity` indexes, and the pool's range entry agrees
    /// with the reservation.
    fn one_range_each(&self) -> Vec<Breach> {
        let mut breaches = Vec::new();
        let mut seen = BTreeSet::new();
        let mut entries = BTreeMap::new();
        for range in &self.ranges {
            if let Some(incarnation) = range.incarnation {
                if !seen.insert(incarnation) {
                    breaches.push(Breach { id: "RSV-2", found: format!("incarnation {incarnation} has two ranges") });
                }
                entries.insert(incarnation, range);
            }
        }
        for item in &self.reservations {
            let entry = entries.get(&item.incarnation);
            match (&item.range, entry) {
                (None, None) => {}
                (Some(range), Some(entry))
                    if range.count == item.quantity()
                        && range.count == entry.count
                        && range.start == entry.start
                        && range.namespace.to_string() == entry.namespace
                        && entry.reservation == Some(item.id) => {}
                (range, entry) => breaches.push(Breach {
                    id: "RSV-2",
                    found: format!(
                        "reservation {}: item {range:?}, entry {entry:?}, quantity {}",
                        item.id,
                        item.quantity()
                    ),
                }),
            }
        }
        breaches
    }

    /// RSV-3: the `next` of a pool is the sum of the counts of its ranges.
    fn nothing_leaks(&self) -> Vec<Breach> {
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        for range in &self.ranges {
            let sum = sums.entry(&range.namespace).or_default();
            *sum = sum.saturating_add(range.count);
        }
        let nexts: BTreeMap<&str, u64> = self.pools.iter().map(|pool| (pool.namespace.as_str(), pool.next)).collect();
        let namespaces: BTreeSet<&str> = sums.keys().chain(nexts.keys()).copied().collect();
        namespaces
            .into_iter()
            .filter(|namespace| sums.get(namespace).copied().unwrap_or(0) != nexts.get(namespace).copied().unwrap_or(0))
            .map(|namespace| Breach {
                id: "RSV-3",
                found: format!(
                    "{namespace}: next is {:?}, the ranges sum to {:?}",
                    nexts.get(namespace),
                    sums.get(namespace)
                ),
            })
            .collect()
    }

    /// RSV-8: a pool that names its only organisation has ranges of no other. A burned range belongs to nobody.
    fn only_organisations(&self) -> Vec<Breach> {
        let only: BTreeMap<&str, &str> = self
            .pools
            .iter()
            .filter(|pool| pool.only_next == Some(pool.next))
            .filter_map(|pool| Some((pool.namespace.as_str(), pool.only_organisation.as_deref()?)))
            .collect();
        let foreign = self.ranges.iter().filter(|range| {
            range.reservation.is_some()
                && only.get(range.namespace.as_str()).is_some_and(|only| range.organisation.as_deref() != Some(*only))
        });
        foreign
            .map(|range| Breach {
                id: "RSV-8",
                found: format!("{}: the range at {} is of {:?}", range.namespace, range.start, range.organisation),
            })
            .collect()
    }

    /// RSV-9: a count is never higher than what the organisation was given on that day, so no allocation is counted
    /// twice. It may be lower: nothing is counted while there is no quota.
    fn counted_once(&self) -> Vec<Breach> {
        let given = |count: &CountState| {
            let same = |range: &&RangeState| {
                range.organisation.as_ref() == Some(&count.organisation) && range.day.as_ref() == Some(&count.day)
            };
            self.ranges.iter().filter(same).fold(0_u64, |sum, range| sum.saturating_add(range.count))
        };
        let wrong = self.counts.iter().filter(|count| count.codes > given(count));
        wrong
            .map(|count| Breach {
                id: "RSV-9",
                found: format!(
                    "{} on {}: {} counted, {} given",
                    count.organisation,
                    count.day,
                    count.codes,
                    given(count)
                ),
            })
            .collect()
    }

    /// The reservations that RSV-4 concerns: complete, with a range. Their exports must equal a fresh rendering.
    pub fn exported(&self) -> impl Iterator<Item = &Reservation> {
        self.reservations.iter().filter(|item| item.status == Status::Complete && item.range.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: u64, count: u64, incarnation: u128) -> RangeState {
        RangeState {
            namespace: "sgtin#1#8".into(),
            start,
            count,
            reservation: Some(Uuid::from_u128(incarnation)),
            incarnation: Some(Uuid::from_u128(incarnation)),
            organisation: Some("A".into()),
            day: Some("2026-01-31".into()),
        }
    }

    fn ids(state: &State) -> Vec<&'static str> {
        state.breaches().iter().map(|breach| breach.id).collect()
    }

    #[test]
    fn each_breach_is_found_and_a_sound_state_has_none() {
        let pool = |next| {
            let only_organisation = Some("A".into());
            vec![PoolState { namespace: "sgtin#1#8".into(), next, only_organisation, only_next: Some(next) }]
        };
        let count = |codes| CountState { organisation: "A".into(), day: "2026-01-31".into(), codes };
        let ranges = vec![range(0, 10, 1), range(10, 5, 2)];
        let sound = State { pools: pool(15), ranges, reservations: vec![], counts: vec![count(15)] };
        assert_eq!(sound.breaches(), []);
        let overlap = State { ranges: vec![range(0, 10, 1), range(9, 5, 2)], ..sound.clone() };
        assert_eq!(ids(&overlap), ["RSV-1"]);
        let twice = State { ranges: vec![range(0, 10, 1), range(10, 5, 1)], ..sound.clone() };
        assert_eq!(ids(&twice), ["RSV-2"]);
        let leak = State { pools: pool(16), ..sound.clone() };
        assert_eq!(ids(&leak), ["RSV-3"]);
        let lost = State { pools: vec![], ..sound.clone() };
        assert_eq!(ids(&lost), ["RSV-3"]);
        let foreign = RangeState { organisation: Some("B".into()), ..range(10, 5, 2) };
        let foreign = State { ranges: vec![range(0, 10, 1), foreign], counts: vec![], ..sound.clone() };
        assert_eq!(ids(&foreign), ["RSV-8"]);
        let out_of_date = PoolState { only_next: Some(10), ..pool(15).remove(0) };
        assert_eq!(State { pools: vec![out_of_date], ..foreign }.breaches(), []);
        let burned = RangeState { reservation: None, incarnation: None, organisation: None, ..range(10, 5, 2) };
        let burned = State { ranges: vec![range(0, 10, 1), burned], counts: vec![], ..sound.clone() };
        assert_eq!(burned.breaches(), []);
        let twice = State { counts: vec![count(16)], ..sound.clone() };
        assert_eq!(ids(&twice), ["RSV-9"]);
        let without_quota = State { counts: vec![count(5)], ..sound };
        assert_eq!(without_quota.breaches(), []);
    }
}
