//! [`Related`]: what a query needs besides its own rows, that is related rows, codes, and the results of code lookups.
//!
//! A container that the caller fills before a query is evaluated.

use crate::query::budget::Budget;
use crate::query::plan::{CodeLookup, Window};
use crate::query::row::Row;
use crate::query::schema::Collection;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// Loaded rows, codes and lookups. What is missing is evaluated as null.
#[derive(Debug, Default, Clone)]
pub struct Related {
    rows: HashMap<Collection, HashMap<String, Row>>,
    codes: HashMap<String, Vec<Row>>,
    code_keys: HashMap<String, Vec<Uuid>>,
    codes_start: Option<usize>,
    counts: HashMap<String, u64>,
    found: HashMap<CodeLookup, HashSet<String>>,
    budget: Budget,
}

impl Related {
    /// An empty container.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty container for a request with this budget, which evaluation and rendering subtract from.
    pub fn within(budget: &Budget) -> Self {
        Self { budget: budget.clone(), ..Self::default() }
    }

    /// The budget of the request.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Forgets the rows of each collection that has more than `most`.
    pub fn forget_rows(&mut self, most: usize) {
        for collection in [Collection::Files, Collection::CodeReservation, Collection::Users, Collection::Organisation]
        {
            if self.rows.get(&collection).is_some_and(|rows| rows.len() > most) {
                self.rows.remove(&collection);
            }
        }
    }

    /// Adds a row under its `id`. A row without an `id` is ignored.
    pub fn insert(&mut self, collection: Collection, row: Row) {
        if let Some(id) = row.get("id").and_then(Value::as_str) {
            self.rows.entry(collection).or_default().insert(id.to_owned(), row);
        }
    }

    /// The row of this key.
    pub fn get(&self, collection: Collection, id: &str) -> Option<&Row> {
        self.rows.get(&collection)?.get(id)
    }

    /// Sets the `unique_code` rows of a reservation, in order and already cut to the window that
    /// [`Needs::codes`](crate::query::Needs) asked for.
    pub fn set_codes(&mut self, reservation: impl Into<String>, codes: Vec<Row>) {
        self.codes.insert(reservation.into(), codes);
    }

    /// Sets the keys of a reservation's codes, cut like [`Related::set_codes`]. Enough if no other field of the codes is shown.
    pub fn set_code_keys(&mut self, reservation: impl Into<String>, keys: Vec<Uuid>) {
        self.code_keys.insert(reservation.into(), keys);
    }

    /// The keys of a reservation's codes that a window shows, if only the keys were set.
    pub(in crate::query) fn code_keys_in(
        &self,
        reservation: &str,
        window: Window,
    ) -> Option<impl Iterator<Item = &Uuid>> {
        let keys = self.code_keys.get(reservation)?;
        Some(self.shown(keys, window))
    }

    /// Sets the position, from 0, of the first code that was set for each reservation. An answer with several windows cuts each
    /// relative to it. Without it, the codes that were set are the window.
    pub fn set_codes_start(&mut self, start: usize) {
        self.codes_start = Some(start);
    }

    /// The codes of a reservation that a window shows.
    pub(in crate::query) fn codes_in(&self, reservation: &str, window: Window) -> impl Iterator<Item = &Row> {
        self.shown(self.codes(reservation), window)
    }

    /// The items in a window.
    fn shown<'a, T>(&self, set: &'a [T], window: Window) -> impl Iterator<Item = &'a T> + use<'a, T> {
        let skip = self.codes_start.map_or(0, |start| window.skip().saturating_sub(start));
        set.iter().skip(skip).take(window.take().unwrap_or(usize::MAX))
    }

    /// The codes of a reservation; empty if none were set.
    pub fn codes(&self, reservation: &str) -> &[Row] {
        self.codes.get(reservation).map_or(&[], Vec::as_slice)
    }

    /// Sets the number of codes of a reservation, regardless of any window.
    pub fn set_codes_count(&mut self, reservation: impl Into<String>, count: u64) {
        self.counts.insert(reservation.into(), count);
    }

    /// The number of codes of a reservation; 0 if none was set.
    pub fn codes_count(&self, reservation: &str) -> u64 {
        self.counts.get(reservation).copied().unwrap_or(0)
    }

    /// Sets which reservations a lookup of [`Query::code_lookups`](crate::query::Query::code_lookups) found.
    pub fn set_lookup(&mut self, lookup: CodeLookup, reservations: impl IntoIterator<Item = String>) {
        self.found.insert(lookup, reservations.into_iter().collect());
    }

    /// Whether the lookup found this reservation.
    pub(in crate::query) fn has_code(&self, lookup: &CodeLookup, reservation: &str) -> bool {
        self.found.get(lookup).is_some_and(|ids| ids.contains(reservation))
    }
}
