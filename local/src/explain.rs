//! `--explain`: answers that contain lists of reservations name what the lists read.

use std::sync::Arc;

use common::operations::plans;
use futures::future::BoxFuture;
use lambda_runtime::{Error, LambdaEvent};
use serde_json::{Value, json};

use crate::functions::Handler;

/// The header with the plans.
const HEADER: &str = "x-plan";

/// A function that answers requests, with the header in its answers.
#[must_use]
pub fn explained(function: Handler) -> Handler {
    Arc::new(move |event: LambdaEvent<Value>| -> BoxFuture<'static, Result<Value, Error>> {
        let work = function(event);
        Box::pin(async move {
            let (answer, plans) = plans::collected(work).await;
            let mut answer = answer?;
            let headers = answer.get_mut("headers").and_then(Value::as_object_mut);
            if let Some(headers) = headers.filter(|_| !plans.is_empty()) {
                headers.insert(HEADER.to_owned(), json!(plans.join(" | ")));
            }
            Ok(answer)
        })
    })
}
