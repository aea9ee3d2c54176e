//! The `Requests` table: what was answered under an Idempotency-Key.

use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    Store, StoreError,
    error::classify,
    items::{self, Item, number},
};

/// A request that was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// [`request_key`] of the user and the Idempotency-Key.
    pub key: String,
    /// SHA-256 of the request's body, 64 hexadecimal digits.
    pub body: String,
    /// The rows that it made.
    pub ids: Vec<Uuid>,
    /// The answer's body; none where it is too large to be kept and is made again of the rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// When it is forgotten (seconds since 1970). DynamoDB deletes late, so readers look at this.
    pub expires_at: i64,
}

/// The key under which a request is remembered: it tells neither the user nor the key.
#[must_use]
pub fn request_key(user: &str, idempotency_key: &str) -> String {
    let mut hash = Sha256::new();
    // The length keeps "a" + "bc" and "ab" + "c" apart.
    hash.update((user.len() as u64).to_be_bytes());
    hash.update(user.as_bytes());
    hash.update(idempotency_key.as_bytes());
    hex::encode(hash.finalize())
}

impl Store<'_> {
    /// What is remembered under a key at `now` (seconds since 1970).
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer; [`StoreError::Corrupt`] when the item cannot be read.
    pub async fn remembered(&self, key: &str, now: i64) -> Result<Option<Remembered>, StoreError> {
        let table = &self.config.tables.requests;
        let answer = self.get(table, Item::from([items::key("key", key)])).send().await.map_err(classify)?;
        let remembered: Option<Remembered> = answer.item.map(|item| items::read(table, item)).transpose()?;
        Ok(remembered.filter(|remembered| remembered.expires_at > now))
    }

    /// Remembers a request, unless its key is in use: a part of the transaction that makes the rows. An entry that
    /// expired is written over, whether DynamoDB has deleted it or not.
    pub(super) fn remember(&self, request: &Remembered, now: i64) -> Result<Put, StoreError> {
        let table = &self.config.tables.requests;
        Put::builder()
            .table_name(table)
            .set_item(Some(items::write(table, request)?))
            .condition_expression("attribute_not_exists(#key) OR expires_at <= :now")
            .expression_attribute_names("#key", "key")
            .expression_attribute_values(":now", number(now))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(StoreError::from)
    }
}
