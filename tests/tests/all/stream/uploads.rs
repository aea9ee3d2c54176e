//! Uploads that others abort, complete or create while an export runs, and workers of another version or part policy.

use std::io::Write;

use aws_sdk_s3::types::ChecksumMode;
use common::{
    export::PartPolicy,
    reservation::{RENDERER_VERSION, Status},
};
use flate2::{Compression, write::GzEncoder};

use crate::support::{
    faults::{Fault, Network},
    manual::{End, ManualSystem, NO_END, ONE_PART, SMALL_PARTS, five_parts, head_of, invoke},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_is_aborted_between_slices_begins_again_and_gives_the_same_bytes() {
    for export_type in ["csv", "xml.gz", "xlsx"] {
        for parts in 1..=3 {
            let mut system = ManualSystem::new(ONE_PART).await;
            let id = system.create(export_type, 2_400).await;
            system.run_to_part(id, parts).await;
            assert_eq!(system.abort_uploads().await, 1);
            system.settle().await;
            let bytes = system.assert_exported(id).await;
            assert!(bytes == system.rendered(&system.item(id).await, SMALL_PARTS).await.1);
            system.assert_sound().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_another_worker_completed_is_found_as_the_object_that_it_is() {
    let mut system = ManualSystem::new(ONE_PART).await;
    system.create("csv", five_parts("csv")).await;
    let undisturbed = system.settle().await.calls();
    let complete = undisturbed.iter().position(|call| call == "CompleteMultipartUpload").unwrap() + 1;
    let id = system.create("csv", five_parts("csv")).await;
    let network = system.drain_with(complete, Fault::DieAfter).await;
    system.assert_exported(id).await;
    let after: Vec<String> = network.calls().split_off(complete);
    assert!(after.contains(&"HeadObject".to_owned()), "{after:?}");
    // One UploadPart fails because the upload is gone. The object is not written again.
    assert!(!after.contains(&"CompleteMultipartUpload".to_owned()), "{after:?}");
    system.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_of_workers_that_died_before_they_saved_them_do_not_stay() {
    let mut system = ManualSystem::new(ONE_PART).await;
    let id = system.create("csv", five_parts("csv")).await;
    system.run_to_part(id, 2).await;
    // Two more uploads with the key of the export.
    let key = system.keys().await.1.remove(0);
    for _ in 0..2 {
        system.context().bucket().create_upload(&head_of(&key, id)).await.unwrap();
    }
    assert_eq!(system.keys().await.1.len(), 3);
    system.settle().await;
    system.assert_exported(id).await;
    system.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_cuts_parts_otherwise_goes_on_where_the_last_one_stopped() {
    let larger = PartPolicy { part_len: 20 << 10, ..SMALL_PARTS };
    for export_type in ["csv", "csv.gz", "xlsx"] {
        // With NO_END parts are uploaded and no progress is saved; with ONE_PART the progress of two parts is saved.
        for slice in [NO_END, ONE_PART] {
            let mut system = ManualSystem::new(slice).await;
            system.create(export_type, five_parts(export_type)).await;
            let undisturbed = system.settle().await.calls();
            let id = system.create(export_type, five_parts(export_type)).await;
            if slice == NO_END {
                let list = undisturbed.iter().position(|call| call == "ListParts").unwrap() + 1;
                let network = Network::failing(list, Fault::DieBefore);
                let worker = system.worker(&network);
                while let records = system.records().await
                    && invoke(&worker, &network, &records).await == End::Done
                {
                    system.done(&records);
                }
            } else {
                system.run_to_part(id, 2).await;
            }
            assert_eq!(system.keys().await.1.len(), 1);
            let network = Network::healthy();
            let worker = system.worker_with(&network, larger);
            while let records = system.records().await
                && !records.is_empty()
            {
                assert_eq!(invoke(&worker, &network, &records).await, End::Done);
                system.done(&records);
            }
            assert_eq!(system.item(id).await.status, Status::Complete, "{:?}", network.calls());
            system.assert_exported(id).await;
            system.assert_sound().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_worker_touches_nothing_and_a_newer_one_begins_again() {
    for export_type in ["csv", "csv.gz", "xlsx"] {
        let mut system = ManualSystem::new(ONE_PART).await;
        let id = system.create(export_type, five_parts(export_type)).await;
        system.run_to_part(id, 2).await;

        system.freeze_as(id, RENDERER_VERSION + 1).await;
        let before = system.item(id).await;
        let network = Network::healthy();
        let records = system.records().await;
        assert_eq!(invoke(&system.worker(&network), &network, &records).await, End::Failed);
        assert_eq!(system.item(id).await, before);
        assert_eq!(system.keys().await.1.len(), 1);

        system.freeze_as(id, RENDERER_VERSION - 1).await;
        system.settle().await;
        let item = system.item(id).await;
        assert_eq!((item.generation, item.render.as_ref().unwrap().version), (2, RENDERER_VERSION));
        system.assert_exported(id).await;
        system.assert_sound().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_of_several_gzip_members_is_not_continued() {
    let mut system = ManualSystem::new(ONE_PART).await;
    let id = system.create("csv.gz", five_parts("csv.gz")).await;
    system.run_to_part(id, 2).await;
    // What a worker of version 1 would have left: parts that are whole members.
    let (old, bucket) = (system.keys().await.1.remove(0), system.context().bucket());
    let upload = bucket.find_upload(&old).await.unwrap().unwrap();
    for part in 1..=2 {
        let mut member = GzEncoder::new(Vec::new(), Compression::fast());
        member.write_all(&[b'x'; 1_000]).unwrap();
        bucket.upload_part(&old, &upload, part, member.finish().unwrap().into()).await.unwrap();
    }
    let before = system.item(id).await.export.unwrap();
    assert_ne!(before.crc32, 0, "the progress of a compressed export holds a checksum");
    system.freeze_as(id, 1).await;
    system.settle().await;
    assert_eq!(system.item(id).await.generation, 2);
    // One member with the rows of this version.
    let bytes = system.assert_exported(id).await;
    assert!(bytes == system.rendered(&system.item(id).await, SMALL_PARTS).await.1);
    let (objects, uploads) = system.keys().await;
    assert!(uploads.is_empty() && !objects.contains(&old), "{objects:?} {uploads:?}");
    system.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_says_what_it_is_whether_it_came_in_parts_or_not() {
    let mut system = ManualSystem::new(NO_END).await;
    for (export_type, quantity, media_type) in [
        ("csv", 5, "text/csv; charset=utf-8"),
        ("csv", 380, "text/csv; charset=utf-8"),
        ("xml", 380, "application/xml"),
        ("json.gz", 2_400, "application/gzip"),
        ("xlsx", 2_400, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ] {
        let id = system.create(export_type, quantity).await;
        system.settle().await;
        let key = system.file(&system.item(id).await).await.s3_key;
        let item = system.item(id).await;
        assert_eq!(key, format!("exports/{id}/{}/1.{export_type}", item.incarnation));
        let head = system.context().s3().head_object().bucket(&system.context().config().bucket).key(key);
        let head = head.checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
        assert_eq!(head.content_type(), Some(media_type));
        assert_eq!(head.content_encoding(), None, "a .gz is a file");
        let metadata = head.metadata().unwrap();
        assert_eq!((&metadata["reservation"], &metadata["rows"]), (&id.to_string(), &quantity.to_string()));
        assert_eq!(head.checksum_crc64_nvme().map(str::len), Some(12), "a checksum of the whole object");
        assert_eq!(head.checksum_sha256(), None);
    }
}
