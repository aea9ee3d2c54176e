//! Removes objects and uploads that the stream function left behind (architecture, step 6): after a stream record was
//! lost, or a worker died after its reservation was deleted.
//!
//! First the run looks at everything, then it removes. After a restore from a backup, or with the name of a wrong table,
//! reservations whose files exist are unknown; a run that finds many of them removes nothing ([`Found::is_suspicious`]).

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime},
};

use common::{
    bucket::Listed,
    context::Context,
    metrics::Event,
    operations::tidy::{self, Incarnation, TidyError},
    reservation::{ExportKey, Reservation, Status, file_id},
};
use serde_json::{Value, json};
use uuid::Uuid;

/// Minimum age of what is removed. Anything younger may belong to a worker that is still writing.
const MIN_AGE: Duration = Duration::from_secs(60 * 60);

/// Time reserved at the end of an invocation.
const RESERVE: Duration = Duration::from_secs(10);

/// Unknown incarnations that a run may remove, however few there are in all.
const UNSUSPICIOUS: usize = 100;

/// One of so many incarnations may be unknown.
const UNSUSPICIOUS_PART: usize = 100;

/// Maximum number of incarnations that a run removes from. It bounds the memory; a later run finds the others.
const MAX_FOUND: usize = 200_000;

/// Reservations that are read at once.
const PAGE: usize = 100;

/// What a listed key belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A completed object.
    Object,
    /// An open multipart upload. Only a running export may own one.
    Upload,
}

/// A reservation and an incarnation, as object keys name them.
type Owner = (Uuid, Uuid);

/// What an event asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    /// Anything younger is skipped.
    min_age: Duration,
    /// Whether unknown incarnations are removed however many there are.
    remove_unknown: bool,
}

impl Task {
    /// Reads `{"min_age_seconds": 3600, "remove_unknown": false}`. Members that are missing have these values.
    ///
    /// # Errors
    /// When a member has another type.
    pub(crate) fn read(event: &Value) -> Result<Self, String> {
        let min_age = match event.get("min_age_seconds") {
            None => MIN_AGE,
            Some(seconds) => Duration::from_secs(seconds.as_u64().ok_or("\"min_age_seconds\" must be a number")?),
        };
        let remove_unknown = match event.get("remove_unknown") {
            None => false,
            Some(flag) => flag.as_bool().ok_or("\"remove_unknown\" must be true or false")?,
        };
        Ok(Self { min_age, remove_unknown })
    }
}

/// Checks every export and open upload, and removes what no reservation refers to. The answer has the number checked, and
/// says whether the run stopped.
///
/// Each run starts at a random key, so that a run that ends early is complemented by the next one. A failure does not
/// stop the run; the first error is returned at the end.
///
/// # Errors
/// `TidyError` when DynamoDB or S3 fails for a page or for a reservation.
pub(crate) async fn run(context: &Context, task: Task, deadline: SystemTime) -> Result<Value, TidyError> {
    let end = deadline - RESERVE;
    // Half of the time to look, the rest to remove.
    let time = context.host().left_until(end);
    let mut round =
        Round { context, end: end - time / 2, min_age: task.min_age, found: Found::default(), failed: None };
    round.look_at_everything().await?;
    let Round { found, mut failed, .. } = round;
    let (looked, unknown) = (found.looked, found.unknown.len());
    tracing::info!(looked, unknown, "sweep looked at {looked} exports");
    let stopped = found.is_suspicious() && !task.remove_unknown;
    context.metrics().record(&Event::TidyStopped(if stopped { unknown } else { 0 }));
    let mut answer = json!({ "looked": looked });
    if stopped {
        let message = format!(
            "Nothing was removed: {unknown} of {} reservations with exports are not in the table {}. Check that it is the \
             right table and not restored from a backup. To remove their exports, send the task with \
             \"remove_unknown\": true.",
            found.incarnations,
            context.config().tables.reservations,
        );
        tracing::error!(looked, unknown, "{message}");
        answer["stopped"] = json!(message);
        answer["unknown"] = json!(unknown);
    } else {
        remove(context, &found, end, &mut failed).await;
    }
    failed.map_or(Ok(answer), Err)
}

