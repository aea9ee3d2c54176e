//! Tidying (architecture, step 6) of what records did not tidy: a record that was dropped, a worker that died after its item
//! was deleted.

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

/// What is younger may belong to a worker that is still writing.
pub(crate) const MIN_AGE: Duration = Duration::from_secs(60 * 60);

/// Kept free at the end of an invocation.
const RESERVE: Duration = Duration::from_secs(10);

/// What a listed key is the key of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A finished object.
    Object,
    /// An open upload: nothing refers to one but a running export.
    Upload,
}

/// Looks at every export and open upload; gives their number.
///
/// A run that time cuts short has begun at a random place, so that the next one sees what this one did not. What fails does
/// not keep the rest from being looked at: the first error is told at the end.
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

/// One run over the bucket.
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

    /// Tidies what a page of keys belongs to, as far as time lasts.
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
            // One of them cannot be read; which one is seen below.
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
            // An item that cannot be read is not gone: nothing of it is touched.
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

/// Whether the only export is the one that a complete reservation refers to: nearly always, and then nothing is read.
fn is_in_order(item: &Reservation, generations: &[u32]) -> bool {
    let file = file_id(item.incarnation, item.generation).to_string();
    item.status == Status::Complete
        && generations == [item.generation]
        && item.export_file.as_deref() == Some(file.as_str())
}
