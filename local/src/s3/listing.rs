//! Lists of objects, of versions and of open uploads: ordered by key, filtered by prefix, grouped by delimiter, in
//! pages.

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::{S3Request, S3Response, S3Result, dto::*};

use super::{
    buckets::{Bucket, Store, Stored},
    reading::NO_VERSION,
};

/// Characters that `encoding-type=url` does not encode.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/');

const PAGE: i32 = 1_000;

fn page_size(asked: Option<i32>) -> usize {
    usize::try_from(asked.unwrap_or(PAGE)).unwrap_or_default().min(1_000)
}

/// The common prefix of a key; `None` if the delimiter does not occur after the prefix.
fn common_prefix(key: &str, prefix: &str, delimiter: Option<&str>) -> Option<String> {
    let delimiter = delimiter.filter(|delimiter| !delimiter.is_empty())?;
    let rest = key.strip_prefix(prefix)?;
    let end = rest.find(delimiter)? + delimiter.len();
    rest.get(..end).map(|group| format!("{prefix}{group}"))
}

fn encoder(encoding: Option<&EncodingType>) -> impl Fn(String) -> String + use<> {
    let url = encoding.is_some_and(|encoding| encoding.as_str() == EncodingType::URL);
    move |text| if url { utf8_percent_encode(&text, PLAIN).to_string() } else { text }
}

/// One page of the objects of a bucket.
struct Page {
    objects: Vec<Arc<Stored>>,
    groups: Vec<String>,
    /// The last key or common prefix of the page, if there are more.
    next: Option<String>,
}

/// The objects under a prefix after a key or common prefix, grouped by a delimiter, `limit` at most.
fn page(bucket: &Bucket, prefix: &str, delimiter: Option<&str>, after: &str, limit: usize) -> Page {
    let mut page = Page { objects: Vec::new(), groups: Vec::new(), next: None };
    let mut last = String::new();
    let index = bucket.index();
    for (key, stored) in index.objects.range(prefix.to_owned()..) {
        if !key.starts_with(prefix) {
            break;
        }
        if key.as_str() <= after {
            continue;
        }
        let group = common_prefix(key, prefix, delimiter);
        if group.as_ref().is_some_and(|group| page.groups.last() == Some(group) || group.as_str() <= after) {
            continue;
        }
        if page.objects.len() + page.groups.len() == limit {
            page.next = Some(last).filter(|_| limit > 0);
            break;
        }
        last = group.clone().unwrap_or_else(|| key.clone());
        match group {
            Some(group) => page.groups.push(group),
            None => page.objects.push(Arc::clone(stored)),
        }
    }
    page
}

fn common_prefixes(groups: Vec<String>, encode: impl Fn(String) -> String) -> Option<CommonPrefixList> {
    Some(groups.into_iter().map(|group| CommonPrefix { prefix: Some(encode(group)) }).collect())
}

pub(super) fn list_objects(
    store: &Store,
    request: S3Request<ListObjectsV2Input>,
) -> S3Result<S3Response<ListObjectsV2Output>> {
    let input = request.input;
    let bucket = store.bucket(&input.bucket)?;
    let limit = page_size(input.max_keys);
    let encode = encoder(input.encoding_type.as_ref());
    let prefix = input.prefix.clone().unwrap_or_default();
    // The token is the last key or common prefix of the previous page.
    let after = input.continuation_token.clone().or_else(|| input.start_after.clone()).unwrap_or_default();
    let page = page(&bucket, &prefix, input.delimiter.as_deref(), &after, limit);
    let object = |stored: &Arc<Stored>| Object {
        key: Some(encode(stored.object.key.clone())),
        size: i64::try_from(stored.object.size()).ok(),
        e_tag: Some(stored.object.etag()),
        last_modified: Some(Timestamp::from(stored.object.modified)),
        storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
        ..Object::default()
    };
    Ok(S3Response::new(ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: input.prefix.map(&encode),
        delimiter: input.delimiter.map(&encode),
        max_keys: i32::try_from(limit).ok(),
        key_count: i32::try_from(page.objects.len() + page.groups.len()).ok(),
        continuation_token: input.continuation_token,
        start_after: input.start_after.map(&encode),
        is_truncated: Some(page.next.is_some()),
        next_continuation_token: page.next,
        contents: Some(page.objects.iter().map(object).collect()),
        common_prefixes: common_prefixes(page.groups, &encode),
        encoding_type: input.encoding_type,
        ..ListObjectsV2Output::default()
    }))
}

