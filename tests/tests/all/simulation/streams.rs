//! The stream of a table in stores outside this process, by the API of DynamoDB Streams.

use std::sync::Mutex;

use local::dynamodb::StreamRecord;
use reqwest::Client;
use serde_json::{Value, json};

/// A reader of a stream from its first record.
#[derive(Debug)]
pub(super) struct Streams {
    http: Client,
    endpoint: String,
    region: String,
    table: String,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// The place behind the records.
    iterator: Option<String>,
    /// Their positions are 1, 2, 3, …
    records: Vec<StreamRecord>,
}

impl Streams {
    pub(super) fn new(endpoint: &str, region: &str, table: &str) -> Self {
        let (endpoint, region, table) = (endpoint.to_owned(), region.to_owned(), table.to_owned());
        Self { http: Client::new(), endpoint, region, table, known: Mutex::default() }
    }

    async fn call(&self, target: &str, body: &Value) -> Value {
        let service = if target.starts_with("DynamoDBStreams") { "streams.dynamodb" } else { "dynamodb" };
        // The emulators tell services apart by the scope of the key, and check no signature.
        let scope = format!("x/20260101/{}/{service}/aws4_request", self.region);
        let signature = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
        let request = self.http.post(&self.endpoint).header("x-amz-target", target).header("authorization", signature);
        let request = request.header("content-type", "application/x-amz-json-1.0").body(body.to_string());
        let text = request.send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{target}: {error}: {text}"))
    }

    async fn first_iterator(&self) -> String {
        let table = self.call("DynamoDB_20120810.DescribeTable", &json!({ "TableName": self.table })).await;
        let arn = &table["Table"]["LatestStreamArn"];
        let stream = self.call("DynamoDBStreams_20120810.DescribeStream", &json!({ "StreamArn": arn })).await;
        let shard = &stream["StreamDescription"]["Shards"][0]["ShardId"];
        let place = json!({ "StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON" });
        let answer = self.call("DynamoDBStreams_20120810.GetShardIterator", &place).await;
        answer["ShardIterator"].as_str().unwrap_or_else(|| panic!("{table} {stream} {answer}")).to_owned()
    }

    /// The records after a position.
    pub(super) async fn records_after(&self, position: i64) -> Vec<StreamRecord> {
        let iterator = self.known.lock().unwrap().iterator.clone();
        let mut iterator = match iterator {
            Some(iterator) => iterator,
            None => self.first_iterator().await,
        };
        loop {
            let place = json!({ "ShardIterator": iterator });
            let answer = self.call("DynamoDBStreams_20120810.GetRecords", &place).await;
            let mut known = self.known.lock().unwrap();
            if let Some(next) = answer["NextShardIterator"].as_str() {
                next.clone_into(&mut iterator);
            }
            known.iterator = Some(iterator.clone());
            let records = answer["Records"].as_array().unwrap_or_else(|| panic!("{answer}"));
            for record in records {
                let position = i64::try_from(known.records.len()).unwrap() + 1;
                let mut event = record.clone();
                event["eventSourceARN"] = json!("arn:aws:dynamodb:stream");
                known.records.push(StreamRecord { position, event });
            }
            if records.is_empty() {
                return known.records.iter().filter(|record| record.position > position).cloned().collect();
            }
        }
    }
}
