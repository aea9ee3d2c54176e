//! The guarantees of an event source mapping, tested on the stream reader.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_lambda_events::event::{
    dynamodb::{Event, EventRecord},
    streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse},
};
use aws_sdk_dynamodb::{Client, types::AttributeValue};
use futures::future::BoxFuture;
use lambda_runtime::{Error, LambdaEvent};
use local::{
    callable::Callable,
    data_dir::DataDir,
    dynamodb::DynamoDb,
    functions::Handler,
    invocation::Invoked,
    remote::remotes,
    stream::{Failures, Mapping, Pace, StreamReader},
    template::Template,
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::Notify;

const TABLE: &str = "things";
/// The name of the reader in the store.
const READER: &str = "reserve-codes";

/// A table with a stream, and a mapping with settings that the test chooses.
fn template(settings: &str) -> Template {
    let text = format!(
        "
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: {TABLE}
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{{AttributeName: id, AttributeType: S}}]
      KeySchema: [{{AttributeName: id, KeyType: HASH}}]
      StreamSpecification: {{StreamViewType: NEW_AND_OLD_IMAGES}}
  Reader:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: reader
      Timeout: 1
      Events:
        Changed:
          Type: DynamoDB
          Properties:
            {{
              Stream: !GetAtt Table.StreamArn,
              StartingPosition: TRIM_HORIZON,
              DestinationConfig: {{OnFailure: {{Destination: 'arn:aws:sqs:r:1:q'}}}},
              {settings}
            }}
"
    );
    Template::parse(&text, &[]).unwrap()
}

struct Home {
    folder: TempDir,
    store: Arc<DynamoDb>,
    template: Template,
    failures: Arc<Failures>,
    written: Arc<Notify>,
}

impl Home {
    async fn new(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let template = template(settings);
        let store = open(&folder, &template).await;
        let failures = Arc::new(Failures::new(&folder.path().join("failures.jsonl")));
        Self { folder, store, template, failures, written: Arc::default() }
    }

    fn client(&self) -> Client {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version_latest()
            .http_client(common::https::direct())
            .region(aws_sdk_dynamodb::config::Region::new("eu-central-1"))
            .credentials_provider(aws_sdk_dynamodb::config::Credentials::new("a", "b", None, None, "test"))
            .endpoint_url(self.store.endpoint());
        Client::from_conf(config.build())
    }

    async fn put(&self, id: &str, n: i64) {
        let item = self.client().put_item().table_name(TABLE).item("id", AttributeValue::S(id.to_owned()));
        item.item("n", AttributeValue::N(n.to_string())).send().await.unwrap();
    }

    async fn read(&self, function: Handler) -> StreamReader {
        let (reader, _) = self.template.stream_mappings().next().unwrap();
        self.read_with(Callable::here(Invoked::from(reader), function)).await
    }

    async fn read_with(&self, function: Callable) -> StreamReader {
        let (_, settings) = self.template.stream_mappings().next().unwrap();
        let mapping = Mapping {
            reader: READER.to_owned(),
            settings: settings.clone(),
            function,
            failures: Arc::clone(&self.failures),
            pace: Pace {
                poll: Duration::from_millis(5),
                backoff: Duration::from_millis(2),
                longest_backoff: Duration::from_millis(20),
            },
        };
        StreamReader::start(Arc::clone(&self.store), mapping, Arc::clone(&self.written)).await.unwrap()
    }

    /// Closes the tables and opens the same file again.
    async fn reopen(&mut self) {
        let elsewhere = DataDir::temporary().unwrap();
        self.store = Arc::new(DynamoDb::start(&elsewhere).unwrap());
        self.store = open(&self.folder, &self.template).await;
    }
}

async fn open(folder: &TempDir, template: &Template) -> Arc<DynamoDb> {
    let store = DynamoDb::start(&DataDir::open(folder.path()).unwrap()).unwrap();
    store.create_tables(&template.tables).await.unwrap();
    Arc::new(store)
}

/// The invocations seen so far, each as the (id, n) of its records.
type Seen = Arc<Mutex<Vec<Vec<(String, i64)>>>>;

fn number(record: &EventRecord) -> (String, i64) {
    let image = serde_json::to_value(&record.change.new_image).unwrap();
    let n = image["n"]["N"].as_str().unwrap_or("-1").parse().unwrap();
    let keys = serde_json::to_value(&record.change.keys).unwrap();
    (keys["id"]["S"].as_str().unwrap().to_owned(), n)
}

