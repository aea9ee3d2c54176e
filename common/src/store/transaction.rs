//! Transactions, with every cancellation reason classified. A failed condition concerns one action of a transaction. It
//! never means "not found" for all of them.

use aws_sdk_dynamodb::{
    Client,
    operation::transact_write_items::TransactWriteItemsError,
    types::{CancellationReason, Delete, Put, TransactWriteItem, Update},
};

use super::{StoreError, error::classify, items::Item};

/// Maximum number of actions in one transaction of DynamoDB.
pub(super) const MAX_ACTIONS: usize = 100;

/// The result of one action of a cancelled transaction.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reason {
    /// The transaction was not cancelled because of this action.
    None,
    /// The condition of the action failed. Contains the item as it is, if it was requested.
    Condition(Option<Item>),
    /// Another transaction uses the item, or the table throttles; a later try may succeed.
    Retry,
    /// Another reason: DynamoDB refuses the action.
    Refused(String),
}

/// The result of a transaction.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// All actions are written.
    Done,
    /// Nothing is written; one reason per action.
    Cancelled(Vec<Reason>),
}

/// The actions of one transaction, in order.
#[derive(Clone, Default)]
pub(super) struct Transaction(Vec<TransactWriteItem>);

impl Transaction {
    pub(super) fn put(&mut self, put: Put) {
        self.0.push(TransactWriteItem::builder().put(put).build());
    }

    pub(super) fn update(&mut self, update: Update) {
        self.0.push(TransactWriteItem::builder().update(update).build());
    }

    pub(super) fn delete(&mut self, delete: Delete) {
        self.0.push(TransactWriteItem::builder().delete(delete).build());
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Writes all actions or none. The SDK adds a request token, so its own retry after a lost answer does not write
    /// twice.
    pub(super) async fn send(self, client: &Client) -> Result<Outcome, StoreError> {
        self.send_as(client, None).await
    }

    /// As [`Transaction::send`], under a request token of the caller (36 characters at most). While DynamoDB keeps the
    /// token (10 minutes), the same actions under it are written once, whoever sends them again.
    pub(super) async fn send_as(self, client: &Client, token: Option<String>) -> Result<Outcome, StoreError> {
        let request = client.transact_write_items().set_transact_items(Some(self.0)).set_client_request_token(token);
        let result = request.send().await;
        match result {
            Ok(_) => Ok(Outcome::Done),
            Err(error) => match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    Ok(Outcome::Cancelled(cancelled.cancellation_reasons().iter().map(reason).collect()))
                }
                _ => Err(classify(error)),
            },
        }
    }
}

impl Outcome {
    /// Whether the transaction is written. For callers that need not know which condition failed.
    pub(super) fn written(self) -> Result<bool, StoreError> {
        match self {
            Self::Done => Ok(true),
            Self::Cancelled(reasons) => {
                if let Some(text) = reasons.iter().find_map(|reason| match reason {
                    Reason::Refused(text) => Some(text.clone()),
                    _ => None,
                }) {
                    return Err(StoreError::Refused(text));
                }
                if reasons.iter().any(|reason| matches!(reason, Reason::Condition(_))) {
                    return Ok(false);
                }
                Err(StoreError::Busy("the transaction conflicted with another".to_owned()))
            }
        }
    }
}

fn reason(reason: &CancellationReason) -> Reason {
    match reason.code() {
        None | Some("None") => Reason::None,
        Some("ConditionalCheckFailed") => Reason::Condition(reason.item().cloned()),
        Some("TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded") => Reason::Retry,
        Some(code) => Reason::Refused(format!("{code}: {}", reason.message().unwrap_or("no message"))),
    }
}
