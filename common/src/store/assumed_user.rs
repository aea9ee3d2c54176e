//! [`AssumedUser`]: whose a token was at its last request, until the table says whose it is now.

use std::sync::{Arc, OnceLock};

use super::{
    Store, StoreError,
    directory::{TOKEN, owner, reader_keys},
    items::{self, Item},
};
use crate::{directory::User, reservation::Timestamp};

/// The user of a token at its last request in this process. Rows may be read for them before it is known whether that is
/// still true; nothing of these rows may be shown before [`Store::confirm`] says so.
///
/// The first read of rows reads the token and the user too.
#[derive(Debug)]
pub struct AssumedUser {
    hash: String,
    user: Arc<User>,
    now: Timestamp,
    is_true: OnceLock<bool>,
}

impl AssumedUser {
    /// The user of the token with this hash, in a request at `now`.
    #[must_use]
    pub fn new(hash: String, user: Arc<User>, now: Timestamp) -> Self {
        Self { hash, user, now, is_true: OnceLock::new() }
    }

    /// The user.
    #[must_use]
    pub fn user(&self) -> &User {
        &self.user
    }

    /// The keys of the items to read, if they were not read yet.
    pub(super) fn keys(&self) -> Vec<Item> {
        match self.is_true.get() {
            Some(_) => Vec::new(),
            None => reader_keys(&self.hash, &self.user.id).to_vec(),
        }
    }

    /// Takes notice of the items with these keys. Any change of the user counts: a right may come from every member.
    pub(super) fn learn(&self, table: &str, items: impl IntoIterator<Item = Item>) {
        let (mut owns, mut is_same) = (false, false);
        for item in items {
            match items::get_text(&item, "kind") {
                Some(TOKEN) => owns = owner(&item, self.now) == Some(self.user.id.as_str()),
                // One that cannot be read is not the same: the request goes on without the assumption, and says so.
                _ => is_same = items::read::<User>(table, item).is_ok_and(|user| user == *self.user),
            }
        }
        self.is_true.get_or_init(|| owns && is_same);
    }
}

impl Store<'_> {
    /// Whether the token is still that of the same user, with the same rights, and has not ended (consistent).
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn confirm(&self, assumed: &AssumedUser) -> Result<bool, StoreError> {
        let table = &self.config.tables.directory;
        let keys = assumed.keys();
        if !keys.is_empty() {
            let read = self.batch_get_at_once([(table.as_str(), keys, &[][..])]).await?;
            assumed.learn(table, read.into_values().flatten());
        }
        Ok(assumed.is_true.get().copied().unwrap_or(false))
    }
}
