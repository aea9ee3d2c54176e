//! [`BucketError`], and how an error of the AWS SDK becomes one.

use aws_sdk_s3::{
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
};

/// Why a request to the bucket failed.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// The multipart upload does not exist: it was completed, aborted or never created.
    #[error("no such upload")]
    NoSuchUpload,
    /// The object does not exist.
    #[error("no such object")]
    NoSuchObject,
    /// The bucket is busy or does not answer; a later try may succeed.
    #[error("the bucket is busy: {0}")]
    Busy(String),
    /// The bucket refused the request.
    #[error("the bucket refused the request: {0}")]
    Refused(String),
}

/// Error codes that allow a retry, whatever the operation.
const BUSY: [&str; 5] = ["SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "OperationAborted"];

pub(super) fn classify<E, R>(error: SdkError<E, R>) -> BucketError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    SdkError<E, R>: RequestId,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let request = error.request_id().unwrap_or("none").to_owned();
    match error.as_service_error().map(|service| (service.code().unwrap_or("unknown"), service.message())) {
        None => BucketError::Busy(format!("{error}")),
        Some(("NoSuchUpload", _)) => BucketError::NoSuchUpload,
        Some(("NoSuchKey" | "NoSuchVersion" | "NotFound", _)) => BucketError::NoSuchObject,
        Some((code, message)) => {
            let text = format!("{code}: {} (request {request})", message.unwrap_or("no message"));
            if BUSY.contains(&code) { BucketError::Busy(text) } else { BucketError::Refused(text) }
        }
    }
}
