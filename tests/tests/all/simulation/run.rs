//! One run: clients, workers and the sweep under faults, then none, then everything is checked.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use common::reservation::{Reservation, Status};
use rand::RngExt;
use serde_json::{Value, json};

use super::{
    bench::Bench,
    clients::{Client, Exists, Order},
    history::History,
    mapping::Mapping,
    plan::{About, Plan},
    world::World,
};
use crate::support::{
    faults::Rewrite,
    invariants::{Stored, breaches},
    sweep::try_sweep,
};

/// The time limit of the sweep.
const SWEEP_LIMIT: Duration = Duration::from_secs(900);
/// Time between two runs of the sweep, with a little more than its threshold.
const QUARTER: Duration = Duration::from_secs(16 * 60);
/// More wakes than a reservation has attempts.
const WAKES: usize = 12;

/// What a run gives.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) breaches: Vec<String>,
    /// How often each thing happened.
    pub(super) counts: BTreeMap<String, u64>,
    /// The number of requests to the stores.
    pub(super) requests: u64,
}

/// A run to make.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) seed: u64,
    /// The requests that may suffer a fault.
    pub(super) window: Range<u64>,
    /// Changes the requests to DynamoDB.
    pub(super) rewrite: Option<Rewrite>,
}

impl Run {
    /// All faults of a seed.
    pub(super) fn of(seed: u64) -> Self {
        Self { seed, window: 0..u64::MAX, rewrite: None }
    }

    pub(super) fn make(&self, bench: &Arc<Bench>) -> Outcome {
        // The SDK's random numbers: the back-off of retries, and request tokens.
        fastrand::seed(self.seed);
        let plan = Plan::new(self.seed, self.window.clone());
        let world = Arc::new(World::new(Arc::clone(bench), plan, self.seed, self.rewrite));
        let clock = Arc::clone(&world.clock);
        let runtime = tokio::runtime::Builder::new_current_thread().on_thread_park(move || clock.advance()).build();
        let ran = catch_unwind(AssertUnwindSafe(|| runtime.unwrap().block_on(story(&world))));
        let mut outcome =
            Outcome { counts: world.plan.counts(), requests: world.plan.requests(), ..Outcome::default() };
        let stored = bench.block_on(breaches(bench.context()));
        match (ran, stored) {
            (Ok(told), (stored, in_tables)) => {
                outcome.breaches = told.wrong;
                let in_tables = in_tables.into_iter().chain(stored.state.leftovers(&stored.exports));
                outcome.breaches.extend(in_tables.map(|breach| format!("{}: {}", breach.id, breach.found)));
                outcome.breaches.extend(told.history.breaches(&stored.state.ranges));
                outcome.breaches.extend(unexplained(&stored.state.reservations));
                outcome.breaches.extend(kept(&told.orders, &stored.state.reservations));
                tally(&mut outcome.counts, &stored);
            }
            (Err(panic), _) => {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                outcome.breaches.push(format!("panic: {}", text.unwrap_or_default()));
            }
        }
        outcome
    }
}

/// What is known after a run, besides what is stored.
#[derive(Debug, Default)]
struct Told {
    /// What the clients expect.
    orders: Vec<Order>,
    /// What they found wrong.
    wrong: Vec<String>,
    history: History,
}

/// What happens.
async fn story(world: &Arc<World>) -> Told {
    let mut random = world.plan.random(About::Script, 0);
    let workers = random.random_range(1..=4);
    let clients = random.random_range(1..=3);
    // 2 to 20, usually few.
    let orders: usize = 2 + random.random_range(0..=18) * random.random_range(0..=18) / 18;
    let mapping = Mapping::start(world, workers);
    let sweeper = tokio::spawn(sweep_forever(Arc::clone(world)));
    let running: Vec<_> = (0..clients)
        .map(|number| {
            let share = orders / clients + usize::from(number < orders % clients);
            tokio::spawn(Client::new(world, number as u64).run(share))
        })
        .collect();
    let mut told = Told::default();
    for client in running {
        let (orders, breaches) = client.await.unwrap();
        told.orders.extend(orders);
        told.wrong.extend(breaches);
    }
    world.sleep(Duration::from_secs(random.random_range(0..7_200))).await;

    // No more faults; what is under way comes to its end.
    world.plan.end();
    sweeper.abort();
    world.sleep(Duration::from_secs(900)).await;
    mapping.drain().await;
    if random.random_ratio(1, 2) {
        mapping.replay();
        mapping.drain().await;
    }
    // A process whose clock was an hour early may have written the last progress.
    world.sleep(Duration::from_secs(3_600)).await;
    for _ in 0..WAKES {
        world.sleep(QUARTER).await;
        let woken = wake(world).await;
        mapping.drain().await;
        if woken == Some(0) {
            break;
        }
    }
    world.sleep(Duration::from_secs(7_200)).await;
    tidy(world).await.expect("the sweep succeeds");
    mapping.drain().await;
    Told { history: mapping.history(), ..told }
}

