//! The invariants of the tables: RSV-1, RSV-2, RSV-3, RSV-7, RSV-8, RSV-9, RSV-11, and the tables' half of RSV-5.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::pool_walk::PoolWalk;
use crate::{
    code::{Namespace, prefix_beginnings, prefixes_conflict},
    reservation::{Reservation, Status},
};

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
    /// Whether the pool has claimed its company prefix.
    pub claimed: bool,
}

impl PoolState {
    /// A pool of which only ranges exist.
    fn lost(namespace: &str) -> Self {
        Self { namespace: namespace.to_owned(), next: 0, only_organisation: None, only_next: None, claimed: false }
    }
}

/// The item of a company prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimState {
    /// The digits.
    pub prefix: String,
    /// Whether pools have exactly this prefix.
    pub claimed: bool,
    /// Whether pools have a longer prefix that begins with it.
    pub continued: bool,
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
    /// All items of company prefixes.
    pub claims: Vec<ClaimState>,
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
    /// Every violation of RSV-1, RSV-2, RSV-3, RSV-7 (a range that was freed), RSV-8, RSV-9 and RSV-11.
    #[must_use]
    pub fn breaches(&self) -> Vec<Breach> {
        let mut breaches = self.of_pools();
        breaches.extend(self.one_range_each());
        breaches.extend(self.counted_once());
        breaches.extend(self.prefixes_apart());
        breaches
    }

    /// The tables' half of RSV-5: the reservations that are not finished.
    #[must_use]
    pub fn unfinished(&self) -> Vec<Uuid> {
        self.reservations.iter().filter(|item| item.is_open()).map(|item| item.id).collect()
    }

    /// RSV-1, RSV-3, RSV-7 and RSV-8, pool by pool.
    fn of_pools(&self) -> Vec<Breach> {
        let mut ranges: BTreeMap<&str, Vec<&RangeState>> = BTreeMap::new();
        for range in &self.ranges {
            ranges.entry(&range.namespace).or_default().push(range);
        }
        let pools: BTreeMap<&str, &PoolState> = self.pools.iter().map(|pool| (pool.namespace.as_str(), pool)).collect();
        let namespaces: BTreeSet<&str> = ranges.keys().chain(pools.keys()).copied().collect();
        let of_one = |namespace: &str| {
            let lost = PoolState::lost(namespace);
            let mut walk = PoolWalk::new(pools.get(namespace).copied().unwrap_or(&lost));
            let mut ranges = ranges.get(namespace).cloned().unwrap_or_default();
            ranges.sort_by_key(|range| range.start);
            ranges.into_iter().for_each(|range| walk.range(range));
            walk.finish()
        };
        namespaces.into_iter().flat_map(of_one).collect()
    }

    /// RSV-2: an incarnation has at most one range, the range has exactly `quantity` indexes, and the pool's range entry agrees
    /// with the reservation. Other ranges and reservations do not matter, so a part of the tables can be checked.
    #[must_use]
    pub fn one_range_each(&self) -> Vec<Breach> {
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

    /// RSV-9: a count is never higher than what the organisation was given on that day, so no allocation is counted
    /// twice. It may be lower: nothing is counted while there is no quota.
    #[must_use]
    pub fn counted_once(&self) -> Vec<Breach> {
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

    /// RSV-11: no prefix that a pool has claimed begins that of another one, and the items say so. One pool with the items
    /// of its prefix and of those that begin it can be checked alone: of two nested prefixes, the item of the shorter one
    /// would have to show both.
    #[must_use]
    pub fn prefixes_apart(&self) -> Vec<Breach> {
        let breach = |found| Breach { id: "RSV-11", found };
        let prefix = |pool: &PoolState| {
            let namespace: Namespace = pool.namespace.parse().ok()?;
            namespace.company_prefix().filter(|_| pool.claimed).map(str::to_owned)
        };
        let prefixes: BTreeSet<String> = self.pools.iter().filter_map(prefix).collect();
        let items: BTreeMap<&str, &ClaimState> =
            self.claims.iter().map(|claim| (claim.prefix.as_str(), claim)).collect();
        let both = self.claims.iter().filter(|claim| claim.claimed && claim.continued);
        let both = both.map(|claim| breach(format!("{} is claimed and continued", claim.prefix)));
        // In the order of texts, all that lie between a prefix and a continuation of it are continuations too.
        let sorted: Vec<&str> = prefixes.iter().map(String::as_str).collect();
        let pairs = sorted.windows(2).filter_map(|pair| match pair {
            [a, b] if prefixes_conflict(a, b) => Some(breach(format!("pools have the prefixes {a} and {b}"))),
            _ => None,
        });
        let unclaimed = sorted.iter().flat_map(|prefix| {
            let own = (*prefix, items.get(prefix).is_some_and(|item| item.claimed));
            let beginnings = prefix_beginnings(prefix);
            let beginnings = beginnings.map(|start| (start, items.get(start).is_some_and(|item| item.continued)));
            beginnings.chain([own]).filter(|(_, is_right)| !is_right)
        });
        let unclaimed = unclaimed.map(|(prefix, _)| breach(format!("the item of {prefix} does not show a claim")));
        both.chain(pairs).chain(unclaimed).collect()
    }

    /// The reservations that RSV-4 concerns: complete, with a range. Their exports must equal a fresh rendering.
    pub fn exported(&self) -> impl Iterator<Item = &Reservation> {
        self.reservations.iter().filter(|item| item.status == Status::Complete && item.range.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        code::CharacterSet,
        reservation::{
            Range, Rules, Timestamp,
            create::{Birth, Draft},
        },
    };

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
            let (only_next, claimed) = (Some(next), false);
            vec![PoolState { namespace: "sgtin#1#8".into(), next, only_organisation, only_next, claimed }]
        };
        let count = |codes| CountState { organisation: "A".into(), day: "2026-01-31".into(), codes };
        let ranges = vec![range(0, 10, 1), range(10, 5, 2)];
        let sound = State { pools: pool(15), ranges, counts: vec![count(15)], ..State::default() };
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

    #[test]
    fn nested_prefixes_and_missing_claims_are_found() {
        let pool = |namespace: &str, claimed| PoolState {
            namespace: namespace.into(),
            next: 0,
            only_organisation: None,
            only_next: None,
            claimed,
        };
        let claim = |prefix: &str, claimed, continued| ClaimState { prefix: prefix.into(), claimed, continued };
        let claims = vec![claim("0614", false, true), claim("06141", true, false)];
        let pools =
            vec![pool("sscc#06141#18", true), pool("giai#06141#8", true), pool("sgtin#00614141000012#8", false)];
        let sound = State { pools, claims, ..State::default() };
        assert_eq!(sound.breaches(), []);
        let missing = State { claims: vec![claim("06141", true, false)], ..sound.clone() };
        assert_eq!(ids(&missing), ["RSV-11"]);
        let both = State { claims: vec![claim("0614", true, true), claim("06141", true, false)], ..sound.clone() };
        assert_eq!(ids(&both), ["RSV-11"]);
        // A pool of an older version counts once it has claimed its prefix.
        for (claimed, breaches) in [(false, 0), (true, 2)] {
            let pools = [sound.pools.clone(), vec![pool("gsrn#0614#18", claimed)]].concat();
            assert_eq!(State { pools, ..sound.clone() }.breaches().len(), breaches);
        }
    }

    /// A reservation with a range, and its entry in the pool.
    fn allocated() -> (Reservation, RangeState) {
        let input = serde_json::json!({"reserved_for": "A", "code_type": "sgtin", "quantity": 2,
            "product": "/01/19361758000003"});
        let now = Timestamp::parse("2026-01-31T03:04:05Z").unwrap();
        let birth = Birth { id: Uuid::from_u128(1), incarnation: Uuid::from_u128(2), user: "u".into(), now };
        let mut item = Draft::parse(&input, &Rules::default()).unwrap().into_reservation(birth);
        let namespace: Namespace = "sgtin#19361758000003#8".parse().unwrap();
        let entry = RangeState {
            namespace: namespace.to_string(),
            reservation: Some(item.id),
            incarnation: Some(item.incarnation),
            ..range(10, 2, 0)
        };
        let (character_set, check) = (CharacterSet::Alphanumeric, String::new());
        item.range = Some(Range { namespace, pool_number: 7, character_set, check, start: 10, count: 2 });
        item.status = Status::Complete;
        (item, entry)
    }

    #[test]
    fn a_range_and_its_entry_must_agree_in_every_attribute() {
        let (item, entry) = allocated();
        let found = |item: &Reservation, entry: Option<&RangeState>| -> Vec<&'static str> {
            let (ranges, reservations) = (entry.cloned().into_iter().collect(), vec![item.clone()]);
            let state = State { ranges, reservations, ..State::default() };
            state.one_range_each().iter().map(|breach| breach.id).collect()
        };
        assert_eq!(found(&item, Some(&entry)), [""; 0]);
        assert_eq!(found(&Reservation { range: None, ..item.clone() }, None), [""; 0]);
        for other in [
            RangeState { start: 11, ..entry.clone() },
            RangeState { count: 3, ..entry.clone() },
            RangeState { namespace: "sgtin#19361758000003#9".into(), ..entry.clone() },
            RangeState { reservation: Some(Uuid::from_u128(9)), ..entry.clone() },
            RangeState { reservation: None, ..entry.clone() },
            RangeState { incarnation: Some(Uuid::from_u128(9)), ..entry.clone() },
        ] {
            assert_eq!(found(&item, Some(&other)), ["RSV-2"], "{other:?}");
        }
        // The range has exactly the codes that were asked for.
        assert_eq!(found(&Reservation { quantity: Some(3), ..item.clone() }, Some(&entry)), ["RSV-2"]);
        assert_eq!(found(&Reservation { range: None, ..item.clone() }, Some(&entry)), ["RSV-2"]);
        assert_eq!(found(&item, None), ["RSV-2"]);
        // Burned ranges have no incarnation; there may be any number of them.
        let burned = RangeState { reservation: None, incarnation: None, ..entry };
        let state = State { ranges: vec![burned.clone(), burned], ..State::default() };
        assert_eq!(state.one_range_each(), []);
    }

    #[test]
    fn an_export_is_that_of_a_complete_reservation_with_a_range() {
        let (item, _) = allocated();
        let count = |item: Reservation| State { reservations: vec![item], ..State::default() }.exported().count();
        assert_eq!(count(item.clone()), 1);
        assert_eq!(count(Reservation { status: Status::InProgress, ..item.clone() }), 0);
        assert_eq!(count(Reservation { range: None, ..item }), 0);
    }

    #[test]
    fn only_ranges_of_the_day_and_the_organisation_are_what_was_given() {
        let count = CountState { organisation: "A".into(), day: "2026-01-31".into(), codes: 10 };
        let found = |range: RangeState| {
            State { ranges: vec![range], counts: vec![count.clone()], ..State::default() }.counted_once()
        };
        assert_eq!(found(range(0, 10, 1)), []);
        let breach =
            |given: u64| vec![Breach { id: "RSV-9", found: format!("A on 2026-01-31: 10 counted, {given} given") }];
        assert_eq!(found(range(0, 9, 1)), breach(9));
        assert_eq!(found(RangeState { organisation: Some("B".into()), ..range(0, 10, 1) }), breach(0));
        assert_eq!(found(RangeState { day: Some("2026-01-30".into()), ..range(0, 10, 1) }), breach(0));
    }

    #[test]
    fn prefixes_of_which_none_begins_another_are_sound() {
        let pools = ["sscc#9506#18", "sscc#9507#18", "sscc#9508#18"]
            .map(|namespace| PoolState { claimed: true, ..PoolState::lost(namespace) });
        let claims = ["9506", "9507", "9508"].map(|prefix| ClaimState {
            prefix: prefix.into(),
            claimed: true,
            continued: false,
        });
        let state = State { pools: pools.to_vec(), claims: claims.to_vec(), ..State::default() };
        assert_eq!(state.prefixes_apart(), []);
    }

    #[test]
    fn a_prefix_whose_item_shows_no_claim_is_found() {
        let found = |claims: Vec<ClaimState>| -> Vec<String> {
            let pool = PoolState { claimed: true, ..PoolState::lost("sscc#061414#18") };
            let state = State { pools: vec![pool], claims, ..State::default() };
            state.prefixes_apart().into_iter().map(|breach| breach.found).collect()
        };
        let claim = |prefix: &str, claimed, continued| ClaimState { prefix: prefix.into(), claimed, continued };
        let (four, five) = (claim("0614", false, true), claim("06141", false, true));
        assert_eq!(found(vec![four.clone(), five.clone(), claim("061414", true, false)]), [""; 0]);
        for (claims, prefix) in [
            (vec![four.clone(), five.clone()], "061414"),
            (vec![four.clone(), five.clone(), claim("061414", false, true)], "061414"),
            (vec![four, claim("061414", true, false)], "06141"),
            (vec![claim("0614", true, false), five, claim("061414", true, false)], "0614"),
        ] {
            assert_eq!(found(claims), [format!("the item of {prefix} does not show a claim")]);
        }
    }
}
