//! The decisions of the protocol that depend on a reservation alone: what the stream function does next, when the sweep
//! wakes and when an attempt counts, and what may be removed from the bucket (docs/architecture.md, "The steps").
//!
//! The functions and the models in `tests/models` call the same code.

use chrono::TimeDelta;

use super::{ExportKey, Reservation, Status, Timestamp};

/// Minutes without progress after which the sweep wakes a reservation. The time limit of the stream function is far below,
/// so every worker that took the reservation up before has ended by then.
pub const STALE_MINUTES: i64 = 15;

/// Attempts of a woken reservation before it ends as `error`.
pub const MAX_ATTEMPTS: u32 = 8;

/// What the stream function does with a reservation that it has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Nothing: the row was imported from a seed.
    Nothing,
    /// Allocate a range (step 1).
    Allocate,
    /// Write the next slice of the export, and complete it after the last one (steps 2 and 3).
    Export,
    /// Remove what the finished reservation does not refer to (step 6).
    Tidy,
    /// The status does not fit the range. Neither this service nor a client can write such a row.
    Impossible,
}

impl Work {
    /// The work that the reservation waits for.
    #[must_use]
    pub fn of(item: &Reservation) -> Self {
        match (item.status, &item.range) {
            _ if item.seeded => Self::Nothing,
            (Status::New, None) => Self::Allocate,
            (Status::InProgress, Some(_)) => Self::Export,
            (Status::Complete | Status::Error, _) => Self::Tidy,
            (Status::New, Some(_)) | (Status::InProgress, None) => Self::Impossible,
        }
    }
}

/// Whether the sweep wakes a reservation at this time (step 7).
#[must_use]
pub fn is_stale(item: &Reservation, now: Timestamp) -> bool {
    let limit = now.time() - TimeDelta::minutes(STALE_MINUTES);
    item.is_open() && item.progress_at.is_none_or(|progress| progress.time() <= limit)
}

/// What a worker does before it tries the next step of a reservation (step 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// Try: nobody woke it, or the wake is counted.
    Try,
    /// Count the attempt, then try.
    Count,
    /// End the reservation as `error`: it was woken once more after its last attempt.
    GiveUp,
}

impl Attempt {
    /// The decision for a reservation that may have so many attempts ([`MAX_ATTEMPTS`]; the models have fewer).
    #[must_use]
    pub fn of(item: &Reservation, most: u32) -> Self {
        match item.woken && item.is_open() {
            false => Self::Try,
            true if item.attempts < most => Self::Count,
            true => Self::GiveUp,
        }
    }
}

/// Whether an upload of the reservation's incarnation may be aborted. No reservation refers to an upload of a past
/// generation; concurrent workers may each have created one for the same key.
#[must_use]
pub fn upload_may_go(item: &Reservation, key: &str) -> bool {
    ExportKey::parse(key).is_some_and(|key| is_past(item, key.generation))
}

/// Whether an object of the reservation's incarnation may be deleted: no worker may still write it, and the reservation
/// does not refer to it. A file's id is derived from its object key, so the export is kept even if its file row is missing.
#[must_use]
pub fn export_may_go(item: &Reservation, key: &str) -> bool {
    ExportKey::parse(key).is_some_and(|key| {
        let file = key.file_id().to_string();
        is_past(item, key.generation) && item.export_file.as_deref() != Some(file.as_str())
    })
}

