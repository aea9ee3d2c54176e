//! Processes one batch, from its first invocation until each record is done or discarded.

use std::{sync::Arc, time::SystemTime};

use aws_lambda_events::event::streams::DynamoDbEventResponse;
use lambda_runtime::Error;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{
    Mapping,
    failures::{GivenUp, Reason},
};
use crate::{
    dynamodb::{StreamRecord, position_of},
    invocation::request_id,
    remote::NotReached,
};

/// Runs the batches of a mapping.
pub(super) struct Worker {
    mapping: Mapping,
    /// Receives the positions of records that are done.
    done: mpsc::UnboundedSender<Vec<i64>>,
}

/// Records of one invocation, with their retries so far.
struct Task {
    records: Vec<StreamRecord>,
    retries: u32,
    invocations: u32,
}

/// How an invocation ended.
enum Outcome {
    Done,
    /// The function was not called, because its endpoint cannot be reached.
    NotReached {
        request_id: String,
    },
    /// This record and all later ones failed.
    FailedFrom {
        index: usize,
        function_error: bool,
        request_id: String,
    },
}

impl Worker {
    pub(super) fn new(mapping: Mapping, done: mpsc::UnboundedSender<Vec<i64>>) -> Self {
        Self { mapping, done }
    }

    pub(super) async fn process(&self, records: Vec<StreamRecord>) {
        // In reverse order, so that records stay in order when a batch is split.
        let mut tasks = vec![Task { records, retries: 0, invocations: 0 }];
        let mut unreached = 0;
        while let Some(mut task) = tasks.pop() {
            task.invocations += 1;
            match self.invoke(&task.records).await {
                Outcome::Done => self.finished(&task.records),
                Outcome::NotReached { request_id } => {
                    task.invocations -= 1;
                    unreached += 1;
                    self.wait(task, unreached, &request_id, &mut tasks).await;
                    continue;
                }
                Outcome::FailedFrom { index, function_error, request_id } => {
                    let rest = task.records.split_off(index);
                    self.finished(&task.records);
                    let progressed = index > 0;
                    task.records = rest;
                    self.fail(task, progressed, function_error, request_id, &mut tasks).await;
                }
            }
            unreached = 0;
        }
    }

    /// Keeps records for later, because the function was not called. Only their age ends that, as when Lambda has no
    /// capacity for an invocation: the retries count failures of the function.
    async fn wait(&self, task: Task, attempts: u32, request_id: &str, tasks: &mut Vec<Task>) {
        if self.is_too_old(&task) {
            self.give_up(&task, Reason::RecordAgeExceeded, false, request_id).await;
            return;
        }
        tasks.push(task);
        tokio::time::sleep(self.backoff(attempts)).await;
    }

    fn is_too_old(&self, task: &Task) -> bool {
        let maximum = self.mapping.settings.maximum_age;
        maximum.is_some_and(|maximum| oldest_age(&task.records) > maximum.as_secs_f64())
    }

    /// Splits, retries or discards failed records.
    async fn fail(
        &self,
        mut task: Task,
        progressed: bool,
        function_error: bool,
        request_id: String,
        tasks: &mut Vec<Task>,
    ) {
        let settings = &self.mapping.settings;
        let reason = if settings.maximum_retries.is_some_and(|maximum| task.retries >= maximum) {
            Some(Reason::RetryAttemptsExhausted)
        } else if self.is_too_old(&task) {
            Some(Reason::RecordAgeExceeded)
        } else {
            None
        };
        // Splitting does not count as a retry. A batch without its finished records counts as split.
        let can_split = settings.bisect && (progressed || task.records.len() > 1);
        let wait = self.backoff(task.retries);
        if can_split && !matches!(reason, Some(Reason::RecordAgeExceeded)) {
            if !progressed {
                let second = task.records.split_off(task.records.len() / 2);
                tasks.push(Task { records: second, retries: task.retries, invocations: task.invocations });
            }
            tasks.push(task);
        } else if let Some(reason) = reason {
            self.give_up(&task, reason, function_error, &request_id).await;
            return;
        } else {
            task.retries += 1;
            tasks.push(task);
        }
        tokio::time::sleep(wait).await;
    }

