//! Multipart uploads: invisible until completed, refused by the rules of S3, and safe against a kill.

use aws_sdk_s3::{
    primitives::ByteStream,
    types::{ChecksumAlgorithm, CompletedPart},
};

use super::{BUCKET, Home, MIB, code, completed, create, get, keys, part, put};

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
    // A part may be sent again; the last one is used.
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
    // The old bytes, the markers and the replaced part are removed: one description and three parts remain.
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
async fn a_kill_between_two_files_leaves_the_old_object_or_the_new_one() {
    let mut home = Home::new().await;
    put(&home.client(), "k", b"old").await;
    let id = create(&home.client(), "k").await;
    part(&home.client(), "k", &id, 1, b"part").await;
    let bucket = home.folder.path().join(BUCKET);
    // Unfinished files: a received body that was not published, a temporary description, a part without its
    // description.
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
    // Remaining: a description and one file of the object; a marker, a description and one file of the part.
    assert_eq!(home.files(), 5);

    // The upload was completed, but the process was killed before the marker was removed.
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
