//! The same codes in another file: a complete reservation begins again, and its old file goes when the new one is there.

use common::reservation::Status;
use serde_json::{Value, json};

use crate::support::{
    faults::Wire,
    home::{End, Home, ONE_PART, TOKEN, five_parts, invoke, unzipped},
};

/// The codes of an export, from its CSV or from its lines of JSON.
fn codes(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    if text.starts_with('{') {
        let row = |line: &str| serde_json::from_str::<Value>(line).unwrap()["code"].as_str().unwrap().to_owned();
        return text.lines().map(row).collect();
    }
    text.lines().skip(1).map(|line| line.split(',').nth(1).unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_format_has_the_same_codes_and_the_old_file_stays_until_it_is_there() {
    let mut home = Home::new(ONE_PART).await;
    let id = home.create("csv", five_parts("csv")).await;
    home.settle().await;
    let first = home.item(id).await;
    let old = home.file(&first).await;
    let old_codes = codes(&home.assert_exported(id).await);
    assert_eq!(old_codes.len() as u64, five_parts("csv"));

    assert_eq!(
        home.patch(id, &json!({"status": "new", "export_type": "ndjson.gz", "reference_id": "Röhre 7"})).await,
        200
    );
    let wire = Wire::new(None);
    let worker = home.worker(&wire);
    loop {
        let item = home.item(id).await;
        if item.status == Status::Complete {
            break;
        }
        // A client that reads now still gets the old file.
        assert_eq!((item.status, item.export_file.as_deref()), (Status::InProgress, Some(old.id.as_str())));
        assert!(home.bytes(&old.s3_key).await.len() as u64 == old.filesize);
        assert_eq!(home.request("GET", &format!("/assets/{}", old.id), TOKEN, None).await.status(), 302);
        let records = home.records().await;
        assert_eq!(invoke(&worker, &wire, &records).await, End::Done);
        home.done(&records);
    }
    // The row went in the transaction that brought the new one; the object goes with the record of that write.
    assert!(home.store().file(&old.id).await.unwrap().is_none());
    home.settle().await;
    let item = home.item(id).await;
    assert_eq!((item.generation, &item.range), (2, &first.range));
    let new = home.file(&item).await;
    assert_eq!((new.filename_download.as_str(), new.media_type.as_str()), ("Röhre 7.ndjson.gz", "application/gzip"));
    assert_eq!(codes(&unzipped(&home.assert_exported(id).await)), old_codes);
    assert_eq!(home.keys().await.0, [new.s3_key]);
    home.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_fails_again_keeps_the_file_that_there_was() {
    let mut home = Home::new(ONE_PART).await;
    let id = home.create("csv", five_parts("csv")).await;
    home.settle().await;
    let old = home.item(id).await.export_file;
    assert_eq!(home.patch(id, &json!({"status": "new", "export_type": "json"})).await, 200);
    let wire = Wire::new(None);
    let records = home.records().await;
    assert_eq!(invoke(&home.worker(&wire), &wire, &records).await, End::Done);
    home.done(&records);
    assert_eq!(home.keys().await.1.len(), 1, "the new export has begun");
    assert_eq!(home.patch(id, &json!({"status": "error", "error_message": "wrong paper"})).await, 200);
    home.settle().await;
    let item = home.item(id).await;
    assert_eq!((item.status, &item.export_file), (Status::Error, &old));
    assert_eq!(item.error_message.as_deref(), Some("wrong paper"));
    home.assert_sound().await;

    // And once more: the third generation.
    assert_eq!(home.patch(id, &json!({"status": "new"})).await, 200);
    home.settle().await;
    let item = home.item(id).await;
    assert_eq!((item.status, item.generation), (Status::Complete, 3));
    assert!(home.assert_exported(id).await.starts_with(b"["));
    home.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting_takes_the_files_and_never_the_range() {
    let mut home = Home::new(ONE_PART).await;
    let quantity = five_parts("csv");
    let first = home.create("csv", quantity).await;
    home.settle().await;
    assert_eq!(home.delete(first).await, 204);
    home.settle().await;
    assert_eq!(home.keys().await, (vec![], vec![]));
    home.assert_sound().await;
    let second = home.create("csv", quantity).await;
    home.settle().await;
    // RSV-7.
    assert_eq!(home.item(second).await.range.unwrap().start, quantity);
    assert_eq!(home.state().await.pools.iter().map(|pool| pool.next).collect::<Vec<_>>(), [2 * quantity]);
    home.assert_sound().await;
}
