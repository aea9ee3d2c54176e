//! A Lambda function that does nothing but create the clients that every function creates. `tests/deploy/build`
//! compares the start of the functions with its start.

use common::{clients, https};
use lambda_http::lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let sdk = clients::from_env(https::client());
    let dynamodb = &aws_sdk_dynamodb::Client::new(&sdk);
    run(service_fn(move |_: LambdaEvent<Value>| async move {
        let region = dynamodb.config().region().map(|region| region.as_ref().to_owned());
        Ok::<_, Error>(Value::from(region))
    }))
    .await
}
