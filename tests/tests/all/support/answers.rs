//! The answers of DynamoDB and S3 when something is wrong, in their own form.

use aws_smithy_runtime_api::{
    client::{orchestrator::HttpResponse, result::ConnectorError},
    http::StatusCode,
};
use serde_json::{Value, json};

use super::faults::Request;

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// There are too many requests: `ThrottlingException` of DynamoDB, `SlowDown` of S3.
    Throttling,
    /// There are too many requests for a partition: `ProvisionedThroughputExceeded` of DynamoDB, also as the reason of a
    /// cancelled transaction, and as keys that a batch did not process; `SlowDown` of S3.
    Throughput,
    /// Another transaction uses an item: `TransactionConflict`. A read is throttled, and S3 asks to slow down.
    Conflict,
    /// 500. `CompleteMultipartUpload` has it in the body of a 200.
    Internal,
}

impl Trouble {
    pub(crate) const ALL: [Self; 4] = [Self::Throttling, Self::Throughput, Self::Conflict, Self::Internal];

    /// The answer of the store to a request.
    pub(crate) fn answer(self, request: &Request) -> HttpResponse {
        match serde_json::from_str::<Value>(&request.body) {
            Ok(body) => self.of_dynamodb(&request.operation, &body),
            Err(_) => self.of_s3(&request.operation),
        }
    }

    fn of_dynamodb(self, operation: &str, body: &Value) -> HttpResponse {
        let error = |status, name: &str, members: Value| {
            let mut answer = json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{name}") });
            answer.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            json_answer(status, &answer)
        };
        let plain = json!({ "message": "The fault injector says so." });
        // Of the first action; the others have none.
        let cancelled = |code: &str| {
            let actions = body["TransactItems"].as_array().map_or(0, Vec::len);
            let mut reasons = vec![json!({ "Code": "None" }); actions];
            if let Some(first) = reasons.first_mut() {
                *first = json!({ "Code": code, "Message": "The fault injector says so." });
            }
            let members = json!({ "CancellationReasons": reasons, "Message": "Transaction cancelled" });
            error(400, "TransactionCanceledException", members)
        };
        let writes_one = ["UpdateItem", "PutItem", "DeleteItem"].contains(&operation);
        match (self, operation) {
            (Self::Internal, _) => error(500, "InternalServerError", plain),
            (Self::Throughput, "TransactWriteItems") => cancelled("ProvisionedThroughputExceeded"),
            (Self::Conflict, "TransactWriteItems") => cancelled("TransactionConflict"),
            (Self::Conflict, _) if writes_one => error(400, "TransactionConflictException", plain),
            (Self::Throughput, "BatchGetItem") => {
                json_answer(200, &json!({ "Responses": {}, "UnprocessedKeys": body["RequestItems"] }))
            }
            (Self::Throughput, _) => error(400, "ProvisionedThroughputExceededException", plain),
            (Self::Throttling | Self::Conflict, _) => error(400, "ThrottlingException", plain),
        }
    }

    fn of_s3(self, operation: &str) -> HttpResponse {
        let (status, code) = match self {
            Self::Internal if operation == "CompleteMultipartUpload" => (200, "InternalError"),
            Self::Internal => (500, "InternalError"),
            Self::Throttling | Self::Throughput | Self::Conflict => (503, "SlowDown"),
        };
        xml_answer(status, operation, code)
    }
}

fn json_answer(status: u16, body: &Value) -> HttpResponse {
    let mut answer = HttpResponse::new(StatusCode::try_from(status).unwrap(), body.to_string().into());
    answer.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    answer
}

/// An error of S3. An answer to HEAD has no body.
fn xml_answer(status: u16, operation: &str, code: &str) -> HttpResponse {
    let body = match operation {
        "HeadObject" => String::new(),
        _ => format!("<Error><Code>{code}</Code><Message>The fault injector says so.</Message></Error>"),
    };
    HttpResponse::new(StatusCode::try_from(status).unwrap(), body.into())
}

/// S3's answer to a part of an upload that does not exist.
pub(crate) fn missing(operation: &str) -> HttpResponse {
    xml_answer(404, operation, "NoSuchUpload")
}

pub(crate) fn forbidden() -> HttpResponse {
    HttpResponse::new(StatusCode::try_from(403).unwrap(), "".into())
}

/// The error of a connection, which the SDK retries.
pub(crate) fn connection_error() -> ConnectorError {
    ConnectorError::io("the network is down".into())
}
