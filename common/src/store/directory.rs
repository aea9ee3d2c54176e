//! The `Directory` table: users, hashed tokens, organisations.

use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    ReadAhead, Store, StoreError,
    directory_kind::Kind,
    error::classify,
    items::{self, Item, text},
};
use crate::{
    directory::{Organisation, Organisations, User},
    reservation::Timestamp,
};

const USER: &str = Kind::User.name();
pub(super) const TOKEN: &str = Kind::Token.name();
const SUBJECT: &str = Kind::Subject.name();
const ORGANISATION: &str = Kind::Organisation.name();

/// Maximum number of pages (1 MB each) that one read of a kind fetches: some 500,000 users.
const MAX_PAGES: usize = 200;

/// How the items of a kind are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Consistency {
    /// For lists. It costs half, and a row may be missing for a moment after it was written.
    Eventual,
    /// For what decides who may sign in.
    Strong,
}

/// The form in which a token is stored: the SHA-256 of the token in 64 hexadecimal digits.
#[must_use]
pub fn token_hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

/// The key of an item.
pub(super) fn key(kind: &str, id: &str) -> Item {
    Item::from([items::key("kind", kind), items::key("id", id)])
}

/// Whether a token has ended. An end that cannot be read has passed.
fn has_ended(token: &Item, now: Timestamp) -> bool {
    let end = token.get("valid_until").map(|end| end.as_s().ok().and_then(|end| Timestamp::parse(end)));
    end.is_some_and(|end| end.is_none_or(|end| end <= now))
}

/// The user of a static token; `None` if it has ended at `now`.
pub(super) fn owner(token: &Item, now: Timestamp) -> Option<&str> {
    items::get_text(token, "user").filter(|_| !has_ended(token, now))
}

/// The keys of the token with this hash and of a user.
pub(super) fn reader_keys(hash: &str, user: &str) -> [Item; 2] {
    [key(TOKEN, hash), key(USER, user)]
}

