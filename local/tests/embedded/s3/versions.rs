//! Versions of objects, in a bucket without versioning: each object is one version, with the id `null`.

use super::{BUCKET, Home, code};

#[tokio::test(flavor = "multi_thread")]
async fn each_object_is_one_version_and_is_read_by_its_id() {
    let home = Home::new().await;
    let client = home.client();
    let keys = ["a/1", "a/2 ü&<", "a/3", "b/1"];
    for key in keys {
        let put = client.put_object().bucket(BUCKET).key(key).metadata("origin", "sscc#1 numeric");
        put.body(key.as_bytes().to_vec().into()).send().await.unwrap();
    }
    let (mut found, mut marker) = (Vec::new(), None);
    for _ in 0..3 {
        let page = client.list_object_versions().bucket(BUCKET).prefix("a/").max_keys(2).set_key_marker(marker);
        let page = page.send().await.unwrap();
        for version in page.versions() {
            assert_eq!((version.version_id(), version.is_latest()), (Some("null"), Some(true)));
            assert!(version.last_modified().is_some() && version.size() > Some(0));
            found.push(version.key().unwrap().to_owned());
        }
        assert!(page.delete_markers().is_empty());
        marker = page.next_key_marker().map(str::to_owned);
        assert_eq!(marker.is_some(), page.is_truncated() == Some(true));
        if marker.is_none() {
            break;
        }
    }
    assert_eq!(found, &keys[..3]);
    let groups = client.list_object_versions().bucket(BUCKET).delimiter("/").send().await.unwrap();
    let groups: Vec<_> = groups.common_prefixes().iter().filter_map(|group| group.prefix()).collect();
    assert_eq!(groups, ["a/", "b/"]);

    let head = client.head_object().bucket(BUCKET).key("a/1").version_id("null").send().await.unwrap();
    assert_eq!(head.metadata().unwrap()["origin"], "sscc#1 numeric");
    let get = client.get_object().bucket(BUCKET).key("a/1").version_id("null").send().await.unwrap();
    assert_eq!(get.body.collect().await.unwrap().to_vec(), b"a/1");
    for (key, version) in [("a/1", "3sL4kqtJlcpXroDTDmJ"), ("none", "null")] {
        let get = client.get_object().bucket(BUCKET).key(key).version_id(version).send().await;
        assert_eq!(code(&get.unwrap_err()), "NoSuchVersion", "{key} {version}");
    }
}