/// What a run found.
#[derive(Default)]
struct Found {
    /// Objects and uploads.
    looked: usize,
    /// Incarnations that are old enough to be judged.
    incarnations: usize,
    /// Incarnations that no row has.
    unknown: BTreeSet<Owner>,
    /// Incarnations with something that their rows may not refer to.
    untidy: BTreeSet<Owner>,
}

impl Found {
    /// Whether so many reservations are unknown that the table is more likely wrong than the bucket.
    fn is_suspicious(&self) -> bool {
        self.unknown.len() > UNSUSPICIOUS.max(self.incarnations / UNSUSPICIOUS_PART)
    }

    fn has_room(&self) -> bool {
        self.unknown.len() + self.untidy.len() < MAX_FOUND
    }
}

/// The state of one run while it looks.
struct Round<'a> {
    context: &'a Context,
    end: SystemTime,
    min_age: Duration,
    found: Found,
    failed: Option<TidyError>,
}

impl Round<'_> {
    fn is_over(&self) -> bool {
        self.context.host().time() > self.end || !self.found.has_room()
    }

    async fn look_at_everything(&mut self) -> Result<(), TidyError> {
        let bucket = self.context.bucket();
        let middle = format!("{}{}", ExportKey::PREFIX, self.context.host().random_id());
        for (after, until) in [(Some(middle.clone()), None), (None, Some(middle))] {
            let mut token = None;
            while !self.is_over() {
                let (page, next) = bucket.objects_page(ExportKey::PREFIX, after.clone(), token).await?;
                let page: Vec<Listed> =
                    page.into_iter().filter(|object| until.as_ref().is_none_or(|until| object.key <= *until)).collect();
                let is_last = page.is_empty() || next.is_none();
                self.look(&page, Kind::Object).await;
                token = next;
                if is_last {
                    break;
                }
            }
        }
        if !self.is_over() {
            let uploads = bucket.open_uploads(ExportKey::PREFIX).await?.into_iter();
            let uploads: Vec<_> =
                uploads.map(|upload| Listed { key: upload.key, modified: upload.initiated }).collect();
            for page in uploads.chunks(PAGE) {
                self.look(page, Kind::Upload).await;
            }
        }
        if self.is_over() {
            tracing::warn!(looked = self.found.looked, "sweep ran out of time after {} exports", self.found.looked);
        }
        Ok(())
    }

    /// Notes what is wrong with the reservations of a page of keys.
    async fn look(&mut self, keys: &[Listed], kind: Kind) {
        let oldest = self.context.now().time().timestamp() - i64::try_from(self.min_age.as_secs()).unwrap_or(i64::MAX);
        self.found.looked += keys.len();
        let mut owners: BTreeMap<Owner, Vec<u32>> = BTreeMap::new();
        for listed in keys.iter().filter(|listed| listed.modified.is_some_and(|modified| modified <= oldest)) {
            if let Some(key) = ExportKey::parse(&listed.key) {
                owners.entry((key.reservation, key.incarnation)).or_default().push(key.generation);
            }
        }
        self.found.incarnations += owners.len();
        let asked: Vec<Owner> = owners.keys().copied().collect();
        for (owner, item) in rows(self.context, &asked, &mut self.failed).await {
            match item {
                None => self.found.unknown.insert(owner),
                Some(item) if kind == Kind::Object && owners.get(&owner).is_some_and(|all| is_in_order(&item, all)) => {
                    continue;
                }
                Some(_) => self.found.untidy.insert(owner),
            };
        }
    }
}

/// Removes what was found, if it is still so: the rows are read once more.
async fn remove(context: &Context, found: &Found, end: SystemTime, failed: &mut Option<TidyError>) {
    let owners: Vec<Owner> = found.unknown.union(&found.untidy).copied().collect();
    for page in owners.chunks(PAGE) {
        for ((id, incarnation), item) in rows(context, page, failed).await {
            if context.host().time() > end {
                tracing::warn!("sweep ran out of time while it removed exports");
                return;
            }
            let (store, bucket) = (context.store(), context.bucket());
            let result = match item {
                Some(item) => tidy::remove_unreferenced(bucket, &item).await,
                None if found.unknown.contains(&(id, incarnation)) => {
                    tidy::remove_all(store, bucket, &Incarnation { id, incarnation, export_file: None }).await
                }
                // It was deleted since; the stream function removes its files.
                None => Ok(()),
            };
            if let Err(error) = result {
                tracing::error!(reservation = %id, error = %error, "exports of {id} could not be tidied");
                failed.get_or_insert(error);
            }
        }
    }
}

