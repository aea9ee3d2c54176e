//! A system whose stream the test delivers by hand, one batch after the other, and what must hold afterwards.

use std::{sync::Arc, time::Duration};

use aws_lambda_events::event::dynamodb::EventRecord;
use aws_sdk_dynamodb::types::AttributeValue;
use common::{
    bucket::ObjectHead,
    context::Context,
    export::{Cursor, ExportType, PartPolicy},
    operations::export_file,
    reservation::{ExportKey, Reservation, Status},
    store::{FileRow, Store},
};
use local::{calls, dynamodb::StreamRecord};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::{
    api::{RESERVATIONS, sgtin, with},
    faults::{At, Fault, Network},
    harness::{Running, Setup, TOKEN},
    invariants::{assert_finished, plain},
    stream,
};

/// The time limit of a slice that ends after one part.
pub(crate) const ONE_PART: Duration = Duration::ZERO;
/// The time limit of a slice that lasts until the export is done.
pub(crate) const NO_END: Duration = Duration::from_secs(60);

/// Parts of about 8 KiB; a shorter file is one request.
pub(crate) const SMALL_PARTS: PartPolicy =
    PartPolicy { single_max: 8 << 10, part_len: 8 << 10, max_part_len: 1 << 30, max_parts: 10_000 };

/// The number of rows that makes five parts in CSV (the last one short) or in compressed CSV.
pub(crate) fn five_parts(export_type: &str) -> u64 {
    match export_type {
        "xlsx" => 1_980,
        _ if export_type.ends_with(".gz") => 2_400,
        _ => 380,
    }
}

/// How an invocation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Done,
    Failed,
    Killed,
}

/// A paused system, and the position in its stream.
pub(crate) struct ManualSystem {
    pub(crate) running: Running,
    slice: Duration,
    position: i64,
}

impl ManualSystem {
    /// A system with [`SMALL_PARTS`], whose workers end a slice after this time.
    pub(crate) async fn new(slice: Duration) -> Self {
        Self::with(Setup::new(), slice).await
    }

    /// The same with other options.
    pub(crate) async fn with(setup: Setup, slice: Duration) -> Self {
        let running = setup.paused().parts(SMALL_PARTS).start().await;
        // As after the first allocation, so that every worker makes the same calls.
        running.context().establish_secret().await.unwrap();
        Self { running, slice, position: 0 }
    }

    /// The stores without a fault.
    pub(crate) fn context(&self) -> &Arc<Context> {
        self.running.context()
    }

