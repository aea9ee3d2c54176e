//! The tables of the template, as CreateTable requests.

use serde_json::{Map, Value, json};

use super::{TemplateError, truth};

/// A table of the template.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// The body of CreateTable.
    pub create: Value,
    /// The attribute with the time to live, if the table has one.
    pub time_to_live: Option<String>,
}

/// Properties that CreateTable takes unchanged.
const SHARED: [&str; 5] =
    ["AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "LocalSecondaryIndexes", "BillingMode"];

impl Table {
    pub(super) fn read(name: &str, properties: &Value) -> Result<Self, TemplateError> {
        let mut create = Map::from_iter([("TableName".to_owned(), json!(name))]);
        for member in SHARED {
            if let Some(value) = properties.get(member) {
                create.insert(member.to_owned(), value.clone());
            }
        }
        if !create.contains_key("KeySchema") {
            return Err(TemplateError::new(format!("the table {name} has no KeySchema")));
        }
        if let Some(view) = properties.pointer("/StreamSpecification/StreamViewType") {
            create.insert("StreamSpecification".to_owned(), json!({ "StreamEnabled": true, "StreamViewType": view }));
        }
        let expiry = properties.get("TimeToLiveSpecification");
        let time_to_live = expiry
            .filter(|expiry| truth(expiry.get("Enabled")))
            .and_then(|expiry| expiry.get("AttributeName")?.as_str())
            .map(str::to_owned);
        Ok(Self { name: name.to_owned(), create: Value::Object(create), time_to_live })
    }
}
