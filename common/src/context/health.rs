//! The last result of a check, kept for a short time.
//!
//! Anyone may ask for the health of the system. So the stores are asked at most once per [`LIFETIME`] and process,
//! however many requests arrive, and also while a store does not answer.

use std::time::Duration;

use tokio::{sync::Mutex, time::Instant};

/// How long a result is used, also that of a failure.
const LIFETIME: Duration = Duration::from_secs(10);

/// The last result of a check: its time, and the fault that it found.
#[derive(Debug, Default)]
pub(super) struct Health(Mutex<Option<(Instant, Option<String>)>>);

impl Health {
    /// The fault that the last check found. Without a result that is young enough, `check` runs; callers that come
    /// meanwhile wait for its result. If its caller is cancelled, the next one checks.
    pub(super) async fn fault(&self, check: impl Future<Output = Option<String>>) -> Option<String> {
        let mut last = self.0.lock().await;
        if let Some((at, fault)) = &*last
            && at.elapsed() < LIFETIME
        {
            return fault.clone();
        }
        let fault = check.await;
        *last = Some((Instant::now(), fault.clone()));
        fault
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Asks, and gives the fault that the check with the next number would find.
    async fn ask(health: &Health, checks: &AtomicU32) -> Option<String> {
        let check = async {
            let number = checks.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            number.is_multiple_of(2).then(|| format!("fault {number}"))
        };
        health.fault(check).await
    }

    #[tokio::test]
    async fn requests_share_one_check_whether_it_fails_or_not() {
        let (health, checks) = (Health::default(), AtomicU32::new(0));
        for (count, fault) in [(1, Some("fault 0".to_owned())), (2, None)] {
            let asked = futures::future::join_all((0..50).map(|_| ask(&health, &checks))).await;
            assert!(asked.iter().all(|found| *found == fault), "{asked:?}");
            assert_eq!((ask(&health, &checks).await, checks.load(Ordering::Relaxed)), (fault, count));
            // The result gets too old.
            let mut last = health.0.lock().await;
            if let Some((at, _)) = &mut *last {
                *at = at.checked_sub(LIFETIME).unwrap();
            }
        }
    }

    #[tokio::test]
    async fn a_check_whose_caller_is_gone_is_made_by_the_next_one() {
        let (health, checks) = (Health::default(), AtomicU32::new(1));
        let never = health.fault(std::future::pending());
        assert!(tokio::time::timeout(Duration::from_millis(1), never).await.is_err());
        assert_eq!(ask(&health, &checks).await, None);
        assert_eq!(checks.load(Ordering::Relaxed), 2);
    }
}
