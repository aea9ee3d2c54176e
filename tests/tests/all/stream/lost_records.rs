//! Records that are lost: nobody counts what they said until the sweep looks at all rows, and nothing else is wrong before
//! (RSV-10). `tallies` has histories in which every record arrives in the end.

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};
use serde_json::{Value, json};

use super::tallies::{change, count_all, events, records, still, worker};
use crate::support::{
    faults::{Fault, Network},
    harness::Running,
    sweep::sweep,
    tallies::{assert_tallied, follow},
};

/// A run of the sweep that dies at a random request.
async fn dying_sweep(server: &Running, chance: &mut StdRng) {
    let network = Network::failing(chance.random_range(1..25), Fault::DieAfter);
    let context = network.worker(server, |_| ());
    let task = json!({"task": "tallies", "again": true});
    tokio::select! {
        biased;
        _ = sweep(&context, &task) => {}
        () = network.struck() => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_repairs_what_lost_records_left_whatever_else_happened() {
    let seed: u64 = std::env::var("SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("SEED={seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    for _ in 0..3 {
        let server = still().await;
        if chance.random() {
            count_all(server.context()).await;
        }
        let (mut position, mut ids, mut waiting) = (0, Vec::new(), Vec::<Value>::new());
        let mut lost = 0;
        for _ in 0..6 {
            for _ in 0..chance.random_range(1..20) {
                change(&server, &mut chance, &mut ids).await;
            }
            for record in events(&records(&server, &mut position).await) {
                // Lost, delivered once, or delivered twice, perhaps some rounds later.
                let times = chance.random_range(0..3);
                lost += usize::from(times == 0);
                waiting.extend(std::iter::repeat_n(record, times));
            }
            waiting.shuffle(&mut chance);
            let late = waiting.split_off(chance.random_range(0..=waiting.len()));
            for part in std::mem::replace(&mut waiting, late).chunks(10) {
                let (context, network) = worker(&server, &mut chance);
                tokio::select! {
                    biased;
                    _ = follow(&context, part) => {}
                    () = network.struck() => {}
                }
            }
            if chance.random_ratio(1, 3) {
                dying_sweep(&server, &mut chance).await;
            }
        }
        assert!(lost > 0, "no record was lost");
        let answer = count_all(server.context()).await;
        assert_eq!((&answer["complete"], &answer["failed"]), (&json!(true), &json!(0)), "{answer}");
        assert_tallied(server.context()).await;
        // What comes still later changes nothing.
        assert_eq!(follow(server.context(), &waiting).await, [""; 0]);
        assert_tallied(server.context()).await;
        server.stop().await;
    }
}
