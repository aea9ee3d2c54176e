//! What each function may do, as a table beside the template: a right that comes or goes has to be written down twice.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::repository::{functions, template};

const READ: &str = "dynamodb:BatchGetItem dynamodb:GetItem";
const READ_AND_QUERY: &str = "dynamodb:BatchGetItem dynamodb:GetItem dynamodb:Query";
const LIST: [(&str, &str); 4] = [
    ("ReservationsTable/index/by_organisation", "dynamodb:Query"),
    ("ReservationsTable/index/by_product", "dynamodb:Query"),
    ("ReservationsTable/index/by_reference", "dynamodb:Query"),
    ("ReservationsTable/index/by_shard", "dynamodb:Query"),
];
const DIRECTORY: (&str, &str) = ("DirectoryTable", READ_AND_QUERY);
const CODES: [(&str, &str); 2] = [("PoolsTable", READ_AND_QUERY), SECRET];
const SECRET: (&str, &str) = ("CodesSecret", "secretsmanager:GetSecretValue");
const FILE_ROWS: (&str, &str) = ("FilesTable", READ);
const FILE_LIST: [(&str, &str); 2] =
    [("FilesTable/index/by_organisation", "dynamodb:Query"), ("FilesTable/index/by_shard", "dynamodb:Query")];
const REQUESTS: (&str, &str) = ("RequestsTable", "dynamodb:GetItem dynamodb:PutItem");

fn table() -> BTreeMap<&'static str, BTreeMap<&'static str, &'static str>> {
    let own = |actions| ("ReservationsTable", actions);
    BTreeMap::from([
        ("ListReservations", rights(&[&[own(READ), DIRECTORY, FILE_ROWS], &LIST, &CODES])),
        ("GetReservation", rights(&[&[own(READ), DIRECTORY, FILE_ROWS], &CODES])),
        (
            "CreateReservations",
            rights(&[
                &[own("dynamodb:BatchGetItem dynamodb:GetItem dynamodb:PutItem"), REQUESTS, DIRECTORY, FILE_ROWS],
                &CODES,
            ]),
        ),
        (
            "UpdateReservations",
            rights(&[
                &[own("dynamodb:BatchGetItem dynamodb:GetItem dynamodb:PutItem")],
                &[DIRECTORY, FILE_ROWS],
                &LIST,
                &CODES,
            ]),
        ),
        (
            "DeleteReservations",
            rights(&[
                &[own("dynamodb:BatchGetItem dynamodb:DeleteItem dynamodb:GetItem")],
                &[DIRECTORY, FILE_ROWS],
                &LIST,
                &CODES,
            ]),
        ),
        (
            "Graphql",
            rights(&[
                &[own("dynamodb:BatchGetItem dynamodb:DeleteItem dynamodb:GetItem dynamodb:PutItem")],
                &[REQUESTS, DIRECTORY, FILE_ROWS],
                &FILE_LIST,
                &LIST,
                &CODES,
            ]),
        ),
        ("Files", rights(&[&[FILE_ROWS, DIRECTORY, ("ExportsBucket/exports/*", "s3:GetObject")], &FILE_LIST])),
        ("ListCodes", rights(&[&[own(READ), DIRECTORY, FILE_ROWS], &CODES])),
        ("Directory", rights(&[&[DIRECTORY, ("ExportsBucket", "s3:ListBucket")]])),
        (
            "ReserveCodes",
            rights(&[&[
                own("dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem"),
                ("PoolsTable", "dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem"),
                ("FilesTable", "dynamodb:DeleteItem dynamodb:PutItem"),
                ("DirectoryTable", "dynamodb:GetItem"),
                (
                    "ExportsBucket/exports/*",
                    "s3:AbortMultipartUpload s3:DeleteObject s3:GetObject s3:ListMultipartUploadParts s3:PutObject",
                ),
                ("ExportsBucket", "s3:ListBucket s3:ListBucketMultipartUploads"),
                SECRET,
                ("ReservationsTable stream", "dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator"),
                ("ReservationsTable/stream/*", "dynamodb:ListStreams"),
                ("FailureQueue", "sqs:SendMessage"),
                ("FunctionsLogGroup", "logs:CreateLogStream logs:PutLogEvents"),
                ("*", "xray:PutTelemetryRecords xray:PutTraceSegments"),
            ]]),
        ),
        (
            "Sweep",
            rights(&[&[
                own("dynamodb:BatchGetItem dynamodb:UpdateItem"),
                ("ReservationsTable/index/open", "dynamodb:Query"),
                ("ReservationsTable/index/by_shard", "dynamodb:Query"),
                ("FilesTable", "dynamodb:DeleteItem"),
                ("FilesTable/index/by_shard", "dynamodb:Query"),
                ("ExportsBucket/exports/*", "s3:AbortMultipartUpload s3:DeleteObject"),
                ("ExportsBucket", "s3:ListBucket s3:ListBucketMultipartUploads"),
            ]]),
        ),
    ])
}