/// Whether no worker may still write this generation: the rule that keeps a tidy run with an outdated copy of the
/// reservation from removing a younger export. Nothing was exported in generation 0.
fn is_past(item: &Reservation, generation: u32) -> bool {
    let running = item.status == Status::InProgress;
    item.generation > 0 && (generation < item.generation || (generation == item.generation && !running))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::reservation::{
        Rules, Timestamp,
        create::{Birth, Draft},
        file_id,
    };

    fn item(status: Status, generation: u32) -> Reservation {
        let input = json!({"reserved_for": "A", "code_type": "sgtin", "quantity": 2, "product": "/01/19361758000003"});
        let now = Timestamp::parse("2026-01-02T03:04:05Z").unwrap();
        let birth = Birth { id: Uuid::from_u128(1), incarnation: Uuid::from_u128(2), user: "u".into(), now };
        let item = Draft::parse(&input, &Rules::default()).unwrap().into_reservation(birth);
        Reservation { status, generation, ..item }
    }

    fn key(generation: u32) -> String {
        ExportKey::of(&item(Status::New, generation), "csv").to_string()
    }

    #[test]
    fn only_what_no_worker_may_still_write_and_nothing_refers_to_is_removed() {
        use Status::{Complete, Error, InProgress, New};
        for (status, generation, removable) in [
            (New, 0, vec![]),
            (Complete, 0, vec![]),
            (InProgress, 2, vec![0, 1]),
            (Complete, 2, vec![0, 1, 2]),
            (Error, 2, vec![0, 1, 2]),
        ] {
            let item = item(status, generation);
            let found = |may_go: fn(&Reservation, &str) -> bool| -> Vec<u32> {
                (0..4).filter(|generation| may_go(&item, &key(*generation))).collect()
            };
            assert_eq!(found(upload_may_go), removable, "{status} {generation}");
            assert_eq!(found(export_may_go), removable, "{status} {generation}");
            let file = Some(file_id(item.incarnation, 1).to_string());
            let refers = Reservation { export_file: file, ..item.clone() };
            let kept: Vec<u32> = removable.iter().copied().filter(|generation| *generation != 1).collect();
            let found: Vec<u32> = (0..4).filter(|generation| export_may_go(&refers, &key(*generation))).collect();
            assert_eq!(found, kept, "{status} {generation}");
        }
        assert!(!export_may_go(&item(Complete, 2), "exports/other"));
    }

    #[test]
    fn a_reservation_is_woken_after_fifteen_minutes_and_ended_by_the_wake_after_its_last_attempt() {
        let at = |text| Timestamp::parse(text).unwrap();
        let new = item(Status::New, 0);
        assert!(!is_stale(&new, at("2026-01-02T03:19:04.999Z")));
        assert!(is_stale(&new, at("2026-01-02T03:19:05Z")));
        assert!(is_stale(&Reservation { progress_at: None, ..new.clone() }, at("2026-01-02T03:04:05Z")));
        let late = at("2027-01-01T00:00:00Z");
        assert!(!is_stale(&item(Status::Error, 0), late));
        assert!(!is_stale(&Reservation { seeded: true, ..new.clone() }, late));

        let of = |woken, attempts| Attempt::of(&Reservation { woken, attempts, ..new.clone() }, MAX_ATTEMPTS);
        assert_eq!(
            [of(false, 0), of(false, 8), of(true, 0), of(true, 7), of(true, 8)],
            [Attempt::Try, Attempt::Try, Attempt::Count, Attempt::Count, Attempt::GiveUp]
        );
        let ended = Reservation { woken: true, ..item(Status::Error, 0) };
        assert_eq!(Attempt::of(&ended, MAX_ATTEMPTS), Attempt::Try);
        let counted = Reservation { woken: true, attempts: 7, ..new }.counted(late);
        assert_eq!((counted.woken, counted.attempts, counted.progress_at), (false, 8, Some(late)));
    }

    #[test]
    fn a_seeded_row_is_never_processed() {
        for status in Status::ALL {
            assert_eq!(Work::of(&Reservation { seeded: true, ..item(status, 0) }), Work::Nothing);
        }
        assert_eq!(Work::of(&item(Status::New, 0)), Work::Allocate);
        assert_eq!(Work::of(&item(Status::InProgress, 1)), Work::Impossible);
        assert_eq!(Work::of(&item(Status::Complete, 0)), Work::Tidy);
    }
}
