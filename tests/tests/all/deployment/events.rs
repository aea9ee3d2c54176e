//! `events/`: each file is an event as AWS sends it, and the types of the runtime read it.

use std::collections::{BTreeMap, BTreeSet};

use aws_lambda_events::event::dynamodb::Event as StreamEvent;
use lambda_http::{Body, Request, RequestExt, request::LambdaRequest};
use serde_json::Value;

use crate::{
    deployment::template::arrives,
    support::repository::{
        ANSWER, EventFile, binary, entries, event_file, event_files, file_name, functions, root, routes, template,
    },
};

fn of(binary: &str) -> Vec<EventFile> {
    event_files().into_iter().filter(|file| file.binary == binary).collect()
}

fn http() -> Vec<EventFile> {
    event_files().into_iter().filter(|file| file.json().get("routeKey").is_some()).collect()
}

fn stream(case: &str) -> StreamEvent {
    stream_of("reserve-codes", case)
}

fn stream_of(function: &str, case: &str) -> StreamEvent {
    serde_json::from_str(&event_file(&format!("{function}/{case}.json")).text).unwrap()
}

#[test]
fn every_event_belongs_to_a_trigger_of_its_function() {
    let template = template();
    for file in event_files() {
        let event = file.json();
        let function = functions(&template).into_values().find(|f| binary(f) == file.binary).unwrap();
        let triggers: BTreeSet<_> = function["Properties"]["Events"]
            .as_object()
            .unwrap()
            .values()
            .map(|trigger| trigger["Type"].as_str().unwrap())
            .collect();
        let kind = if event.get("routeKey").is_some() {
            "HttpApi"
        } else if event.get("Records").is_some() {
            "DynamoDB"
        } else {
            "Schedule"
        };
        assert_eq!(triggers, BTreeSet::from([kind]), "{}", file.name);
    }
}

#[test]
fn every_event_has_an_expected_answer_of_its_kind_and_no_answer_stands_alone() {
    let mut answers: BTreeSet<_> = entries(&root().join("events"))
        .iter()
        .flat_map(|folder| entries(folder))
        .filter(|path| file_name(path).ends_with(ANSWER))
        .collect();
    for file in event_files() {
        let path = root().join("events").join(file.name.replace(".json", ANSWER));
        assert!(answers.remove(&path), "{} has no expected answer: tests/emulator/run --record", file.name);
        let expected: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let is_response = expected["answer"].get("statusCode").is_some();
        assert_eq!(is_response, file.json().get("routeKey").is_some(), "{}", file.name);
        assert!(expected["changes"].is_object(), "{}", file.name);
    }
    assert!(answers.is_empty(), "without an event: {answers:?}");
}

#[test]
fn every_request_is_read_by_the_runtime_as_what_it_says() {
    for file in http() {
        let event = file.json();
        let request: LambdaRequest = serde_json::from_str(&file.text).unwrap_or_else(|e| panic!("{}: {e}", file.name));
        assert!(matches!(request, LambdaRequest::ApiGatewayV2(_)), "{}: taken for another kind of event", file.name);
        let request = Request::from(request);
        assert_eq!(request.method().as_str(), event["requestContext"]["http"]["method"].as_str().unwrap());
        assert_eq!(request.raw_http_path(), event["rawPath"].as_str().unwrap(), "{}", file.name);
        let query = event["rawQueryString"].as_str().unwrap();
        assert_eq!(request.uri().query().unwrap_or_default(), query, "{}", file.name);
        let length: usize = event["headers"]["content-length"].as_str().unwrap().parse().unwrap();
        let body = match request.body() {
            Body::Empty => &[][..],
            Body::Text(text) => text.as_bytes(),
            Body::Binary(bytes) => bytes,
            other => panic!("{}: {other:?}", file.name),
        };
        assert_eq!(body.len(), length, "{}: content-length", file.name);
        let is_form =
            request.headers().get("content-type").is_some_and(|kind| kind == "application/x-www-form-urlencoded");
        if length > 0 && !is_form && !file.name.ends_with("bad-json.json") {
            serde_json::from_slice::<Value>(body).unwrap_or_else(|e| panic!("{}: {e}", file.name));
        }
    }
}

#[test]
fn every_request_is_in_itself_what_the_gateway_sends() {
    let keys: BTreeSet<_> = routes(&template()).into_iter().map(|route| route.key).collect();
    for file in http() {
        let event = file.json();
        let name = &file.name;
        let context = &event["requestContext"];
        assert_eq!(event["version"], "2.0", "{name}");
        assert_eq!(event["routeKey"], context["routeKey"], "{name}");
        assert_eq!(event["rawPath"], context["http"]["path"], "{name}");
        assert_eq!(context["stage"], "$default", "{name}");
        assert_eq!(event["headers"]["host"], context["domainName"], "{name}");
        assert_eq!(event["headers"]["user-agent"], context["http"]["userAgent"], "{name}");
        let headers = event["headers"].as_object().unwrap();
        assert!(headers.keys().all(|header| *header == header.to_lowercase()), "{name}: header names are lower case");
        assert!(!headers.contains_key("cookie"), "{name}: cookies come in `cookies`");
        // The gateway passes text and JSON as they are and everything else in base64.
        let kind = headers.get("content-type").and_then(Value::as_str).unwrap_or("application/json");
        assert_eq!(event["isBase64Encoded"], kind != "application/json", "{name}");
        assert_eq!(event.get("queryStringParameters").cloned(), joined_query(&event), "{name}");
        if event["routeKey"] != "$default" {
            let (method, route) = event["routeKey"].as_str().unwrap().split_once(' ').unwrap();
            let sent = context["http"]["method"].as_str().unwrap();
            let named = keys.contains(&format!("{sent} {route}"));
            assert!(if method == "ANY" { !named } else { sent == method }, "{name}: {sent} is not {method}");
            let path = event["rawPath"].as_str().unwrap();
            let parameters = path_parameters(route, path).unwrap_or_else(|| panic!("{name}: {path} is not {route}"));
            let sent = event.get("pathParameters").cloned().unwrap_or_else(|| Value::Object(Default::default()));
            assert_eq!(sent, serde_json::to_value(parameters).unwrap(), "{name}");
        }
    }
    let ids: BTreeSet<_> = http().iter().map(|file| file.json()["requestContext"]["requestId"].to_string()).collect();
    assert_eq!(ids.len(), http().len(), "every request has an id of its own");
}

