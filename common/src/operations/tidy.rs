//! Deletes objects, uploads and file rows that no reservation refers to, and nothing else (architecture, step 6).
//!
//! RSV-5: after an end no object and no upload is unreferenced. RSV-7: ranges are not touched here or anywhere.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::{
    bucket::{Bucket, BucketError},
    reservation::{ExportKey, Reservation, Status},
    store::{Store, StoreError},
};

/// Tidying failed part-way; a later try continues.
#[derive(Debug, thiserror::Error)]
pub enum TidyError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bucket failed.
    #[error(transparent)]
    Bucket(#[from] BucketError),
}

/// An incarnation of a reservation, with the file that its latest record named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incarnation {
    /// The reservation.
    pub id: Uuid,
    /// The incarnation.
    pub incarnation: Uuid,
    /// `export_file` of the record's old image.
    pub export_file: Option<String>,
}

/// Removes what belongs to an incarnation that is gone: its file rows, then every object and upload.
///
/// The caller has read that the item is gone or has another incarnation. Rows are deleted first: after a crash a remaining
/// object is found by its key, a remaining row is not.
///
/// # Errors
/// [`TidyError`] when DynamoDB or S3 does not answer; the next try continues.
pub async fn remove_all(store: Store<'_>, bucket: Bucket<'_>, gone: &Incarnation) -> Result<(), TidyError> {
    let prefix = ExportKey::prefix_of(gone.id, gone.incarnation);
    let objects = bucket.objects(&prefix).await?;
    let of_objects =
        objects.iter().filter_map(|object| ExportKey::parse(&object.key)).map(|key| key.file_id().to_string());
    let files: BTreeSet<String> = of_objects.chain(gone.export_file.clone()).collect();
    for file in files {
        store.delete_file(&file, gone.incarnation).await?;
    }
    clear(bucket, gone.id, gone.incarnation, |_| true, |_| true).await
}

/// Removes what a reservation, read consistently, does not refer to.
///
/// Never anything of a generation above the one read, nor of that generation itself while the reservation is
/// `in_progress`: an export is unreferenced between its last byte and its completion.
///
/// # Errors
/// [`TidyError`] when DynamoDB or S3 does not answer; the next try continues.
pub async fn remove_unreferenced(bucket: Bucket<'_>, item: &Reservation) -> Result<(), TidyError> {
    if item.generation == 0 {
        // No export was ever begun.
        return Ok(());
    }
    // The id of a file is made of its key: the export stays even if its file row is missing.
    let referenced = |key: &str| {
        ExportKey::parse(key).is_some_and(|key| item.export_file.as_deref() == Some(key.file_id().to_string().as_str()))
    };
    // An upload is never referenced, even one of the very key of the export: concurrent workers may each have created one.
    let upload_may_go = |key: &str| is_past(item, key);
    clear(bucket, item.id, item.incarnation, upload_may_go, |key| is_past(item, key) && !referenced(key)).await
}

/// Whether no worker may still write this key of the reservation's incarnation.
fn is_past(item: &Reservation, key: &str) -> bool {
    let Some(ExportKey { generation, .. }) = ExportKey::parse(key) else { return false };
    let running = item.status == Status::InProgress;
    generation < item.generation || (generation == item.generation && !running)
}

async fn clear(
    bucket: Bucket<'_>,
    id: Uuid,
    incarnation: Uuid,
    upload_may_go: impl Fn(&str) -> bool,
    object_may_go: impl Fn(&str) -> bool,
) -> Result<(), TidyError> {
    let prefix = ExportKey::prefix_of(id, incarnation);
    // Uploads first: an upload that a worker completes between the two listings is found as an object.
    for upload in bucket.open_uploads(&prefix).await? {
        if upload_may_go(&upload.key) {
            bucket.abort_upload(&upload.key, &upload.id).await?;
        }
    }
    let objects = bucket.objects(&prefix).await?.into_iter().map(|object| object.key);
    let keys: Vec<String> = objects.filter(|key| object_may_go(key)).collect();
    if !keys.is_empty() {
        bucket.delete(&keys).await?;
    }
    Ok(())
}
