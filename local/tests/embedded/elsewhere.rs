//! Functions outside this process: the stores that they use, and the Invoke API through which they are called.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use axum::{
    Router,
    extract::{Path as Segment, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use common::{
    bucket::{LinkMethod, ObjectHead},
    config::Config,
    context::Context,
};
use local::{options::Options, system::System};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify};

fn options(folder: &Path) -> Options {
    Options { memory: false, data_dir: folder.to_owned(), ..Options::in_memory() }
}

/// The variables that a shell reads from the file.
fn variables_of(text: &str) -> BTreeMap<String, String> {
    let line = |line: &str| {
        let (name, value) = line.split_once('=')?;
        Some((name.to_owned(), value.trim_matches('\'').to_owned()))
    };
    text.lines().filter(|text| !text.starts_with('#')).filter_map(line).collect()
}

/// The context of a function with these variables and no others.
fn function(variables: &BTreeMap<String, String>) -> Arc<Context> {
    let keys = Credentials::new(
        &variables["AWS_ACCESS_KEY_ID"],
        &variables["AWS_SECRET_ACCESS_KEY"],
        None,
        None,
        "environment",
    );
    let sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(variables["AWS_REGION"].clone()))
        .credentials_provider(SharedCredentialsProvider::new(keys))
        .http_client(common::https::direct())
        .build();
    Context::new(Config::from_lookup(|name| variables.get(name).cloned()).unwrap(), &sdk)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_with_the_written_variables_has_tables_bucket_and_secret() {
    let folder = tempfile::tempdir().unwrap();
    let system = System::start(Options { only_stores: true, ..options(folder.path()) }).await.unwrap();
    assert!(system.address().is_none(), "no HTTP API");
    let file = std::fs::read_to_string(folder.path().join("env")).unwrap();
    let variables = variables_of(&file);
    assert_eq!(variables["AWS_SESSION_TOKEN"], "");
    let context = function(&variables);
    let table = &context.config().tables.directory;
    assert_eq!(context.dynamodb().scan().table_name(table).send().await.unwrap().count(), 2, "a user and its token");
    let namespace = "sgtin#09506000134352#8".parse().unwrap();
    let check = |secret: &common::code::Secret| secret.pool_key(&namespace).check_value();
    let own = check(system.context().secret().await.unwrap());
    assert_eq!(check(context.secret().await.unwrap()), own);
    context.bucket().ping().await.unwrap();
    system.stop().await;

    // A restart does not change what a shell has read.
    let again = System::start(Options { only_stores: true, ..options(folder.path()) }).await.unwrap();
    let file = std::fs::read_to_string(folder.path().join("env")).unwrap();
    let key = |name: &str| variables_of(&file)[name].clone();
    assert_eq!(key("AWS_SECRET_ACCESS_KEY"), variables["AWS_SECRET_ACCESS_KEY"]);
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_given_to_nobody_without_the_key_and_under_no_other_name() {
    let folder = tempfile::tempdir().unwrap();
    let system = System::start(Options { only_stores: true, ..options(folder.path()) }).await.unwrap();
    let good = variables_of(&std::fs::read_to_string(folder.path().join("env")).unwrap());
    for (name, value) in
        [("AWS_SECRET_ACCESS_KEY", "wrong"), ("AWS_ACCESS_KEY_ID", "wrong"), ("SECRET_ARN", "another-secret")]
    {
        let mut changed = good.clone();
        changed.insert(name.to_owned(), value.to_owned());
        let error = function(&changed).secret().await.unwrap_err().to_string();
        assert!(!error.contains(&system.data_dir().secret().unwrap()), "{name}");
    }
    let place = &system.shared().unwrap().places.secrets;
    let unsigned = reqwest::Client::new()
        .post(place)
        .header("x-amz-target", "secretsmanager.GetSecretValue")
        .body(json!({ "SecretId": good["SECRET_ARN"] }).to_string());
    let answer = unsigned.send().await.unwrap();
    assert_eq!(answer.status(), 400);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["__type"], "MissingAuthenticationTokenException");
    assert!(function(&good).secret().await.is_ok());
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tables_are_open_to_nobody_without_the_key_and_to_no_page_of_a_browser() {
    let folder = tempfile::tempdir().unwrap();
    let system = System::start(Options { only_stores: true, ..options(folder.path()) }).await.unwrap();
    let good = variables_of(&std::fs::read_to_string(folder.path().join("env")).unwrap());
    let table = &function(&good).config().tables.directory.clone();
    for (name, value) in [("AWS_SECRET_ACCESS_KEY", "wrong"), ("AWS_ACCESS_KEY_ID", "wrong")] {
        let mut changed = good.clone();
        changed.insert(name.to_owned(), value.to_owned());
        assert!(function(&changed).dynamodb().scan().table_name(table).send().await.is_err(), "{name}");
    }
    let place = &system.shared().unwrap().places.dynamodb;
    let client = reqwest::Client::new();
    let forged =
        "AWS4-HMAC-SHA256 Credential=x/20260101/eu-central-1/dynamodb/aws4_request, SignedHeaders=host, Signature=00";
    for authorization in [None, Some(forged)] {
        let mut request = client
            .post(place)
            .header("origin", "https://page.example")
            .header("x-amz-target", "DynamoDB_20120810.Scan")
            .body(json!({ "TableName": table }).to_string());
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 400);
        assert!(!answer.headers().contains_key("access-control-allow-origin"));
        assert!(!answer.text().await.unwrap().contains("Items"));
    }
    let preflight = client
        .request(reqwest::Method::OPTIONS, place)
        .header("origin", "https://page.example")
        .header("access-control-request-method", "POST");
    let answer = preflight.send().await.unwrap();
    assert!(!answer.status().is_success() && !answer.headers().contains_key("access-control-allow-origin"));
    assert_eq!(function(&good).dynamodb().scan().table_name(table).send().await.unwrap().count(), 2);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn links_name_the_host_of_the_browser_and_a_container_uses_another() {
    let folder = tempfile::tempdir().unwrap();
    let system = System::start(Options { only_stores: true, ..options(folder.path()) }).await.unwrap();
    let mut variables = variables_of(&std::fs::read_to_string(folder.path().join("env")).unwrap());
    let s3 = variables["S3_ENDPOINT"].clone();
    let address: SocketAddr = s3.strip_prefix("http://").unwrap().parse().unwrap();
    // A container sends this host name. It does not resolve here, so the client gets the address explicitly.
    let outside = format!("http://host.docker.internal:{}", address.port());
    variables.insert("S3_LINK_ENDPOINT".to_owned(), outside.clone());
    let context = function(&variables);
    let bucket = context.bucket();
    let head = ObjectHead {
        key: "exports/x",
        content_type: "text/plain",
        reservation: "r".to_owned(),
        rows: 1,
        contents: String::new(),
        origin: String::new(),
    };
    bucket.put(&head, b"1\n".to_vec()).await.unwrap();
    let link = bucket.link(LinkMethod::Get, "exports/x", "text/plain", "attachment").await.unwrap().url;
    assert!(link.starts_with(&format!("{outside}/")), "the signed host is the one of the link");
    let browser = reqwest::Client::builder().resolve("host.docker.internal", address).build().unwrap();
    let answer = browser.get(&link).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (200, "1\n"));
    // The signature covers the host, so another host than the signed one is refused.
    let moved = link.replacen(&outside, &s3, 1);
    assert_eq!(browser.get(moved).send().await.unwrap().status(), 403);
    system.stop().await;
}

