//! The expression builder of a step: one conditional update of a reservation.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, Update};
use uuid::Uuid;

use super::{
    StoreError,
    items::{number, text},
    walk::{OPEN, STATUS_CREATED, status_key},
};
use crate::reservation::{Reservation, Status, Timestamp};

/// One conditional update, built member by member.
pub(super) struct Step {
    pub(super) table: String,
    pub(super) id: Uuid,
    sets: Vec<String>,
    removes: Vec<String>,
    pub(super) conditions: Vec<String>,
    pub(super) names: HashMap<String, String>,
    pub(super) values: HashMap<String, AttributeValue>,
}

impl Step {
    pub(super) fn new(table: &str, id: Uuid) -> Self {
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

    pub(super) fn set(&mut self, members: &[(&str, AttributeValue)]) {
        for (name, value) in members {
            self.sets.push(format!("#{name} = :{name}"));
            self.names.insert(format!("#{name}"), (*name).to_owned());
            self.values.insert(format!(":{name}"), value.clone());
        }
    }

    pub(super) fn remove(&mut self, members: &[&str]) {
        for name in members {
            self.removes.push(format!("#{name}"));
            self.names.insert(format!("#{name}"), (*name).to_owned());
        }
    }

    /// Sets the members that say when it made progress, and forgets the attempts since the progress before.
    pub(super) fn progress(&mut self, now: Timestamp) {
        let now = text(now.to_string());
        self.set(&[("progress_at", now.clone()), ("date_updated", now), ("attempts", number(0))]);
        self.remove(&["woken"]);
    }

    /// Sets the members of a reservation that ends as `error` with a message.
    pub(super) fn fail(&mut self, read: &Reservation, message: &str, now: Timestamp) {
        self.become_status(read, Status::Error);
        self.set(&[("error_message", text(message)), ("date_updated", text(now.to_string()))]);
        self.remove(&["export", "woken"]);
    }

    /// Sets the status, and what the indexes by status need.
    pub(super) fn become_status(&mut self, read: &Reservation, status: Status) {
        self.set(&[("status", text(status.as_str())), (STATUS_CREATED, text(status_key(read, status)))]);
        if !status.is_open() {
            self.remove(&[OPEN]);
        }
    }

    /// Adds the condition that the reservation has neither made progress nor been woken since `read` (architecture,
    /// step 7).
    pub(super) fn without_progress_since(&mut self, read: &Reservation) {
        self.condition("attempts = :attempts_read", ":attempts_read", number(read.attempts));
        match read.progress_at {
            Some(at) => self.condition("progress_at = :progress_read", ":progress_read", text(at.to_string())),
            None => self.conditions.push("attribute_not_exists(progress_at)".to_owned()),
        }
    }

    pub(super) fn condition(&mut self, condition: &str, name: &str, value: AttributeValue) {
        self.conditions.push(condition.to_owned());
        self.values.insert(name.to_owned(), value);
    }

    pub(super) fn expression(&self) -> String {
        let sets = self.sets.join(", ");
        if self.removes.is_empty() {
            format!("SET {sets}")
        } else {
            format!("SET {sets} REMOVE {}", self.removes.join(", "))
        }
    }

    pub(super) fn transact(self) -> Result<Update, StoreError> {
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
