//! The comparison of rights finds every kind of error that is planted in a copy of the template or of the record.

use serde_json::{Value, json};

use super::{faults, recorded_calls};
use crate::support::repository::template;

/// The statements of a function for whose policies SAM creates a role.
fn statements<'a>(template: &'a mut Value, id: &str) -> &'a mut Vec<Value> {
    template["Resources"][id]["Properties"]["Policies"][0]["Statement"].as_array_mut().unwrap()
}

/// The statements of the role that the template defines.
fn role(template: &mut Value) -> &mut Vec<Value> {
    let policy = &mut template["Resources"]["ReserveCodesRole"]["Properties"]["Policies"][0]["PolicyDocument"];
    policy["Statement"].as_array_mut().unwrap()
}

fn statement<'a>(statements: &'a mut [Value], sid: &str) -> &'a mut Value {
    statements.iter_mut().find(|statement| statement["Sid"] == sid).unwrap()
}

/// The faults of the real template after a change.
fn after(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut template = template();
    change(&mut template);
    faults(&template, &recorded_calls())
}

fn allow(action: &str, resource: Value) -> Value {
    json!({"Effect": "Allow", "Action": action, "Resource": resource})
}

#[test]
fn a_missing_action_is_found_in_every_statement_of_every_function() {
    let original = template();
    let mut tried = 0;
    for (id, resource) in original["Resources"].as_object().unwrap() {
        let path = match resource["Type"].as_str().unwrap() {
            "AWS::Serverless::Function" => format!("/Resources/{id}/Properties/Policies/0/Statement"),
            "AWS::IAM::Role" => format!("/Resources/{id}/Properties/Policies/0/PolicyDocument/Statement"),
            _ => continue,
        };
        for position in 0..original.pointer(&path).and_then(Value::as_array).map_or(0, Vec::len) {
            let gone = after(|template| {
                template.pointer_mut(&path).unwrap().as_array_mut().unwrap().remove(position);
            });
            let missing = gone.iter().filter(|fault| fault.starts_with("missing: ")).count();
            assert!(missing > 0 && missing == gone.len(), "{id}, statement {position}: {gone:?}");
            tried += 1;
        }
    }
    assert!(tried > 40, "{tried}");
}

#[test]
fn a_single_action_that_is_missing_or_spare_is_named() {
    let missing = after(|template| {
        let actions = &mut statement(role(template), "WriteExports")["Action"];
        actions.as_array_mut().unwrap().retain(|action| action != "s3:AbortMultipartUpload");
    });
    assert_eq!(missing, ["missing: reserve-codes: s3:AbortMultipartUpload on ExportsBucket/exports/*"]);

    let spare = after(|template| {
        let actions = &mut statement(statements(template, "ListReservations"), "ReadReservations")["Action"];
        *actions = json!(["dynamodb:BatchGetItem", "dynamodb:Scan"]);
    });
    assert!(spare.contains(&"spare: list-reservations: dynamodb:Scan on ReservationsTable".to_owned()), "{spare:?}");
}

#[test]
fn a_right_on_another_table_index_or_prefix_is_spare() {
    let table = json!({"Fn::GetAtt": "PoolsTable.Arn"});
    assert_eq!(
        after(|template| statements(template, "Directory").push(allow("dynamodb:GetItem", table))),
        ["spare: directory: dynamodb:GetItem on PoolsTable"]
    );
    let index = json!({"Fn::Sub": "${ReservationsTable.Arn}/index/open"});
    assert_eq!(
        after(|template| statements(template, "Graphql").push(allow("dynamodb:Query", index))),
        ["spare: graphql: dynamodb:Query on ReservationsTable/index/open"]
    );
    // A wider right does not count as the right that is needed.
    let wide = after(|template| {
        statement(role(template), "WriteExports")["Resource"] = json!({"Fn::Sub": "${ExportsBucket.Arn}/*"});
    });
    assert!(wide.contains(&"spare: reserve-codes: s3:PutObject on ExportsBucket/*".to_owned()), "{wide:?}");
    assert!(wide.contains(&"missing: reserve-codes: s3:PutObject on ExportsBucket/exports/*".to_owned()), "{wide:?}");
    let all = json!({"Fn::Sub": "${ReservationsTable.Arn}/index/*"});
    let wide = after(|template| statement(statements(template, "Sweep"), "FindOpenReservations")["Resource"] = all);
    assert_eq!(wide.len(), 2, "{wide:?}");
    let everything = after(|template| statements(template, "Sweep").push(allow("dynamodb:Query", json!("*"))));
    assert_eq!(everything, ["spare: sweep: dynamodb:Query on *"]);
}

#[test]
fn a_right_that_stands_twice_is_found() {
    let twice = after(|template| {
        let again = statement(statements(template, "Sweep"), "FindOpenReservations").clone();
        statements(template, "Sweep").push(again);
    });
    assert_eq!(twice, ["Sweep: dynamodb:Query on ReservationsTable/index/by_shard_status stands twice"]);
}

