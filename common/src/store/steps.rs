//! The service's own steps of a reservation: each one conditional on what it read, each adding 1 to `version`.
//!
//! A step that finds its condition broken changes nothing and says so: a stale worker never writes.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{AttributeValue, Delete, Put, Update},
};
use uuid::Uuid;

use super::{
    FileRow, MAX_ATTEMPTS, PoolEntry, RangeEntry, Store, StoreError,
    error::classify,
    items::{self, number, text},
    transaction::{Outcome, Reason, Transaction},
};
use crate::backoff::pause;
use crate::reservation::{ExportProgress, Range, Render, Reservation, Status, Timestamp};

/// A reservation that is to get a range of a pool, with the range's start and what its export is rendered with.
#[derive(Clone, Debug)]
pub struct Placement {
    /// The reservation as it was read.
    pub reservation: Reservation,
    /// Its first index.
    pub start: u64,
    /// What its export is rendered with.
    pub render: Render,
}

/// What became of one try to allocate.
#[derive(Debug)]
pub enum Allocated {
    /// All have their range; the reservations as they are now.
    Done(Vec<Reservation>),
    /// Nothing is written. The reservations that changed since they were read, and whether the pool did.
    Overtaken {
        /// Positions in the list of placements.
        changed: Vec<usize>,
        /// Whether the pool must be read again.
        pool: bool,
    },
    /// Nothing is written; try again.
    Busy,
}

/// What became of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// It is written.
    Done,
    /// The reservation is no longer as it was read; nothing is written.
    Stale,
}

/// The most reservations of one allocation: 2k + 2 actions for a new pool stay within 100.
pub const MAX_PLACEMENTS: usize = 49;

