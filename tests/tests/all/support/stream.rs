//! Stream events that a test writes itself: batches as Lambda hands them to `reserve-codes`, in any order and number.

use std::time::Duration;

use aws_lambda_events::event::{
    dynamodb::{Event, EventRecord},
    streams::DynamoDbEventResponse,
};
use common::context::Context;
use lambda_runtime::LambdaEvent;
use local::{
    calls,
    invocation::{Invoked, request_id},
};
use serde_json::{Value, json};

/// A record of a change: the key, and the attributes of the images that a worker may read.
pub(crate) fn record(sequence_number: u64, event_name: &str, id: &str, old: Value, new: Value) -> EventRecord {
    let images = |image: Value| {
        let image = image.as_object().unwrap();
        image.iter().map(|(name, value)| (name.clone(), json!({ "S": value }))).collect::<serde_json::Map<_, _>>()
    };
    let record = json!({
        "eventID": format!("event-{sequence_number}"),
        "eventName": event_name,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "eventSourceARN": "arn:aws:dynamodb:eu-west-1:123456789012:table/reservations/stream/2026-01-01T00:00:00.000",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_767_225_600,
            "Keys": { "id": { "S": id } },
            "OldImage": images(old),
            "NewImage": images(new),
            "SequenceNumber": sequence_number.to_string(),
            "SizeBytes": 100,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    });
    serde_json::from_value(record).unwrap()
}

/// A record that says only that something about the reservation changed.
pub(crate) fn hint(sequence_number: u64, id: &str) -> EventRecord {
    record(sequence_number, "MODIFY", id, json!({ "id": id }), json!({ "id": id }))
}

/// Hands a batch to the function and returns the sequence numbers that it reports as failed.
pub(crate) async fn invoke(context: &Context, records: Vec<EventRecord>) -> Vec<String> {
    let recorded = calls::recorded(context, "reserve-codes");
    handle(recorded.as_deref().unwrap_or(context), records).await
}

/// [`invoke`] with a context whose calls are recorded already.
pub(crate) async fn handle(context: &Context, records: Vec<EventRecord>) -> Vec<String> {
    handle_within(context, records, Duration::from_secs(120)).await
}

/// The same with another time limit of the function.
pub(crate) async fn handle_within(context: &Context, records: Vec<EventRecord>, timeout: Duration) -> Vec<String> {
    let mut event = Event::default();
    event.records = records;
    let invoked = Invoked { name: "reserve-codes".to_owned(), timeout };
    let event = LambdaEvent::new(event, invoked.context_at(&request_id(), context.host().time()));
    let response: DynamoDbEventResponse = reserve_codes::handle(context, event).await.unwrap();
    response.batch_item_failures.into_iter().map(|failure| failure.item_identifier.unwrap()).collect()
}

/// Hands one batch with a record of each reservation to the function, which must succeed.
pub(crate) async fn deliver(context: &Context, ids: &[&str]) {
    let records = ids.iter().zip(1..).map(|(id, number)| hint(number, id)).collect();
    assert_eq!(invoke(context, records).await, [""; 0]);
}
