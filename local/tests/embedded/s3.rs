//! What the functions rely on in S3, asked of the embedded one.

use std::{path::Path, time::Duration};

use aws_sdk_s3::{
    Client,
    config::{Builder, Credentials},
    error::{ProvideErrorMetadata, SdkError},
    presigning::PresigningConfig,
    primitives::ByteStream,
    types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier},
};
use local::{s3::S3, system::sdk_config};
use tempfile::TempDir;

const BUCKET: &str = "exports";
const MIB: usize = 1024 * 1024;

struct Home {
    folder: TempDir,
    s3: Option<S3>,
}

impl Home {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let s3 = Some(start(folder.path()).await);
        Self { folder, s3 }
    }

    fn client(&self) -> Client {
        client(self.s3.as_ref().unwrap())
    }

    /// Stops and opens the same files again, as after a kill: nothing is written at the end.
    async fn restart(&mut self) {
        self.s3 = None;
        self.s3 = Some(start(self.folder.path()).await);
    }

    fn files(&self) -> usize {
        fn count(path: &Path) -> usize {
            let entries = std::fs::read_dir(path).unwrap();
            entries.map(|entry| entry.unwrap().path()).map(|path| if path.is_dir() { count(&path) } else { 1 }).sum()
        }
        count(self.folder.path())
    }
}

async fn start(path: &Path) -> S3 {
    S3::start(path, &[BUCKET.to_owned()], true).await.unwrap()
}

fn config(s3: &S3) -> Builder {
    Builder::from(&sdk_config(s3)).endpoint_url(s3.endpoint()).force_path_style(true)
}

fn client(s3: &S3) -> Client {
    Client::from_conf(config(s3).build())
}

fn code<E: ProvideErrorMetadata + std::fmt::Debug, R: std::fmt::Debug>(error: &SdkError<E, R>) -> String {
    error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default().to_owned()
}

async fn put(client: &Client, key: &str, body: &[u8]) {
    client.put_object().bucket(BUCKET).key(key).body(ByteStream::from(body.to_vec())).send().await.unwrap();
}

async fn get(client: &Client, key: &str) -> Vec<u8> {
    let answer = client.get_object().bucket(BUCKET).key(key).send().await.unwrap();
    answer.body.collect().await.unwrap().to_vec()
}

async fn keys(client: &Client) -> Vec<String> {
    let answer = client.list_objects_v2().bucket(BUCKET).send().await.unwrap();
    answer.contents().iter().map(|object| object.key().unwrap().to_owned()).collect()
}

async fn create(client: &Client, key: &str) -> String {
    let answer = client
        .create_multipart_upload()
        .bucket(BUCKET)
        .key(key)
        .content_type("text/csv")
        .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
        .metadata("rows", "3")
        .send()
        .await
        .unwrap();
    answer.upload_id().unwrap().to_owned()
}

async fn part(client: &Client, key: &str, id: &str, number: i32, body: &[u8]) -> CompletedPart {
    let answer = client
        .upload_part()
        .bucket(BUCKET)
        .key(key)
        .upload_id(id)
        .part_number(number)
        .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
        .body(ByteStream::from(body.to_vec()))
        .send()
        .await
        .unwrap();
    assert!(answer.checksum_crc64_nvme().is_some());
    CompletedPart::builder().part_number(number).e_tag(answer.e_tag().unwrap()).build()
}

fn completed(parts: &[CompletedPart]) -> CompletedMultipartUpload {
    CompletedMultipartUpload::builder().set_parts(Some(parts.to_vec())).build()
}

