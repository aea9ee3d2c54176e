//! `GetItem` and `BatchGetItem` of whole items, which most reads are: the engine keeps an item as the JSON that it is on the
//! wire, so a read need not take it apart and put it together again.
//!
//! What is not as simple as that — a part of an item, a key that does not fit, a large answer — is nobody's business here.

use std::{
    collections::{BTreeMap, HashSet},
    fmt::Write,
};

use dynoxide::{AttributeValue, storage::Storage};
use serde::Deserialize;

/// Items that one request may name.
const MAX_KEYS: usize = 100;
/// The longest text of a key, in bytes: that of a sort key.
const MAX_KEY: usize = 1_024;
/// An answer of more is left to the engine, which cuts it at 16 MB (in bytes).
const MAX_ANSWER: usize = 4 << 20;

type Key = BTreeMap<String, Text>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    #[serde(rename = "S")]
    text: String,
}

/// What identifies a read of one item.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(super) struct Get {
    table_name: String,
    key: Key,
    /// Every read here is consistent.
    #[serde(default, rename = "ConsistentRead")]
    _consistent: bool,
}

/// What identifies a read of several.
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

/// A read that may be as simple as this module wants it.
pub(super) trait WholeItems {
    /// The body of the answer; none where the engine shall decide.
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

/// A table, with the names of its key.
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

    /// Where the engine keeps the item of a key; none for a key that is not one of this table.
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

    /// The item of a place as JSON, if it exists; none at all where the engine shall decide.
    fn item(&self, (partition, sort): &(String, String)) -> Option<Option<String>> {
        self.storage.get_item(self.name, partition, sort).ok()
    }
}
