//! The handler.

use common::context::Context;
use lambda_runtime::{Error, LambdaEvent};
use serde_json::Value;

/// Wakes reservations that stopped making progress.
///
/// # Errors
/// When the store does not answer.
pub async fn handle(_context: &Context, _event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(Value::Null)
}
