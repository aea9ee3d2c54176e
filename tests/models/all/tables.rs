//! The tables of a model, and the transaction that allocates (docs/architecture.md, S1) with its conditions.

use domain::reservation::{
    Reservation,
    invariants::{Breach, CountState, PoolState, RangeState, State},
};

use crate::rows::{NAMESPACE, Row, RowStatus, id, incarnation_id, organisation};

/// The day on which everything in a model happens.
const DAY: &str = "2026-01-01";

/// The entry `pool` of the table Pools: `store::pools::Pool`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Pool {
    pub(crate) next: u8,
    pub(crate) only_organisation: Option<u8>,
    pub(crate) only_next: Option<u8>,
}

/// An entry `range#…` of the table Pools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RangeRow {
    pub(crate) start: u8,
    pub(crate) count: u8,
    /// Number of the reservation, its incarnation and its organisation; `None` for a burned range.
    pub(crate) owner: Option<(u8, u8, u8)>,
}

/// The tables Pools (one pool), Reservations, and the counts of the day in Requests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tables {
    pub(crate) pool: Option<Pool>,
    pub(crate) ranges: Vec<RangeRow>,
    pub(crate) rows: Vec<Option<Row>>,
    /// The codes of today of organisation 0, the only one with a quota; `None` without an item.
    pub(crate) codes_today: Option<u8>,
}

/// `store::allocation::Placement`: the number of the reservation, the row as it was read, and the start of its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Placement {
    pub(crate) id: u8,
    pub(crate) read: Row,
    pub(crate) start: u8,
}

/// How the transaction of an allocation is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Writing {
    /// Whether the reservation must have the version that was read.
    pub(crate) with_version: bool,
    /// Whether the whole item is put, from the copy that was read (as `put_over` does), or only the members that the
    /// allocation decides.
    pub(crate) whole_item: bool,
}

/// `store::allocation::put_over` as it is.
pub(crate) const TODAY: Writing = Writing { with_version: true, whole_item: true };

/// `Allocated::Overtaken`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Overtaken {
    /// The positions of the placements whose reservation changed.
    pub(crate) changed: Vec<usize>,
    /// Whether the pool or a count changed.
    pub(crate) pool: bool,
}

impl Pool {
    /// `store::pools::Pool::owner`.
    fn owner(&self) -> Option<u8> {
        self.only_organisation.filter(|_| self.only_next == Some(self.next))
    }

    /// `store::allocation::advanced`.
    fn advanced(entry: Option<Self>, placements: &[Placement]) -> Self {
        let mut organisations = placements.iter().map(|placement| placement.read.organisation);
        let only = match entry {
            Some(pool) => pool.owner(),
            None => organisations.clone().next(),
        };
        let only = only.filter(|only| organisations.all(|organisation| organisation == *only));
        let codes: u8 = placements.iter().map(|placement| placement.read.quantity).sum();
        let next = entry.map_or(0, |pool| pool.next) + codes;
        Self { next, only_organisation: only, only_next: only.map(|_| next) }
    }
}

impl Tables {
    /// The whole transaction of `Store::allocate`: all writes, or none if a condition fails.
    pub(crate) fn allocate(
        &mut self,
        entry: Option<Pool>,
        placements: &[Placement],
        quota: Option<u8>,
        writing: Writing,
    ) -> Result<(), Overtaken> {
        let changed = self.changed(placements, writing);
        let pool = !self.takes_ranges(entry, placements, quota);
        if pool || !changed.is_empty() {
            return Err(Overtaken { changed, pool });
        }
        self.write_ranges(entry, placements, quota);
        self.write_rows(placements, writing);
        Ok(())
    }

    /// The first half of a split allocation: the pool, the counts and the range entries.
    pub(crate) fn allocate_ranges(
        &mut self,
        entry: Option<Pool>,
        placements: &[Placement],
        quota: Option<u8>,
    ) -> Result<(), Overtaken> {
        if !self.takes_ranges(entry, placements, quota) {
            return Err(Overtaken { changed: vec![], pool: true });
        }
        self.write_ranges(entry, placements, quota);
        Ok(())
    }

    /// The second half of a split allocation: the reservations.
    pub(crate) fn allocate_rows(&mut self, placements: &[Placement], writing: Writing) -> Result<(), Overtaken> {
        let changed = self.changed(placements, writing);
        if !changed.is_empty() {
            return Err(Overtaken { changed, pool: false });
        }
        self.write_rows(placements, writing);
        Ok(())
    }