#[tokio::test]
async fn an_object_comes_back_with_its_attributes() {
    let home = Home::new().await;
    let client = home.client();
    client
        .put_object()
        .bucket(BUCKET)
        .key("exports/a/b.csv")
        .content_type("text/csv; charset=utf-8")
        .content_disposition("attachment; filename=\"b.csv\"")
        .metadata("rows", "7")
        .body(ByteStream::from_static(b"hello world"))
        .send()
        .await
        .unwrap();
    let answer = client.get_object().bucket(BUCKET).key("exports/a/b.csv").send().await.unwrap();
    assert_eq!(answer.content_type(), Some("text/csv; charset=utf-8"));
    assert_eq!(answer.content_disposition(), Some("attachment; filename=\"b.csv\""));
    assert_eq!(answer.e_tag(), Some("\"5eb63bbbe01eeed093cb22bb8f5acdc3\""));
    assert_eq!(answer.metadata().unwrap()["rows"], "7");
    assert_eq!(answer.body.collect().await.unwrap().to_vec(), b"hello world");
    let head = client.head_object().bucket(BUCKET).key("exports/a/b.csv").send().await.unwrap();
    assert_eq!(head.content_length(), Some(11));
    assert_eq!(head.metadata().unwrap()["rows"], "7");
    let missing = client.head_object().bucket(BUCKET).key("no").send().await.unwrap_err();
    assert!(missing.as_service_error().unwrap().is_not_found());
    let missing = client.get_object().bucket(BUCKET).key("no").send().await.unwrap_err();
    assert_eq!(code(&missing), "NoSuchKey");
    let missing = client.get_object().bucket("nowhere").key("no").send().await.unwrap_err();
    assert_eq!(code(&missing), "NoSuchBucket");
}

#[tokio::test]
async fn any_key_is_stored_and_none_leaves_its_bucket() {
    let mut home = Home::new().await;
    let long = "k/".repeat(500);
    let names = ["../x", "/lead", "a//b", "a/../b", "é ü/ß", "%2e%2e/x", long.as_str(), "a", "a/", "tail/"];
    for name in names {
        put(&home.client(), name, name.as_bytes()).await;
    }
    home.restart().await;
    let client = home.client();
    for name in names {
        assert_eq!(get(&client, name).await, name.as_bytes(), "{name}");
    }
    let mut sorted: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    sorted.sort();
    assert_eq!(keys(&client).await, sorted);
    // What lies on disk lies inside the bucket, two files an object.
    assert_eq!(home.files(), names.len() * 2);
    assert_eq!(std::fs::read_dir(home.folder.path()).unwrap().count(), 1);
    let too_long = client.put_object().bucket(BUCKET).key("x".repeat(1025)).send().await.unwrap_err();
    assert_eq!(code(&too_long), "KeyTooLongError");
}

#[tokio::test]
async fn ranges_are_read_across_parts() {
    let home = Home::new().await;
    let client = home.client();
    let id = create(&client, "big").await;
    let (first, second) = (vec![b'a'; 5 * MIB], b"0123456789".to_vec());
    let parts = [part(&client, "big", &id, 1, &first).await, part(&client, "big", &id, 2, &second).await];
    client
        .complete_multipart_upload()
        .bucket(BUCKET)
        .key("big")
        .upload_id(&id)
        .multipart_upload(completed(&parts))
        .send()
        .await
        .unwrap();
    let whole = [first, second].concat();
    let size = whole.len();
    for (range, expected) in [
        ("bytes=0-0".to_owned(), 0..1),
        (format!("bytes={}-{}", 5 * MIB - 2, 5 * MIB + 1), 5 * MIB - 2..5 * MIB + 2),
        (format!("bytes={}-", size - 3), size - 3..size),
        ("bytes=-4".to_owned(), size - 4..size),
        (format!("bytes=0-{}", size * 2), 0..size),
    ] {
        let answer = client.get_object().bucket(BUCKET).key("big").range(&range).send().await.unwrap();
        let content_range = format!("bytes {}-{}/{size}", expected.start, expected.end - 1);
        assert_eq!(answer.content_range(), Some(content_range.as_str()), "{range}");
        assert_eq!(answer.body.collect().await.unwrap().to_vec(), whole[expected], "{range}");
    }
    let beyond =
        client.get_object().bucket(BUCKET).key("big").range(format!("bytes={size}-")).send().await.unwrap_err();
    assert_eq!(code(&beyond), "InvalidRange");
}

