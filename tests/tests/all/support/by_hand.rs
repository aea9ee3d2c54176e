//! Changes of the `Directory` table by hand, as an operator's tool could make them.

use aws_sdk_dynamodb::types::AttributeValue;
use common::context::Context;

/// An attribute with a text.
pub(crate) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

/// Changes an attribute of an item.
pub(crate) async fn set(context: &Context, kind: &str, id: &str, name: &str, value: AttributeValue) {
    let change = context.dynamodb().update_item().table_name(&context.config().tables.directory);
    let change = change.key("kind", text(kind)).key("id", text(id)).update_expression("SET #name = :value");
    change.expression_attribute_names("#name", name).expression_attribute_values(":value", value).send().await.unwrap();
}

/// Removes an attribute of an item.
pub(crate) async fn remove(context: &Context, kind: &str, id: &str, name: &str) {
    let change = context.dynamodb().update_item().table_name(&context.config().tables.directory);
    let change = change.key("kind", text(kind)).key("id", text(id)).update_expression("REMOVE #name");
    change.expression_attribute_names("#name", name).send().await.unwrap();
}
