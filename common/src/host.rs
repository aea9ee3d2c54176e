//! What a process takes from the machine that it runs on: the time, waiting, random numbers, and threads to compute on.
//!
//! Code that is part of the protocol of a reservation, or of a request, asks the [`Host`] of its context. So a test can
//! replace all four, and a seed repeats a run (tests/tests/all/simulation). Random numbers of keys and tokens do not come
//! from here.

use std::{
    fmt,
    sync::LazyLock,
    time::{Duration, Instant, SystemTime},
};

use futures::future::BoxFuture;
use uuid::Uuid;

/// A machine, or one that a test simulates.
pub trait Host: fmt::Debug + Send + Sync {
    /// The time of day. It may jump.
    fn time(&self) -> SystemTime;

    /// The time since some moment at the start of the process. It never jumps.
    fn uptime(&self) -> Duration;

    /// Waits.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()>;

    /// 64 random bits.
    fn random(&self) -> u64;

    /// A new id whose order is that of time (UUID version 7). Within the process, each is greater than the one before.
    fn ordered_id(&self) -> Uuid;

    /// Runs work that needs a processor for long on a thread of its own. The future ends with the work; it also ends if the
    /// work panics.
    fn compute(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()>;
}

impl dyn Host + '_ {
    /// A new id without an order (UUID version 4).
    #[must_use]
    pub fn random_id(&self) -> Uuid {
        uuid::Builder::from_random_bytes((u128::from(self.random()) << 64 | u128::from(self.random())).to_be_bytes())
            .into_uuid()
    }

    /// A random number from 0 to `most`.
    #[must_use]
    pub fn random_up_to(&self, most: u64) -> u64 {
        // The difference in probability between two numbers is below `most` / 2⁶⁴.
        self.random() % most.saturating_add(1)
    }

    /// The time that is left before a time of day; zero if it is over.
    #[must_use]
    pub fn left_until(&self, end: SystemTime) -> Duration {
        end.duration_since(self.time()).unwrap_or_default()
    }

    /// The result of [`Host::compute`]; `None` if the work panicked.
    pub async fn computed<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (done, result) = tokio::sync::oneshot::channel();
        // An error means that nobody waits for the result.
        self.compute(Box::new(move || drop(done.send(work())))).await;
        result.await.ok()
    }
}

/// The machine of this process.
#[derive(Clone, Copy, Debug)]
pub struct Machine;

impl Host for Machine {
    fn time(&self) -> SystemTime {
        SystemTime::now()
    }

    fn uptime(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }

    fn random(&self) -> u64 {
        rand::random()
    }

    fn ordered_id(&self) -> Uuid {
        Uuid::now_v7()
    }

    fn compute(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> {
        let task = tokio::task::spawn_blocking(work);
        Box::pin(async move {
            // The caller notices a panic by the missing result.
            let _ = task.await;
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_has_its_result_and_a_panic_has_none() {
        let host: &dyn Host = &Machine;
        assert_eq!(host.computed(|| 7).await, Some(7));
        assert_eq!(host.computed(|| panic!("on purpose")).await, None::<()>);
    }

    #[test]
    fn ids_are_of_their_version_and_in_order() {
        let host: &dyn Host = &Machine;
        assert_eq!(host.random_id().get_version_num(), 4);
        let (first, second) = (host.ordered_id(), host.ordered_id());
        assert_eq!(first.get_version_num(), 7);
        assert!(first < second);
        assert!((0..100).all(|_| host.random_up_to(2) <= 2));
    }
}
