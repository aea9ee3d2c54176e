//! The changes that stream records tell of. Pure: no I/O.

use std::{collections::HashMap, time::SystemTime};

use aws_lambda_events::event::dynamodb::EventRecord;
use common::reservation::tally::Counted;
use serde_dynamo::AttributeValue;
use uuid::Uuid;

/// A change of a reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// The reservation.
    pub(crate) id: Uuid,
    /// What the tallies count it as before and after, by the images of the record. `None` for no image.
    pub(crate) counted: [Option<Counted>; 2],
    /// When it was written, with the precision of the stream (on AWS a second).
    pub(crate) at: SystemTime,
    /// The sequence number of the record.
    pub(crate) sequence_number: String,
}

/// Reads the records of a batch. One that names no reservation is logged and left out: it would fail each time, and
/// hold up those behind it.
pub(crate) fn read(records: Vec<EventRecord>) -> Vec<Change> {
    let change = |record: EventRecord| {
        let change = record.change;
        let sequence_number = change.sequence_number.clone().unwrap_or_default();
        let Some(id) = text(&change.keys, "id").and_then(|id| Uuid::try_parse(id).ok()) else {
            tracing::error!(sequence_number, "record {sequence_number} names no reservation");
            return None;
        };
        let counted = [counted(&change.old_image), counted(&change.new_image)];
        Some(Change { id, counted, at: change.approximate_creation_date_time.into(), sequence_number })
    };
    records.into_iter().filter_map(change).collect()
}

fn counted(image: &HashMap<String, AttributeValue>) -> Option<Counted> {
    let member = |name| text(image, name);
    let counted = || {
        let status = member("status").unwrap_or_default();
        Counted::new(member("reserved_for"), member("product"), member("code_type"), status)
    };
    (!image.is_empty()).then(counted)
}

fn text<'a>(item: &'a HashMap<String, AttributeValue>, name: &str) -> Option<&'a str> {
    match item.get(name) {
        Some(AttributeValue::S(text)) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn record(number: &str, keys: Value, old: Value, new: Value) -> EventRecord {
        let change = json!({"ApproximateCreationDateTime": 1_767_225_600, "Keys": keys, "OldImage": old,
            "NewImage": new, "SequenceNumber": number, "SizeBytes": 1, "StreamViewType": "NEW_AND_OLD_IMAGES"});
        serde_json::from_value(json!({"eventID": "e", "eventName": "MODIFY", "eventVersion": "1.1",
            "eventSource": "aws:dynamodb", "awsRegion": "eu-west-1", "eventSourceARN": "a", "dynamodb": change}))
        .unwrap()
    }

    #[test]
    fn a_record_tells_what_its_row_was_counted_as_and_one_without_a_key_is_left_out() {
        let id = Uuid::from_u128(7);
        let image = |status: &str| json!({"id": {"S": id}, "status": {"S": status}, "product": {"S": "p"}});
        let changes = read(vec![
            record("1", json!({"id": {"S": id}}), json!({}), image("new")),
            record("2", json!({"id": {"S": "none"}}), json!({}), image("new")),
            record("3", json!({}), image("new"), image("error")),
            record("4", json!({"id": {"S": id}}), image("new"), json!({})),
        ]);
        let as_new = Some(Counted::new(None, Some("p"), None, "new"));
        let numbers: Vec<&str> = changes.iter().map(|change| change.sequence_number.as_str()).collect();
        assert_eq!(numbers, ["1", "4"]);
        assert_eq!(changes[0].counted, [None, as_new.clone()]);
        assert_eq!(changes[1].counted, [as_new, None]);
    }
}
