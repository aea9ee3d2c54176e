//! Many clients reserve codes of one product at the same time: no code is issued twice (RSV-1).

use std::{collections::HashSet, sync::Arc};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::sync::Mutex;

use crate::support::{
    api::{id, sgtin},
    harness::{Running, completed},
    invariants::assert_settled,
};

const CLIENTS: u64 = 16;
const RESERVATIONS: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_reservations_of_sixteen_clients_share_no_code() {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let running = Running::in_memory().await;
    let mut quantities = StdRng::seed_from_u64(seed);
    let waiting: Vec<u64> = (0..RESERVATIONS).map(|_| quantities.random_range(1..=5_000)).collect();
    let wanted: u64 = waiting.iter().sum();
    let waiting = Arc::new(Mutex::new(waiting));

    let clients = (0..CLIENTS).map(|_| {
        let (api, waiting) = (running.api.clone(), Arc::clone(&waiting));
        tokio::spawn(async move {
            let mut posted = Vec::new();
            while let Some(quantity) = { waiting.lock().await.pop() } {
                posted.push(id(&api.post(&sgtin(quantity)).await).to_owned());
            }
            posted
        })
    });
    let mut ids = Vec::new();
    for client in clients.collect::<Vec<_>>() {
        ids.extend(client.await.unwrap());
    }
    assert_eq!(ids.len(), RESERVATIONS);

    let mut codes: HashSet<String> = HashSet::new();
    for id in &ids {
        let done = completed(&running.api, id).await;
        let text = String::from_utf8(running.api.download(done["export_file"].as_str().unwrap()).await).unwrap();
        let rows = text.lines().skip(1);
        let before = codes.len();
        codes.extend(rows.map(|row| row.split(',').nth(1).unwrap().to_owned()));
        assert_eq!((codes.len() - before) as u64, done["quantity"].as_u64().unwrap(), "a code is in two files");
    }
    assert_eq!(codes.len() as u64, wanted);

    let stored = assert_settled(running.context()).await;
    assert_eq!(stored.state.reservations.len(), RESERVATIONS);
    assert_eq!(stored.state.pools.len(), 1);
    assert_eq!(stored.state.pools[0].next, wanted);
    assert_eq!(running.system.failures().all().await.unwrap().len(), 0, "no record was given up");
    running.stop().await;
}
