//! The rights that the recorded calls need.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{ADMIN, Right, right};
use crate::support::repository::{binary, functions, resources};

/// The rights that the recorded calls need.
#[derive(Default)]
pub(super) struct Needs {
    pub(super) rights: BTreeSet<Right>,
    /// Lines that cannot be parsed.
    pub(super) faults: Vec<String>,
}

/// The resource of a right.
#[derive(Clone, Copy)]
enum On {
    /// The resource that the call names.
    Named,
    /// The bucket of the key that the call names.
    Bucket,
}

/// The function that calls S3 only to sign links. A link to a missing object may be answered 403 instead of 404, so it
/// needs no s3:ListBucket.
const ONLY_SIGNS: &str = "files";

/// The actions that an operation needs (Service Authorization Reference, "Actions defined by Amazon DynamoDB", "…
/// Amazon S3", "… AWS Secrets Manager"; for S3 also the API Reference of each operation, "Permissions"). `None` for an
/// unknown operation; the call is then reported as a fault.
fn actions(service: &str, operation: &str) -> Option<Vec<(&'static str, On)>> {
    use On::{Bucket, Named};
    Some(match (service, operation) {
        ("DynamoDB", "GetItem") => vec![("dynamodb:GetItem", Named)],
        ("DynamoDB", "BatchGetItem") => vec![("dynamodb:BatchGetItem", Named)],
        ("DynamoDB", "Query") => vec![("dynamodb:Query", Named)],
        ("DynamoDB", "Scan") => vec![("dynamodb:Scan", Named)],
        // A transaction needs the rights of its actions.
        ("DynamoDB", "PutItem" | "TransactWriteItems:Put") => vec![("dynamodb:PutItem", Named)],
        ("DynamoDB", "UpdateItem" | "TransactWriteItems:Update") => vec![("dynamodb:UpdateItem", Named)],
        ("DynamoDB", "DeleteItem" | "TransactWriteItems:Delete") => vec![("dynamodb:DeleteItem", Named)],
        ("DynamoDB", "TransactWriteItems:ConditionCheck") => vec![("dynamodb:ConditionCheckItem", Named)],
        ("DynamoDB", "TransactGetItems:Get") => vec![("dynamodb:GetItem", Named)],
        // A signed link needs it too.
        ("S3", "GetObject") => vec![("s3:GetObject", Named)],
        // Without s3:ListBucket the answer for a missing object is 403 instead of 404.
        ("S3", "HeadObject") => vec![("s3:GetObject", Named), ("s3:ListBucket", Bucket)],
        ("S3", "PutObject" | "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload") => {
            vec![("s3:PutObject", Named)]
        }
        ("S3", "AbortMultipartUpload") => vec![("s3:AbortMultipartUpload", Named)],
        ("S3", "ListParts") => vec![("s3:ListMultipartUploadParts", Named)],
        ("S3", "ListMultipartUploads") => vec![("s3:ListBucketMultipartUploads", Named)],
        ("S3", "ListObjectVersions") => vec![("s3:ListBucketVersions", Named)],
        ("S3", "ListObjectsV2" | "HeadBucket") => vec![("s3:ListBucket", Named)],
        ("S3", "DeleteObject" | "DeleteObjects") => vec![("s3:DeleteObject", Named)],
        ("SecretsManager", "GetSecretValue") => vec![("secretsmanager:GetSecretValue", Named)],
        _ => return None,
    })
}

impl Needs {
    /// Reads a record (see `local::calls`).
    pub(super) fn of(template: &Value, calls: &str) -> Self {
        let mut needs = Self::default();
        let mut binaries: BTreeSet<_> = functions(template).into_values().map(binary).collect();
        binaries.insert(ADMIN);
        for line in calls.lines() {
            match needed(template, &binaries, line) {
                Some(rights) => needs.rights.extend(rights),
                None => needs.faults.push(format!("a call that no rule knows: {line}")),
            }
        }
        needs
    }
}

fn needed(template: &Value, binaries: &BTreeSet<&str>, line: &str) -> Option<Vec<Right>> {
    let words: Vec<_> = line.split(' ').collect();
    let [function, service, operation, name] = words[..] else { return None };
    binaries.get(function)?;
    let (owner, rest) = name.split_once('/').map_or((name, None), |(owner, rest)| (owner, Some(rest)));
    let kind = match service {
        "DynamoDB" => "AWS::DynamoDB::Table",
        "S3" => "AWS::S3::Bucket",
        "SecretsManager" => "AWS::SecretsManager::Secret",
        _ => return None,
    };
    // `local` names a resource after its stack and its logical id; buckets have lower-case names.
    let owner = resources(template, kind).into_keys().find(|id| {
        let owner = owner.rsplit('-').next().unwrap_or(owner);
        if kind == "AWS::S3::Bucket" { id.to_lowercase() == owner } else { *id == owner }
    })?;
    let named = rest.map_or(owner.to_owned(), |rest| format!("{owner}/{rest}"));
    let mut rights = actions(service, operation)?;
    if function == ONLY_SIGNS && operation == "HeadObject" {
        rights.retain(|(_, on)| matches!(on, On::Named));
    }
    let rights = rights.into_iter().map(|(action, on)| match on {
        On::Named => right(function, action, &named),
        On::Bucket => right(function, action, owner),
    });
    Some(rights.collect())
}
