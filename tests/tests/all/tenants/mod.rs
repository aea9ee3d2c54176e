//! What one organisation can learn of another: from pools, people, the volume of rows, batches and replays; and how much it
//! may take.

mod batches;
mod matrix;
mod people;
mod pools;
mod replays;
mod unsaid;
mod volume;

use aws_sdk_dynamodb::types::AttributeValue;
use common::directory::{Role, User};
use serde_json::{Value, json};

use crate::support::{api::Reply, harness::Running, rows::user};

const GRAPHQL: &str = "/graphql";

/// Adds a user with a token, who has a name of their own; gives the id.
async fn person(server: &Running, name: &str, role: Role, organisations: Option<&[&str]>) -> String {
    let known = User {
        first_name: Some(name.to_owned()),
        last_name: Some("Person".to_owned()),
        email: Some(format!("{name}@people.example")),
        ..user(role, organisations)
    };
    server.system.context().store().seed_user(&known, Some(name)).await.unwrap();
    known.id
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// Sets or removes an attribute of a user's row.
async fn set(server: &Running, user: &str, member: &str, value: Option<AttributeValue>) {
    let context = server.system.context();
    let update = context.dynamodb().update_item().table_name(&context.config().tables.directory);
    let update = update.key("kind", text("user")).key("id", text(user)).expression_attribute_names("#m", member);
    let update = match value {
        Some(value) => update.update_expression("SET #m = :v").expression_attribute_values(":v", value),
        None => update.update_expression("REMOVE #m"),
    };
    update.send().await.unwrap();
}

fn row(organisation: &str) -> Value {
    json!({"reserved_for": organisation, "code_type": "short_code", "quantity": 1})
}

/// A document of GraphQL.
async fn document(server: &Running, token: &str, query: &str) -> Reply {
    server.json("POST", GRAPHQL, token, &json!({ "query": query })).await
}
