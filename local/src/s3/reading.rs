//! Reads objects, completely or in part.

use std::{ops::Range as Bounds, sync::Arc, time::SystemTime};

use axum::http::{HeaderMap, header::IF_RANGE};
use s3s::{
    S3Error, S3Request, S3Response, S3Result,
    dto::{TimestampFormat, *},
    s3_error,
};

use super::{
    body::send,
    buckets::{Bucket, Store, Stored},
};

/// The id of the only version of an object in a bucket without versioning.
pub(super) const NO_VERSION: &str = "null";

fn find(bucket: &Bucket, key: &str, version: Option<&str>) -> S3Result<Arc<Stored>> {
    if version.is_some_and(|version| version != NO_VERSION) {
        return Err(s3_error!(NoSuchVersion));
    }
    bucket.object(key).ok_or_else(|| if version.is_some() { s3_error!(NoSuchVersion) } else { s3_error!(NoSuchKey) })
}

/// The preconditions of a read (RFC 9110, section 13.2.2).
struct Conditions<'a> {
    if_match: Option<&'a ETagCondition>,
    if_none_match: Option<&'a ETagCondition>,
    if_modified_since: Option<&'a Timestamp>,
    if_unmodified_since: Option<&'a Timestamp>,
}

impl Conditions<'_> {
    fn check(&self, stored: &Stored) -> S3Result<()> {
        let equals = |condition: &ETagCondition| match condition {
            ETagCondition::Any => true,
            ETagCondition::ETag(etag) => etag.value() == stored.object.etag,
        };
        // Dates in headers have whole seconds.
        let modified = Timestamp::from(whole_seconds(stored.object.modified));
        let failed = match (self.if_match, self.if_unmodified_since) {
            (Some(condition), _) => !equals(condition),
            (None, Some(since)) => modified > *since,
            (None, None) => false,
        };
        if failed {
            return Err(s3_error!(PreconditionFailed));
        }
        let unchanged = match (self.if_none_match, self.if_modified_since) {
            (Some(condition), _) => equals(condition),
            (None, Some(since)) => modified <= *since,
            (None, None) => false,
        };
        if unchanged { Err(s3_error!(NotModified)) } else { Ok(()) }
    }
}

fn not_satisfiable() -> S3Error {
    s3_error!(InvalidRange, "The requested range is not satisfiable")
}

fn whole_seconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(since.as_secs())
}

/// The requested range, unless `If-Range` names another version of the object: then the whole object is sent (RFC 9110,
/// section 13.1.5). Only an equal strong tag or an equal date names this version.
fn range_of_this_version(stored: &Stored, range: Option<Range>, headers: &HeaderMap) -> Option<Range> {
    let Some(wanted) = headers.get(IF_RANGE) else { return range };
    let is_this = wanted.to_str().is_ok_and(|wanted| {
        let modified = Timestamp::from(whole_seconds(stored.object.modified));
        wanted == format!("\"{}\"", stored.object.etag)
            || Timestamp::parse(TimestampFormat::HttpDate, wanted).is_ok_and(|at| at == modified)
    });
    range.filter(|_| is_this)
}

/// The requested bytes, and `Content-Range` if they are not the whole object.
fn bounds(stored: &Stored, range: Option<Range>, part_number: Option<i32>) -> S3Result<(Bounds<u64>, Option<String>)> {
    let size = stored.object.size();
    let bounds = match (range, part_number) {
        (Some(_), Some(_)) => return Err(s3_error!(InvalidRequest, "Cannot specify both Range header and partNumber")),
        (Some(range), None) => range.check(size).map_err(|_| not_satisfiable())?,
        (None, Some(number)) => {
            let position = usize::try_from(number - 1).map_err(|_| s3_error!(InvalidArgument))?;
            let part = stored.object.parts.get(position).ok_or_else(not_satisfiable)?;
            let start: u64 = stored.object.parts.iter().take(position).map(|part| part.size).sum();
            start..start + part.size
        }
        (None, None) => return Ok((0..size, None)),
    };
    let content_range = format!("bytes {}-{}/{size}", bounds.start, bounds.end.saturating_sub(1));
    Ok((bounds, Some(content_range)))
}

