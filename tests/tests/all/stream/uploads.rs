//! What can become of an upload behind a worker's back, and of a worker beside a newer or older one.

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::types::ChecksumMode;
use common::{
    bucket::ObjectHead,
    export::PartPolicy,
    reservation::{RENDERER_VERSION, Status},
};
use uuid::Uuid;

use crate::support::{
    faults::{Fault, Wire},
    home::{End, Home, NO_END, ONE_PART, SMALL_PARTS, five_parts, invoke},
};

/// Aborts every open upload, as an operator or a lifecycle rule does.
async fn abort(home: &Home) -> usize {
    let bucket = home.context().bucket();
    let uploads = bucket.open_uploads("exports/").await.unwrap();
    for upload in &uploads {
        bucket.abort_upload(&upload.key, &upload.id).await.unwrap();
    }
    uploads.len()
}

/// Runs single invocations until `parts` parts are saved.
async fn run_to_part(home: &mut Home, id: Uuid, parts: u32) {
    let wire = Wire::new(None);
    let worker = home.worker(&wire);
    loop {
        let records = home.records().await;
        assert_eq!(invoke(&worker, &wire, &records).await, End::Done);
        home.done(&records);
        let next_part = home.item(id).await.export.unwrap().next_part;
        assert!(next_part <= parts + 1);
        if next_part == parts + 1 {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_is_aborted_between_slices_begins_again_and_gives_the_same_bytes() {
    for export_type in ["csv", "xml.gz"] {
        for parts in 1..=3 {
            let mut home = Home::new(ONE_PART).await;
            let id = home.create(export_type, 2_400).await;
            run_to_part(&mut home, id, parts).await;
            assert_eq!(abort(&home).await, 1);
            home.settle().await;
            let bytes = home.assert_exported(id).await;
            assert!(bytes == home.rendered(&home.item(id).await, SMALL_PARTS).await.1);
            home.assert_sound().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_another_worker_completed_is_found_as_the_object_that_it_is() {
    let mut home = Home::new(ONE_PART).await;
    home.create("csv", five_parts("csv")).await;
    let undisturbed = home.settle().await.calls();
    let complete = undisturbed.iter().position(|call| call == "CompleteMultipartUpload").unwrap() + 1;
    let id = home.create("csv", five_parts("csv")).await;
    let wire = home.drain_with((complete, Fault::DieAfter)).await;
    home.assert_exported(id).await;
    let after: Vec<String> = wire.calls().split_off(complete);
    assert!(after.contains(&"HeadObject".to_owned()), "{after:?}");
    // One part is sent to learn that the upload is gone; the object is not written again.
    assert!(!after.contains(&"CompleteMultipartUpload".to_owned()), "{after:?}");
    home.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_of_workers_that_died_before_they_saved_them_do_not_stay() {
    let mut home = Home::new(ONE_PART).await;
    let id = home.create("csv", five_parts("csv")).await;
    run_to_part(&mut home, id, 2).await;
    // Two more uploads of the very key that the export will have.
    let key = home.keys().await.1.remove(0);
    let head = ObjectHead { key: &key, content_type: "text/csv", reservation: id.to_string(), rows: 1 };
    for _ in 0..2 {
        home.context().bucket().create_upload(&head).await.unwrap();
    }
    assert_eq!(home.keys().await.1.len(), 3);
    home.settle().await;
    home.assert_exported(id).await;
    home.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_cuts_parts_otherwise_goes_on_where_the_last_one_stopped() {
    let larger = PartPolicy { part_len: 20 << 10, ..SMALL_PARTS };
    for export_type in ["csv", "csv.gz"] {
        // Parts are uploaded, none is saved; or two are saved.
        for slice in [NO_END, ONE_PART] {
            let mut home = Home::new(slice).await;
            home.create(export_type, five_parts(export_type)).await;
            let undisturbed = home.settle().await.calls();
            let id = home.create(export_type, five_parts(export_type)).await;
            if slice == NO_END {
                let list = undisturbed.iter().position(|call| call == "ListParts").unwrap() + 1;
                let wire = Wire::new(Some((list, Fault::DieBefore)));
                let worker = home.worker(&wire);
                while let records = home.records().await
                    && invoke(&worker, &wire, &records).await == End::Done
                {
                    home.done(&records);
                }
            } else {
                run_to_part(&mut home, id, 2).await;
            }
            assert_eq!(home.keys().await.1.len(), 1);
            let wire = Wire::new(None);
            let worker = home.worker_with(&wire, larger);
            while let records = home.records().await
                && !records.is_empty()
            {
                assert_eq!(invoke(&worker, &wire, &records).await, End::Done);
                home.done(&records);
            }
            assert_eq!(home.item(id).await.status, Status::Complete, "{:?}", wire.calls());
            home.assert_exported(id).await;
            home.assert_sound().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_worker_touches_nothing_and_a_newer_one_begins_again() {
    let mut home = Home::new(ONE_PART).await;
    let id = home.create("csv", five_parts("csv")).await;
    run_to_part(&mut home, id, 2).await;

    freeze_as(&home, id, RENDERER_VERSION + 1).await;
    let before = home.item(id).await;
    let wire = Wire::new(None);
    let records = home.records().await;
    assert_eq!(invoke(&home.worker(&wire), &wire, &records).await, End::Failed);
    assert_eq!(home.item(id).await, before);
    assert_eq!(home.keys().await.1.len(), 1);

    freeze_as(&home, id, RENDERER_VERSION - 1).await;
    home.settle().await;
    let item = home.item(id).await;
    assert_eq!((item.generation, item.render.as_ref().unwrap().version), (2, RENDERER_VERSION));
    home.assert_exported(id).await;
    home.assert_sound().await;
}

/// Makes it look as if a worker with another renderer had begun the export.
async fn freeze_as(home: &Home, id: Uuid, version: u32) {
    home.edit(id, "SET render.version = :value", AttributeValue::N(version.to_string())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_says_what_it_is_whether_it_came_in_parts_or_not() {
    let mut home = Home::new(NO_END).await;
    for (export_type, quantity, media_type) in [
        ("csv", 5, "text/csv; charset=utf-8"),
        ("csv", 380, "text/csv; charset=utf-8"),
        ("xml", 380, "application/xml"),
        ("json.gz", 2_400, "application/gzip"),
    ] {
        let id = home.create(export_type, quantity).await;
        home.settle().await;
        let key = home.file(&home.item(id).await).await.s3_key;
        let item = home.item(id).await;
        assert_eq!(key, format!("exports/{id}/{}/1.{export_type}", item.incarnation));
        let head = home.context().s3().head_object().bucket(&home.context().config().bucket).key(key);
        let head = head.checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
        assert_eq!(head.content_type(), Some(media_type));
        assert_eq!(head.content_encoding(), None, "a .gz is a file");
        let metadata = head.metadata().unwrap();
        assert_eq!((&metadata["reservation"], &metadata["rows"]), (&id.to_string(), &quantity.to_string()));
        assert_eq!(head.checksum_crc64_nvme().map(str::len), Some(12), "of the whole object");
        assert_eq!(head.checksum_sha256(), None);
    }
}
