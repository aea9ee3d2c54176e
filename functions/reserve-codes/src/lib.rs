//! The stream function: reserves codes and writes their exports, by the protocol of docs/architecture.md.
//!
//! A stream record is only a hint. For each reservation that a batch names, the item is read (consistent) and its next
//! step is done, whatever the record said. Every step is conditional on what was read, so records that come twice, late
//! or out of order do no harm (RSV-1 … RSV-4).

mod allocate;
mod buffers;
mod error;
mod export;
mod records;
mod work;

use aws_lambda_events::event::{
    dynamodb::Event,
    streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse},
};
use common::context::Context;
use lambda_runtime::{Error, LambdaEvent};

/// Does the next step of each reservation that the records name. What failed is named by its sequence number, and the
/// stream brings it again.
///
/// # Errors
/// Never as a whole; the type is the runtime's.
pub async fn handle(context: &Context, event: LambdaEvent<Event>) -> Result<DynamoDbEventResponse, Error> {
    let deadline = event.context.deadline();
    let (hints, unreadable) = records::reduce(event.payload.records);
    let mut failed: Vec<String> = unreadable;
    for (hint, result) in work::run(context, hints, deadline).await {
        if let Err(error) = result {
            // A failure is logged once, here; the records of the hint come again.
            tracing::warn!(reservation = %hint.id, error = %error, "reservation {} failed for now", hint.id);
            failed.extend(hint.sequence_numbers);
        }
    }
    let mut response = DynamoDbEventResponse::default();
    response.batch_item_failures = failed.into_iter().map(failure).collect();
    Ok(response)
}

fn failure(sequence_number: String) -> DynamoDbBatchItemFailure {
    let mut failure = DynamoDbBatchItemFailure::default();
    failure.item_identifier = Some(sequence_number);
    failure
}
