//! template.yaml: routes, functions, variables, the stream mapping, and the resources that outlive the stack.
//! The tables are tested in `tables`, the permissions in `rights`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use common::config::Config;
use local::template::{TEMPLATE, Template};
use serde_json::{Value, json};

use crate::support::repository::{
    binary, entries, event_files, file_name, functions, resources, root, routes, template,
};

#[test]
fn every_function_is_a_crate_with_that_binary_and_every_crate_is_deployed() {
    let template = template();
    let deployed: BTreeSet<_> = functions(&template).into_values().map(|f| binary(f).to_owned()).collect();
    let crates: BTreeSet<_> = entries(&root().join("functions")).iter().map(|path| file_name(path)).collect();
    assert_eq!(deployed, crates);
    for (id, function) in functions(&template) {
        let name = binary(function);
        let manifest = std::fs::read_to_string(root().join("functions").join(name).join("Cargo.toml")).unwrap();
        let named = manifest.lines().filter(|line| *line == format!("name = \"{name}\"")).count();
        assert_eq!(named, 2, "{name}: the package and the binary have the name of the folder");
        assert_eq!(id.to_lowercase(), name.replace('-', ""), "the logical id is the binary in camel case");
        assert_eq!(function["Metadata"]["BuildMethod"], "rust-cargolambda");
    }
}

#[test]
fn every_route_has_an_event_and_every_event_a_route() {
    let template = template();
    let routes: BTreeSet<_> = routes(&template).into_iter().map(|route| (route.key, route.binary)).collect();
    let events: BTreeSet<_> = event_files()
        .iter()
        .filter_map(|file| Some((file.json()["routeKey"].as_str()?.to_owned(), file.binary.clone())))
        .collect();
    assert_eq!(routes.difference(&events).collect::<Vec<_>>(), Vec::<&(String, String)>::new(), "routes without event");
    assert_eq!(events.difference(&routes).collect::<Vec<_>>(), Vec::<&(String, String)>::new(), "events without route");
    for name in functions(&template).into_values().map(binary) {
        assert!(event_files().iter().any(|file| file.binary == name), "{name} has no event");
    }
}

