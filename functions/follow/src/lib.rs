//! The second function behind the stream of `Reservations`. DynamoDB allows two readers of a stream: `reserve-codes`
//! does the work of a reservation, and this one does everything that follows from a change of one.
//!
//! Each follower takes the changes of a batch and gives the sequence numbers of the records that it failed on; the
//! stream delivers those again, to all followers. So every follower must be idempotent. There is one so far:
//! `tallies`. A new one needs the filter of the event source mapping in template.yaml to let its records pass.

mod changes;
mod tallies;

use aws_lambda_events::event::{
    dynamodb::{Event, EventRecord},
    streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse},
};
use common::context::Context;
use lambda_runtime::{Error, LambdaEvent};
use uuid::Uuid;

/// Passes the changes of a batch to each follower. The response lists the sequence numbers of failed records.
///
/// # Errors
/// Never. Failures are reported per record; the return type is the one that the Lambda runtime requires.
pub async fn handle(context: &Context, event: LambdaEvent<Event>) -> Result<DynamoDbEventResponse, Error> {
    let changes = changes::read(event.payload.records);
    let failed = tallies::follow(context, &changes).await;
    let mut response = DynamoDbEventResponse::default();
    response.batch_item_failures = failed.into_iter().map(failure).collect();
    Ok(response)
}

/// The reservations that records name.
#[must_use]
pub fn reservations_of(records: Vec<EventRecord>) -> Vec<Uuid> {
    changes::read(records).into_iter().map(|change| change.id).collect()
}

fn failure(sequence_number: String) -> DynamoDbBatchItemFailure {
    let mut failure = DynamoDbBatchItemFailure::default();
    failure.item_identifier = Some(sequence_number);
    failure
}
