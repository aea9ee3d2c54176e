//! Writes objects in one request, and deletes them.

use std::{sync::Arc, time::SystemTime};

use s3s::{S3Request, S3Response, S3Result, dto::*, s3_error};
use tokio::fs;
use uuid::Uuid;

use super::{
    body::{blocking, internal, receive},
    buckets::{Bucket, Folder, Store, Stored},
    checks::Expected,
    description::{Attributes, Checksums, Object as StoredObject, Piece},
};

/// Maximum length of a key in S3, in bytes of UTF-8.
const MAX_KEY: usize = 1_024;

pub(super) fn check_key(key: &str) -> S3Result<()> {
    if key.len() > MAX_KEY { Err(s3_error!(KeyTooLongError)) } else { Ok(()) }
}

/// Refuses a write when the existing object does not meet its condition.
pub(super) fn check_conditions(
    present: Option<&Arc<Stored>>,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<()> {
    let equals = |condition: &ETagCondition, stored: &Stored| match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(etag) => *etag == stored.object.etag(),
    };
    if if_none_match.is_some_and(|condition| present.is_some_and(|stored| equals(condition, stored))) {
        return Err(s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold"));
    }
    match (if_match, present) {
        (Some(_), None) => Err(s3_error!(NoSuchKey)),
        (Some(condition), Some(stored)) if !equals(condition, stored) => {
            Err(s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold"))
        }
        _ => Ok(()),
    }
}

pub(super) async fn put_object(
    store: &Store,
    request: S3Request<PutObjectInput>,
) -> S3Result<S3Response<PutObjectOutput>> {
    let bucket = store.bucket(&request.input.bucket)?;
    let input = request.input;
    check_key(&input.key)?;
    // Checked before the body is received, to refuse early. The decisive check follows below, under the lock.
    let (if_match, if_none_match) = (input.if_match.as_ref(), input.if_none_match.as_ref());
    check_conditions(bucket.object(&input.key).as_ref(), if_match, if_none_match)?;

    let sent = Checksums {
        crc32: input.checksum_crc32,
        crc32c: input.checksum_crc32c,
        crc64nvme: input.checksum_crc64nvme,
        sha1: input.checksum_sha1,
        sha256: input.checksum_sha256,
    };
    let expected = Expected::new(sent, input.content_md5, &request.headers);
    let data = Uuid::new_v4().to_string();
    let folder = Folder::new(bucket.data(&data));
    fs::create_dir(folder.path()).await.map_err(internal)?;
    // Until the object is published, the folder is removed when this function ends.
    folder.discard();
    let trailers = request.trailing_headers.as_ref();
    let digest = receive(input.body, folder.file("1"), expected, trailers, &bucket.durability).await?;
    if input.content_length.is_some_and(|length| u64::try_from(length) != Ok(digest.size)) {
        return Err(s3_error!(IncompleteBody));
    }
    flush_names(&bucket, &folder).await?;

    let object = StoredObject {
        key: input.key,
        data,
        parts: vec![Piece { file: "1".to_owned(), size: digest.size }],
        etag: digest.md5,
        modified: SystemTime::now(),
        checksums: digest.checksums,
        attributes: Attributes {
            content_type: input.content_type,
            content_disposition: input.content_disposition,
            content_encoding: input.content_encoding,
            content_language: input.content_language,
            cache_control: input.cache_control,
            metadata: Attributes::read_metadata(input.metadata),
        },
        multipart: false,
    };
    let output = PutObjectOutput {
        e_tag: Some(object.etag()),
        size: i64::try_from(digest.size).ok(),
        checksum_crc32: object.checksums.crc32.clone(),
        checksum_crc32c: object.checksums.crc32c.clone(),
        checksum_crc64nvme: object.checksums.crc64nvme.clone(),
        checksum_sha1: object.checksums.sha1.clone(),
        checksum_sha256: object.checksums.sha256.clone(),
        ..PutObjectOutput::default()
    };
    let lock = bucket.write_lock(&object.key).await;
    check_conditions(bucket.object(&object.key).as_ref(), input.if_match.as_ref(), input.if_none_match.as_ref())?;
    folder.keep();
    publish(&bucket, object, folder).await?;
    drop(lock);
    Ok(S3Response::new(output))
}

/// Makes the names of a folder and of the files in it durable.
async fn flush_names(bucket: &Arc<Bucket>, folder: &Arc<Folder>) -> S3Result<()> {
    let (bucket, folder) = (Arc::clone(bucket), Arc::clone(folder));
    blocking(move || {
        bucket.durability.folder(folder.path())?;
        bucket.flush_data_folder()
    })
    .await
}

/// Writes the description on a blocking thread. The caller holds the key's write lock.
pub(super) async fn publish(bucket: &Arc<Bucket>, object: StoredObject, folder: Arc<Folder>) -> S3Result<()> {
    let bucket = Arc::clone(bucket);
    blocking(move || {
        let result = bucket.publish(object, Arc::clone(&folder));
        if result.is_err() {
            folder.discard();
        }
        result
    })
    .await
}

pub(super) async fn delete_object(
    store: &Store,
    request: S3Request<DeleteObjectInput>,
) -> S3Result<S3Response<DeleteObjectOutput>> {
    remove(&store.bucket(&request.input.bucket)?, &request.input.key).await?;
    Ok(S3Response::new(DeleteObjectOutput::default()))
}

async fn remove(bucket: &Arc<Bucket>, key: &str) -> S3Result<()> {
    check_key(key)?;
    let lock = bucket.write_lock(key).await;
    let (bucket, key) = (Arc::clone(bucket), key.to_owned());
    blocking(move || {
        let result = bucket.remove(&key);
        drop(lock);
        result
    })
    .await
}

pub(super) async fn delete_objects(
    store: &Store,
    request: S3Request<DeleteObjectsInput>,
) -> S3Result<S3Response<DeleteObjectsOutput>> {
    let bucket = store.bucket(&request.input.bucket)?;
    let delete = request.input.delete;
    if delete.objects.len() > 1_000 {
        return Err(s3_error!(MalformedXML));
    }
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for object in delete.objects {
        match remove(&bucket, &object.key).await {
            Ok(()) => deleted.push(DeletedObject { key: Some(object.key), ..DeletedObject::default() }),
            Err(error) => errors.push(Error {
                key: Some(object.key),
                code: Some(error.code().as_str().to_owned()),
                message: error.message().map(str::to_owned),
                ..Error::default()
            }),
        }
    }
    let deleted = (!delete.quiet.unwrap_or_default()).then_some(deleted);
    let errors = (!errors.is_empty()).then_some(errors);
    Ok(S3Response::new(DeleteObjectsOutput { deleted, errors, ..DeleteObjectsOutput::default() }))
}
