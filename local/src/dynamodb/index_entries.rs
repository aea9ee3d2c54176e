//! A shortcut for `Query` of the keys of index entries, which is how lists begin. The engine parses every entry, copies
//! it and writes it again; here the keys are cut out of the JSON that it stores.
//!
//! Every other query is left to the engine: filters, counts, other forms of conditions, pages that may end before their
//! limit.

use std::collections::HashMap;

use dynoxide::storage::{QueryParams, Storage};
use serde::Deserialize;

use super::{
    stored_json::{Answer, Projection},
    whole_items::{KeyElement, Text, named},
};

/// Maximum number of entries in one page.
const MAX_LIMIT: usize = 1_000;
/// DynamoDB ends a page at this size in bytes. The JSON of an entry is longer than what counts.
const MAX_PAGE: usize = 1 << 20;

/// A `Query` of keys of an index: one value of the partition key, and perhaps bounds of the sort key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct Entries {
    table_name: String,
    index_name: String,
    key_condition_expression: String,
    projection_expression: String,
    expression_attribute_names: HashMap<String, String>,
    expression_attribute_values: HashMap<String, Text>,
    #[serde(default = "forward")]
    scan_index_forward: bool,
    limit: usize,
    exclusive_start_key: Option<HashMap<String, Text>>,
}

fn forward() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Index {
    index_name: String,
    key_schema: Vec<KeyElement>,
}

impl Answer for Entries {
    fn read(&self, storage: &Storage) -> Option<String> {
        if !(1..=MAX_LIMIT).contains(&self.limit) {
            return None;
        }
        let metadata = storage.get_table_metadata(&self.table_name).ok()??;
        let table: Vec<KeyElement> = serde_json::from_str(&metadata.key_schema).ok()?;
        let indexes: Vec<Index> = serde_json::from_str(&metadata.gsi_definitions?).ok()?;
        let index = indexes.into_iter().find(|index| index.index_name == self.index_name)?;
        let (id, partition) = (named(&table, "HASH")?, named(&index.key_schema, "HASH")?);
        let sort = named(&index.key_schema, "RANGE")?;
        if named(&table, "RANGE").is_some() {
            return None;
        }
        let (value, range) = self.condition(partition, sort)?;
        let start = match &self.exclusive_start_key {
            Some(start) => Some((start.get(sort)?.key()?, start.get(id)?.key()?)),
            None => None,
        };
        // After a start key, the bound behind it says nothing more, and SQLite would begin there.
        let (from, to) = (start.is_none() || !self.scan_index_forward, start.is_none() || self.scan_index_forward);
        let (condition, bounds): (_, Vec<&str>) = match &range {
            None => (None, Vec::new()),
            Some([low, high]) if from && to => (Some("AND sk >= ?2 AND sk <= ?3"), vec![low, high]),
            Some([low, _]) if from => (Some("AND sk >= ?2"), vec![low]),
            Some([_, high]) => (Some("AND sk <= ?2"), vec![high]),
        };
        let rows = storage.query_gsi_items(
            &self.table_name,
            &self.index_name,
            &value,
            &QueryParams {
                sk_condition: condition,
                sk_params: &bounds,
                forward: self.scan_index_forward,
                limit: Some(self.limit),
                exclusive_start_sk: start.as_ref().map(|(sort, _)| sort.as_str()),
                exclusive_start_base_pk: start.as_ref().map(|(_, id)| id.as_str()),
                exclusive_start_base_sk: start.as_ref().map(|_| ""),
            },
        );
        let rows = rows.ok()?;
        if rows.iter().map(|(_, _, item)| item.len()).sum::<usize>() > MAX_PAGE {
            return None;
        }
        let name = |name: &str| self.expression_attribute_names.get(name).map(String::as_str);
        let is_used = |name: &String| {
            let texts = [&self.key_condition_expression, &self.projection_expression];
            texts.into_iter().any(|text| text.split([' ', ',']).any(|word| word == name))
        };
        if !self.expression_attribute_names.keys().chain(self.expression_attribute_values.keys()).all(is_used) {
            return None;
        }
        let projection = Projection::of(&self.projection_expression, name)?;
        let mut body = String::from("{\"Items\":[");
        for (position, (_, _, item)) in rows.iter().enumerate() {
            body.push_str(if position == 0 { "" } else { "," });
            projection.cut(item, &mut body)?;
        }
        body += &format!("],\"Count\":{0},\"ScannedCount\":{0}", rows.len());
        if let Some((_, _, last)) = rows.last().filter(|_| rows.len() == self.limit) {
            body.push_str(",\"LastEvaluatedKey\":");
            Projection::to(&[partition, sort, id]).cut(last, &mut body)?;
        }
        body.push('}');
        Some(body)
    }
}

impl Entries {
    /// The stored form of the partition's value, and of the bounds of the sort key.
    fn condition(&self, partition: &str, sort: &str) -> Option<(String, Option<[String; 2]>)> {
        let is =
            |name: &str, wanted: &str| self.expression_attribute_names.get(name).is_some_and(|real| real == wanted);
        let value = |name: &str| self.expression_attribute_values.get(name)?.key();
        let words: Vec<&str> = self.key_condition_expression.split_ascii_whitespace().collect();
        match words.as_slice() {
            [name, "=", one] if is(name, partition) => Some((value(one)?, None)),
            [name, "=", one, "AND", range, "BETWEEN", low, "AND", high] if is(name, partition) && is(range, sort) => {
                Some((value(one)?, Some([value(low)?, value(high)?])))
            }
            _ => None,
        }
    }
}