/// The rows of these incarnations, read consistently; `None` for one that no row has. An incarnation whose row cannot be
/// read is left out, because it may still exist.
async fn rows(
    context: &Context,
    owners: &[Owner],
    failed: &mut Option<TidyError>,
) -> Vec<(Owner, Option<Reservation>)> {
    let store = context.store();
    let ids: Vec<Uuid> = owners.iter().map(|(id, _)| *id).collect::<BTreeSet<_>>().into_iter().collect();
    let mut known: BTreeMap<Uuid, Reservation> = BTreeMap::new();
    let mut unreadable = BTreeSet::new();
    match store.reservations(&ids).await {
        Ok(items) => known.extend(items.into_iter().map(|item| (item.id, item))),
        // At least one item cannot be read. They are read one by one to find it.
        Err(_) => {
            for id in ids {
                match store.reservations(&[id]).await {
                    Ok(items) => known.extend(items.into_iter().map(|item| (item.id, item))),
                    Err(error) => {
                        tracing::error!(reservation = %id, error = %error, "exports of {id} could not be tidied");
                        unreadable.insert(id);
                        failed.get_or_insert(error.into());
                    }
                }
            }
        }
    }
    let of = |owner: &Owner| known.get(&owner.0).filter(|item| item.incarnation == owner.1).cloned();
    owners.iter().filter(|(id, _)| !unreadable.contains(id)).map(|owner| (*owner, of(owner))).collect()
}

/// Whether the only export is the one that the complete reservation references. This is the usual case and needs no
/// further reads.
fn is_in_order(item: &Reservation, generations: &[u32]) -> bool {
    let file = file_id(item.incarnation, item.generation).to_string();
    item.status == Status::Complete
        && generations == [item.generation]
        && item.export_file.as_deref() == Some(file.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(incarnations: usize, unknown: u128) -> Found {
        let unknown = (0..unknown).map(|number| (Uuid::from_u128(number), Uuid::nil())).collect();
        Found { incarnations, unknown, ..Found::default() }
    }

    #[test]
    fn a_run_stops_above_a_hundred_unknown_reservations_or_one_percent_whichever_is_more() {
        for (incarnations, unknown, stops) in
            [(100, 100, false), (101, 101, true), (10_099, 101, true), (20_000, 200, false), (20_000, 201, true)]
        {
            assert_eq!(found(incarnations, unknown).is_suspicious(), stops, "{unknown} of {incarnations}");
        }
    }

    #[test]
    fn a_run_notes_as_many_incarnations_as_it_may_hold_of_both_kinds_together() {
        let owners = |count: u128| (0..count).map(|number| (Uuid::from_u128(number), Uuid::nil())).collect();
        for (unknown, untidy, has_room) in
            [(0, 0, true), (199_999, 0, true), (0, 199_999, true), (199_999, 1, false), (100_000, 100_000, false)]
        {
            let found = Found { unknown: owners(unknown), untidy: owners(untidy), ..Found::default() };
            assert_eq!(found.has_room(), has_room, "{unknown} and {untidy}");
        }
    }

    #[test]
    fn an_event_with_another_type_is_refused() {
        let hour = Duration::from_secs(3_600);
        assert_eq!(Task::read(&json!({})), Ok(Task { min_age: hour, remove_unknown: false }));
        let all = json!({"task": "tidy", "min_age_seconds": 0, "remove_unknown": true});
        assert_eq!(Task::read(&all), Ok(Task { min_age: Duration::ZERO, remove_unknown: true }));
        for wrong in [json!({"remove_unknown": "yes"}), json!({"remove_unknown": 1}), json!({"min_age_seconds": -1})] {
            assert!(Task::read(&wrong).is_err(), "{wrong}");
        }
    }
}
