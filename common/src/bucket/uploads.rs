//! Multipart uploads of one object: create, upload parts, complete, abort.

use aws_sdk_s3::{
    config::retry::RetryConfig,
    primitives::ByteStream,
    types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart},
};
use bytes::Bytes;

use super::{Bucket, BucketError, MAX_PAGES, ObjectHead, error::classify, objects::metadata};
use crate::clients::timeouts;

/// An uploaded part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its number, from 1.
    pub number: u32,
    /// Its entity tag.
    pub etag: String,
    /// Its size (bytes).
    pub len: u64,
}

impl Bucket<'_> {
    /// The id of an open upload of this key, if there is one. A worker that dies between creating an upload and saving
    /// its id leaves one.
    ///
    /// # Errors
    /// [`BucketError::Busy`] when S3 does not answer; [`BucketError::Refused`] when it refuses.
    pub async fn find_upload(&self, key: &str) -> Result<Option<String>, BucketError> {
        let mut ids: Vec<_> = self.open_uploads(key).await?.into_iter().filter(|upload| upload.key == key).collect();
        // Concurrent workers may have left several uploads. All workers must choose the same one.
        ids.sort_by(|a, b| (a.initiated, &a.id).cmp(&(b.initiated, &b.id)));
        Ok(ids.into_iter().next().map(|upload| upload.id))
    }

    /// Begins an upload.
    ///
    /// # Errors
    /// [`BucketError::Busy`] when S3 does not answer; [`BucketError::Refused`] when it refuses.
    pub async fn create_upload(&self, head: &ObjectHead<'_>) -> Result<String, BucketError> {
        let answer = self
            .client
            .create_multipart_upload()
            .bucket(self.name)
            .key(head.key)
            .content_type(head.content_type)
            .set_metadata(Some(metadata(head)))
            .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
            .checksum_type(ChecksumType::FullObject)
            .send()
            .await
            .map_err(classify)?;
        answer.upload_id.ok_or_else(|| BucketError::Refused("an upload without an id".to_owned()))
    }

    /// Uploads a part. The same part sent again replaces the earlier one.
    ///
    /// # Errors
    /// [`BucketError::NoSuchUpload`] when the upload is gone; [`BucketError::Busy`] when S3 does not answer;
    /// [`BucketError::Refused`] when it refuses.
    pub async fn upload_part(&self, key: &str, upload: &str, number: u32, body: Bytes) -> Result<(), BucketError> {
        self.client
            .upload_part()
            .bucket(self.name)
            .key(key)
            .upload_id(upload)
            .part_number(i32::try_from(number).unwrap_or(i32::MAX))
            .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
            .body(ByteStream::from(body))
            .customize()
            .disable_payload_signing()
            .send()
            .await
            .map(drop)
            .map_err(classify)
    }

    /// The parts of an upload, in order.
    ///
    /// # Errors
    /// [`BucketError::NoSuchUpload`] when the upload is gone; [`BucketError::Busy`] when S3 does not answer;
    /// [`BucketError::Refused`] when it refuses.
    pub async fn parts(&self, key: &str, upload: &str) -> Result<Vec<Part>, BucketError> {
        let mut parts = Vec::new();
        let mut marker = None;
        for _ in 0..MAX_PAGES {
            let answer = self
                .client
                .list_parts()
                .bucket(self.name)
                .key(key)
                .upload_id(upload)
                .set_part_number_marker(marker)
                .send()
                .await
                .map_err(classify)?;
            parts.extend(answer.parts().iter().filter_map(|part| {
                Some(Part {
                    number: u32::try_from(part.part_number?).ok()?,
                    etag: part.e_tag.clone()?,
                    len: part.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
                })
            }));
            marker =
                answer.next_part_number_marker().map(str::to_owned).filter(|_| answer.is_truncated() == Some(true));
            if marker.is_none() {
                parts.sort_by_key(|part| part.number);
                return Ok(parts);
            }
        }
        Err(BucketError::Busy("a listing of parts did not end".to_owned()))
    }

    /// Completes an upload: joins its parts to the object.
    ///
    /// # Errors
    /// [`BucketError::NoSuchUpload`] when the upload is gone; [`BucketError::Busy`] when S3 does not answer;
    /// [`BucketError::Refused`] when it refuses.
    pub async fn complete_upload(&self, key: &str, upload: &str, parts: &[Part]) -> Result<(), BucketError> {
        let parts = parts
            .iter()
            .map(|part| {
                CompletedPart::builder()
                    .part_number(i32::try_from(part.number).unwrap_or(i32::MAX))
                    .e_tag(&part.etag)
                    .build()
            })
            .collect();
        self.client
            .complete_multipart_upload()
            .bucket(self.name)
            .key(key)
            .upload_id(upload)
            .checksum_type(ChecksumType::FullObject)
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build())
            .customize()
            // S3 may take minutes to join thousands of parts. One long try: a retry would collide with the first
            // request.
            .config_override(
                aws_sdk_s3::config::Builder::new()
                    .timeout_config(timeouts(100, 100))
                    .retry_config(RetryConfig::disabled()),
            )
            .send()
            .await
            .map(drop)
            .map_err(classify)
    }

    /// Aborts an upload, which frees its parts. Gives `false` for an upload that does not exist: it was completed or
    /// aborted before.
    ///
    /// # Errors
    /// [`BucketError::Busy`] when S3 does not answer; [`BucketError::Refused`] when it refuses.
    pub async fn abort_upload(&self, key: &str, upload: &str) -> Result<bool, BucketError> {
        let result = self
            .client
            .abort_multipart_upload()
            .bucket(self.name)
            .key(key)
            .upload_id(upload)
            .send()
            .await
            .map_err(classify);
        match result {
            Ok(_) => Ok(true),
            Err(BucketError::NoSuchUpload) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
