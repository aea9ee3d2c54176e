//! The stream function: allocates ranges of codes and writes their exports, by the protocol in docs/architecture.md.
//!
//! A stream record is only a hint. For each reservation in a batch, the function reads the item (consistently) and does
//! its next step, whatever the record says. Every write is conditional on what was read, so duplicate, late and
//! reordered records do no harm (RSV-1 … RSV-4).

mod allocate;
mod buffers;
mod error;
mod export;
mod records;
mod work;

use aws_lambda_events::event::{
    dynamodb::{Event, EventRecord},
    streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse},
};
use common::context::Context;
use lambda_runtime::{Error, LambdaEvent};
use uuid::Uuid;

/// Does the next step of each reservation that the records name. The response lists the sequence numbers of failed
/// records, and the stream delivers those again.
///
/// # Errors
/// Never. Failures are reported per record; the return type is the one that the Lambda runtime requires.
pub async fn handle(context: &Context, event: LambdaEvent<Event>) -> Result<DynamoDbEventResponse, Error> {
    let deadline = event.context.deadline();
    let (hints, unreadable) = records::reduce(event.payload.records);
    let mut failed: Vec<String> = unreadable;
    for (hint, result) in work::run(context, hints, deadline).await {
        if let Err(error) = result {
            // Each failure is logged once, here. The stream delivers the records of the hint again.
            tracing::warn!(reservation = %hint.id, error = %error, "reservation {} failed for now", hint.id);
            failed.extend(hint.sequence_numbers);
        }
    }
    let mut response = DynamoDbEventResponse::default();
    response.batch_item_failures = failed.into_iter().map(failure).collect();
    Ok(response)
}

/// The reservations that records name, in the order in which they first occur, and the sequence numbers of records that
/// name none.
#[must_use]
pub fn reservations_of(records: Vec<EventRecord>) -> (Vec<Uuid>, Vec<String>) {
    let (hints, unreadable) = records::reduce(records);
    (hints.iter().map(|hint| hint.id).collect(), unreadable)
}

fn failure(sequence_number: String) -> DynamoDbBatchItemFailure {
    let mut failure = DynamoDbBatchItemFailure::default();
    failure.item_identifier = Some(sequence_number);
    failure
}
