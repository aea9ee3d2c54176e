//! The bucket: every S3 call that exports need, each with the client's timeouts and retries.
//!
//! Parts travel as an unsigned payload over TLS with a CRC-64/NVME checksum: the checksum is verified by S3 end to end, and
//! costs a small part of what a SHA-256 of every part does.

use std::{collections::HashMap, time::Duration};

use aws_sdk_s3::{
    Client,
    config::retry::RetryConfig,
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
    presigning::PresigningConfig,
    primitives::ByteStream,
    types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier},
};

use bytes::Bytes;

use crate::clients::{CALL_SECONDS, TRY_SECONDS, timeouts};

/// Pages of a listing that are read before it counts as broken: 1,000 entries each.
const MAX_PAGES: usize = 100_000;

/// The bucket did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// The upload is not there: completed, aborted, or never made.
    #[error("no such upload")]
    NoSuchUpload,
    /// The object is not there.
    #[error("no such object")]
    NoSuchObject,
    /// The bucket is busy or does not answer; a later try may succeed.
    #[error("the bucket is busy: {0}")]
    Busy(String),
    /// The bucket refused the request.
    #[error("the bucket refused the request: {0}")]
    Refused(String),
}

/// What an object is.
#[derive(Clone, Debug)]
pub struct ObjectHead<'a> {
    /// Its key.
    pub key: &'a str,
    /// Its media type.
    pub content_type: &'a str,
    /// The reservation whose codes it holds.
    pub reservation: String,
    /// How many rows it has.
    pub rows: u64,
}

/// What is known of a stored object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Bytes.
    pub len: u64,
    /// Rows, from its metadata.
    pub rows: Option<u64>,
}

/// An uploaded part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its number, from 1.
    pub number: u32,
    /// Its entity tag.
    pub etag: String,
    /// Bytes.
    pub len: u64,
}

/// An upload that is neither completed nor aborted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenUpload {
    /// The object's key.
    pub key: String,
    /// The upload's id.
    pub id: String,
    /// When it was begun (seconds since 1970), if the bucket says so.
    pub initiated: Option<i64>,
}

/// An object of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// When it was written (seconds since 1970), if the bucket says so.
    pub modified: Option<i64>,
}

/// The bucket of the exports.
#[derive(Clone, Copy)]
pub struct Bucket<'a> {
    client: &'a Client,
    /// Signs links, and sends nothing.
    links: &'a Client,
    name: &'a str,
}

impl<'a> Bucket<'a> {
    /// A bucket by its client and name, with the client that signs links: a signature covers the host, which a browser may
    /// name otherwise than this process does.
    #[must_use]
    pub fn new(client: &'a Client, links: &'a Client, name: &'a str) -> Self {
        Self { client, links, name }
    }

    /// Whether the bucket can be reached; the one call of a request to S3, with the bounds of the others.
    ///
    /// # Errors
    /// When it does not answer or refuses.
    pub async fn ping(&self) -> Result<(), BucketError> {
        let bounds = aws_sdk_s3::config::Builder::new().timeout_config(timeouts(TRY_SECONDS, CALL_SECONDS));
        let asked = self.client.head_bucket().bucket(self.name).customize().config_override(bounds).send().await;
        asked.map(drop).map_err(classify)
    }

    /// Writes a whole object.
    ///
    /// # Errors
    /// When the bucket refuses or does not answer.
    pub async fn put(&self, head: &ObjectHead<'_>, body: Vec<u8>) -> Result<(), BucketError> {
        self.client
            .put_object()
            .bucket(self.name)
            .key(head.key)
            .content_type(head.content_type)
            .set_metadata(Some(metadata(head)))
            .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
            .body(ByteStream::from(body))
            .customize()
            .disable_payload_signing()
            .send()
            .await
            .map(drop)
            .map_err(classify)
    }

    /// An open upload of this key, if there is one: a worker that died between creating it and saving its id left it.
    ///
    /// # Errors
    /// When the bucket refuses or does not answer.
    pub async fn find_upload(&self, key: &str) -> Result<Option<String>, BucketError> {
        let mut ids: Vec<_> = self.open_uploads(key).await?.into_iter().filter(|upload| upload.key == key).collect();
        // Workers that raced left several; all must choose the same one.
        ids.sort_by(|a, b| (a.initiated, &a.id).cmp(&(b.initiated, &b.id)));
        Ok(ids.into_iter().next().map(|upload| upload.id))
    }

    /// Begins an upload.
    ///
    /// # Errors
    /// When the bucket refuses or does not answer.
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

    /// Uploads a part; the same part again replaces it.
    ///
    /// # Errors
    /// [`BucketError::NoSuchUpload`], or when the bucket refuses or does not answer.
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
    /// [`BucketError::NoSuchUpload`], or when the bucket refuses or does not answer.
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

