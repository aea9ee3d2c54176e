//! How a step can fail, as far as the protocol treats it differently, and the end of a reservation that cannot succeed.

use common::{
    bucket::BucketError,
    code::{CodeError, UnknownCodeType},
    context::{Context, SecretError},
    export::ExportError,
    operations::{RenderError, tidy::TidyError},
    reservation::Reservation,
    store::StoreError,
};

/// A step did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkError {
    /// It can never succeed: the reservation goes to `error` with this message for a person (architecture, step 4).
    #[error("{0}")]
    Permanent(String),
    /// It may succeed later: nothing is written, the record comes again.
    #[error("{0}")]
    Transient(String),
}

impl WorkError {
    fn later(error: impl std::fmt::Display) -> Self {
        Self::Transient(error.to_string())
    }
}

impl From<StoreError> for WorkError {
    fn from(error: StoreError) -> Self {
        Self::later(error)
    }
}

impl From<BucketError> for WorkError {
    fn from(error: BucketError) -> Self {
        Self::later(error)
    }
}

impl From<SecretError> for WorkError {
    fn from(error: SecretError) -> Self {
        Self::later(error)
    }
}

impl From<TidyError> for WorkError {
    fn from(error: TidyError) -> Self {
        Self::later(error)
    }
}

impl From<CodeError> for WorkError {
    fn from(error: CodeError) -> Self {
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

impl From<ExportError> for WorkError {
    fn from(error: ExportError) -> Self {
        Self::Permanent(common::reservation::sentence(&error.to_string()))
    }
}

/// What a person reads when the secret is not the one that the pool was made with.
pub(crate) const KEY_MISMATCH: &str =
    "The secret of this deployment is not the one that these codes were made with. Ask the operator to restore it.";

/// Ends a reservation that can never succeed with the message; anything else goes on as it is.
pub(crate) async fn fail_if_permanent<T>(
    context: &Context,
    item: &Reservation,
    result: Result<T, WorkError>,
) -> Result<Option<T>, WorkError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(WorkError::Permanent(message)) => {
            tracing::warn!(reservation = %item.id, message, "reservation {} ends with an error", item.id);
            // A reservation that changed meanwhile brings its own record.
            context.store().fail(item, &message, context.now()).await?;
            Ok(None)
        }
        Err(transient) => Err(transient),
    }
}
