//! template.yaml: the keys and indexes of the tables, in a new stack and while an older one gets its indexes.

use std::collections::{BTreeMap, BTreeSet};

use common::config::LAST_INDEX_STAGE;
use local::template::{Parameter, Template};
use serde_json::{Value, json};

use crate::support::repository::{resources, root, template};

#[test]
fn the_tables_have_the_keys_and_indexes_that_the_store_uses() {
    let template = template();
    let tables = resources(&template, "AWS::DynamoDB::Table");
    let created = created(LAST_INDEX_STAGE);
    let shapes: BTreeMap<_, _> = tables.iter().map(|(id, table)| (*id, shape(table, &created[*id]))).collect();
    let expected = BTreeMap::from([
        ("DirectoryTable", vec!["kind id".to_owned()]),
        (
            "FilesTable",
            ["id", "by_organisation: organisation_key id ALL", "by_shard: shard id ALL"].map(str::to_owned).to_vec(),
        ),
        ("PoolsTable", ["namespace entry", "pools: listed namespace KEYS_ONLY"].map(str::to_owned).to_vec()),
        ("RequestsTable", vec!["key".to_owned()]),
        (
            "ReservationsTable",
            vec![
                "id".to_owned(),
                "by_organisation: organisation_key id INCLUDE".to_owned(),
                "by_product: product_key id INCLUDE".to_owned(),
                "by_reference: reference_key id INCLUDE".to_owned(),
                "by_shard: shard id INCLUDE".to_owned(),
                "by_shard_created: shard created_id INCLUDE".to_owned(),
                "by_shard_status: shard status_created INCLUDE".to_owned(),
                "by_organisation_created: organisation_key created_id INCLUDE".to_owned(),
                "by_organisation_status: organisation_key status_created INCLUDE".to_owned(),
                "by_product_created: product_key created_id INCLUDE".to_owned(),
                "by_product_status: product_key status_created INCLUDE".to_owned(),
                "by_reference_created: reference_key created_id INCLUDE".to_owned(),
                "by_user_created: user_key created_id INCLUDE".to_owned(),
            ],
        ),
        ("TalliesTable", ["tally key", "by_status: listed tally KEYS_ONLY"].map(str::to_owned).to_vec()),
    ]);
    assert_eq!(shapes, expected);
    for table in ["RequestsTable", "DirectoryTable"] {
        let ttl = &tables[table]["Properties"]["TimeToLiveSpecification"];
        assert_eq!(*ttl, json!({"AttributeName": "expires_at", "Enabled": true}), "{table}");
    }
}

fn keys(table: &Value) -> Vec<&str> {
    table["KeySchema"].as_array().unwrap().iter().map(|key| key["AttributeName"].as_str().unwrap()).collect()
}

/// The tables with every condition resolved, as requests to create them, by logical id.
fn created(index_stage: u32) -> BTreeMap<String, Value> {
    let stage = Parameter { name: "IndexStage".to_owned(), value: index_stage.to_string() };
    let text = std::fs::read_to_string(root().join("template.yaml")).unwrap();
    let tables = Template::parse(&text, &[stage]).unwrap().tables;
    let ids = resources(&template(), "AWS::DynamoDB::Table").into_keys().map(str::to_owned).collect::<Vec<_>>();
    let of = |name: &str| ids.iter().find(|id| name.ends_with(id.as_str())).unwrap().clone();
    tables.into_iter().map(|table| (of(&table.name), table.create)).collect()
}

fn indexes(table: &Value) -> Vec<&str> {
    let all = table["GlobalSecondaryIndexes"].as_array().into_iter().flatten();
    all.map(|index| index["IndexName"].as_str().unwrap()).collect()
}

#[test]
fn each_deployment_of_an_older_table_adds_or_removes_one_index() {
    let mut known: Option<Vec<String>> = None;
    for stage in 0..=LAST_INDEX_STAGE {
        let table = &created(stage)["ReservationsTable"];
        let names: Vec<String> = indexes(table).into_iter().map(str::to_owned).collect();
        shape(&template()["Resources"]["ReservationsTable"], table);
        if let Some(before) = known {
            let gone = before.iter().filter(|name| !names.contains(name)).count();
            let new = names.iter().filter(|name| !before.contains(name)).count();
            assert_eq!((new, gone), if stage <= 8 { (1, 0) } else { (0, 1) }, "stage {stage}: {names:?}");
        } else {
            let first = ["by_organisation", "by_product", "by_reference", "by_shard", "open", "open_by_organisation"];
            assert_eq!(names, first);
        }
        known = Some(names);
    }
    assert_eq!(known.unwrap().len(), 12);
}

#[test]
fn indexes_project_what_lists_filter_by_and_nothing_that_an_export_changes() {
    let projected = ["organisation_key", "product_key", "reference_key", "date_created", "user_created", "code_type"];
    let mut total = 0;
    for index in created(LAST_INDEX_STAGE)["ReservationsTable"]["GlobalSecondaryIndexes"].as_array().unwrap() {
        let (keys, name) = (keys(index), index["IndexName"].as_str().unwrap());
        let open = name.ends_with("_status").then_some("open");
        let wanted: Vec<_> = projected.into_iter().filter(|name| !keys.contains(name)).chain(open).collect();
        assert_eq!(index["Projection"]["NonKeyAttributes"], json!(wanted), "{name}");
        total += wanted.len();
    }
    assert!(total <= 100, "DynamoDB projects at most 100 attributes over all indexes of a table");
}

/// The keys, indexes and attributes of a table. `resolved` is the table without conditions.
fn shape(table: &Value, resolved: &Value) -> Vec<String> {
    let properties = &table["Properties"];
    let mut lines = vec![keys(properties).join(" ")];
    let mut used: BTreeSet<_> = keys(properties).into_iter().collect();
    for index in resolved["GlobalSecondaryIndexes"].as_array().into_iter().flatten() {
        let projection = index["Projection"]["ProjectionType"].as_str().unwrap();
        lines.push(format!("{}: {} {projection}", index["IndexName"].as_str().unwrap(), keys(index).join(" ")));
        used.extend(keys(index));
    }
    let defined = resolved["AttributeDefinitions"].as_array().unwrap();
    assert!(defined.iter().all(|attribute| attribute["AttributeType"] == "S"));
    assert_eq!(
        defined.iter().map(|attribute| attribute["AttributeName"].as_str().unwrap()).collect::<BTreeSet<_>>(),
        used
    );
    assert_eq!(properties["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], true);
    assert_eq!(properties["SSESpecification"]["SSEEnabled"], true);
    lines
}
