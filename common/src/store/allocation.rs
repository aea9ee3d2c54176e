//! Allocation: the transaction that gives new reservations their ranges of one pool (docs/architecture.md, step 1).
//!
//! If a condition fails, the transaction writes nothing and the result tells what changed: the pool, or which
//! reservations.

use super::{
    DayCount, Pool, PoolEntry, RangeEntry, Store, StoreError,
    claims::claim_actions,
    items::text,
    transaction::{MAX_ACTIONS, Outcome, Reason, Transaction},
};
use crate::reservation::{Range, Render, Reservation, Status, Timestamp};

/// A reservation that is to get a range, with the start of the range and the settings of its export.
#[derive(Clone, Debug)]
pub struct Placement {
    /// The reservation as it was read.
    pub reservation: Reservation,
    /// The first index of its range.
    pub start: u64,
    /// The settings with which its export is rendered.
    pub render: Render,
}

/// The result of one attempt to allocate.
#[derive(Debug)]
pub enum Allocated {
    /// All reservations have their ranges. These are the reservations as they are now.
    Done(Vec<Reservation>),
    /// Nothing is written, because reservations or the pool changed after they were read.
    Overtaken {
        /// Positions of the changed reservations in the list of placements.
        changed: Vec<usize>,
        /// Whether the pool and the counts must be read again.
        pool: bool,
    },
    /// Nothing is written, because of a conflict with another transaction; try again.
    Busy,
    /// Nothing is written, and nothing ever will be: codes are built from a company prefix that begins that of the pool
    /// or continues it (RSV-11).
    PrefixTaken,
}

/// Maximum number of reservations of one allocation. With a new pool, k reservations take 2k + 2 actions, and a
/// transaction has at most 100.
pub const MAX_PLACEMENTS: usize = 49;

/// Whether one transaction has room for so many reservations and counts of a day, besides the pool and its claims.
#[must_use]
pub fn has_room(entry: &PoolEntry, placements: usize, counts: usize) -> bool {
    2 + entry.prefix_to_claim().map_or(0, claim_actions) + 2 * placements + counts <= MAX_ACTIONS
}

/// The numbers of the actions of an allocation, in their order; two for each placement follow.
struct Actions {
    pool: usize,
    claims: usize,
    counts: usize,
}

impl Store<'_> {
    /// Begins a transaction with the writes of a pool, which is as it was read, and of the claims that it lacks. Gives the
    /// numbers of both.
    pub(super) fn write_pool(
        &self,
        transaction: &mut Transaction,
        entry: &PoolEntry,
        after: &Pool,
    ) -> Result<[usize; 2], StoreError> {
        match entry {
            PoolEntry::Known(pool) => transaction.update(self.advance_pool(pool, after)?),
            PoolEntry::Fresh(_) => self.make_pool(after)?.into_iter().for_each(|put| transaction.put(put)),
        }
        let of_pool = transaction.len();
        let claims = entry.prefix_to_claim().map_or(Ok(Vec::new()), |prefix| self.claim_prefix(prefix))?;
        claims.into_iter().for_each(|claim| transaction.update(claim));
        Ok([of_pool, transaction.len() - of_pool])
    }

    /// Allocates ranges of one pool in one transaction (architecture, step 1).
    ///
    /// RSV-1 and RSV-3: the pool's counter must have the value read, and the range entries must not exist. RSV-2: each
    /// reservation must be `new`, without a range, and have the version read, because a client may still edit it.
    /// RSV-8: the pool's only organisation is that of all placements, or none. RSV-9: each of `counts`, one for each
    /// organisation with a quota, must stay within the quota. RSV-11: if codes are built from the company prefix, it is
    /// claimed.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer; [`StoreError::Refused`] when it refuses the transaction.
    pub async fn allocate(
        &self,
        entry: &PoolEntry,
        placements: &[Placement],
        counts: &[DayCount],
        now: Timestamp,
    ) -> Result<Allocated, StoreError> {
        let pool = entry.pool();
        let after = advanced(entry, placements);
        let mut transaction = self.transaction();
        let [of_pool, of_claims] = self.write_pool(&mut transaction, entry, &after)?;
        let actions = Actions { pool: of_pool, claims: of_claims, counts: counts.len() };
        for count in counts {
            transaction.update(self.count_codes(count, now)?);
        }
        let mut allocated = Vec::with_capacity(placements.len());
        for placement in placements {
            let item = &placement.reservation;
            let range = RangeEntry {
                start: placement.start,
                count: item.quantity(),
                reservation: Some(item.id),
                incarnation: Some(item.incarnation),
                organisation: item.reserved_for.clone(),
                at: Some(now),
            };
            transaction.put(self.make_range(&pool.namespace, &range)?);
        }
        for placement in placements {
            let next = placed(placement, entry, now);
            let mut step = self.change(&placement.reservation, &next)?;
            step.condition("#status = :status_read", ":status_read", text(Status::New.as_str()));
            step.conditions.push("attribute_not_exists(#range)".to_owned());
            transaction.update(step.transact()?);
            allocated.push(next);
        }
        match transaction.send(self.client).await? {
            Outcome::Done => Ok(Allocated::Done(allocated)),
            Outcome::Cancelled(reasons) => overtaken(&reasons, &actions, placements.len()),
        }
    }
}

