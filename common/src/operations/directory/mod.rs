//! Changes of the Directory by operators: organisations, users, tokens, export profiles. The rights of a caller are checked by who calls
//! these operations; the rules about the rows are checked here.
//!
//! Every change leaves an audit row in its transaction. A change that changes nothing writes nothing.
//!
//! | file | contents |
//! |---|---|
//! | `batch` | changes that are checked and become one transaction |
//! | `rules` | which members an organisation and a user may have |
//! | `organisations`, `users`, `tokens`, `profiles` | the changes of each kind |
//! | `init` | the first administrator of a deployment |
//! | `audit` | what was changed |
//! | `error` | why a change is refused |

pub mod audit;
mod batch;
mod error;
pub mod init;
pub mod organisations;
pub mod profiles;
mod rules;
pub mod tokens;
pub mod users;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use uuid::Uuid;

pub use batch::{Prepared, Refused, Sent, Writes};
pub use error::DirectoryError;
pub use rules::{MAX_QUOTA, MAX_TEXT, MAX_USER_ORGANISATIONS, ORGANISATION_MEMBERS, ROLES, STATUSES, USER_MEMBERS};
pub use tokens::TOKEN_LENGTHS;

use crate::{
    directory::Audit,
    reservation::Timestamp,
    store::{DirectoryRow, StoreError},
};

/// Maximum number of tries of a change that conflicts with another one.
pub(in crate::operations) const MAX_TRIES: u32 = 10;

/// Members by name: of a request, of a line of a file, of a row. A value of null removes a member.
pub type Members = Map<String, Value>;

/// Who makes a change, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// See [`Audit::by`].
    pub by: String,
    /// The time of the change.
    pub now: Timestamp,
}

impl Author {
    /// The audit row of a change without members.
    #[must_use]
    pub fn audit(&self, action: &str, kind: &str, id: &str) -> Audit {
        Audit::new(Uuid::now_v7(), self.now.time(), &self.by, action, format!("{kind} {id}"))
    }
}

/// What a change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The row did not exist before.
    Created,
    /// Members of the row changed.
    Changed,
    /// The row was already like that. Nothing was written.
    Unchanged,
    /// The row does not exist any more.
    Removed,
}

/// The members of a request that differ from a row. One that is null and missing does not differ.
fn differences(row: &DirectoryRow, members: &Members) -> Members {
    let differs = |(name, value): &(&String, &Value)| row.member(name).unwrap_or(Value::Null) != **value;
    members.iter().filter(differs).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Adds the changed members to an audit row.
fn with_changes(audit: Audit, row: Option<&DirectoryRow>, members: &Members) -> Audit {
    members.iter().fold(audit, |audit, (name, value)| {
        let before = row.and_then(|row| row.member(name));
        audit.with(name, before, Some(value.clone()).filter(|value| !value.is_null()))
    })
}

/// The error of a change that conflicted in every try.
fn contended() -> DirectoryError {
    StoreError::Contended(MAX_TRIES).into()
}

/// A row as changes leave it; `None` if it cannot be read even then.
fn row_after<R: DeserializeOwned>(row: Option<&DirectoryRow>, id: &str, changes: &Members) -> Option<R> {
    let mut members: Members = row.map_or_else(|| Ok(Members::new()), DirectoryRow::read).ok()?;
    for (name, value) in changes {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    members.insert("id".to_owned(), json!(id));
    serde_json::from_value(Value::Object(members)).ok()
}

/// The error of a request with one change.
fn first(refused: Refused) -> DirectoryError {
    refused.into_iter().next().map_or_else(contended, |(_, error)| error)
}

/// An error of the whole request, which no change is to blame for.
fn whole(error: DirectoryError) -> Refused {
    vec![(0, error)]
}
