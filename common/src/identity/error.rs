//! [`IdentityError`]: why the user of a token cannot be determined.

use crate::store::StoreError;

/// Why the user of a token cannot be determined.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The JWT was not signed by the issuer for this service, or it has expired.
    #[error("the token is not valid")]
    InvalidToken,
    /// The keys of the issuer cannot be fetched.
    #[error("the keys of the issuer are not known: {0}")]
    IssuerUnavailable(String),
    /// The `Directory` table cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}
