//! Multipart uploads. Parts are stored where the finished object needs them, so completing an upload writes one small
//! file.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::SystemTime,
};

use s3s::{S3Request, S3Response, S3Result, dto::*, s3_error};
use tokio::fs;
use uuid::Uuid;

use super::{
    body::{blocking, internal, receive},
    buckets::{Bucket, Folder, Open, Store, UPLOAD_MARK},
    checks::{Expected, bad_digest, combine_crc64nvme, multipart_etag},
    description::{self, Attributes, Checksums, Object as StoredObject, Part as StoredPart, Piece, Upload},
    writing::{check_conditions, check_key, publish},
};

/// The highest part number.
const MAX_PART_NUMBER: i32 = 10_000;

fn open(bucket: &Bucket, key: &str, id: &str) -> S3Result<Open> {
    let found = bucket.index().uploads.get(&(key.to_owned(), id.to_owned())).cloned();
    found.ok_or_else(|| s3_error!(NoSuchUpload))
}

/// The folder of an open upload.
fn folder_of(bucket: &Bucket, key: &str, id: &str) -> S3Result<Arc<Folder>> {
    let index = bucket.index();
    let open = index.uploads.get(&(key.to_owned(), id.to_owned()));
    open.map(|open| Arc::clone(&open.folder)).ok_or_else(|| s3_error!(NoSuchUpload))
}

pub(super) async fn create(
    store: &Store,
    request: S3Request<CreateMultipartUploadInput>,
) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
    let input = request.input;
    let bucket = store.bucket(&input.bucket)?;
    check_key(&input.key)?;
    let upload = Upload {
        key: input.key.clone(),
        initiated: SystemTime::now(),
        attributes: Attributes {
            content_type: input.content_type,
            content_disposition: input.content_disposition,
            content_encoding: input.content_encoding,
            content_language: input.content_language,
            cache_control: input.cache_control,
            metadata: Attributes::read_metadata(input.metadata),
        },
        checksum_algorithm: input.checksum_algorithm.as_ref().map(|algorithm| algorithm.as_str().to_owned()),
        checksum_type: input.checksum_type.as_ref().map(|kind| kind.as_str().to_owned()),
    };
    let id = Uuid::new_v4().to_string();
    let folder = Folder::new(bucket.data(&id));
    let made = {
        let (bucket, folder, upload) = (Arc::clone(&bucket), Arc::clone(&folder), upload.clone());
        blocking(move || {
            std::fs::create_dir(folder.path())?;
            description::write(&folder.file(UPLOAD_MARK), &upload, &bucket.durability)?;
            bucket.flush_data_folder()
        })
    };
    made.await?;
    bucket.index().uploads.insert((input.key.clone(), id.clone()), Open { upload, parts: BTreeMap::new(), folder });
    Ok(S3Response::new(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(id),
        checksum_algorithm: input.checksum_algorithm,
        checksum_type: input.checksum_type,
        ..CreateMultipartUploadOutput::default()
    }))
}

