//! CloudWatch's embedded metric format: a JSON document on a log line, from which CloudWatch extracts metrics (Amazon
//! CloudWatch User Guide, "Specification: Embedded metric format").

use serde_json::{Map, Value, json};

use super::Event;

/// The namespace of every metric.
pub const NAMESPACE: &str = "CodeReservation";

/// The dimension that distinguishes the deployments of one account.
const STACK: &str = "Stack";

/// The document of an event. `stack` is the name of the deployment, and `at_ms` is the time in milliseconds since 1970.
#[must_use]
pub fn document(event: &Event, stack: &str, at_ms: i64) -> Value {
    let dimensions = event.dimensions();
    let measurements = event.measurements();
    let mut names = vec![STACK];
    names.extend(dimensions.iter().map(|(name, _)| *name));
    let metrics: Vec<Value> =
        measurements.iter().map(|one| json!({ "Name": one.name, "Unit": one.unit.name() })).collect();
    let directive = json!({ "Namespace": NAMESPACE, "Dimensions": [names], "Metrics": metrics });
    let mut document = Map::new();
    document.insert("_aws".to_owned(), json!({ "Timestamp": at_ms, "CloudWatchMetrics": [directive] }));
    document.insert("event".to_owned(), json!(event.name()));
    document.extend(event.properties());
    document.insert(STACK.to_owned(), json!(stack));
    document.extend(dimensions.into_iter().map(|(name, value)| (name.to_owned(), json!(value))));
    document.extend(measurements.iter().map(|one| (one.name.to_owned(), json!(one.value))));
    Value::Object(document)
}