#[test]
fn routes_are_what_an_http_api_can_hold() {
    let template = template();
    let keys: Vec<_> = routes(&template).into_iter().map(|route| route.key).collect();
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len(), "a route stands once");
    for key in keys.iter().filter(|key| *key != "$default") {
        let (method, path) = key.split_once(' ').unwrap();
        assert!(["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "ANY"].contains(&method), "{key}: method");
        assert!(
            path.starts_with('/') && (path == "/" || !path.ends_with('/')),
            "{key}: a route key cannot end in a slash"
        );
        // SAM creates a matching Lambda permission only for the name `{proxy+}`.
        assert_eq!(path.contains('+'), path.ends_with("/{proxy+}"), "{key}: greedy");
        if path != "/" && !path.ends_with("/{proxy+}") {
            assert!(keys.contains(&format!("{key}/{{proxy+}}")), "{key}: the trailing slash is a route too");
        }
        if method == "GET" {
            assert!(keys.contains(&key.replacen("GET", "HEAD", 1)), "{key}: what can be read has a HEAD");
        }
    }
    let contract = [
        "GET /items/code_reservation list-reservations",
        "ANY /items/code_reservation list-reservations",
        "GET /items/code_reservation/{id} get-reservation",
        "POST /items/code_reservation create-reservations",
        "PATCH /items/code_reservation update-reservations",
        "PATCH /items/code_reservation/{id} update-reservations",
        "DELETE /items/code_reservation delete-reservations",
        "DELETE /items/code_reservation/{id} delete-reservations",
        "GET /graphql graphql",
        "POST /graphql graphql",
        "GET /graphql/system graphql",
        "POST /graphql/system graphql",
        "GET /files files",
        "GET /files/{id} files",
        "GET /assets/{id} files",
        "GET /assets/{id}/{name} files",
        "GET /items/organisation directory",
        "POST /items/organisation administration",
        "PATCH /items/organisation administration",
        "DELETE /items/organisation administration",
        "GET /items/export_profile directory",
        "GET /items/export_profile/{id} directory",
        "GET /items/unique_code list-codes",
        "GET /items/unique_code/{id} list-codes",
        "GET /items/unique_code/{id}/label.png labels",
        "GET /items/unique_code/{id}/label.svg labels",
        "GET /users directory",
        "GET /users/me directory",
        "GET /users/{id} directory",
        "POST /users administration",
        "PATCH /users administration",
        "PATCH /users/{id} administration",
        "DELETE /users administration",
        "DELETE /users/{id} administration",
        "GET /server/ping directory",
        "GET /server/health directory",
        "GET /server/specs/oas directory",
        "GET /server/specs/graphql graphql",
        "GET /server/specs/graphql/system graphql",
        "GET / console",
        "GET /console console",
        "OPTIONS /{proxy+} directory",
        "$default directory",
    ];
    let plain: BTreeSet<_> = routes(&template)
        .into_iter()
        .filter(|route| !route.key.starts_with("HEAD"))
        .filter(|route| !route.key.ends_with("/{proxy+}") || route.key.starts_with("OPTIONS"))
        .map(|route| format!("{} {}", route.key, route.binary))
        .collect();
    assert_eq!(plain, contract.map(str::to_owned).into_iter().collect());
}

#[test]
fn the_gateway_answers_nothing_by_itself() {
    let template = template();
    let apis = resources(&template, "AWS::Serverless::HttpApi");
    assert_eq!(apis.keys().collect::<Vec<_>>(), [&"Api"]);
    let api = &apis["Api"]["Properties"];
    assert_eq!(api["CorsConfiguration"], Value::Null, "with it the gateway would answer OPTIONS");
    assert_eq!(api["Auth"], Value::Null);
    assert_eq!(api["StageName"], Value::Null, "only the stage $default adds nothing to the path");
    for function in functions(&template).into_values() {
        for event in function["Properties"]["Events"].as_object().unwrap().values() {
            if event["Type"] == "HttpApi" {
                assert_eq!(event["Properties"]["ApiId"], json!({"Ref": "Api"}));
                assert_eq!(event["Properties"]["PayloadFormatVersion"], "2.0");
                // The gateway waits 30 s.
                assert!(setting(&template, function, "Timeout").as_u64().unwrap() < 30);
            }
        }
    }
}

#[test]
fn what_is_logged_of_a_request_holds_no_query_string() {
    let format = template()["Resources"]["Api"]["Properties"]["AccessLogSettings"]["Format"].clone();
    let line: Value = serde_json::from_str(format.as_str().unwrap()).unwrap();
    for value in line.as_object().unwrap().values() {
        let value = value.as_str().unwrap();
        assert!(!value.contains("query") && !value.contains("authorization"), "{value} may carry a token");
    }
}

#[test]
fn every_variable_that_is_read_is_set_and_every_variable_that_is_set_is_read() {
    let template = template();
    for (id, function) in functions(&template) {
        assert_eq!(function["Properties"]["Environment"], Value::Null, "{id}: the variables are set once, in Globals");
    }
    let set = variables(&template, &BTreeMap::new());
    let read = Mutex::new(BTreeSet::new());
    // With an issuer the audience is read too.
    let values = variables(
        &template,
        &BTreeMap::from([("OidcIssuer", "https://issuer.example.com"), ("OidcAudience", "code-reservation")]),
    );
    let config = Config::from_lookup(|name| {
        read.lock().unwrap().insert(name.to_owned());
        values.get(name).cloned()
    });
    config.unwrap();
    let mut read = read.into_inner().unwrap();
    // `telemetry` reads it before the settings.
    read.insert("RUST_LOG".to_owned());
    assert_eq!(set.into_keys().collect::<BTreeSet<_>>(), read);
}

#[test]
fn the_defaults_of_the_template_are_those_of_the_functions() {
    let template = template();
    let values = variables(&template, &BTreeMap::new());
    let deployed = Config::from_lookup(|name| values.get(name).cloned()).unwrap();
    let required =
        ["RESERVATIONS_TABLE", "POOLS_TABLE", "FILES_TABLE", "DIRECTORY_TABLE", "REQUESTS_TABLE", "TALLIES_TABLE"];
    let bare = Config::from_lookup(|name| {
        let needed = required.contains(&name) || ["EXPORTS_BUCKET", "SECRET_ARN"].contains(&name);
        values.get(name).filter(|_| needed).cloned()
    });
    assert_eq!(format!("{deployed:?}"), format!("{:?}", bare.unwrap()));
}

#[test]
fn what_a_parameter_allows_the_functions_accept_and_what_they_refuse_it_refuses() {
    let template = template();
    let accepts = |parameter: &str, value: &str| {
        let values = variables(&template, &BTreeMap::from([(parameter, value)]));
        Config::from_lookup(|name| values.get(name).cloned()).is_ok()
    };
    let mut numbers = 0;
    for (name, variable) in template["Globals"]["Function"]["Environment"]["Variables"].as_object().unwrap() {
        let Some(parameter) = variable["Ref"].as_str().filter(|id| template["Parameters"][*id].is_object()) else {
            continue;
        };
        let allowed = &template["Parameters"][parameter];
        if let (Some(min), Some(max)) = (allowed["MinValue"].as_i64(), allowed["MaxValue"].as_i64()) {
            numbers += 1;
            assert!(accepts(parameter, &min.to_string()) && accepts(parameter, &max.to_string()), "{name}");
            assert!(!accepts(parameter, &(min - 1).to_string()), "{name}: {min} is the least");
            assert!(!accepts(parameter, &(max + 1).to_string()), "{name}: {max} is the most");
        }
        for value in allowed["AllowedValues"].as_array().into_iter().flatten() {
            assert!(accepts(parameter, value.as_str().unwrap()), "{name}: {value}");
        }
    }
    assert_eq!(
        numbers, 9,
        "MAX_QUANTITY, both lengths, SHARDS, INDEX_STAGE, MAX_SCAN, both MAX_ of an organisation, SLICE_SECONDS"
    );
    // Empty means none; a rule of the template forbids it together with an issuer.
    assert_eq!(template["Parameters"]["OidcAudience"]["AllowedPattern"], "^[!-~]{0,255}$");
    let audience = |audience: &str| {
        let parameters = BTreeMap::from([("OidcIssuer", "https://issuer.example.com"), ("OidcAudience", audience)]);
        let values = variables(&template, &parameters);
        Config::from_lookup(|name| values.get(name).cloned()).is_ok()
    };
    for good in ["code-reservation", "https://api.example.com/", "!~", &"a".repeat(255)] {
        assert!(audience(good), "{good}");
    }
    for bad in ["two words", "tab\there", "é", "line\nbreak", "del\u{7f}", &"a".repeat(256)] {
        assert!(!audience(bad), "{bad}");
    }
}

#[test]
fn the_stream_mapping_is_the_one_of_the_protocol() {
    let template = template();
    for (id, batch, window, at_once, retries, timeout) in
        [("ReserveCodes", 10, None, 10, 5, 120), ("Follow", 100, Some(1), 1, 50, 60)]
    {
        let function = functions(&template)[id];
        let events = function["Properties"]["Events"].as_object().unwrap();
        let mut mapping = events.values().find(|event| event["Type"] == "DynamoDB").unwrap()["Properties"].clone();
        mapping.as_object_mut().unwrap().remove("FilterCriteria").unwrap();
        // A missing window is none.
        mapping.as_object_mut().unwrap().entry("MaximumBatchingWindowInSeconds").or_insert(Value::Null);
        assert_eq!(
            mapping,
            json!({
                "MaximumBatchingWindowInSeconds": window,
                "Stream": {"Fn::GetAtt": "ReservationsTable.StreamArn"},
                "StartingPosition": "TRIM_HORIZON",
                "BatchSize": batch,
                "ParallelizationFactor": at_once,
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
                "BisectBatchOnFunctionError": true,
                "MaximumRetryAttempts": retries,
                "DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": {"Fn::GetAtt": "FailureQueue.Arn"}}},
            })
        );
        assert_eq!(setting(&template, function, "Timeout"), timeout);
    }
    // DynamoDB throttles the stream if more than two functions read it.
    let readers = functions(&template).into_values().filter(|function| {
        let events = function["Properties"]["Events"].as_object().unwrap();
        events.values().any(|event| event["Type"] == "DynamoDB")
    });
    assert_eq!(readers.count(), 2);
    let table = &template["Resources"]["ReservationsTable"]["Properties"];
    assert_eq!(table["StreamSpecification"]["StreamViewType"], "NEW_AND_OLD_IMAGES");
}

