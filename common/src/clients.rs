//! How the AWS clients are bounded: one place for time-outs and retries.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;

/// The longest try of a call to DynamoDB or Secrets Manager (seconds); a connection has 1 s.
pub(crate) const TRY_SECONDS: u64 = 5;

/// The longest call with all its tries, 4 at most (seconds). It bounds one call; that a request as a whole ends in time is
/// guaranteed by `api::Deadline`.
pub(crate) const CALL_SECONDS: u64 = 9;

/// Time-outs of a client: 1 s to connect, the bounds of one try and of a call with all its tries (seconds).
pub(crate) fn timeouts(attempt: u64, operation: u64) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(attempt))
        .operation_timeout(Duration::from_secs(operation))
        .build()
}
