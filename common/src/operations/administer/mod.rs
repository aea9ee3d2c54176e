//! Writes of users and organisations over the API, by administrators of all organisations: create, update and delete, one
//! row or several, in the forms that reservations have.
//!
//! The rules about the rows are those of [`super::directory`], which the command `admin` uses too. Here are the rights, the
//! forms of requests and their answers. HTTP must not come in.
//!
//! | file | contents |
//! |---|---|
//! | `requests` | the forms of requests, and their answers |
//! | `users`, `organisations` | what the members of an input mean |

mod organisations;
mod requests;
mod users;

use serde_json::Value;

use super::{OperationError, Session};
use crate::{
    context::Context,
    operations::directory::{Author, organisations::Organisations, users::Users},
    query::{Collection, RawQuery},
};

/// A collection that administrators write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Administered {
    /// `directus_users`.
    Users,
    /// `organisation`.
    Organisations,
}

impl Administered {
    /// The collection.
    #[must_use]
    pub const fn collection(self) -> Collection {
        match self {
            Self::Users => Collection::Users,
            Self::Organisations => Collection::Organisation,
        }
    }
}

/// Runs a function of `requests` for the rows of a collection.
macro_rules! of {
    ($collection:expr, $context:expr, $session:expr, |$rows:ident| $run:expr) => {{
        let author = author($session);
        match $collection {
            Administered::Users => {
                let $rows = &mut Users::new($context, &author).keeping_a_way_in();
                $run.await
            }
            Administered::Organisations => {
                let $rows = &mut Organisations::new($context, &author);
                $run.await
            }
        }
    }};
}

/// Creates a row, or several, and shows them. Gives `null` when the filter of the parameters excludes a single one.
///
/// # Errors
/// `FORBIDDEN` without the right; `INVALID_QUERY` for bad parameters; `FAILED_VALIDATION` or `INVALID_PAYLOAD` for a bad
/// input; `RECORD_NOT_UNIQUE` for an id, an e-mail address, an external identifier or a token in use;
/// [`OperationError::Rows`] with all of these for an array; `SERVICE_UNAVAILABLE` when DynamoDB does not answer. Either
/// all rows are written or none.
pub async fn create(
    context: &Context,
    session: Session<'_>,
    collection: Administered,
    input: &Value,
    raw: &RawQuery,
) -> Result<Value, OperationError> {
    of!(collection, context, session, |rows| requests::create(rows, context, session, input, raw))
}

/// Changes one row and shows it; `null` when the filter of the parameters excludes it.
///
/// # Errors
/// As [`create`]; `FORBIDDEN` for a row that does not exist.
pub async fn update_one(
    context: &Context,
    session: Session<'_>,
    collection: Administered,
    key: &str,
    data: &Value,
    raw: &RawQuery,
) -> Result<Value, OperationError> {
    of!(collection, context, session, |rows| requests::update_one(rows, context, session, key, data, raw))
}

/// Changes several rows: `{keys, data}`, `{query, data}`, or an array of objects with their keys.
///
/// # Errors
/// As [`update_one`]; `INVALID_PAYLOAD` for another shape or too many rows; `INVALID_QUERY` for a query that names no rows
/// ([`Session::selection`]); [`OperationError::Rows`] with all bad rows of an array.
pub async fn update_many(
    context: &Context,
    session: Session<'_>,
    collection: Administered,
    body: &Value,
    raw: &RawQuery,
) -> Result<Value, OperationError> {
    of!(collection, context, session, |rows| requests::update_many(rows, context, session, body, raw))
}

/// Deletes one row.
///
/// # Errors
/// `FORBIDDEN` for a row that does not exist; `INVALID_PAYLOAD` for one that has to stay: the last administrator, an
/// organisation that is in use; `INVALID_QUERY` for a selection in the query string.
pub async fn delete_one(
    context: &Context,
    session: Session<'_>,
    collection: Administered,
    key: &str,
    beside: &RawQuery,
) -> Result<(), OperationError> {
    of!(collection, context, session, |rows| requests::delete_one(rows, context, session, key, beside))
}

/// Deletes several rows, all or none: an array of keys, `{keys}` or `{query}`.
///
/// # Errors
/// As [`delete_one`] and [`update_many`].
pub async fn delete_many(
    context: &Context,
    session: Session<'_>,
    collection: Administered,
    body: &Value,
    beside: &RawQuery,
) -> Result<(), OperationError> {
    of!(collection, context, session, |rows| requests::delete_many(rows, context, session, body, beside))
}

/// Who makes the change: the caller. Only users have the right, so there is an id.
fn author(session: Session<'_>) -> Author {
    Author { by: format!("user:{}", session.caller.id().unwrap_or_default()), now: session.now }
}