#[test]
fn the_stream_brings_everything_but_rows_marked_seeded() {
    let row = |marked: bool| match marked {
        true => json!({"id": {"S": "a"}, "seeded": {"BOOL": true}}),
        false => json!({"id": {"S": "a"}}),
    };
    let record = |new: Option<bool>, old: Option<bool>| {
        let mut images = json!({"Keys": {"id": {"S": "a"}}, "SequenceNumber": "1"});
        if let Some(marked) = new {
            images["NewImage"] = row(marked);
        }
        if let Some(marked) = old {
            images["OldImage"] = row(marked);
        }
        json!({ "dynamodb": images })
    };
    for (what, passes, record) in [
        ("an insert", true, record(Some(false), None)),
        ("a change", true, record(Some(false), Some(false))),
        ("a removal", true, record(None, Some(false))),
        ("a change that takes the mark away", true, record(Some(false), Some(true))),
        ("an insert of a marked row", false, record(Some(true), None)),
        ("a change of a marked row", false, record(Some(true), Some(true))),
        ("a change that marks a row", false, record(Some(true), Some(false))),
        ("a removal of a marked row", false, record(None, Some(true))),
    ] {
        assert_eq!(arrives(&template(), "ReserveCodes", &record), passes, "{what}");
    }
}

#[test]
fn follow_gets_everything_but_the_progress_of_exports() {
    let row = |status: &str, has_range: bool| match has_range {
        true => json!({"id": {"S": "a"}, "status": {"S": status}, "range": {"M": {"start": {"N": "0"}}}}),
        false => json!({"id": {"S": "a"}, "status": {"S": status}}),
    };
    let record = |name: &str, old: Option<Value>, new: Option<Value>| {
        let mut images = json!({"Keys": {"id": {"S": "a"}}, "SequenceNumber": "1"});
        images.as_object_mut().unwrap().extend(old.map(|old| ("OldImage".to_owned(), old)));
        images.as_object_mut().unwrap().extend(new.map(|new| ("NewImage".to_owned(), new)));
        json!({ "eventName": name, "dynamodb": images })
    };
    let (running, imported) = (row("in_progress", true), row("in_progress", false));
    for (what, passes, record) in [
        ("an insert", true, record("INSERT", None, Some(row("new", false)))),
        ("an insert that runs", true, record("INSERT", None, Some(running.clone()))),
        ("a removal", true, record("REMOVE", Some(running.clone()), None)),
        ("an edit", true, record("MODIFY", Some(row("new", false)), Some(row("new", false)))),
        ("an allocation", true, record("MODIFY", Some(row("new", false)), Some(running.clone()))),
        ("a completion", true, record("MODIFY", Some(running.clone()), Some(row("complete", true)))),
        ("a failure", true, record("MODIFY", Some(running.clone()), Some(row("error", true)))),
        ("a new export", true, record("MODIFY", Some(row("complete", true)), Some(running.clone()))),
        ("an edit of a row that was imported", true, record("MODIFY", Some(imported.clone()), Some(imported))),
        ("the progress of an export", false, record("MODIFY", Some(running.clone()), Some(running))),
    ] {
        assert_eq!(arrives(&template(), "Follow", &record), passes, "{what}");
        let own = Template::parse(TEMPLATE, &[]).unwrap();
        let (_, mapping) = own.stream_mappings().find(|(function, _)| function.logical_id == "Follow").unwrap();
        let passes_here = mapping.filters.iter().any(|filter| filter.matches(&record));
        assert_eq!(passes_here, passes, "{what}, under `local`");
    }
}

