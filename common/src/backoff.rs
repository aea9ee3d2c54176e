//! Random back-off between conflicting writers: "full jitter", so that writers that conflicted once do not retry in
//! step.

use std::time::Duration;

use crate::host::{Host, Machine};

/// The number of doublings after which the maximum wait no longer grows.
const MAX_DOUBLINGS: u32 = 6;

/// Waits before the next try of a write: a random time of 0 to 10 · 2^`attempt` ms, 640 ms at most.
pub async fn pause(attempt: u32) {
    pause_on(&Machine, attempt).await;
}

/// Like [`pause`], for what a context does.
pub async fn pause_on(host: &dyn Host, attempt: u32) {
    let longest = 10_u64 << attempt.min(MAX_DOUBLINGS);
    host.sleep(Duration::from_millis(host.random_up_to(longest))).await;
}
