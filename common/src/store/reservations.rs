//! The `Reservations` table: reads, and the writes of clients. The service's own steps are in [`super::steps`].

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::{Delete, Put};
use futures::FutureExt;
use uuid::Uuid;

use super::{
    AssumedUser, Store, StoreError,
    conditional_update::Step,
    error::classify,
    index::shard,
    items::{self, Item, id_key, number, text},
    requests::Remembered,
    tables::MAX_BATCH,
    transaction::{MAX_ACTIONS, Outcome, Reason, Transaction},
    walk::{CREATED_ID, INDEX_ATTRIBUTES, OPEN, STATUS_CREATED, USER_KEY, created_key, status_key},
};
use crate::directory::Audit;
use crate::reservation::Reservation;

/// The result of creating reservations.
#[derive(Debug)]
pub enum Created {
    /// All reservations are written.
    Done,
    /// One of the ids exists already; nothing is written.
    Exists(Uuid),
    /// The Idempotency-Key was used before; nothing is written. This is the entry of the earlier request.
    Remembered(Box<Remembered>),
}

/// The result of a client's edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is written.
    Done,
    /// Another writer committed first; nothing is written.
    Overtaken,
}

/// The attributes without which an item is no reservation.
const NEEDED: [&str; 3] = ["id", "status", "incarnation"];

