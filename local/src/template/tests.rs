//! Tests with the repository's template, and of the intrinsic functions.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;

fn repository() -> Template {
    Template::parse(TEMPLATE, &[]).unwrap()
}

#[test]
fn every_function_of_the_template_is_read_with_its_binary() {
    let template = repository();
    let mut binaries: Vec<&str> = template.functions.iter().map(|function| function.binary.as_str()).collect();
    binaries.sort_unstable();
    assert_eq!(
        binaries,
        [
            "administration",
            "console",
            "create-reservations",
            "delete-reservations",
            "directory",
            "files",
            "follow",
            "get-reservation",
            "graphql",
            "labels",
            "list-codes",
            "list-reservations",
            "reserve-codes",
            "sweep",
            "update-reservations"
        ]
    );
}

#[test]
fn the_mapping_has_the_settings_that_the_protocol_needs() {
    let template = repository();
    let (function, mapping) =
        template.stream_mappings().find(|(function, _)| function.logical_id == "ReserveCodes").unwrap();
    assert_eq!(function.timeout, Duration::from_secs(120));
    assert_eq!((mapping.batch_size, mapping.parallelization_factor), (10, 10));
    assert_eq!(mapping.maximum_retries, Some(5));
    assert!(mapping.bisect && mapping.report_item_failures && mapping.on_failure.is_some() && mapping.from_start);
    assert!(template.tables.iter().any(|table| table.name == mapping.table));
    let record = |new: Value, old: Value| json!({"eventName": "X", "dynamodb": {"NewImage": new, "OldImage": old}});
    let arrives = |event: &Value| mapping.filters.iter().any(|filter| filter.matches(event));
    let plain = json!({"id": {"S": "1"}});
    let seeded = json!({"id": {"S": "1"}, "seeded": {"BOOL": true}});
    let event = |new: Option<&Value>, old: Option<&Value>| {
        let mut event = record(json!({}), json!({}));
        let images = event["dynamodb"].as_object_mut().unwrap();
        images.clear();
        images.extend(new.map(|image| ("NewImage".to_owned(), image.clone())));
        images.extend(old.map(|image| ("OldImage".to_owned(), image.clone())));
        event
    };
    assert!(arrives(&event(Some(&plain), None)));
    assert!(arrives(&event(Some(&plain), Some(&plain))));
    assert!(arrives(&event(Some(&plain), Some(&seeded))));
    assert!(arrives(&event(None, Some(&plain))));
    assert!(!arrives(&event(Some(&seeded), None)));
    assert!(!arrives(&event(Some(&seeded), Some(&seeded))));
    assert!(!arrives(&event(None, Some(&seeded))));
}

#[test]
fn references_become_names_and_parameters_their_values() {
    let template = repository();
    let table = |variable: &str| template.environment[variable].clone();
    for variable in
        ["RESERVATIONS_TABLE", "POOLS_TABLE", "FILES_TABLE", "DIRECTORY_TABLE", "REQUESTS_TABLE", "TALLIES_TABLE"]
    {
        assert!(template.tables.iter().any(|known| known.name == table(variable)), "{variable}");
    }
    assert_eq!(template.buckets, [Bucket::plain(&table("EXPORTS_BUCKET"))]);
    assert_eq!(template.environment["SLICE_SECONDS"], "5");
    let changed = Parameter { name: "SliceSeconds".to_owned(), value: "1".to_owned() };
    let template = Template::parse(TEMPLATE, &[changed]).unwrap();
    assert_eq!(template.environment["SLICE_SECONDS"], "1");
    let unknown = Parameter { name: "Slices".to_owned(), value: "1".to_owned() };
    assert!(Template::parse(TEMPLATE, &[unknown]).unwrap_err().to_string().contains("Slices"));
}

#[test]
fn pages_may_read_exports_where_they_may_call_the_api() {
    let bucket_with = |origins: &str| {
        let origins = Parameter { name: "CorsOrigins".to_owned(), value: origins.to_owned() };
        let mut template = Template::parse(TEMPLATE, &[origins]).unwrap();
        template.buckets.remove(0).cors
    };
    assert_eq!(bucket_with(""), []);
    for origins in ["*", "https://app.example.com", "https://a.example,http://127.0.0.1:8080"] {
        let [rule] = &bucket_with(origins)[..] else { panic!("{origins}") };
        // After a redirect from the API, browsers name the origin `null`.
        assert_eq!(
            (&rule.origins[..], &rule.methods[..]),
            (&["*".to_owned()][..], &["GET".to_owned(), "HEAD".to_owned()][..])
        );
        assert_eq!(rule.headers, ["*"]);
        for header in ["Content-Disposition", "Content-Length", "Content-Range", "Accept-Ranges", "ETag"] {
            assert!(rule.exposed.iter().any(|one| one == header), "{header}");
        }
    }
}

