//! The managed policy for operators grants exactly what the command `admin` calls.

use std::collections::BTreeSet;

use common::store::SECRET_ROW;
use serde_json::{Value, json};

use super::{ADMIN, Right, calls_of, grants::Grants, needs::Needs, recorded_calls, right};
use crate::support::repository::template;

/// Calls of clients that are not those of `common`, so nothing records them: resource, actions, and the reason.
const NOT_RECORDED: [(&str, &[&str], &str); 4] = [
    ("AWS::StackId", &["cloudformation:DescribeStacks"], "`--stack NAME` reads the outputs and parameters"),
    (
        "FailureQueue",
        &["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"],
        "`failures list` shows the messages again, `failures replay` removes them; both say how many are hidden",
    ),
    (
        "ReservationsTable stream",
        &["dynamodb:GetShardIterator", "dynamodb:GetRecords"],
        "`failures replay` reads the records that a message names",
    ),
    (
        "ExportsBucket/exports/*",
        &["s3:GetObjectVersion"],
        "`restore-check` reads versions; a record has the name of the operation, which is that of a read of the object",
    ),
];

/// Compares the policy of a template with the recorded calls. Returns one line for each difference.
fn faults(template: &Value, calls: &str) -> Vec<String> {
    let grants = Grants::of_operators(template);
    let needs = Needs::of(template, &calls_of(calls, |who| who == ADMIN));
    // Operators write pools, and so the row of the secret among them.
    let of_table = |(who, action, resource): Right| {
        let table = resource.strip_suffix(&format!("/{SECRET_ROW}")).unwrap_or(&resource).to_owned();
        (who, action, table)
    };
    let mut needed: BTreeSet<Right> = needs.rights.into_iter().map(of_table).collect();
    for (resource, actions, _) in NOT_RECORDED {
        needed.extend(actions.iter().map(|action| right(ADMIN, action, resource)));
    }
    let text = |kind: &str, (_, action, resource): &Right| format!("{kind}: {action} on {resource}");
    let missing = needed.difference(&grants.rights).map(|right| text("missing", right));
    let spare = grants.rights.difference(&needed).map(|right| text("spare", right));
    grants.faults.iter().cloned().chain(needs.faults.iter().cloned()).chain(missing).chain(spare).collect()
}

fn statements(template: &mut Value) -> &mut Vec<Value> {
    template["Resources"]["OperatorPolicy"]["Properties"]["PolicyDocument"]["Statement"].as_array_mut().unwrap()
}

#[test]
fn operators_may_do_what_the_command_calls_and_nothing_else() {
    assert_eq!(faults(&template(), &recorded_calls()), Vec::<String>::new());
}

#[test]
fn the_policy_is_short_enough_for_iam() {
    // IAM User Guide, "IAM and AWS STS quotas": a managed policy has 6,144 characters, without white space.
    let document = template()["Resources"]["OperatorPolicy"]["Properties"]["PolicyDocument"].to_string();
    // A reference becomes an ARN of about 100 characters.
    let references = document.matches("Fn::GetAtt").count() + document.matches("Fn::Sub").count();
    assert!(document.len() + 100 * references < 6_144, "{} and {references} references", document.len());
}

#[test]
fn a_call_without_a_right_and_a_right_without_a_call_are_found() {
    let calls = recorded_calls();
    let with = |line: &str| faults(&template(), &format!("{calls}{line}\n"));
    assert_eq!(with("admin DynamoDB Scan code-reservation-FilesTable"), ["missing: dynamodb:Scan on FilesTable"]);
    assert_eq!(
        with("admin S3 DeleteObject code-reservation-exportsbucket/exports/*"),
        ["missing: s3:DeleteObject on ExportsBucket/exports/*"]
    );
    assert_eq!(with("sweep DynamoDB Scan code-reservation-DirectoryTable"), Vec::<String>::new(), "of a function");
    let mut wider = template();
    statements(&mut wider)
        .push(json!({"Effect": "Allow", "Action": "dynamodb:Scan", "Resource": {"Fn::GetAtt": "DirectoryTable.Arn"}}));
    assert_eq!(faults(&wider, &calls), ["spare: dynamodb:Scan on DirectoryTable"]);
    let mut all = template();
    statements(&mut all).push(json!({"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}));
    assert_eq!(faults(&all, &calls).len(), 1);
    let rights: BTreeSet<Right> = Grants::of_operators(&template()).rights;
    let without = |action: &str| {
        let rest: String = calls
            .lines()
            .filter(|line| !(line.starts_with("admin ") && line.contains(action)))
            .map(|line| format!("{line}\n"))
            .collect();
        faults(&template(), &rest)
    };
    assert!(rights.len() > 20 && without("Query").len() > 4, "{:?}", without("Query"));
}
