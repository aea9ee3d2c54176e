//! Answers with aggregates: one object over all rows, or one for each group of rows.

use super::aggregate::Running;
use super::order::{BYTES_PER_VALUE, compare_keys, sort_value};
use super::project;
use super::related::Related;
use super::value::Actual;
use crate::query::budget::{Budget, Limit};
use crate::query::error::QueryError;
use crate::query::plan::{Query, SortKey, SortTarget};
use crate::query::row::Row;
use crate::query::schema::FieldType;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Units of evaluation that an aggregate costs for each row: distinct values are kept as texts.
const UNITS_PER_AGGREGATE: usize = 4;
/// Units of evaluation that a field of `groupBy` costs for each row.
const UNITS_PER_GROUP: usize = 8;

/// Groups and their aggregates, made of rows that arrive in any order. It holds no rows.
#[derive(Debug)]
pub struct Groups<'q> {
    query: &'q Query,
    rows: usize,
    groups: Vec<Group>,
    /// The position of each group by the text of its members.
    positions: HashMap<String, usize>,
}

#[derive(Debug)]
struct Group {
    named: Map<String, Value>,
    /// The least key of its rows, and the values of `sort` in that row, so that they do not depend on the order of
    /// arrival.
    first: Option<String>,
    sort: Vec<Actual<'static>>,
    aggregates: Vec<Running>,
}

impl Group {
    fn new(query: &Query, named: Map<String, Value>) -> Self {
        let aggregates = query.aggregates.iter().map(|_| Running::default()).collect();
        Self { named, first: None, sort: Vec::new(), aggregates }
    }
}

impl<'q> Groups<'q> {
    /// No rows yet.
    #[must_use]
    pub fn new(query: &'q Query) -> Self {
        // Without `groupBy`, there is one group also of no rows.
        let is_one = query.groups.is_empty() && !query.aggregates.is_empty();
        let groups = is_one.then(|| Group::new(query, Map::new())).into_iter().collect();
        Self { query, rows: 0, groups, positions: HashMap::new() }
    }

    /// Takes a row that matches. Once the budget is spent it takes none; [`Groups::into_data`] fails then.
    pub fn take(&mut self, row: &Row, related: &Related) {
        self.take_times(row, 1, related);
    }

    /// Like [`Groups::take`], for a row that stands for a number of rows.
    pub(in crate::query) fn take_times(&mut self, row: &Row, times: usize, related: &Related) {
        // A row that cannot be paid for is missing, and then the budget is spent.
        let _: Option<()> = self.try_take(row, times, related);
    }

    fn try_take(&mut self, row: &Row, times: usize, related: &Related) -> Option<()> {
        let (query, budget) = (self.query, related.budget());
        let paid = |limit, amount| budget.pays(limit, amount).then_some(());
        self.rows += 1;
        let steps = query.aggregates.len() * UNITS_PER_AGGREGATE + query.groups.len() * UNITS_PER_GROUP + 1;
        paid(Limit::Evaluation, steps)?;
        // Texts are compared, and distinct ones copied.
        let texts = query.aggregates.iter().filter_map(|aggregate| row.get(aggregate.field?.name)?.as_str());
        let bytes: usize = texts.map(str::len).sum();
        (bytes == 0 || budget.evaluates(bytes)).then_some(())?;
        let group = self.group_of(row, related)?;
        if !query.groups.is_empty() {
            let key = row.get(query.collection.primary_key().name).and_then(Value::as_str).unwrap_or_default();
            if group.first.as_deref().is_none_or(|first| key < first) {
                let values = query.sort.iter().map(|key| sort_value(key, row, related).into_owned());
                group.sort = values.collect();
                let bytes: usize = group.sort.iter().map(Actual::text_len).sum();
                paid(Limit::SortValues, usize::from(group.first.is_none()) + bytes / BYTES_PER_VALUE)?;
                group.first = Some(key.to_owned());
            }
        }
        for (aggregate, running) in query.aggregates.iter().zip(&mut group.aggregates) {
            paid(Limit::SortValues, aggregate.add(running, row, times))?;
        }
        Some(())
    }

    /// The group of a row. `None` if it is a new one for which the budget is too small, or if there are no groups.
    fn group_of(&mut self, row: &Row, related: &Related) -> Option<&mut Group> {
        if self.query.groups.is_empty() {
            return self.groups.first_mut();
        }
        let named = project::group_members(&self.query.groups, row, related);
        let text = serde_json::to_string(&named).unwrap_or_default();
        let position = match self.positions.get(&text) {
            Some(position) => *position,
            None => {
                let (budget, size) = (related.budget(), named.len() + self.query.aggregates.len() + 1);
                if !budget.pays(Limit::Members, size) || !budget.pays(Limit::Text, text.len()) {
                    return None;
                }
                self.positions.insert(text, self.groups.len());
                self.groups.push(Group::new(self.query, named));
                self.groups.len() - 1
            }
        };
        self.groups.get_mut(position)
    }

    /// The data of the answer.
    ///
    /// # Errors
    /// `INVALID_QUERY` when the budget is spent, also before this call.
    pub fn into_data(self, budget: &Budget) -> Result<Value, QueryError> {
        budget.check()?;
        let query = self.query;
        if query.groups.is_empty() && query.aggregates.is_empty() {
            // There are only unknown operations: Directus answers an empty object for each row.
            let rows = (0..self.rows).map(|_| Value::Object(Map::new()));
            return Ok(Value::Array(query.window.cut(rows)));
        }
        // Values are read once per group, not once for each comparison.
        let mut ordered: Vec<(Vec<Actual<'static>>, Group)> = Vec::with_capacity(self.groups.len());
        for group in self.groups {
            let values = query.group_values(&group);
            let bytes: usize = values.iter().map(Actual::text_len).sum();
            budget.spend(Limit::SortValues, values.len() + bytes / BYTES_PER_VALUE)?;
            ordered.push((values, group));
        }
        ordered
            .sort_by(|(a, one), (b, other)| compare_keys(&query.sort, a, b).then_with(|| one.first.cmp(&other.first)));
        let mut shown = Vec::new();
        for (_, group) in query.window.cut(ordered) {
            let pairs = query.aggregates.iter().zip(&group.aggregates);
            let values: Vec<Value> = pairs.map(|(aggregate, running)| aggregate.value(running)).collect();
            let bytes: usize = values.iter().filter_map(Value::as_str).map(str::len).sum();
            budget.spend(Limit::Text, bytes)?;
            shown.push(query.show_group(group.named, values));
        }
        Ok(Value::Array(shown))
    }
}

impl Query {
    /// The values of the sort keys of a group.
    fn group_values(&self, group: &Group) -> Vec<Actual<'static>> {
        let value = |(position, key): (usize, &SortKey)| match key.target {
            SortTarget::Aggregate(at) => self.aggregate_value(at, group),
            SortTarget::Path(_) => group.sort.get(position).cloned().unwrap_or(Actual::Null),
        };
        self.sort.iter().enumerate().map(value).collect()
    }

    fn aggregate_value(&self, at: usize, group: &Group) -> Actual<'static> {
        let (Some(aggregate), Some(running)) = (self.aggregates.get(at), group.aggregates.get(at)) else {
            return Actual::Null;
        };
        let value = aggregate.value(running);
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

fn plain_number(value: Value) -> Value {
    let parsed = value.as_str().and_then(|text| serde_json::from_str(text).ok()).filter(Value::is_number);
    parsed.unwrap_or(value)
}
