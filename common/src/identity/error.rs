//! Why a token does not lead to a user.

use crate::store::StoreError;

/// Why a token does not lead to a user.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A token that the issuer did not sign for this service, or whose time is over.
    #[error("the token is not valid")]
    InvalidToken,
    /// The issuer's keys are not known: it does not answer.
    #[error("the keys of the issuer are not known: {0}")]
    IssuerUnavailable(String),
    /// The `Directory` table cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}