impl Store<'_> {
    /// The user whose static token has this hash and has not ended at `now`. The token and the user are read from the
    /// table every time (consistent), so a token that was revoked is unknown from the next request on.
    ///
    /// Without a guess this takes two reads, one after the other: the token, then its user. `guess` names the user to
    /// whom the token belonged before. Then both are read at once. A wrong guess costs a second read and has no other
    /// effect.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer; [`StoreError::Corrupt`] when an item cannot be read.
    pub async fn user_of_token(
        &self,
        hash: &str,
        guess: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<User>, StoreError> {
        Ok(self.user_of_token_and_row(hash, guess, None, now).await?.0)
    }

    /// As [`Store::user_of_token`], and a reservation that is read in the same call if there is a guess (consistent).
    ///
    /// # Errors
    /// As [`Store::user_of_token`]. A reservation that cannot be read is none: see [`ReadAhead`].
    pub async fn user_of_token_and_row(
        &self,
        hash: &str,
        guess: Option<&str>,
        row: Option<Uuid>,
        now: Timestamp,
    ) -> Result<(Option<User>, Option<ReadAhead>), StoreError> {
        let (mut token, mut user, mut ahead) = (None, None, None);
        match guess {
            Some(guess) => {
                let (table, rows) = (&self.config.tables.directory, &self.config.tables.reservations);
                let directory = (table.as_str(), reader_keys(hash, guess).to_vec(), &[][..]);
                let reservation = row.map(|id| (rows.as_str(), vec![items::id_key(id)], &[][..]));
                let mut read = self.batch_get_at_once([directory].into_iter().chain(reservation)).await?;
                let found = read.remove(rows).and_then(|mut items| items.pop());
                ahead = row.map(|id| ReadAhead::new(id, found));
                for item in read.remove(table).into_iter().flatten() {
                    match items::get_text(&item, "kind") {
                        Some(TOKEN) => token = Some(item),
                        _ => user = Some(items::read::<User>(table, item)?),
                    }
                }
            }
            None => token = self.directory_item(TOKEN, hash).await?,
        }
        let Some(id) = token.as_ref().and_then(|token| owner(token, now)) else { return Ok((None, None)) };
        let user = match user.filter(|user| user.id == id) {
            Some(user) => Some(user),
            None => self.user(id).await?,
        };
        Ok((user, ahead))
    }

    /// The user whose JWTs have this `sub`.
    ///
    /// # Errors
    /// As [`Store::user_of_token`].
    pub async fn user_of_subject(&self, subject: &str) -> Result<Option<User>, StoreError> {
        let Some(item) = self.directory_item(SUBJECT, subject).await? else { return Ok(None) };
        match items::get_text(&item, "user") {
            Some(user) => self.user(user).await,
            None => Ok(None),
        }
    }

    /// Reads a user.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer; [`StoreError::Corrupt`] when the item cannot be read.
    pub async fn user(&self, id: &str) -> Result<Option<User>, StoreError> {
        let item = self.directory_item(USER, id).await?;
        item.map(|item| items::read(&self.config.tables.directory, item)).transpose()
    }

    /// Reads a user, if it passes a test. See [`Store::users_that`].
    ///
    /// # Errors
    /// As [`Store::user`].
    pub async fn user_that(&self, id: &str, test: impl Fn(&Organisations) -> bool) -> Result<Option<User>, StoreError> {
        let item = self.directory_item(USER, id).await?;
        item.map_or(Ok(None), |item| self.read_user(item, &test))
    }

    /// Reads users by id; those that do not exist or do not pass a test are left out. See [`Store::users_that`].
    ///
    /// # Errors
    /// As [`Store::user`].
    pub async fn users(&self, ids: &[String], test: impl Fn(&Organisations) -> bool) -> Result<Vec<User>, StoreError> {
        let items = self.directory_items(USER, ids).await?;
        items.into_iter().filter_map(|item| self.read_user(item, &test).transpose()).collect()
    }

    /// Reads the users whose organisations pass a test. Only they count towards `MaxScan`: how many others there are
    /// must not show. Of a row that does not pass, nothing but the organisations is read, so that a row that cannot be
    /// read disturbs only those who may see it.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] for more than `MaxScan` such users; otherwise as [`Store::user`].
    pub async fn users_that(&self, test: impl Fn(&Organisations) -> bool) -> Result<Vec<User>, StoreError> {
        self.all_of(USER, Consistency::Eventual, |item| self.read_user(item, &test)).await
    }

    /// A user's row, if its organisations pass a test. Organisations that cannot be read count as unsaid.
    fn read_user(&self, item: Item, test: &impl Fn(&Organisations) -> bool) -> Result<Option<User>, StoreError> {
        let organisations = item.get("organisations").cloned();
        let organisations = organisations.and_then(|value| serde_dynamo::from_attribute_value(value).ok());
        if !test(&organisations.unwrap_or_default()) {
            return Ok(None);
        }
        items::read(&self.config.tables.directory, item).map(Some)
    }

    /// Reads an organisation.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer; [`StoreError::Corrupt`] when the item cannot be read.
    pub async fn organisation(&self, id: &str) -> Result<Option<Organisation>, StoreError> {
        let item = self.directory_item(ORGANISATION, id).await?;
        item.map(|item| items::read(&self.config.tables.directory, item)).transpose()
    }

    /// Reads organisations by id; those that do not exist are left out.
    ///
    /// # Errors
    /// As [`Store::organisation`].
    pub async fn organisations(&self, ids: &[String]) -> Result<Vec<Organisation>, StoreError> {
        let table = &self.config.tables.directory;
        let items = self.directory_items(ORGANISATION, ids).await?;
        items.into_iter().map(|item| items::read(table, item)).collect()
    }

    /// Reads all organisations.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] for more than `MaxScan` organisations; otherwise as [`Store::organisation`].
    pub async fn all_organisations(&self) -> Result<Vec<Organisation>, StoreError> {
        let read = |item| items::read(&self.config.tables.directory, item).map(Some);
        self.all_of(ORGANISATION, Consistency::Eventual, read).await
    }

    /// The ids of organisations after one of them, in their order (one consistent page, `most` ids at most), and whether
    /// there are more.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn organisation_ids(&self, after: Option<&str>, most: i32) -> Result<(Vec<String>, bool), StoreError> {
        let answer = self
            .client
            .query()
            .table_name(&self.config.tables.directory)
            .key_condition_expression("kind = :kind")
            .expression_attribute_values(":kind", text(ORGANISATION))
            .projection_expression("id")
            .consistent_read(true)
            .limit(most)
            .set_exclusive_start_key(after.map(|id| key(ORGANISATION, id)))
            .send()
            .await
            .map_err(classify)?;
        let items = answer.items.unwrap_or_default();
        let ids = items.iter().filter_map(|item| items::get_text(item, "id").map(str::to_owned));
        Ok((ids.collect(), answer.last_evaluated_key.is_some()))
    }

    /// Writes a user and, if given, the hash of a static token and the `sub` of their JWTs. Items that exist are not
    /// changed, except a user without the attribute `organisations`, who would be refused.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn seed_user(&self, user: &User, token: Option<&str>) -> Result<(), StoreError> {
        let user = User { has_token: token.is_some(), ..user.clone() };
        let id = user.id.clone();
        self.put_directory(USER, &id, &user, "organisations").await?;
        let table = &self.config.tables.directory;
        let names = [
            (TOKEN, token.map(token_hash)),
            (SUBJECT, user.external_identifier.clone().filter(|subject| !subject.is_empty())),
        ];
        for (kind, name) in names {
            if let Some(name) = name {
                let mut item = key(kind, &name);
                item.extend([items::key("user", &id)]);
                self.put_unless_exists(table, item, "kind").await?;
            }
        }
        Ok(())
    }

    /// Deletes all static tokens of a user except this one.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] when the table contains more than `MaxScan` tokens; [`StoreError::Busy`] when DynamoDB
    /// does not answer.
    pub async fn revoke_other_tokens(&self, user: &str, token: &str) -> Result<(), StoreError> {
        let (table, kept) = (&self.config.tables.directory, token_hash(token));
        for item in self.all_of(TOKEN, Consistency::Strong, |item| Ok(Some(item))).await? {
            let id = items::get_text(&item, "id").filter(|id| *id != kept);
            if let (Some(id), true) = (id, items::get_text(&item, "user") == Some(user)) {
                let delete = self.client.delete_item().table_name(table);
                delete.set_key(Some(key(TOKEN, id))).send().await.map_err(classify)?;
            }
        }
        Ok(())
    }

    /// Writes an organisation unless it exists.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn seed_organisation(&self, organisation: &Organisation) -> Result<(), StoreError> {
        self.put_directory(ORGANISATION, &organisation.id, organisation, "kind").await
    }

    /// Writes an item unless one exists that has the attribute `unless`.
    async fn put_directory<T: Serialize>(
        &self,
        kind: &str,
        id: &str,
        value: &T,
        unless: &str,
    ) -> Result<(), StoreError> {
        let table = &self.config.tables.directory;
        let mut item = items::write(table, value)?;
        item.extend(key(kind, id));
        self.put_unless_exists(table, item, unless).await
    }

    /// What `read` gives of the items of a kind, which are fetched page by page. More than `MaxScan` are an error.
    pub(super) async fn all_of<T>(
        &self,
        kind: &str,
        consistency: Consistency,
        read: impl Fn(Item) -> Result<Option<T>, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut all = Vec::new();
        let mut start = None;
        for _ in 0..MAX_PAGES {
            let answer = self
                .client
                .query()
                .table_name(&self.config.tables.directory)
                .key_condition_expression("kind = :kind")
                .expression_attribute_values(":kind", text(kind))
                .consistent_read(consistency == Consistency::Strong)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(classify)?;
            for item in answer.items.unwrap_or_default() {
                all.extend(read(item)?);
            }
            if all.len() > self.config.max_scan {
                return Err(StoreError::TooMany(self.config.max_scan));
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(all);
            }
        }
        Err(StoreError::Busy(format!("the items of kind {kind} fill more than {MAX_PAGES} pages")))
    }

    pub(super) async fn directory_item(&self, kind: &str, id: &str) -> Result<Option<Item>, StoreError> {
        if id.is_empty() {
            // DynamoDB refuses empty keys, so nothing is stored under one.
            return Ok(None);
        }
        Ok(self.get(&self.config.tables.directory, key(kind, id)).send().await.map_err(classify)?.item)
    }

    async fn directory_items(&self, kind: &str, ids: &[String]) -> Result<Vec<Item>, StoreError> {
        let keys = ids.iter().filter(|id| !id.is_empty()).map(|id| key(kind, id)).collect();
        self.batch_get(&self.config.tables.directory, keys).await
    }
}