    /// Makes the object of its parts.
    ///
    /// # Errors
    /// [`BucketError::NoSuchUpload`], or when the bucket refuses or does not answer.
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
            // S3 may take minutes to put thousands of parts together. One long try: a second one would meet the first.
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

    /// Ends an upload and frees its parts; one that is gone already is fine.
    ///
    /// # Errors
    /// When the bucket refuses or does not answer.
    pub async fn abort_upload(&self, key: &str, upload: &str) -> Result<(), BucketError> {
        let result = self
            .client
            .abort_multipart_upload()
            .bucket(self.name)
            .key(key)
            .upload_id(upload)
            .send()
            .await
            .map(drop)
            .map_err(classify);
        match result {
            Err(BucketError::NoSuchUpload) => Ok(()),
            other => other,
        }
    }

    /// What is stored under a key.
    ///
    /// # Errors
    /// When the bucket refuses or does not answer.
    pub async fn head(&self, key: &str) -> Result<Option<Stored>, BucketError> {
        let result = self.client.head_object().bucket(self.name).key(key).send().await;
        match result {
            Ok(answer) => Ok(Some(Stored {
                len: answer.content_length.and_then(|len| u64::try_from(len).ok()).unwrap_or(0),
                rows: answer.metadata.and_then(|metadata| metadata.get(ROWS)?.parse().ok()),
            })),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_not_found()) => Ok(None),
            Err(error) => match classify(error) {
                BucketError::NoSuchObject => Ok(None),
                other => Err(other),
            },
        }
    }

    /// The objects under a prefix.
    ///
    /// # Errors
    /// When the bucket refuses or does not answer.
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

    /// One page of the objects under a prefix, those after a key, and where the next page begins.
    ///
    /// # Errors
    /// When the bucket refuses or does not answer.
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
    /// When the bucket refuses or does not answer.
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

    /// Deletes objects; those that are gone already are fine.
    ///
    /// # Errors
    /// When the bucket refuses, does not answer, or keeps one of them.
    pub async fn delete(&self, keys: &[String]) -> Result<(), BucketError> {
        for chunk in keys.chunks(1_000) {
            let objects = chunk
                .iter()
                .map(|key| ObjectIdentifier::builder().key(key).build())
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| BucketError::Refused(error.to_string()))?;
            let delete = Delete::builder().set_objects(Some(objects)).quiet(true).build();
            let delete = delete.map_err(|error| BucketError::Refused(error.to_string()))?;
            let answer =
                self.client.delete_objects().bucket(self.name).delete(delete).send().await.map_err(classify)?;
            if let Some(error) = answer.errors().first() {
                return Err(BucketError::Busy(format!("an object stays: {}", error.code().unwrap_or("unknown"))));
            }
        }
        Ok(())
    }

    /// A link that reads an object for 15 minutes. The link is secret: it must not reach a log.
    ///
    /// # Errors
    /// When the client has no credentials to sign with.
    pub async fn link(&self, key: &str, content_type: &str, disposition: &str) -> Result<String, BucketError> {
        let config = PresigningConfig::expires_in(LINK_LIFETIME).map_err(|e| BucketError::Refused(e.to_string()))?;
        let request = self
            .links
            .get_object()
            .bucket(self.name)
            .key(key)
            .response_content_type(content_type)
            .response_content_disposition(disposition)
            .presigned(config)
            .await
            .map_err(|error| BucketError::Busy(format!("a link cannot be signed: {error}")))?;
        Ok(request.uri().to_owned())
    }
}

/// How long a link works.
const LINK_LIFETIME: Duration = Duration::from_secs(15 * 60);

/// The metadata member that holds the number of rows.
const ROWS: &str = "rows";

fn metadata(head: &ObjectHead<'_>) -> HashMap<String, String> {
    HashMap::from([("reservation".to_owned(), head.reservation.clone()), (ROWS.to_owned(), head.rows.to_string())])
}

/// Codes that say "later", whatever the operation.
const BUSY: [&str; 5] = ["SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "OperationAborted"];

fn classify<E, R>(error: SdkError<E, R>) -> BucketError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    SdkError<E, R>: RequestId,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let request = error.request_id().unwrap_or("none").to_owned();
    match error.as_service_error().map(|service| (service.code().unwrap_or("unknown"), service.message())) {
        None => BucketError::Busy(format!("{error}")),
        Some(("NoSuchUpload", _)) => BucketError::NoSuchUpload,
        Some(("NoSuchKey" | "NotFound", _)) => BucketError::NoSuchObject,
        Some((code, message)) => {
            let text = format!("{code}: {} (request {request})", message.unwrap_or("no message"));
            if BUSY.contains(&code) { BucketError::Busy(text) } else { BucketError::Refused(text) }
        }
    }
}
