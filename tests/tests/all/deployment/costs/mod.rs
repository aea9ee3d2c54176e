//! The costs of requests and reservations. The tests count units and requests, and keep the tables in
//! docs/operations.md equal to the result.
//!
//! `UPDATE_COSTS=yes cargo test --workspace --test all -- costs::` rewrites the tables.

mod meter;
mod prices;
mod table;

use std::{sync::Arc, time::Duration};

use aws_sdk_dynamodb::config::SharedInterceptor;
use common::{context::Context, export::PartPolicy};
use lambda_runtime::{Context as LambdaContext, LambdaEvent};
use local::{functions, system::sdk_config};
use serde_json::{Value, json};

use self::meter::{Meter, Usage};
use crate::support::{
    api::{sgtin, with},
    harness::{Running, Setup, TOKEN},
    manual::{ONE_PART, SMALL_PARTS},
    repository::event_file,
    stream::{hint, invoke},
    tallies::follow,
};

/// The time limit of a slice that lasts until the largest export here is done.
const NO_END: Duration = Duration::from_secs(100);

/// The changes of a reservation that are counted: it is new, in progress, complete.
const CHANGES: f64 = 3.0;

/// A paused system, and clients whose usage is counted.
struct Metered {
    running: Running,
    context: Arc<Context>,
    meter: Meter,
}

/// The usage of one reservation.
#[derive(Clone, Copy, Debug)]
struct Reserved {
    /// The client's request.
    created: Usage,
    /// The function that works on it, behind the stream.
    made: Usage,
    /// The function that counts it, if each change is counted alone.
    counted: Usage,
    /// Its invocations: one for each change of the reservation.
    invocations: usize,
    /// Slices of the export.
    slices: usize,
    /// Bytes of the file.
    bytes: u64,
}

impl Reserved {
    fn all(&self) -> Usage {
        self.created + self.made + self.counted
    }
}

impl Metered {
    async fn new(slice: Duration, parts: PartPolicy) -> Self {
        let running = Setup::new().paused().without_tallies().parts(parts).start().await;
        let mut config = running.context().config().clone();
        config.slice = slice;
        let meter = Meter::default();
        let observer = SharedInterceptor::new(meter.clone());
        let context = Context::observed(config, &sdk_config(running.system.s3()), observer);
        let metered = Self { running, context, meter };
        // The first reservation creates the pool, and its request reads the token once more than later requests.
        metered.reserve(1).await;
        metered
    }

    /// Sends a changed event of `events/` to its function. Returns the status and the body.
    async fn request(&self, file: &str, change: impl FnOnce(&mut Value)) -> (u64, Value) {
        let file = event_file(file);
        let mut event = file.json();
        event["headers"]["authorization"] = json!(format!("Bearer {TOKEN}"));
        change(&mut event);
        let function = functions::http(&file.binary, &self.context).unwrap();
        let answer = function(LambdaEvent::new(event, LambdaContext::default())).await.unwrap();
        let body = answer["body"].as_str().and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default();
        (answer["statusCode"].as_u64().unwrap(), body)
    }

    /// Reserves codes as csv until the reservation is complete.
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
        let (mut invocations, mut made, mut counted, mut last) = (0, Usage::default(), Usage::default(), None);
        // Each change of the reservation starts one invocation.
        while let records = dynamodb.records_after(table, position, 1, "arn:aws:dynamodb:stream").await.unwrap()
            && let Some(record) = records.last()
        {
            position = record.position;
            if invocations == 0 {
                // Each of the other changes but the last costs as much.
                assert_eq!(follow(&self.context, std::slice::from_ref(&record.event)).await, [""; 0]);
                counted = self.meter.take() * (CHANGES - 1.0);
            }
            last = Some(record.event.clone());
            assert_eq!(invoke(&self.context, vec![hint(1, id)]).await, [""; 0]);
            made = made + self.meter.take();
            invocations += 1;
            assert!(invocations < 1_000, "the reservation does not end");
        }
        // The row is complete now, which the index of marks has, too.
        assert_eq!(follow(&self.context, last.as_slice()).await, [""; 0]);
        counted = counted + self.meter.take();
        let object = self.running.api.get(id).await;
        assert_eq!(object["status"], "complete", "{object}");
        let file = object["export_file"].as_str().unwrap();
        let bytes = self.running.api.send("GET", &format!("/files/{file}")).await.data()["filesize"].clone();
        let bytes = bytes.as_str().map_or_else(|| bytes.as_u64().unwrap(), |text| text.parse().unwrap());
        // The changes are the insert, the allocation, the completion, and one between two slices. A file in parts that is
        // written in one slice costs as many as one of two: its upload is saved before it is completed.
        Reserved { created, made, counted, invocations, slices: invocations - 2, bytes }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_reservation_writes_does_not_depend_on_its_codes_but_on_its_slices() {
    // In one slice the units are the same for 1 and for 1,000 codes. Those of a file in parts are the same for 200,000 and
    // for 400,000, whatever the number of requests to S3.
    let metered = Metered::new(NO_END, PartPolicy::default()).await;
    let mut units = Vec::new();
    for (quantity, slices) in [(1, 1), (1_000, 1), (200_000, 2), (400_000, 2)] {
        let reserved = metered.reserve(quantity).await;
        assert_eq!(reserved.slices, slices);
        units.push(reserved.all().writes);
    }
    assert!(units[0] == units[1] && units[2] == units[3], "write units of 1 to 400,000 codes: {units:?}");
    metered.running.stop().await;

    // In several slices each further slice costs the same.
    let metered = Metered::new(ONE_PART, SMALL_PARTS).await;
    let mut per_slice = Vec::new();
    for quantity in [400, 1_000, 4_000] {
        let reserved = metered.reserve(quantity).await;
        assert!(reserved.slices > 3, "{reserved:?}");
        per_slice.push((reserved.all().writes - units[0]) / (reserved.slices - 1) as f64);
    }
    per_slice.push(units[2] - units[0]);
    assert!(per_slice.iter().all(|one| *one == per_slice[0]), "write units of a further slice: {per_slice:?}");
    println!("{} write units a reservation, {} for each further slice", units[0], per_slice[0]);
    metered.running.stop().await;
}
