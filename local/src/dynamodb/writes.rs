//! The writes of this process' functions. Writes that wait at the same time share one SQLite transaction.
//!
//! A write to the file costs mostly pages: a reservation with twelve indexes changes over forty, however small each
//! change is. Reservations that are created at the same time change the same ones. So the writes that wait while one
//! transaction runs form the next (group commit), and every caller is answered after the commit.
//!
//! The writes are joined as one `TransactWriteItems`. If it fails, nothing is written: those whose own conditions
//! failed are left to the socket, whose answer has the server's form, and the others are written without them.

use std::{
    collections::{HashMap, VecDeque},
    future::Future,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use dynoxide::{
    actions::transact_write_items::{
        self, TransactDelete, TransactPut, TransactUpdate, TransactWriteItem, TransactWriteItemsRequest,
    },
    errors::DynoxideError,
    types::{AttributeValue, Item},
};
use futures::FutureExt;
use serde::{Deserialize, de::DeserializeOwned};
use tokio::{
    sync::{mpsc, oneshot},
    task::yield_now,
};

use super::tables::{Durability, Tables};

/// Writes that may wait. More wait to be accepted.
pub(super) const MAX_WAITING: usize = 1_024;
/// Maximum requests in one SQLite transaction. A larger one would keep readers waiting.
const MAX_JOINED: usize = 64;
/// Maximum actions of a `TransactWriteItems`.
const MAX_ACTIONS: usize = 100;
/// Maximum length in bytes of the requests that are joined. The engine accepts 4 MB of items.
const MAX_LENGTH: usize = 1 << 20;

/// The answer of a write that returns nothing.
pub(super) const DONE: &str = "{}";

type Names = Option<HashMap<String, String>>;

/// A `PutItem` request that returns nothing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct PutItem {
    table_name: String,
    item: Item,
    condition_expression: Option<String>,
    expression_attribute_names: Names,
    expression_attribute_values: Option<HashMap<String, AttributeValue>>,
    return_values_on_condition_check_failure: Option<String>,
}

/// An `UpdateItem` request that returns nothing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct UpdateItem {
    table_name: String,
    key: Item,
    update_expression: String,
    condition_expression: Option<String>,
    expression_attribute_names: Names,
    expression_attribute_values: Option<HashMap<String, AttributeValue>>,
    return_values_on_condition_check_failure: Option<String>,
}

/// A `DeleteItem` request that returns nothing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct DeleteItem {
    table_name: String,
    key: Item,
    condition_expression: Option<String>,
    expression_attribute_names: Names,
    expression_attribute_values: Option<HashMap<String, AttributeValue>>,
    return_values_on_condition_check_failure: Option<String>,
}

/// A `TransactWriteItems` request that returns nothing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Transaction {
    transact_items: Vec<TransactWriteItem>,
    client_request_token: Option<String>,
}

/// A write that can share a transaction with others.
pub(super) struct Write {
    actions: Vec<TransactWriteItem>,
    /// The token under which a `TransactWriteItems` is executed once, and the hash of the request.
    token: Option<(String, u64)>,
    durability: Durability,
    /// The length of the request in bytes.
    length: usize,
}

