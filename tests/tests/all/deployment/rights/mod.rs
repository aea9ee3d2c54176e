//! Least privilege: template.yaml grants each function exactly what it calls.
//!
//! `tests/rights/calls.txt` holds the calls of a run of all tests (`local::calls` describes the format).
//! `tests/rights/run` records the calls of a new run and compares them with the file. The tests here compare the file
//! with the template, and check with planted errors that the comparison finds them.

mod grants;
mod needs;
mod operators;
mod planted;
mod reach;

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

use self::{grants::Grants, needs::Needs};
use crate::support::repository::{binary, functions, root, template};

/// A right: function (binary), action and resource.
pub(crate) type Right = (String, String, String);

/// The name under which the calls of the operators' command are recorded.
const ADMIN: &str = "admin";

/// The functions that read the stream, which have a role of their own.
const READERS: [&str; 2] = ["reserve-codes", "follow"];

/// Rights of these that no recorded call shows: resource, actions, and the reason.
const WITHOUT_A_CALL: [(&str, &[&str], &str); 5] = [
    (
        "ReservationsTable stream",
        &["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
        "Lambda reads the stream for the function, with its role (Lambda Developer Guide, Using Lambda with DynamoDB)",
    ),
    ("ReservationsTable/stream/*", &["dynamodb:ListStreams"], "the same"),
    ("FailureQueue", &["sqs:SendMessage"], "Lambda sends what it gives up, with the function's role"),
    (
        "FunctionsLogGroup",
        &["logs:CreateLogStream", "logs:PutLogEvents"],
        "Lambda writes what the function logs; the other functions have AWSLambdaBasicExecutionRole from SAM",
    ),
    (
        "*",
        &["xray:PutTelemetryRecords", "xray:PutTraceSegments"],
        "only with Tracing=Active, which gives the other functions a managed policy from SAM; X-Ray knows no resources",
    ),
];

/// The file with the recorded calls.
fn record() -> std::path::PathBuf {
    root().join("tests/rights/calls.txt")
}

/// Compares the rights of a template with the recorded calls. Returns one line for each difference.
fn faults(template: &Value, calls: &str) -> Vec<String> {
    let grants = Grants::of(template);
    let needs = Needs::of(template, &calls_of(calls, |who| who != ADMIN));
    let mut faults: Vec<String> = grants.faults.into_iter().chain(needs.faults).collect();
    let mut needed = needs.rights;
    let binaries: BTreeSet<_> = functions(template).into_values().map(binary).collect();
    for function in READERS.into_iter().filter(|function| binaries.contains(function)) {
        for (resource, actions, _) in WITHOUT_A_CALL {
            needed.extend(actions.iter().map(|action| right(function, action, resource)));
        }
    }
    let text = |(function, action, resource): &Right| format!("{function}: {action} on {resource}");
    faults.extend(needed.difference(&grants.rights).map(|right| format!("missing: {}", text(right))));
    faults.extend(grants.rights.difference(&needed).map(|right| format!("spare: {}", text(right))));
    faults
}

/// The lines of a record whose first word passes a test.
fn calls_of(calls: &str, test: impl Fn(&str) -> bool) -> String {
    let lines = calls.lines().filter(|line| test(line.split(' ').next().unwrap_or_default()));
    lines.map(|line| format!("{line}\n")).collect()
}

fn right(function: &str, action: &str, resource: &str) -> Right {
    (function.to_owned(), action.to_owned(), resource.to_owned())
}

fn recorded_calls() -> String {
    fs::read_to_string(record()).unwrap()
}

#[test]
fn every_function_may_do_what_it_calls_and_nothing_else() {
    assert_eq!(faults(&template(), &recorded_calls()), Vec::<String>::new());
}

/// Run by `tests/rights/run` after the whole suite. `RECORDED_CALLS` is the directory of the record. With
/// `UPDATE_CALLS` the file is replaced by the record.
#[test]
#[ignore = "needs the record of a whole run of the tests: tests/rights/run"]
fn the_recorded_run_called_what_the_file_says() {
    let directory = std::env::var("RECORDED_CALLS").unwrap();
    // A test names a table that does not exist, so that DynamoDB fails; another one reads a table of no stack.
    let is_elsewhere = |line: &String| line.ends_with(" no-such-table") || line.contains(" old-pools");
    let lines: BTreeSet<String> =
        merged(Path::new(&directory)).into_iter().filter(|line| !is_elsewhere(line)).collect();
    if std::env::var_os("UPDATE_CALLS").is_some() {
        fs::write(record(), lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    }
    let known: BTreeSet<_> = recorded_calls().lines().map(str::to_owned).collect();
    assert_eq!(lines.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new(), "calls that the file lacks");
    assert_eq!(known.difference(&lines).collect::<Vec<_>>(), Vec::<&String>::new(), "calls that no test made");
}

/// The calls that all processes of a run recorded.
fn merged(directory: &Path) -> BTreeSet<String> {
    let files = crate::support::repository::entries(directory);
    files
        .iter()
        .flat_map(|file| fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}
