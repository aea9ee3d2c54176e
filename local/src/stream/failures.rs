//! The failure destination: descriptions of discarded records, one JSON document per line, in the form that Lambda
//! sends to a queue (AWS Lambda developer guide, "Retain discarded records for a DynamoDB event source").

use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use tokio::{
    fs::{self, OpenOptions},
    io::AsyncWriteExt,
    sync::Mutex,
};

use crate::dynamodb::{StreamRecord, public_position};

/// A file with descriptions of discarded records.
#[derive(Debug)]
pub struct Failures {
    path: PathBuf,
    writer: Mutex<()>,
}

impl Failures {
    /// Uses this file. It need not exist yet.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), writer: Mutex::new(()) }
    }

    /// Appends a description.
    pub(super) async fn add(&self, document: &Value) -> std::io::Result<()> {
        let _writer = self.writer.lock().await;
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path).await?;
        file.write_all(format!("{document}\n").as_bytes()).await?;
        file.sync_data().await
    }

    /// All descriptions, oldest first. Ignores a last line that is incomplete because of a kill.
    ///
    /// # Errors
    /// The I/O error when the file exists and cannot be read.
    pub async fn all(&self) -> std::io::Result<Vec<Value>> {
        match fs::read_to_string(&self.path).await {
            Ok(text) => Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

/// Why records were discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    RetryAttemptsExhausted,
    RecordAgeExceeded,
}

/// Discarded records.
pub(super) struct GivenUp<'a> {
    pub(super) request_id: &'a str,
    pub(super) function_arn: &'a str,
    pub(super) stream_arn: &'a str,
    pub(super) reason: Reason,
    pub(super) invocations: u32,
    pub(super) function_error: bool,
    pub(super) records: &'a [StreamRecord],
}

impl GivenUp<'_> {
    pub(super) fn document(&self) -> Value {
        let sequence = |record: Option<&StreamRecord>| record.map(|record| public_position(record.position));
        let arrival = |record: Option<&StreamRecord>| {
            let seconds = record?.event.pointer("/dynamodb/ApproximateCreationDateTime")?.as_f64()?;
            // Milliseconds since 1970 are far below the limits of the type.
            #[expect(clippy::cast_possible_truncation, reason = "whole milliseconds are wanted")]
            let time = DateTime::from_timestamp_millis((seconds * 1_000.0) as i64)?;
            Some(time.to_rfc3339_opts(SecondsFormat::Millis, true))
        };
        let mut response = json!({ "statusCode": 200, "executedVersion": "$LATEST" });
        if self.function_error
            && let Some(members) = response.as_object_mut()
        {
            members.insert("functionError".to_owned(), json!("Unhandled"));
        }
        json!({
            "requestContext": {
                "requestId": self.request_id,
                "functionArn": self.function_arn,
                "condition": format!("{:?}", self.reason),
                "approximateInvokeCount": self.invocations,
            },
            "responseContext": response,
            "version": "1.0",
            "timestamp": Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true),
            "DDBStreamBatchInfo": {
                "shardId": "shardId-00000000000000000000-00000000",
                "startSequenceNumber": sequence(self.records.first()),
                "endSequenceNumber": sequence(self.records.last()),
                "approximateArrivalOfFirstRecord": arrival(self.records.first()),
                "approximateArrivalOfLastRecord": arrival(self.records.last()),
                "batchSize": self.records.len(),
                "streamArn": self.stream_arn,
            },
        })
    }
}