#[tokio::test]
async fn a_multipart_upload_is_visible_only_when_complete() {
    let mut home = Home::new().await;
    let key = "exports/1.csv";
    put(&home.client(), key, b"old").await;
    let id = create(&home.client(), key).await;
    let bodies = [vec![b'1'; 5 * MIB], vec![b'2'; 5 * MIB + 17], b"end".to_vec()];
    let mut parts = Vec::new();
    for (number, body) in (1..).zip(&bodies) {
        parts.push(part(&home.client(), key, &id, number, body).await);
    }
    // A part may be sent again; the last one counts.
    part(&home.client(), key, &id, 3, b"other").await;
    parts[2] = part(&home.client(), key, &id, 3, &bodies[2]).await;
    home.restart().await;
    let client = home.client();
    assert_eq!(get(&client, key).await, b"old");

    let listed = client.list_parts().bucket(BUCKET).key(key).upload_id(&id).send().await.unwrap();
    let found: Vec<_> = listed.parts().iter().map(|part| (part.part_number(), part.size(), part.e_tag())).collect();
    let expected: Vec<_> = parts
        .iter()
        .zip(&bodies)
        .map(|(part, body)| (part.part_number(), i64::try_from(body.len()).ok(), part.e_tag()))
        .collect();
    assert_eq!(found, expected);

    let answer = client
        .complete_multipart_upload()
        .bucket(BUCKET)
        .key(key)
        .upload_id(&id)
        .multipart_upload(completed(&parts))
        .send()
        .await
        .unwrap();
    assert!(answer.e_tag().unwrap().ends_with("-3\""), "{:?}", answer.e_tag());
    home.restart().await;
    let client = home.client();
    assert_eq!(get(&client, key).await, bodies.concat());
    let head = client.head_object().bucket(BUCKET).key(key).send().await.unwrap();
    assert_eq!((head.content_type(), head.e_tag()), (Some("text/csv"), answer.e_tag()));
    assert_eq!(head.metadata().unwrap()["rows"], "3");
    let again = client.list_parts().bucket(BUCKET).key(key).upload_id(&id).send().await.unwrap_err();
    assert_eq!(code(&again), "NoSuchUpload");
    // The old bytes, the marks and the part that was replaced are gone: a description and three parts remain.
    assert_eq!(home.files(), 4);
}

#[tokio::test]
async fn a_wrong_completion_is_refused_as_by_s3_and_changes_nothing() {
    let home = Home::new().await;
    let client = home.client();
    let id = create(&client, "k").await;
    let small = part(&client, "k", &id, 1, b"small").await;
    let last = part(&client, "k", &id, 2, b"last").await;
    let complete = |parts: Vec<CompletedPart>, id: String| {
        let request = client.complete_multipart_upload().bucket(BUCKET).key("k").upload_id(id);
        async move { code(&request.multipart_upload(completed(&parts)).send().await.unwrap_err()) }
    };
    assert_eq!(complete(vec![small.clone(), last.clone()], id.clone()).await, "EntityTooSmall");
    assert_eq!(complete(vec![last.clone(), small.clone()], id.clone()).await, "InvalidPartOrder");
    let unknown = CompletedPart::builder().part_number(9).e_tag(last.e_tag().unwrap()).build();
    assert_eq!(complete(vec![unknown], id.clone()).await, "InvalidPart");
    let wrong = CompletedPart::builder().part_number(2).e_tag("\"00000000000000000000000000000000\"").build();
    assert_eq!(complete(vec![wrong], id.clone()).await, "InvalidPart");
    assert_eq!(complete(vec![], id.clone()).await, "MalformedXML");
    assert_eq!(complete(vec![last.clone()], "nothing".to_owned()).await, "NoSuchUpload");
    let bad = client.complete_multipart_upload().bucket(BUCKET).key("k").upload_id(&id);
    let bad = bad.multipart_upload(completed(&[last])).checksum_crc64_nvme("AAAAAAAAAAA=").send().await.unwrap_err();
    assert_eq!(code(&bad), "BadDigest");
    assert_eq!(keys(&client).await, Vec::<String>::new());
    let listed = client.list_parts().bucket(BUCKET).key("k").upload_id(&id).send().await.unwrap();
    assert_eq!(listed.parts().len(), 2);
}