impl Write {
    /// Reads the request of an operation; `None` if it is not a write, is malformed, or returns more than its success.
    pub(super) fn read(operation: &str, body: &[u8]) -> Option<Self> {
        let action = match operation {
            "PutItem" => {
                let put: PutItem = parse(body)?;
                TransactWriteItem {
                    put: Some(TransactPut {
                        table_name: put.table_name,
                        item: put.item,
                        condition_expression: put.condition_expression,
                        expression_attribute_names: put.expression_attribute_names,
                        expression_attribute_values: put.expression_attribute_values,
                        return_values_on_condition_check_failure: put.return_values_on_condition_check_failure,
                    }),
                    ..TransactWriteItem::default()
                }
            }
            "UpdateItem" => {
                let update: UpdateItem = parse(body)?;
                TransactWriteItem {
                    update: Some(TransactUpdate {
                        table_name: update.table_name,
                        key: update.key,
                        update_expression: update.update_expression,
                        condition_expression: update.condition_expression,
                        expression_attribute_names: update.expression_attribute_names,
                        expression_attribute_values: update.expression_attribute_values,
                        return_values_on_condition_check_failure: update.return_values_on_condition_check_failure,
                    }),
                    ..TransactWriteItem::default()
                }
            }
            "DeleteItem" => {
                let delete: DeleteItem = parse(body)?;
                TransactWriteItem {
                    delete: Some(TransactDelete {
                        table_name: delete.table_name,
                        key: delete.key,
                        condition_expression: delete.condition_expression,
                        expression_attribute_names: delete.expression_attribute_names,
                        expression_attribute_values: delete.expression_attribute_values,
                        return_values_on_condition_check_failure: delete.return_values_on_condition_check_failure,
                    }),
                    ..TransactWriteItem::default()
                }
            }
            "TransactWriteItems" => {
                let transaction: Transaction = parse(body)?;
                let mut hasher = DefaultHasher::new();
                body.hash(&mut hasher);
                let hash = hasher.finish();
                let token = transaction.client_request_token.map(|token| (token, hash));
                let actions = transaction.transact_items;
                return Some(Self { actions, token, durability: Durability::Disk, length: body.len() });
            }
            _ => return None,
        };
        Some(Self { actions: vec![action], token: None, durability: Durability::Process, length: body.len() })
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}

/// A write whose caller waits.
pub(super) struct Waiting {
    pub(super) write: Write,
    /// True after the commit; false if nothing is written and the socket has to answer.
    pub(super) written: oneshot::Sender<bool>,
}

/// Executes writes on the engine's thread until no caller is left.
pub(super) async fn serve(mut queue: mpsc::Receiver<Waiting>, tables: Arc<Mutex<Tables>>) {
    let mut writer = Writer { tables, tokens: Tokens::default() };
    let mut waiting = Vec::new();
    while queue.recv_many(&mut waiting, MAX_JOINED).await > 0 {
        let mut group = Vec::new();
        let (mut actions, mut length) = (0, 0);
        for next in waiting.drain(..) {
            actions += next.write.actions.len();
            length += next.write.length;
            if !group.is_empty() && (actions > MAX_ACTIONS || length > MAX_LENGTH) {
                (actions, length) = (next.write.actions.len(), next.write.length);
                writer.write(std::mem::take(&mut group));
            }
            group.push(next);
        }
        writer.write(group);
        // Reads and the server run on this thread, too.
        yield_now().await;
    }
}

struct Writer {
    tables: Arc<Mutex<Tables>>,
    tokens: Tokens,
}

impl Writer {
    /// Writes all of a group, in one transaction if possible, and answers their callers.
    fn write(&mut self, group: Vec<Waiting>) {
        let mut left = group;
        // Each round but the last answers at least one of them.
        while !left.is_empty() {
            let (repeated, group): (Vec<_>, Vec<_>) =
                left.drain(..).partition(|waiting| self.tokens.contain(waiting.write.token.as_ref()));
            answer(repeated, true);
            match self.commit(&group) {
                Ok(()) => {
                    group
                        .iter()
                        .filter_map(|waiting| waiting.write.token.clone())
                        .for_each(|token| self.tokens.add(token));
                    answer(group, true);
                }
                Err(Some(DynoxideError::TransactionCanceledException(_, reasons))) => {
                    let mut codes = reasons.into_iter().map(|reason| reason.code != "None");
                    let (refused, others) = group.into_iter().partition(|waiting| {
                        // All actions of the request count, so none may be skipped.
                        codes.by_ref().take(waiting.write.actions.len()).fold(false, |any, failed| any | failed)
                    });
                    let stuck = Vec::is_empty(&refused);
                    answer(refused, false);
                    if stuck {
                        answer(others, false);
                    } else {
                        left = others;
                    }
                }
                // Two of them write the same item, or one is invalid.
                Err(_) if group.len() > 1 => group.into_iter().for_each(|one| self.write(vec![one])),
                Err(_) => answer(group, false),
            }
        }
    }

    /// Executes a group in one transaction. An error means that nothing is written.
    fn commit(&self, group: &[Waiting]) -> Result<(), Option<DynoxideError>> {
        if group.is_empty() {
            return Ok(());
        }
        let transact_items: Vec<_> = group.iter().flat_map(|waiting| waiting.write.actions.clone()).collect();
        let on_disk = group.iter().any(|waiting| waiting.write.durability == Durability::Disk);
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables.refresh(transact_items.iter().filter_map(table))?;
        tables.set_durability(if on_disk { Durability::Disk } else { Durability::Process })?;
        let request = TransactWriteItemsRequest { transact_items, ..TransactWriteItemsRequest::default() };
        ready(transact_write_items::execute(tables.storage(), request)).ok_or(None)??;
        Ok(())
    }
}

/// The table of an action.
fn table(action: &TransactWriteItem) -> Option<&str> {
    let put = action.put.as_ref().map(|put| &put.table_name);
    let update = action.update.as_ref().map(|update| &update.table_name);
    let delete = action.delete.as_ref().map(|delete| &delete.table_name);
    let check = action.condition_check.as_ref().map(|check| &check.table_name);
    put.or(update).or(delete).or(check).map(String::as_str)
}

/// The result of one of the engine's actions. They are async for another storage; on SQLite they never wait.
pub(super) fn ready<F: Future>(action: F) -> Option<F::Output> {
    action.now_or_never()
}

fn answer(group: Vec<Waiting>, written: bool) {
    for waiting in group {
        // An error means that the caller no longer waits.
        let _ = waiting.written.send(written);
    }
}

/// How long DynamoDB executes a token only once.
const TOKEN_LIFE: Duration = Duration::from_secs(600);
/// Maximum tokens in memory; the oldest are forgotten first.
const MAX_TOKENS: usize = 100_000;

/// The tokens of executed transactions. The SDK sends a token with each and repeats it when it tries again.
#[derive(Default)]
struct Tokens {
    hashes: HashMap<String, u64>,
    ages: VecDeque<(Instant, String)>,
}

impl Tokens {
    fn contain(&self, token: Option<&(String, u64)>) -> bool {
        token.is_some_and(|(token, hash)| self.hashes.get(token) == Some(hash))
    }

    fn add(&mut self, (token, hash): (String, u64)) {
        let now = Instant::now();
        while let Some((added, _)) = self.ages.front()
            && (self.ages.len() >= MAX_TOKENS || now.duration_since(*added) > TOKEN_LIFE)
        {
            if let Some((_, old)) = self.ages.pop_front() {
                self.hashes.remove(&old);
            }
        }
        self.hashes.insert(token.clone(), hash);
        self.ages.push_back((now, token));
    }
}