fn response(failed: impl IntoIterator<Item = Option<String>>) -> DynamoDbEventResponse {
    let mut response = DynamoDbEventResponse::default();
    for identifier in failed {
        let mut failure = DynamoDbBatchItemFailure::default();
        failure.item_identifier = identifier;
        response.batch_item_failures.push(failure);
    }
    response
}

/// A function that records its invocations and answers with `answer`.
fn function(
    answer: impl Fn(&[EventRecord], &[(String, i64)]) -> Result<DynamoDbEventResponse, Error> + Send + Sync + 'static,
) -> (Handler, Seen) {
    let seen: Seen = Arc::default();
    let notes = Arc::clone(&seen);
    let answer = Arc::new(answer);
    let function = move |event: LambdaEvent<Value>| -> BoxFuture<'static, Result<Value, Error>> {
        let (notes, answer) = (Arc::clone(&notes), Arc::clone(&answer));
        Box::pin(async move {
            let records = serde_json::from_value::<Event>(event.payload)?.records;
            let numbers: Vec<_> = records.iter().map(number).collect();
            notes.lock().unwrap().push(numbers.clone());
            Ok(serde_json::to_value(answer(&records, &numbers)?)?)
        })
    };
    (Arc::new(function), seen)
}

/// Waits until a condition is true; otherwise the test fails with the message.
async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{what}");
}

/// A function outside this process, at a port that is closed and then opened.
#[tokio::test(flavor = "multi_thread")]
async fn records_wait_for_a_function_that_is_not_reached_whatever_its_retries() {
    let home = Home::new("MaximumRetryAttempts: 1").await;
    let closed = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let endpoint = format!("reader=http://{address}/").parse().unwrap();
    let functions = &home.template.functions;
    let remote = remotes(&[endpoint], functions).unwrap().remove("Reader").unwrap();
    home.put("a", 1).await;
    let reader = home.read_with(Callable::there(Invoked::from(&functions[0]), remote)).await;
    // Some twenty attempts.
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(home.failures.all().await.unwrap().is_empty());

    let called = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&called);
    let answer = move || async move {
        counter.fetch_add(1, Ordering::SeqCst);
        "null"
    };
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let router = axum::Router::new().route("/", axum::routing::post(answer));
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    until("the record arrives", || called.load(Ordering::SeqCst) > 0).await;
    reader.stop().await;
    server.abort();
    assert_eq!(called.load(Ordering::SeqCst), 1);
    assert!(home.failures.all().await.unwrap().is_empty());
}

