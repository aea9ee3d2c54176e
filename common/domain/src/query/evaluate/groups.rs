//! Answers with aggregates: one object over all rows, or one for each group of rows.

use super::order::{compare_keys, sort_value};
use super::project;
use super::related::{Related, Row};
use super::value::Actual;
use crate::query::budget::Limit;
use crate::query::plan::{Operation, Query, SortKey, SortTarget};
use crate::query::schema::FieldType;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Units of evaluation that an aggregate costs for each row: distinct values are kept as texts.
const UNITS_PER_AGGREGATE: usize = 4;
/// Units of evaluation that a field of `groupBy` costs for each row.
const UNITS_PER_GROUP: usize = 8;

impl Query {
    /// Aggregates over rows that match: one object, or one for each group. Incomplete when the budget is spent.
    pub(in crate::query) fn aggregate(&self, mut rows: Vec<&Row>, related: &Related) -> Vec<Value> {
        if self.groups.is_empty() && self.aggregates.is_empty() {
            // There are only unknown operations: Directus answers an empty object for each row.
            return self.window.cut(rows.iter().map(|_| Value::Object(Map::new())));
        }
        let budget = related.budget();
        let steps = self.aggregates.len() * UNITS_PER_AGGREGATE + self.groups.len() * UNITS_PER_GROUP + 1;
        if !budget.pays(Limit::Evaluation, rows.len().saturating_mul(steps)) {
            return Vec::new();
        }
        // Rows are taken in the order of their keys, so that the first row of each group is always the same.
        let key = self.collection.primary_key().name;
        rows.sort_by(|a, b| a.get(key).and_then(Value::as_str).cmp(&b.get(key).and_then(Value::as_str)));
        let mut groups: Vec<Group<'_>> = Vec::new();
        if self.groups.is_empty() {
            let values = self.aggregates.iter().map(|a| a.compute(&rows)).collect();
            groups.push(Group { first: None, named: Map::new(), values });
        } else {
            let mut index: HashMap<String, usize> = HashMap::new();
            let mut members: Vec<(Map<String, Value>, Vec<&Row>)> = Vec::new();
            for row in rows {
                let named = project::group_members(&self.groups, row, related);
                let text = serde_json::to_string(&named).unwrap_or_default();
                match index.get(&text).and_then(|at| members.get_mut(*at)) {
                    Some((_, rows)) => rows.push(row),
                    None => {
                        let size = named.len() + self.aggregates.len() + 1;
                        if !budget.pays(Limit::Members, size) || !budget.pays(Limit::Text, text.len()) {
                            return Vec::new();
                        }
                        index.insert(text, members.len());
                        members.push((named, vec![row]));
                    }
                }
            }
            groups.extend(members.into_iter().map(|(named, rows)| {
                let values = self.aggregates.iter().map(|a| a.compute(&rows)).collect();
                Group { first: rows.first().copied(), named, values }
            }));
        }
        if !budget.pays(Limit::SortValues, groups.len().saturating_mul(self.sort.len())) {
            return Vec::new();
        }
        // Values are read once per group, not once for each comparison.
        let mut groups: Vec<(Vec<Actual<'static>>, Group<'_>)> =
            groups.into_iter().map(|group| (self.group_values(&group, related), group)).collect();
        groups.sort_by(|a, b| compare_keys(&self.sort, &a.0, &b.0));
        self.window.cut(groups).into_iter().map(|(_, group)| self.show_group(group)).collect()
    }

    fn group_values(&self, group: &Group<'_>, related: &Related) -> Vec<Actual<'static>> {
        let value = |key: &SortKey| match (&key.target, group.first) {
            (SortTarget::Aggregate(at), _) => self.aggregate_value(*at, &group.values),
            (SortTarget::Path(_), Some(row)) => sort_value(key, row, related).into_owned(),
            (SortTarget::Path(_), None) => Actual::Null,
        };
        self.sort.iter().map(value).collect()
    }

    fn aggregate_value(&self, at: usize, values: &[Value]) -> Actual<'static> {
        let (Some(aggregate), Some(value)) = (self.aggregates.get(at), values.get(at)) else {
            return Actual::Null;
        };
        let kind = match aggregate.field {
            Some(field) if !aggregate.operation.is_number() => field.kind,
            // Counts, sums and averages are numbers written as text.
            _ => FieldType::Integer,
        };
        Actual::read(kind, Some(value)).into_owned()
    }

    fn show_group(&self, group: Group<'_>) -> Value {
        let mut out = group.named;
        for (aggregate, value) in self.aggregates.iter().zip(group.values) {
            if self.shows_count_all || aggregate.operation != Operation::CountAll {
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
    values: Vec<Value>,
}

fn plain_number(value: Value) -> Value {
    let parsed = value.as_str().and_then(|text| serde_json::from_str(text).ok()).filter(Value::is_number);
    parsed.unwrap_or(value)
}
