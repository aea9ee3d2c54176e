//! Many clients over HTTP while the functions' requests to their stores fail at random: no code is issued twice and nothing
//! accepted is lost (RSV-1 to RSV-5). `tests/faults/clients` runs 64 clients with 50 reservations each.

use std::{
    collections::{BTreeMap, HashSet},
    env,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use common::{context::Context, reservation::Reservation};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};

use super::killed::number;
use crate::support::{
    answers::Trouble,
    api::{Api, RESERVATIONS, id, sgtin, with},
    faults::{Course, Fault, Plan, Request},
    harness::Setup,
    invariants::{assert_settled, items},
    sweep::{minutes_ago, sweep_unrecorded},
};

/// The products of two pools.
const PRODUCTS: [&str; 2] = ["/01/19361758000003", "/01/09506000134352"];

/// Faults at one request in twenty. Few of them take as long as a time-out, because this test runs in real time.
#[derive(Debug)]
struct Weather {
    random: Mutex<StdRng>,
    is_over: AtomicBool,
    counts: Mutex<BTreeMap<String, usize>>,
}

impl Plan for Weather {
    fn next(&self, _: &Request) -> Course {
        let mut random = self.random.lock().unwrap();
        if self.is_over.load(Ordering::Relaxed) || !random.random_ratio(1, 20) {
            return Course::default();
        }
        let trouble = *Trouble::ALL.choose(&mut random).unwrap();
        let late = Duration::from_millis(random.random_range(0..6_000));
        let fault = match random.random_range(0..100) {
            0 => Fault::Hang,
            1 => Fault::HangAfter,
            2 => Fault::Late(late),
            3..=25 => Fault::Fail,
            26..=50 => Fault::LoseAnswer,
            51..=60 => Fault::RefuseOnce(Trouble::Internal),
            61..=70 => Fault::Delay(late / 100),
            _ => Fault::Refuse(trouble),
        };
        let name = format!("{fault:?}").split('(').next().unwrap().to_owned();
        *self.counts.lock().unwrap().entry(name).or_default() += 1;
        Course { fault: Some(fault), ..Course::default() }
    }
}

/// Creates a reservation under a key until there is an answer. Gives the object and how often it was sent.
async fn create(api: &Api, body: &Value, key: &str) -> (Value, usize) {
    for tries in 1.. {
        let request = api.request("POST", RESERVATIONS).json(body).header("Idempotency-Key", key);
        let reply = Api::try_send(request).await.unwrap();
        if reply.status == 200 {
            return (reply.data(), tries);
        }
        assert_eq!(reply.status, 503, "{reply:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    unreachable!("it sends until there is an answer")
}

/// Waits until every reservation is at an end. What the stream gave up waits for the sweep, which need not wait for 15
/// minutes here.
async fn end_all(context: &Context) {
    let mut before = usize::MAX;
    loop {
        let rows: Vec<Reservation> = items(context, &context.config().tables.reservations).await;
        let open: Vec<Reservation> = rows.into_iter().filter(Reservation::is_open).collect();
        if open.is_empty() {
            return;
        }
        if open.len() == before {
            for item in &open {
                let old = Reservation { progress_at: Some(minutes_ago(16)), ..item.clone() };
                // A reservation that changed meanwhile is not stuck.
                drop(context.store().replace(&[(item.clone(), old)]).await);
            }
            sweep_unrecorded(context, &json!({ "task": "wake" })).await;
        }
        before = open.len();
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_at_once_under_faults_share_no_code_and_lose_no_reservation() {
    let (clients, each) = (number("FAULT_CLIENTS", 8), number("FAULT_RESERVATIONS", 5));
    let seed = env::var("FAULT_SEED").map_or_else(|_| rand::random(), |text| text.parse().unwrap());
    println!("FAULT_SEED={seed}, {clients} clients, {each} reservations each");
    let weather = Arc::new(Weather {
        random: Mutex::new(StdRng::seed_from_u64(seed)),
        is_over: AtomicBool::new(true),
        counts: Mutex::default(),
    });
    let running = Setup::new().without_tallies().between(weather.clone()).start().await;
    weather.is_over.store(false, Ordering::Relaxed);
    let mut random = StdRng::seed_from_u64(seed);
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            let (api, mut random) = (running.api.clone(), StdRng::from_rng(&mut random));
            tokio::spawn(async move {
                let mut made = Vec::new();
                for order in 0..each {
                    let product = *PRODUCTS.choose(&mut random).unwrap();
                    let body = with(&sgtin(random.random_range(1..=2_000)), json!({ "product": product }));
                    made.push((create(&api, &body, &format!("{client}-{order}")).await, body["quantity"].clone()));
                }
                made
            })
        })
        .collect();
    let mut wanted = BTreeMap::new();
    let mut sent = 0;
    for task in tasks {
        for ((object, tries), quantity) in task.await.unwrap() {
            sent += tries;
            assert!(wanted.insert(id(&object).to_owned(), quantity).is_none(), "two orders have one id");
        }
    }
    weather.is_over.store(true, Ordering::Relaxed);

    let context = running.context();
    end_all(context).await;
    sweep_unrecorded(context, &json!({ "task": "tidy", "min_age_seconds": 0 })).await;

    let found = assert_settled(context).await;
    assert_eq!(found.state.reservations.len(), wanted.len(), "a repeated request created no second reservation");
    let mut codes: HashSet<(usize, String)> = HashSet::new();
    let mut issued = 0;
    for item in &found.state.reservations {
        assert_eq!(json!(item.quantity), wanted[&item.id.to_string()]);
        let pool = PRODUCTS.iter().position(|product| item.product.as_deref() == Some(product)).unwrap();
        let text = running.api.download(item.export_file.as_deref().unwrap()).await;
        let text = String::from_utf8(text).unwrap();
        let rows = text.lines().skip(1).map(|row| (pool, row.split(',').nth(1).unwrap().to_owned()));
        codes.extend(rows);
        issued += item.quantity();
    }
    assert_eq!(codes.len() as u64, issued, "a code is in two files");
    let failures = running.system.failures().all().await.unwrap().len();
    let faults = weather.counts.lock().unwrap().clone();
    println!("{} reservations with {issued} codes, {sent} requests of clients", wanted.len());
    println!("{failures} batches given up by the stream; faults: {faults:?}");
    assert!(!faults.is_empty());
    running.stop().await;
}
