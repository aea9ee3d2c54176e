//! [`DirectoryError`]: why a change of the Directory is refused.

use crate::{operations::OperationError, reservation::FieldError, store::StoreError};

/// Why a change of the Directory is refused. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// Members that break a rule, one entry each.
    #[error("{}", sentences(.0))]
    Invalid(Vec<FieldError>),
    /// There is no such row.
    #[error("There is no {what} {id}.")]
    NoSuch {
        /// `user`, `organisation`, `token` or `profile`.
        what: &'static str,
        /// The id that was asked for.
        id: String,
    },
    /// Another row has this value already.
    #[error("Another {what} has the {field} {value} already.")]
    Exists {
        /// `user` or `organisation`.
        what: &'static str,
        /// The member.
        field: &'static str,
        /// Its value.
        value: String,
    },
    /// A rule about several rows. The text is a sentence for the operator.
    #[error("{0}")]
    Refused(String),
    /// A row that must stay as it is because of others: the last administrator, an organisation in use. The text is a
    /// sentence for the operator.
    #[error("{0}")]
    Needed(String),
    /// DynamoDB does not answer, or refuses the request.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn sentences(errors: &[FieldError]) -> String {
    let sentences = errors.iter().map(|error| format!("{}: {}", error.field, error.reason));
    sentences.collect::<Vec<_>>().join(" ")
}

impl From<DirectoryError> for OperationError {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Invalid(errors) => Self::FailedValidation(errors),
            DirectoryError::NoSuch { .. } => Self::no_row(),
            DirectoryError::Exists { what, field, value } => {
                let collection = if what == "user" { "directus_users" } else { "organisation" };
                Self::RecordNotUnique { collection, field, value }
            }
            DirectoryError::Refused(reason) => Self::InvalidPayload(reason),
            DirectoryError::Needed(reason) => Self::Unprocessable(reason),
            DirectoryError::Store(error) => error.into(),
        }
    }
}
