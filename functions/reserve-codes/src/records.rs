//! Reduces stream records to hints: the reservations that the function has to look at. Pure: no I/O.

use std::collections::{BTreeMap, HashMap};

use aws_lambda_events::event::dynamodb::EventRecord;
use common::{operations::tidy::Incarnation, store::INDEX_ATTRIBUTES};
use serde_dynamo::AttributeValue;
use uuid::Uuid;

/// A reservation to look at, with the records that named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hint {
    /// The reservation.
    pub(crate) id: Uuid,
    /// The incarnations that the records mention, each with its last known file. Those that no longer exist are cleaned
    /// up.
    pub(crate) incarnations: Vec<Incarnation>,
    /// Sequence numbers of the records. The result of the reservation applies to all of them.
    pub(crate) sequence_numbers: Vec<String>,
}

/// Reduces a batch to one hint per reservation, in the order in which they first occur. The second result is the
/// sequence numbers of records without a valid reservation id; these always fail.
pub(crate) fn reduce(records: Vec<EventRecord>) -> (Vec<Hint>, Vec<String>) {
    let mut hints: Vec<Hint> = Vec::new();
    let mut positions: BTreeMap<Uuid, usize> = BTreeMap::new();
    let mut unreadable = Vec::new();
    for record in records {
        let sequence_number = record.change.sequence_number.clone().unwrap_or_default();
        let Some(id) = text(&record.change.keys, "id").and_then(|id| Uuid::try_parse(id).ok()) else {
            tracing::error!(sequence_number, "record {sequence_number} names no reservation");
            unreadable.push(sequence_number);
            continue;
        };
        if changes_nothing_to_do(&record) {
            continue;
        }
        let position = *positions.entry(id).or_insert_with(|| {
            hints.push(Hint { id, incarnations: Vec::new(), sequence_numbers: Vec::new() });
            hints.len() - 1
        });
        let Some(hint) = hints.get_mut(position) else { continue };
        hint.sequence_numbers.push(sequence_number);
        let incarnation = incarnation(&record, id);
        // A later record of the same incarnation has its newest file.
        if let Some(incarnation) = incarnation {
            hint.incarnations.retain(|known| known.incarnation != incarnation.incarnation);
            hint.incarnations.push(incarnation);
        }
    }
    (hints, unreadable)
}

/// What a worker writes when it counts an attempt, which it then makes itself, and when it takes the count back. A wake
/// writes some of the same, but it sets `woken`, which a count removes.
const COUNT: [&str; 4] = ["attempts", "woken", "progress_at", "version"];

