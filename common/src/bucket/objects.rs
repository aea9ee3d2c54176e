//! Whole objects: write, look up, delete.

use std::{collections::HashMap, time::Duration};

use aws_sdk_s3::{
    primitives::ByteStream,
    types::{ChecksumAlgorithm, ChecksumMode, ChecksumType, Delete, ObjectIdentifier},
};

use super::{Bucket, BucketError, error::classify};

/// The longest time that the body of an answer may take.
const BODY_PATIENCE: Duration = Duration::from_secs(30);

/// The key and the metadata of an object to write.
#[derive(Clone, Debug)]
pub struct ObjectHead<'a> {
    /// Its key.
    pub key: &'a str,
    /// Its media type.
    pub content_type: &'a str,
    /// The id of the reservation whose codes it contains.
    pub reservation: String,
    /// Its number of rows.
    pub rows: u64,
    /// What its rows are made from ([`crate::reservation::Reservation::contents`]); empty if nobody will ask.
    pub contents: String,
    /// Which codes it holds ([`crate::reservation::Origin`]); empty if that is unknown.
    pub origin: String,
}

/// The properties of a stored object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its size (bytes).
    pub len: u64,
    /// Its number of rows, from its metadata; `None` if the metadata does not contain it.
    pub rows: Option<u64>,
    /// What its rows are made from, from its metadata.
    pub contents: Option<String>,
    /// Which codes it holds, from its metadata; `None` for objects of versions that did not write it.
    pub origin: Option<String>,
}

/// What S3 knows of the bytes of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summed {
    /// Its size (bytes).
    pub len: u64,
    /// The CRC-64/NVME of all its bytes in base64; `None` if S3 has no such checksum.
    pub crc64_nvme: Option<String>,
}

impl Bucket<'_> {
    /// Writes a whole object.
    ///
    /// # Errors
    /// [`BucketError::Busy`] when S3 does not answer; [`BucketError::Refused`] when it refuses.
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

    /// The properties of the object under a key; `None` if there is no object.
    ///
    /// # Errors
    /// [`BucketError::Busy`] when S3 does not answer; [`BucketError::Refused`] when it refuses.
    pub async fn head(&self, key: &str) -> Result<Option<Stored>, BucketError> {
        self.head_version(key, None).await
    }

    /// The properties of a version of the object under a key, or of the current one; `None` if there is none.
    ///
    /// # Errors
    /// As [`Bucket::head`].
    pub async fn head_version(&self, key: &str, version: Option<&str>) -> Result<Option<Stored>, BucketError> {
        let head = self.client.head_object().bucket(self.name).key(key).set_version_id(version.map(str::to_owned));
        match head.send().await {
            Ok(answer) => {
                let mut metadata = answer.metadata.unwrap_or_default();
                Ok(Some(Stored {
                    len: answer.content_length.and_then(|len| u64::try_from(len).ok()).unwrap_or(0),
                    rows: metadata.get(ROWS).and_then(|rows| rows.parse().ok()),
                    contents: metadata.remove(CONTENTS),
                    origin: metadata.remove(ORIGIN),
                }))
            }
            Err(error) if error.as_service_error().is_some_and(|error| error.is_not_found()) => Ok(None),
            Err(error) => match classify(error) {
                BucketError::NoSuchObject => Ok(None),
                other => Err(other),
            },
        }
    }

    /// The size of an object and the CRC-64/NVME of its bytes, as S3 stored it; `None` if there is no object.
    ///
    /// # Errors
    /// As [`Bucket::head`].
    pub async fn checksum(&self, key: &str) -> Result<Option<Summed>, BucketError> {
        let head = self.client.head_object().bucket(self.name).key(key).checksum_mode(ChecksumMode::Enabled);
        match head.send().await {
            Ok(answer) => {
                // A checksum of the checksums of parts says nothing about the bytes.
                let is_full = answer.checksum_type.as_ref().is_none_or(|kind| *kind == ChecksumType::FullObject);
                Ok(Some(Summed {
                    len: answer.content_length.and_then(|len| u64::try_from(len).ok()).unwrap_or(0),
                    crc64_nvme: answer.checksum_crc64_nvme.filter(|_| is_full),
                }))
            }
            Err(error) if error.as_service_error().is_some_and(|error| error.is_not_found()) => Ok(None),
            Err(error) => match classify(error) {
                BucketError::NoSuchObject => Ok(None),
                other => Err(other),
            },
        }
    }

    /// The first bytes of a version of an object, or of the current one, `most` at most; `None` if there is none.
    ///
    /// # Errors
    /// As [`Bucket::head`].
    pub async fn beginning(&self, key: &str, version: Option<&str>, most: u32) -> Result<Option<Vec<u8>>, BucketError> {
        let range = format!("bytes=0-{}", most.saturating_sub(1));
        let get = self.client.get_object().bucket(self.name).key(key).set_version_id(version.map(str::to_owned));
        let answer = match get.range(range).send().await {
            Ok(answer) => answer,
            Err(error) => match classify(error) {
                BucketError::NoSuchObject => return Ok(None),
                other => return Err(other),
            },
        };
        // The time-outs of the client end with the headers.
        let body = tokio::time::timeout(BODY_PATIENCE, answer.body.collect()).await;
        let body = body.map_err(|_| BucketError::Busy("the body of an object did not end".to_owned()))?;
        let bytes = body.map_err(|error| BucketError::Busy(error.to_string()))?;
        Ok(Some(bytes.to_vec()))
    }

    /// Deletes objects. Ignores keys that do not exist.
    ///
    /// # Errors
    /// [`BucketError::Busy`] when S3 does not answer or does not delete one of them; [`BucketError::Refused`] when it
    /// refuses.
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
}

/// The metadata member that holds the number of rows.
const ROWS: &str = "rows";

/// The metadata member that holds what the rows are made from.
const CONTENTS: &str = "contents";

/// The metadata member that says which codes the rows are.
const ORIGIN: &str = "origin";

pub(super) fn metadata(head: &ObjectHead<'_>) -> HashMap<String, String> {
    let members = [
        ("reservation", head.reservation.clone()),
        (ROWS, head.rows.to_string()),
        (CONTENTS, head.contents.clone()),
        (ORIGIN, head.origin.clone()),
    ];
    let known = members.into_iter().filter(|(_, value)| !value.is_empty());
    known.map(|(name, value)| (name.to_owned(), value)).collect()
}
