//! The schedule: wakes reservations that stopped making progress, and tidies the bucket once a day (architecture, steps 6
//! and 7).
//!
//! RSV-5: every accepted reservation ends, and then nothing in the bucket is unreferenced.

mod tidy;
mod wake;

use std::time::Duration;

use common::context::Context;
use lambda_runtime::{Error, LambdaEvent};
use serde_json::{Value, json};

/// Runs the task that the schedule names: `{"task": "wake"}` (the default) or `{"task": "tidy"}`.
///
/// An operator who cannot wait an hour tidies younger exports, too: `{"task": "tidy", "min_age_seconds": 0}`.
///
/// # Errors
/// When a task is unknown, or the store or the bucket does not answer; the next run goes on.
pub async fn handle(context: &Context, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let deadline = event.context.deadline();
    match event.payload.get("task").and_then(Value::as_str).unwrap_or("wake") {
        "wake" => {
            let woken = wake::run(context, deadline).await?;
            tracing::info!(woken = woken.nudged, ended = woken.ended, "sweep woke {} reservations", woken.nudged);
            Ok(json!({ "woken": woken.nudged, "ended": woken.ended }))
        }
        "tidy" => {
            let min_age = event.payload.get("min_age_seconds").and_then(Value::as_u64);
            let looked = tidy::run(context, deadline, min_age.map_or(tidy::MIN_AGE, Duration::from_secs)).await?;
            tracing::info!(looked, "sweep looked at {looked} exports");
            Ok(json!({ "looked": looked }))
        }
        other => Err(format!("unknown task {other}").into()),
    }
}
