//! What the functions write for CloudWatch: valid documents in the embedded metric format, with few dimensions and no
//! secret.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    sync::{Arc, Mutex},
};

use common::{
    context::Context,
    metrics::{Metrics, document},
};
use lambda_http::LambdaEvent;
use local::{
    functions,
    invocation::{Invoked, request_id},
    system::sdk_config,
};
use serde_json::{Value, json};

use crate::{
    deployment::watching::one_of_each,
    support::{
        api::{id, sgtin, with},
        harness::{Running, completed},
        repository::{event_files, routes, template},
        stream::deliver,
    },
};

/// Checks a document against the published specification (Amazon CloudWatch User Guide, "Specification: Embedded metric
/// format", its JSON schema and its limits). Returns the dimension sets with their values.
fn check(document: &Value) -> Vec<Vec<(String, String)>> {
    let text = |value: &Value, longest: usize| {
        let text = value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned();
        assert!((1..=longest).contains(&text.chars().count()), "{text:?}: 1 to {longest} characters");
        text
    };
    let members = |value: &Value, known: &[&str]| {
        let names: BTreeSet<_> = value.as_object().unwrap().keys().cloned().collect();
        assert!(names.iter().all(|name| known.contains(&name.as_str())), "{names:?}");
    };
    let aws = &document["_aws"];
    members(aws, &["Timestamp", "CloudWatchMetrics"]);
    // Milliseconds since 1970. CloudWatch rejects times more than two weeks ago or two hours ahead.
    let age = chrono::Utc::now().timestamp_millis() - aws["Timestamp"].as_i64().unwrap();
    assert!((-7_200_000..1_209_600_000).contains(&age), "{age}");
    let mut sets = Vec::new();
    for directive in aws["CloudWatchMetrics"].as_array().unwrap() {
        members(directive, &["Namespace", "Dimensions", "Metrics"]);
        text(&directive["Namespace"], 1_024);
        for set in directive["Dimensions"].as_array().unwrap() {
            let names: Vec<String> = set.as_array().unwrap().iter().map(|name| text(name, 250)).collect();
            assert!(names.len() <= 30, "a set has at most 30 dimensions");
            let values = names.into_iter().map(|name| {
                let value = text(&document[name.as_str()], 1_024);
                assert!(value.is_ascii() && !value.starts_with(':') && !value.trim().is_empty(), "{name}: {value}");
                (name, value)
            });
            sets.push(values.collect());
        }
        let metrics = directive["Metrics"].as_array().unwrap();
        assert!((1..=100).contains(&metrics.len()), "a directive has at most 100 metrics");
        let mut names = BTreeSet::new();
        for metric in metrics {
            members(metric, &["Name", "Unit", "StorageResolution"]);
            let units = ["Count", "Bytes", "Milliseconds", "Percent"];
            assert!(units.contains(&metric["Unit"].as_str().unwrap()), "{metric}");
            let name = text(&metric["Name"], 1_024);
            assert!(document[name.as_str()].as_f64().is_some_and(f64::is_finite), "{name} has a figure");
            assert!(names.insert(name), "a metric stands once");
        }
    }
    assert!(document.to_string().len() < 256 * 1_024, "the largest event of a log");
    sets
}

#[test]
fn every_kind_of_event_is_a_valid_document_of_the_embedded_metric_format() {
    for event in one_of_each() {
        let document = document(&event, "code-reservation", chrono::Utc::now().timestamp_millis());
        let sets = check(&document);
        assert_eq!(sets.len(), 1);
        assert_eq!(sets[0][0], ("Stack".to_owned(), "code-reservation".to_owned()), "{document}");
        assert_eq!(document["event"], event.name());
        // All names are different: no property replaces a metric, a dimension or another property.
        let expected = 2 + sets[0].len() + event.measurements().len() + event.properties().len();
        assert_eq!(document.as_object().unwrap().len(), expected, "{document}");
    }
}

/// Keeps what the functions print.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Printed {
    fn documents(&self) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'));
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

