//! Random back-off between conflicting writers: "full jitter", so that writers that conflicted once do not retry in
//! step.

use std::time::Duration;

/// The number of doublings after which the maximum wait no longer grows.
const MAX_DOUBLINGS: u32 = 6;

/// Waits before the next try of a write: a random time of 0 to 10 · 2^`attempt` ms, 640 ms at most.
pub async fn pause(attempt: u32) {
    let longest = 10_u64 << attempt.min(MAX_DOUBLINGS);
    tokio::time::sleep(Duration::from_millis(rand::random_range(0..=longest))).await;
}
