//! Several clients send random requests for the same few reservations while the service works on them. When they stop,
//! the invariants RSV-1 to RSV-5 hold.

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    api::{Api, RESERVATIONS, sgtin, with},
    harness::{Running, wait_until},
    invariants::{assert_settled, stored},
};

const CLIENTS: usize = 8;
const STEPS: usize = 60;
/// Few ids, so that clients collide and deleted ids are used again.
const IDS: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_clients_do_at_once_the_invariants_hold_when_they_stop() {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let running = Running::in_memory().await;
    let ids: Vec<String> = (0..IDS).map(|_| Uuid::new_v4().to_string()).collect();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (api, ids, random) = (running.api.clone(), ids.clone(), StdRng::from_rng(&mut random));
            tokio::spawn(client(api, ids, random))
        })
        .collect();
    let mut counts = std::collections::BTreeMap::<u16, usize>::new();
    for client in clients {
        for status in client.await.unwrap() {
            *counts.entry(status).or_default() += 1;
        }
    }
    println!("answers by status: {counts:?}");

    let at_an_end = || async { stored(running.context()).await.state.unfinished().is_empty().then_some(()) };
    wait_until("everything is at an end", at_an_end).await;
    let stored = assert_settled(running.context()).await;
    let complete = stored.state.exported().count();
    println!("{} reservations left, {complete} with an export", stored.state.reservations.len());
    assert_eq!(running.system.failures().all().await.unwrap().len(), 0, "no record was given up");
    running.stop().await;
}

/// Sends random requests one after the other. Returns the statuses of the answers.
async fn client(api: Api, ids: Vec<String>, mut random: StdRng) -> Vec<u16> {
    let mut statuses = Vec::with_capacity(STEPS);
    for _ in 0..STEPS {
        let id = ids.choose(&mut random).unwrap();
        let row = format!("{RESERVATIONS}/{id}");
        let format = ["csv", "json", "txt.gz", "xml", "xlsx"].choose(&mut random).unwrap();
        let (method, path, body): (_, _, Value) = match random.random_range(0..10) {
            // One file in ten has several parts.
            0..=3 => {
                let quantity = if random.random_ratio(1, 10) { 100_000 } else { random.random_range(1..3_000) };
                ("POST", RESERVATIONS, with(&sgtin(quantity), json!({ "id": id, "export_type": format })))
            }
            4 => ("PATCH", &*row, json!({ "reference_id": format!("note {}", random.random::<u16>()) })),
            5 => ("PATCH", &*row, json!({ "status": "new", "export_type": format })),
            6 => ("PATCH", &*row, json!({ "status": "new" })),
            7 => ("PATCH", &*row, json!({ "status": "error", "error_message": "stop" })),
            8 => ("PATCH", &*row, json!({ "status": "complete" })),
            _ => ("DELETE", &*row, json!({})),
        };
        let reply = api.send_json(method, path, &body).await;
        // Done, refused because of the status, or no such reservation.
        assert!(matches!(reply.status, 200 | 204 | 400 | 403), "{method} {body}: {reply:?}");
        statuses.push(reply.status);
    }
    statuses
}
