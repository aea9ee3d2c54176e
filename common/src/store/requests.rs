//! The `Requests` table: the answers to requests with an Idempotency-Key.

use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    Store, StoreError,
    error::{classify, unless_condition_failed},
    items::{self, Item, get_text, number},
};

/// How long an Idempotency-Key is remembered (seconds).
pub const REMEMBERED_SECONDS: i64 = 24 * 60 * 60;

/// A page of remembered requests.
#[derive(Debug, Default)]
pub struct RequestsPage {
    /// Requests that were answered.
    pub requests: Vec<Remembered>,
    /// Keys of entries that cannot be read, with the reason.
    pub unreadable: Vec<(String, String)>,
    /// The key after which the next page begins; `None` at the end.
    pub next: Option<String>,
}

/// A request that was answered, with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// [`request_key`] of the user and the Idempotency-Key.
    pub key: String,
    /// SHA-256 of the request's body, 64 hexadecimal digits.
    pub body: String,
    /// The ids of the rows that it created.
    pub ids: Vec<Uuid>,
    /// The body of the answer; `None` if it was too large to be stored and is built again from the rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// The rights with which the answer was given (a hash); `None` in entries of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rights: Option<String>,
    /// When the entry expires (seconds since 1970). DynamoDB deletes expired items late, so readers check the time.
    pub expires_at: i64,
}

/// The key under which a request is stored. It is a hash, which reveals neither the user nor the Idempotency-Key.
#[must_use]
pub fn request_key(user: &str, idempotency_key: &str) -> String {
    let mut hash = Sha256::new();
    // With the length, "a" + "bc" and "ab" + "c" give different hashes.
    hash.update((user.len() as u64).to_be_bytes());
    hash.update(user.as_bytes());
    hash.update(idempotency_key.as_bytes());
    hex::encode(hash.finalize())
}

impl Store<'_> {
    /// The entry under a key, unless it has expired at `now` (seconds since 1970).
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer; [`StoreError::Corrupt`] when the item cannot be read.
    pub async fn remembered(&self, key: &str, now: i64) -> Result<Option<Remembered>, StoreError> {
        let table = &self.config.tables.requests;
        let answer = self.get(table, Item::from([items::key("key", key)])).send().await.map_err(classify)?;
        let remembered: Option<Remembered> = answer.item.map(|item| items::read(table, item)).transpose()?;
        Ok(remembered.filter(|remembered| remembered.expires_at > now))
    }

    /// Stores a request in the transaction that creates its rows, on the condition that its key is not in use. An
    /// expired entry is replaced, whether DynamoDB has deleted it or not.
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

    /// The requests among the next items of the table (one consistent page of 1 MB) that were answered at this time
    /// (seconds since 1970) or later, for operators. The counts of codes of a day are in the same table, and left out.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn requests_page(&self, since: i64, after: Option<&str>) -> Result<RequestsPage, StoreError> {
        let table = &self.config.tables.requests;
        let answer = self
            .client
            .scan()
            .table_name(table)
            .consistent_read(true)
            .filter_expression("attribute_exists(ids) AND expires_at >= :limit")
            .expression_attribute_values(":limit", number(since.saturating_add(REMEMBERED_SECONDS)))
            .set_exclusive_start_key(after.map(|after| Item::from([items::key("key", after)])))
            .send()
            .await
            .map_err(classify)?;
        let mut page = RequestsPage::default();
        for item in answer.items.unwrap_or_default() {
            let key = get_text(&item, "key").unwrap_or_default().to_owned();
            match items::read(table, item) {
                Ok(request) => page.requests.push(request),
                Err(error) => page.unreadable.push((key, error.to_string())),
            }
        }
        page.next = answer.last_evaluated_key.as_ref().and_then(|key| get_text(key, "key")).map(str::to_owned);
        Ok(page)
    }

    /// Forgets a request, unless its key was used again since it was read: the next request with its key is executed.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn forget_request(&self, request: &Remembered) -> Result<(), StoreError> {
        let result = self
            .client
            .delete_item()
            .table_name(&self.config.tables.requests)
            .set_key(Some(Item::from([items::key("key", &request.key)])))
            .condition_expression("expires_at = :read")
            .expression_attribute_values(":read", number(request.expires_at))
            .send()
            .await;
        unless_condition_failed(result)
    }
}