pub(super) fn get_object(store: &Store, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
    let input = request.input;
    let stored = find(&*store.bucket(&input.bucket)?, &input.key, input.version_id.as_deref())?;
    Conditions {
        if_match: input.if_match.as_ref(),
        if_none_match: input.if_none_match.as_ref(),
        if_modified_since: input.if_modified_since.as_ref(),
        if_unmodified_since: input.if_unmodified_since.as_ref(),
    }
    .check(&stored)?;
    let range = range_of_this_version(&stored, input.range, &request.headers);
    let (range, content_range) = bounds(&stored, range, input.part_number)?;
    let (object, attributes) = (&stored.object, &stored.object.attributes);
    let length = range.end - range.start;
    let show_checksums = content_range.is_none() && input.checksum_mode.is_some();
    let checksum = |value: &Option<String>| value.clone().filter(|_| show_checksums);
    Ok(S3Response::new(GetObjectOutput {
        body: Some(StreamingBlob::wrap(send(Arc::clone(&stored.folder), &object.parts, range))),
        accept_ranges: Some("bytes".to_owned()),
        content_length: i64::try_from(length).ok(),
        content_range,
        e_tag: Some(object.etag()),
        last_modified: Some(Timestamp::from(object.modified)),
        metadata: attributes.metadata(),
        content_type: input.response_content_type.or_else(|| attributes.content_type.clone()),
        content_disposition: input.response_content_disposition.or_else(|| attributes.content_disposition.clone()),
        content_encoding: input.response_content_encoding.or_else(|| attributes.content_encoding.clone()),
        content_language: input.response_content_language.or_else(|| attributes.content_language.clone()),
        cache_control: input.response_cache_control.or_else(|| attributes.cache_control.clone()),
        checksum_crc32: checksum(&object.checksums.crc32),
        checksum_crc32c: checksum(&object.checksums.crc32c),
        checksum_crc64nvme: checksum(&object.checksums.crc64nvme),
        checksum_sha1: checksum(&object.checksums.sha1),
        checksum_sha256: checksum(&object.checksums.sha256),
        checksum_type: show_checksums.then(|| ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
        parts_count: input.part_number.filter(|_| object.multipart).and(i32::try_from(object.parts.len()).ok()),
        ..GetObjectOutput::default()
    }))
}

pub(super) fn head_object(
    store: &Store,
    request: S3Request<HeadObjectInput>,
) -> S3Result<S3Response<HeadObjectOutput>> {
    let input = request.input;
    let stored = find(&*store.bucket(&input.bucket)?, &input.key, input.version_id.as_deref())?;
    Conditions {
        if_match: input.if_match.as_ref(),
        if_none_match: input.if_none_match.as_ref(),
        if_modified_since: input.if_modified_since.as_ref(),
        if_unmodified_since: input.if_unmodified_since.as_ref(),
    }
    .check(&stored)?;
    let range = range_of_this_version(&stored, input.range, &request.headers);
    let (range, content_range) = bounds(&stored, range, input.part_number)?;
    let (object, attributes) = (&stored.object, &stored.object.attributes);
    let show_checksums = content_range.is_none() && input.checksum_mode.is_some();
    let checksum = |value: &Option<String>| value.clone().filter(|_| show_checksums);
    Ok(S3Response::new(HeadObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        content_length: i64::try_from(range.end - range.start).ok(),
        content_range,
        e_tag: Some(object.etag()),
        last_modified: Some(Timestamp::from(object.modified)),
        metadata: attributes.metadata(),
        content_type: input.response_content_type.or_else(|| attributes.content_type.clone()),
        content_disposition: input.response_content_disposition.or_else(|| attributes.content_disposition.clone()),
        content_encoding: input.response_content_encoding.or_else(|| attributes.content_encoding.clone()),
        content_language: input.response_content_language.or_else(|| attributes.content_language.clone()),
        cache_control: input.response_cache_control.or_else(|| attributes.cache_control.clone()),
        checksum_crc32: checksum(&object.checksums.crc32),
        checksum_crc32c: checksum(&object.checksums.crc32c),
        checksum_crc64nvme: checksum(&object.checksums.crc64nvme),
        checksum_sha1: checksum(&object.checksums.sha1),
        checksum_sha256: checksum(&object.checksums.sha256),
        checksum_type: show_checksums.then(|| ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
        parts_count: input.part_number.filter(|_| object.multipart).and(i32::try_from(object.parts.len()).ok()),
        ..HeadObjectOutput::default()
    }))
}
