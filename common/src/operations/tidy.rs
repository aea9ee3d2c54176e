//! Deletes objects, uploads and file rows that no reservation refers to, and nothing else (architecture, step 6).
//!
//! RSV-5: after a reservation has ended, no object and no upload is unreferenced. RSV-7: ranges are never removed.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::{
    bucket::{Bucket, BucketError},
    reservation::{ExportKey, Reservation, export_may_go, upload_may_go},
    store::{Store, StoreError},
};

/// Tidying failed before it was complete. A later try continues.
#[derive(Debug, thiserror::Error)]
pub enum TidyError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bucket failed.
    #[error(transparent)]
    Bucket(#[from] BucketError),
}

/// An incarnation of a reservation, with the file that its latest stream record named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incarnation {
    /// The reservation.
    pub id: Uuid,
    /// The incarnation.
    pub incarnation: Uuid,
    /// `export_file` of the record's old image.
    pub export_file: Option<String>,
}

/// Removes everything of an incarnation that no longer exists: first its file rows, then every object and upload.
///
/// The caller must have read that the item does not exist or has another incarnation. Rows are deleted first: after a
/// crash a remaining object can be found by its key, but a remaining row cannot.
///
/// # Errors
/// [`TidyError::Store`] or [`TidyError::Bucket`] when DynamoDB or S3 does not answer; the next try continues.
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

/// Removes the objects and uploads of a reservation that it does not refer to. The reservation must have been read
/// consistently.
///
/// Nothing of a later generation than the one read is removed. Nor is anything of that generation itself while the
/// reservation is `in_progress`, because an export is not referenced before it is complete.
///
/// # Errors
/// [`TidyError::Bucket`] when S3 does not answer; the next try continues.
pub async fn remove_unreferenced(bucket: Bucket<'_>, item: &Reservation) -> Result<(), TidyError> {
    if item.generation == 0 {
        // No export was ever begun.
        return Ok(());
    }
    clear(bucket, item.id, item.incarnation, |key| upload_may_go(item, key), |key| export_may_go(item, key)).await
}

async fn clear(
    bucket: Bucket<'_>,
    id: Uuid,
    incarnation: Uuid,
    upload_may_go: impl Fn(&str) -> bool,
    object_may_go: impl Fn(&str) -> bool,
) -> Result<(), TidyError> {
    let prefix = ExportKey::prefix_of(id, incarnation);
    // Uploads first: if a worker completes an upload between the two listings, the second one finds the object.
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