fn flat(seen: &Seen) -> Vec<i64> {
    seen.lock().unwrap().iter().flatten().map(|(_, n)| *n).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn records_arrive_as_lambda_sends_them() {
    let home = Home::new("BatchSize: 10").await;
    home.put("a", 1).await;
    home.put("a", 2).await;
    home.client().delete_item().table_name(TABLE).key("id", AttributeValue::S("a".into())).send().await.unwrap();
    let events: Arc<Mutex<Vec<Value>>> = Arc::default();
    let notes = Arc::clone(&events);
    let (function, seen) = function(move |records, _| {
        notes.lock().unwrap().extend(records.iter().map(|record| serde_json::to_value(record).unwrap()));
        Ok(response([]))
    });
    let reader = home.read(function).await;
    until("three records", || flat(&seen).len() == 3).await;
    reader.stop().await;
    let events = events.lock().unwrap();
    let names: Vec<_> = events.iter().map(|event| event["eventName"].as_str().unwrap()).collect();
    assert_eq!(names, ["INSERT", "MODIFY", "REMOVE"]);
    for event in events.iter() {
        assert_eq!(event["awsRegion"], "eu-central-1");
        assert_eq!(event["eventSource"], "aws:dynamodb");
        let arn = event["eventSourceARN"].as_str().unwrap();
        assert!(arn.starts_with("arn:aws:dynamodb:eu-central-1:000000000000:table/things/stream/"), "{arn}");
        assert_eq!(event["dynamodb"]["StreamViewType"], "NEW_AND_OLD_IMAGES");
    }
    assert_eq!(events[1]["dynamodb"]["OldImage"]["n"]["N"], "1");
    assert_eq!(events[1]["dynamodb"]["NewImage"]["n"]["N"], "2");
    let ids: BTreeSet<_> = events.iter().map(|event| event["eventID"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 3);
    let numbers: Vec<_> = events.iter().map(|e| e["dynamodb"]["SequenceNumber"].as_str().unwrap()).collect();
    assert!(numbers.is_sorted() && numbers.iter().all(|number| number.len() == 21), "{numbers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_an_item_stay_in_order_while_lanes_run_at_once() {
    let home = Home::new("BatchSize: 3, ParallelizationFactor: 10").await;
    let (function, seen) = function(|_, _| Ok(response([])));
    let reader = home.read(function).await;
    let client = home.client();
    for n in 0..20 {
        for id in ["a", "b", "c", "d", "e"] {
            let item = client.put_item().table_name(TABLE).item("id", AttributeValue::S(id.into()));
            item.item("n", AttributeValue::N(n.to_string())).send().await.unwrap();
        }
    }
    home.written.notify_one();
    until("a hundred records", || flat(&seen).len() == 100).await;
    reader.stop().await;
    let mut by_item: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for (id, n) in seen.lock().unwrap().iter().flatten() {
        by_item.entry(id.clone()).or_default().push(*n);
    }
    for (id, numbers) in by_item {
        assert_eq!(numbers, (0..20).collect::<Vec<i64>>(), "{id}");
    }
    assert!(seen.lock().unwrap().iter().all(|batch| batch.len() <= 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_lowest_failed_record_on_everything_comes_again() {
    let home = Home::new("BatchSize: 10, FunctionResponseTypes: [ReportBatchItemFailures]").await;
    for n in 0..6 {
        home.put("a", n).await;
    }
    let failed = Mutex::new(false);
    let (function, seen) = function(move |records, _| {
        let first = !std::mem::replace(&mut *failed.lock().unwrap(), true);
        // The third and the fifth record failed. The third is the checkpoint.
        let names = [4, 2].into_iter().filter(|_| first).map(|index| records[index].change.sequence_number.clone());
        Ok(response(names))
    });
    let reader = home.read(function).await;
    until("two invocations", || seen.lock().unwrap().len() == 2).await;
    reader.stop().await;
    assert_eq!(flat(&seen), [0, 1, 2, 3, 4, 5, 2, 3, 4, 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_or_unknown_identifier_fails_the_whole_batch() {
    for identifier in [None, Some(String::new()), Some("100000000000000000001".to_owned())] {
        let home = Home::new("BatchSize: 10, FunctionResponseTypes: [ReportBatchItemFailures]").await;
        for n in 0..3 {
            home.put("a", n).await;
        }
        let name = identifier.clone();
        let failed = Mutex::new(false);
        let (function, seen) = function(move |_, _| {
            let first = !std::mem::replace(&mut *failed.lock().unwrap(), true);
            Ok(response(first.then(|| name.clone())))
        });
        let reader = home.read(function).await;
        until("two invocations", || seen.lock().unwrap().len() == 2).await;
        reader.stop().await;
        assert_eq!(flat(&seen), [0, 1, 2, 0, 1, 2], "{identifier:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_record_is_found_by_halving_and_given_up_alone() {
    let home = Home::new("BatchSize: 10, BisectBatchOnFunctionError: true, MaximumRetryAttempts: 2").await;
    for n in 0..8 {
        home.put("a", n).await;
    }
    let (function, seen) =
        function(
            |_, numbers| {
                if numbers.iter().any(|(_, n)| *n == 5) { Err("poison".into()) } else { Ok(response([])) }
            },
        );
    let reader = home.read(function).await;
    home.put("a", 8).await;
    until("the record after the poison", || flat(&seen).contains(&8)).await;
    reader.stop().await;
    let seen = seen.lock().unwrap().clone();
    // The record was tried once alone and then retried twice; the others succeeded in order.
    assert_eq!(seen.iter().filter(|batch| batch.len() == 1 && batch[0].1 == 5).count(), 3);
    let done: Vec<i64> =
        seen.iter().filter(|batch| batch.iter().all(|(_, n)| *n != 5)).flatten().map(|(_, n)| *n).collect();
    assert_eq!(done, [0, 1, 2, 3, 4, 6, 7, 8]);
    let failures = home.failures.all().await.unwrap();
    assert_eq!(failures.len(), 1);
    let (info, context) = (&failures[0]["DDBStreamBatchInfo"], &failures[0]["requestContext"]);
    assert_eq!(info["batchSize"], 1);
    assert_eq!(info["startSequenceNumber"], info["endSequenceNumber"]);
    assert_eq!(context["condition"], "RetryAttemptsExhausted");
    assert_eq!(context["functionArn"], "arn:aws:lambda:eu-central-1:000000000000:function:reader");
    assert_eq!(failures[0]["responseContext"]["functionError"], "Unhandled");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_halving_the_whole_batch_is_given_up_after_its_retries() {
    let home = Home::new("BatchSize: 10, MaximumRetryAttempts: 1").await;
    for n in 0..3 {
        home.put("a", n).await;
    }
    let (function, seen) = function(|_, _| Err("no".into()));
    let reader = home.read(function).await;
    let failures = Arc::clone(&home.failures);
    until("two invocations", || seen.lock().unwrap().len() == 2).await;
    reader.stop().await;
    assert_eq!(flat(&seen), [0, 1, 2, 0, 1, 2]);
    assert_eq!(failures.all().await.unwrap()[0]["DDBStreamBatchInfo"]["batchSize"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_lane_does_not_hold_up_the_others() {
    let home = Home::new("BatchSize: 1, ParallelizationFactor: 10").await;
    let (function, seen) =
        function(|_, numbers| if numbers[0].0 == "stuck" { Err("later".into()) } else { Ok(response([])) });
    let reader = home.read(function).await;
    home.put("stuck", 0).await;
    // One of these may share the lane; most do not.
    for n in 1..=30 {
        home.put(&format!("free-{n}"), n).await;
    }
    until("most of the others", || flat(&seen).iter().collect::<BTreeSet<_>>().len() > 20).await;
    reader.stop().await;
    // The position stays before the first record that is not done.
    let first = home.store.records_after(TABLE, 0, 1, "arn").await.unwrap()[0].position;
    assert!(home.store.position(TABLE, READER).await.unwrap().unwrap() < first);
}

#[tokio::test(flavor = "multi_thread")]
async fn panics_and_timeouts_are_failures_of_the_invocation_only() {
    let home = Home::new("BatchSize: 1, MaximumRetryAttempts: 0").await;
    for n in 0..3 {
        home.put("a", n).await;
    }
    let seen: Seen = Arc::default();
    let notes = Arc::clone(&seen);
    let function: Handler = Arc::new(move |event: LambdaEvent<Value>| {
        let notes = Arc::clone(&notes);
        Box::pin(async move {
            let event: Event = serde_json::from_value(event.payload)?;
            let numbers: Vec<_> = event.records.iter().map(number).collect();
            notes.lock().unwrap().push(numbers.clone());
            match numbers[0].1 {
                0 => panic!("a fault of the function"),
                1 => std::future::pending().await,
                _ => Ok(Value::Null),
            }
        })
    });
    let reader = home.read(function).await;
    until("the third record", || flat(&seen).contains(&2)).await;
    reader.stop().await;
    assert_eq!(home.failures.all().await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_where_the_work_was_done_and_repeats_what_was_not() {
    let mut home = Home::new("BatchSize: 1, FunctionResponseTypes: [ReportBatchItemFailures]").await;
    for n in 0..4 {
        home.put("a", n).await;
    }
    // The third record is not done before the restart.
    let (first, seen) = function(|records, numbers| {
        let stuck = numbers[0].1 == 2;
        Ok(response(stuck.then(|| records[0].change.sequence_number.clone())))
    });
    let reader = home.read(first).await;
    until("the third record", || flat(&seen).contains(&2)).await;
    reader.stop().await;
    home.reopen().await;
    home.put("a", 4).await;
    let (second, seen) = function(|_, _| Ok(response([])));
    let reader = home.read(second).await;
    until("the last record", || flat(&seen).contains(&4)).await;
    reader.stop().await;
    assert_eq!(flat(&seen), [2, 3, 4]);
    // Records before the position are removed; the newest is kept.
    home.reopen().await;
    let left = home.store.records_after(TABLE, 0, 10, "arn").await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(Some(left[0].position), home.store.position(TABLE, READER).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn filtered_records_never_arrive() {
    let pattern = r#"{"dynamodb":{"NewImage":{"n":{"N":[{"numeric":[">=",3]}]}}}}"#;
    let home = Home::new(&format!("BatchSize: 10, FilterCriteria: {{Filters: [{{Pattern: '{pattern}'}}]}}")).await;
    for n in 0..6 {
        home.put("a", n).await;
    }
    let (function, seen) = function(|_, _| Ok(response([])));
    let reader = home.read(function).await;
    until("the last record", || flat(&seen).contains(&5)).await;
    reader.stop().await;
    assert_eq!(flat(&seen), [3, 4, 5]);
}
