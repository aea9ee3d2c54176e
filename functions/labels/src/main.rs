//! Start-up of the function; the handler is in `lib.rs`.

use common::api::run;
use lambda_http::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    run(|context, request| Box::pin(labels::handle(context, request))).await
}
