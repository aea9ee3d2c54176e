//! A [`Query`] over rows: match, order, cut, show; or group and aggregate.
//!
//! Pure: rows and what they are related to come as arguments. [`Query::run`] does everything at once over rows in memory;
//! the steps are public for a store that can do some of them better.

use crate::query::error::QueryError;
use crate::query::evaluate::aggregate::Operation;
use crate::query::evaluate::project::{self, Shown};
use crate::query::evaluate::related::{Related, Row};
use crate::query::parse::filter::operators::Actual;
use crate::query::parse::query::{Meta, Query};
use crate::query::parse::sort::{SortKey, SortTarget};
use crate::query::schema::FieldType;
use serde::Serialize;
use serde_json::{Map, Value};
use std::cmp::Ordering;
use std::collections::HashMap;

/// The body of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// `meta`, where it was asked for.
    pub meta: Option<Map<String, Value>>,
    /// `data`
    pub data: Value,
}

/// `{"meta": …, "data": …}` as text.
pub fn json_body(meta: Option<&Map<String, Value>>, data: &impl Serialize) -> String {
    #[derive(Serialize)]
    struct Body<'a, T> {
        #[serde(skip_serializing_if = "Option::is_none")]
        meta: Option<&'a Map<String, Value>>,
        data: &'a T,
    }
    // Nothing here fails: every key is a text.
    serde_json::to_string(&Body { meta, data }).unwrap_or_default()
}

impl Answer {
    /// `{"meta": …, "data": …}`
    pub fn into_body(self) -> Value {
        let mut body = Map::new();
        if let Some(meta) = self.meta {
            body.insert("meta".into(), Value::Object(meta));
        }
        body.insert("data".into(), self.data);
        Value::Object(body)
    }
}

impl Query {
    /// Whether the caller may see a row at all.
    pub fn permits(&self, row: &Row, related: &Related) -> bool {
        self.rights.as_ref().is_none_or(|rights| rights.matches(row, related))
    }

    /// Whether a row is one of those asked for: rights, filter and search.
    pub fn matches(&self, row: &Row, related: &Related) -> bool {
        self.permits(row, related)
            && self.filter.as_ref().is_none_or(|filter| filter.matches(row, related))
            && self.search.as_ref().is_none_or(|search| search.matches(row))
    }

    /// The order of two rows; equal rows are ordered by their keys, so that pages never overlap.
    pub fn compare(&self, a: &Row, b: &Row, related: &Related) -> Ordering {
        compare_keys(&self.sort, &self.sort_values(a, related), &self.sort_values(b, related)).then_with(|| {
            let key = self.collection.primary_key().name;
            let id = |row: &Row| row.get(key).and_then(Value::as_str).map(str::to_owned);
            id(a).cmp(&id(b))
        })
    }

    fn sort_values<'a>(&self, row: &'a Row, related: &'a Related) -> Vec<Actual<'a>> {
        self.sort.iter().map(|key| sort_value(key, row, related)).collect()
    }

    /// Sorts rows as the query wants them.
    pub fn sort_rows<'a>(&self, rows: &mut Vec<&'a Row>, related: &'a Related) {
        let key = self.collection.primary_key().name;
        // Values are read once per row, not once per comparison.
        let mut decorated: Vec<(Vec<Actual<'a>>, Option<&'a str>, &'a Row)> = rows
            .drain(..)
            .map(|row| (self.sort_values(row, related), row.get(key).and_then(Value::as_str), row))
            .collect();
        decorated.sort_by(|a, b| compare_keys(&self.sort, &a.0, &b.0).then_with(|| a.1.cmp(&b.1)));
        rows.extend(decorated.into_iter().map(|(_, _, row)| row));
    }

    /// One row as the answer shows it.
    pub fn render(&self, row: &Row, related: &Related) -> Value {
        project::value(&Shown { selection: &self.selection, row, related })
    }

    /// `{"meta": …, "data": […]}` of rows that are in order and cut, as text. The same as [`Answer::into_body`] of each row
    /// [rendered](Query::render), without a value of every member in between.
    pub fn json_of(&self, meta: Option<&Map<String, Value>>, rows: &[Row], related: &Related) -> String {
        let data: Vec<_> = rows.iter().map(|row| Shown { selection: &self.selection, row, related }).collect();
        json_body(meta, &data)
    }

    /// The whole answer over all rows of the collection.
    pub fn run<'a>(&self, rows: &'a [Row], related: &'a Related) -> Answer {
        let permitted: Vec<&Row> = rows.iter().filter(|row| self.permits(row, related)).collect();
        let total = permitted.len();
        let matching: Vec<&Row> = permitted.into_iter().filter(|row| self.matches(row, related)).collect();
        let meta = self.meta_of(total, matching.len());
        Answer { meta, data: self.data_of(matching, related) }
    }

    /// The `meta` of an answer from its two counts.
    pub fn meta_of(&self, total: usize, filtered: usize) -> Option<Map<String, Value>> {
        if self.meta.is_empty() {
            return None;
        }
        let entry = |meta: &Meta| match meta {
            Meta::TotalCount => ("total_count".to_owned(), Value::from(total)),
            Meta::FilterCount => ("filter_count".to_owned(), Value::from(filtered)),
        };
        Some(self.meta.iter().map(entry).collect())
    }

    /// The `data` of a list from the rows that match, in any order.
    pub fn data_of<'a>(&self, mut matching: Vec<&'a Row>, related: &'a Related) -> Value {
        if !self.shows_rows() {
            return Value::Array(self.aggregate(matching, related));
        }
        self.sort_rows(&mut matching, related);
        let shown = self.window.cut(matching);
        Value::Array(shown.into_iter().map(|row| self.render(row, related)).collect())
    }

    /// The answer for a single row that was found by its key. All parameters hold: a row that filter, search or rights
    /// leave out does not exist.
    ///
    /// # Errors
    /// `FORBIDDEN` without a reason, for that and for a `version` other than `main`.
    pub fn run_one<'a>(&self, row: Option<&'a Row>, related: &'a Related) -> Result<Value, QueryError> {
        if self.version.as_deref().is_some_and(|v| v != "main") {
            return Err(QueryError::forbidden());
        }
        let matching: Vec<&Row> = row.into_iter().filter(|row| self.matches(row, related)).collect();
        match self.data_of(matching, related) {
            Value::Array(items) => items.into_iter().next().ok_or_else(QueryError::forbidden),
            _ => Err(QueryError::forbidden()),
        }
    }

    /// Aggregates over rows that match: one object, or one for each group.
    fn aggregate(&self, mut rows: Vec<&Row>, related: &Related) -> Vec<Value> {
        if self.groups.is_empty() && self.aggregates.is_empty() {
            // Only unknown operations: Directus shows an empty object for each row.
            return self.window.cut(rows.iter().map(|_| Value::Object(Map::new())));
        }
        // In the order of the keys, so that the row that stands for a group is the same every time.
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

fn sort_value<'a>(key: &SortKey, row: &'a Row, related: &'a Related) -> Actual<'a> {
    match &key.target {
        SortTarget::Path(path) => path.actual(row, related),
        SortTarget::Aggregate(_) => Actual::Null,
    }
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

fn compare_keys(keys: &[SortKey], a: &[Actual<'_>], b: &[Actual<'_>]) -> Ordering {
    keys.iter()
        .zip(a.iter().zip(b))
        .map(|(key, (a, b))| if key.descending { b.order(a) } else { a.order(b) })
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}