#[test]
fn every_schedule_has_a_function_and_an_input() {
    let template = repository();
    let sweep = template.functions.iter().find(|function| function.binary == "sweep").unwrap();
    assert!(sweep.schedules.iter().any(|schedule| schedule.timing == Timing::Every(Duration::from_secs(900))));
    assert!(sweep.schedules.iter().any(|schedule| matches!(schedule.timing, Timing::Daily { .. })));
}

/// Resolves a node as the value of a function's environment variable.
fn resolved(node: &str) -> Result<String, TemplateError> {
    let text = format!(
        "
Parameters:
  Name: {{Type: String, Default: x}}
  Empty: {{Type: String, Default: ''}}
  Items: {{Type: CommaDelimitedList, Default: 'a, b,c'}}
Conditions:
  IsX: !Equals [!Ref Name, x]
  IsEmpty: !Equals [!Ref Empty, '']
  Both: !And [!Condition IsX, !Not [!Condition IsEmpty]]
Mappings:
  Sizes: {{x: {{size: 7}}}}
Resources:
  Things: {{Type: 'AWS::DynamoDB::Table', Properties: {{KeySchema: []}}}}
  Store: {{Type: 'AWS::S3::Bucket'}}
  F: {{Type: 'AWS::Serverless::Function', Properties: {{Environment: {{Variables: {{V: {node}}}}}}}}}
"
    );
    let template = Template::parse(&text, &[])?;
    Ok(template.environment.get("V").cloned().unwrap_or_else(|| "(nothing)".to_owned()))
}

#[test]
fn the_functions_of_cloudformation_are_resolved() {
    for (node, expected) in [
        ("!Ref Name", "x"),
        ("{Ref: Name}", "x"),
        ("!Ref Things", "code-reservation-Things"),
        ("!Ref Store", "code-reservation-store"),
        ("!GetAtt Things.Arn", "arn:aws:dynamodb:eu-central-1:000000000000:table/code-reservation-Things"),
        ("{'Fn::GetAtt': [Store, Arn]}", "arn:aws:s3:::code-reservation-store"),
        (
            "!Sub '${Name}-${AWS::Region}-${!literal}-${Store.Arn}'",
            "x-eu-central-1-${literal}-arn:aws:s3:::code-reservation-store",
        ),
        ("!Sub ['${A}/${Name}', {A: !Ref Empty}]", "/x"),
        ("!Join ['-', [a, !Ref Name, !Ref Store]]", "a-x-code-reservation-store"),
        ("!Join ['+', !Ref Items]", "a+b+c"),
        ("!Select [1, !Split [',', 'p,q']]", "q"),
        ("!If [IsX, yes-x, no-x]", "yes-x"),
        ("!If [Both, !Ref Name, !Ref 'AWS::NoValue']", "(nothing)"),
        ("!FindInMap [Sizes, !Ref Name, size]", "7"),
    ] {
        assert_eq!(resolved(node).unwrap(), expected, "{node}");
    }
}

#[test]
fn what_does_not_exist_or_is_not_supported_is_named() {
    for (node, word) in [
        ("!Ref Nobody", "Nobody"),
        ("!GetAtt Nobody.Arn", "Nobody"),
        ("!Sub '${Nobody}'", "Nobody"),
        ("!If [Never, a, b]", "Never"),
        ("!ImportValue other", "Fn::ImportValue"),
    ] {
        let error = resolved(node).unwrap_err().to_string();
        assert!(error.contains(word), "{node}: {error}");
    }
}

#[test]
fn a_route_or_a_mapping_that_aws_would_refuse_is_refused() {
    let event = |event: &str| {
        let text =
            format!("Resources: {{F: {{Type: 'AWS::Serverless::Function', Properties: {{Events: {{E: {event}}}}}}}}}");
        Template::parse(&text, &[]).map(drop).map_err(|error| error.to_string())
    };
    let stream = "Stream: 'arn:aws:dynamodb:r:1:table/T/stream/x'";
    assert!(event("{Type: HttpApi, Properties: {Method: GET, Path: /a}}").is_ok());
    assert!(event(&format!("{{Type: DynamoDB, Properties: {{{stream}, StartingPosition: LATEST}}}}")).is_ok());
    for wrong in [
        "{Type: HttpApi, Properties: {Method: GETT, Path: /a}}".to_owned(),
        "{Type: HttpApi, Properties: {Method: GET, Path: a}}".to_owned(),
        "{Type: HttpApi, Properties: {Path: /a}}".to_owned(),
        "{Type: Kinesis, Properties: {}}".to_owned(),
        format!("{{Type: DynamoDB, Properties: {{{stream}, StartingPosition: TRIM}}}}"),
        format!("{{Type: DynamoDB, Properties: {{{stream}, StartingPosition: LATEST, ParallelizationFactor: 11}}}}"),
        format!("{{Type: DynamoDB, Properties: {{{stream}, StartingPosition: LATEST, TumblingWindowInSeconds: 5}}}}"),
        "{Type: Schedule, Properties: {Schedule: sometimes}}".to_owned(),
    ] {
        assert!(event(&wrong).is_err(), "{wrong}");
    }
}
