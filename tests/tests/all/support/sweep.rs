//! Runs the sweep, and lets time pass for it.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{TimeDelta, Utc};
use common::{context::Context, reservation::Timestamp};
use lambda_runtime::{Error, LambdaEvent};
use local::{calls, invocation::Invoked};
use serde_json::{Value, json};
use uuid::Uuid;

use super::manual::ManualSystem;

/// Runs a task of the sweep.
pub(crate) async fn sweep(context: &Context, task: &Value) -> Value {
    let recorded = calls::recorded(context, "sweep");
    sweep_unrecorded(recorded.as_deref().unwrap_or(context), task).await
}

/// The same with settings that no deployment has, so that its calls say nothing about rights.
pub(crate) async fn sweep_unrecorded(context: &Context, task: &Value) -> Value {
    try_sweep(context, task).await.unwrap()
}

/// The same where the stores may fail.
///
/// # Errors
/// The sweep's.
pub(crate) async fn try_sweep(context: &Context, task: &Value) -> Result<Value, Error> {
    sweep_within(context, task, Duration::from_secs(900)).await
}

/// The same with so much time.
///
/// # Errors
/// The sweep's.
pub(crate) async fn sweep_within(context: &Context, task: &Value, timeout: Duration) -> Result<Value, Error> {
    let invoked = Invoked { name: "sweep".to_owned(), timeout };
    let invocation = invoked.context_at("test", context.host().time());
    ::sweep::handle(context, LambdaEvent::new(task.clone(), invocation)).await
}

/// Runs the task that wakes reservations. Returns how many were woken.
pub(crate) async fn wake(system: &ManualSystem) -> u64 {
    sweep(system.context(), &json!({"task": "wake"})).await["woken"].as_u64().unwrap()
}

pub(crate) fn minutes_ago(minutes: i64) -> Timestamp {
    Timestamp::new(Utc::now() - TimeDelta::minutes(minutes))
}

/// Sets the time of the last progress to so many minutes ago.
pub(crate) async fn age(system: &ManualSystem, id: Uuid, minutes: i64) {
    let at = minutes_ago(minutes).to_string();
    system.edit(id, "SET progress_at = :value", AttributeValue::S(at)).await;
}

/// Discards the records of the stream, as the event source mapping does after its last attempt.
pub(crate) async fn drop_records(system: &mut ManualSystem) {
    while let records = system.records().await
        && !records.is_empty()
    {
        system.done(&records);
    }
}
