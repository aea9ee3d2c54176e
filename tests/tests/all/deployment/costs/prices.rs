//! Prices of AWS, for the tables of costs. They were entered by hand; check them against the current price list.

use super::meter::Usage;

/// The date of the prices.
pub(super) const DATE: &str = "January 2025";
/// The region of the prices.
pub(super) const REGION: &str = "us-east-1";

/// Name, US dollars, unit.
pub(super) const PRICES: [(&str, f64, &str); 9] = [
    ("DynamoDB on demand, write request units", DYNAMODB_WRITES, "a million"),
    ("DynamoDB on demand, read request units", DYNAMODB_READS, "a million"),
    ("S3 Standard, PUT, POST and LIST", S3_PUTS, "a thousand"),
    ("S3 Standard, GET and HEAD", S3_GETS, "a thousand"),
    ("S3 Standard, storage", S3_MONTH, "a GB and month"),
    ("Lambda on arm64, requests", LAMBDA_REQUESTS, "a million"),
    ("Lambda on arm64, time", LAMBDA_TIME, "a GB and second"),
    ("API Gateway, HTTP API", API_REQUESTS, "a million"),
    ("CloudWatch Logs, ingestion", LOGS, "a GB"),
];

const DYNAMODB_WRITES: f64 = 0.625;
const DYNAMODB_READS: f64 = 0.125;
const S3_PUTS: f64 = 0.005;
const S3_GETS: f64 = 0.000_4;
const S3_MONTH: f64 = 0.023;
const LAMBDA_REQUESTS: f64 = 0.20;
const LAMBDA_TIME: f64 = 0.000_013_333_4;
const API_REQUESTS: f64 = 1.00;
const LOGS: f64 = 0.50;

/// Billed time of an API request. This and the next three are assumptions, because they cannot be measured here.
pub(super) const REQUEST_MILLISECONDS: f64 = 25.0;
/// Billed time of an invocation of reserve-codes without the time for making codes.
pub(super) const INVOCATION_MILLISECONDS: f64 = 100.0;
/// Codes per second that reserve-codes makes, formats and uploads.
pub(super) const CODES_PER_SECOND: f64 = 1_000_000.0;
/// Bytes of both logs per request or invocation.
pub(super) const LOG_BYTES: f64 = 1_500.0;

/// DynamoDB and S3, in dollars.
pub(super) fn stores(used: Usage) -> f64 {
    let dynamodb = (used.writes * DYNAMODB_WRITES + used.reads * DYNAMODB_READS) / 1e6;
    dynamodb + (used.puts * S3_PUTS + used.gets * S3_GETS) / 1e3
}

/// Lambda and its log, for a number of invocations with this memory (MB) and total time (seconds).
pub(super) fn lambda(invocations: f64, memory: f64, seconds: f64) -> f64 {
    let time = memory / 1_024.0 * seconds * LAMBDA_TIME;
    invocations * (LAMBDA_REQUESTS / 1e6 + LOG_BYTES / 1e9 * LOGS) + time
}

/// API Gateway.
pub(super) fn api(requests: f64) -> f64 {
    requests * API_REQUESTS / 1e6
}

/// A month of storage.
pub(super) fn month(bytes: f64) -> f64 {
    bytes / 1e9 * S3_MONTH
}