/// The decoded values, with those of one name joined by commas. Because of the joining, the functions read
/// `rawQueryString`.
fn joined_query(event: &Value) -> Option<Value> {
    let raw = event["rawQueryString"].as_str().unwrap();
    if raw.is_empty() {
        return None;
    }
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pair in raw.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        values.entry(decoded(name)).or_default().push(decoded(value));
    }
    let joined: BTreeMap<_, _> = values.into_iter().map(|(name, values)| (name, values.join(","))).collect();
    Some(serde_json::to_value(joined).unwrap())
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).unwrap()
}

/// The parameters of a path if the route matches it. `{proxy+}` matches the rest, which may be empty.
fn path_parameters(route: &str, path: &str) -> Option<BTreeMap<String, String>> {
    let mut parameters = BTreeMap::new();
    let mut parts = path.split('/');
    for expected in route.split('/') {
        let part = parts.next()?;
        match expected.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some("proxy+") => {
                let rest: Vec<_> = std::iter::once(part).chain(parts.by_ref()).collect();
                parameters.insert("proxy".to_owned(), rest.join("/"));
            }
            Some(_) if part.is_empty() => return None,
            Some(name) => drop(parameters.insert(name.to_owned(), part.to_owned())),
            None if expected == part => {}
            None => return None,
        }
    }
    parts.next().is_none().then_some(parameters)
}

#[test]
fn every_stream_record_would_arrive_and_names_its_reservation() {
    let template = template();
    let of_worker = of("reserve-codes").into_iter().map(|file| (file, "ReserveCodes"));
    let of_follow = of("follow").into_iter().map(|file| (file, "Follow"));
    for (file, function) in of_worker.chain(of_follow) {
        for record in file.json()["Records"].as_array().unwrap() {
            assert!(arrives(&template, function, record), "{}: filtered away", file.name);
        }
        let event: StreamEvent = serde_json::from_str(&file.text).unwrap_or_else(|e| panic!("{}: {e}", file.name));
        assert!(!event.records.is_empty() && event.records.len() <= 10, "{}: a batch has up to 10", file.name);
        for record in &event.records {
            let change = &record.change;
            let key = change.keys.get("id").unwrap();
            for image in [&change.new_image, &change.old_image] {
                if !image.is_empty() {
                    assert_eq!(image.get("id"), Some(key), "{}", file.name);
                }
            }
            assert_eq!(change.new_image.is_empty(), record.event_name == "REMOVE", "{}", file.name);
            assert_eq!(change.old_image.is_empty(), record.event_name == "INSERT", "{}", file.name);
            assert!(change.sequence_number.as_deref().is_some_and(|n| !n.is_empty()), "{}", file.name);
        }
    }
}

#[test]
fn the_stream_cases_are_what_their_names_say() {
    let names = |event: &StreamEvent| event.records.iter().map(|r| r.event_name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&stream("insert")), ["INSERT"]);
    assert_eq!(names(&stream("remove")), ["REMOVE"]);

    let duplicate = stream("duplicate");
    assert_eq!(names(&duplicate), ["INSERT", "INSERT", "MODIFY"]);
    assert_eq!(duplicate.records[0].change.sequence_number, duplicate.records[1].change.sequence_number);
    assert!(duplicate.records.iter().all(|r| r.change.keys == duplicate.records[0].change.keys));

    let poison = stream("poison");
    let readable: Vec<_> = poison.records.iter().map(|r| r.change.new_image.contains_key("incarnation")).collect();
    assert_eq!(readable, [true, false, true], "one that cannot be read between two that can");

    let unmarked = stream("modify-unmarked");
    assert!(unmarked.records[0].change.old_image.contains_key("seeded"));
    assert!(!unmarked.records[0].change.new_image.contains_key("seeded"));
}

#[test]
fn the_sweep_gets_what_its_schedules_send() {
    let template = template();
    let schedules = functions(&template)["Sweep"]["Properties"]["Events"].as_object().unwrap().clone();
    let sent: BTreeSet<_> = schedules
        .values()
        .map(|schedule| {
            let input: Value = serde_json::from_str(schedule["Properties"]["Input"].as_str().unwrap()).unwrap();
            input.to_string()
        })
        .collect();
    let files: BTreeSet<_> = of("sweep").iter().map(|file| file.json().to_string()).collect();
    assert_eq!(files, sent);
}
