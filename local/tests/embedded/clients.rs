//! Clients of an embedded DynamoDB. This file contains no tests.

use aws_sdk_dynamodb::{
    Client,
    config::{Builder, Credentials, Region},
    types::AttributeValue,
};
use local::dynamodb::DynamoDb;

pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// The settings of a client that always uses a socket.
pub(crate) fn config(store: &DynamoDb) -> Builder {
    Builder::new()
        .behavior_version_latest()
        .http_client(common::https::direct())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
        .endpoint_url(store.endpoint())
}

/// A client that reads and writes without a socket, and one that always uses a socket.
pub(crate) fn clients(store: &DynamoDb) -> [Client; 2] {
    let direct = config(store).http_client(store.http_client());
    [direct, config(store)].map(|config| Client::from_conf(config.build()))
}
