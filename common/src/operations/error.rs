//! [`OperationError`]: why an operation failed. [`crate::api`] converts it to an HTTP response. Details are logged
//! only.

use crate::{
    context::SecretError,
    identity::IdentityError,
    query::QueryError,
    reservation::{COLLECTION, FieldError, Refusal},
    store::StoreError,
};

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    /// A token that is unknown, malformed, expired or of an inactive user.
    #[error("the token is not valid")]
    InvalidCredentials,
    /// The action is not allowed. There is no reason for rows, so that a row that does not exist and a row of another
    /// organisation give the same error.
    #[error("forbidden: {0:?}")]
    Forbidden(Option<String>),
    /// A query parameter that cannot be used.
    #[error("invalid query: {0}")]
    InvalidQuery(String),
    /// A query that would read more than so many items (`MaxScan`).
    #[error("the query would read more than {0} items")]
    TooManyItems(usize),
    /// An input that cannot be used.
    #[error("invalid payload: {0}")]
    InvalidPayload(String),
    /// A change that the state of other rows forbids: the last administrator stays, an organisation in use.
    #[error("unprocessable: {0}")]
    Unprocessable(String),
    /// An Idempotency-Key that was used with another body.
    #[error("the idempotency key was used before: {0}")]
    KeyReused(String),
    /// Members that break a rule, one entry each.
    #[error("{} member(s) break a rule", .0.len())]
    FailedValidation(Vec<FieldError>),
    /// A key that exists already.
    #[error("{field} {value} exists")]
    RecordNotUnique {
        /// The collection.
        collection: &'static str,
        /// The member.
        field: &'static str,
        /// The value that exists already.
        value: String,
    },
    /// Bad rows of a batch, each with its index in the request. The rows are in their order, and there is at least one.
    #[error("{} row(s) of a batch are bad", .0.len())]
    Rows(Vec<(usize, OperationError)>),
    /// A store, the bucket or the identity provider does not answer.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// A bug in this service, or data that it cannot read.
    #[error("internal: {0}")]
    Internal(String),
}

impl OperationError {
    /// The error for a collection: there is no token, or the role does not allow the action.
    #[must_use]
    pub fn no_collection(collection: &str) -> Self {
        Self::Forbidden(Some(format!(
            "You don't have permission to access collection \"{collection}\" or it does not exist. Queried in root."
        )))
    }

    /// The error for a member that does not exist or that the role may not use.
    #[must_use]
    pub fn no_field(field: &str, collection: &str) -> Self {
        Self::Forbidden(Some(format!(
            "You don't have permission to access field \"{field}\" in collection \"{collection}\" or it does not exist. \
             Queried in root."
        )))
    }

    /// The error for a row that does not exist or belongs to another organisation. Both cases give the same error
    /// (RSV-6).
    #[must_use]
    pub fn no_row() -> Self {
        Self::Forbidden(None)
    }

    /// The error for a batch with more rows than fit into one transaction.
    #[must_use]
    pub fn too_many_rows(rows: usize, most: usize) -> Self {
        Self::InvalidPayload(format!("{rows} rows in one request, {most} at most are allowed"))
    }
}

impl From<Refusal> for OperationError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Invalid(errors) => Self::FailedValidation(errors),
            Refusal::UnknownField(field) => Self::no_field(&field, COLLECTION),
            Refusal::NotAnObject(what) => Self::InvalidPayload(what.to_owned()),
        }
    }
}

impl From<StoreError> for OperationError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::TooMany(limit) => Self::TooManyItems(limit),
            StoreError::Busy(_) | StoreError::Contended(_) => Self::Unavailable(error.to_string()),
            StoreError::Refused(_) | StoreError::Corrupt { .. } => Self::Internal(error.to_string()),
        }
    }
}

impl From<QueryError> for OperationError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::InvalidQuery { reason } => Self::InvalidQuery(reason),
            QueryError::InvalidPayload { reason } => Self::InvalidPayload(reason),
            QueryError::Forbidden { reason } => Self::Forbidden(reason),
        }
    }
}

impl From<IdentityError> for OperationError {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::InvalidToken => Self::InvalidCredentials,
            IdentityError::IssuerUnavailable(_) => Self::Unavailable(error.to_string()),
            IdentityError::Store(error) => error.into(),
        }
    }
}

impl From<SecretError> for OperationError {
    fn from(error: SecretError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