pub(super) async fn put_part(
    store: &Store,
    request: S3Request<UploadPartInput>,
) -> S3Result<S3Response<UploadPartOutput>> {
    let input = request.input;
    let bucket = store.bucket(&input.bucket)?;
    if !(1..=MAX_PART_NUMBER).contains(&input.part_number) {
        return Err(s3_error!(InvalidArgument, "Part number must be an integer between 1 and 10000, inclusive"));
    }
    let folder = folder_of(&bucket, &input.key, &input.upload_id)?;
    let sent = Checksums {
        crc32: input.checksum_crc32,
        crc32c: input.checksum_crc32c,
        crc64nvme: input.checksum_crc64nvme,
        sha1: input.checksum_sha1,
        sha256: input.checksum_sha256,
    };
    let expected = Expected::new(sent, input.content_md5, &request.headers);
    let file = Uuid::new_v4().to_string();
    let trailers = request.trailing_headers.as_ref();
    let digest = receive(input.body, folder.file(&file), expected, trailers, &bucket.durability).await?;
    let part = StoredPart {
        file: file.clone(),
        size: digest.size,
        etag: digest.md5,
        modified: SystemTime::now(),
        checksums: digest.checksums,
    };
    let lock = bucket.write_lock(&input.key).await;
    // If the upload was completed or aborted in the meantime, nothing refers to the received bytes.
    if let Err(error) = folder_of(&bucket, &input.key, &input.upload_id) {
        let _ = fs::remove_file(folder.file(&file)).await;
        return Err(error);
    }
    let written = {
        let (folder, part) = (Arc::clone(&folder), part.clone());
        let (durability, name) = (bucket.durability.clone(), format!("{}.json", input.part_number));
        // The row that counts the part, and later the one that calls the file complete, are written after this answer.
        blocking(move || description::write(&folder.file(&name), &part, &durability))
    };
    written.await?;
    let before = {
        let mut index = bucket.index();
        let open = index.uploads.get_mut(&(input.key.clone(), input.upload_id.clone()));
        open.and_then(|open| open.parts.insert(input.part_number, part.clone()))
    };
    drop(lock);
    if let Some(before) = before {
        let _ = fs::remove_file(folder.file(&before.file)).await;
    }
    Ok(S3Response::new(UploadPartOutput {
        e_tag: Some(ETag::Strong(part.etag)),
        checksum_crc32: part.checksums.crc32,
        checksum_crc32c: part.checksums.crc32c,
        checksum_crc64nvme: part.checksums.crc64nvme,
        checksum_sha1: part.checksums.sha1,
        checksum_sha256: part.checksums.sha256,
        ..UploadPartOutput::default()
    }))
}

pub(super) async fn complete(
    store: &Store,
    request: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
    let input = request.input;
    let bucket = store.bucket(&input.bucket)?;
    let lock = bucket.write_lock(&input.key).await;
    let Open { upload, parts, folder } = open(&bucket, &input.key, &input.upload_id)?;
    let named = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
    let chosen = choose(&parts, &named, store.min_part)?;
    let size: u64 = chosen.iter().map(|part| part.size).sum();
    if input.mpu_object_size.is_some_and(|expected| u64::try_from(expected) != Ok(size)) {
        return Err(s3_error!(InvalidRequest, "The object's size is not the one that the request names."));
    }
    let crc64nvme = combine_crc64nvme(chosen.iter().map(|part| (part.checksums.crc64nvme.as_deref(), part.size)));
    if input.checksum_crc64nvme.is_some() && input.checksum_crc64nvme != crc64nvme {
        return Err(bad_digest("CRC64NVME"));
    }
    check_conditions(bucket.object(&input.key).as_ref(), input.if_match.as_ref(), input.if_none_match.as_ref())?;

    let object = StoredObject {
        key: input.key.clone(),
        data: input.upload_id.clone(),
        parts: chosen.iter().map(|part| Piece { file: part.file.clone(), size: part.size }).collect(),
        etag: multipart_etag(chosen.iter().map(|part| part.etag.as_str())),
        modified: SystemTime::now(),
        checksums: Checksums { crc64nvme: crc64nvme.clone(), ..Checksums::default() },
        attributes: upload.attributes,
        multipart: true,
    };
    let etag = object.etag();
    let kept: HashSet<String> = chosen.iter().map(|part| part.file.clone()).collect();
    publish(&bucket, object, Arc::clone(&folder)).await?;
    // The object is visible now. The rest is clean-up, which the next start repeats if it fails.
    bucket.index().uploads.remove(&(input.key.clone(), input.upload_id.clone()));
    drop(lock);
    let tidied = tokio::task::spawn_blocking(move || tidy(&folder, &kept)).await;
    if !matches!(tidied, Ok(Ok(()))) {
        tracing::warn!(key = input.key, "what a completed upload left behind could not be removed yet");
    }
    Ok(S3Response::new(CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: Some(etag),
        checksum_type: crc64nvme.is_some().then(|| ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
        checksum_crc64nvme: crc64nvme,
        ..CompleteMultipartUploadOutput::default()
    }))
}

