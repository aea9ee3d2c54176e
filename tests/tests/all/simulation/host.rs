//! The time of a simulation: it stands still while anything can run, and then jumps to the next timer. So waiting costs
//! nothing, and the order of events depends on the seed alone.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime},
};

use aws_sdk_dynamodb::config::{AsyncSleep, Sleep};
use common::host::Host;
use futures::future::BoxFuture;
use rand::{Rng, SeedableRng, rngs::StdRng};
use uuid::Uuid;

/// The clock that all processes of a simulation share.
#[derive(Debug, Default)]
pub(super) struct Clock(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    now: Duration,
    timers: BTreeMap<(Duration, u64), Waker>,
    number: u64,
}

impl Clock {
    /// The time since the start.
    pub(super) fn now(&self) -> Duration {
        self.0.lock().unwrap().now
    }

    pub(super) fn sleep(self: &Arc<Self>, time: Duration) -> Timer {
        Timer { at: self.now() + time, clock: Arc::clone(self), key: None }
    }

    /// Called when nothing can run: goes to the next timer.
    ///
    /// # Panics
    /// If there is none: then nothing would ever happen again.
    pub(super) fn advance(&self) {
        let mut state = self.0.lock().unwrap();
        let ((at, _), waker) = state.timers.pop_first().expect("something waits for what never comes");
        state.now = state.now.max(at);
        drop(state);
        waker.wake();
    }
}

/// A future that ends at its time.
#[derive(Debug)]
pub(super) struct Timer {
    clock: Arc<Clock>,
    at: Duration,
    key: Option<(Duration, u64)>,
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let clock = Arc::clone(&self.clock);
        let mut state = clock.0.lock().unwrap();
        if let Some(key) = self.key.take() {
            state.timers.remove(&key);
        }
        if state.now >= self.at {
            return Poll::Ready(());
        }
        state.number += 1;
        let key = (self.at, state.number);
        state.timers.insert(key, context.waker().clone());
        self.key = Some(key);
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.clock.0.lock().unwrap().timers.remove(&key);
        }
    }
}

/// The host of one process.
#[derive(Debug)]
pub(super) struct Process {
    clock: Arc<Clock>,
    start: SystemTime,
    /// The error of the clock, in seconds.
    skew: AtomicI64,
    random: Mutex<StdRng>,
}

impl Process {
    pub(super) fn new(clock: &Arc<Clock>, start: SystemTime, seed: u64) -> Self {
        let random = Mutex::new(StdRng::seed_from_u64(seed));
        Self { clock: Arc::clone(clock), start, skew: AtomicI64::new(0), random }
    }

    /// Lets the clock jump: from now on, it is wrong by so many seconds.
    pub(super) fn jump(&self, seconds: i64) {
        self.skew.store(seconds, Ordering::Relaxed);
    }
}

impl Host for Process {
    fn time(&self) -> SystemTime {
        let right = self.start + self.clock.now();
        let skew = self.skew.load(Ordering::Relaxed);
        let by = Duration::from_secs(skew.unsigned_abs());
        if skew < 0 { right - by } else { right + by }
    }

    fn uptime(&self) -> Duration {
        self.clock.now()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(self.clock.sleep(time))
    }

    fn random(&self) -> u64 {
        self.random.lock().unwrap().next_u64()
    }

    fn ordered_id(&self) -> Uuid {
        let since = self.time().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let mut random = [0; 10];
        self.random.lock().unwrap().fill_bytes(&mut random);
        uuid::Builder::from_unix_timestamp_millis(u64::try_from(since.as_millis()).unwrap(), &random).into_uuid()
    }

    fn compute(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> {
        // On the same thread, so that it takes no time.
        Box::pin(async move { work() })
    }
}

/// The sleep of the SDK's clients.
#[derive(Clone, Debug)]
pub(super) struct SdkSleep(pub(super) Arc<Clock>);

impl AsyncSleep for SdkSleep {
    fn sleep(&self, time: Duration) -> Sleep {
        Sleep::new(self.0.sleep(time))
    }
}

/// A future that is dropped after so many polls, as when its process dies at that await.
pub(super) struct Mortal<F> {
    future: Option<Pin<Box<F>>>,
    left: Option<u32>,
}

impl<F> Mortal<F> {
    pub(super) fn new(future: F, left: Option<u32>) -> Self {
        Self { future: Some(Box::pin(future)), left }
    }
}

impl<F: Future> Future for Mortal<F> {
    /// `None` if it died.
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.left == Some(0) {
            self.future = None;
        }
        self.left = self.left.map(|left| left.saturating_sub(1));
        match &mut self.future {
            None => Poll::Ready(None),
            Some(future) => future.as_mut().poll(context).map(Some),
        }
    }
}
