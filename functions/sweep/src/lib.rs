//! The scheduled function. Its tasks: wake reservations without progress; once a day, remove unreferenced objects and
//! look for rows that no list finds (architecture, steps 6 and 7); after an update, complete pools of an older version.
//!
//! It keeps RSV-5: every accepted reservation ends, and after that the bucket contains nothing unreferenced.

mod fill;
mod pools;
mod tallies;
mod tidy;
mod wake;

use std::collections::BTreeSet;

use common::{context::Context, metrics::Event, store::StoreError};
use lambda_runtime::{Error, LambdaEvent};
use serde_json::{Value, json};

/// Runs the task that the event names: `{"task": "wake"}` (the default), `{"task": "tidy"}`, `{"task": "shards"}`,
/// `{"task": "pools"}`, `{"task": "tallies"}`, `{"task": "marks"}` or `{"task": "indexes"}`.
///
/// By default `tidy` skips exports younger than one hour. An operator can lower that: `{"task": "tidy",
/// "min_age_seconds": 0}`. A run that finds the exports of many reservations that the table lacks removes nothing, unless
/// the event has `"remove_unknown": true`.
///
/// `tallies` completes the tallies of an older table, and afterwards lists reservations by status that have been open for
/// some minutes; `{"task": "tallies", "again": true}` counts every row once more. `marks` removes what the tallies keep of
/// reservations that were deleted long ago, and lists by status what a function of an older version did not.
///
/// An operator starts `indexes` to complete the index keys of an older table. The member `next` of its answer goes into the
/// next event, until it is null.
///
/// # Errors
/// When the task is unknown, or when DynamoDB or S3 fails. The next scheduled run continues.
pub async fn handle(context: &Context, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let deadline = event.context.deadline();
    match event.payload.get("task").and_then(Value::as_str).unwrap_or("wake") {
        "wake" => {
            let woken = wake::run(context, deadline).await?;
            tracing::info!(woken, "sweep woke {woken} reservations");
            context.metrics().record(&Event::Woken(woken));
            Ok(json!({ "woken": woken }))
        }
        "tidy" => {
            let task = tidy::Task::read(&event.payload)?;
            Ok(tidy::run(context, task, deadline).await?)
        }
        "tallies" => Ok(tallies::run(context, &event.payload, deadline).await?),
        "marks" => Ok(json!({ "forgotten": tallies::forget(context, deadline).await? })),
        "indexes" => Ok(fill::run(context, fill::Start::read(&event.payload)?, deadline).await?),
        "pools" => Ok(pools::run(context, deadline).await?),
        "shards" => Ok(json!({ "stray_shards": stray_shards(context).await? })),
        other => Err(format!("unknown task {other}").into()),
    }
}

/// Looks for rows that lists omit since the parameter `Shards` was lowered. The metric triggers an alarm.
async fn stray_shards(context: &Context) -> Result<BTreeSet<u32>, StoreError> {
    let stray = context.store().stray_shards().await?;
    if let Some(highest) = stray.last() {
        let (shards, needed) = (context.config().shards, highest.saturating_add(1));
        tracing::error!(
            shards,
            needed,
            "Shards is {shards}, and rows lie in partition {highest}: set it to {needed} or more"
        );
    }
    context.metrics().record(&Event::StrayShards(stray.len()));
    Ok(stray)
}
