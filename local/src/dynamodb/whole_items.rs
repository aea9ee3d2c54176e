//! A shortcut for `GetItem` and `BatchGetItem` of whole items or of some of their attributes, which are most of the
//! reads. The engine stores an item as the JSON of the wire format, so it can be copied without parsing.
//!
//! Every other read is left to the engine: paths into attributes, keys that do not fit the table, large answers.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt::Write,
    sync::Arc,
};

use rusqlite::CachedStatement;
use serde::Deserialize;

use super::{
    source::{Answer, Definition, Source},
    stored_json::Projection,
};

/// Maximum items that one request may name.
const MAX_KEYS: usize = 100;
/// A read of so many items is a long one. Those of a page, with token and user, are fewer.
const LONG: usize = 100;
/// Maximum length of a key's text in bytes: that of a sort key.
const MAX_KEY: usize = 1_024;
/// Maximum answer in bytes. Larger ones are left to the engine, which limits them to 16 MB.
const MAX_ANSWER: usize = 4 << 20;

/// What precedes a text in the columns of keys.
pub(super) const TEXT_KEY: &str = "S:";

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
        fits.then(|| format!("{TEXT_KEY}{}", self.text))
    }

    /// The text itself.
    pub(super) fn text(&self) -> &str {
        &self.text
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

impl Answer for Get {
    fn read(&self, source: &mut Source<'_>) -> Option<String> {
        let table = Table::of(source, &self.table_name)?;
        let place = table.place(&self.key)?;
        let mut body = String::from("{\"Item\":");
        let found = Table::item(&mut table.statement(source)?, &place, |item| {
            body.push_str(item);
            Some(())
        })?;
        body.push('}');
        match found {
            Some(()) if body.len() > MAX_ANSWER => None,
            Some(()) => Some(body),
            None => Some("{}".to_owned()),
        }
    }
}

impl BatchGet {
    /// The number of items that it names.
    fn keys(&self) -> usize {
        self.request_items.values().map(|wanted| wanted.keys.len()).sum()
    }
}

impl Answer for BatchGet {
    fn is_long(&self) -> bool {
        self.keys() >= LONG
    }

    fn read(&self, source: &mut Source<'_>) -> Option<String> {
        if self.keys() > MAX_KEYS {
            return None;
        }
        let mut body = String::from("{\"Responses\":{");
        for (position, (name, wanted)) in self.request_items.iter().enumerate() {
            let table = Table::of(source, name)?;
            let projection = wanted.projection()?;
            let places = wanted.keys.iter().map(|key| table.place(key)).collect::<Option<Vec<_>>>()?;
            if places.is_empty() || places.iter().collect::<HashSet<_>>().len() < places.len() {
                return None;
            }
            let separator = if position == 0 { "" } else { "," };
            write!(body, "{separator}{}:[", serde_json::to_string(name).ok()?).ok()?;
            let mut statement = table.statement(source)?;
            let mut separator = "";
            for place in &places {
                let found = Table::item(&mut statement, place, |item| {
                    body.push_str(separator);
                    match &projection {
                        Some(projection) => projection.cut(item, &mut body),
                        None => {
                            body.push_str(item);
                            Some(())
                        }
                    }
                })?;
                if found.is_some() {
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

/// A table.
struct Table<'a> {
    name: &'a str,
    definition: Arc<Definition>,
}

impl<'a> Table<'a> {
    fn of(source: &mut Source<'_>, name: &'a str) -> Option<Self> {
        Some(Self { name, definition: source.definition(name)? })
    }

    /// The storage key of an item; `None` if the key does not fit the table.
    fn place(&self, key: &Key) -> Option<(String, String)> {
        let keys = &self.definition.keys;
        let part = |name: &str| key.get(name)?.key();
        let sort = match &keys.sort {
            Some(name) => part(name)?,
            None => String::new(),
        };
        let names = 1 + usize::from(keys.sort.is_some());
        (key.len() == names).then_some((part(&keys.partition)?, sort))
    }

    /// The statement that reads one item. The engine prepares one anew for each item.
    fn statement<'c>(&self, source: &Source<'c>) -> Option<CachedStatement<'c>> {
        let sql = format!("SELECT item_json FROM \"{}\" WHERE pk = ?1 AND sk = ?2", self.name.replace('"', "\"\""));
        source.connection.prepare_cached(&sql).ok()
    }

    /// What `take` makes of the item as JSON, or `Some(None)` if it does not exist; `None` if the engine has to answer.
    fn item<T>(
        statement: &mut CachedStatement<'_>,
        (partition, sort): &(String, String),
        take: impl FnOnce(&str) -> Option<T>,
    ) -> Option<Option<T>> {
        let mut rows = statement.query([partition, sort]).ok()?;
        match rows.next().ok()? {
            Some(row) => Some(Some(take(row.get_ref(0).ok()?.as_str().ok()?)?)),
            None => Some(None),
        }
    }
}
