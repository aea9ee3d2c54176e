//! What requests and reservations cost, from units and requests that are counted here, and the tables of it in
//! docs/operations.md, which a test keeps equal to what is counted.
//!
//! `UPDATE_COSTS=yes cargo test --workspace --test all -- costs::` writes the tables anew.

mod meter;
mod prices;
mod table;

use std::{sync::Arc, time::Duration};

use aws_sdk_dynamodb::config::SharedInterceptor;
use common::{context::Context, export::PartPolicy};
use lambda_runtime::{Context as LambdaContext, LambdaEvent};
use local::{functions, options::Options, system::sdk_config};
use serde_json::{Value, json};

use self::meter::{Meter, Usage};
use crate::support::{
    api::{sgtin, with},
    repository::event_files,
    stream_events::{hint, invoke},
    system::{Running, TOKEN},
};

/// A slice that ends after one part, and one that never ends.
const ONE_PART: Duration = Duration::ZERO;
const NO_END: Duration = Duration::from_secs(100);

/// A system without a stream reader, and clients whose usage is counted.
struct Metered {
    running: Running,
    context: Arc<Context>,
    meter: Meter,
}

/// What became of one reservation.
#[derive(Clone, Copy, Debug)]
struct Reserved {
    /// The client's request.
    created: Usage,
    /// The function behind the stream.
    made: Usage,
    /// Its invocations: one for each change of the reservation.
    invocations: usize,
    /// Slices of the export.
    slices: usize,
    /// Bytes of the file.
    bytes: u64,
}

impl Reserved {
    fn all(&self) -> Usage {
        self.created + self.made
    }
}

impl Metered {
    async fn new(slice: Duration, parts: Option<PartPolicy>) -> Self {
        let running = Running::start(Options { pause_stream: true, part_policy: parts, ..Options::in_memory() }).await;
        let mut config = running.context().config().clone();
        config.slice = slice;
        let meter = Meter::default();
        let observer = SharedInterceptor::new(meter.clone());
        let context = Context::observed(config, &sdk_config(running.system.s3()), observer);
        let metered = Self { running, context, meter };
        // A pool is made once, and a process reads the caller's token once more than later.
        metered.reserve(1).await;
        metered
    }

    /// Sends one of `events/` with other members to its function; gives the status and the body.
    async fn request(&self, file: &str, change: impl FnOnce(&mut Value)) -> (u64, Value) {
        let file = event_files().into_iter().find(|event| event.name == file).unwrap();
        let mut event = file.json();
        event["headers"]["authorization"] = json!(format!("Bearer {TOKEN}"));
        change(&mut event);
        let function = functions::http(&file.binary, &self.context).unwrap();
        let answer = function(LambdaEvent::new(event, LambdaContext::default())).await.unwrap();
        let body = answer["body"].as_str().and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default();
        (answer["statusCode"].as_u64().unwrap(), body)
    }

    /// Reserves so many codes as csv, as the deployed system does, to the end.
    async fn reserve(&self, quantity: u64) -> Reserved {
        self.meter.take();
        let body = json!(with(&sgtin(quantity), json!({"reference_id": "BATCH-2024-001"})).to_string());
        let (status, answer) = self.request("create-reservations/post.json", |event| event["body"] = body).await;
        assert_eq!(status, 200, "{answer}");
        let created = self.meter.take();
        let id = answer["data"]["id"].as_str().unwrap();
        let table = &self.context.config().tables.reservations;
        let dynamodb = self.running.system.dynamodb();
        let mut position = dynamodb.newest_position(table).await.unwrap() - 1;
        let mut invocations = 0;
        // Each change of the reservation brings the function once.
        while let records = dynamodb.records_after(table, position, 1, "arn:aws:dynamodb:stream").await.unwrap()
            && let Some(record) = records.last()
        {
            position = record.position;
            assert_eq!(invoke(&self.context, vec![hint(1, id)]).await, [""; 0]);
            invocations += 1;
            assert!(invocations < 1_000, "it does not end");
        }
        let made = self.meter.take();
        let object = self.running.api.get(id).await;
        assert_eq!(object["status"], "complete", "{object}");
        let file = object["export_file"].as_str().unwrap();
        let bytes = self.running.api.send("GET", &format!("/files/{file}")).await.data()["filesize"].clone();
        let bytes = bytes.as_str().map_or_else(|| bytes.as_u64().unwrap(), |text| text.parse().unwrap());
        // The changes are the insert, the allocation, the completion, and one between two slices.
        Reserved { created, made, invocations, slices: invocations - 2, bytes }
    }
}

/// Parts of a few rows, so that short exports have many.
const SMALL_PARTS: PartPolicy =
    PartPolicy { single_max: 8_192, part_len: 8_192, max_part_len: 1 << 30, max_parts: 10_000 };

#[tokio::test(flavor = "multi_thread")]
async fn what_a_reservation_writes_does_not_depend_on_its_codes_but_on_its_slices() {
    // In one slice: the same units for one code and for two hundred thousand, one request to S3 or many.
    let metered = Metered::new(NO_END, None).await;
    let mut units = Vec::new();
    for quantity in [1, 1_000, 200_000] {
        let reserved = metered.reserve(quantity).await;
        assert_eq!(reserved.slices, 1);
        units.push(reserved.all().writes);
    }
    assert!(units.iter().all(|one| *one == units[0]), "write units of 1, 1,000 and 200,000 codes: {units:?}");
    metered.running.system.stop().await;

    // In many: a constant for each, and nothing else.
    let metered = Metered::new(ONE_PART, Some(SMALL_PARTS)).await;
    let mut per_slice = Vec::new();
    for quantity in [400, 1_000, 4_000] {
        let reserved = metered.reserve(quantity).await;
        assert!(reserved.slices > 3, "{reserved:?}");
        per_slice.push((reserved.all().writes - units[0]) / (reserved.slices - 1) as f64);
    }
    assert!(per_slice.iter().all(|one| *one == per_slice[0]), "write units of a further slice: {per_slice:?}");
    println!("{} write units a reservation, {} for each further slice", units[0], per_slice[0]);
    metered.running.system.stop().await;
}