impl Store<'_> {
    /// Reads a reservation (consistent).
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer; [`StoreError::Corrupt`] when the item cannot be read.
    pub async fn reservation(&self, id: Uuid) -> Result<Option<Reservation>, StoreError> {
        let table = &self.config.tables.reservations;
        let answer = self.get(table, id_key(id)).send().await.map_err(classify)?;
        answer.item.map(|item| items::read(table, item)).transpose()
    }

    /// Reads reservations by id (consistent), in the order of `ids`; those that do not exist are left out.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer; [`StoreError::Corrupt`] when an item cannot be read.
    pub async fn reservations(&self, ids: &[Uuid]) -> Result<Vec<Reservation>, StoreError> {
        self.members_of_reservations(ids, &[], None).await
    }

    /// Reads members of reservations by id (consistent), in the order of `ids`; those that do not exist are left out. What
    /// each row has besides `members`, id, status and incarnation is absent, so it can be shown but must not be written;
    /// without `members` the rows are whole. What confirms `reader` is read in the same call as the first of them.
    ///
    /// # Errors
    /// As [`Store::reservations`].
    pub async fn members_of_reservations(
        &self,
        ids: &[Uuid],
        members: &[&'static str],
        reader: Option<&AssumedUser>,
    ) -> Result<Vec<Reservation>, StoreError> {
        let table = &self.config.tables.reservations;
        let keys: BTreeSet<Uuid> = ids.iter().copied().collect();
        let keys: Vec<Item> = keys.into_iter().map(id_key).collect();
        let needed = NEEDED.into_iter().filter(|_| !members.is_empty());
        let members: Vec<_> = needed.chain(members.iter().copied().filter(|name| !NEEDED.contains(name))).collect();
        let of_reader = reader.map(AssumedUser::keys).unwrap_or_default();
        let items = match reader {
            Some(reader) if !of_reader.is_empty() => {
                let directory = &self.config.tables.directory;
                let (first, rest) = keys.split_at(keys.len().min(MAX_BATCH - of_reader.len()));
                let both = [(table.as_str(), first.to_vec(), members.as_slice()), (directory, of_reader, &[])];
                let both = self.batch_get_at_once(both).boxed();
                let rest = self.batch_get_members(table, rest.to_vec(), &members).boxed();
                let (mut both, mut items) = tokio::try_join!(both, rest)?;
                reader.learn(directory, both.remove(directory).into_iter().flatten());
                items.extend(both.remove(table).into_iter().flatten());
                items
            }
            _ => self.batch_get_members(table, keys, &members).await?,
        };
        let mut found = HashMap::with_capacity(ids.len());
        for item in items {
            found.insert(items::uuid_of(table, &item)?, item);
        }
        // Items are put in order before they are read, because a reservation is large to move.
        ids.iter().filter_map(|id| found.remove(id)).map(|item| items::read(table, item)).collect()
    }

    /// Writes new reservations, all or none. `request` is stored in the same transaction; its second value is the
    /// current time in seconds since 1970.
    ///
    /// One reservation is a transaction too. If its answer is lost, the SDK sends it again, with the same token, and
    /// DynamoDB writes it once. A plain PutItem would create the row a second time if it was deleted in the meantime, with
    /// the same incarnation, which then gets a second range (RSV-2).
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer; [`StoreError::Contended`] when every try conflicts with
    /// another transaction. An id or Idempotency-Key in use is not an error (see [`Created`]).
    pub async fn create(
        &self,
        new: &[Reservation],
        request: Option<(&Remembered, i64)>,
    ) -> Result<Created, StoreError> {
        let mut transaction = self.transaction();
        for reservation in new {
            let put = Put::builder()
                .table_name(&self.config.tables.reservations)
                .set_item(Some(self.reservation_item(reservation)?))
                .condition_expression("attribute_not_exists(id)")
                .build()?;
            transaction.put(put);
        }
        if let Some((request, now)) = request {
            transaction.put(self.remember(request, now)?);
        }
        check_size(&transaction)?;
        // A conflict may be with a request with the same Idempotency-Key. The next try sees what that one wrote.
        match self.decide(&transaction).await? {
            Outcome::Done => Ok(Created::Done),
            Outcome::Cancelled(reasons) => {
                if let (Some(_), Some(Reason::Condition(Some(item)))) = (request, reasons.get(new.len())) {
                    let remembered = items::read(&self.config.tables.requests, item.clone())?;
                    return Ok(Created::Remembered(Box::new(remembered)));
                }
                let exists = new.iter().zip(&reasons).find(|(_, reason)| matches!(reason, Reason::Condition(_)));
                if let Some((reservation, _)) = exists {
                    return Ok(Created::Exists(reservation.id));
                }
                Err(match Outcome::Cancelled(reasons).written() {
                    Ok(_) => StoreError::Busy("the entry of the Idempotency-Key did not come".to_owned()),
                    Err(error) => error,
                })
            }
        }
    }

    /// Writes clients' edits, all or none. Each is conditional on the version from which it was made.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer; [`StoreError::Contended`] when every try conflicts with
    /// another transaction.
    pub async fn replace(&self, edits: &[(Reservation, Reservation)]) -> Result<Written, StoreError> {
        self.replace_audited(edits, &[]).await
    }

    /// [`Store::replace`] by an operator: the audit rows are in the transaction.
    ///
    /// # Errors
    /// As [`Store::replace`].
    pub async fn replace_audited(
        &self,
        edits: &[(Reservation, Reservation)],
        audits: &[Audit],
    ) -> Result<Written, StoreError> {
        let mut transaction = self.transaction();
        for (old, new) in edits {
            transaction.update(self.change(old, new)?.transact()?);
        }
        for audit in audits {
            transaction.put(self.audit_put(audit)?);
        }
        self.finish_edit(transaction).await
    }

    /// Deletes reservations, all or none. Each deletion is conditional on the version read. Their ranges remain
    /// (RSV-7).
    ///
    /// # Errors
    /// As [`Store::replace`].
    pub async fn delete(&self, old: &[Reservation]) -> Result<Written, StoreError> {
        let mut transaction = self.transaction();
        for reservation in old {
            let delete = Delete::builder()
                .table_name(&self.config.tables.reservations)
                .key("id", text(reservation.id.to_string()))
                .condition_expression(UNCHANGED)
                .expression_attribute_values(":incarnation", text(reservation.incarnation.to_string()))
                .expression_attribute_values(":version", number(reservation.version))
                .build()?;
            transaction.delete(delete);
        }
        self.finish_edit(transaction).await
    }

    async fn finish_edit(&self, transaction: Transaction) -> Result<Written, StoreError> {
        if transaction.len() == 0 {
            return Ok(Written::Done);
        }
        check_size(&transaction)?;
        if self.decide(&transaction).await?.written()? {
            return Ok(Written::Done);
        }
        // Random back-off: the caller reads again and retries, and conflicting writers must not retry in step.
        self.pause(ASIDE).await;
        Ok(Written::Overtaken)
    }

    /// Writes a reservation of a seed unless its id exists.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer.
    pub async fn seed_reservation(&self, reservation: &Reservation) -> Result<(), StoreError> {
        self.create(std::slice::from_ref(reservation), None).await.map(drop)
    }

    /// The change of a row from `old`, as it was read, to `new`, on the condition that incarnation and version are those
    /// of `old`.
    ///
    /// It names only what differs. So attributes stay that a newer version of this service wrote and this one does not
    /// know. Keys of indexes are written in any case, because a row may be older than its index.
    pub(super) fn change(&self, old: &Reservation, new: &Reservation) -> Result<Step, StoreError> {
        let (read, wanted) = (self.reservation_item(old)?, self.reservation_item(new)?);
        let mut step = Step::new(&self.config.tables.reservations, old.id);
        step.condition("incarnation = :incarnation_read", ":incarnation_read", text(old.incarnation.to_string()));
        step.condition("version = :version_read", ":version_read", number(old.version));
        for name in read.keys().filter(|name| !wanted.contains_key(*name)) {
            step.remove(&[name]);
        }
        for (name, value) in wanted {
            let differs = read.get(&name) != Some(&value) || INDEX_ATTRIBUTES.contains(&name.as_str());
            // The step counts the version.
            if differs && name != "version" {
                step.set(&[(&name, value)]);
            }
        }
        Ok(step)
    }

    /// The item of a reservation: its members and its index keys. Index keys without a value are left out.
    pub(super) fn reservation_item(&self, reservation: &Reservation) -> Result<Item, StoreError> {
        let mut item = items::write(&self.config.tables.reservations, reservation)?;
        let mut index = |name: &str, value: Option<&str>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                item.insert(name.to_owned(), text(value));
            }
        };
        index("organisation_key", reservation.reserved_for.as_deref());
        index("product_key", reservation.product.as_deref());
        index("reference_key", reservation.reference_id.as_deref());
        index("shard", Some(&shard(reservation.id, self.config.shards).to_string()));
        // Conditions on users compare lower case.
        index(USER_KEY, reservation.user_created.as_deref().map(str::to_ascii_lowercase).as_deref());
        index(CREATED_ID, Some(&created_key(reservation)));
        index(STATUS_CREATED, Some(&status_key(reservation, reservation.status)));
        index(OPEN, reservation.is_open().then_some(OPEN));
        Ok(item)
    }
}

/// The attempt number that gives the back-off after an overtaken edit: 0–160 ms.
const ASIDE: u32 = 4;

/// The condition of a client's edit: the item is as it was read.
const UNCHANGED: &str = "incarnation = :incarnation AND version = :version";

/// Refuses a transaction with more actions than DynamoDB allows. The operations limit batches, so this is a bug in this
/// service.
fn check_size(transaction: &Transaction) -> Result<(), StoreError> {
    match transaction.len() {
        actions if actions > MAX_ACTIONS => Err(StoreError::Refused(format!("{actions} actions in one transaction"))),
        _ => Ok(()),
    }
}
