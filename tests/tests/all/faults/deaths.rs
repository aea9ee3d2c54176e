//! A worker dies before or after any of its requests. Another worker finishes the work; then RSV-1 to
//! RSV-5 hold.

use std::{sync::Arc, time::Duration};

use aws_lambda_events::event::dynamodb::EventRecord;
use common::{config::Config, context::Context, export::PartPolicy};
use local::system::sdk_config;
use serde_json::{Value, json};

use crate::support::{
    api::{id, sgtin, with},
    faults::{Fault, Network},
    harness::Running,
    invariants::{assert_finished, stored},
    stream::{hint, invoke, record},
};

/// The number of rows of an export of three parts with [`small_parts`].
const THREE_PARTS: u64 = 120_000;

/// The smallest parts that S3 allows, and slices of one part.
pub(crate) fn small_parts(config: &mut Config) {
    const MIB: u64 = 1 << 20;
    config.part_policy = PartPolicy { single_max: MIB, part_len: 5 * MIB, ..PartPolicy::default() };
    config.slice = Duration::ZERO;
    config.object_wait = Duration::from_millis(200);
}

/// What a worker is doing when it dies.
#[derive(Clone, Copy, Debug)]
enum Work {
    /// Reserving the codes of a new reservation and writing their file.
    Reserve,
    /// Writing the file of a complete reservation again.
    Again,
    /// Tidying after a complete reservation was deleted.
    Remove,
    /// Tidying after an unfinished reservation was deleted.
    RemoveUnfinished,
    /// Tidying after a client stopped an export.
    Stop,
}

/// A paused system, and a worker that does not die.
struct Fixture {
    running: Running,
    healthy: Arc<Context>,
}

impl Fixture {
    async fn start() -> Self {
        let running = Running::paused().await;
        running.context().establish_secret().await.unwrap();
        let mut config = running.context().config().clone();
        small_parts(&mut config);
        let healthy = Context::new(config, &sdk_config(running.system.s3()));
        Self { running, healthy }
    }

    /// Prepares the work, lets a worker begin it and die at the fault, and lets another worker finish it. Returns the
    /// number of requests of the first worker if it did not die.
    async fn survives(&self, work: Work, body: &Value, network: Network) -> Option<usize> {
        let api = &self.running.api;
        let id = id(&api.post(body).await).to_owned();
        let records = self.make(work, &id).await;
        let worker = network.worker(&self.running, small_parts);
        for _ in 0..12 {
            invoke(&worker, records.clone()).await;
            if network.has_failed() || self.is_over(&id).await {
                break;
            }
        }
        let lived = (!network.has_failed()).then(|| network.calls().len());
        self.finish(&id, &records).await;
        if matches!(work, Work::Reserve | Work::Again) {
            assert_eq!(api.get(&id).await["status"], "complete");
        }
        assert_finished(self.running.context()).await;
        lived
    }

    /// Brings a reservation to the beginning of the work. Returns the stream records that start it.
    async fn make(&self, work: Work, id: &str) -> Vec<EventRecord> {
        let api = &self.running.api;
        let hints = vec![hint(1, id)];
        match work {
            Work::Reserve => {}
            Work::Again => {
                self.finish(id, &hints).await;
                api.patch(id, &json!({ "status": "new", "export_type": "txt" })).await;
            }
            Work::Remove => {
                self.finish(id, &hints).await;
                return self.delete(id).await;
            }
            Work::RemoveUnfinished => {
                invoke(&self.healthy, hints).await;
                return self.delete(id).await;
            }
            Work::Stop => {
                invoke(&self.healthy, hints.clone()).await;
                let stopped = api.patch(id, &json!({ "status": "error" })).await;
                assert_eq!(stopped["status"], "error");
            }
        }
        hints
    }

    /// Deletes a reservation. Returns the stream record of the deletion.
    async fn delete(&self, id: &str) -> Vec<EventRecord> {
        let item = self.healthy.store().reservation(id.parse().unwrap()).await.unwrap().unwrap();
        let mut old = json!({ "id": id, "incarnation": item.incarnation });
        if let Some(file) = item.export_file {
            old["export_file"] = json!(file);
        }
        self.running.api.delete(id).await;
        vec![record(9, "REMOVE", id, old, json!({}))]
    }

    /// Delivers the records to the healthy worker until the work ends, and once more for the record of the last write.
    async fn finish(&self, id: &str, records: &[EventRecord]) {
        for _ in 0..12 {
            let over = self.is_over(id).await;
            assert_eq!(invoke(&self.healthy, records.to_vec()).await, [""; 0]);
            if over {
                return;
            }
        }
        panic!("reservation {id} does not end");
    }

    async fn is_over(&self, id: &str) -> bool {
        let item = self.healthy.store().reservation(id.parse().unwrap()).await.unwrap();
        item.is_none_or(|item| !item.is_open())
    }

    /// Lets workers die before and after every request of the work. Returns the number of requests without a death.
    async fn dies_everywhere(&self, work: Work, body: &Value) -> usize {
        for number in 1.. {
            let before = self.survives(work, body, Network::failing(number, Fault::RefuseBefore)).await;
            let after = self.survives(work, body, Network::failing(number, Fault::RefuseAfter)).await;
            if let (Some(requests), Some(_)) = (before, after) {
                println!("{work:?} of {}: {requests} requests", body["quantity"]);
                return requests;
            }
            // Deleted, so that the checks after the next deaths do not read them again.
            for item in stored(&self.healthy).await.state.reservations {
                let id = item.id.to_string();
                let records = self.delete(&id).await;
                self.finish(&id, &records).await;
            }
        }
        unreachable!("all work ends")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_may_die_between_any_two_requests_of_a_small_export() {
    let fixture = Fixture::start().await;
    for work in [Work::Reserve, Work::Again, Work::Remove] {
        assert!(fixture.dies_everywhere(work, &sgtin(1_000)).await >= 3);
    }
    fixture.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_may_die_between_any_two_requests_of_a_large_export() {
    let fixture = Fixture::start().await;
    for work in [Work::Reserve, Work::RemoveUnfinished, Work::Stop] {
        assert!(fixture.dies_everywhere(work, &sgtin(THREE_PARTS)).await >= 3);
    }
    fixture.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_may_die_while_it_collects_a_compressed_part() {
    let fixture = Fixture::start().await;
    let body = with(&sgtin(700_000), json!({ "export_type": "csv.gz" }));
    let requests = fixture.survives(Work::Reserve, &body, Network::healthy()).await.unwrap();
    // From the middle on: one part is uploaded, and the next one is being collected.
    for number in (requests / 3..requests).step_by(3) {
        let network = Network::failing(number + 1, Fault::RefuseBefore);
        assert_eq!(fixture.survives(Work::Reserve, &body, network).await, None);
    }
    fixture.running.stop().await;
}
