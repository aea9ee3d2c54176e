//! `admin init` and the check value of the secret.

use aws_sdk_dynamodb::types::AttributeValue;
use common::{context::Context, store::SecretCheck};
use serde_json::json;

use super::Operated;
use crate::support::{
    api::id,
    harness::{Setup, completed},
};

async fn row(context: &Context) -> Option<SecretCheck> {
    context.store().secret_check().await.unwrap()
}

/// Removes the row, as in tables of an older version.
async fn forget(context: &Context) {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let delete = context.dynamodb().delete_item().table_name(&context.config().tables.pools);
    delete.key("namespace", text("secret")).key("entry", text("check")).send().await.unwrap();
}

/// The check value of another secret, in the row and in the pools.
async fn belong_to_another(context: &Context, entry: &[(&str, &str)]) {
    for (namespace, entry) in entry {
        let update = context.dynamodb().update_item().table_name(&context.config().tables.pools);
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let update = update.key("namespace", text(namespace)).key("entry", text(entry));
        let update = update.update_expression("SET #check = :other").expression_attribute_names("#check", "check");
        update.expression_attribute_values(":other", text("another")).send().await.unwrap();
    }
}

/// Whether `init` created an administrator: the system has one before.
async fn administrators(operated: &Operated) -> usize {
    operated.json("users", &["user", "list"]).await.as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn init_stores_the_check_value_of_the_secret_before_any_code_is_reserved() {
    let operated = Operated::of(Setup::new().paused().serving_admin()).await;
    let context = operated.running.context();
    assert_eq!(row(context).await, None);
    operated.done(&["init"]).await;
    let check = context.secret().await.unwrap().check_value();
    let stored = SecretCheck { check, mismatch: None, mismatch_at: None };
    assert_eq!(row(context).await, Some(stored.clone()));
    assert!(operated.ran(&["init"]).await.refused().contains("was initialised"));
    assert_eq!(row(context).await, Some(stored));
}

#[tokio::test(flavor = "multi_thread")]
async fn init_works_on_tables_with_codes_of_the_same_secret() {
    let operated = Operated::start().await;
    let api = operated.running.api.clone();
    let made = api.post(&json!({"reserved_for": "A", "code_type": "short_code", "quantity": 3})).await;
    completed(&api, id(&made)).await;
    let context = operated.running.context();
    // Tables of an older version know no check value.
    forget(context).await;
    operated.done(&["init"]).await;
    assert_eq!(row(context).await.unwrap().check, context.secret().await.unwrap().check_value());
    let other = Operated::start().await;
    let api = other.running.api.clone();
    let made = api.post(&json!({"reserved_for": "A", "code_type": "short_code", "quantity": 3})).await;
    completed(&api, id(&made)).await;
    other.done(&["init"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn init_refuses_tables_of_another_secret_and_creates_nobody() {
    let operated = Operated::start().await;
    let api = operated.running.api.clone();
    let made = api.post(&json!({"reserved_for": "A", "code_type": "short_code", "quantity": 3})).await;
    completed(&api, id(&made)).await;
    let context = operated.running.context();
    let namespace = context.store().pool_namespaces("", None, 1).await.unwrap()[0].to_string();
    // The row says so.
    let before = row(context).await.unwrap();
    belong_to_another(context, &[("secret", "check")]).await;
    let reason = operated.ran(&["init"]).await.refused();
    assert!(reason.contains("secret"), "{reason}");
    assert_eq!(administrators(&operated).await, 1);
    // Or a pool does, in tables of an older version.
    forget(context).await;
    belong_to_another(context, &[(&namespace, "pool")]).await;
    let reason = operated.ran(&["init"]).await.refused();
    assert!(reason.contains(&namespace) && reason.contains("another secret"), "{reason}");
    assert_eq!((administrators(&operated).await, row(context).await), (1, None));
    assert_ne!(before.check, "another");
}
