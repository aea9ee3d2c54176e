//! Removes objects and uploads that the stream function left behind (architecture, step 6): after a stream record was
//! lost, or a worker died after its reservation was deleted.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use common::{
    bucket::Listed,
    context::Context,
    operations::tidy::{self, Incarnation, TidyError},
    reservation::{ExportKey, Reservation, Status, file_id},
};
use uuid::Uuid;

/// Minimum age of what is removed. Anything younger may belong to a worker that is still writing.
pub(crate) const MIN_AGE: Duration = Duration::from_secs(60 * 60);

/// Time reserved at the end of an invocation.
const RESERVE: Duration = Duration::from_secs(10);

/// What a listed key belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A completed object.
    Object,
    /// An open multipart upload. Only a running export may own one.
    Upload,
}

/// Checks every export and open upload. Gives the number checked.
///
/// Each run starts at a random key, so that a run that ends early is complemented by the next one. A failure does not
/// stop the run; the first error is returned at the end.
///
/// # Errors
/// `TidyError` when DynamoDB or S3 fails for a page or for a reservation.
pub(crate) async fn run(context: &Context, deadline: SystemTime, min_age: Duration) -> Result<usize, TidyError> {
    let bucket = context.bucket();
    let mut round = Round { context, end: deadline - RESERVE, min_age, looked: 0, failed: None };
    let middle = format!("{}{}", ExportKey::PREFIX, Uuid::new_v4());
    for (after, until) in [(Some(middle.clone()), None), (None, Some(middle))] {
        let mut token = None;
        while !round.is_over() {
            let (page, next) = bucket.objects_page(ExportKey::PREFIX, after.clone(), token).await?;
            let page: Vec<Listed> =
                page.into_iter().filter(|object| until.as_ref().is_none_or(|until| object.key <= *until)).collect();
            let is_last = page.is_empty() || next.is_none();
            round.look(page, Kind::Object).await;
            token = next;
            if is_last {
                break;
            }
        }
    }
    if !round.is_over() {
        let uploads = bucket.open_uploads(ExportKey::PREFIX).await?.into_iter();
        let uploads = uploads.map(|upload| Listed { key: upload.key, modified: upload.initiated }).collect::<Vec<_>>();
        for page in uploads.chunks(100) {
            round.look(page.to_vec(), Kind::Upload).await;
        }
    }
    if round.is_over() {
        tracing::warn!(looked = round.looked, "sweep ran out of time after {} exports", round.looked);
    }
    round.failed.map_or(Ok(round.looked), Err)
}

/// The state of one run.
struct Round<'a> {
    context: &'a Context,
    end: SystemTime,
    min_age: Duration,
    looked: usize,
    failed: Option<TidyError>,
}

impl Round<'_> {
    fn is_over(&self) -> bool {
        SystemTime::now() > self.end
    }

    /// Cleans up the reservations of a page of keys, until the time is over.
    async fn look(&mut self, keys: Vec<Listed>, kind: Kind) {
        let oldest = self.context.now().time().timestamp() - i64::try_from(self.min_age.as_secs()).unwrap_or(i64::MAX);
        self.looked += keys.len();
        let mut generations: BTreeMap<(Uuid, Uuid), Vec<u32>> = BTreeMap::new();
        for listed in keys.iter().filter(|listed| listed.modified.is_some_and(|modified| modified <= oldest)) {
            if let Some(key) = ExportKey::parse(&listed.key) {
                generations.entry((key.reservation, key.incarnation)).or_default().push(key.generation);
            }
        }
        let store = self.context.store();
        let ids: Vec<Uuid> = generations.keys().map(|(id, _)| *id).collect();
        let known: Option<BTreeMap<Uuid, Reservation>> = match store.reservations(&ids).await {
            Ok(items) => Some(items.into_iter().map(|item| (item.id, item)).collect()),
            // At least one item cannot be read. The loop below reads them one by one to find it.
            Err(_) => None,
        };
        for ((id, incarnation), generations) in generations {
            if self.is_over() {
                return;
            }
            let item = match &known {
                Some(known) => Ok(known.get(&id).cloned()),
                None => store.reservations(&[id]).await.map(|items| items.into_iter().next()),
            };
            // An item that cannot be read may still exist, so its objects are kept.
            let result = match item {
                Ok(item) => self.tidy(id, incarnation, item, &generations, kind).await,
                Err(error) => Err(error.into()),
            };
            if let Err(error) = result {
                tracing::error!(reservation = %id, error = %error, "exports of {id} could not be tidied");
                self.failed.get_or_insert(error);
            }
        }
    }

    async fn tidy(
        &self,
        id: Uuid,
        incarnation: Uuid,
        item: Option<Reservation>,
        generations: &[u32],
        kind: Kind,
    ) -> Result<(), TidyError> {
        let bucket = self.context.bucket();
        match item.filter(|item| item.incarnation == incarnation) {
            None => {
                let gone = Incarnation { id, incarnation, export_file: None };
                tidy::remove_all(self.context.store(), bucket, &gone).await
            }
            Some(item) if kind == Kind::Object && is_in_order(&item, generations) => Ok(()),
            Some(item) => tidy::remove_unreferenced(bucket, &item).await,
        }
    }
}

/// Whether the only export is the one that the complete reservation references. This is the usual case and needs no
/// further reads.
fn is_in_order(item: &Reservation, generations: &[u32]) -> bool {
    let file = file_id(item.incarnation, item.generation).to_string();
    item.status == Status::Complete
        && generations == [item.generation]
        && item.export_file.as_deref() == Some(file.as_str())
}
