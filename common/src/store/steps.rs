//! The service's own steps of a reservation. Each is conditional on what was read, and each adds 1 to `version`.
//!
//! A step whose condition fails changes nothing and reports it, so a stale worker never writes.

use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{AttributeValue, Delete},
};

use super::{
    FileRow, MAX_ATTEMPTS, Store, StoreError,
    conditional_update::Step,
    error::classify,
    items::{self, number, text},
    transaction::Transaction,
};
use crate::{
    directory::Audit,
    reservation::{ExportProgress, Render, Reservation, Status, Timestamp},
};

/// The result of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// It is written.
    Done,
    /// The reservation changed after it was read; nothing is written.
    Stale,
}

impl Store<'_> {
    /// Saves the progress of an export. The stream record of this write starts the next slice.
    ///
    /// The write is conditional on generation, upload and next part as read, so a stale worker never moves the progress
    /// back (RSV-4).
    ///
    /// # Errors
    /// [`StoreError::Busy`] when DynamoDB does not answer; [`StoreError::Contended`] when every try conflicts with a
    /// transaction; [`StoreError::Refused`] when DynamoDB refuses the request.
    pub async fn save_progress(
        &self,
        read: &Reservation,
        export: &ExportProgress,
        rows: u64,
        now: Timestamp,
    ) -> Result<Saved, StoreError> {
        let table = &self.config.tables.reservations;
        let mut step = self.running(read);
        step.set(&[("export", items::attribute(table, export)?), ("quantity_reserved", number(rows))]);
        step.progress(now);
        self.update(step).await
    }

    /// Restarts the export with the current renderer, when a worker with a newer renderer takes over.
    ///
    /// # Errors
    /// As [`Store::save_progress`].
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
        ]);
        step.progress(now);
        step.remove(&["error_message"]);
        self.update(step).await
    }

    /// Completes a reservation. One transaction writes its file row and its status, and deletes the file row of an
    /// earlier generation (architecture, step 3).
    ///
    /// # Errors
    /// As [`Store::save_progress`].
    pub async fn complete(&self, read: &Reservation, file: &FileRow, now: Timestamp) -> Result<Saved, StoreError> {
        let mut step = self.running(read);
        step.set(&[("quantity_reserved", number(read.quantity())), ("export_file", text(&file.id))]);
        step.progress(now);
        step.become_status(read, Status::Complete);
        step.remove(&["export", "error_message"]);
        let mut transaction = self.transaction();
        transaction.update(step.transact()?);
        transaction.put(self.file_put(file)?);
        if let Some(old) = read.export_file.as_deref().filter(|old| *old != file.id) {
            transaction.delete(Delete::builder().table_name(&self.config.tables.files).key("id", text(old)).build()?);
        }
        self.transact(&transaction).await
    }

    /// Ends a reservation as `error` with a message for a person. Without a range the write is conditional on `version`
    /// too, because the client may have corrected the input since it was read.
    ///
    /// # Errors
    /// As [`Store::save_progress`].
    pub async fn fail(&self, read: &Reservation, message: &str, now: Timestamp) -> Result<Saved, StoreError> {
        let mut step = self.running(read);
        step.fail(read, message, now);
        self.update(step).await
    }

    /// Wakes a reservation. The stream record of this write starts the next step; the worker that does it counts the
    /// attempt. So a wake that no worker takes, because there is none, counts for nothing.
    ///
    /// # Errors
    /// As [`Store::save_progress`].
    pub async fn wake(&self, read: &Reservation, now: Timestamp) -> Result<Saved, StoreError> {
        self.update(self.waking(read, now)).await
    }

    /// [`Store::wake`] by an operator: the audit row is in the transaction, so there is none of a wake that was stale.
    ///
    /// # Errors
    /// As [`Store::save_progress`].
    pub async fn wake_audited(&self, read: &Reservation, now: Timestamp, audit: &Audit) -> Result<Saved, StoreError> {
        let mut transaction = self.transaction();
        transaction.update(self.waking(read, now).transact()?);
        transaction.put(self.audit_put(audit)?);
        self.transact(&transaction).await
    }

    fn waking(&self, read: &Reservation, now: Timestamp) -> Step {
        let mut step = self.running(read);
        step.set(&[("woken", AttributeValue::Bool(true)), ("progress_at", text(now.to_string()))]);
        step.without_progress_since(read);
        step
    }

    /// Counts the attempt of a woken reservation, once for each wake: before the attempt, so that one in which the worker
    /// dies counts too. It sets `progress_at`, so the next wake comes after the attempt. Gives the reservation as it is
    /// then; `None` if it changed after it was read.
    ///
    /// # Errors
    /// As [`Store::save_progress`].
    pub async fn count_attempt(&self, read: &Reservation, now: Timestamp) -> Result<Option<Reservation>, StoreError> {
        let counted = read.counted(now);
        let mut step = self.running(read);
        step.set(&[("attempts", number(counted.attempts)), ("progress_at", text(now.to_string()))]);
        step.remove(&["woken"]);
        step.conditions.push("attribute_exists(#woken)".to_owned());
        step.without_progress_since(read);
        let saved = self.update(step).await?;
        Ok((saved == Saved::Done).then_some(counted))
    }

    /// Takes back the count of an attempt that ended because a store was away. Nothing happens if the reservation made
    /// progress, was counted again, or is another one.
    ///
    /// # Errors
    /// As [`Store::save_progress`]. Then the attempt stays counted.
    pub async fn take_back_attempt(&self, counted: &Reservation) -> Result<(), StoreError> {
        let mut step = Step::new(&self.config.tables.reservations, counted.id);
        step.condition("incarnation = :incarnation", ":incarnation", text(counted.incarnation.to_string()));
        step.condition("attempts = :counted", ":counted", number(counted.attempts));
        step.set(&[("attempts", number(counted.attempts.saturating_sub(1)))]);
        self.update(step).await.map(drop)
    }

    /// A step on the condition that the reservation is as read: status, incarnation and generation; upload and next
    /// part of its export; and its version while there is no range.
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

    /// Writes a step with what belongs to it, all or nothing.
    async fn transact(&self, transaction: &Transaction) -> Result<Saved, StoreError> {
        Ok(if self.decide(transaction).await?.written()? { Saved::Done } else { Saved::Stale })
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
                    // A client's edit is in progress. A retry ensures that the work of the slice is not lost.
                    Some(UpdateItemError::TransactionConflictException(_)) => self.pause(attempt).await,
                    _ => return Err(classify(error)),
                },
            }
        }
        Err(StoreError::Contended(MAX_ATTEMPTS))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{super::prepared::*, *};

    fn exporting() -> Reservation {
        let id = "0190a5a5-0000-7000-8000-000000000000";
        serde_json::from_value(json!({"id": id, "incarnation": id, "status": "in_progress", "generation": 1})).unwrap()
    }

    /// What a step gives, and the number of requests.
    async fn saved(answers: impl IntoIterator<Item = (u16, Value)>) -> (Result<Saved, StoreError>, usize) {
        let prepared = Prepared::new(answers);
        let now = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
        let saved = prepared.store().wake(&exporting(), now).await;
        (saved, prepared.requests().len())
    }

    #[tokio::test]
    async fn a_step_is_stale_when_its_condition_fails_and_is_tried_again_when_a_transaction_is_in_its_way() {
        let (stale, conflict) = (error("ConditionalCheckFailedException"), error("TransactionConflictException"));
        let done = (200, json!({}));
        assert!(matches!(saved([done.clone()]).await, (Ok(Saved::Done), 1)));
        assert!(matches!(saved([stale.clone()]).await, (Ok(Saved::Stale), 1)));
        assert!(matches!(saved([conflict.clone(), conflict.clone(), done]).await, (Ok(Saved::Done), 3)));
        assert!(matches!(saved([conflict, stale]).await, (Ok(Saved::Stale), 2)));
        assert!(matches!(saved([error("ResourceNotFoundException")]).await, (Err(_), 1)));
    }
}