/// Whether the event source mapping of a function delivers a record: one of its patterns must match.
pub(crate) fn arrives(template: &Value, function: &str, record: &Value) -> bool {
    let mapping = &template["Resources"][function]["Properties"]["Events"]["ReservationsChanged"]["Properties"];
    let filters = mapping["FilterCriteria"]["Filters"].as_array().unwrap();
    filters.iter().any(|filter| {
        let pattern = serde_json::from_str(filter["Pattern"].as_str().unwrap()).unwrap();
        matches(&pattern, Some(record))
    })
}

/// The part of the pattern language that the template uses. All members must match; a leaf is a list of alternatives.
/// `exists` tests whether the leaf exists, also if an object around it is missing. (AWS Lambda Developer Guide, "Filter
/// rule syntax"; Amazon EventBridge User Guide, "Exists matching".)
fn matches(pattern: &Value, value: Option<&Value>) -> bool {
    match pattern {
        Value::Object(members) => members.iter().all(|(name, inner)| matches(inner, value.and_then(|v| v.get(name)))),
        Value::Array(alternatives) => alternatives.iter().any(|alternative| {
            let leaf = value.filter(|v| !v.is_object());
            match (alternative.get("exists"), alternative.get("anything-but").and_then(Value::as_array)) {
                (Some(wanted), _) => *wanted == leaf.is_some(),
                // A leaf that does not exist is not "anything but" something.
                (None, Some(others)) => leaf.is_some_and(|leaf| !others.contains(leaf)),
                (None, None) => value == Some(alternative),
            }
        }),
        other => panic!("not a pattern: {other}"),
    }
}