/// The pool after these placements. The first allocation gives it its only organisation, and the first one of another
/// organisation takes it away for ever (RSV-8).
fn advanced(entry: &PoolEntry, placements: &[Placement]) -> Pool {
    let pool = entry.pool();
    let mut organisations = placements.iter().map(|placement| placement.reservation.reserved_for.as_deref());
    let only = match entry {
        PoolEntry::Known(pool) => pool.owner(),
        PoolEntry::Fresh(_) => organisations.clone().next().flatten(),
    };
    let only = only.filter(|only| organisations.all(|organisation| organisation == Some(*only)));
    let codes = placements.iter().map(|placement| placement.reservation.quantity());
    let next = codes.fold(pool.next, u64::saturating_add);
    Pool {
        next,
        only_organisation: only.map(str::to_owned),
        only_next: only.map(|_| next),
        claimed: pool.namespace.company_prefix().is_some(),
        ..pool.clone()
    }
}

/// The reservation with its range.
fn placed(placement: &Placement, entry: &PoolEntry, now: Timestamp) -> Reservation {
    let pool = entry.pool();
    let range = Range {
        namespace: pool.namespace.clone(),
        pool_number: pool.number,
        character_set: pool.character_set,
        check: pool.check.clone(),
        start: placement.start,
        count: placement.reservation.quantity(),
    };
    placement.reservation.allocated(range, placement.render.clone(), now)
}