impl Store<'_> {
    /// Allocates ranges of one pool in one transaction (architecture, step 1).
    ///
    /// RSV-1 and RSV-3: the counter moves from the value read, and a range entry must not exist. RSV-2: the reservation
    /// must be `new`, without a range, and of the version read, since its input may still be edited.
    ///
    /// # Errors
    /// When the store refuses or does not answer.
    pub async fn allocate(
        &self,
        entry: &PoolEntry,
        placements: &[Placement],
        now: Timestamp,
    ) -> Result<Allocated, StoreError> {
        let pool = entry.pool();
        let next =
            placements.iter().fold(pool.next, |next, placement| next.saturating_add(placement.reservation.quantity()));
        let mut transaction = Transaction::default();
        match entry {
            PoolEntry::Known(pool) => transaction.update(self.advance_pool(pool, next)?),
            PoolEntry::Fresh(pool) => self.make_pool(pool, next)?.into_iter().for_each(|put| transaction.put(put)),
        }
        let of_pool = transaction.len();
        let mut allocated = Vec::with_capacity(placements.len());
        for placement in placements {
            let item = &placement.reservation;
            let range = RangeEntry {
                start: placement.start,
                count: item.quantity(),
                reservation: Some(item.id),
                incarnation: Some(item.incarnation),
                organisation: item.reserved_for.clone(),
                at: Some(now),
            };
            transaction.put(self.make_range(&pool.namespace, &range)?);
        }
        for placement in placements {
            let next = placed(placement, entry, now);
            transaction.put(self.put_over(&placement.reservation, &next)?);
            allocated.push(next);
        }
        match transaction.send(self.client).await? {
            Outcome::Done => Ok(Allocated::Done(allocated)),
            Outcome::Cancelled(reasons) => overtaken(&reasons, of_pool, placements.len()),
        }
    }

    /// Puts `new` over `old`: `new` without a range, of the version read.
    fn put_over(&self, old: &Reservation, new: &Reservation) -> Result<Put, StoreError> {
        Put::builder()
            .table_name(&self.config.tables.reservations)
            .set_item(Some(self.reservation_item(new)?))
            .condition_expression(
                "#status = :new AND attribute_not_exists(#range) AND incarnation = :incarnation AND version = :version",
            )
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#range", "range")
            .expression_attribute_values(":new", text(Status::New.as_str()))
            .expression_attribute_values(":incarnation", text(old.incarnation.to_string()))
            .expression_attribute_values(":version", number(old.version))
            .build()
            .map_err(StoreError::from)
    }

    /// Saves how far an export is: the write that brings the next slice.
    ///
    /// Conditional on generation, upload and next part as read, so a stale worker never moves it back (RSV-4).
    ///
    /// # Errors
    /// When the store refuses or does not answer.
    pub async fn save_progress(
        &self,
        read: &Reservation,
        export: &ExportProgress,
        rows: u64,
        now: Timestamp,
    ) -> Result<Saved, StoreError> {
        let table = &self.config.tables.reservations;
        let mut step = self.running(read);
        step.set(&[
            ("export", items::attribute(table, export)?),
            ("quantity_reserved", number(rows)),
            ("progress_at", text(now.to_string())),
            ("date_updated", text(now.to_string())),
            ("attempts", number(0)),
        ]);
        self.update(step).await
    }

    /// Begins the export again with what the present renderer makes of it (a newer worker takes over).
    ///
    /// # Errors
    /// When the store refuses or does not answer.
    pub async fn restart(&self, read: &Reservation, render: Render, now: Timestamp) -> Result<Saved, StoreError> {
        let table = &self.config.tables.reservations;
        let mut next = read.clone();
        next.restart_export(render, now);
        let mut step = self.running(read);
        step.set(&[
            ("generation", number(next.generation)),
            ("render", items::attribute(table, &next.render)?),
            ("export", items::attribute(table, &next.export)?),
            ("quantity_reserved", number(0)),
            ("progress_at", text(now.to_string())),
            ("date_updated", text(now.to_string())),
            ("attempts", number(0)),
        ]);
        step.remove(&["error_message"]);
        self.update(step).await
    }

    /// Completes a reservation: its file row and its status in one transaction, the old file row of an earlier generation
    /// deleted in it (architecture, step 3).
    ///
    /// # Errors
    /// When the store refuses or does not answer.
    pub async fn complete(&self, read: &Reservation, file: &FileRow, now: Timestamp) -> Result<Saved, StoreError> {
        let mut step = self.running(read);
        step.set(&[
            ("status", text(Status::Complete.as_str())),
            ("quantity_reserved", number(read.quantity())),
            ("export_file", text(&file.id)),
            ("progress_at", text(now.to_string())),
            ("date_updated", text(now.to_string())),
            ("attempts", number(0)),
        ]);
        step.remove(&["export", "open", "error_message"]);
        let mut transaction = Transaction::default();
        transaction.update(step.transact()?);
        transaction.put(self.file_put(file)?);
        if let Some(old) = read.export_file.as_deref().filter(|old| *old != file.id) {
            transaction.delete(Delete::builder().table_name(&self.config.tables.files).key("id", text(old)).build()?);
        }
        for attempt in 1..=MAX_ATTEMPTS {
            match transaction.clone().send(self.client).await?.written() {
                Ok(true) => return Ok(Saved::Done),
                Ok(false) => return Ok(Saved::Stale),
                Err(StoreError::Busy(_)) => pause(attempt).await,
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Contended(MAX_ATTEMPTS))
    }

    /// Ends a reservation with a message for a person. Without a range the write is conditional on `version` too, since the
    /// input that was wrong may have been edited.
    ///
    /// # Errors
    /// When the store refuses or does not answer.
    pub async fn fail(&self, read: &Reservation, message: &str, now: Timestamp) -> Result<Saved, StoreError> {
        let mut step = self.running(read);
        step.fail(message, now);
        self.update(step).await
    }

    /// Counts a try of the sweep: the write that brings the next one.
    ///
    /// # Errors
    /// When the store refuses or does not answer.
    pub async fn nudge(&self, read: &Reservation, now: Timestamp) -> Result<Saved, StoreError> {
        let mut step = self.running(read);
        step.set(&[("attempts", number(read.attempts.saturating_add(1))), ("progress_at", text(now.to_string()))]);
        step.without_progress_since(read);
        self.update(step).await
    }

    /// Ends a reservation that the sweep has woken in vain, unless it made progress since it was read.
    ///
    /// # Errors
    /// When the store refuses or does not answer.
    pub async fn give_up(&self, read: &Reservation, message: &str, now: Timestamp) -> Result<Saved, StoreError> {
        let mut step = self.running(read);
        step.fail(message, now);
        step.without_progress_since(read);
        self.update(step).await
    }

    /// A step that holds only while the reservation is as read: status, incarnation, generation, and the upload and next
    /// part of its export, or its version while there is no range.
    fn running(&self, read: &Reservation) -> Step {
        let mut step = Step::new(&self.config.tables.reservations, read.id);
        step.condition("#status = :status_read", ":status_read", text(read.status.as_str()));
        step.condition("incarnation = :incarnation", ":incarnation", text(read.incarnation.to_string()));
        step.condition("generation = :generation_read", ":generation_read", number(read.generation));
        if read.range.is_none() {
            step.condition("version = :version_read", ":version_read", number(read.version));
        }
        if let Some(export) = &read.export {
            step.condition("#export.next_part = :part_read", ":part_read", number(export.next_part));
            match &export.upload_id {
                Some(upload) => step.condition("#export.upload_id = :upload_read", ":upload_read", text(upload)),
                None => step.conditions.push("attribute_not_exists(#export.upload_id)".to_owned()),
            }
            step.names.insert("#export".to_owned(), "export".to_owned());
        }
        step.names.insert("#status".to_owned(), "status".to_owned());
        step
    }

    async fn update(&self, step: Step) -> Result<Saved, StoreError> {
        let (expression, condition) = (step.expression(), step.conditions.join(" AND "));
        for attempt in 1..=MAX_ATTEMPTS {
            let result = self
                .client
                .update_item()
                .table_name(&step.table)
                .key("id", text(step.id.to_string()))
                .update_expression(&expression)
                .condition_expression(&condition)
                .set_expression_attribute_names(Some(step.names.clone()))
                .set_expression_attribute_values(Some(step.values.clone()))
                .send()
                .await;
            match result {
                Ok(_) => return Ok(Saved::Done),
                Err(error) => match error.as_service_error() {
                    Some(UpdateItemError::ConditionalCheckFailedException(_)) => return Ok(Saved::Stale),
                    // A client's edit is on its way: it must not cost a slice.
                    Some(UpdateItemError::TransactionConflictException(_)) => pause(attempt).await,
                    _ => return Err(classify(error)),
                },
            }
        }
        Err(StoreError::Contended(MAX_ATTEMPTS))
    }
}