#[test]
fn the_sweep_runs_every_quarter_of_an_hour_and_once_a_day_in_full_and_completes_pools_every_hour() {
    let template = template();
    let events = functions(&template)["Sweep"]["Properties"]["Events"].as_object().unwrap().clone();
    let mut runs: Vec<_> = events
        .values()
        .map(|event| {
            assert_eq!(event["Type"], "Schedule");
            let input = event["Properties"]["Input"].as_str().unwrap();
            (event["Properties"]["Schedule"].as_str().unwrap(), serde_json::from_str::<Value>(input).unwrap())
        })
        .collect();
    runs.sort_by_key(|(when, task)| (*when, task.to_string()));
    let expected = [
        ("cron(17 3 * * ? *)", json!({"task": "tidy"})),
        ("cron(47 2 * * ? *)", json!({"task": "shards"})),
        ("cron(17 2 * * ? *)", json!({"task": "marks"})),
        ("rate(15 minutes)", json!({"task": "wake"})),
        ("rate(15 minutes)", json!({"task": "tallies"})),
        ("rate(1 hour)", json!({"task": "pools"})),
    ];
    let mut expected = Vec::from(expected);
    expected.sort_by_key(|(when, task)| (*when, task.to_string()));
    assert_eq!(runs, expected);
}

#[test]
fn what_holds_codes_outlives_the_stack() {
    let template = template();
    for id in ["ReservationsTable", "PoolsTable", "FilesTable", "DirectoryTable", "ExportsBucket", "CodesSecret"] {
        let resource = &template["Resources"][id];
        assert_eq!(resource["DeletionPolicy"], "Retain", "{id}");
        assert_eq!(resource["UpdateReplacePolicy"], "Retain", "{id}");
        if resource["Type"] == "AWS::DynamoDB::Table" {
            assert_eq!(resource["Properties"]["DeletionProtectionEnabled"], true, "{id}");
        }
    }
    let secret = &template["Resources"]["CodesSecret"]["Properties"]["GenerateSecretString"];
    assert_eq!(*secret, json!({"PasswordLength": 64, "ExcludePunctuation": true}));
}