#[test]
fn every_other_way_to_grant_something_is_found() {
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 16] = [
        ("an action with a wildcard", |t| {
            statements(t, "Sweep").push(allow("dynamodb:*", json!({"Ref": "PoolsTable"})))
        }),
        ("every action", |t| statements(t, "Sweep").push(allow("*", json!("*")))),
        ("a denial", |t| {
            statements(t, "Sweep").push(json!({"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"}))
        }),
        ("all but an action", |t| {
            statements(t, "Sweep").push(json!({"Effect": "Allow", "NotAction": "s3:GetObject", "Resource": "*"}))
        }),
        ("all but a resource", |t| {
            statements(t, "Sweep").push(json!({"Effect": "Allow", "Action": "s3:GetObject", "NotResource": "x"}))
        }),
        ("a condition", |t| statements(t, "Sweep")[0]["Condition"] = json!({"StringLike": {"s3:prefix": "x"}})),
        ("a managed policy", |t| {
            t["Resources"]["Sweep"]["Properties"]["Policies"].as_array_mut().unwrap().push(json!("AmazonS3FullAccess"))
        }),
        ("a policy template of SAM", |t| {
            let policy = json!({"DynamoDBCrudPolicy": {"TableName": {"Ref": "PoolsTable"}}});
            t["Resources"]["Sweep"]["Properties"]["Policies"].as_array_mut().unwrap().push(policy)
        }),
        ("one managed policy", |t| t["Resources"]["Sweep"]["Properties"]["Policies"] = json!("AmazonS3FullAccess")),
        ("a managed policy of the role", |t| {
            t["Resources"]["ReserveCodesRole"]["Properties"]["ManagedPolicyArns"] = json!(["arn:aws:iam::aws:policy/X"])
        }),
        ("a policy beside the roles", |t| t["Resources"]["More"] = json!({"Type": "AWS::IAM::RolePolicy"})),
        ("a managed policy that names a role", |t| {
            t["Resources"]["OperatorPolicy"]["Properties"]["Roles"] = json!([{"Ref": "ReserveCodesRole"}])
        }),
        ("a connector", |t| t["Resources"]["More"] = json!({"Type": "AWS::Serverless::Connector"})),
        ("a connector of a function", |t| t["Resources"]["Sweep"]["Connectors"] = json!({"More": {}})),
        ("a policy of a resource", |t| {
            t["Resources"]["ExportsBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
                .as_array_mut()
                .unwrap()
                .push(json!({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}))
        }),
        ("a role that two functions share", |t| {
            let properties = t["Resources"]["Sweep"]["Properties"].as_object_mut().unwrap();
            properties.remove("Policies");
            properties.insert("Role".to_owned(), json!({"Fn::GetAtt": "ReserveCodesRole.Arn"}));
        }),
    ];
    for (what, change) in changes {
        assert_ne!(after(change), Vec::<String>::new(), "{what}");
    }
}

#[test]
fn a_recorded_call_without_a_right_is_found() {
    let with = |line: &str| faults(&template(), &format!("{}{line}\n", recorded_calls()));
    assert_eq!(
        with("files S3 PutObject code-reservation-exportsbucket/exports/*"),
        ["missing: files: s3:PutObject on ExportsBucket/exports/*"]
    );
    // Each action of a transaction needs its own right.
    assert_eq!(
        with("sweep DynamoDB TransactWriteItems:ConditionCheck code-reservation-PoolsTable"),
        ["missing: sweep: dynamodb:ConditionCheckItem on PoolsTable"]
    );
    // HeadObject needs two.
    assert_eq!(
        with("list-codes S3 HeadObject code-reservation-exportsbucket/exports/*"),
        [
            "missing: list-codes: s3:GetObject on ExportsBucket/exports/*",
            "missing: list-codes: s3:ListBucket on ExportsBucket"
        ]
    );
    // Unknown calls are reported, not ignored.
    for unknown in [
        "files DynamoDB ListTables unknown",
        "files S3 GetObject another-bucket/exports/*",
        "nobody S3 GetObject code-reservation-exportsbucket/exports/*",
        "files SQS SendMessage code-reservation-FailureQueue",
        "files S3",
    ] {
        assert_eq!(with(unknown), [format!("a call that no rule knows: {unknown}")]);
    }
}

#[test]
fn a_right_whose_call_no_test_makes_is_spare() {
    let calls = recorded_calls();
    for call in calls.lines() {
        let rest: String = calls.lines().filter(|line| *line != call).map(|line| format!("{line}\n")).collect();
        let found = faults(&template(), &rest);
        // Another call may need the same right: PutItem, alone and in a transaction.
        assert!(found.iter().all(|fault| fault.starts_with("spare: ")), "{call}: {found:?}");
    }
    let without = |part: &str| -> String {
        calls.lines().filter(|line| !line.contains(part)).map(|line| format!("{line}\n")).collect()
    };
    let spare = faults(&template(), &without("AbortMultipartUpload"));
    assert_eq!(
        spare,
        ["reserve-codes", "sweep"]
            .map(|who| format!("spare: {who}: s3:AbortMultipartUpload on ExportsBucket/exports/*"))
    );
}
