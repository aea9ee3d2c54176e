//! A worker that dies between any two of its requests: another one goes on, and the invariants hold.

use std::{sync::Arc, time::Duration};

use aws_lambda_events::event::dynamodb::EventRecord;
use common::{config::Config, context::Context, export::PartPolicy};
use local::{options::Options, system::sdk_config};
use serde_json::{Value, json};

use crate::support::{
    api::{id, sgtin, with},
    fault_proxy::{Cut, Worker},
    invariants::{assert_consistent, stored},
    stream_events::{hint, invoke, record},
    system::Running,
};

/// Rows of an export of three parts of [`small_parts`].
const THREE_PARTS: u64 = 120_000;

/// Parts as small as S3 takes, one a slice.
pub(crate) fn small_parts(config: &mut Config) {
    const MIB: u64 = 1 << 20;
    config.part_policy = PartPolicy { single_max: MIB, part_len: 5 * MIB, ..PartPolicy::default() };
    config.slice = Duration::ZERO;
}

/// What a worker is doing when it dies.
#[derive(Clone, Copy, Debug)]
enum Work {
    /// Reserving the codes of a new reservation and writing their file.
    Reserve,
    /// Writing the file of a complete one again.
    Again,
    /// Tidying what a complete one left when it was deleted.
    Remove,
    /// Tidying what an unfinished one left when it was deleted.
    RemoveUnfinished,
    /// Tidying what an export left that a client stopped.
    Stop,
}

/// A system whose stream nobody reads, and a worker that does not die.
struct Ward {
    running: Running,
    healthy: Arc<Context>,
}

impl Ward {
    async fn start() -> Self {
        let running = Running::start(Options { pause_stream: true, ..Options::in_memory() }).await;
        let mut config = running.context().config().clone();
        small_parts(&mut config);
        let healthy = Context::new(config, &sdk_config(running.system.s3()));
        Self { running, healthy }
    }

    /// Makes the work, lets a worker begin it and die, and another one finish it. Tells how many requests the first one made,
    /// if it lived.
    async fn survives(&self, work: Work, body: &Value, cut: Cut) -> Option<usize> {
        let api = &self.running.api;
        let id = id(&api.post(body).await).to_owned();
        let records = self.make(work, &id).await;
        let dying = Worker::new(&self.running, cut, small_parts).await;
        for _ in 0..12 {
            invoke(&dying.context, records.clone()).await;
            if dying.is_cut() || self.is_over(&id).await {
                break;
            }
        }
        let lived = (!dying.is_cut()).then(|| dying.requests().len());
        self.finish(&id, &records).await;
        if matches!(work, Work::Reserve | Work::Again) {
            assert_eq!(api.get(&id).await["status"], "complete");
        }
        let stored = assert_consistent(self.running.context()).await;
        assert_eq!(stored.state.leftovers(&stored.exports), []);
        lived
    }

    /// Brings a reservation to where the work begins; gives the records that ask for it.
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

    /// Deletes a reservation; gives the record of it.
    async fn delete(&self, id: &str) -> Vec<EventRecord> {
        let item = self.healthy.store().reservation(id.parse().unwrap()).await.unwrap().unwrap();
        let mut old = json!({ "id": id, "incarnation": item.incarnation });
        if let Some(file) = item.export_file {
            old["export_file"] = json!(file);
        }
        self.running.api.delete(id).await;
        vec![record(9, "REMOVE", id, old, json!({}))]
    }

    /// Brings the records to a healthy worker until there is no work left, and once more for the record of the end.
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

    /// Every death of a piece of work; gives how many requests it takes without one.
    async fn dies_everywhere(&self, work: Work, body: &Value) -> usize {
        for number in 0.. {
            let before = self.survives(work, body, Cut::Before(number)).await;
            let after = self.survives(work, body, Cut::After(number)).await;
            if let (Some(requests), Some(_)) = (before, after) {
                println!("{work:?} of {}: {requests} requests", body["quantity"]);
                return requests;
            }
            // What is checked once need not be checked again after every further death.
            for item in stored(&self.healthy).await.state.reservations {
                let id = item.id.to_string();
                let records = self.delete(&id).await;
                self.finish(&id, &records).await;
            }
        }
        unreachable!("every piece of work ends")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_may_die_between_any_two_requests_of_a_small_export() {
    let ward = Ward::start().await;
    for work in [Work::Reserve, Work::Again, Work::Remove] {
        assert!(ward.dies_everywhere(work, &sgtin(1_000)).await >= 3);
    }
    ward.running.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_may_die_between_any_two_requests_of_a_large_export() {
    let ward = Ward::start().await;
    for work in [Work::Reserve, Work::RemoveUnfinished, Work::Stop] {
        assert!(ward.dies_everywhere(work, &sgtin(THREE_PARTS)).await >= 3);
    }
    ward.running.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_may_die_while_it_collects_a_compressed_part() {
    let ward = Ward::start().await;
    let body = with(&sgtin(700_000), json!({ "export_type": "csv.gz" }));
    let requests = ward.survives(Work::Reserve, &body, Cut::Never).await.unwrap();
    // The middle of it, where one part is there and the next is under way.
    for number in (requests / 3..requests).step_by(3) {
        assert_eq!(ward.survives(Work::Reserve, &body, Cut::Before(number)).await, None);
    }
    ward.running.system.stop().await;
}
