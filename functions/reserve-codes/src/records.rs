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

/// What a worker writes when it counts an attempt, which it then makes itself. A wake writes some of the same, but it sets
/// `woken`, which a count removes.
const COUNT: [&str; 4] = ["attempts", "woken", "progress_at", "version"];

/// Whether a write changed nothing but keys of indexes, as the back-fill of an older table does, or counted an attempt.
fn changes_nothing_to_do(record: &EventRecord) -> bool {
    let (old, new) = (&record.change.old_image, &record.change.new_image);
    let is_count = old.contains_key("woken") && !new.contains_key("woken");
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
