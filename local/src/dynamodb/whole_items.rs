//! A shortcut for `GetItem` and `BatchGetItem` of whole items or of some of their attributes, which are most of the
//! reads. The engine stores an item as the JSON of the wire format, so it can be copied without parsing.
//!
//! Every other read is left to the engine: paths into attributes, keys that do not fit the table, large answers.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt::Write,
};

use dynoxide::{AttributeValue, storage::Storage};
use rusqlite::OptionalExtension;
use serde::Deserialize;

use super::stored_json::{Answer, Projection};

/// Maximum items that one request may name.
const MAX_KEYS: usize = 100;
/// Maximum length of a key's text in bytes: that of a sort key.
const MAX_KEY: usize = 1_024;
/// Maximum answer in bytes. Larger ones are left to the engine, which limits them to 16 MB.
const MAX_ANSWER: usize = 4 << 20;

type Key = BTreeMap<String, Text>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Text {
    #[serde(rename = "S")]
    text: String,
}

impl Text {
    /// The form in which the engine stores it as part of a key; `None` if it cannot be one.
    pub(super) fn key(&self) -> Option<String> {
        let fits = !self.text.is_empty() && self.text.len() <= MAX_KEY;
        fits.then(|| AttributeValue::S(self.text.clone()).to_key_string()).flatten()
    }
}

/// A `GetItem` request without options.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct Get {
    table_name: String,
    key: Key,
    /// Ignored: every read here is consistent.
    #[serde(default, rename = "ConsistentRead")]
    _consistent: bool,
}

/// A `BatchGetItem` request without options.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct BatchGet {
    request_items: BTreeMap<String, Keys>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Keys {
    keys: Vec<Key>,
    #[serde(default, rename = "ConsistentRead")]
    _consistent: bool,
    projection_expression: Option<String>,
    #[serde(default)]
    expression_attribute_names: HashMap<String, String>,
}

impl Keys {
    /// The attributes that are asked for, if these are not all. The outer `None` if the engine has to answer.
    fn projection(&self) -> Option<Option<Projection>> {
        let Some(expression) = &self.projection_expression else {
            return self.expression_attribute_names.is_empty().then_some(None);
        };
        if !self.expression_attribute_names.keys().all(|name| expression.split([' ', ',']).any(|word| word == name)) {
            return None;
        }
        let name = |name: &str| self.expression_attribute_names.get(name).map(String::as_str);
        Projection::of(expression, name).map(Some)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct KeyElement {
    attribute_name: String,
    key_type: String,
}

/// The name of the partition key (`HASH`) or the sort key (`RANGE`) of a table or an index.
pub(super) fn named<'a>(schema: &'a [KeyElement], kind: &str) -> Option<&'a str> {
    schema.iter().find(|element| element.key_type == kind).map(|element| element.attribute_name.as_str())
}

impl Answer for Get {
    fn read(&self, storage: &Storage) -> Option<String> {
        let table = Table::of(storage, &self.table_name)?;
        match table.item(&table.place(&self.key)?)? {
            Some(item) if item.len() > MAX_ANSWER => None,
            Some(item) => Some(format!("{{\"Item\":{item}}}")),
            None => Some("{}".to_owned()),
        }
    }
}

impl Answer for BatchGet {
    fn read(&self, storage: &Storage) -> Option<String> {
        if self.request_items.values().map(|wanted| wanted.keys.len()).sum::<usize>() > MAX_KEYS {
            return None;
        }
        let mut body = String::from("{\"Responses\":{");
        for (position, (name, wanted)) in self.request_items.iter().enumerate() {
            let table = Table::of(storage, name)?;
            let projection = wanted.projection()?;
            let places = wanted.keys.iter().map(|key| table.place(key)).collect::<Option<Vec<_>>>()?;
            if places.is_empty() || places.iter().collect::<HashSet<_>>().len() < places.len() {
                return None;
            }
            let separator = if position == 0 { "" } else { "," };
            write!(body, "{separator}{}:[", serde_json::to_string(name).ok()?).ok()?;
            let mut separator = "";
            for place in &places {
                if let Some(item) = table.item(place)? {
                    body.push_str(separator);
                    match &projection {
                        Some(projection) => projection.cut(&item, &mut body)?,
                        None => body.push_str(&item),
                    }
                    separator = ",";
                }
                if body.len() > MAX_ANSWER {
                    return None;
                }
            }
            body.push(']');
        }
        body.push_str("},\"UnprocessedKeys\":{}}");
        (!self.request_items.is_empty()).then_some(body)
    }
}

/// A table with the names of its key attributes.
struct Table<'a> {
    storage: &'a Storage,
    name: &'a str,
    partition: String,
    sort: Option<String>,
}

impl<'a> Table<'a> {
    fn of(storage: &'a Storage, name: &'a str) -> Option<Self> {
        let metadata = storage.get_table_metadata(name).ok()??;
        let schema: Vec<KeyElement> = serde_json::from_str(&metadata.key_schema).ok()?;
        let partition = named(&schema, "HASH")?.to_owned();
        let sort = named(&schema, "RANGE").map(str::to_owned);
        Some(Self { storage, name, partition, sort })
    }

    /// The storage key of an item; `None` if the key does not fit the table.
    fn place(&self, key: &Key) -> Option<(String, String)> {
        let part = |name: &str| key.get(name)?.key();
        let sort = match &self.sort {
            Some(name) => part(name)?,
            None => String::new(),
        };
        let names = 1 + usize::from(self.sort.is_some());
        (key.len() == names).then_some((part(&self.partition)?, sort))
    }

    /// The item as JSON, or `Some(None)` if it does not exist; `None` if the engine has to answer.
    fn item(&self, (partition, sort): &(String, String)) -> Option<Option<String>> {
        // The engine's own function prepares the statement anew for each item.
        let sql = format!("SELECT item_json FROM \"{}\" WHERE pk = ?1 AND sk = ?2", self.name.replace('"', "\"\""));
        let mut statement = self.storage.conn().prepare_cached(&sql).ok()?;
        statement.query_row([partition, sort], |row| row.get(0)).optional().ok()
    }
}
