//! The deadline of the work on a request. It leaves enough time to send the answer before the function's time limit.
//!
//! Every call to a store has time-outs of its own (see `crate::clients`), but a request makes several calls and retries
//! some. Without a common deadline, a store that does not answer would lead to a time-out of the gateway after 30 s.
//! The gateway's error does not have the form that the API promises.

use std::{
    future::Future,
    pin::pin,
    time::{Duration, SystemTime},
};

use futures::future::{Either, select};

use crate::{host::Host, operations::OperationError};

/// Time reserved at the end of an invocation, to serialise the answer and send it to the gateway.
const RESERVE: Duration = Duration::from_secs(2);

/// Maximum time for the work on a request: the time limit of a function behind the gateway (29 s, `Timeout` in
/// template.yaml) minus the reserve.
pub(super) const LONGEST: Duration = Duration::from_secs(27);

/// The time at which the work on a request must end, as an uptime of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Duration);

impl Deadline {
    /// The deadline of a request. `end` is the end of the invocation as stated by Lambda, and `None` outside Lambda.
    #[must_use]
    pub fn of_invocation(host: &dyn Host, end: Option<SystemTime>) -> Self {
        Self(host.uptime().saturating_add(budget(end.map(|end| host.left_until(end)))))
    }

    /// This deadline, earlier by a duration. For a part of the work whose failure must still be reported.
    #[must_use]
    pub fn earlier(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(by))
    }

    /// Runs work until the deadline. After the deadline, work does not start, so it writes nothing.
    ///
    /// Running work is dropped at the deadline, which has the same effect as a crash. Each write is one conditional
    /// request or one transaction, so it is applied completely or not at all, and writes that were applied remain
    /// (RSV-1 … RSV-3).
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE` when the deadline comes first; otherwise the error of the work.
    pub async fn bound<T, E: From<OperationError>>(
        self,
        host: &dyn Host,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let left = self.0.saturating_sub(host.uptime());
        if left.is_zero() {
            return Err(over().into());
        }
        match select(pin!(work), host.sleep(left)).await {
            Either::Left((result, _)) => result,
            Either::Right(((), _)) => Err(over().into()),
        }
    }
}

fn over() -> OperationError {
    OperationError::Unavailable("the time of the request is over".to_owned())
}

/// How long a request may work when its invocation ends after `left`. If `left` is hardly longer than the reserve, the
/// work gets half of it. Without a time limit, or with one that is already over (some emulators send such), the
/// deployed limit applies.
fn budget(left: Option<Duration>) -> Duration {
    match left {
        Some(left) if !left.is_zero() => left.saturating_sub(RESERVE).max(left / 2).min(LONGEST),
        _ => LONGEST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Machine;

    #[test]
    fn work_ends_before_the_function_does_whatever_its_time_limit() {
        for (left, budget_ms) in
            [(29_000, 27_000), (28_500, 26_500), (10_000, 8_000), (3_000, 1_500), (900_000, 27_000)]
        {
            let left = Duration::from_millis(left);
            assert_eq!(budget(Some(left)), Duration::from_millis(budget_ms), "{left:?}");
            assert!(budget(Some(left)) < left);
        }
        assert_eq!(budget(None), LONGEST);
        assert_eq!(budget(Some(Duration::ZERO)), LONGEST);
    }

    #[tokio::test]
    async fn work_is_cut_off_at_the_deadline_and_later_work_never_begins() {
        let deadline = Deadline(Machine.uptime() + Duration::from_millis(1));
        let hangs = std::future::pending::<Result<(), OperationError>>();
        assert!(matches!(deadline.bound(&Machine, hangs).await, Err(OperationError::Unavailable(_))));
        let mut begun = false;
        let late = async {
            begun = true;
            Ok(())
        };
        assert!(matches!(deadline.bound(&Machine, late).await, Err(OperationError::Unavailable(_))));
        assert!(!begun, "a write that begins after the deadline would have nobody to report it");
    }

    #[tokio::test]
    async fn work_that_ends_in_time_keeps_its_result() {
        let deadline = Deadline::of_invocation(&Machine, None);
        assert_eq!(deadline.bound(&Machine, std::future::ready(Ok::<_, OperationError>(7))).await.ok(), Some(7));
        let failed =
            deadline.bound(&Machine, std::future::ready(Err::<(), _>(OperationError::InvalidCredentials))).await;
        assert!(matches!(failed, Err(OperationError::InvalidCredentials)));
        assert!(deadline.earlier(Duration::from_secs(1)) < deadline);
    }
}