/// Whether a write changed nothing but keys of indexes, as the back-fill of an older table does, or counted an attempt.
fn changes_nothing_to_do(record: &EventRecord) -> bool {
    let (old, new) = (&record.change.old_image, &record.change.new_image);
    let attempts = |image: &HashMap<String, AttributeValue>| match image.get("attempts") {
        Some(AttributeValue::N(number)) => number.parse::<u32>().ok(),
        _ => None,
    };
    // An older sweep wakes by a count without `woken`, which rises.
    let is_count = !new.contains_key("woken") && (old.contains_key("woken") || attempts(new) < attempts(old));
    let rest = |image: &HashMap<String, AttributeValue>| -> BTreeMap<String, AttributeValue> {
        let is_seen = |name: &str| !(INDEX_ATTRIBUTES.contains(&name) || is_count && COUNT.contains(&name));
        let members = image.iter().filter(|(name, _)| is_seen(name));
        members.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    !old.is_empty() && !new.is_empty() && old != new && rest(old) == rest(new)
}

fn incarnation(record: &EventRecord, id: Uuid) -> Option<Incarnation> {
    let change = &record.change;
    let of = |image| text(image, "incarnation").and_then(|text| Uuid::try_parse(text).ok());
    let incarnation = of(&change.old_image).or_else(|| of(&change.new_image))?;
    Some(Incarnation { id, incarnation, export_file: text(&change.old_image, "export_file").map(str::to_owned) })
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

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn record(sequence_number: &str, key: &Value, old: &Value, new: &Value) -> EventRecord {
        let change =
            json!({"Keys": key, "OldImage": old, "NewImage": new, "SequenceNumber": sequence_number, "SizeBytes": 1});
        let record = json!({"awsRegion": "eu-central-1", "eventID": "e", "eventName": "MODIFY", "dynamodb": change});
        serde_json::from_value(record).unwrap()
    }

    /// The image of an incarnation, with other attributes.
    fn image(incarnation: u128, others: &[(&str, &str)]) -> Value {
        let mut image = json!({"incarnation": {"S": id(incarnation).to_string()}});
        for (name, value) in others {
            image[*name] = json!({ "S": value });
        }
        image
    }

    /// The record of a change of reservation 1.
    fn change(sequence_number: &str, old: &Value, new: &Value) -> EventRecord {
        record(sequence_number, &json!({"id": {"S": id(1).to_string()}}), old, new)
    }

    #[test]
    fn records_become_one_hint_for_each_reservation_in_their_order() {
        let key = |number| json!({"id": {"S": id(number).to_string()}});
        let (none, new) = (json!({}), image(10, &[]));
        let (hints, unreadable) = reduce(vec![
            record("1", &key(2), &none, &new),
            record("2", &key(1), &none, &image(20, &[])),
            record("3", &json!({"id": {"S": "x"}}), &none, &new),
            record("4", &key(2), &image(10, &[("export_file", "f")]), &none),
            record("5", &json!({"id": {"N": "1"}}), &none, &new),
        ]);
        let incarnation =
            |id, incarnation, file: Option<&str>| Incarnation { id, incarnation, export_file: file.map(str::to_owned) };
        let hint = |id, incarnations, sequence_numbers: &[&str]| Hint {
            id,
            incarnations,
            sequence_numbers: sequence_numbers.iter().map(|number| (*number).to_owned()).collect(),
        };
        assert_eq!(
            hints,
            [
                hint(id(2), vec![incarnation(id(2), id(10), Some("f"))], &["1", "4"]),
                hint(id(1), vec![incarnation(id(1), id(20), None)], &["2"]),
            ]
        );
        assert_eq!(unreadable, ["3", "5"]);
    }

    #[test]
    fn every_incarnation_is_named_once_the_old_one_of_a_change() {
        let (hints, _) = reduce(vec![
            change("1", &image(10, &[]), &json!({})),
            change("2", &json!({}), &image(11, &[])),
            change("3", &image(10, &[("export_file", "f")]), &image(12, &[])),
        ]);
        let found: Vec<_> = hints[0].incarnations.iter().map(|known| (known.incarnation, &known.export_file)).collect();
        assert_eq!(found, [(id(11), &None), (id(10), &Some("f".to_owned()))]);
    }

    #[test]
    fn a_change_of_index_keys_or_a_counted_attempt_is_no_hint() {
        let is_hint = |old: &Value, new: &Value| !reduce(vec![change("1", old, new)]).0.is_empty();
        let index = INDEX_ATTRIBUTES[0];
        let plain = image(10, &[("status", "new")]);
        let keyed = image(10, &[("status", "new"), (index, "k")]);
        assert!(!is_hint(&plain, &keyed), "a back-fill");
        assert!(is_hint(&plain, &plain), "a record that is sent by hand");
        assert!(is_hint(&json!({}), &keyed), "a new reservation");
        assert!(is_hint(&keyed, &json!({})), "a deleted one");
        assert!(is_hint(&plain, &image(10, &[("status", "error"), (index, "k")])));
        let woken = image(10, &[("status", "new"), ("woken", "true"), ("attempts", "1"), ("version", "1")]);
        let counted = image(10, &[("status", "new"), ("attempts", "2"), ("version", "2"), ("progress_at", "t")]);
        assert!(!is_hint(&woken, &counted), "a count");
        assert!(is_hint(&counted, &woken), "a wake");
        let attempts = |number: &str| {
            let mut image = image(10, &[("status", "new")]);
            image["attempts"] = json!({ "N": number });
            image
        };
        assert!(!is_hint(&attempts("3"), &attempts("2")), "a count that is taken back");
        assert!(is_hint(&attempts("2"), &attempts("3")), "a wake of an older sweep");
        let failed = image(10, &[("status", "error"), ("attempts", "2"), ("version", "2")]);
        assert!(is_hint(&woken, &failed), "more than a count");
        // Without a wake that ends, these attributes say that something was done.
        assert!(is_hint(&plain, &image(10, &[("status", "new"), ("attempts", "1")])));
        assert!(is_hint(&woken, &image(10, &[("status", "new"), ("woken", "true"), ("attempts", "2")])));
    }
}
