//! Requests as bytes: what a client can send that no library would. Every request gets an answer with a body.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use aws_sdk_dynamodb::config::{
    ConfigBag, Intercept, RuntimeComponents, SharedInterceptor, interceptors::BeforeTransmitInterceptorContextRef,
};
use common::context::Context;
use lambda_http::{Context as LambdaContext, LambdaEvent};
use local::{functions, system::sdk_config};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{
    api::RESERVATIONS,
    harness::{PATIENCE, Running, Setup, TOKEN, completed},
    repository::{self, template},
};

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Raw {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Sends bytes on a connection of their own and reads the answer until the server closes it.
pub(crate) async fn send(address: SocketAddr, request: &[u8]) -> Raw {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let (mut reader, mut writer) = stream.split();
        let mut bytes = Vec::new();
        // A server that refuses early may close while the request is still being sent.
        let (_, read) = tokio::join!(
            async {
                let _closed = writer.write_all(request).await;
                let _closed = writer.flush().await;
            },
            reader.read_to_end(&mut bytes)
        );
        (bytes, read)
    };
    let start = String::from_utf8_lossy(request.get(..200).unwrap_or(request)).into_owned();
    let exchange = tokio::time::timeout(PATIENCE, exchange).await;
    let (bytes, read) = exchange.unwrap_or_else(|_| panic!("no end of the answer to {start:?}"));
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer ({read:?}) to {start:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Raw { status, head: head.to_owned(), body: body.to_owned() }
}

/// A GET of a target, with the administrator's token and these header lines.
async fn get(running: &Running, target: &[u8], lines: &str) -> Raw {
    get_as(running, target, &format!("Authorization: Bearer {TOKEN}\r\n{lines}")).await
}

async fn get_as(running: &Running, target: &[u8], lines: &str) -> Raw {
    let host = if lines.contains("Host:") { "" } else { "Host: 127.0.0.1\r\n" };
    let request = [b"GET ", target, format!(" HTTP/1.1\r\n{host}Connection: close\r\n{lines}\r\n").as_bytes()].concat();
    send(running.system.address().unwrap(), &request).await
}

fn reservation(reference: &str) -> Value {
    json!({"code_type": "sgtin", "product": "/01/19361758000003", "quantity": 1,
        "reserved_for": "/417/9312345000012", "export_type": "csv", "reference_id": reference})
}

#[tokio::test]
async fn a_query_that_no_uri_allows_is_read_as_its_encoding() {
    let running = Running::in_memory().await;
    for reference in ["a b", "Jürgen"] {
        running.api.post(&reservation(reference)).await;
    }
    let references = |answer: &Raw| {
        let rows = answer.json()["data"].as_array().unwrap_or_else(|| panic!("{answer:?}")).clone();
        rows.iter().map(|row| row["reference_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for (filter, expected) in [
        ("{\"reference_id\":{\"_eq\":\"a b\"}}", "a b"),
        ("{\"reference_id\": {\"_eq\": \"Jürgen\"}}", "Jürgen"),
        ("%7B\"reference_id\":{\"_eq\":\"J%C3%BCrgen\"}}", "Jürgen"),
    ] {
        let target = format!("{RESERVATIONS}?filter={filter}&fields=reference_id");
        let answer = get(&running, target.as_bytes(), "").await;
        assert_eq!((answer.status, references(&answer)), (200, vec![expected.to_owned()]), "{filter}");
    }
    // The whole query is the query: also after a character that would end it in a URI.
    let answer = get(&running, format!("{RESERVATIONS}?limit=1&fields=id&search=#").as_bytes(), "").await;
    assert_eq!((answer.status, answer.json()), (200, json!({"data": []})));
    running.system.stop().await;
}

#[tokio::test]
async fn a_path_holds_no_query_and_a_query_survives_its_path() {
    let running = Running::in_memory().await;
    let item = running.api.post(&reservation("PO#567")).await;
    let item = completed(&running.api, item["id"].as_str().unwrap()).await;
    let file = item["export_file"].as_str().unwrap();
    for name in ["PO%23567.csv", "PO#567.csv", "a%3Fb.csv", "a^b.csv", "%ff.csv", "%00", "{\"", "J\u{fc}rgen"] {
        let target = format!("/assets/{file}/{name}?access_token={TOKEN}&download");
        let answer = get_as(&running, target.as_bytes(), "").await;
        assert_eq!(answer.status, 302, "{name}: {answer:?}");
        assert!(answer.header("location").unwrap().contains("attachment"), "{name}: download is read");
        let download = running.api.download(file).await;
        assert!(!download.is_empty());
    }
    for path in ["a%3Faccess_token=", "a%3faccess_token%3D", "a&access_token=", "a;access_token=", "a%26access_token="]
    {
        let answer = get_as(&running, format!("/assets/{file}/{path}{TOKEN}").as_bytes(), "").await;
        assert_eq!(answer.status, 403, "{path}: a token in the path is none: {answer:?}");
    }
    running.system.stop().await;
}

#[tokio::test]
async fn no_request_is_answered_by_nothing() {
    // Also long requests reach the functions.
    let running = Setup::new().long_requests().start().await;
    let address = running.system.address().unwrap();
    let long = |length: usize| [b"/items/code_reservation?search=".to_vec(), vec![b'a'; length]].concat();
    let mut targets: Vec<Vec<u8>> =
        [10_000, 60_000, 65_000, 65_490, 65_503, 65_504, 66_000, 200_000].map(long).to_vec();
    targets.extend([b"/".repeat(60_000), b"/{".repeat(20_000), b"/%00".repeat(10_000), b"/\xff?\xff".to_vec()]);
    for target in [
        "/",
        "//",
        "///x//",
        "/%00",
        "/%ff",
        "/%",
        "/%zz",
        "/a%2",
        "/%2e%2e/%2e%2e/",
        "/../..",
        "/items/code_reservation/%00",
        "/items/code_reservation/%ff",
        "/items/code_reservation/a%2Fb",
        "/items/code_reservation//",
        "/items//",
        "/assets//",
        "/assets/%00/%00",
        "/files/%3F",
        "/users/%23",
        "/items/organisation/%2F417%2F%00",
        "/graphql?query={",
        "/graphql?query={\"",
        "/items/code_reservation?%",
        "/items/code_reservation?%00=%ff",
        "/items/code_reservation??",
        "/items/code_reservation?&&=&[]=&[a]",
        "*",
        "http://x/items/code_reservation",
        "http://a^b/users/me",
        "x:1",
        "x",
        "https://",
        "http://[::1/",
        "/\u{1}",
        "/\t",
        "/a b c",
        "/\u{7f}",
        "/\"<>\\^`{|}",
        "/é?é=é",
    ] {
        targets.push(target.as_bytes().to_vec());
    }
    for target in &targets {
        for host in ["x", "a^b", "", "a b", "[::1", "ü", "x:99999", "\u{1}", "x\r\nHost: y"] {
            let lines = format!("Host: {host}\r\n");
            let name = || format!("{} at {host:?}", String::from_utf8_lossy(target.get(..60).unwrap_or(target)));
            let answer = get(&running, target, &lines).await;
            let allowed = [200, 302, 400, 403, 404, 405, 414, 421, 431];
            assert!(allowed.contains(&answer.status), "{}: {answer:?}", name());
            assert!(answer.status == 302 || !answer.body.is_empty(), "{}: {answer:?}", name());
            if answer.status >= 400 {
                assert!(answer.json().is_object(), "{}", name());
            }
            if host != "x" && target.len() > 100 {
                break;
            }
        }
    }
    let many = |count: usize| (0..count).map(|n| format!("X-{n}: {n}\r\n")).collect::<String>();
    let repeated = "X-One: 1\r\n".repeat(90);
    let long_header = format!("X-Long: {}\r\n", "a".repeat(1_000_000));
    for lines in [
        many(90).as_str(),
        &many(150),
        &many(5_000),
        &repeated,
        &long_header,
        "X: \u{1}\r\n",
        "X: é\r\n",
        "X Y: 1\r\n",
        ": 1\r\n",
        "X\r\n",
        "X: a\r\n b\r\n",
        "Content-Length: x\r\n",
        "Content-Length: 1\r\nContent-Length: 2\r\n",
        "Transfer-Encoding: nope\r\n",
        "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        "Expect: nothing\r\n",
        "Authorization: Bearer é\r\n",
        "Cookie: \u{1}\r\n",
        "If-None-Match: \"é\r\n",
        "Origin: \u{1}\r\n",
        "Idempotency-Key: é\r\n",
        "Content-Type: é\r\n",
        "Upgrade: h2c\r\n",
    ] {
        let answer = get(&running, RESERVATIONS.as_bytes(), lines).await;
        let name = lines.get(..40).unwrap_or(lines);
        assert!([200, 400, 401, 403, 417, 431].contains(&answer.status), "{name:?}: {answer:?}");
        assert!(!answer.body.is_empty(), "{name:?}: {answer:?}");
    }
    for request in [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".as_slice(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/3.0\r\n\r\n",
        b"G\xffT / HTTP/1.1\r\n\r\n",
        b"{} / HTTP/1.1\r\n\r\n",
        b"NOPE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /nothing HTTP/1.0\r\n\r\n",
        b"POST /items/code_reservation HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        let answer = send(address, request).await;
        assert!((400..500).contains(&answer.status), "{answer:?}");
        assert!(answer.json().is_object(), "{answer:?}");
        assert_protected(&answer);
    }
    running.system.stop().await;
}

fn assert_protected(answer: &Raw) {
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{answer:?}");
    assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000"), "{answer:?}");
    let cache = answer.header("cache-control");
    let kept = cache == Some("private, no-cache") && matches!(answer.status, 200 | 304);
    assert!(kept || cache == Some("no-store"), "{answer:?}");
}

#[tokio::test]
async fn one_connection_carries_many_requests_whatever_their_targets() {
    let running = Running::in_memory().await;
    let body = "{\"query\":\"{ users_me { id } }\"}";
    let post = format!(
        "POST /graphql/system HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n"
    );
    let requests = [
        format!(
            "GET {RESERVATIONS}?filter={{\"id\":{{\"_null\":true}}}} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        ),
        format!("{post}Content-Length: {}\r\n\r\n{body}", body.len()),
        format!("{post}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len()),
        "GET /{\"a\": 1} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(),
    ];
    let answers = send(running.system.address().unwrap(), requests.concat().as_bytes()).await;
    let all = format!("{}\r\n\r\n{}", answers.head, answers.body);
    let statuses: Vec<_> =
        all.lines().filter_map(|line| line.split("HTTP/1.1 ").nth(1)).map(|status| status.get(..3).unwrap()).collect();
    assert_eq!(statuses, ["200", "200", "200", "404"], "{all}");
    running.system.stop().await;
}

#[tokio::test]
async fn one_cookie_that_cannot_be_read_does_not_hide_the_session() {
    let running = Running::in_memory().await;
    let session = format!("directus_session_token={TOKEN}");
    for others in ["n=Jürgen", "n=\u{fffd}", "n", "n=\"", "=", ";", "n=a=b", "n=%ff"] {
        for lines in [
            format!("Cookie: {others}; {session}\r\n"),
            format!("Cookie: {session}; {others}\r\n"),
            format!("Cookie: {others}\r\nCookie: {session}\r\n"),
        ] {
            let answer = get_as(&running, b"/users/me?fields=email", &lines).await;
            assert_eq!(answer.status, 200, "{lines}: {answer:?}");
        }
    }
    let quoted = format!("Cookie: directus_session_token=\"{TOKEN}\"\r\n");
    assert_eq!(get_as(&running, b"/users/me", &quoted).await.status, 200);
    let bearer = "Authorization: Bearer Jürgen\r\n";
    assert_eq!(get_as(&running, b"/users/me", bearer).await.status, 401);
    let bad = "Cookie: directus_session_token=Jürgen\r\n";
    assert_eq!(get_as(&running, b"/users/me", bad).await.status, 401, "a token that nobody has is not no token");
    let invalid = [
        b"GET /users/me HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: n=\xff; ".as_slice(),
        session.as_bytes(),
        b"\r\n\r\n",
    ]
    .concat();
    assert_eq!(send(running.system.address().unwrap(), &invalid).await.status, 200);
    running.system.stop().await;
}

#[tokio::test]
async fn every_answer_forbids_guessing_its_type_plain_connections_and_shared_caches() {
    let running = Running::in_memory().await;
    let item = running.api.post(&reservation("x")).await;
    let item = completed(&running.api, item["id"].as_str().unwrap()).await;
    let (id, file) = (item["id"].as_str().unwrap(), item["export_file"].as_str().unwrap());
    let address = running.system.address().unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for (method, target, lines, body) in [
        ("GET", RESERVATIONS.to_owned(), "", ""),
        ("GET", format!("{RESERVATIONS}?export=csv"), "", ""),
        ("GET", format!("{RESERVATIONS}/{id}"), "", ""),
        ("HEAD", RESERVATIONS.to_owned(), "", ""),
        ("GET", RESERVATIONS.to_owned(), "If-None-Match: *\r\n", ""),
        ("GET", format!("{RESERVATIONS}?limit=x"), "", ""),
        ("GET", format!("{RESERVATIONS}/nope"), "", ""),
        ("GET", "/nope".to_owned(), "", ""),
        ("GET", "/users/me".to_owned(), "Authorization: Bearer wrong\r\n", ""),
        ("GET", "/files".to_owned(), "", ""),
        ("GET", format!("/assets/{file}"), "", ""),
        ("GET", "/items/unique_code?limit=1".to_owned(), "", ""),
        ("GET", "/items/organisation".to_owned(), "", ""),
        ("GET", "/server/ping".to_owned(), "", ""),
        ("GET", "/server/health".to_owned(), "", ""),
        ("OPTIONS", RESERVATIONS.to_owned(), "Origin: https://a.example\r\n", ""),
        ("SEARCH", RESERVATIONS.to_owned(), "", "{\"query\":{}}"),
        ("POST", RESERVATIONS.to_owned(), "", "{"),
        ("POST", RESERVATIONS.to_owned(), "", "{\"quantity\":0}"),
        ("POST", "/graphql".to_owned(), "", "{\"query\":\"{ nope }\"}"),
        ("PUT", "/graphql".to_owned(), "", ""),
        ("PATCH", format!("{RESERVATIONS}/{id}"), "", "{\"purchase_order\":\"1\"}"),
        ("DELETE", format!("{RESERVATIONS}/{id}"), "", ""),
    ] {
        let token =
            if lines.contains("Authorization") { String::new() } else { format!("Authorization: Bearer {TOKEN}\r\n") };
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{token}{lines}Content-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = send(address, request.as_bytes()).await;
        assert_protected(&answer);
        assert_eq!(answer.header("etag").is_some(), answer.header("cache-control") == Some("private, no-cache"));
        seen.insert(answer.status);
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [200, 204, 302, 304, 400, 401, 403, 404, 405]);
    running.system.stop().await;
}

/// Counts the requests to stores.
#[derive(Clone, Debug, Default)]
struct Requests(Arc<AtomicUsize>);

impl Intercept for Requests {
    fn name(&self) -> &'static str {
        "Requests"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[tokio::test]
async fn however_many_ask_for_the_health_each_store_is_asked_once() {
    let running = Running::in_memory().await;
    let config = running.context().config().clone();
    let event = json!({"version": "2.0", "routeKey": "GET /server/health", "rawPath": "/server/health",
        "requestContext": {"http": {"method": "GET"}}});
    for is_healthy in [true, false] {
        let requests = Requests::default();
        let mut config = config.clone();
        if !is_healthy {
            config.tables.pools = "no-such-table".to_owned();
        }
        let sdk = sdk_config(running.system.s3());
        let context = Context::observed(config, &sdk, SharedInterceptor::new(requests.clone()));
        let directory = functions::http("directory", &context).unwrap();
        let ask = || async {
            let answer = directory(LambdaEvent::new(event.clone(), LambdaContext::default())).await.unwrap();
            (answer["statusCode"].clone(), answer["body"].clone())
        };
        let expected = if is_healthy {
            (json!(200), json!("{\"status\":\"ok\"}"))
        } else {
            (json!(503), json!("{\"status\":\"error\"}"))
        };
        let asked = futures::future::join_all((0..20).map(|_| ask())).await;
        assert!(asked.iter().all(|answer| *answer == expected), "{asked:?}");
        assert_eq!(ask().await, expected);
        assert_eq!(requests.0.load(Ordering::Relaxed), 2, "DynamoDB and S3, once each");
    }
    running.system.stop().await;
}

#[test]
fn only_functions_that_list_or_write_the_directory_may_query_it() {
    let template = template();
    let may_query = |function: &&Value| {
        let policies = function["Properties"]["Policies"].as_array().into_iter().flatten();
        policies.flat_map(|policy| policy["Statement"].as_array().unwrap()).any(|statement| {
            let actions = statement["Action"].to_string();
            statement["Resource"].to_string().contains("DirectoryTable")
                && ["dynamodb:Query", "dynamodb:Scan", "*"].iter().any(|action| actions.contains(action))
        })
    };
    let all = repository::functions(&template);
    let queriers: Vec<&str> =
        all.values().filter(|function| may_query(function)).map(|f| repository::binary(f)).collect();
    // `graphql` lists export profiles, and `console` shows users and organisations to administrators.
    assert_eq!(queriers, ["administration", "console", "directory", "graphql"]);
}
