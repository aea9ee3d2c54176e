//! The errors of a step, divided by how the protocol treats them, and the function that ends a reservation with an
//! error.
//!
//! Modules of this crate may use it; it must not use any of them.

use common::{
    bucket::BucketError,
    code::{CodeError, UnknownCodeType},
    context::{Context, SecretError},
    directory::UnreadableQuota,
    export::ExportError,
    operations::{ExportFileError, RenderError, UnusableDomain, tidy::TidyError},
    reservation::Reservation,
    store::StoreError,
};

/// Why a step failed.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum WorkError {
    /// The step can never succeed. The reservation gets status `error` and this message, which the user reads
    /// (architecture, step 4).
    #[error("{0}")]
    Permanent(String),
    /// The step may succeed later. Nothing is written, and the stream delivers the record again.
    #[error("{0}")]
    Transient(String),
    /// The same, because a store or the secret is away. That says nothing about the reservation, so the attempt does not
    /// count (RSV-5).
    #[error("{0}")]
    Away(String),
}

impl WorkError {
    fn later(error: impl std::fmt::Display) -> Self {
        Self::Transient(error.to_string())
    }
}

impl From<StoreError> for WorkError {
    fn from(error: StoreError) -> Self {
        if error.is_transient() { Self::Away(error.to_string()) } else { Self::later(error) }
    }
}

impl From<BucketError> for WorkError {
    fn from(error: BucketError) -> Self {
        if matches!(error, BucketError::Busy(_)) { Self::Away(error.to_string()) } else { Self::later(error) }
    }
}

impl From<SecretError> for WorkError {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::Store(error) => error.into(),
            SecretError::Unread(_) | SecretError::Other => Self::Away(error.to_string()),
        }
    }
}

impl From<TidyError> for WorkError {
    fn from(error: TidyError) -> Self {
        match error {
            TidyError::Store(error) => error.into(),
            TidyError::Bucket(error) => error.into(),
        }
    }
}

impl From<CodeError> for WorkError {
    fn from(error: CodeError) -> Self {
        Self::Permanent(common::reservation::sentence(&error.to_string()))
    }
}

impl From<UnreadableQuota> for WorkError {
    fn from(error: UnreadableQuota) -> Self {
        Self::Permanent(common::reservation::sentence(&error.to_string()))
    }
}

impl From<UnusableDomain> for WorkError {
    fn from(error: UnusableDomain) -> Self {
        Self::Permanent(common::reservation::sentence(&error.to_string()))
    }
}

impl From<UnknownCodeType> for WorkError {
    fn from(error: UnknownCodeType) -> Self {
        Self::Permanent(common::reservation::sentence(&error.to_string()))
    }
}

impl From<RenderError> for WorkError {
    fn from(error: RenderError) -> Self {
        match error {
            RenderError::OtherKey(_) => Self::Permanent(KEY_MISMATCH.to_owned()),
            RenderError::Code(error) => error.into(),
        }
    }
}

impl From<ExportFileError> for WorkError {
    fn from(error: ExportFileError) -> Self {
        match error {
            ExportFileError::Store(error) => error.into(),
            ExportFileError::Domain(error) => error.into(),
            ExportFileError::Render(error) => error.into(),
            ExportFileError::Export(error) => error.into(),
            error @ (ExportFileError::NoRange | ExportFileError::NoProfile) => {
                Self::Permanent(common::reservation::sentence(&error.to_string()))
            }
        }
    }
}

impl From<ExportError> for WorkError {
    fn from(error: ExportError) -> Self {
        Self::Permanent(common::reservation::sentence(&error.to_string()))
    }
}

/// The error message of a reservation when the deployment's secret is not the one with which the pool was created.
pub(crate) const KEY_MISMATCH: &str =
    "The secret of this deployment is not the one that these codes were made with. Ask the operator to restore it.";

/// The error message of a reservation whose codes would be built from a company prefix that begins another one or
/// continues it. It must not tell which one, or whose (decision 23).
pub(crate) const PREFIX_TAKEN: &str = "The organisation's company prefix overlaps another one that codes were made with, \
    so the same code could be issued twice. Ask the operator to correct the prefix.";

/// Sets status `error` with the message if `result` is a permanent error, and gives `None`. Passes on any other result.
///
/// # Errors
/// `WorkError::Transient` or `WorkError::Away` when `result` is one, or when the store fails while it writes the status.
pub(crate) async fn fail_if_permanent<T>(
    context: &Context,
    item: &Reservation,
    result: Result<T, WorkError>,
) -> Result<Option<T>, WorkError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(WorkError::Permanent(message)) => {
            tracing::warn!(reservation = %item.id, message, "reservation {} ends with an error", item.id);
            // If the reservation changed in the meantime, nothing is written: the change has a stream record of its
            // own.
            context.store().fail(item, &message, context.now()).await?;
            Ok(None)
        }
        Err(transient) => Err(transient),
    }
}
