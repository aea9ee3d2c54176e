//! The check value of the deployment's secret: one row of `Pools`. It tells that a function has another secret than the one
//! that the codes of these tables were made with, before a pool is created with it or a code is shown.

use aws_sdk_dynamodb::types::Update;
use serde::{Deserialize, Serialize};

use super::{
    MAX_ATTEMPTS, Store, StoreError,
    items::{self, Item, key, text},
    pools::put_new,
};
use crate::reservation::Timestamp;

/// The partition key of the row. No namespace is equal, because each contains `#`. The template names it too: functions
/// that do not write pools may update this row and no other.
pub const SECRET_ROW: &str = "secret";

/// The sort key of the row.
const ENTRY: &str = "check";

/// The row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretCheck {
    /// [`Secret::check_value`](crate::code::Secret::check_value) of the secret with which the first pool was created.
    pub check: String,
    /// The check value of another secret, if the last function that started had another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mismatch: Option<String>,
    /// When that function noticed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mismatch_at: Option<Timestamp>,
}

/// The key of the row.
pub(super) fn secret_row() -> Item {
    Item::from([key("namespace", SECRET_ROW), key("entry", ENTRY)])
}

impl Store<'_> {
    /// The row (consistent); `None` in tables without a pool, and in those of an older version until the next allocation.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer; [`StoreError::Corrupt`] when the row cannot be read.
    pub async fn secret_check(&self) -> Result<Option<SecretCheck>, StoreError> {
        let table = &self.config.tables.pools;
        let row = self.batch_get(table, vec![secret_row()]).await?.into_iter().next();
        row.map(|item| items::read(table, item)).transpose()
    }

    /// Stores the check value of the secret unless one is stored. Gives the row as it is then, perhaps that of another
    /// secret. The first allocation calls it, and so may an operator.
    ///
    /// # Errors
    /// As [`Store::secret_check`]; [`StoreError::Contended`] when every try conflicts with another transaction.
    pub async fn init_secret_check(&self, check: &str) -> Result<SecretCheck, StoreError> {
        let mut item = secret_row();
        item.extend([key("check", check)]);
        let mut transaction = self.transaction();
        transaction.put(put_new(&self.config.tables.pools, item)?);
        for attempt in 1..=MAX_ATTEMPTS {
            if self.decide(&transaction).await?.written()? {
                return Ok(SecretCheck { check: check.to_owned(), mismatch: None, mismatch_at: None });
            }
            if let Some(row) = self.secret_check().await? {
                return Ok(row);
            }
            self.pause(attempt).await;
        }
        Err(StoreError::Contended(MAX_ATTEMPTS))
    }

    /// Records beside the check value that a function has another secret, or that one has the right one again (`None`).
    ///
    /// # Errors
    /// As [`Store::secret_check`].
    pub async fn note_mismatch(&self, other: Option<&str>, now: Timestamp) -> Result<(), StoreError> {
        let update = Update::builder()
            .table_name(&self.config.tables.pools)
            .set_key(Some(secret_row()))
            .condition_expression("attribute_exists(#check)")
            .expression_attribute_names("#check", "check");
        let update = match other {
            Some(other) => update
                .update_expression("SET mismatch = :other, mismatch_at = :now")
                .expression_attribute_values(":other", text(other))
                .expression_attribute_values(":now", text(now.to_string())),
            None => update.update_expression("REMOVE mismatch, mismatch_at"),
        };
        let mut transaction = self.transaction();
        transaction.update(update.build()?);
        transaction.send(self.client).await?.written().map(drop)
    }
}
