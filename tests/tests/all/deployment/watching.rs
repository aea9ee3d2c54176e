//! Alarms and the dashboard: each names an existing metric, and docs/operations.md says what to do about every alarm.

use std::collections::BTreeSet;

use common::metrics::{Allocation, Event, NAMESPACE, Request, Slice, Tallied};
use serde_json::{Value, json};

use crate::support::repository::{resources, root, template};

/// One event of each kind. The `match` fails to compile when a new kind is missing here.
pub(crate) fn one_of_each() -> Vec<Event> {
    let request = Request { route: "GET /files".into(), status: 200, duration_ms: 1, request_id: "r".into() };
    let allocation = Allocation {
        reservations: 1,
        codes: 10,
        attempts: 1,
        conflicts: 0,
        fill: Some((10, 1_000)),
        namespace: "sgtin#19361758000003#8".into(),
    };
    let slice = Slice { rows: 10, bytes: 1_000, duration_ms: 3, reservation: uuid::Uuid::nil() };
    let all = vec![
        Event::Request(request),
        Event::Allocation(allocation),
        Event::Slice(slice),
        Event::ExportCompleted,
        Event::EditConflict,
        Event::Woken(1),
        Event::GivenUp,
        Event::StrayShards(0),
        Event::Tallied(Tallied { rows: 3, transactions: 1, conflicts: 0, failed: 0, lag_ms: 250 }),
        Event::TidyStopped(0),
    ];
    for event in &all {
        match event {
            Event::Request(_)
            | Event::Allocation(_)
            | Event::Slice(_)
            | Event::ExportCompleted
            | Event::EditConflict
            | Event::Woken(_)
            | Event::GivenUp
            | Event::StrayShards(_)
            | Event::TidyStopped(_)
            | Event::Tallied(_) => {}
        }
    }
    all
}

/// The names of the metrics of this service, each with the names of its dimensions other than the stack.
fn own_metrics() -> BTreeSet<(String, Vec<&'static str>)> {
    let events = one_of_each();
    events
        .iter()
        .flat_map(|event| {
            let dimensions: Vec<_> = event.dimensions().into_iter().map(|(name, _)| name).collect();
            event.measurements().into_iter().map(move |one| (one.name.to_owned(), dimensions.clone()))
        })
        .collect()
}

#[test]
fn every_alarm_on_a_figure_of_ours_names_one_that_there_is() {
    let template = template();
    let mut own = 0;
    for (id, alarm) in resources(&template, "AWS::CloudWatch::Alarm") {
        let properties = &alarm["Properties"];
        if properties["Namespace"] == NAMESPACE {
            own += 1;
            let name = properties["MetricName"].as_str().unwrap().to_owned();
            assert!(own_metrics().contains(&(name, Vec::new())), "{id}");
            assert_eq!(
                properties["Dimensions"],
                json!([{"Name": "Stack", "Value": {"Ref": "AWS::StackName"}}]),
                "{id}"
            );
        } else {
            assert!(properties["Namespace"].as_str().unwrap().starts_with("AWS/"), "{id}");
        }
        let topic = json!({"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]});
        assert_eq!(properties["AlarmActions"], topic, "{id}");
    }
    assert_eq!(own, 3);
    let fill = &template["Resources"]["PoolFillAlarm"]["Properties"];
    assert_eq!((&fill["Threshold"], &fill["Statistic"]), (&json!(80), &json!("Maximum")));
}

#[test]
fn the_page_for_operators_says_what_to_do_about_every_alarm() {
    let template = template();
    let page = std::fs::read_to_string(root().join("docs/operations.md")).unwrap();
    for (id, alarm) in resources(&template, "AWS::CloudWatch::Alarm") {
        let text = alarm["Properties"]["AlarmDescription"].as_str().unwrap();
        let heading = text.split('"').nth(1).unwrap();
        let (_, section) = page.split_once(&format!("### {heading}\n")).unwrap_or_else(|| panic!("{id}: no {heading}"));
        let section = section.split("\n### ").next().unwrap();
        assert!(section.contains(&format!("`{id}`")), "{heading} names its alarm");
    }
}

#[test]
fn the_dashboard_shows_every_figure_of_ours_and_nothing_that_does_not_exist() {
    let template = template();
    let dashboard = &template["Resources"]["Dashboard"]["Properties"];
    let text = dashboard["DashboardBody"]["Fn::Sub"].as_str().unwrap();
    // References that CloudFormation replaces: resources, the region, the stack.
    for reference in text.split("${").skip(1).map(|rest| rest.split('}').next().unwrap()) {
        let id = reference.split('.').next().unwrap();
        let known = ["AWS::Region", "AWS::StackName"].contains(&id) || template["Resources"][id].is_object();
        assert!(known || id.starts_with('!'), "{reference}");
    }
    let body: Value = serde_json::from_str(text).unwrap();
    let mut shown = BTreeSet::new();
    let mut places = BTreeSet::new();
    for widget in body["widgets"].as_array().unwrap() {
        let place = (widget["x"].as_u64().unwrap(), widget["y"].as_u64().unwrap());
        assert!(places.insert(place) && place.0 + widget["width"].as_u64().unwrap() <= 24, "{place:?}");
        for metric in widget["properties"]["metrics"].as_array().unwrap() {
            if let Some(expression) = metric[0]["expression"].as_str() {
                let schema = format!("SEARCH('{{{NAMESPACE},Stack,Route,StatusClass}} MetricName=\"Requests\"");
                if expression.starts_with(&schema) {
                    shown.insert(("Requests".to_owned(), vec!["Route", "StatusClass"]));
                    continue;
                }
                // Throttles of indexes: every table with an index is searched, and no other.
                assert!(
                    expression.starts_with("SEARCH('{AWS/DynamoDB,GlobalSecondaryIndexName,TableName}"),
                    "{expression}"
                );
                for (id, table) in template["Resources"].as_object().unwrap() {
                    let has_index = !table["Properties"]["GlobalSecondaryIndexes"].is_null();
                    assert_eq!(expression.contains(&format!("\"${{{id}}}\"")), has_index, "{id}: {expression}");
                }
            } else if metric[0] == NAMESPACE {
                assert_eq!((&metric[2], &metric[3]), (&json!("Stack"), &json!("${AWS::StackName}")));
                shown.insert((metric[1].as_str().unwrap().to_owned(), Vec::new()));
            }
        }
    }
    assert_eq!(shown, own_metrics());
}