/// One conditional update, built member by member.
struct Step {
    table: String,
    id: Uuid,
    sets: Vec<String>,
    removes: Vec<String>,
    conditions: Vec<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Step {
    fn new(table: &str, id: Uuid) -> Self {
        Self {
            table: table.to_owned(),
            id,
            sets: vec!["version = version + :one".to_owned()],
            removes: Vec::new(),
            conditions: Vec::new(),
            names: HashMap::new(),
            values: HashMap::from([(":one".to_owned(), number(1))]),
        }
    }

    fn set(&mut self, members: &[(&str, AttributeValue)]) {
        for (name, value) in members {
            self.sets.push(format!("#{name} = :{name}"));
            self.names.insert(format!("#{name}"), (*name).to_owned());
            self.values.insert(format!(":{name}"), value.clone());
        }
    }

    fn remove(&mut self, members: &[&str]) {
        for name in members {
            self.removes.push(format!("#{name}"));
            self.names.insert(format!("#{name}"), (*name).to_owned());
        }
    }

    /// The members of an end with a message.
    fn fail(&mut self, message: &str, now: Timestamp) {
        self.set(&[
            ("status", text(Status::Error.as_str())),
            ("error_message", text(message)),
            ("date_updated", text(now.to_string())),
        ]);
        self.remove(&["export", "open"]);
    }

    /// Holds only while nothing moved since `read` (architecture, step 7).
    fn without_progress_since(&mut self, read: &Reservation) {
        self.condition("attempts = :attempts_read", ":attempts_read", number(read.attempts));
        match read.progress_at {
            Some(at) => self.condition("progress_at = :progress_read", ":progress_read", text(at.to_string())),
            None => self.conditions.push("attribute_not_exists(progress_at)".to_owned()),
        }
    }

    fn condition(&mut self, condition: &str, name: &str, value: AttributeValue) {
        self.conditions.push(condition.to_owned());
        self.values.insert(name.to_owned(), value);
    }

    fn expression(&self) -> String {
        let sets = self.sets.join(", ");
        if self.removes.is_empty() {
            format!("SET {sets}")
        } else {
            format!("SET {sets} REMOVE {}", self.removes.join(", "))
        }
    }

    fn transact(self) -> Result<Update, StoreError> {
        Update::builder()
            .table_name(&self.table)
            .key("id", text(self.id.to_string()))
            .update_expression(self.expression())
            .condition_expression(self.conditions.join(" AND "))
            .set_expression_attribute_names(Some(self.names))
            .set_expression_attribute_values(Some(self.values))
            .build()
            .map_err(StoreError::from)
    }
}

/// The reservation with its range.
fn placed(placement: &Placement, entry: &PoolEntry, now: Timestamp) -> Reservation {
    let pool = entry.pool();
    let item = &placement.reservation;
    Reservation {
        status: Status::InProgress,
        generation: 1,
        version: item.version.saturating_add(1),
        range: Some(Range {
            namespace: pool.namespace.clone(),
            pool_number: pool.number,
            character_set: pool.character_set,
            check: pool.check.clone(),
            start: placement.start,
            count: item.quantity(),
        }),
        render: Some(placement.render.clone()),
        export: Some(ExportProgress::begin()),
        attempts: 0,
        quantity_reserved: Some(0),
        error_message: None,
        progress_at: Some(now),
        date_updated: Some(now),
        ..item.clone()
    }
}

/// Reads the reason of each action: the pool's, then the ranges', then the reservations'.
fn overtaken(reasons: &[Reason], of_pool: usize, placements: usize) -> Result<Allocated, StoreError> {
    if let Some(text) = reasons.iter().find_map(|reason| match reason {
        Reason::Refused(text) => Some(text.clone()),
        _ => None,
    }) {
        return Err(StoreError::Refused(text));
    }
    let failed = |reason: &Reason| matches!(reason, Reason::Condition(_));
    // A range entry that exists means that the counter read was old, too.
    let pool = reasons.iter().take(of_pool + placements).any(failed);
    let changed: Vec<usize> = reasons
        .iter()
        .skip(of_pool + placements)
        .enumerate()
        .filter(|(_, reason)| failed(reason))
        .map(|(position, _)| position)
        .collect();
    if pool || !changed.is_empty() { Ok(Allocated::Overtaken { changed, pool }) } else { Ok(Allocated::Busy) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cancellation_reason_is_told_apart() {
        let condition = || Reason::Condition(None);
        let told = |reasons: &[Reason]| overtaken(reasons, 1, 2).unwrap();
        // pool, range, range, reservation, reservation
        let none = || Reason::None;
        assert!(matches!(told(&[condition(), none(), none(), none(), none()]),
            Allocated::Overtaken { changed, pool: true } if changed.is_empty()));
        assert!(matches!(told(&[none(), none(), condition(), none(), none()]),
            Allocated::Overtaken { changed, pool: true } if changed.is_empty()));
        assert!(matches!(told(&[none(), none(), none(), none(), condition()]),
            Allocated::Overtaken { changed, pool: false } if changed == [1]));
        assert!(matches!(told(&[Reason::Retry, none(), none(), none(), none()]), Allocated::Busy));
        assert!(overtaken(&[Reason::Refused("ValidationError".into())], 1, 2).is_err());
    }
}
