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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(progress_at: Option<&str>) -> Reservation {
        let mut row = json!({"id": Uuid::nil(), "incarnation": Uuid::nil(), "status": "in_progress", "attempts": 2,
            "date_created": "2026-01-01T00:00:00.000Z"});
        row["progress_at"] = json!(progress_at);
        serde_json::from_value(row).unwrap()
    }

    fn now() -> Timestamp {
        Timestamp::parse("2026-02-03T04:05:06.000Z").unwrap()
    }

    fn step(change: impl FnOnce(&mut Step)) -> Step {
        let mut step = Step::new("Reservations", Uuid::nil());
        change(&mut step);
        step
    }

    #[test]
    fn progress_forgets_the_attempts_and_the_wake() {
        let step = step(|step| step.progress(now()));
        assert_eq!(
            step.expression(),
            "SET version = version + :one, #progress_at = :progress_at, #date_updated = :date_updated, #attempts = :attempts \
             REMOVE #woken"
        );
        assert_eq!(step.names["#woken"], "woken");
        assert_eq!(step.values[":progress_at"], text(now().to_string()));
        assert_eq!(step.values[":attempts"], number(0));
    }

    #[test]
    fn only_what_has_ended_leaves_the_open_ones() {
        for status in Status::ALL {
            let step = step(|step| step.become_status(&read(None), status));
            assert_eq!(step.expression().ends_with(&format!("REMOVE #{OPEN}")), !status.is_open(), "{status:?}");
            assert_eq!(step.values[":status"], text(status.as_str()));
            assert_eq!(step.values[&format!(":{STATUS_CREATED}")], text(status_key(&read(None), status)));
        }
    }

    #[test]
    fn what_fails_says_why_and_waits_for_nothing() {
        let step = step(|step| step.fail(&read(None), "why", now()));
        assert_eq!(step.values[":status"], text("error"));
        assert_eq!(step.values[":error_message"], text("why"));
        assert!(step.expression().ends_with(&format!("REMOVE #{OPEN}, #export, #woken")), "{}", step.expression());
    }

    #[test]
    fn what_made_progress_since_it_was_read_is_left_alone() {
        let at = "2026-01-02T00:00:00.000Z";
        let step_of = |progress| step(|step| step.without_progress_since(&read(progress)));
        let known = step_of(Some(at));
        assert_eq!(known.conditions, ["attempts = :attempts_read", "progress_at = :progress_read"]);
        assert_eq!((&known.values[":attempts_read"], &known.values[":progress_read"]), (&number(2), &text(at)));
        assert_eq!(step_of(None).conditions, ["attempts = :attempts_read", "attribute_not_exists(progress_at)"]);
    }
}