    fn backoff(&self, retries: u32) -> std::time::Duration {
        let pace = self.mapping.pace;
        pace.backoff.saturating_mul(1_u32.checked_shl(retries).unwrap_or(u32::MAX)).min(pace.longest_backoff)
    }

    async fn invoke(&self, records: &[StreamRecord]) -> Outcome {
        let invoked = self.mapping.function.invoked();
        let request_id = request_id();
        let events: Vec<&Value> = records.iter().map(|record| &record.event).collect();
        let answer = self.mapping.function.call(json!({ "Records": events }), &request_id).await;
        match answer.and_then(|answer| self.response(answer)) {
            Ok(response) => match self.first_failure(records, &response) {
                None => Outcome::Done,
                Some(index) => {
                    let failed = response.batch_item_failures.len();
                    tracing::warn!(function = invoked.name, request_id, failed, "records of a batch failed");
                    Outcome::FailedFrom { index, function_error: false, request_id }
                }
            },
            Err(error) if error.is::<NotReached>() => {
                tracing::warn!(
                    function = invoked.name,
                    request_id,
                    error,
                    "the function was not called; its records wait"
                );
                Outcome::NotReached { request_id }
            }
            Err(error) => {
                let records = records.len();
                tracing::warn!(function = invoked.name, request_id, records, error, "a batch failed");
                Outcome::FailedFrom { index: 0, function_error: true, request_id }
            }
        }
    }

    /// Parses the function's answer. Without `ReportBatchItemFailures`, or if the answer is null, every record
    /// succeeded. An answer of another form fails the whole batch.
    fn response(&self, answer: Value) -> Result<DynamoDbEventResponse, Error> {
        if !self.mapping.settings.report_item_failures || answer.is_null() {
            return Ok(DynamoDbEventResponse::default());
        }
        Ok(serde_json::from_value(answer)?)
    }

    /// The first failed record; `None` if all succeeded. An empty or unknown identifier fails the whole batch.
    fn first_failure(&self, records: &[StreamRecord], response: &DynamoDbEventResponse) -> Option<usize> {
        let index_of = |identifier: Option<&String>| {
            let position = position_of(identifier?)?;
            records.iter().position(|record| record.position == position)
        };
        let failures = &response.batch_item_failures;
        failures.iter().map(|failure| index_of(failure.item_identifier.as_ref()).unwrap_or(0)).min()
    }

    fn finished(&self, records: &[StreamRecord]) {
        if !records.is_empty() {
            // An error means that the reader has stopped; it delivers the records again after the next start.
            let _ = self.done.send(records.iter().map(|record| record.position).collect());
        }
    }

    async fn give_up(&self, task: &Task, reason: Reason, function_error: bool, request_id: &str) {
        let (settings, invoked) = (&self.mapping.settings, self.mapping.function.invoked());
        let records = task.records.len();
        tracing::error!(function = invoked.name, request_id, records, ?reason, "records of the stream were given up");
        if settings.on_failure.is_some() {
            let failures = Arc::clone(&self.mapping.failures);
            let document = GivenUp {
                request_id,
                function_arn: &invoked.arn(),
                stream_arn: &settings.stream_arn,
                reason,
                invocations: task.invocations,
                function_error,
                records: &task.records,
            }
            .document();
            if let Err(error) = failures.add(&document).await {
                tracing::error!(%error, %document, "the failure destination could not be written");
            }
        }
        self.finished(&task.records);
    }
}

/// Seconds since the oldest record was written.
fn oldest_age(records: &[StreamRecord]) -> f64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let created = |record: &StreamRecord| {
        record.event.pointer("/dynamodb/ApproximateCreationDateTime").and_then(Value::as_f64).unwrap_or(now)
    };
    records.iter().map(|record| now - created(record)).fold(0.0, f64::max)
}