#[tokio::test]
async fn an_aborted_upload_is_gone_with_its_parts() {
    let home = Home::new().await;
    let client = home.client();
    let id = create(&client, "k").await;
    part(&client, "k", &id, 1, b"x").await;
    client.abort_multipart_upload().bucket(BUCKET).key("k").upload_id(&id).send().await.unwrap();
    assert_eq!(home.files(), 0);
    let listed = client.list_parts().bucket(BUCKET).key("k").upload_id(&id).send().await.unwrap_err();
    assert_eq!(code(&listed), "NoSuchUpload");
    let body = ByteStream::from_static(b"x");
    let late = client.upload_part().bucket(BUCKET).key("k").upload_id(&id).part_number(1).body(body).send().await;
    assert_eq!(code(&late.unwrap_err()), "NoSuchUpload");
    let again = client.abort_multipart_upload().bucket(BUCKET).key("k").upload_id(&id).send().await.unwrap_err();
    assert_eq!(code(&again), "NoSuchUpload");
}

#[tokio::test]
async fn open_uploads_are_listed_by_prefix_and_in_pages() {
    let mut home = Home::new().await;
    let mut expected = Vec::new();
    for key in ["exports/a/1", "exports/a/1", "exports/a/2", "exports/b/1", "other"] {
        expected.push((key.to_owned(), create(&home.client(), key).await));
    }
    home.restart().await;
    let client = home.client();
    let (mut found, mut markers) = (Vec::new(), (None, None));
    loop {
        let page = client
            .list_multipart_uploads()
            .bucket(BUCKET)
            .prefix("exports/a/")
            .max_uploads(1)
            .set_key_marker(markers.0)
            .set_upload_id_marker(markers.1)
            .send()
            .await
            .unwrap();
        assert_eq!(page.uploads().len(), 1);
        found.extend(page.uploads().iter().map(|u| (u.key().unwrap().to_owned(), u.upload_id().unwrap().to_owned())));
        if !page.is_truncated().unwrap() {
            break;
        }
        markers = (page.next_key_marker, page.next_upload_id_marker);
    }
    assert_eq!(found, expected[..3]);
    let all = client.list_multipart_uploads().bucket(BUCKET).send().await.unwrap();
    assert_eq!(all.uploads().len(), 5);
    let grouped =
        client.list_multipart_uploads().bucket(BUCKET).prefix("exports/").delimiter("/").send().await.unwrap();
    let groups: Vec<_> = grouped.common_prefixes().iter().map(|group| group.prefix().unwrap()).collect();
    assert_eq!(groups, ["exports/a/", "exports/b/"]);
}

#[tokio::test]
async fn objects_are_listed_by_prefix_delimiter_and_in_pages() {
    let home = Home::new().await;
    let client = home.client();
    for key in ["a", "p/1", "p/2", "p/q/1", "p/q/2", "p/r/1", "z"] {
        put(&client, key, b"x").await;
    }
    let grouped = client.list_objects_v2().bucket(BUCKET).prefix("p/").delimiter("/").send().await.unwrap();
    let found: Vec<_> = grouped.contents().iter().map(|object| object.key().unwrap()).collect();
    assert_eq!(found, ["p/1", "p/2"]);
    let groups: Vec<_> = grouped.common_prefixes().iter().map(|group| group.prefix().unwrap()).collect();
    assert_eq!(groups, ["p/q/", "p/r/"]);
    for delimiter in [None, Some("/")] {
        let (mut found, mut token) = (Vec::new(), None);
        loop {
            let request = client.list_objects_v2().bucket(BUCKET).max_keys(2).set_continuation_token(token);
            let page = request.set_delimiter(delimiter.map(str::to_owned)).send().await.unwrap();
            assert!(page.key_count().unwrap() <= 2);
            found.extend(page.contents().iter().map(|object| object.key().unwrap().to_owned()));
            found.extend(page.common_prefixes().iter().map(|group| group.prefix().unwrap().to_owned()));
            token = page.next_continuation_token().map(str::to_owned);
            if token.is_none() {
                break;
            }
        }
        let expected: &[&str] = match delimiter {
            None => &["a", "p/1", "p/2", "p/q/1", "p/q/2", "p/r/1", "z"],
            Some(_) => &["a", "p/", "z"],
        };
        assert_eq!(found, expected);
    }
    let after = client.list_objects_v2().bucket(BUCKET).start_after("p/r/1").send().await.unwrap();
    assert_eq!(after.contents().len(), 1);
}