#[test]
fn exports_are_closed_to_the_public_and_leave_no_parts_behind() {
    let template = template();
    let bucket = &template["Resources"]["ExportsBucket"]["Properties"];
    let block = bucket["PublicAccessBlockConfiguration"].as_object().unwrap();
    assert_eq!(block.len(), 4);
    assert!(block.values().all(|value| value == true));
    assert!(bucket["BucketEncryption"].is_object());
    let rules = bucket["LifecycleConfiguration"]["Rules"].as_array().unwrap();
    assert!(rules.iter().any(|rule| {
        rule["Status"] == "Enabled" && rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] == 2
    }));
    // An expiry would delete files that a reservation still refers to.
    assert!(rules.iter().all(|rule| rule.get("ExpirationInDays").is_none()));
}

#[test]
fn the_bucket_and_the_queue_refuse_what_does_not_come_over_tls() {
    let template = template();
    let bucket = json!([{"Fn::GetAtt": "ExportsBucket.Arn"}, {"Fn::Sub": "${ExportsBucket.Arn}/*"}]);
    let queue = json!({"Fn::GetAtt": "FailureQueue.Arn"});
    for (policy, service, resource) in [("ExportsBucketPolicy", "s3", bucket), ("FailureQueuePolicy", "sqs", queue)] {
        let policy = &template["Resources"][policy]["Properties"];
        let denied = json!([{
            "Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": format!("{service}:*"), "Resource": resource,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }]);
        assert_eq!(policy["PolicyDocument"]["Statement"], denied, "{service}");
    }
    let resources = template["Resources"].as_object().unwrap();
    let queues: Vec<_> = resources.values().filter(|resource| resource["Type"] == "AWS::SQS::Queue").collect();
    assert_eq!(queues.len(), 1, "each queue has a policy");
    assert_eq!(template["Resources"]["FailureQueuePolicy"]["Properties"]["Queues"], json!([{"Ref": "FailureQueue"}]));
}

#[test]
fn concurrency_is_reserved_for_reserve_codes_only_where_a_parameter_asks_for_it() {
    let template = template();
    let parameter = &template["Parameters"]["ReserveCodesConcurrency"];
    assert_eq!((&parameter["Default"], &parameter["MinValue"]), (&json!(0), &json!(0)));
    let condition = json!({"Fn::Not": [{"Fn::Equals": [{"Ref": "ReserveCodesConcurrency"}, 0]}]});
    assert_eq!(template["Conditions"]["HasReservedConcurrency"], condition);
    for (id, function) in functions(&template) {
        let reserved = &function["Properties"]["ReservedConcurrentExecutions"];
        let own =
            json!({"Fn::If": ["HasReservedConcurrency", {"Ref": "ReserveCodesConcurrency"}, {"Ref": "AWS::NoValue"}]});
        assert_eq!(*reserved, if id == "ReserveCodes" { own } else { Value::Null }, "{id}");
    }
}

/// A property of a function, or the default of all functions.
fn setting(template: &Value, function: &Value, name: &str) -> Value {
    let own = &function["Properties"][name];
    if own.is_null() { template["Globals"]["Function"][name].clone() } else { own.clone() }
}

/// The environment of a function: the given parameters, the defaults of the others, and for a resource its logical id.
fn variables(template: &Value, parameters: &BTreeMap<&str, &str>) -> BTreeMap<String, String> {
    let variables = template["Globals"]["Function"]["Environment"]["Variables"].as_object().unwrap();
    let value = |id: &str| match (parameters.get(id), &template["Parameters"][id]["Default"]) {
        (Some(given), _) => (*given).to_owned(),
        (None, Value::String(default)) => default.clone(),
        (None, Value::Number(default)) => default.to_string(),
        (None, _) if id == "AWS::StackName" => "code-reservation".to_owned(),
        (None, _) => {
            assert!(template["Resources"][id].is_object(), "{id} is a parameter with a default or a resource");
            id.to_owned()
        }
    };
    let text = |setting: &Value| match setting.as_str() {
        Some(plain) => plain.to_owned(),
        None => value(setting["Ref"].as_str().unwrap()),
    };
    variables.iter().map(|(name, setting)| (name.clone(), text(setting))).collect()
}