fn rights(groups: &[&[(&'static str, &'static str)]]) -> BTreeMap<&'static str, &'static str> {
    groups.iter().flat_map(|group| group.iter().copied()).collect()
}

#[test]
fn every_function_has_exactly_the_rights_of_the_table() {
    let template = template();
    let table = table();
    assert_eq!(functions(&template).keys().collect::<Vec<_>>(), table.keys().collect::<Vec<_>>());
    for (id, function) in functions(&template) {
        let mut granted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for statement in statements(&template, function) {
            assert_eq!(statement["Effect"], "Allow", "{id}");
            for resource in list(&statement["Resource"]) {
                let actions = list(&statement["Action"]).into_iter().map(|action| action.as_str().unwrap().to_owned());
                let known = granted.entry(resource_name(resource)).or_default();
                for action in actions {
                    assert!(!action.contains('*'), "{id}: {action}");
                    assert!(known.insert(action), "{id}: a right stands once");
                }
            }
        }
        let expected: BTreeMap<_, BTreeSet<_>> = table[id]
            .iter()
            .map(|(resource, actions)| ((*resource).to_owned(), actions.split(' ').map(str::to_owned).collect()))
            .collect();
        assert_eq!(granted, expected, "{id}");
    }
}

#[test]
fn only_tracing_has_no_resource() {
    let template = template();
    for (id, function) in functions(&template) {
        for statement in statements(&template, function) {
            if list(&statement["Resource"]).iter().any(|resource| *resource == "*") {
                assert_eq!((id, statement["Sid"].as_str()), ("ReserveCodes", Some("Trace")));
            }
        }
    }
}

/// The statements of a function's role, whether SAM makes the role or the template does. Of a conditional one, the one that grants.
fn statements(template: &Value, function: &Value) -> Vec<Value> {
    let properties = &function["Properties"];
    let policies = match properties["Role"]["Fn::GetAtt"].as_str() {
        None => properties["Policies"].as_array().unwrap().clone(),
        Some(role) => {
            let role = &template["Resources"][role.strip_suffix(".Arn").unwrap()]["Properties"];
            let policies = role["Policies"].as_array().unwrap();
            assert_eq!(role["ManagedPolicyArns"], Value::Null);
            policies.iter().map(|policy| policy["PolicyDocument"].clone()).collect()
        }
    };
    let statements = policies.iter().flat_map(|policy| policy["Statement"].as_array().unwrap().clone());
    statements.map(|statement| statement.get("Fn::If").map_or(statement.clone(), |choice| choice[1].clone())).collect()
}

fn list(value: &Value) -> Vec<&Value> {
    value.as_array().map_or(vec![value], |items| items.iter().collect())
}

/// `PoolsTable`, `ReservationsTable/index/open`, `ReservationsTable stream`, `*`.
fn resource_name(resource: &Value) -> String {
    if let Some(text) = resource.as_str().or_else(|| resource["Ref"].as_str()) {
        return text.to_owned();
    }
    if let Some(path) = resource["Fn::GetAtt"].as_str() {
        return match path.split_once('.').unwrap() {
            (id, "Arn") => id.to_owned(),
            (id, "StreamArn") => format!("{id} stream"),
            other => panic!("{other:?} is no ARN"),
        };
    }
    let text = resource["Fn::Sub"].as_str().unwrap();
    text.strip_prefix("${").unwrap().replacen(".Arn}", "", 1)
}