#[tokio::test]
async fn of_many_writers_that_allow_no_other_exactly_one_wins() {
    let home = Home::new().await;
    let client = home.client();
    for round in 0..10 {
        let key = format!("once-{round}");
        let writers = (0..8).map(|writer: u8| {
            let body = ByteStream::from(vec![writer; 1000]);
            let request = client.put_object().bucket(BUCKET).key(&key).if_none_match("*").body(body);
            tokio::spawn(async move { request.send().await.map(|_| writer).map_err(|error| code(&error)) })
        });
        let results: Vec<_> = futures::future::join_all(writers).await.into_iter().map(Result::unwrap).collect();
        let winners: Vec<u8> = results.iter().filter_map(|result| result.as_ref().ok()).copied().collect();
        assert_eq!(winners.len(), 1, "{results:?}");
        assert!(results.iter().filter_map(|result| result.as_ref().err()).all(|code| code == "PreconditionFailed"));
        assert_eq!(get(&client, &key).await, vec![winners[0]; 1000]);
    }
}

#[tokio::test]
async fn a_wrong_checksum_is_refused_and_nothing_is_stored() {
    let home = Home::new().await;
    let client = home.client();
    let request = || client.put_object().bucket(BUCKET).key("k").body(ByteStream::from_static(b"hello"));
    let wrong = request().checksum_crc64_nvme("AAAAAAAAAAA=").send().await.unwrap_err();
    assert_eq!(code(&wrong), "BadDigest");
    let wrong = request().content_md5("AAAAAAAAAAAAAAAAAAAAAA==").send().await.unwrap_err();
    assert_eq!(code(&wrong), "BadDigest");
    assert_eq!(home.files(), 0);
    for algorithm in [
        ChecksumAlgorithm::Crc32,
        ChecksumAlgorithm::Crc32C,
        ChecksumAlgorithm::Crc64Nvme,
        ChecksumAlgorithm::Sha1,
        ChecksumAlgorithm::Sha256,
    ] {
        request().checksum_algorithm(algorithm).send().await.unwrap();
    }
    let answer = client.get_object().bucket(BUCKET).key("k");
    let answer = answer.checksum_mode(aws_sdk_s3::types::ChecksumMode::Enabled).send().await.unwrap();
    assert!(answer.checksum_sha256().is_some() && answer.checksum_crc64_nvme().is_some());
}

#[tokio::test]
async fn a_body_that_is_not_signed_is_verified_by_its_checksum() {
    let home = Home::new().await;
    let client = home.client();
    let request = client.put_object().bucket(BUCKET).key("k").body(ByteStream::from_static(b"unsigned"));
    let request = request.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme);
    request.customize().disable_payload_signing().send().await.unwrap();
    assert_eq!(get(&client, "k").await, b"unsigned");
    let id = create(&client, "m").await;
    let request = client.upload_part().bucket(BUCKET).key("m").upload_id(&id).part_number(1);
    let request = request.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme).body(ByteStream::from_static(b"part"));
    let answer = request.customize().disable_payload_signing().send().await.unwrap();
    let parts = [CompletedPart::builder().part_number(1).e_tag(answer.e_tag().unwrap()).build()];
    let complete = client.complete_multipart_upload().bucket(BUCKET).key("m").upload_id(&id);
    let answer = complete.multipart_upload(completed(&parts)).send().await.unwrap();
    assert!(answer.checksum_crc64_nvme().is_some());
    assert_eq!(get(&client, "m").await, b"part");
}

