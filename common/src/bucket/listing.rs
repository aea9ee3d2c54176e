//! Lists what the bucket contains under a prefix: objects and open uploads.

use super::{Bucket, BucketError, MAX_PAGES, error::classify};

/// An upload that is neither completed nor aborted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenUpload {
    /// The object's key.
    pub key: String,
    /// The upload's id.
    pub id: String,
    /// When it was begun (seconds since 1970), if S3 states it.
    pub initiated: Option<i64>,
}

/// An object of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// When it was written (seconds since 1970), if S3 states it.
    pub modified: Option<i64>,
}

/// A version of an object of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its key.
    pub key: String,
    /// Its id; `null` in a bucket without versions.
    pub id: String,
    /// When it was written (seconds since 1970), if S3 states it. Of an upload in parts that is when it was begun.
    pub modified: Option<i64>,
    /// Whether it is the object that the key leads to. Others were replaced or deleted.
    pub is_latest: bool,
}

/// The last version of a page: its key and its id.
pub type VersionPlace = (String, Option<String>);

impl Bucket<'_> {
    /// One page of the versions of the objects under a prefix, those that were replaced or deleted included, and the
    /// place of the next page, if there is one.
    ///
    /// # Errors
    /// [`BucketError::Busy`] when S3 does not answer; [`BucketError::Refused`] when it refuses.
    pub async fn versions_page(
        &self,
        prefix: &str,
        after: Option<VersionPlace>,
    ) -> Result<(Vec<Version>, Option<VersionPlace>), BucketError> {
        let (key, id) = after.map_or((None, None), |(key, id)| (Some(key), id));
        let answer = self
            .client
            .list_object_versions()
            .bucket(self.name)
            .prefix(prefix)
            .set_key_marker(key)
            .set_version_id_marker(id)
            .send()
            .await
            .map_err(classify)?;
        let next = answer.next_key_marker.filter(|_| answer.is_truncated == Some(true));
        let page = answer.versions.unwrap_or_default().into_iter().filter_map(|version| {
            Some(Version {
                key: version.key?,
                id: version.version_id.unwrap_or_else(|| "null".to_owned()),
                modified: version.last_modified.map(|time| time.secs()),
                is_latest: version.is_latest == Some(true),
            })
        });
        Ok((page.collect(), next.map(|key| (key, answer.next_version_id_marker))))
    }

    /// The objects under a prefix.
    ///
    /// # Errors
    /// [`BucketError::Busy`] when S3 does not answer; [`BucketError::Refused`] when it refuses.
    pub async fn objects(&self, prefix: &str) -> Result<Vec<Listed>, BucketError> {
        let mut objects = Vec::new();
        let mut token = None;
        for _ in 0..MAX_PAGES {
            let (page, next) = self.objects_page(prefix, None, token).await?;
            objects.extend(page);
            token = next;
            if token.is_none() {
                return Ok(objects);
            }
        }
        Err(BucketError::Busy("a listing of objects did not end".to_owned()))
    }

    /// One page of the objects under a prefix, and the token of the next page, if there is one. `after` skips the keys
    /// up to this one; `token` continues a listing.
    ///
    /// # Errors
    /// [`BucketError::Busy`] when S3 does not answer; [`BucketError::Refused`] when it refuses.
    pub async fn objects_page(
        &self,
        prefix: &str,
        after: Option<String>,
        token: Option<String>,
    ) -> Result<(Vec<Listed>, Option<String>), BucketError> {
        let answer = self
            .client
            .list_objects_v2()
            .bucket(self.name)
            .prefix(prefix)
            .set_start_after(after)
            .set_continuation_token(token)
            .send()
            .await
            .map_err(classify)?;
        let next = answer.next_continuation_token.filter(|_| answer.is_truncated == Some(true));
        let page = answer.contents.unwrap_or_default().into_iter().filter_map(|object| {
            Some(Listed { key: object.key?, modified: object.last_modified.map(|time| time.secs()) })
        });
        Ok((page.collect(), next))
    }

    /// The open uploads under a prefix.
    ///
    /// # Errors
    /// [`BucketError::Busy`] when S3 does not answer; [`BucketError::Refused`] when it refuses.
    pub async fn open_uploads(&self, prefix: &str) -> Result<Vec<OpenUpload>, BucketError> {
        let mut uploads = Vec::new();
        let (mut key, mut id) = (None, None);
        for _ in 0..MAX_PAGES {
            let answer = self
                .client
                .list_multipart_uploads()
                .bucket(self.name)
                .prefix(prefix)
                .set_key_marker(key)
                .set_upload_id_marker(id)
                .send()
                .await
                .map_err(classify)?;
            (key, id) = (answer.next_key_marker, answer.next_upload_id_marker);
            uploads.extend(answer.uploads.unwrap_or_default().into_iter().filter_map(|upload| {
                Some(OpenUpload {
                    key: upload.key?,
                    id: upload.upload_id?,
                    initiated: upload.initiated.map(|time| time.secs()),
                })
            }));
            if answer.is_truncated != Some(true) || key.is_none() {
                return Ok(uploads);
            }
        }
        Err(BucketError::Busy("a listing of uploads did not end".to_owned()))
    }
}
