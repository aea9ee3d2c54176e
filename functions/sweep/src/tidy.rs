//! Tidying (architecture, step 6) of what records did not tidy: a record that was dropped, a worker that died after its item
//! was deleted.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use chrono::Utc;
use common::{
    context::Context,
    export::{Bucket, EXPORTS, Listed, parse_export_key},
    operations::tidy::{self, Incarnation, TidyError, file_id},
    reservation::{Reservation, Status},
    store::Store,
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
/// A run that time cuts short has begun at a random place, so that the next one sees what this one did not.
pub(crate) async fn run(context: &Context, deadline: SystemTime, min_age: Duration) -> Result<usize, TidyError> {
    let bucket = Bucket::of(context);
    let uploads = bucket.open_uploads(EXPORTS).await?;
    let uploads = uploads.into_iter().map(|upload| Listed { key: upload.key, modified: upload.initiated }).collect();
    let mut looked = look(context, uploads, Kind::Upload, min_age).await?;
    let middle = format!("{EXPORTS}{}", Uuid::new_v4());
    for (after, until) in [(Some(middle.clone()), None), (None, Some(middle))] {
        let mut token = None;
        loop {
            if SystemTime::now() + RESERVE > deadline {
                tracing::warn!(looked, "sweep ran out of time after {looked} exports");
                return Ok(looked);
            }
            let (page, next) = bucket.objects_page(EXPORTS, after.clone(), token).await?;
            let page: Vec<Listed> =
                page.into_iter().filter(|object| until.as_ref().is_none_or(|until| object.key <= *until)).collect();
            let is_last = page.is_empty() || next.is_none();
            looked += look(context, page, Kind::Object, min_age).await?;
            token = next;
            if is_last {
                break;
            }
        }
    }
    Ok(looked)
}

/// Tidies what a page of keys belongs to.
async fn look(context: &Context, keys: Vec<Listed>, kind: Kind, min_age: Duration) -> Result<usize, TidyError> {
    let (store, bucket) = (Store::of(context), Bucket::of(context));
    let looked = keys.len();
    let oldest = Utc::now().timestamp() - i64::try_from(min_age.as_secs()).unwrap_or(i64::MAX);
    let mut generations: BTreeMap<(Uuid, Uuid), Vec<u32>> = BTreeMap::new();
    for listed in keys.iter().filter(|listed| listed.modified.is_some_and(|modified| modified <= oldest)) {
        if let Some((id, incarnation, generation)) = parse_export_key(&listed.key) {
            generations.entry((id, incarnation)).or_default().push(generation);
        }
    }
    let ids: Vec<Uuid> = generations.keys().map(|(id, _)| *id).collect();
    let items: BTreeMap<Uuid, Reservation> =
        store.reservations(&ids).await?.into_iter().map(|item| (item.id, item)).collect();
    for ((id, incarnation), generations) in generations {
        match items.get(&id).filter(|item| item.incarnation == incarnation) {
            None => {
                let gone = Incarnation { id, incarnation, export_file: None };
                tidy::remove_all(store, bucket, &gone).await?;
            }
            Some(item) if kind == Kind::Object && is_in_order(item, &generations) => {}
            Some(item) => tidy::remove_unreferenced(store, bucket, item).await?,
        }
    }
    Ok(looked)
}

/// Whether the only export is the one that a complete reservation refers to: nearly always, and then nothing is read.
fn is_in_order(item: &Reservation, generations: &[u32]) -> bool {
    let file = file_id(item.incarnation, item.generation).to_string();
    item.status == Status::Complete
        && generations == [item.generation]
        && item.export_file.as_deref() == Some(file.as_str())
}