    pub(crate) fn store(&self) -> Store<'_> {
        self.running.store()
    }

    /// A new worker on a network.
    pub(crate) fn worker(&self, network: &Network) -> Arc<Context> {
        self.worker_with(network, self.context().config().part_policy)
    }

    /// The same with another part policy.
    pub(crate) fn worker_with(&self, network: &Network, part_policy: PartPolicy) -> Arc<Context> {
        let context = network.worker(&self.running, |config| {
            (config.slice, config.part_policy) = (self.slice, part_policy);
            config.object_wait = Duration::from_millis(200);
        });
        calls::recorded(&context, "reserve-codes").unwrap_or(context)
    }

    /// The stores on a network, for what the functions behind the API do.
    pub(crate) fn client(&self, network: &Network) -> Arc<Context> {
        network.worker(&self.running, |_| {})
    }

    // What clients do.

    /// Creates a reservation.
    pub(crate) async fn create_with(&self, body: &Value) -> Uuid {
        self.running.api.post(body).await["id"].as_str().unwrap().parse().unwrap()
    }

    pub(crate) async fn create(&self, export_type: &str, quantity: u64) -> Uuid {
        self.create_with(&body(export_type, quantity)).await
    }

    /// Changes a reservation; returns the HTTP status.
    pub(crate) async fn patch(&self, id: Uuid, body: &Value) -> u16 {
        self.running.json("PATCH", &format!("{RESERVATIONS}/{id}"), TOKEN, body).await.status
    }

    /// Deletes a reservation; returns the HTTP status.
    pub(crate) async fn delete(&self, id: Uuid) -> u16 {
        self.running.json("DELETE", &format!("{RESERVATIONS}/{id}"), TOKEN, &Value::Null).await.status
    }

    /// Changes a stored item directly: what time, or another deployment, would have done.
    pub(crate) async fn edit(&self, id: Uuid, expression: &str, value: AttributeValue) {
        let edit = self.context().dynamodb().update_item().table_name(&self.context().config().tables.reservations);
        let edit = edit.key("id", AttributeValue::S(id.to_string())).update_expression(expression);
        edit.expression_attribute_values(":value", value).send().await.unwrap();
    }

    /// Sets an attribute of a stored item, or a member of one of its maps, whatever its name is.
    pub(crate) async fn set(&self, id: Uuid, path: &[&str], value: AttributeValue) {
        let mut edit = self.context().dynamodb().update_item();
        edit = edit.table_name(&self.context().config().tables.reservations);
        for name in path {
            edit = edit.expression_attribute_names(format!("#{name}"), *name);
        }
        let path: Vec<String> = path.iter().map(|name| format!("#{name}")).collect();
        let edit = edit.key("id", AttributeValue::S(id.to_string()));
        let edit = edit.update_expression(format!("SET {} = :value", path.join(".")));
        edit.expression_attribute_values(":value", value).send().await.unwrap();
    }

    /// Makes the export look as if a worker with another renderer version had begun it.
    pub(crate) async fn freeze_as(&self, id: Uuid, version: u32) {
        self.edit(id, "SET render.version = :value", AttributeValue::N(version.to_string())).await;
    }

    // What the stream does.

    /// The next batch: records that no successful batch contained.
    pub(crate) async fn records(&self) -> Vec<StreamRecord> {
        let table = &self.context().config().tables.reservations;
        let dynamodb = self.running.system.dynamodb();
        dynamodb.records_after(table, self.position, 10, "arn:aws:dynamodb:stream").await.unwrap()
    }

    /// Advances the stream past a batch.
    pub(crate) fn done(&mut self, records: &[StreamRecord]) {
        self.position = records.last().map_or(self.position, |record| record.position);
    }

    /// Starts the stream again from its first record.
    pub(crate) fn rewind(&mut self) {
        self.position = 0;
    }

    /// Delivers batches until the stream is empty, as the event source mapping does: a failed batch is delivered again,
    /// to a new worker.
    pub(crate) async fn drain(&mut self, network: &Network) {
        let mut worker = self.worker(network);
        for _ in 0..100 {
            let records = self.records().await;
            if records.is_empty() {
                return;
            }
            match invoke(&worker, network, &records).await {
                End::Done => self.done(&records),
                End::Failed | End::Killed => {
                    network.heal();
                    worker = self.worker(network);
                }
            }
        }
        panic!("the stream does not become empty: {:?}", network.calls());
    }

    /// [`Self::drain`] with a fault at one request.
    pub(crate) async fn drain_with(&mut self, at: impl Into<At>, fault: Fault) -> Network {
        let network = Network::failing(at, fault);
        self.drain(&network).await;
        network
    }

    /// Exports a reservation with a fault at the call `at`, counted from 1. The file equals a fresh rendering.
    pub(crate) async fn assert_survives(&mut self, id: Uuid, at: usize, fault: Fault) -> Network {
        let network = self.drain_with(at, fault).await;
        assert!(network.has_failed(), "{fault:?} at {at}: there is no such call");
        let bytes = self.assert_exported(id).await;
        let item = self.item(id).await;
        let (_, same) = self.rendered(&item, SMALL_PARTS).await;
        assert!(bytes == same, "{fault:?} at call {at} of {:?}, {:?}", item.export_type, network.calls());
        network
    }

    /// [`Self::drain`] without a fault.
    pub(crate) async fn settle(&mut self) -> Network {
        let network = Network::healthy();
        self.drain(&network).await;
        network
    }

    /// Delivers single batches until the progress of `parts` parts is saved.
    pub(crate) async fn run_to_part(&mut self, id: Uuid, parts: u32) {
        let network = Network::healthy();
        let worker = self.worker(&network);
        loop {
            let records = self.records().await;
            assert_eq!(invoke(&worker, &network, &records).await, End::Done);
            self.done(&records);
            let next_part = self.item(id).await.export.unwrap().next_part;
            assert!(next_part <= parts + 1);
            if next_part == parts + 1 {
                return;
            }
        }
    }

    /// Aborts every open upload, as an operator or a lifecycle rule does. Gives how many there were.
    pub(crate) async fn abort_uploads(&self) -> usize {
        let bucket = self.context().bucket();
        let uploads = bucket.open_uploads(ExportKey::PREFIX).await.unwrap();
        for upload in &uploads {
            bucket.abort_upload(&upload.key, &upload.id).await.unwrap();
        }
        uploads.len()
    }

    // What is stored.

    pub(crate) async fn item(&self, id: Uuid) -> Reservation {
        self.store().reservation(id).await.unwrap().unwrap()
    }

    /// The file row of a reservation.
    pub(crate) async fn file(&self, item: &Reservation) -> FileRow {
        self.store().file(item.export_file.as_deref().unwrap()).await.unwrap().unwrap()
    }

    /// The bytes of an object.
    pub(crate) async fn bytes(&self, key: &str) -> Vec<u8> {
        let bucket = &self.context().config().bucket;
        let answer = self.context().s3().get_object().bucket(bucket).key(key).send().await.unwrap();
        answer.body.collect().await.unwrap().to_vec()
    }

    /// The keys of all objects and of all open uploads.
    pub(crate) async fn keys(&self) -> (Vec<String>, Vec<String>) {
        let bucket = self.context().bucket();
        let objects = bucket.objects(ExportKey::PREFIX).await.unwrap();
        let uploads = bucket.open_uploads(ExportKey::PREFIX).await.unwrap();
        (objects.into_iter().map(|object| object.key).collect(), uploads.into_iter().map(|upload| upload.key).collect())
    }

    /// Asserts RSV-4 of one reservation and returns the bytes of its export.
    pub(crate) async fn assert_exported(&self, id: Uuid) -> Vec<u8> {
        let item = self.item(id).await;
        assert_eq!((item.status, item.quantity_reserved), (Status::Complete, item.quantity), "{item:?}");
        assert_eq!((&item.export, item.attempts), (&None, 0));
        let file = self.file(&item).await;
        let bytes = self.bytes(&file.s3_key).await;
        assert_eq!(file.filesize, bytes.len() as u64);
        let (export_type, rendered) = self.rendered(&item, PartPolicy::default()).await;
        let (stored, rendered) = (plain(export_type, &bytes), plain(export_type, &rendered));
        assert!(
            stored == rendered,
            "{id} differs from a fresh rendering: {} and {} bytes",
            stored.len(),
            rendered.len()
        );
        assert!(!stored.is_empty());
        bytes
    }

    /// Renders the file of a reservation without slices.
    pub(crate) async fn rendered(&self, item: &Reservation, policy: PartPolicy) -> (ExportType, Vec<u8>) {
        let export_type: ExportType = item.render.as_ref().unwrap().export_type.parse().unwrap();
        let secret = self.context().secret().await.unwrap();
        let file = export_file(self.store(), secret, item, &policy).await.unwrap();
        let (mut bytes, mut cursor) = (Vec::new(), Cursor::START);
        while !file.is_done(cursor) {
            cursor = file.write_part(cursor, &mut bytes).unwrap();
        }
        (export_type, bytes)
    }

    /// Asserts RSV-1 … RSV-5 of everything that is stored.
    pub(crate) async fn assert_sound(&self) {
        let stored = assert_finished(self.context()).await;
        // These systems have no seeded files, so every file row names its reservation.
        assert!(stored.files.iter().all(|file| file.reservation.is_some()), "{:?}", stored.exports.files);
    }
}