async fn invoke(context: &Arc<Context>, binary: &str, event: Value) -> Value {
    let function = functions::http(binary, context).unwrap();
    let invoked = Invoked { name: binary.to_owned(), timeout: std::time::Duration::from_secs(29) };
    function(LambdaEvent::new(event, invoked.context(&request_id()))).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_functions_print_is_valid_holds_no_secret_and_has_few_dimensions() {
    let running = Running::paused().await;
    let printed = Printed::default();
    let metrics = Metrics::lines("staging", Box::new(printed.clone()));
    let context = Context::measured(running.context().config().clone(), &sdk_config(running.system.s3()), metrics);

    // Every event of `events/`, with a known token, and with texts of a client in path, query and headers.
    let files = event_files().into_iter().filter(|file| file.json().get("routeKey").is_some());
    let mut sent = 0;
    for file in files {
        let mut event = file.json();
        event["headers"]["authorization"] = json!("Bearer local-token");
        event["rawQueryString"] = json!("search=SECRET-QUERY");
        event["headers"]["user-agent"] = json!("SECRET-AGENT");
        if event["routeKey"] == "$default" {
            event["rawPath"] = json!("/SECRET-PATH");
        }
        let answer = invoke(&context, &file.binary, event.clone()).await;
        assert_eq!(answer["headers"]["x-request-id"], event["requestContext"]["requestId"], "{}", file.name);
        sent += 1;
    }
    let posted = running.api.post(&with(&sgtin(10), json!({"reference_id": "SECRET-REFERENCE"}))).await;
    deliver(&context, &[id(&posted)]).await;

    let documents = printed.documents();
    let of = |event: &str| documents.iter().filter(|document| document["event"] == event).collect::<Vec<_>>();
    assert_eq!(of("request").len(), sent, "one for each request");
    let allocation = of("allocation");
    assert_eq!(allocation.len(), 1);
    assert_eq!((&allocation[0]["CodesReserved"], &allocation[0]["AllocationAttempts"]), (&json!(10.0), &json!(1.0)));
    assert!(allocation[0]["PoolFill"].as_f64().is_some_and(|fill| fill > 0.0 && fill < 1.0), "{}", allocation[0]);
    assert_eq!(of("slice")[0]["RowsExported"], 10.0);

    let known: BTreeSet<String> = routes(&template()).into_iter().map(|route| route.key).collect();
    let mut combinations = BTreeSet::new();
    for document in &documents {
        for set in check(document) {
            for (name, value) in &set {
                match name.as_str() {
                    "Stack" => assert_eq!(value, "staging"),
                    "Route" => assert!(known.contains(value), "{value} is no route of the template"),
                    "StatusClass" => assert!(["2xx", "3xx", "4xx", "5xx"].contains(&value.as_str()), "{value}"),
                    other => panic!("{other} is no dimension of ours"),
                }
            }
            combinations.insert(set);
        }
        let text = document.to_string();
        for secret in ["SECRET-", "local-token", "X-Amz-", "http://"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    let plain = known.iter().filter(|key| !key.starts_with("HEAD") && !key.ends_with("/{proxy+}")).count() + 1;
    assert!(combinations.len() <= plain * 4 + 1, "{} of at most {plain} routes", combinations.len());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_laptop_adds_the_same_figures_up() {
    let running = Running::in_memory().await;
    let posted = running.api.post(&sgtin(100)).await;
    completed(&running.api, id(&posted)).await;
    let mut line = running.context().metrics().take().to_string();
    // The end of an export is counted after the row shows it.
    for _ in 0..500 {
        if line.contains("ExportsCompleted=") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        line += &running.context().metrics().take().to_string();
    }
    for figure in [
        "CodesReserved=100 ",
        "RowsExported=100 ",
        "ExportsCompleted=1 ",
        "Requests[POST /items/code_reservation 2xx]=1 ",
    ] {
        assert!(line.contains(figure), "{figure}: {line}");
    }
    let again = running.context().metrics().take().to_string();
    assert!(!again.contains("CodesReserved"), "a total is reported once: {again}");
    running.stop().await;
}
