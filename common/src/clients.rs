//! The time-outs of the AWS clients. (The number of tries is set in `context`.)

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;

/// Maximum time of one try of a call to DynamoDB or Secrets Manager (seconds). At most 1 s of it is for the connection.
pub(crate) const TRY_SECONDS: u64 = 5;

/// Maximum time of a call with all its tries, 4 at most (seconds). It bounds one call; `api::Deadline` bounds the whole
/// request.
pub(crate) const CALL_SECONDS: u64 = 9;

/// The time-outs of a client (seconds): `attempt` for one try, `operation` for a call with all its tries, and 1 s to
/// connect.
pub(crate) fn timeouts(attempt: u64, operation: u64) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(attempt))
        .operation_timeout(Duration::from_secs(operation))
        .build()
}
