//! Transactions, with every cancellation reason classified. A failed condition concerns one action of a transaction. It
//! never means "not found" for all of them.

use aws_sdk_dynamodb::{
    Client,
    operation::transact_write_items::TransactWriteItemsError,
    types::{CancellationReason, Delete, Put, TransactWriteItem, Update},
};

use super::{MAX_ATTEMPTS, Store, StoreError, error::classify, items::Item};

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

/// The actions of one transaction, in order, and its request token. [`Store::transaction`] makes one.
///
/// The token belongs to the transaction, not to a try: DynamoDB keeps it for 10 minutes, and meanwhile writes the same
/// actions once, whoever sends them again. A try without an answer may have been done, or be done later. Under a token of
/// its own, the next try would take its own write for another writer's, or write again what was deleted in the meantime.
pub(super) struct Transaction {
    actions: Vec<TransactWriteItem>,
    token: String,
}

impl Store<'_> {
    /// A transaction without actions, with a new request token.
    pub(super) fn transaction(&self) -> Transaction {
        Transaction { actions: Vec::new(), token: self.host.random_id().to_string() }
    }

    /// Sends a transaction until it is written, a condition fails, or DynamoDB refuses it. Conflicts with other
    /// transactions, and throttled tables, are tried again.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer; [`StoreError::Contended`] when every try conflicts with
    /// another transaction.
    pub(super) async fn decide(&self, transaction: &Transaction) -> Result<Outcome, StoreError> {
        for attempt in 1..=MAX_ATTEMPTS {
            match transaction.send(self.client).await? {
                Outcome::Cancelled(reasons)
                    if !reasons.iter().any(|reason| matches!(reason, Reason::Condition(_) | Reason::Refused(_))) =>
                {
                    self.pause(attempt).await;
                }
                decided => return Ok(decided),
            }
        }
        Err(StoreError::Contended(MAX_ATTEMPTS))
    }
}

impl Transaction {
    pub(super) fn put(&mut self, put: Put) {
        self.actions.push(TransactWriteItem::builder().put(put).build());
    }

    pub(super) fn update(&mut self, update: Update) {
        self.actions.push(TransactWriteItem::builder().update(update).build());
    }

    pub(super) fn delete(&mut self, delete: Delete) {
        self.actions.push(TransactWriteItem::builder().delete(delete).build());
    }

    pub(super) fn len(&self) -> usize {
        self.actions.len()
    }

    /// Writes all actions or none: one try, with those of the SDK. For callers that read again when it is cancelled; the
    /// others use [`Store::decide`].
    pub(super) async fn send(&self, client: &Client) -> Result<Outcome, StoreError> {
        let result = client
            .transact_write_items()
            .set_transact_items(Some(self.actions.clone()))
            .client_request_token(&self.token)
            .send()
            .await;
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::prepared::*, *};
    use crate::store::items::id_key;

    /// A transaction of three actions.
    fn three(store: Store<'_>) -> Transaction {
        let mut transaction = store.transaction();
        transaction.put(Put::builder().table_name("t").set_item(Some(id_key("a"))).build().unwrap());
        let update = Update::builder().table_name("t").set_key(Some(id_key("b"))).update_expression("REMOVE c");
        transaction.update(update.build().unwrap());
        transaction.delete(Delete::builder().table_name("t").set_key(Some(id_key("d"))).build().unwrap());
        transaction
    }

    #[tokio::test]
    async fn a_conflict_is_tried_again_as_the_same_transaction_until_it_is_decided() {
        for (last, is_done) in
            [((200, json!({})), true), (cancelled(&["None", "ConditionalCheckFailed", "None"]), false)]
        {
            let conflicts =
                [cancelled(&["TransactionConflict", "None", "None"]), cancelled(&["None", "ThrottlingError", "None"])];
            let prepared = Prepared::new(conflicts.into_iter().chain([last]));
            let transaction = three(prepared.store());
            assert_eq!(transaction.len(), 3);
            let outcome = prepared.store().decide(&transaction).await.unwrap();
            assert_eq!(outcome.written().unwrap(), is_done);
            let requests = prepared.requests();
            assert_eq!(requests.len(), 3);
            assert!(requests.iter().all(|request| request["TransactItems"].as_array().unwrap().len() == 3));
            assert!(requests.iter().all(|request| request["ClientRequestToken"] == requests[0]["ClientRequestToken"]));
        }
    }

    #[tokio::test]
    async fn what_is_decided_is_not_tried_again_whatever_else_conflicts() {
        for codes in [
            ["TransactionConflict", "ConditionalCheckFailed", "None"],
            ["None", "TransactionConflict", "ValidationError"],
        ] {
            let prepared = Prepared::new([cancelled(&codes)]);
            let Outcome::Cancelled(reasons) = prepared.store().decide(&three(prepared.store())).await.unwrap() else {
                panic!("it is cancelled");
            };
            assert_eq!((reasons.len(), prepared.requests().len()), (3, 1));
        }
    }

    #[tokio::test]
    async fn another_error_is_no_cancellation() {
        let prepared = Prepared::new([error("ResourceNotFoundException")]);
        assert!(prepared.store().decide(&three(prepared.store())).await.is_err());
        assert_eq!(prepared.requests().len(), 1);
    }

    #[test]
    fn every_code_of_a_cancelled_action_is_told_apart() {
        let of = |code: Option<&str>| {
            reason(&CancellationReason::builder().set_code(code.map(str::to_owned)).message("why").build())
        };
        assert_eq!((of(None), of(Some("None"))), (Reason::None, Reason::None));
        assert_eq!(of(Some("ConditionalCheckFailed")), Reason::Condition(None));
        for code in ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"] {
            assert_eq!(of(Some(code)), Reason::Retry, "{code}");
        }
        for code in ["ValidationError", "ItemCollectionSizeLimitExceeded"] {
            assert_eq!(of(Some(code)), Reason::Refused(format!("{code}: why")));
        }
    }

    #[test]
    fn a_transaction_is_written_not_written_or_nobody_knows() {
        let of = |reasons: &[Reason]| Outcome::Cancelled(reasons.to_vec()).written();
        let refused = Reason::Refused("ValidationError: why".to_owned());
        assert!(matches!(Outcome::Done.written(), Ok(true)));
        assert!(matches!(of(&[Reason::None, Reason::Condition(None)]), Ok(false)));
        assert!(matches!(of(&[Reason::Retry, Reason::Condition(None)]), Ok(false)));
        assert!(matches!(of(&[Reason::Retry, Reason::None]), Err(StoreError::Busy(_))));
        assert!(
            matches!(of(&[Reason::Condition(None), refused]), Err(StoreError::Refused(text)) if text.ends_with("why"))
        );
    }
}