/// The sweep during the faults, not always in time.
async fn sweep_forever(world: Arc<World>) {
    let mut random = world.plan.random(About::Sweep, 0);
    loop {
        world.sleep(Duration::from_secs(random.random_range(600..1_800))).await;
        match random.random_range(0..4) {
            0 => drop(tidy(&world).await),
            _ => drop(wake(&world).await),
        }
    }
}

/// Tidies the bucket, as the sweep does by night. Gives its answer, unless it failed.
async fn tidy(world: &World) -> Option<Value> {
    let context = world.process(|_| {});
    let tidied = world.invoke(SWEEP_LIMIT, try_sweep(&context, &json!({ "task": "tidy" }))).await;
    world.plan.count("nightly tidy runs", 1);
    tidied.answer()?.ok()
}

/// Runs the sweep. Gives how many reservations it woke, unless it failed.
async fn wake(world: &World) -> Option<u64> {
    // In most runs the index of all open rows, because the one by status and partition takes many more calls.
    let is_old = world.plan.random(About::Sweep, 1).random_bool(0.9);
    let context = world.process(|config| config.index_stage = if is_old { 0 } else { config.index_stage });
    let woken = world.invoke(SWEEP_LIMIT, try_sweep(&context, &json!({ "task": "wake" }))).await;
    woken.answer()?.ok()?["woken"].as_u64()
}

/// Why a reservation of a run may end as error: a client ends it, or its pool has too few codes. No fault that stops does.
fn reason_of(item: &Reservation) -> Option<&'static str> {
    match item.error_message.as_deref().filter(|_| item.status == Status::Error)? {
        "stop" => Some("a client ended it"),
        message if message.starts_with("Not enough codes are left") => Some("too few codes"),
        _ => None,
    }
}

/// Reservations that ended as error for no reason, or for one that a fault must not be.
fn unexplained(reservations: &[Reservation]) -> Vec<String> {
    let is_error = |item: &&Reservation| item.status == Status::Error;
    let unexplained = reservations.iter().filter(is_error).filter(|item| reason_of(item).is_none());
    unexplained
        .map(|item| format!("RSV-5: reservation {} ended because of {:?}", item.id, item.error_message))
        .collect()
}

/// What the clients expect and do not find: accepted reservations, and the last values that they wrote.
fn kept(orders: &[Order], reservations: &[Reservation]) -> Vec<String> {
    let mut breaches = Vec::new();
    let mut known = BTreeSet::new();
    for order in orders.iter() {
        let Some(id) = order.id else { continue };
        known.insert(id);
        let item = reservations.iter().find(|item| item.id == id);
        match (order.exists, item) {
            (Exists::Yes, None) => breaches.push(format!("client: the accepted reservation {id} is lost")),
            (Exists::No, Some(_)) => breaches.push(format!("client: the deleted reservation {id} is there")),
            _ => {}
        }
        let reference = item.and_then(|item| item.reference_id.as_ref());
        if let Some(reference) =
            reference.filter(|reference| !order.references.union(&order.late).any(|known| known == *reference))
        {
            breaches.push(format!("client: {id} has {reference}, not one of {:?}", order.references));
        }
    }
    // A creation with a key whose answer never came may have been made, once.
    let mut unknown: Vec<&Order> = orders.iter().filter(|order| order.id.is_none()).collect();
    for item in reservations.iter().filter(|item| !known.contains(&item.id)) {
        let reference = item.reference_id.clone().unwrap_or_default();
        match unknown.iter().position(|order| order.references.contains(&reference)) {
            Some(at) => drop(unknown.remove(at)),
            None => breaches.push(format!("client: nobody asked for reservation {} ({reference})", item.id)),
        }
    }
    breaches
}

fn tally(counts: &mut BTreeMap<String, u64>, stored: &Stored) {
    let items = &stored.state.reservations;
    let mut add = |what: String, number: u64| *counts.entry(what).or_default() += number;
    for item in items {
        add(format!("reservations at the end: {}", item.status), 1);
        if let Some(reason) = reason_of(item) {
            add(format!("reservations at the end: error, {reason}"), 1);
        }
    }
    add("codes in files".to_owned(), stored.state.exported().map(Reservation::quantity).sum());
    add("ranges".to_owned(), stored.state.ranges.len() as u64);
    add("pools".to_owned(), stored.state.pools.len() as u64);
}
