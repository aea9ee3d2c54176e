//! What the lists of a request read and why, for whoever wants to know why a list is slow: lines of the log at `debug`,
//! and with `local --explain` a header of the answer.

use std::{cell::RefCell, fmt::Display};

/// Plans that are kept of one request. A GraphQL document may contain many lists.
const MAX_PLANS: usize = 20;

tokio::task_local! {
    static PLANS: RefCell<Vec<String>>;
}

/// Does some work and gives, besides its result, what the lists in it read: one text for each list, printable ASCII.
pub async fn collected<T>(work: impl Future<Output = T>) -> (T, Vec<String>) {
    let work = async {
        let result = work.await;
        (result, PLANS.with(|plans| plans.take()))
    };
    PLANS.scope(RefCell::default(), work).await
}

/// Forgets what was reported so far, because the work is begun again for another caller, whom it does not concern.
pub(crate) fn discard() {
    _ = PLANS.try_with(|plans| plans.borrow_mut().clear());
}

/// Reports what a list read.
pub(super) fn report(plan: impl Display) {
    tracing::debug!("plan: {plan}");
    // Nobody collects on AWS.
    _ = PLANS.try_with(|plans| {
        let mut plans = plans.borrow_mut();
        if plans.len() < MAX_PLANS {
            plans.push(plan.to_string());
        }
    });
}