/// Evaluates the cancellation reasons, which are in the order of the actions: the pool's, the claims', the counts', the
/// ranges', the reservations'.
fn overtaken(reasons: &[Reason], actions: &Actions, placements: usize) -> Result<Allocated, StoreError> {
    if let Some(text) = reasons.iter().find_map(|reason| match reason {
        Reason::Refused(text) => Some(text.clone()),
        _ => None,
    }) {
        return Err(StoreError::Refused(text));
    }
    let mut failed = reasons.iter().map(|reason| matches!(reason, Reason::Condition(_)));
    let mut any = |number| failed.by_ref().take(number).fold(false, |any, failed| any | failed);
    // If a range entry exists, the value read of the pool's counter was out of date. If a count fails, it grew since it
    // was read.
    let (pool, claims, rest) = (any(actions.pool), any(actions.claims), any(actions.counts + placements));
    if claims && !pool {
        return Ok(Allocated::PrefixTaken);
    }
    let pool = pool || rest;
    let changed: Vec<usize> = failed.enumerate().filter(|(_, failed)| *failed).map(|(position, _)| position).collect();
    if pool || !changed.is_empty() { Ok(Allocated::Overtaken { changed, pool }) } else { Ok(Allocated::Busy) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::{
        code::{CharacterSet, CodeType, Namespace, PoolSpec},
        reservation::{
            Rules,
            create::{Birth, Draft},
        },
    };

    /// A new pool of a product, or one of codes that are built from a company prefix of six digits.
    fn pool(has_prefix: bool) -> Pool {
        let (namespace, set) = match has_prefix {
            true => (Namespace::new(CodeType::Giai, "952123", 12).unwrap(), CharacterSet::Numeric),
            false => (Namespace::new(CodeType::Sgtin, "09521234543213", 12).unwrap(), CharacterSet::Numeric),
        };
        Pool::new(&PoolSpec::from_pool(namespace, set).unwrap(), 1, "check".to_owned())
    }

    fn placement(organisation: Option<&str>, quantity: u64) -> Placement {
        let input =
            json!({"reserved_for": "A", "code_type": "sgtin", "quantity": quantity, "product": "/01/09521234543213"});
        let now = Timestamp::new(chrono::DateTime::UNIX_EPOCH);
        let birth = Birth { id: Uuid::nil(), incarnation: Uuid::nil(), user: "user".to_owned(), now };
        let mut reservation = Draft::parse(&input, &Rules::default()).unwrap().into_reservation(birth);
        reservation.reserved_for = organisation.map(str::to_owned);
        let render = serde_json::from_value(
            json!({"export_type": "csv", "digital_link_domain": "id.example.org", "version": 1}),
        )
        .unwrap();
        Placement { reservation, start: 0, render }
    }

    #[test]
    fn a_transaction_has_room_for_exactly_a_hundred_actions() {
        // Two of the pool, two of each placement, one of each count.
        let known = PoolEntry::Known(pool(false));
        for (placements, counts, fits) in [
            (49, 0, true),
            (49, 1, false),
            (50, 0, false),
            (48, 2, true),
            (48, 3, false),
            (1, 96, true),
            (1, 97, false),
            (0, 98, true),
        ] {
            assert_eq!(has_room(&known, placements, counts), fits, "{placements} {counts}");
        }
        // And those of the claim, until it is made.
        let claims = claim_actions("952123");
        let mut fresh = pool(true);
        for (placements, fits) in [((98 - claims) / 2, true), ((98 - claims) / 2 + 1, false)] {
            assert_eq!(has_room(&PoolEntry::Fresh(fresh.clone()), placements, (98 - claims) % 2), fits, "{placements}");
        }
        fresh.claimed = true;
        assert!(has_room(&PoolEntry::Known(fresh), 49, 0));
    }

    #[test]
    fn a_pool_knows_its_only_organisation_as_long_as_there_is_one() {
        let [a, b, nobody] = [Some("A"), Some("B"), None].map(|organisation| placement(organisation, 3));
        let of = |entry: &PoolEntry, placements: &[&Placement]| {
            let placements: Vec<Placement> = placements.iter().map(|one| (*one).clone()).collect();
            let after = advanced(entry, &placements);
            (after.next, after.only_organisation, after.only_next)
        };
        let fresh = PoolEntry::Fresh(pool(false));
        let owned = (6, Some("A".to_owned()), Some(6));
        assert_eq!(of(&fresh, &[&a, &a]), owned);
        assert_eq!(of(&fresh, &[&a, &b]), (6, None, None));
        assert_eq!(of(&fresh, &[&nobody, &nobody]), (6, None, None));
        let mut known = pool(false);
        (known.next, known.only_organisation, known.only_next) = owned;
        assert_eq!(of(&PoolEntry::Known(known.clone()), &[&a]), (9, Some("A".to_owned()), Some(9)));
        assert_eq!(of(&PoolEntry::Known(known.clone()), &[&b]), (9, None, None));
        assert_eq!(of(&PoolEntry::Known(known.clone()), &[&nobody]), (9, None, None));
        // Something that does not know the owner has advanced it: whose the codes are is not known.
        known.next = 7;
        assert_eq!(of(&PoolEntry::Known(known), &[&a]), (10, None, None));
        for has_prefix in [false, true] {
            assert_eq!(advanced(&PoolEntry::Fresh(pool(has_prefix)), &[]).claimed, has_prefix);
        }
    }

    #[test]
    fn every_cancellation_reason_is_told_apart() {
        let condition = || Reason::Condition(None);
        let of = |claims, counts| Actions { pool: 1, claims, counts };
        let told = |reasons: &[Reason]| overtaken(reasons, &of(0, 0), 2).unwrap();
        // pool, range, range, reservation, reservation
        let none = || Reason::None;
        assert!(matches!(told(&[condition(), none(), none(), none(), none()]),
            Allocated::Overtaken { changed, pool: true } if changed.is_empty()));
        assert!(matches!(told(&[none(), none(), condition(), none(), none()]),
            Allocated::Overtaken { changed, pool: true } if changed.is_empty()));
        // Two that failed are not none, whether of ranges or of reservations.
        assert!(matches!(told(&[none(), condition(), condition(), none(), none()]),
            Allocated::Overtaken { changed, pool: true } if changed.is_empty()));
        assert!(matches!(told(&[none(), none(), none(), condition(), condition()]),
            Allocated::Overtaken { changed, pool: false } if changed == [0, 1]));
        // pool, count of a day, range, range, reservation, reservation
        assert!(matches!(overtaken(&[none(), condition(), none(), none(), none(), none()], &of(0, 1), 2).unwrap(),
            Allocated::Overtaken { changed, pool: true } if changed.is_empty()));
        // pool, claim, claim, range, reservation: a pool that changed is read again before the claim counts.
        let claims = |reasons: &[Reason]| overtaken(reasons, &of(2, 0), 1).unwrap();
        assert!(matches!(claims(&[none(), none(), condition(), none(), condition()]), Allocated::PrefixTaken));
        assert!(matches!(claims(&[none(), Reason::Retry, none(), none(), none()]), Allocated::Busy));
        assert!(matches!(claims(&[condition(), condition(), none(), none(), none()]),
            Allocated::Overtaken { changed, pool: true } if changed.is_empty()));
        assert!(matches!(claims(&[none(), none(), none(), none(), condition()]),
            Allocated::Overtaken { changed, pool: false } if changed == [0]));
        assert!(matches!(told(&[none(), none(), none(), none(), condition()]),
            Allocated::Overtaken { changed, pool: false } if changed == [1]));
        assert!(matches!(told(&[Reason::Retry, none(), none(), none(), none()]), Allocated::Busy));
        assert!(overtaken(&[Reason::Refused("ValidationError".into())], &of(0, 0), 2).is_err());
    }
}
