//! Reads of one request that run at the same time.

use std::{future::pending, panic::resume_unwind, vec::IntoIter};

use futures::{
    StreamExt, TryStreamExt,
    stream::{self, Buffered, Iter, TryCollect},
};
use tokio::task::JoinHandle;
use tracing::Instrument;

/// Maximum number of reads of one request that are in flight. More would only be throttled, and delay those of others.
pub(crate) const AT_ONCE: usize = 8;

/// The results of all futures in their order, at most [`AT_ONCE`] of them running at a time.
///
/// # Errors
/// The first error; then the others are dropped.
pub(crate) fn all<F, T, E>(futures: impl IntoIterator<Item = F>) -> TryCollect<Buffered<Iter<IntoIter<F>>>, Vec<T>>
where
    F: Future<Output = Result<T, E>>,
{
    // The futures are made here: a closure that is held while they run makes the whole future not general enough for rustc.
    stream::iter(futures.into_iter().collect::<Vec<F>>()).buffered(AT_ONCE).try_collect()
}

/// Runs work in a task of its own, with the log span of its caller. The task ends when the future is dropped.
pub(crate) fn spawned<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = T> + Send {
    let task = AbortOnDrop(tokio::spawn(work.in_current_span()));
    async move {
        let mut task = task;
        match (&mut task.0).await {
            Ok(result) => result,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // Only this future can abort the task, and the end of the runtime, which also ends this one.
                Err(_) => pending().await,
            },
        }
    }
}

struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        cell::Cell,
        task::{Context, Poll, Waker},
    };

    use super::*;

    #[test]
    fn results_are_in_order_and_eight_run_at_a_time() {
        let (running, most) = (Cell::new(0), Cell::new(0));
        let work = |number: usize| {
            let (running, most) = (&running, &most);
            async move {
                running.set(running.get() + 1);
                most.set(most.get().max(running.get()));
                let mut polled = false;
                std::future::poll_fn(|context| {
                    if std::mem::replace(&mut polled, true) {
                        return Poll::Ready(());
                    }
                    context.waker().wake_by_ref();
                    Poll::Pending
                })
                .await;
                running.set(running.get() - 1);
                if number == 90 { Err("the ninetieth") } else { Ok(number) }
            }
        };
        let mut context = Context::from_waker(Waker::noop());
        let mut run = |numbers: std::ops::Range<usize>| {
            let mut future = std::pin::pin!(all(numbers.map(work)));
            loop {
                if let Poll::Ready(result) = future.as_mut().poll(&mut context) {
                    return result;
                }
            }
        };
        assert_eq!(run(0..50), Ok((0..50).collect()));
        assert_eq!(most.get(), AT_ONCE);
        assert_eq!(run(50..100), Err("the ninetieth"));
    }
}
