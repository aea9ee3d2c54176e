//! The quotas of organisations during one attempt to allocate: what each was given today, and what the attempt adds.
//!
//! This module decides and writes messages. `store::allocate` writes the counts, with the quota as a condition.

use std::collections::BTreeMap;

use chrono::{Days, NaiveTime};
use common::{
    code::grouped,
    reservation::Timestamp,
    store::{DayCount, Store, StoreError},
};

/// The quota of a reservation's organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Quota {
    /// The organisation.
    pub(crate) organisation: String,
    /// Maximum number of codes on one day (UTC).
    pub(crate) codes_per_day: u64,
}

/// The counts of the organisations with a quota on the day of one attempt.
pub(crate) struct Today {
    now: Timestamp,
    counts: BTreeMap<String, Count>,
}

struct Count {
    /// The codes that the organisation was given before this attempt.
    before: u64,
    /// The codes that this attempt adds.
    added: u64,
    quota: u64,
}

impl Today {
    /// Reads the counts of these quotas. Without a quota nothing is read.
    pub(crate) async fn read<'q>(
        store: Store<'_>,
        quotas: impl Iterator<Item = &'q Quota>,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let mut counts: BTreeMap<String, Count> = BTreeMap::new();
        for Quota { organisation, codes_per_day } in quotas {
            let fresh = Count { before: 0, added: 0, quota: *codes_per_day };
            let count = counts.entry(organisation.clone()).or_insert(fresh);
            // The rows were read one after the other, so the operator may have changed the quota between them.
            count.quota = count.quota.min(*codes_per_day);
        }
        if !counts.is_empty() {
            let organisations: Vec<&str> = counts.keys().map(String::as_str).collect();
            for (organisation, before) in store.codes_of_day(&organisations, now).await? {
                if let Some(count) = counts.get_mut(&organisation) {
                    count.before = before;
                }
            }
        }
        Ok(Self { now, counts })
    }

    /// Whether a quota allows so many more codes in this attempt.
    ///
    /// # Errors
    /// A sentence for the reservation's `error_message` if it does not.
    pub(crate) fn check(&self, quota: Option<&Quota>, codes: u64) -> Result<(), String> {
        let known = quota.and_then(|quota| self.counts.get(&quota.organisation).map(|count| (quota, count)));
        let Some((Quota { organisation, .. }, count)) = known else { return Ok(()) };
        let left = count.quota.saturating_sub(count.before).saturating_sub(count.added);
        if codes <= left {
            return Ok(());
        }
        let advice = match codes > count.quota {
            true => format!("Ask for {} codes at most.", grouped(count.quota)),
            false => "Set the status to new after that.".to_owned(),
        };
        Err(format!(
            "The quota of {organisation} is {} codes a day, of which {} are left today, and {} were asked for. The quota \
             renews at {} (midnight UTC). {advice}",
            grouped(count.quota),
            grouped(left),
            grouped(codes),
            self.renews_at(),
        ))
    }

    /// The number of counts that the transaction of this attempt writes if this quota is one of them.
    pub(crate) fn counts_with(&self, quota: Option<&Quota>) -> usize {
        let is_new = |quota: &&Quota| self.counts.get(&quota.organisation).is_some_and(|count| count.added == 0);
        self.added().count() + usize::from(quota.as_ref().is_some_and(is_new))
    }

    /// Adds codes to the count of a quota in this attempt.
    pub(crate) fn add(&mut self, quota: Option<&Quota>, codes: u64) {
        if let Some(count) = quota.and_then(|quota| self.counts.get_mut(&quota.organisation)) {
            count.added = count.added.saturating_add(codes);
        }
    }

    /// What the transaction of this attempt adds, one entry for each organisation.
    pub(crate) fn to_write(&self) -> Vec<DayCount> {
        self.added()
            .map(|(organisation, count)| DayCount {
                organisation: organisation.clone(),
                codes: count.added,
                quota: count.quota,
            })
            .collect()
    }

    /// The time to which the counts belong.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    fn added(&self) -> impl Iterator<Item = (&String, &Count)> {
        self.counts.iter().filter(|(_, count)| count.added > 0)
    }

    /// The next midnight in UTC.
    fn renews_at(&self) -> Timestamp {
        let today = self.now.time().date_naive();
        let tomorrow = today.checked_add_days(Days::new(1)).unwrap_or(today);
        Timestamp::new(tomorrow.and_time(NaiveTime::MIN).and_utc())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(organisation: &str, codes_per_day: u64) -> Quota {
        Quota { organisation: organisation.to_owned(), codes_per_day }
    }

    fn today(counts: &[(&str, u64, u64)]) -> Today {
        let count = |before, quota| Count { before, added: 0, quota };
        let counts = counts.iter().map(|(name, before, quota)| ((*name).to_owned(), count(*before, *quota))).collect();
        Today { now: Timestamp::parse("2026-12-31T23:59:59Z").unwrap(), counts }
    }

    #[test]
    fn what_an_attempt_adds_counts_for_the_next_reservation_of_the_organisation() {
        let (a, b) = (quota("A", 100), quota("B", 10));
        let mut today = today(&[("A", 40, 100), ("B", 0, 10)]);
        assert_eq!(today.check(Some(&a), 60), Ok(()));
        today.add(Some(&a), 50);
        assert!(today.check(Some(&a), 11).is_err());
        assert_eq!(today.check(Some(&a), 10), Ok(()));
        assert_eq!(today.check(Some(&b), 10), Ok(()));
        assert_eq!(today.check(None, u64::MAX), Ok(()));
        today.add(Some(&a), 10);
        let written = DayCount { organisation: "A".to_owned(), codes: 60, quota: 100 };
        assert_eq!(today.to_write(), [written]);
        assert_eq!((today.counts_with(Some(&a)), today.counts_with(Some(&b)), today.counts_with(None)), (1, 2, 1));
    }

    #[test]
    fn the_message_names_the_quota_and_when_it_renews() {
        let today = today(&[("A", 1_600, 2_000)]);
        assert_eq!(
            today.check(Some(&quota("A", 2_000)), 500).unwrap_err(),
            "The quota of A is 2,000 codes a day, of which 400 are left today, and 500 were asked for. The quota renews at \
             2027-01-01T00:00:00.000Z (midnight UTC). Set the status to new after that."
        );
        assert!(today.check(Some(&quota("A", 2_000)), 2_001).unwrap_err().ends_with("Ask for 2,000 codes at most."));
    }

    #[test]
    fn a_count_above_a_lowered_quota_leaves_nothing() {
        let today = today(&[("A", 500, 100)]);
        assert!(today.check(Some(&quota("A", 100)), 1).unwrap_err().contains("of which 0 are left today"));
    }
}