/// The behaviour of a simulated emulator.
#[derive(Clone, Copy)]
enum Behaviour {
    Answers,
    FailsWithHeader,
    FailsWithoutHeader,
    IsUnknown,
}

struct StandIn {
    behaviour: Behaviour,
    /// Number of invocations that fail before the behaviour starts.
    failures: AtomicUsize,
    calls: AtomicUsize,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
    events: std::sync::Mutex<Vec<(String, Value)>>,
    called: Notify,
}

impl StandIn {
    /// Serves the Invoke API and gives its address.
    async fn start(behaviour: Behaviour, failures: usize) -> (Arc<Self>, String) {
        let stand_in = Arc::new(Self {
            behaviour,
            failures: AtomicUsize::new(failures),
            calls: AtomicUsize::new(0),
            at_once: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
            events: std::sync::Mutex::default(),
            called: Notify::new(),
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/2015-03-31/functions", listener.local_addr().unwrap());
        let route = "/2015-03-31/functions/{name}/invocations";
        let router = Router::new().route(route, post(invoke)).with_state(Arc::clone(&stand_in));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (stand_in, url)
    }
}

async fn invoke(
    State(stand_in): State<Arc<StandIn>>,
    Segment(name): Segment<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    assert_eq!(headers["x-amz-invocation-type"], "RequestResponse");
    let now = stand_in.at_once.fetch_add(1, Ordering::SeqCst) + 1;
    stand_in.most_at_once.fetch_max(now, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(5)).await;
    let event: Value = serde_json::from_str(&body).unwrap();
    let is_stream = event.get("Records").is_some();
    stand_in.events.lock().unwrap().push((name, event));
    stand_in.calls.fetch_add(1, Ordering::SeqCst);
    stand_in.at_once.fetch_sub(1, Ordering::SeqCst);
    stand_in.called.notify_one();
    let fails = stand_in.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
    let error = json!({ "errorType": "Runtime.ExitError", "errorMessage": "exit status 1" }).to_string();
    match stand_in.behaviour {
        _ if fails => ([("x-amz-function-error", "Unhandled")], error).into_response(),
        Behaviour::FailsWithHeader => ([("x-amz-function-error", "Unhandled")], error).into_response(),
        Behaviour::FailsWithoutHeader => error.into_response(),
        Behaviour::IsUnknown => (StatusCode::NOT_FOUND, "no such function").into_response(),
        Behaviour::Answers if is_stream => json!({ "batchItemFailures": [] }).to_string().into_response(),
        Behaviour::Answers => json!({ "statusCode": 202, "body": "from elsewhere" }).to_string().into_response(),
    }
}

fn calling(endpoint: &str) -> Options {
    Options { invoke_endpoints: vec![endpoint.parse().unwrap()], ..Options::in_memory() }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_go_to_the_function_behind_the_invoke_api_one_after_another() {
    let (stand_in, url) = StandIn::start(Behaviour::Answers, 0).await;
    let options = calling(&format!("get-reservation={url}/function/invocations"));
    let system = System::start(Options { pause_stream: true, ..options }).await.unwrap();
    let base = format!("http://{}", system.address().unwrap());
    let http = reqwest::Client::new();
    let requests = (0..8).map(|number| http.get(format!("{base}/items/code_reservation/{number}")).send());
    for answer in futures::future::join_all(requests).await {
        let answer = answer.unwrap();
        assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (202, "from elsewhere"));
    }
    assert_eq!(stand_in.most_at_once.load(Ordering::SeqCst), 1, "an emulator serves one invocation at a time");
    let events = stand_in.events.lock().unwrap().clone();
    assert_eq!(events.len(), 8);
    assert!(events.iter().all(|(name, event)| name == "function" && event["version"] == "2.0"));
    // A function without an endpoint runs in this process.
    assert_eq!(http.get(format!("{base}/server/ping")).send().await.unwrap().text().await.unwrap(), "pong");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_elsewhere_is_an_internal_error_of_the_api_and_says_no_more() {
    let (_, with_header) = StandIn::start(Behaviour::FailsWithHeader, 0).await;
    let (_, without) = StandIn::start(Behaviour::FailsWithoutHeader, 0).await;
    let (_, unknown) = StandIn::start(Behaviour::IsUnknown, 0).await;
    let nobody = {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    for url in [with_header, without, unknown, nobody] {
        let options = calling(&format!("{url}/{{binary}}/invocations"));
        let system = System::start(Options { pause_stream: true, ..options }).await.unwrap();
        let answer = reqwest::get(format!("http://{}/server/ping", system.address().unwrap())).await.unwrap();
        assert_eq!(answer.status(), 500);
        assert_eq!(answer.text().await.unwrap(), r#"{"message":"Internal Server Error"}"#);
        system.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_fails_elsewhere_comes_again_until_it_is_done() {
    let (stand_in, url) = StandIn::start(Behaviour::Answers, 2).await;
    let system = System::start(calling(&format!("ReserveCodes={url}/{{logical}}/invocations"))).await.unwrap();
    let body = json!({
        "reserved_for": "/417/9312345000012", "code_type": "sgtin", "quantity": 1, "product": "/01/19361758000003",
    });
    let url = format!("http://{}/items/code_reservation", system.address().unwrap());
    let posted = reqwest::Client::new().post(url).bearer_auth("local-token").json(&body).send().await.unwrap();
    assert_eq!(posted.status(), 200);
    let done = async {
        while stand_in.calls.load(Ordering::SeqCst) < 3 {
            stand_in.called.notified().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), done).await.unwrap();
    let events = stand_in.events.lock().unwrap().clone();
    assert!(events.iter().all(|(name, _)| name == "ReserveCodes"));
    let numbers: Vec<_> =
        events.iter().map(|(_, event)| event["Records"][0]["dynamodb"]["SequenceNumber"].clone()).collect();
    assert!(numbers.iter().all(|number| *number == numbers[0]), "the same record: {numbers:?}");
    assert!(system.failures().all().await.unwrap().is_empty());
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_is_not_there_stops_the_start() {
    let error = System::start(calling("reserve=http://127.0.0.1:1/")).await.err().unwrap().to_string();
    assert!(error.contains("no function reserve;") && error.contains("reserve-codes"), "{error}");
}
