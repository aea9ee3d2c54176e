//! The processes of a run: what they share, and how one is started, invoked and killed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use aws_config::Region;
use aws_sdk_dynamodb::config::SharedAsyncSleep;
use common::{config::Config, context::Context};
use futures::future::{Either, select};
use rand::{Rng, RngExt};
use tokio::sync::Notify;

use super::{
    bench::Bench,
    host::{Clock, Mortal, Process, SdkSleep},
    plan::{About, Plan},
    times::Times,
};
use crate::support::faults::{Network, Rewrite};

/// What the processes of a run share.
pub(super) struct World {
    pub(super) bench: Arc<Bench>,
    pub(super) clock: Arc<Clock>,
    pub(super) plan: Arc<Plan>,
    /// Notified after every request of a process.
    pub(super) written: Arc<Notify>,
    times: Arc<Times>,
    seed: u64,
    start: SystemTime,
    rewrite: Option<Rewrite>,
    processes: AtomicU64,
    invocations: AtomicU64,
}

/// How an invocation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended<T> {
    /// With this answer.
    Answered(T),
    /// Its process died.
    Died,
    /// Its time was over; Lambda ends the process.
    TimedOut,
}

impl<T> Ended<T> {
    pub(super) fn answer(self) -> Option<T> {
        match self {
            Self::Answered(answer) => Some(answer),
            Self::Died | Self::TimedOut => None,
        }
    }
}

impl World {
    pub(super) fn new(bench: Arc<Bench>, plan: Plan, seed: u64, rewrite: Option<Rewrite>) -> Self {
        let (clock, start) = (Arc::default(), SystemTime::now());
        Self {
            bench,
            times: Arc::new(Times::new(&clock, start)),
            clock,
            plan: Arc::new(plan),
            written: Arc::default(),
            seed,
            start,
            rewrite,
            processes: AtomicU64::new(0),
            invocations: AtomicU64::new(0),
        }
    }

    pub(super) async fn sleep(&self, time: Duration) {
        self.clock.sleep(time).await;
    }

    /// Starts a process: nothing in its memory, and a clock that may be wrong.
    pub(super) fn process(&self, change: impl FnOnce(&mut Config)) -> Arc<Context> {
        let number = self.processes.fetch_add(1, Ordering::Relaxed);
        let mut random = self.plan.random(About::Process, number);
        let mut config = self.bench.context().config().clone();
        // A slice of one part, or of several.
        config.slice = Duration::from_millis(random.random_range(0..2_000));
        change(&mut config);
        let host = Process::new(&self.clock, self.start, random.next_u64());
        host.jump(self.plan.jump(number));
        let network = Network::planned(self.bench.client(&self.written, &self.times), self.plan.clone(), self.rewrite);
        let sdk = self
            .bench
            .context()
            .sdk()
            .to_builder()
            .http_client(network)
            .sleep_impl(SharedAsyncSleep::new(SdkSleep(Arc::clone(&self.clock))))
            // The SDK counts retries for all clients of a region in a process. Here each process has its own.
            .region(Region::new(format!("run-{}-{number}", self.seed)))
            .build();
        Context::on(Arc::new(host), config, &sdk)
    }

    /// Runs an invocation, which may die at any await.
    pub(super) async fn invoke<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Ended<T> {
        let number = self.invocations.fetch_add(1, Ordering::Relaxed);
        let work = Mortal::new(work, self.plan.death(number));
        match select(work, self.clock.sleep(limit)).await {
            Either::Left((Some(answer), _)) => Ended::Answered(answer),
            Either::Left((None, _)) => Ended::Died,
            Either::Right(_) => {
                self.plan.count("invocations out of time", 1);
                Ended::TimedOut
            }
        }
    }
}