#[tokio::test]
async fn deleting_is_idempotent_and_a_download_that_has_begun_ends_well() {
    let home = Home::new().await;
    let client = home.client();
    let body = vec![7; 8 * MIB];
    put(&client, "k", &body).await;
    let download = client.get_object().bucket(BUCKET).key("k").send().await.unwrap();
    for _ in 0..2 {
        client.delete_object().bucket(BUCKET).key("k").send().await.unwrap();
    }
    assert_eq!(download.body.collect().await.unwrap().to_vec(), body);
    for key in ["a", "b"] {
        put(&client, key, b"x").await;
    }
    let named = ["a", "b", "never"].map(|key| ObjectIdentifier::builder().key(key).build().unwrap());
    let delete = Delete::builder().set_objects(Some(named.to_vec())).build().unwrap();
    let answer = client.delete_objects().bucket(BUCKET).delete(delete).send().await.unwrap();
    assert_eq!((answer.deleted().len(), answer.errors().len()), (3, 0));
    assert_eq!(keys(&client).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_presigned_link_works_with_its_overrides_until_it_is_changed() {
    let home = Home::new().await;
    let client = home.client();
    put(&client, "exports/1.csv", b"0123456789").await;
    let request = client
        .get_object()
        .bucket(BUCKET)
        .key("exports/1.csv")
        .response_content_type("text/csv; charset=utf-8")
        .response_content_disposition("attachment; filename=\"c.csv\"; filename*=UTF-8''c%C3%A9.csv");
    let link = request.presigned(PresigningConfig::expires_in(Duration::from_secs(60)).unwrap()).await.unwrap();
    let http = reqwest::Client::new();
    let answer = http.get(link.uri()).header("range", "bytes=2-4").send().await.unwrap();
    assert_eq!(answer.status(), 206);
    assert_eq!(answer.headers()["content-type"], "text/csv; charset=utf-8");
    let disposition = answer.headers()["content-disposition"].to_str().unwrap();
    assert_eq!(disposition, "attachment; filename=\"c.csv\"; filename*=UTF-8''c%C3%A9.csv");
    assert_eq!(answer.text().await.unwrap(), "234");
    let changed = link.uri().replace("1.csv", "2.csv");
    assert_eq!(http.get(changed).send().await.unwrap().status(), 403);
    let plain = link.uri().split('?').next().unwrap();
    assert_eq!(http.get(plain).send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn only_the_keys_of_this_process_are_accepted() {
    let home = Home::new().await;
    let s3 = home.s3.as_ref().unwrap();
    let id = &s3.credentials().access_key_id;
    for keys in [Credentials::new(id, "wrong", None, None, "test"), Credentials::new("other", "x", None, None, "test")]
    {
        let client = Client::from_conf(config(s3).credentials_provider(keys).build());
        let error = client.list_objects_v2().bucket(BUCKET).send().await.unwrap_err();
        let code = code(&error);
        assert!(
            ["SignatureDoesNotMatch", "InvalidAccessKeyId", "NotSignedUp", "AccessDenied"].contains(&code.as_str()),
            "{code}"
        );
    }
}

#[tokio::test]
async fn a_kill_between_two_files_leaves_the_old_object_or_the_new_one() {
    let mut home = Home::new().await;
    put(&home.client(), "k", b"old").await;
    let id = create(&home.client(), "k").await;
    part(&home.client(), "k", &id, 1, b"part").await;
    let bucket = home.folder.path().join(BUCKET);
    // A body that was received and not published, a description that was not renamed, a part without its description.
    let orphan = bucket.join("data/0192d1b2-0000-4000-8000-000000000000");
    std::fs::create_dir(&orphan).unwrap();
    std::fs::write(orphan.join("1"), b"half").unwrap();
    std::fs::write(bucket.join("objects/x.abc.tmp"), b"{").unwrap();
    std::fs::write(bucket.join("data").join(&id).join("half-a-part"), b"ha").unwrap();
    home.restart().await;
    let client = home.client();
    assert_eq!(get(&client, "k").await, b"old");
    assert!(!orphan.exists());
    let listed = client.list_parts().bucket(BUCKET).key("k").upload_id(&id).send().await.unwrap();
    assert_eq!(listed.parts().len(), 1);
    // A description and one file of the object; a mark, a description and one file of the part.
    assert_eq!(home.files(), 5);

    // Completed, but killed before the upload's mark was removed.
    let parts = [CompletedPart::builder().part_number(1).e_tag(listed.parts()[0].e_tag().unwrap()).build()];
    let mark = bucket.join("data").join(&id).join("upload.json");
    let saved = std::fs::read(&mark).unwrap();
    let complete = client.complete_multipart_upload().bucket(BUCKET).key("k").upload_id(&id);
    complete.multipart_upload(completed(&parts)).send().await.unwrap();
    std::fs::write(&mark, saved).unwrap();
    home.restart().await;
    let client = home.client();
    assert_eq!(get(&client, "k").await, b"part");
    let uploads = client.list_multipart_uploads().bucket(BUCKET).send().await.unwrap();
    assert_eq!(uploads.uploads().len(), 0);
    assert_eq!(home.files(), 2);
}
