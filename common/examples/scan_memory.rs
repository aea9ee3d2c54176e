//! What a list query that reads everything holds in memory, whatever the number of rows.
//!
//! Runs the functions' own list operation against a simulated DynamoDB, so that nothing else is in memory, and prints
//! the peak memory of the process (`VmHWM`, Linux). Each measurement is a process of its own, because a peak never
//! falls:
//!
//! ```sh
//! cargo build --release -p common --example scan_memory
//! for rows in 1000 20000 50000 100000; do target/release/examples/scan_memory $rows 'sort=quantity&limit=100'; done
//! ```

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use common::{
    code::Secret,
    config::{Config, SecretSource},
    context::Context,
    directory::User,
    operations::{Caller, Session, read},
    query::parse_query_string,
    reservation::Reservation,
};
use serde_json::{Value, json};
use uuid::Uuid;

/// The secret of this example.
const SECRET: &str = "a secret of sixty-four characters that keys no pool but this one";

/// A page of the index: 1 MB of entries.
const PAGE: usize = 3_000;

/// A table with a given number of rows, which differ only in their ids.
#[derive(Debug)]
struct Table {
    rows: usize,
    item: Value,
    given: Mutex<usize>,
}

impl Table {
    fn answer(&self, request: &HttpRequest) -> Value {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let body: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default();
        match target.split('.').nth(1) {
            Some("Query") => {
                let limit = body["Limit"].as_u64().map_or(PAGE, |limit| usize::try_from(limit).unwrap_or(PAGE));
                let Ok(mut given) = self.given.lock() else { return json!({}) };
                let count = limit.min(PAGE).min(self.rows - *given);
                let items: Vec<Value> = (0..count).map(|n| json!({ "id": { "S": id(*given + n) } })).collect();
                *given += count;
                let mut answer = json!({ "Items": items, "Count": count, "ScannedCount": count });
                if *given < self.rows {
                    answer["LastEvaluatedKey"] = json!({ "id": { "S": id(*given) } });
                }
                answer
            }
            Some("BatchGetItem") => {
                let tables = body["RequestItems"].as_object().cloned().unwrap_or_default();
                let answers = tables.into_iter().map(|(table, request)| {
                    let keys = request["Keys"].as_array().cloned().unwrap_or_default();
                    let items: Vec<Value> = keys.into_iter().filter_map(|key| self.with_key(&key, &request)).collect();
                    (table, Value::Array(items))
                });
                json!({ "Responses": answers.collect::<serde_json::Map<_, _>>() })
            }
            _ => json!({}),
        }
    }

    /// The item under a key of the table of reservations; other tables are empty.
    fn with_key(&self, key: &Value, request: &Value) -> Option<Value> {
        let key = key.as_object().filter(|key| key.len() == 1)?;
        let mut item = match request["ProjectionExpression"].as_str() {
            None => self.item.clone(),
            Some(projection) => {
                let names = projection
                    .split(", ")
                    .map(|name| request["ExpressionAttributeNames"][name].as_str().unwrap_or(name));
                names.filter_map(|name| Some((name.to_owned(), self.item.get(name)?.clone()))).collect()
            }
        };
        item["id"] = key.get("id")?.clone();
        Some(item)
    }
}

fn id(number: usize) -> String {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + number as u128).to_string()
}

#[derive(Clone, Debug)]
struct Connector(Arc<Table>);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = SdkBody::from(self.0.answer(&request).to_string());
        let status = StatusCode::try_from(200_u16);
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status.unwrap_or_else(|_| unreachable!()), body)))
    }
}

/// A complete reservation as this service stores it, with every optional member set and a short reference.
fn reservation() -> Result<Reservation, Box<dyn std::error::Error>> {
    let namespace = "sgtin#19361758000003#8";
    let check = Secret::new(SECRET.as_bytes())?.pool_key(&namespace.parse()?).check_value();
    let user = "0b0e0000-0000-4000-8000-000000000007";
    let item = json!({
        "id": id(0), "user_created": user, "user_updated": user,
        "date_created": "2026-01-02T03:04:05.678Z", "date_updated": "2026-01-02T03:04:06.789Z",
        "reserved_for": "/417/9312345000012", "code_type": "sgtin", "quantity": 1000, "status": "complete",
        "export_type": "csv", "export_file": id(1), "url_suffix": "?batch=BATCH-2026-001&line=7",
        "product": "/01/19361758000003", "quantity_reserved": 1000, "reference_id": "BATCH-2026-001",
        "purchase_order": "PO-2026-000123", "length": 8, "character_set": "alphanumeric",
        "incarnation": id(2), "generation": 1, "version": 4, "attempts": 0, "progress_at": "2026-01-02T03:04:06.789Z",
        "range": { "namespace": namespace, "pool_number": 123_456_789_012_345_678_u64,
                   "character_set": "alphanumeric", "check": check, "start": 123_456_000, "count": 1000 },
        "render": { "version": 1, "export_type": "csv", "digital_link_domain": "https://id.gs1.org",
                    "url_suffix": "?batch=BATCH-2026-001&line=7", "company_prefix": "9312345" },
    });
    Ok(serde_json::from_value(item)?)
}

fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1_024)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(rows), Some(query)) = (arguments.next(), arguments.next()) else {
        return Err("scan_memory ROWS QUERY".into());
    };
    let rows: usize = rows.parse()?;
    let item = serde_dynamo::to_item::<_, serde_dynamo::Item>(reservation()?)?;
    let table = Arc::new(Table { rows, item: serde_json::to_value(item)?, given: Mutex::new(0) });
    let config = Config::from_lookup(|name| match name {
        _ if name.ends_with("_TABLE") || ["EXPORTS_BUCKET", "SECRET_ARN"].contains(&name) => Some(name.to_lowercase()),
        _ => None,
    })?;
    let config = Config { max_scan: usize::MAX / 2, secret: SecretSource::Value(SECRET.to_owned()), ..config };
    let sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("a", "b", None, None, "example")))
        .http_client(http_client_fn(move |_, _| SharedHttpConnector::new(Connector(Arc::clone(&table)))))
        .build();
    let context = Context::new(config, &sdk);
    let caller = Caller::user(User::administrator(id(3)));
    let budget = common::query::Budget::default();
    let session = Session::new(&caller, context.now(), &budget);
    let before = peak_bytes().unwrap_or_default();
    let (query, list) = read::list(&context, session, &parse_query_string(&query)?).await?;
    let body = list.json(&query, session.budget)?;
    let peak = peak_bytes().unwrap_or_default();
    let per_row = peak.saturating_sub(before) / rows.max(1) as u64;
    writeln!(
        io::stdout(),
        "{rows} rows: peak {} MiB, {per_row} bytes a row above the {} MiB at the start; body {} bytes",
        peak >> 20,
        before >> 20,
        body.len()
    )?;
    Ok(())
}
