//! Organisations can be read by callers with the right. Who writes them is tested in `administration`.

use common::directory::Role;
use serde_json::{Value, json};

use super::{ADMIN, READER, WRITER, seeded};
use crate::support::rows::user;

const ORGANISATIONS: &str = "/items/organisation";
const REGAL: &str = "/items/organisation/%2F417%2F9312345000012";

#[tokio::test(flavor = "multi_thread")]
async fn organisations_are_read_by_path_and_by_query() {
    let server = seeded().start().await;
    let regal = json!({"id": "/417/9312345000012", "organisation_name": "Regal Cotton Pty Ltd",
        "pgln": "9312345000012", "city": "Sydney"});
    for token in [ADMIN, READER] {
        assert_eq!(server.get(REGAL, token).await.data(), regal, "{token}");
        assert_eq!(server.get(&format!("{REGAL}/"), token).await.data(), regal);
        let named = server.get(&format!("{ORGANISATIONS}/ORG-CUSTOM-3?fields=city,id"), token).await;
        assert_eq!(named.text, r#"{"data":{"city":null,"id":"ORG-CUSTOM-3"}}"#);
        for path in [ORGANISATIONS.to_owned(), format!("{ORGANISATIONS}/")] {
            let names: Vec<Value> = server
                .get(&format!("{path}?sort=-city&limit=2&fields=city"), token)
                .await
                .data()
                .as_array()
                .unwrap()
                .clone();
            assert_eq!(names, [json!({"city": null}), json!({"city": "Sydney"})], "{path}");
        }
        let counted = server.get(&format!("{ORGANISATIONS}?filter[city][_nnull]=true&aggregate[count]=*"), token).await;
        assert_eq!(counted.data(), json!([{"count": "2"}]));
        let one = server.get(&format!("{ORGANISATIONS}?filter[id][_eq]=/417/9312345000012"), token).await;
        assert_eq!(one.data(), json!([regal]));
    }
    let read = server.get(REGAL, ADMIN).await;
    let head = server.send("HEAD", REGAL, Some(ADMIN), &[], None).await;
    assert_eq!((head.status, head.header("etag")), (200, read.header("etag")));
    let known = server.send("GET", REGAL, Some(ADMIN), &[("if-none-match", read.header("etag"))], None).await;
    assert_eq!((known.status, known.text.as_str()), (304, ""));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn organisations_are_shown_to_those_who_may_see_them() {
    let server = seeded().start().await;
    let store = server.store();
    let own = &["/417/5555999200016", "of-nobody"][..];
    store.seed_user(&user(Role::Reader, Some(own)), Some("reader-of-acme")).await.unwrap();

    let seen = server.get(&format!("{ORGANISATIONS}?fields=organisation_name&meta=*"), "reader-of-acme").await.json();
    assert_eq!(seen["data"], json!([{"organisation_name": "Acme Foods"}]));
    assert_eq!(seen["meta"], json!({"total_count": 1, "filter_count": 1}));
    // RSV-6: the organisation of others answers like one that does not exist.
    let strangers = server.get(REGAL, "reader-of-acme").await;
    let nothing = server.get(&format!("{ORGANISATIONS}/of-nobody"), "reader-of-acme").await;
    assert_eq!((strangers.status, strangers.code()), (403, "FORBIDDEN".to_owned()));
    assert_eq!(strangers.shape(), nothing.shape());
    assert_eq!(strangers.shape(), server.get(&format!("{ORGANISATIONS}/none"), ADMIN).await.shape());

    for (method, path, body) in [
        ("GET", ORGANISATIONS, Value::Null),
        ("GET", REGAL, Value::Null),
        ("GET", "/items/organisation/none", Value::Null),
    ] {
        let refused = server.json(method, path, WRITER, &body).await;
        assert_eq!(refused.status, 403, "{method} {path}");
        assert!(refused.reason().contains("collection \"organisation\""), "{}", refused.text);
    }
    server.stop().await;
}
