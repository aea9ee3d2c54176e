//! Start-up of the function; the handler is in `lib.rs`.

use std::convert::Infallible;

use common::{context::Context, telemetry};
use lambda_http::{Error, run, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let context = &*Context::from_env().await?;
    graphql::prepare()?;
    run(service_fn(move |request| async move { Ok::<_, Infallible>(graphql::handle(context, request).await) })).await
}
