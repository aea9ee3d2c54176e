//! Whole objects: write, look up, delete.

use std::collections::HashMap;

use aws_sdk_s3::{
    primitives::ByteStream,
    types::{ChecksumAlgorithm, Delete, ObjectIdentifier},
};

use super::{Bucket, BucketError, error::classify};

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
}

/// The properties of a stored object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its size (bytes).
    pub len: u64,
    /// Its number of rows, from its metadata; `None` if the metadata does not contain it.
    pub rows: Option<u64>,
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

pub(super) fn metadata(head: &ObjectHead<'_>) -> HashMap<String, String> {
    HashMap::from([("reservation".to_owned(), head.reservation.clone()), (ROWS.to_owned(), head.rows.to_string())])
}
