//! Answers with aggregates: one object over all rows, or one for each group of rows.

use super::order::{BYTES_PER_VALUE, compare_keys, sort_value};
use super::project;
use super::related::Related;
use super::times::Times;
use super::value::Actual;
use crate::query::budget::Limit;
use crate::query::plan::{Query, SortKey, SortTarget};
use crate::query::row::Row;
use crate::query::schema::FieldType;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Units of evaluation that an aggregate costs for each row: distinct values are kept as texts.
const UNITS_PER_AGGREGATE: usize = 4;
/// Units of evaluation that a field of `groupBy` costs for each row.
const UNITS_PER_GROUP: usize = 8;

impl Query {
    /// Aggregates over rows that match: one object, or one for each group. Incomplete when the budget is spent.
    pub(in crate::query) fn aggregate(&self, mut rows: Vec<Times<'_>>, related: &Related) -> Vec<Value> {
        if self.groups.is_empty() && self.aggregates.is_empty() {
            // There are only unknown operations: Directus answers an empty object for each row.
            return self.window.cut(rows.iter().map(|_| Value::Object(Map::new())));
        }
        let budget = related.budget();
        let steps = self.aggregates.len() * UNITS_PER_AGGREGATE + self.groups.len() * UNITS_PER_GROUP + 1;
        if !budget.pays(Limit::Evaluation, rows.len().saturating_mul(steps)) || !self.pays_for_texts(&rows, related) {
            return Vec::new();
        }
        // Rows are taken in the order of their keys, so that the first row of each group is always the same.
        let key = self.collection.primary_key().name;
        rows.sort_by(|a, b| a.row.get(key).and_then(Value::as_str).cmp(&b.row.get(key).and_then(Value::as_str)));
        let mut groups: Vec<Group<'_>> = Vec::new();
        if self.groups.is_empty() {
            groups.push(Group { first: None, ..Group::new(Map::new(), rows) });
        } else {
            let mut index: HashMap<String, usize> = HashMap::new();
            let mut members: Vec<(Map<String, Value>, Vec<Times<'_>>)> = Vec::new();
            for one in rows {
                let named = project::group_members(&self.groups, one.row, related);
                let text = serde_json::to_string(&named).unwrap_or_default();
                match index.get(&text).and_then(|at| members.get_mut(*at)) {
                    Some((_, rows)) => rows.push(one),
                    None => {
                        let size = named.len() + self.aggregates.len() + 1;
                        if !budget.pays(Limit::Members, size) || !budget.pays(Limit::Text, text.len()) {
                            return Vec::new();
                        }
                        index.insert(text, members.len());
                        members.push((named, vec![one]));
                    }
                }
            }
            groups.extend(members.into_iter().map(|(named, rows)| Group::new(named, rows)));
        }
        // Values are read once per group, not once for each comparison.
        let mut ordered: Vec<(Vec<Actual<'static>>, Group<'_>)> = Vec::with_capacity(groups.len());
        for group in groups {
            let values = self.group_values(&group, related);
            let bytes: usize = values.iter().map(Actual::text_len).sum();
            if !budget.pays(Limit::SortValues, values.len() + bytes / BYTES_PER_VALUE) {
                return Vec::new();
            }
            ordered.push((values, group));
        }
        let mut groups = ordered;
        groups.sort_by(|a, b| compare_keys(&self.sort, &a.0, &b.0));
        let mut shown = Vec::new();
        for (_, group) in self.window.cut(groups) {
            // The aggregates of groups that are not shown are computed only as far as they order the others.
            let values: Vec<Value> = self.aggregates.iter().map(|aggregate| aggregate.compute(&group.rows)).collect();
            let bytes: usize = values.iter().filter_map(Value::as_str).map(str::len).sum();
            if !budget.pays(Limit::Text, bytes) {
                return Vec::new();
            }
            shown.push(self.show_group(group.named, values));
        }
        shown
    }

    /// Subtracts the texts that aggregates read: distinct ones are copied.
    fn pays_for_texts(&self, rows: &[Times<'_>], related: &Related) -> bool {
        let fields: Vec<&str> = self.aggregates.iter().filter_map(|aggregate| Some(aggregate.field?.name)).collect();
        rows.iter().all(|one| {
            let texts = fields.iter().filter_map(|field| one.row.get(field)?.as_str());
            let bytes: usize = texts.map(str::len).sum();
            bytes == 0 || related.budget().evaluates(bytes)
        })
    }

    fn group_values(&self, group: &Group<'_>, related: &Related) -> Vec<Actual<'static>> {
        let value = |key: &SortKey| match (&key.target, group.first) {
            (SortTarget::Aggregate(at), _) => self.aggregate_value(*at, &group.rows),
            (SortTarget::Path(_), Some(row)) => sort_value(key, row, related).into_owned(),
            (SortTarget::Path(_), None) => Actual::Null,
        };
        self.sort.iter().map(value).collect()
    }

    fn aggregate_value(&self, at: usize, rows: &[Times<'_>]) -> Actual<'static> {
        let Some(aggregate) = self.aggregates.get(at) else { return Actual::Null };
        let value = aggregate.compute(rows);
        let kind = match aggregate.field {
            Some(field) if !aggregate.operation.is_number() => field.kind,
            // Counts, sums and averages are numbers written as text.
            _ => FieldType::Integer,
        };
        Actual::read(kind, Some(&value)).into_owned()
    }

    fn show_group(&self, named: Map<String, Value>, values: Vec<Value>) -> Value {
        let mut out = named;
        for (aggregate, value) in self.aggregates.iter().zip(values) {
            if self.shows(aggregate) {
                let value =
                    if self.plain_numbers && aggregate.operation.is_number() { plain_number(value) } else { value };
                aggregate.store(value, &mut out);
            }
        }
        Value::Object(out)
    }
}

struct Group<'a> {
    first: Option<&'a Row>,
    named: Map<String, Value>,
    rows: Vec<Times<'a>>,
}

impl<'a> Group<'a> {
    fn new(named: Map<String, Value>, rows: Vec<Times<'a>>) -> Self {
        Self { first: rows.first().map(|one| one.row), named, rows }
    }
}

fn plain_number(value: Value) -> Value {
    let parsed = value.as_str().and_then(|text| serde_json::from_str(text).ok()).filter(Value::is_number);
    parsed.unwrap_or(value)
}
