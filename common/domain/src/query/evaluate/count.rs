//! Queries that only count rows, which a store can answer without reading the rows.

use crate::query::plan::{Operation, Query};
use serde_json::{Map, Value};

impl Query {
    /// The `data` of a query that only counts rows, given their number; `None` for any other query.
    #[must_use]
    pub fn count_data(&self, rows: usize) -> Option<Value> {
        let key = self.collection.primary_key().name;
        let counts_rows = self.aggregates.iter().all(|aggregate| {
            matches!(aggregate.operation, Operation::Count | Operation::CountAll)
                && aggregate.field.is_none_or(|field| field.name == key)
        });
        if !self.is_aggregate || !self.groups.is_empty() || self.aggregates.is_empty() || !counts_rows {
            return None;
        }
        let mut out = Map::new();
        for aggregate in &self.aggregates {
            if self.shows_count_all || aggregate.operation != Operation::CountAll {
                aggregate.store(Value::String(rows.to_string()), &mut out);
            }
        }
        Some(Value::Array(self.window.cut([Value::Object(out)])))
    }
}
