//! The sessions of people in the `Requests` table: one item for each user, and one for each link that signs in once.
//!
//! Secrets are stored as hashes only. All sessions of a user are one item, so their number is bounded without a count,
//! and one read answers a request. The key of the item is in the cookie and says nothing about the user.

use aws_sdk_dynamodb::{error::ProvideErrorMetadata, types::ReturnValue};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    Store, StoreError,
    error::{CONDITION_FAILED, classify},
    items::{self, Item, number},
};

/// The begin of the key of a user's sessions. Those of remembered requests are hexadecimal, so none is equal.
const SESSIONS: &str = "sessions#";

/// The begin of the key of a link that signs in once.
const LINK: &str = "sign-in#";

/// Digits of the hash of a user's id that name the item of their sessions.
const NAME_DIGITS: usize = 32;

/// What a session depends on: it ends when this does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionGround {
    /// A static token, by its SHA-256.
    Token(String),
    /// The `sub` of the issuer's tokens.
    Subject(String),
    /// A link that signed in once: the user alone.
    Link,
}

/// A session of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSession {
    /// SHA-256 of its secret, 64 hexadecimal digits.
    pub hash: String,
    /// What it depends on.
    pub ground: SessionGround,
    /// When it ends (seconds since 1970).
    pub ends_at: i64,
}

/// The sessions of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSessions {
    /// The key of the item.
    key: String,
    /// The user's id.
    pub user: String,
    /// The sessions, the oldest first.
    pub sessions: Vec<UserSession>,
    /// The number of writes.
    version: u64,
    /// When the last of them ends (seconds since 1970). DynamoDB deletes expired items late, so readers check each end.
    pub expires_at: i64,
}

#[derive(Serialize, Deserialize)]
struct Link {
    key: String,
    user: String,
    expires_at: i64,
}

/// The name of a user's sessions in cookies: it does not reveal the id.
#[must_use]
pub fn sessions_name(user: &str) -> String {
    let mut name = hex::encode(Sha256::digest(format!("sessions of {user}")));
    name.truncate(NAME_DIGITS);
    name
}

impl UserSessions {
    /// The item of a user who has none yet.
    #[must_use]
    pub fn none_of(user: &str) -> Self {
        let key = format!("{SESSIONS}{}", sessions_name(user));
        Self { key, user: user.to_owned(), sessions: Vec::new(), version: 0, expires_at: 0 }
    }
}

impl Store<'_> {
    /// The sessions under a name (consistent), those included that have ended.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer; [`StoreError::Corrupt`] when the item cannot be read.
    pub async fn user_sessions(&self, name: &str) -> Result<Option<UserSessions>, StoreError> {
        let table = &self.config.tables.requests;
        let key = Item::from([items::key("key", format!("{SESSIONS}{name}"))]);
        let answer = self.get(table, key).send().await.map_err(classify)?;
        answer.item.map(|item| items::read(table, item)).transpose()
    }

    /// Writes the sessions of a user, unless they changed since they were read. Gives whether they are written.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn put_user_sessions(&self, sessions: &UserSessions) -> Result<bool, StoreError> {
        let table = &self.config.tables.requests;
        let read = sessions.version;
        let expires_at = sessions.sessions.iter().map(|session| session.ends_at).max().unwrap_or_default();
        let new = UserSessions { version: read.saturating_add(1), expires_at, ..sessions.clone() };
        let put = self
            .client
            .put_item()
            .table_name(table)
            .set_item(Some(items::write(table, &new)?))
            .condition_expression("attribute_not_exists(#key) OR #version = :read")
            .expression_attribute_names("#key", "key")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":read", number(read));
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().and_then(ProvideErrorMetadata::code) == Some(CONDITION_FAILED) => {
                Ok(false)
            }
            Err(error) => Err(classify(error)),
        }
    }

    /// Stores a link that signs a user in once. `hash` is the SHA-256 of its secret.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn put_sign_in_link(&self, hash: &str, user: &str, expires_at: i64) -> Result<(), StoreError> {
        let table = &self.config.tables.requests;
        let link = Link { key: format!("{LINK}{hash}"), user: user.to_owned(), expires_at };
        self.put_unless_exists(table, items::write(table, &link)?, "key").await
    }

    /// Whom a link would sign in; `None` if it was used or has expired at `now` (seconds since 1970).
    ///
    /// # Errors
    /// As [`Store::user_sessions`].
    pub async fn sign_in_link(&self, hash: &str, now: i64) -> Result<Option<String>, StoreError> {
        let table = &self.config.tables.requests;
        let key = Item::from([items::key("key", format!("{LINK}{hash}"))]);
        let answer = self.get(table, key).send().await.map_err(classify)?;
        let link: Option<Link> = answer.item.map(|item| items::read(table, item)).transpose()?;
        Ok(link.filter(|link| link.expires_at > now).map(|link| link.user))
    }

    /// Uses a link up, and gives the user whom it signs in; `None` if it was used or has expired. Of two requests with
    /// one link, one gets the user.
    ///
    /// # Errors
    /// As [`Store::user_sessions`].
    pub async fn take_sign_in_link(&self, hash: &str, now: i64) -> Result<Option<String>, StoreError> {
        let table = &self.config.tables.requests;
        let delete = self
            .client
            .delete_item()
            .table_name(table)
            .set_key(Some(Item::from([items::key("key", format!("{LINK}{hash}"))])))
            .return_values(ReturnValue::AllOld);
        let answer = delete.send().await.map_err(classify)?;
        let link: Option<Link> = answer.attributes.map(|item| items::read(table, item)).transpose()?;
        Ok(link.filter(|link| link.expires_at > now).map(|link| link.user))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_of_one_user_and_does_not_contain_the_id() {
        let user = "00000000-0000-4000-8000-000000000001";
        let name = sessions_name(user);
        assert_eq!(name.len(), NAME_DIGITS);
        assert_ne!(name, sessions_name("00000000-0000-4000-8000-000000000002"));
        assert_eq!(UserSessions::none_of(user).key, format!("sessions#{name}"));
    }
}
