//! Burned ranges: an operator moves a pool past indexes that may have been issued, after a restore or by another
//! system.

use super::{
    Pool, PoolEntry, RangeEntry, Store, StoreError,
    transaction::{Outcome, Reason},
};
use crate::{directory::Audit, reservation::Timestamp};

/// The result of one attempt to burn a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Burned {
    /// The pool's next index is the wanted one.
    Done,
    /// Nothing is written, because the pool changed after it was read, or another transaction writes it. Read it again.
    Overtaken,
    /// Nothing is written: codes are built from a company prefix that begins that of the pool or continues it (RSV-11).
    PrefixTaken,
}

impl Store<'_> {
    /// Moves a pool's next index to `to`, with a range that no reservation owns. The pool is created if it is
    /// [`PoolEntry::Fresh`]. The audit row is part of the transaction.
    ///
    /// The conditions are those of [`Store::allocate`]: the pool is as it was read, no such range exists (RSV-1,
    /// RSV-3), and its company prefix is claimed (RSV-11). The pool counts as shared afterwards, whoever the codes were
    /// for (RSV-8).
    ///
    /// # Errors
    /// [`StoreError::Refused`] unless `next < to ≤ capacity`, or when DynamoDB refuses the transaction;
    /// [`StoreError::Busy`] when DynamoDB does not answer; [`StoreError::Contended`] when every try conflicts with another
    /// transaction.
    pub async fn burn(&self, entry: &PoolEntry, to: u64, now: Timestamp, audit: &Audit) -> Result<Burned, StoreError> {
        let pool = entry.pool();
        let count = to.checked_sub(pool.next).filter(|count| *count > 0 && to <= pool.capacity).ok_or_else(|| {
            StoreError::Refused(format!(
                "{} cannot be moved from {} to {to}: its capacity is {}",
                pool.namespace, pool.next, pool.capacity
            ))
        })?;
        let claimed = pool.namespace.company_prefix().is_some();
        let after = Pool { next: to, only_organisation: None, only_next: None, claimed, ..pool.clone() };
        let mut transaction = self.transaction();
        let [of_pool, of_claims] = self.write_pool(&mut transaction, entry, &after)?;
        let range = RangeEntry {
            start: pool.next,
            count,
            reservation: None,
            incarnation: None,
            organisation: None,
            at: Some(now),
        };
        transaction.put(self.make_range(&pool.namespace, &range)?);
        transaction.put(self.audit_put(audit)?);
        match self.decide(&transaction).await? {
            Outcome::Done => Ok(Burned::Done),
            Outcome::Cancelled(reasons) => {
                let failed = |reason: &Reason| matches!(reason, Reason::Condition(_));
                let is_overtaken = reasons.iter().take(of_pool).any(failed);
                let is_taken = reasons.iter().skip(of_pool).take(of_claims).any(failed);
                if is_taken && !is_overtaken {
                    return Ok(Burned::PrefixTaken);
                }
                Outcome::Cancelled(reasons).written().map(|_| Burned::Overtaken)
            }
        }
    }
}
