//! [`Failure`]: why a page cannot be shown.

use common::{api::ApiError, identity::IdentityError, operations::OperationError};

/// Why a page cannot be shown.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nobody is signed in, or the session has ended.
    SignedOut,
    /// The operation refused or failed.
    Operation(OperationError),
    /// There is no such page.
    NoPage,
    /// A form of another site.
    Foreign,
    /// The browser sends cookies of different sessions.
    SeveralSessions,
    /// A form that is too large, or no form.
    BadForm,
}

impl From<OperationError> for Failure {
    fn from(error: OperationError) -> Self {
        Self::Operation(error)
    }
}

impl From<IdentityError> for Failure {
    fn from(error: IdentityError) -> Self {
        Self::Operation(error.into())
    }
}

impl Failure {
    /// The HTTP status, that of the API for the same error.
    pub(crate) fn status(self) -> (lambda_http::http::StatusCode, Self) {
        use lambda_http::http::StatusCode;
        match self {
            Self::SignedOut => (StatusCode::UNAUTHORIZED, self),
            Self::NoPage => (StatusCode::NOT_FOUND, self),
            Self::Foreign => (StatusCode::FORBIDDEN, self),
            Self::BadForm | Self::SeveralSessions => (StatusCode::BAD_REQUEST, self),
            Self::Operation(error) => {
                let error = ApiError::from(error);
                let status = error.status();
                match error {
                    ApiError::Operation(error) => (status, Self::Operation(error)),
                    _ => (status, Self::NoPage),
                }
            }
        }
    }
}
