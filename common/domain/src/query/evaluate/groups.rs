//! Answers with aggregates: one object over all rows, or one for each group of rows.

use super::order::{compare_keys, sort_value};
use super::project;
use super::related::{Related, Row};
use super::value::Actual;
use crate::query::plan::{Operation, Query, SortKey, SortTarget};
use crate::query::schema::FieldType;
use serde_json::{Map, Value};
use std::cmp::Ordering;
use std::collections::HashMap;

impl Query {
    /// Aggregates over rows that match: one object, or one for each group.
    pub(in crate::query) fn aggregate(&self, mut rows: Vec<&Row>, related: &Related) -> Vec<Value> {
        if self.groups.is_empty() && self.aggregates.is_empty() {
            // There are only unknown operations: Directus answers an empty object for each row.
            return self.window.cut(rows.iter().map(|_| Value::Object(Map::new())));
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
                let at = *index.entry(Value::Object(named.clone()).to_string()).or_insert(members.len());
                match members.get_mut(at) {
                    Some((_, rows)) => rows.push(row),
                    None => members.push((named, vec![row])),
                }
            }
            groups.extend(members.into_iter().map(|(named, rows)| {
                let values = self.aggregates.iter().map(|a| a.compute(&rows)).collect();
                Group { first: rows.first().copied(), named, values }
            }));
        }
        groups.sort_by(|a, b| self.compare_groups(a, b, related));
        self.window.cut(groups).into_iter().map(|group| self.show_group(group)).collect()
    }

    fn compare_groups(&self, a: &Group<'_>, b: &Group<'_>, related: &Related) -> Ordering {
        let values = |group: &Group<'_>, key: &SortKey| match (&key.target, group.first) {
            (SortTarget::Aggregate(at), _) => self.aggregate_value(*at, &group.values),
            (SortTarget::Path(_), Some(row)) => own(sort_value(key, row, related)),
            (SortTarget::Path(_), None) => Actual::Null,
        };
        let all = |group: &Group<'_>| self.sort.iter().map(|key| values(group, key)).collect::<Vec<_>>();
        compare_keys(&self.sort, &all(a), &all(b))
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
        own(Actual::read(kind, Some(value)))
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

fn own(actual: Actual<'_>) -> Actual<'static> {
    match actual {
        Actual::Null => Actual::Null,
        Actual::Text(text) => Actual::Text(text.into_owned().into()),
        Actual::Number(n) => Actual::Number(n),
        Actual::Instant(at) => Actual::Instant(at),
        Actual::Bool(b) => Actual::Bool(b),
    }
}