/// The versions of a bucket that never had versioning: each object is one, with the id `null` (Amazon S3 User Guide,
/// "Working with versioning-unenabled buckets").
pub(super) fn list_versions(
    store: &Store,
    request: S3Request<ListObjectVersionsInput>,
) -> S3Result<S3Response<ListObjectVersionsOutput>> {
    let input = request.input;
    let bucket = store.bucket(&input.bucket)?;
    let limit = page_size(input.max_keys);
    let encode = encoder(input.encoding_type.as_ref());
    let prefix = input.prefix.clone().unwrap_or_default();
    let after = input.key_marker.clone().unwrap_or_default();
    let page = page(&bucket, &prefix, input.delimiter.as_deref(), &after, limit);
    let version = |stored: &Arc<Stored>| ObjectVersion {
        key: Some(encode(stored.object.key.clone())),
        version_id: Some(NO_VERSION.to_owned()),
        is_latest: Some(true),
        size: i64::try_from(stored.object.size()).ok(),
        e_tag: Some(stored.object.etag()),
        last_modified: Some(Timestamp::from(stored.object.modified)),
        storage_class: Some(ObjectVersionStorageClass::from_static(ObjectVersionStorageClass::STANDARD)),
        ..ObjectVersion::default()
    };
    Ok(S3Response::new(ListObjectVersionsOutput {
        name: Some(input.bucket),
        prefix: input.prefix.map(&encode),
        delimiter: input.delimiter.map(&encode),
        key_marker: input.key_marker.map(&encode),
        version_id_marker: input.version_id_marker,
        max_keys: i32::try_from(limit).ok(),
        is_truncated: Some(page.next.is_some()),
        next_version_id_marker: page.next.as_ref().map(|_| NO_VERSION.to_owned()),
        next_key_marker: page.next.map(&encode),
        versions: Some(page.objects.iter().map(version).collect()),
        common_prefixes: common_prefixes(page.groups, &encode),
        encoding_type: input.encoding_type,
        ..ListObjectVersionsOutput::default()
    }))
}

pub(super) fn list_uploads(
    store: &Store,
    request: S3Request<ListMultipartUploadsInput>,
) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
    let input = request.input;
    let bucket = store.bucket(&input.bucket)?;
    let limit = page_size(input.max_uploads);
    let encode = encoder(input.encoding_type.as_ref());
    let prefix = input.prefix.clone().unwrap_or_default();
    let key_marker = input.key_marker.clone().unwrap_or_default();
    let id_marker = input.upload_id_marker.clone().unwrap_or_default();

    // S3 orders the uploads of one key by their start.
    let index = bucket.index();
    let mut open: Vec<(&String, std::time::SystemTime, &String)> = index
        .uploads
        .range((prefix.clone(), String::new())..)
        .take_while(|((key, _), _)| key.starts_with(&prefix))
        .map(|((key, id), open)| (key, open.upload.initiated, id))
        .collect();
    open.sort();
    // If the upload of the marker no longer exists, the page starts after its key.
    let resume = open.iter().position(|(key, _, id)| **key == key_marker && **id == id_marker).map(|found| found + 1);
    let (mut uploads, mut groups): (Vec<MultipartUpload>, Vec<String>) = (Vec::new(), Vec::new());
    let (mut last, mut is_truncated) = ((String::new(), String::new()), false);
    for (position, (key, initiated, id)) in open.iter().enumerate() {
        let passed = match resume {
            Some(resume) => position < resume,
            None => !key_marker.is_empty() && **key <= key_marker,
        };
        let group = common_prefix(key, &prefix, input.delimiter.as_deref());
        let seen = group.as_ref().is_some_and(|group| groups.last() == Some(group) || *group <= key_marker);
        if passed || seen {
            continue;
        }
        if uploads.len() + groups.len() == limit {
            is_truncated = true;
            break;
        }
        match group {
            Some(group) => {
                last = (group.clone(), String::new());
                groups.push(group);
            }
            None => {
                last = ((*key).clone(), (*id).clone());
                uploads.push(MultipartUpload {
                    key: Some(encode((*key).clone())),
                    upload_id: Some((*id).clone()),
                    initiated: Some(Timestamp::from(*initiated)),
                    storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
                    ..MultipartUpload::default()
                });
            }
        }
    }
    drop(open);
    drop(index);
    let (next_key_marker, next_upload_id_marker) =
        if is_truncated { (Some(encode(last.0)), Some(last.1).filter(|id| !id.is_empty())) } else { (None, None) };
    Ok(S3Response::new(ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        prefix: input.prefix.map(&encode),
        delimiter: input.delimiter.map(&encode),
        key_marker: input.key_marker.map(&encode),
        upload_id_marker: input.upload_id_marker,
        encoding_type: input.encoding_type,
        max_uploads: i32::try_from(limit).ok(),
        is_truncated: Some(is_truncated),
        next_key_marker,
        next_upload_id_marker,
        uploads: Some(uploads),
        common_prefixes: common_prefixes(groups, &encode),
        ..ListMultipartUploadsOutput::default()
    }))
}