    /// The conditions of `advance_pool` (`#next = :read AND #check = :check`, and `only_organisation = :organisation` or
    /// `attribute_not_exists(only_organisation)`), of `make_pool` and `make_range` (`attribute_not_exists(#namespace)`),
    /// and of `count_codes` (`attribute_not_exists(codes) OR codes <= :most`).
    fn takes_ranges(&self, entry: Option<Pool>, placements: &[Placement], quota: Option<u8>) -> bool {
        let pool = match (entry, self.pool) {
            (None, now) => now.is_none(),
            (Some(read), Some(now)) => now.next == read.next && now.only_organisation == read.only_organisation,
            (Some(_), None) => false,
        };
        let is_free = |placement: &Placement| self.ranges.iter().all(|range| range.start != placement.start);
        let added = counted(placements);
        let within = quota.is_none_or(|quota| {
            added == 0 || self.codes_today.is_none_or(|codes| added <= quota && codes <= quota - added)
        });
        pool && within && placements.iter().all(is_free)
    }

    /// The positions whose condition of `put_over` fails: `#status = :new AND attribute_not_exists(#range) AND
    /// incarnation = :incarnation AND version = :version`.
    fn changed(&self, placements: &[Placement], writing: Writing) -> Vec<usize> {
        let is_as_read = |Placement { id, read, .. }: &Placement| {
            self.rows[usize::from(*id)].is_some_and(|row| {
                row.status == RowStatus::New
                    && row.range.is_none()
                    && row.incarnation == read.incarnation
                    && (row.version == read.version || !writing.with_version)
            })
        };
        let changed = placements.iter().enumerate().filter(|(_, placement)| !is_as_read(placement));
        changed.map(|(position, _)| position).collect()
    }

    fn write_ranges(&mut self, entry: Option<Pool>, placements: &[Placement], quota: Option<u8>) {
        let after = Pool::advanced(entry, placements);
        self.pool = Some(match (self.pool, after.only_organisation) {
            // `SET #next = :new, only_next = :new`.
            (Some(now), Some(_)) => Pool { next: after.next, only_next: Some(after.next), ..now },
            // `SET #next = :new REMOVE only_organisation, only_next`, or the put of a new pool.
            _ => after,
        });
        let ranges = placements.iter().map(|Placement { id, read, start }| RangeRow {
            start: *start,
            count: read.quantity,
            owner: Some((*id, read.incarnation, read.organisation)),
        });
        self.ranges.extend(ranges);
        self.ranges.sort_unstable();
        if quota.is_some() && counted(placements) > 0 {
            self.codes_today = Some(self.codes_today.unwrap_or(0) + counted(placements));
        }
    }

    fn write_rows(&mut self, placements: &[Placement], writing: Writing) {
        for Placement { id, read, start } in placements {
            let Some(row) = &mut self.rows[usize::from(*id)] else { continue };
            let put = read.allocated(*start, 1, read.progress_at);
            *row = match writing.whole_item {
                true => put,
                false => Row {
                    quantity: row.quantity,
                    organisation: row.organisation,
                    file: row.file,
                    version: row.version + 1,
                    ..put
                },
            };
        }
    }

    /// The tables as the checks of the invariants take them.
    pub(crate) fn real(&self) -> State {
        let pool = |pool: &Pool| PoolState {
            // The models have one company prefix at most.
            claimed: false,
            namespace: NAMESPACE.to_owned(),
            next: pool.next.into(),
            only_organisation: pool.only_organisation.map(organisation),
            only_next: pool.only_next.map(u64::from),
        };
        let range = |range: &RangeRow| RangeState {
            namespace: NAMESPACE.to_owned(),
            start: range.start.into(),
            count: range.count.into(),
            reservation: range.owner.map(|(number, ..)| id(number)),
            incarnation: range.owner.map(|(_, incarnation, _)| incarnation_id(incarnation)),
            organisation: range.owner.map(|(.., owner)| organisation(owner)),
            day: Some(DAY.to_owned()),
        };
        let count = |codes| CountState { organisation: organisation(0), day: DAY.to_owned(), codes: u64::from(codes) };
        State {
            claims: Vec::new(),
            pools: self.pool.iter().map(pool).collect(),
            ranges: self.ranges.iter().map(range).collect(),
            reservations: self.reservations(),
            counts: self.codes_today.map(count).into_iter().collect(),
        }
    }

    fn reservations(&self) -> Vec<Reservation> {
        (0_u8..).zip(&self.rows).filter_map(|(number, row)| Some(row.as_ref()?.real(number))).collect()
    }

    /// Every breach of RSV-1, RSV-2, RSV-3, RSV-8 and RSV-9.
    pub(crate) fn breaches(&self) -> Vec<Breach> {
        self.real().breaches()
    }
}

/// The codes of the organisation with a quota: `Today::to_write`.
fn counted(placements: &[Placement]) -> u8 {
    placements
        .iter()
        .filter(|placement| placement.read.organisation == 0)
        .map(|placement| placement.read.quantity)
        .sum()
}
