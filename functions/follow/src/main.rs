//! Start-up of the function; the handler is in `lib.rs`.

use common::{context::Context, telemetry};
use lambda_runtime::{Error, run, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let context = &*Context::from_env().await?;
    run(service_fn(move |event| follow::handle(context, event))).await
}
