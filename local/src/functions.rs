//! The functions of this process by the name of their binary, behind the event types that Lambda passes to them.

use std::sync::Arc;

use common::{api::answer_event, context::Context};
use futures::future::BoxFuture;
use lambda_http::LambdaEvent;
use lambda_runtime::Error;
use serde_json::Value;

use crate::calls;

/// A function of this process: takes an event and gives an answer, both as JSON.
pub type Handler = Arc<dyn Fn(LambdaEvent<Value>) -> BoxFuture<'static, Result<Value, Error>> + Send + Sync>;

/// Wraps an HTTP handler with the decoding and encoding of events, as `common::api::run` does on AWS.
macro_rules! http {
    ($function:ident, $context:expr) => {{
        let context: Arc<Context> = Arc::clone($context);
        Arc::new(move |event: LambdaEvent<Value>| -> BoxFuture<'static, Result<Value, Error>> {
            let context = Arc::clone(&context);
            Box::pin(async move {
                let answer = answer_event(event, |request| $function::handle(&context, request)).await?;
                Ok(serde_json::to_value(&answer)?)
            })
        }) as Handler
    }};
}

/// Wraps a handler of stream records with the decoding and encoding of events.
macro_rules! stream {
    ($function:ident, $context:expr) => {{
        let context: Arc<Context> = Arc::clone($context);
        Arc::new(move |event: LambdaEvent<Value>| -> BoxFuture<'static, Result<Value, Error>> {
            let context = Arc::clone(&context);
            Box::pin(async move {
                let event = LambdaEvent::new(serde_json::from_value(event.payload)?, event.context);
                Ok(serde_json::to_value($function::handle(&context, event).await?)?)
            })
        }) as Handler
    }};
}

/// The function that answers HTTP requests, by its binary; `None` if there is no such function.
#[must_use]
pub fn http(binary: &str, context: &Arc<Context>) -> Option<Handler> {
    let context = &of_function(binary, context);
    Some(match binary {
        "list-reservations" => http!(list_reservations, context),
        "get-reservation" => http!(get_reservation, context),
        "create-reservations" => http!(create_reservations, context),
        "update-reservations" => http!(update_reservations, context),
        "delete-reservations" => http!(delete_reservations, context),
        "files" => http!(files, context),
        "graphql" => http!(graphql, context),
        "labels" => http!(labels, context),
        "list-codes" => http!(list_codes, context),
        "directory" => http!(directory, context),
        "administration" => http!(administration, context),
        "console" => http!(console, context),
        _ => return None,
    })
}

/// The function that reads a stream, by its binary; `None` if there is no such function.
#[must_use]
pub fn stream(binary: &str, context: &Arc<Context>) -> Option<Handler> {
    let context = &of_function(binary, context);
    Some(match binary {
        "reserve-codes" => stream!(reserve_codes, context),
        "follow" => stream!(follow, context),
        _ => return None,
    })
}

/// The function that runs on a schedule, by its binary; `None` if there is no such function.
#[must_use]
pub fn scheduled(binary: &str, context: &Arc<Context>) -> Option<Handler> {
    let context = of_function(binary, context);
    (binary == "sweep").then(|| {
        Arc::new(move |event| -> BoxFuture<'static, Result<Value, Error>> {
            let context = Arc::clone(&context);
            Box::pin(async move { sweep::handle(&context, event).await })
        }) as Handler
    })
}

fn of_function(binary: &str, context: &Arc<Context>) -> Arc<Context> {
    calls::recorded(context, binary).unwrap_or_else(|| Arc::clone(context))
}
