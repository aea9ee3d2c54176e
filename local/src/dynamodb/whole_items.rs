//! A shortcut for `GetItem` and `BatchGetItem` of whole items, which are most of the reads. The engine stores an item
//! as the JSON of the wire format, so it can be copied without parsing.
//!
//! Every other read is left to the engine: projections, keys that do not fit the table, large answers.

use std::{
    collections::{BTreeMap, HashSet},
    fmt::Write,
};

use dynoxide::{AttributeValue, storage::Storage};
use serde::Deserialize;

/// Maximum items that one request may name.
const MAX_KEYS: usize = 100;
/// Maximum length of a key's text in bytes: that of a sort key.
const MAX_KEY: usize = 1_024;
/// Maximum answer in bytes. Larger ones are left to the engine, which limits them to 16 MB.
const MAX_ANSWER: usize = 4 << 20;

type Key = BTreeMap<String, Text>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    #[serde(rename = "S")]
    text: String,
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
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyElement {
    attribute_name: String,
    key_type: String,
}

/// A read that this module may be able to answer.
pub(super) trait WholeItems {
    /// The body of the answer; `None` if the engine has to answer.
    fn read(&self, storage: &Storage) -> Option<String>;
}

impl WholeItems for Get {
    fn read(&self, storage: &Storage) -> Option<String> {
        let table = Table::of(storage, &self.table_name)?;
        match table.item(&table.place(&self.key)?)? {
            Some(item) if item.len() > MAX_ANSWER => None,
            Some(item) => Some(format!("{{\"Item\":{item}}}")),
            None => Some("{}".to_owned()),
        }
    }
}

impl WholeItems for BatchGet {
    fn read(&self, storage: &Storage) -> Option<String> {
        if self.request_items.values().map(|wanted| wanted.keys.len()).sum::<usize>() > MAX_KEYS {
            return None;
        }
        let mut body = String::from("{\"Responses\":{");
        for (position, (name, wanted)) in self.request_items.iter().enumerate() {
            let table = Table::of(storage, name)?;
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
                    body.push_str(&item);
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
        let named = |kind: &str| schema.iter().find(|element| element.key_type == kind);
        let partition = named("HASH")?.attribute_name.clone();
        let sort = named("RANGE").map(|element| element.attribute_name.clone());
        Some(Self { storage, name, partition, sort })
    }

    /// The storage key of an item; `None` if the key does not fit the table.
    fn place(&self, key: &Key) -> Option<(String, String)> {
        let part = |name: &str| {
            let text = &key.get(name)?.text;
            let fits = !text.is_empty() && text.len() <= MAX_KEY;
            fits.then(|| AttributeValue::S(text.clone()).to_key_string()).flatten()
        };
        let sort = match &self.sort {
            Some(name) => part(name)?,
            None => String::new(),
        };
        let names = 1 + usize::from(self.sort.is_some());
        (key.len() == names).then_some((part(&self.partition)?, sort))
    }

    /// The item as JSON, or `Some(None)` if it does not exist; `None` if the engine has to answer.
    fn item(&self, (partition, sort): &(String, String)) -> Option<Option<String>> {
        self.storage.get_item(self.name, partition, sort).ok()
    }
}
