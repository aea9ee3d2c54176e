//! [`StoreError`]: the failures of DynamoDB that callers treat differently.

use aws_sdk_dynamodb::{
    error::{BuildError, ProvideErrorMetadata, SdkError},
    operation::RequestId,
};

/// Why a request to DynamoDB failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// DynamoDB is busy, throttles or does not answer; a later try may succeed.
    #[error("the store is busy: {0}")]
    Busy(String),
    /// DynamoDB refused the request; a later try will not succeed.
    #[error("the store refused the request: {0}")]
    Refused(String),
    /// An item cannot be read.
    #[error("the item {key} of {table} cannot be read: {reason}")]
    Corrupt {
        /// The table.
        table: String,
        /// The item's key.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A query would read more than `MaxScan` items.
    #[error("the query would read more than {0} items")]
    TooMany(usize),
    /// The write conflicted with concurrent writers in every try.
    #[error("the write was overtaken {0} times")]
    Contended(u32),
}

impl StoreError {
    /// Whether a later try may succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Contended(_))
    }
}

/// A request that lacks a required member, which is a bug in this service.
impl From<BuildError> for StoreError {
    fn from(error: BuildError) -> Self {
        Self::Refused(error.to_string())
    }
}

/// Error codes that allow a retry, whatever the operation.
const BUSY: [&str; 8] = [
    "ThrottlingException",
    "Throttling",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "InternalServerError",
    "InternalServerErrorException",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// The error code of a condition that does not hold.
pub(super) const CONDITION_FAILED: &str = "ConditionalCheckFailedException";

/// The result of a conditional write of one item, where nothing is to be done if the condition does not hold.
pub(super) fn unless_condition_failed<T, E, R>(result: Result<T, SdkError<E, R>>) -> Result<(), StoreError>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    SdkError<E, R>: RequestId,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match result {
        Ok(_) => Ok(()),
        Err(error) if error.as_service_error().and_then(E::code) == Some(CONDITION_FAILED) => Ok(()),
        Err(error) => Err(classify(error)),
    }
}

/// Classifies an error of the SDK. The text contains the error code and the request id. It is for the log only, not for
/// clients.
pub(super) fn classify<E, R>(error: SdkError<E, R>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    SdkError<E, R>: RequestId,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let request = error.request_id().unwrap_or("none").to_owned();
    match error.as_service_error() {
        None => StoreError::Busy(format!("{error}")),
        Some(service) => {
            let code = service.code().unwrap_or("unknown");
            let text = format!("{code}: {} (request {request})", service.message().unwrap_or("no message"));
            if BUSY.contains(&code) { StoreError::Busy(text) } else { StoreError::Refused(text) }
        }
    }
}
