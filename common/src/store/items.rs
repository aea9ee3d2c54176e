//! Converts DynamoDB items to and from the types of other modules.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::StoreError;

/// An item in the form of the SDK.
pub(super) type Item = HashMap<String, AttributeValue>;

/// A text attribute.
pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number attribute.
pub(super) fn number(value: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A key attribute: its name and its text.
pub(super) fn key(name: &str, value: impl std::fmt::Display) -> (String, AttributeValue) {
    (name.to_owned(), text(value.to_string()))
}

/// The key of a row of a table whose whole key is its id.
pub(super) fn id_key(id: impl std::fmt::Display) -> Item {
    Item::from([key("id", id)])
}

/// The id of an item whose id is a UUID.
pub(super) fn uuid_of(table: &str, item: &Item) -> Result<Uuid, StoreError> {
    let id = get_text(item, "id");
    id.and_then(|id| Uuid::try_parse(id).ok()).ok_or_else(|| StoreError::Corrupt {
        table: table.to_owned(),
        key: id.unwrap_or("none").to_owned(),
        reason: "the id is no UUID".to_owned(),
    })
}

/// Deserialises an item.
pub(super) fn read<T: DeserializeOwned>(table: &str, item: Item) -> Result<T, StoreError> {
    let key = key_of(&item);
    serde_dynamo::from_item(item).map_err(|error| StoreError::Corrupt {
        table: table.to_owned(),
        key,
        reason: error.to_string(),
    })
}

/// Serialises an item.
pub(super) fn write<T: Serialize>(table: &str, value: &T) -> Result<Item, StoreError> {
    serde_dynamo::to_item(value).map_err(|error| StoreError::Corrupt {
        table: table.to_owned(),
        key: "(to be written)".to_owned(),
        reason: error.to_string(),
    })
}

/// Serialises an attribute.
pub(super) fn attribute<T: Serialize>(table: &str, value: &T) -> Result<AttributeValue, StoreError> {
    serde_dynamo::to_attribute_value(value).map_err(|error| StoreError::Corrupt {
        table: table.to_owned(),
        key: "(to be written)".to_owned(),
        reason: error.to_string(),
    })
}

/// An attribute of an item as text; `None` if it is missing or no text.
pub(super) fn get_text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str)
}

fn key_of(item: &Item) -> String {
    ["namespace", "entry", "kind", "id", "key"]
        .iter()
        .filter_map(|name| get_text(item, name))
        .collect::<Vec<_>>()
        .join("/")
}
