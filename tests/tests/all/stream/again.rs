//! A new export of a complete reservation has the same codes; the old file is removed when the new one is complete.

use common::reservation::Status;
use serde_json::{Value, json};

use crate::support::{
    api::id_in_names,
    faults::Network,
    invariants::{stored, unzipped},
    manual::{End, ManualSystem, ONE_PART, five_parts, invoke},
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
    let mut system = ManualSystem::new(ONE_PART).await;
    let id = system.create("csv", five_parts("csv")).await;
    system.settle().await;
    let first = system.item(id).await;
    let old = system.file(&first).await;
    let old_codes = codes(&system.assert_exported(id).await);
    assert_eq!(old_codes.len() as u64, five_parts("csv"));

    assert_eq!(
        system.patch(id, &json!({"status": "new", "export_type": "ndjson.gz", "reference_id": "Röhre 7"})).await,
        200
    );
    let network = Network::healthy();
    let worker = system.worker(&network);
    loop {
        let item = system.item(id).await;
        if item.status == Status::Complete {
            break;
        }
        // Until then clients read the old file.
        assert_eq!((item.status, item.export_file.as_deref()), (Status::InProgress, Some(old.id.as_str())));
        assert!(system.bytes(&old.s3_key).await.len() as u64 == old.filesize);
        assert_eq!(system.running.api.send("GET", &format!("/assets/{}", old.id)).await.status, 302);
        let records = system.records().await;
        assert_eq!(invoke(&worker, &network, &records).await, End::Done);
        system.done(&records);
    }
    // The transaction that put the new row deleted the old one. The record of that write removes the object.
    assert!(system.store().file(&old.id).await.unwrap().is_none());
    system.settle().await;
    let item = system.item(id).await;
    assert_eq!((item.generation, &item.range), (2, &first.range));
    let new = system.file(&item).await;
    assert_eq!(new.filename_download, format!("Röhre 7-{}.ndjson.gz", id_in_names(&id)));
    assert_eq!(new.media_type, "application/gzip");
    assert_eq!(codes(&unzipped(&system.assert_exported(id).await)), old_codes);
    assert_eq!(system.keys().await.0, [new.s3_key]);
    system.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_fails_again_keeps_the_file_that_there_was() {
    let mut system = ManualSystem::new(ONE_PART).await;
    let id = system.create("csv", five_parts("csv")).await;
    system.settle().await;
    let old = system.item(id).await.export_file;
    assert_eq!(system.patch(id, &json!({"status": "new", "export_type": "json"})).await, 200);
    let network = Network::healthy();
    let records = system.records().await;
    assert_eq!(invoke(&system.worker(&network), &network, &records).await, End::Done);
    system.done(&records);
    assert_eq!(system.keys().await.1.len(), 1, "the new export has begun");
    assert_eq!(system.patch(id, &json!({"status": "error", "error_message": "wrong paper"})).await, 200);
    system.settle().await;
    let item = system.item(id).await;
    assert_eq!((item.status, &item.export_file), (Status::Error, &old));
    assert_eq!(item.error_message.as_deref(), Some("wrong paper"));
    system.assert_sound().await;

    // Again: the third generation.
    assert_eq!(system.patch(id, &json!({"status": "new"})).await, 200);
    system.settle().await;
    let item = system.item(id).await;
    assert_eq!((item.status, item.generation), (Status::Complete, 3));
    assert!(system.assert_exported(id).await.starts_with(b"["));
    system.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting_takes_the_files_and_never_the_range() {
    let mut system = ManualSystem::new(ONE_PART).await;
    let quantity = five_parts("csv");
    let first = system.create("csv", quantity).await;
    system.settle().await;
    assert_eq!(system.delete(first).await, 204);
    system.settle().await;
    assert_eq!(system.keys().await, (vec![], vec![]));
    system.assert_sound().await;
    let second = system.create("csv", quantity).await;
    system.settle().await;
    // RSV-7: the next range starts behind the range of the deleted reservation.
    assert_eq!(system.item(second).await.range.unwrap().start, quantity);
    assert_eq!(
        stored(system.context()).await.state.pools.iter().map(|pool| pool.next).collect::<Vec<_>>(),
        [2 * quantity]
    );
    system.assert_sound().await;
}
