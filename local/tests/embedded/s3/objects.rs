//! Objects: keys, attributes, conditions, checksums, lists, presigned links.

use std::time::Duration;

use aws_sdk_s3::{
    Client,
    config::Credentials,
    presigning::PresigningConfig,
    primitives::ByteStream,
    types::{ChecksumAlgorithm, Delete, ObjectIdentifier},
};

use super::{BUCKET, Home, MIB, code, config, get, keys, put};

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
    // All files are inside the bucket's folder, two per object.
    assert_eq!(home.files(), names.len() * 2);
    assert_eq!(std::fs::read_dir(home.folder.path()).unwrap().count(), 1);
    let too_long = client.put_object().bucket(BUCKET).key("x".repeat(1025)).send().await.unwrap_err();
    assert_eq!(code(&too_long), "KeyTooLongError");
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
        .response_cache_control("no-store")
        .response_content_type("text/csv; charset=utf-8")
        .response_content_disposition("attachment; filename=\"c.csv\"; filename*=UTF-8''c%C3%A9.csv");
    let link = request.presigned(PresigningConfig::expires_in(Duration::from_secs(60)).unwrap()).await.unwrap();
    let http = reqwest::Client::new();
    let answer = http.get(link.uri()).header("range", "bytes=2-4").send().await.unwrap();
    assert_eq!(answer.status(), 206);
    assert_eq!(answer.headers()["cache-control"], "no-store");
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
    let id = &s3.access_key().id;
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