/// The parts that a completion names, validated by the rules of S3.
fn choose<'a>(
    parts: &'a BTreeMap<i32, StoredPart>,
    named: &[CompletedPart],
    min_part: u64,
) -> S3Result<Vec<&'a StoredPart>> {
    if named.is_empty() {
        return Err(s3_error!(MalformedXML));
    }
    let numbers: Vec<i32> = named.iter().map(|name| name.part_number.unwrap_or_default()).collect();
    if !numbers.is_sorted_by(|before, after| before < after) {
        return Err(s3_error!(InvalidPartOrder));
    }
    let chosen = named.iter().zip(&numbers).map(|(name, number)| {
        parts.get(number).filter(|part| {
            name.e_tag.as_ref().is_none_or(|etag| etag.value() == part.etag)
                && name.checksum_crc64nvme.as_ref().is_none_or(|sum| Some(sum) == part.checksums.crc64nvme.as_ref())
        })
    });
    let chosen: Vec<&StoredPart> = chosen.collect::<Option<_>>().ok_or_else(|| s3_error!(InvalidPart))?;
    if chosen.iter().rev().skip(1).any(|part| part.size < min_part) {
        return Err(s3_error!(EntityTooSmall));
    }
    Ok(chosen)
}

/// Removes the marker of the upload, the descriptions of its parts, and the parts that are not in `kept`.
fn tidy(folder: &Folder, kept: &HashSet<String>) -> std::io::Result<()> {
    std::fs::remove_file(folder.file(UPLOAD_MARK))?;
    for entry in std::fs::read_dir(folder.path())? {
        let entry = entry?;
        if entry.file_name().to_str().is_none_or(|name| !kept.contains(name)) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

pub(super) async fn abort(
    store: &Store,
    request: S3Request<AbortMultipartUploadInput>,
) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
    let input = request.input;
    let bucket = store.bucket(&input.bucket)?;
    let lock = bucket.write_lock(&input.key).await;
    let folder = folder_of(&bucket, &input.key, &input.upload_id)?;
    fs::remove_file(folder.file(UPLOAD_MARK)).await.map_err(internal)?;
    bucket.index().uploads.remove(&(input.key, input.upload_id));
    drop(lock);
    folder.discard();
    let _ = tokio::task::spawn_blocking(move || drop(folder)).await;
    Ok(S3Response::new(AbortMultipartUploadOutput::default()))
}

pub(super) async fn list_parts(
    store: &Store,
    request: S3Request<ListPartsInput>,
) -> S3Result<S3Response<ListPartsOutput>> {
    let input = request.input;
    let bucket = store.bucket(&input.bucket)?;
    let Open { upload, parts, .. } = open(&bucket, &input.key, &input.upload_id)?;
    let marker = input.part_number_marker.unwrap_or_default();
    let limit = usize::try_from(input.max_parts.unwrap_or(1_000)).unwrap_or_default().min(1_000);
    let mut listed: Vec<Part> = Vec::new();
    let mut following = parts.into_iter().filter(|(number, _)| *number > marker).peekable();
    while listed.len() < limit
        && let Some((number, part)) = following.next()
    {
        listed.push(Part {
            part_number: Some(number),
            size: i64::try_from(part.size).ok(),
            e_tag: Some(ETag::Strong(part.etag)),
            last_modified: Some(Timestamp::from(part.modified)),
            checksum_crc32: part.checksums.crc32,
            checksum_crc32c: part.checksums.crc32c,
            checksum_crc64nvme: part.checksums.crc64nvme,
            checksum_sha1: part.checksums.sha1,
            checksum_sha256: part.checksums.sha256,
        });
    }
    Ok(S3Response::new(ListPartsOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        part_number_marker: Some(marker),
        next_part_number_marker: listed.last().and_then(|part| part.part_number),
        max_parts: i32::try_from(limit).ok(),
        is_truncated: Some(following.peek().is_some()),
        parts: Some(listed),
        checksum_algorithm: upload.checksum_algorithm.map(ChecksumAlgorithm::from),
        checksum_type: upload.checksum_type.map(ChecksumType::from),
        storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
        ..ListPartsOutput::default()
    }))
}