/// The body of a POST.
pub(crate) fn body(export_type: &str, quantity: u64) -> Value {
    with(&sgtin(quantity), json!({ "export_type": export_type }))
}

/// The head of an object that nobody compares with its export.
pub(crate) fn head_of(key: &str, id: Uuid) -> ObjectHead<'_> {
    let (contents, origin) = (String::new(), String::new());
    ObjectHead { key, content_type: "text/csv", reservation: id.to_string(), rows: 1, contents, origin }
}

/// A batch as the function gets it.
pub(crate) fn events(records: &[StreamRecord]) -> Vec<EventRecord> {
    records.iter().map(|record| serde_json::from_value(record.event.clone()).unwrap()).collect()
}

/// Begins an invocation that goes on beside the test. Gives what failed.
pub(crate) fn begin(worker: &Arc<Context>, records: &[StreamRecord]) -> JoinHandle<Vec<String>> {
    let (worker, events) = (Arc::clone(worker), events(records));
    tokio::spawn(async move { stream::handle(&worker, events).await })
}

/// Delivers a batch to a worker. The invocation ends early when the network kills the worker.
pub(crate) async fn invoke(worker: &Arc<Context>, network: &Network, records: &[StreamRecord]) -> End {
    tokio::select! {
        biased;
        failed = stream::handle(worker, events(records)) => if failed.is_empty() { End::Done } else { End::Failed },
        () = network.struck() => End::Killed,
    }
}
