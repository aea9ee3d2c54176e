//! The start of a function that answers HTTP requests: the same for all of them.

use futures::future::BoxFuture;
use lambda_http::{
    Body, Error, LambdaEvent, Request, Response,
    lambda_runtime::{self, service_fn},
};
use serde_json::Value;

use super::answer_event;
use crate::{context::Context, telemetry};

/// Reads the settings and answers the events of the Lambda Runtime API with `handle` until the process ends.
///
/// # Errors
/// [`crate::config::ConfigError`] for a missing or wrong environment variable; an error of the Runtime API.
pub async fn run<F>(handle: F) -> Result<(), Error>
where
    F: for<'a> Fn(&'a Context, Request) -> BoxFuture<'a, Response<Body>> + Send + Sync,
{
    telemetry::init();
    let context = Context::from_env().await?;
    let (context, handle) = (&*context, &handle);
    let answer =
        service_fn(move |event: LambdaEvent<Value>| answer_event(event, move |request| handle(context, request)));
    lambda_runtime::run(answer).await
}
