//! The process is killed again and again while it works, and clients retry. No counter (RSV-3) and no reservation is
//! lost or doubled, and nothing is left over (RSV-5). `tests/faults/kills` kills it 100 times over 200 reservations.

use std::time::{Duration, Instant};

use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tokio::sync::watch;
use uuid::Uuid;

use crate::support::{
    api::{Api, RESERVATIONS, id, sgtin, with},
    harness::{Setup, TOKEN, completed},
    invariants::assert_settled,
    program::Program,
};

const CLIENTS: usize = 5;
/// The number of rows of a large export: about 19 MB, three parts of 8 MiB.
const LARGE: u64 = 200_000;

#[tokio::test(flavor = "multi_thread")]
async fn kills_while_reservations_are_made_lose_and_double_nothing() {
    let (kills, each) = (number("KILLS", 10), number("KILL_RESERVATIONS", 50) / CLIENTS);
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let start = || Program::start(folder.path(), &["--parameter", "SliceSeconds=1"]);

    let mut program = start().await;
    let (address, _) = watch::channel(program.url.clone());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let client = Client { address: address.subscribe(), random: StdRng::from_rng(&mut random), number };
            tokio::spawn(client.run(each))
        })
        .collect();
    let mut unfinished = Vec::new();
    for _ in 0..kills {
        tokio::time::sleep(Duration::from_millis(random.random_range(20..500))).await;
        program.kill().await;
        program = start().await;
        unfinished.push(open_reservations(&Api::new(&program.url, TOKEN)).await);
        // An error means that all clients have finished.
        let _ = address.send(program.url.clone());
    }
    let last_start = Instant::now();
    let mut ids = Vec::new();
    for client in clients {
        ids.extend(client.await.unwrap());
    }
    let posted = last_start.elapsed();
    let api = Api::new(&program.url, TOKEN);
    for id in &ids {
        completed(&api, id).await;
    }
    println!("unfinished when it came back: {unfinished:?}");
    println!(
        "after the last start: {:.1} s to the last post, {:.1} s to the last completion",
        posted.as_secs_f64(),
        last_start.elapsed().as_secs_f64()
    );
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), CLIENTS * each);
    program.stop().await;

    let running = Setup::new().data_dir(folder.path()).start().await;
    let stored = assert_settled(running.context()).await;
    // A retried POST created no second reservation.
    assert_eq!(stored.state.reservations.len(), ids.len());
    assert_eq!(running.system.failures().all().await.unwrap().len(), 0, "no record was given up");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_while_the_stream_was_paused_is_finished_by_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup::new().data_dir(folder.path());
    let paused = setup.clone().paused().start().await;
    let posted = paused.api.post(&json!([sgtin(10), sgtin(20), sgtin(30)])).await;
    assert_eq!(open_reservations(&paused.api).await, 3);
    paused.stop().await;
    let running = setup.start().await;
    for object in posted.as_array().unwrap() {
        completed(&running.api, id(object)).await;
    }
    assert_settled(running.context()).await;
    running.stop().await;
}

/// The value of a variable, or the one of `cargo test`.
pub(super) fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

/// The number of unfinished reservations.
async fn open_reservations(api: &Api) -> usize {
    let query = "limit=-1&fields=id&filter[status][_in]=new,in_progress";
    api.send("GET", &format!("{RESERVATIONS}?{query}")).await.data().as_array().unwrap().len()
}

/// A client that retries until it has an answer.
struct Client {
    address: watch::Receiver<String>,
    random: StdRng,
    number: usize,
}

impl Client {
    async fn run(mut self, reservations: usize) -> Vec<String> {
        let mut ids = Vec::new();
        for number in 0..reservations {
            let large = number % 5 == 2;
            let quantity = if large { LARGE } else { self.random.random_range(1..=5_000) };
            // A client can make a retry safe in two ways: with an id of its own, or with an Idempotency-Key.
            let own_id = number % 2 == 0;
            ids.push(if own_id {
                self.post_with_id(quantity).await
            } else {
                self.post_with_key(quantity, number).await
            });
            tokio::time::sleep(Duration::from_millis(self.random.random_range(0..300))).await;
        }
        ids
    }

    async fn post_with_id(&mut self, quantity: u64) -> String {
        let own = Uuid::from_u64_pair(self.random.next_u64(), self.random.next_u64()).to_string();
        let body = with(&sgtin(quantity), json!({ "id": own }));
        let answer = self.post(&body, None).await;
        if let Err(error) = answer {
            let extensions =
                json!({ "collection": "code_reservation", "field": "id", "value": own, "code": "RECORD_NOT_UNIQUE" });
            assert_eq!(error["errors"][0]["extensions"], extensions, "{error}");
        }
        own
    }

    async fn post_with_key(&mut self, quantity: u64, number: usize) -> String {
        let key = format!("client {} order {number}", self.number);
        let object = self.post(&sgtin(quantity), Some(&key)).await.unwrap();
        assert_eq!(object["quantity"], quantity);
        id(&object).to_owned()
    }

    /// Posts until there is an answer: the object, or the body of an error.
    async fn post(&mut self, body: &Value, key: Option<&str>) -> Result<Value, Value> {
        loop {
            let api = Api::new(&self.address.borrow().clone(), TOKEN);
            let mut request = api.request("POST", RESERVATIONS).json(body);
            if let Some(key) = key {
                request = request.header("Idempotency-Key", key);
            }
            match Api::try_send(request).await {
                Ok(reply) if reply.status == 200 => return Ok(reply.data()),
                Ok(reply) if reply.status == 503 => {}
                Ok(reply) => return Err(reply.parsed()),
                // The process was killed; the request may have been done or not.
                Err(_) => {}
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
