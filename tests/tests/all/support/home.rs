//! A system whose stream a test turns by hand, and what must hold of its stores at any rest.

use std::{collections::BTreeSet, io::Read, sync::Arc, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use common::{
    context::Context,
    export::{Cursor, ExportFile, ExportType, FileHead, PartPolicy},
    operations::renderer,
    reservation::{
        Reservation, Status,
        invariants::{PoolState, RangeState, State},
    },
    store::{FileRow, Store},
};
use lambda_runtime::LambdaEvent;
use local::{
    calls,
    dynamodb::StreamRecord,
    invocation::Invoked,
    options::Options,
    system::{System, sdk_config},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::faults::{Fault, Wire};

pub(crate) const ORGANISATION: &str = "/417/9312345000012";
pub(crate) const PRODUCT: &str = "/01/19361758000003";
pub(crate) const TOKEN: &str = "local-token";

/// Every external call of a slice that ends after one part.
pub(crate) const ONE_PART: Duration = Duration::ZERO;
/// A slice that lasts until the export is done.
pub(crate) const NO_END: Duration = Duration::from_secs(60);

/// Parts of some 8 KiB; what is shorter is one request.
pub(crate) const SMALL_PARTS: PartPolicy =
    PartPolicy { single_max: 8 << 10, part_len: 8 << 10, max_part_len: 1 << 30, max_parts: 10_000 };

/// Rows that make five parts in CSV, the last one short, and in its `.gz`.
pub(crate) fn five_parts(export_type: &str) -> u64 {
    if export_type.ends_with(".gz") { 2_400 } else { 380 }
}

/// How an invocation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Done,
    Failed,
    Killed,
}

pub(crate) struct Home {
    pub(crate) system: System,
    pub(crate) slice: Duration,
    http: reqwest::Client,
    position: i64,
}

impl Home {
    pub(crate) async fn new(slice: Duration) -> Self {
        Self::with(Options { pause_stream: true, part_policy: Some(SMALL_PARTS), ..Options::in_memory() }, slice).await
    }

    pub(crate) async fn with(options: Options, slice: Duration) -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { system: System::start(options).await.unwrap(), slice, http, position: 0 }
    }

    /// The stores, undisturbed.
    pub(crate) fn context(&self) -> &Arc<Context> {
        self.system.context()
    }

    pub(crate) fn store(&self) -> Store<'_> {
        self.context().store()
    }

    /// A worker in a sandbox of its own, behind a network of its own.
    pub(crate) fn worker(&self, wire: &Wire) -> Arc<Context> {
        self.worker_with(wire, self.context().config().part_policy)
    }

    pub(crate) fn worker_with(&self, wire: &Wire, part_policy: PartPolicy) -> Arc<Context> {
        let mut config = self.context().config().clone();
        (config.slice, config.part_policy) = (self.slice, part_policy);
        let sdk = sdk_config(self.system.s3()).to_builder().http_client(wire.clone()).build();
        let context = Context::new(config, &sdk);
        calls::recorded(&context, "reserve-codes").unwrap_or(context)
    }

    // What clients do.

    pub(crate) async fn request(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: Option<&Value>,
    ) -> reqwest::Response {
        let url = format!("http://{}{path}", self.system.address().unwrap());
        let mut request = self.http.request(method.parse().unwrap(), url);
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await.unwrap()
    }

    pub(crate) async fn create_with(&self, body: &Value) -> Uuid {
        let answer = self.request("POST", "/items/code_reservation", TOKEN, Some(body)).await;
        assert_eq!(answer.status(), 200, "{body}");
        let answer: Value = answer.json().await.unwrap();
        answer["data"]["id"].as_str().unwrap().parse().unwrap()
    }

    pub(crate) async fn create(&self, export_type: &str, quantity: u64) -> Uuid {
        self.create_with(&body(export_type, quantity)).await
    }

    pub(crate) async fn patch(&self, id: Uuid, body: &Value) -> u16 {
        let answer = self.request("PATCH", &format!("/items/code_reservation/{id}"), TOKEN, Some(body)).await;
        answer.status().as_u16()
    }

    pub(crate) async fn delete(&self, id: Uuid) -> u16 {
        self.request("DELETE", &format!("/items/code_reservation/{id}"), TOKEN, None).await.status().as_u16()
    }

    /// Changes a stored item behind the service's back: what time, or another deployment, would have done.
    pub(crate) async fn edit(&self, id: Uuid, expression: &str, value: AttributeValue) {
        let edit = self.context().dynamodb().update_item().table_name(&self.context().config().tables.reservations);
        let edit = edit.key("id", AttributeValue::S(id.to_string())).update_expression(expression);
        edit.expression_attribute_values(":value", value).send().await.unwrap();
    }

    // What the stream does.

    /// The records that no successful batch has had.
    pub(crate) async fn records(&self) -> Vec<StreamRecord> {
        let table = &self.context().config().tables.reservations;
        self.system.dynamodb().records_after(table, self.position, 10, "arn:aws:dynamodb:stream").await.unwrap()
    }

    pub(crate) fn done(&mut self, records: &[StreamRecord]) {
        self.position = records.last().map_or(self.position, |record| record.position);
    }

    /// The stream brings everything once more.
    pub(crate) fn rewind(&mut self) {
        self.position = 0;
    }

    /// Runs until the stream is empty, as the event source mapping does: what failed comes again, to a new worker.
    pub(crate) async fn drain(&mut self, wire: &Wire) {
        let mut worker = self.worker(wire);
        for _ in 0..100 {
            let records = self.records().await;
            if records.is_empty() {
                return;
            }
            match invoke(&worker, wire, &records).await {
                End::Done => self.done(&records),
                End::Failed | End::Killed => {
                    wire.heal();
                    worker = self.worker(wire);
                }
            }
        }
        panic!("it does not end: {:?}", wire.calls());
    }

    /// [`Home::drain`] with a fault at one call; the calls that were made.
    pub(crate) async fn drain_with(&mut self, fault: (usize, Fault)) -> Wire {
        let wire = Wire::new(Some(fault));
        self.drain(&wire).await;
        wire
    }

    /// [`Home::drain`] without a fault.
    pub(crate) async fn settle(&mut self) -> Wire {
        let wire = Wire::new(None);
        self.drain(&wire).await;
        wire
    }

    // What is there.

    pub(crate) async fn item(&self, id: Uuid) -> Reservation {
        self.store().reservation(id).await.unwrap().unwrap()
    }

    pub(crate) async fn file(&self, item: &Reservation) -> FileRow {
        self.store().file(item.export_file.as_deref().unwrap()).await.unwrap().unwrap()
    }

    pub(crate) async fn bytes(&self, key: &str) -> Vec<u8> {
        let bucket = &self.context().config().bucket;
        let answer = self.context().s3().get_object().bucket(bucket).key(key).send().await.unwrap();
        answer.body.collect().await.unwrap().to_vec()
    }

    /// Keys of objects and of open uploads.
    pub(crate) async fn keys(&self) -> (Vec<String>, Vec<String>) {
        let bucket = self.context().bucket();
        let objects = bucket.objects("exports/").await.unwrap();
        let uploads = bucket.open_uploads("exports/").await.unwrap();
        (objects.into_iter().map(|object| object.key).collect(), uploads.into_iter().map(|upload| upload.key).collect())
    }

    /// RSV-4 of one reservation; gives its bytes.
    pub(crate) async fn assert_exported(&self, id: Uuid) -> Vec<u8> {
        let item = self.item(id).await;
        assert_eq!((item.status, item.quantity_reserved), (Status::Complete, item.quantity), "{item:?}");
        assert_eq!((&item.export, item.attempts), (&None, 0));
        let file = self.file(&item).await;
        let bytes = self.bytes(&file.s3_key).await;
        assert_eq!(file.filesize, bytes.len() as u64);
        let (export_type, rendered) = self.rendered(&item, PartPolicy::default()).await;
        let plain = if export_type.is_gzip() { unzipped(&bytes) } else { bytes.clone() };
        let rendered = if export_type.is_gzip() { unzipped(&rendered) } else { rendered };
        assert!(
            plain == rendered,
            "{id} is not what a fresh rendering gives: {} and {} bytes",
            plain.len(),
            rendered.len()
        );
        assert!(!plain.is_empty());
        bytes
    }

    /// The file of a reservation, made again at once.
    pub(crate) async fn rendered(&self, item: &Reservation, policy: PartPolicy) -> (ExportType, Vec<u8>) {
        let (range, render) = (item.range.as_ref().unwrap(), item.render.as_ref().unwrap());
        let renderer = renderer(self.context().secret().await.unwrap(), range, render).unwrap();
        let (id, code_type) = (item.id.to_string(), range.namespace.code_type);
        let head = FileHead { reservation: &id, code_type };
        let export_type: ExportType = render.export_type.parse().unwrap();
        let file = ExportFile::compile(export_type, renderer, range.start, range.count, &head, &policy).unwrap();
        let (mut bytes, mut cursor) = (Vec::new(), Cursor::START);
        while !file.is_done(cursor) {
            cursor = file.write_part(cursor, &mut bytes).unwrap();
        }
        (export_type, bytes)
    }

    /// RSV-1 … RSV-5, of everything.
    pub(crate) async fn assert_sound(&self) {
        let state = self.state().await;
        assert_eq!(state.breaches(), []);
        assert_eq!(state.unfinished(), [] as [Uuid; 0], "RSV-5");
        let mut referenced = BTreeSet::new();
        for item in state.exported() {
            let file = self.file(item).await;
            assert_eq!((file.reservation, file.incarnation), (Some(item.id), Some(item.incarnation)));
            referenced.insert((file.id, file.s3_key));
        }
        for item in state.reservations.iter().filter(|item| item.status == Status::Error) {
            // The file of an earlier export stays until a new one is there.
            if item.export_file.is_some() {
                let file = self.file(item).await;
                referenced.insert((file.id, file.s3_key));
            }
        }
        let (objects, uploads) = self.keys().await;
        assert_eq!(uploads, [] as [&str; 0], "RSV-5: an upload is left over");
        let keys: BTreeSet<String> = referenced.iter().map(|(_, key)| key.clone()).collect();
        assert_eq!(objects.into_iter().collect::<BTreeSet<_>>(), keys, "RSV-5: objects");
        let rows: BTreeSet<String> = self.scan(&self.context().config().tables.files, "id").await;
        assert_eq!(rows, referenced.into_iter().map(|(id, _)| id).collect(), "RSV-5: file rows");
    }

    /// The tables.
    pub(crate) async fn state(&self) -> State {
        let tables = &self.context().config().tables;
        let ids: Vec<Uuid> = self.scan(&tables.reservations, "id").await.iter().map(|id| id.parse().unwrap()).collect();
        let reservations = self.store().reservations(&ids).await.unwrap();
        let (mut pools, mut ranges) = (Vec::new(), Vec::new());
        let mut start = None;
        loop {
            let scan = self.context().dynamodb().scan().table_name(&tables.pools).consistent_read(true);
            let answer = scan.set_exclusive_start_key(start).send().await.unwrap();
            for item in answer.items() {
                let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
                let number = |name: &str| item.get(name).unwrap().as_n().unwrap().parse().unwrap();
                let namespace = text("namespace").unwrap();
                if let Some(start) = text("entry").unwrap().strip_prefix("range#") {
                    ranges.push(RangeState {
                        namespace,
                        start: start.parse().unwrap(),
                        count: number("count"),
                        reservation: text("reservation").map(|id| id.parse().unwrap()),
                        incarnation: text("incarnation").map(|id| id.parse().unwrap()),
                    });
                } else if !namespace.starts_with("number#") {
                    pools.push(PoolState { namespace, next: number("next") });
                }
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return State { pools, ranges, reservations };
            }
        }
    }

    async fn scan(&self, table: &str, key: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut start = None;
        loop {
            let scan = self.context().dynamodb().scan().table_name(table).consistent_read(true);
            let answer = scan.set_exclusive_start_key(start).send().await.unwrap();
            found.extend(answer.items().iter().map(|item| item[key].as_s().unwrap().clone()));
            start = answer.last_evaluated_key;
            if start.is_none() {
                return found;
            }
        }
    }
}

pub(crate) fn body(export_type: &str, quantity: u64) -> Value {
    json!({"reserved_for": ORGANISATION, "code_type": "sgtin", "quantity": quantity, "export_type": export_type,
        "product": PRODUCT})
}

pub(crate) fn unzipped(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
    plain
}

/// One invocation; it ends early when the wire kills its worker.
pub(crate) async fn invoke(worker: &Arc<Context>, wire: &Wire, records: &[StreamRecord]) -> End {
    let events: Vec<&Value> = records.iter().map(|record| &record.event).collect();
    let event = serde_json::from_value(json!({ "Records": events })).unwrap();
    let invoked = Invoked { name: "reserve-codes".to_owned(), timeout: Duration::from_secs(120) };
    let event = LambdaEvent::new(event, invoked.context("test"));
    tokio::select! {
        biased;
        answer = reserve_codes::handle(worker, event) => {
            if answer.unwrap().batch_item_failures.is_empty() { End::Done } else { End::Failed }
        }
        () = wire.struck() => End::Killed,
    }
}
