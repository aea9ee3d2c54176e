//! The settings of a stream mapping. Settings that the template omits get Lambda's defaults.

use std::time::Duration;

use serde_json::Value;

use super::{number, truth};
use crate::stream::filter::Pattern;

/// The settings with which a function reads a table's stream (an event source mapping).
#[derive(Clone, Debug)]
pub struct StreamMapping {
    /// ARN of the stream.
    pub stream_arn: String,
    /// Name of the table.
    pub table: String,
    /// Whether a new mapping starts with the oldest record; otherwise it starts with the next one.
    pub from_start: bool,
    /// Maximum records per batch.
    pub batch_size: usize,
    /// How long a batch that is not full waits for further records.
    pub window: Duration,
    /// Maximum concurrent batches per shard. Records of one item stay in order.
    pub parallelization_factor: usize,
    /// A record is delivered if one of these matches, or if there are none.
    pub filters: Vec<Pattern>,
    /// Whether a failed batch is split in two.
    pub bisect: bool,
    /// Maximum retries of a failed batch; `None` for no limit.
    pub maximum_retries: Option<u32>,
    /// The age at which a record that keeps failing is discarded; `None` for no limit.
    pub maximum_age: Option<Duration>,
    /// Whether the function reports which records failed (`ReportBatchItemFailures`).
    pub report_item_failures: bool,
    /// ARN of the destination for descriptions of discarded records.
    pub on_failure: Option<String>,
}

impl StreamMapping {
    pub(super) fn read(properties: &Value) -> Result<Self, String> {
        let text = |name: &str| properties.get(name).and_then(Value::as_str);
        let stream_arn = text("Stream").ok_or("Stream is missing")?.to_owned();
        let table = stream_arn
            .split_once(":table/")
            .and_then(|(_, rest)| rest.split('/').next())
            .ok_or_else(|| format!("{stream_arn} is no stream of a table"))?
            .to_owned();
        let from_start = match text("StartingPosition") {
            Some("TRIM_HORIZON") => true,
            Some("LATEST") => false,
            other => return Err(format!("StartingPosition {other:?} is neither TRIM_HORIZON nor LATEST")),
        };
        let bounded = |name: &str, default: i64, min: i64, max: i64| {
            let value = number(properties.get(name)).unwrap_or(default);
            if (min..=max).contains(&value) { Ok(value) } else { Err(format!("{name} must be {min}…{max}")) }
        };
        if number(properties.get("TumblingWindowInSeconds")).is_some_and(|seconds| seconds != 0) {
            return Err("TumblingWindowInSeconds is not supported here".to_owned());
        }
        let mut filters = Vec::new();
        for filter in properties.pointer("/FilterCriteria/Filters").and_then(Value::as_array).into_iter().flatten() {
            let pattern = filter.get("Pattern").and_then(Value::as_str).ok_or("a filter has no Pattern")?;
            filters.push(Pattern::parse(pattern)?);
        }
        let report_item_failures = properties
            .get("FunctionResponseTypes")
            .and_then(Value::as_array)
            .is_some_and(|types| types.iter().any(|kind| kind == "ReportBatchItemFailures"));
        let unlimited = |value: i64| u64::try_from(value).ok();
        Ok(Self {
            table,
            from_start,
            batch_size: usize::try_from(bounded("BatchSize", 100, 1, 10_000)?).unwrap_or(1),
            window: unlimited(bounded("MaximumBatchingWindowInSeconds", 0, 0, 300)?)
                .map(Duration::from_secs)
                .unwrap_or_default(),
            parallelization_factor: usize::try_from(bounded("ParallelizationFactor", 1, 1, 10)?).unwrap_or(1),
            filters,
            bisect: truth(properties.get("BisectBatchOnFunctionError")),
            maximum_retries: u32::try_from(bounded("MaximumRetryAttempts", -1, -1, 10_000)?).ok(),
            maximum_age: unlimited(bounded("MaximumRecordAgeInSeconds", -1, -1, 604_800)?).map(Duration::from_secs),
            report_item_failures,
            on_failure: properties
                .pointer("/DestinationConfig/OnFailure/Destination")
                .and_then(Value::as_str)
                .map(str::to_owned),
            stream_arn,
        })
    }
}
