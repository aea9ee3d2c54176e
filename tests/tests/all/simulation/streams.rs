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
    /// The stream and its shard: the members that place an iterator.
    shard: Option<Value>,
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

    async fn shard(&self) -> Value {
        let table = self.call("DynamoDB_20120810.DescribeTable", &json!({ "TableName": self.table })).await;
        let arn = &table["Table"]["LatestStreamArn"];
        let stream = self.call("DynamoDBStreams_20120810.DescribeStream", &json!({ "StreamArn": arn })).await;
        json!({ "StreamArn": arn, "ShardId": stream["StreamDescription"]["Shards"][0]["ShardId"] })
    }

    /// An iterator behind the known records. It is asked for each time: moto puts a copy in the place of a table when it
    /// cancels a transaction, and an iterator of before stays with the table that is gone.
    async fn iterator(&self) -> String {
        let (shard, last) = {
            let known = self.known.lock().unwrap();
            let last = known.records.last().map(|record| record.event["dynamodb"]["SequenceNumber"].clone());
            (known.shard.clone(), last)
        };
        let shard = match shard {
            Some(shard) => shard,
            None => self.shard().await,
        };
        self.known.lock().unwrap().shard = Some(shard.clone());
        let mut place = shard;
        match last {
            Some(last) => {
                place["ShardIteratorType"] = json!("AFTER_SEQUENCE_NUMBER");
                place["SequenceNumber"] = last;
            }
            None => place["ShardIteratorType"] = json!("TRIM_HORIZON"),
        }
        let answer = self.call("DynamoDBStreams_20120810.GetShardIterator", &place).await;
        answer["ShardIterator"].as_str().unwrap_or_else(|| panic!("{place} {answer}")).to_owned()
    }

    /// The records after a position.
    pub(super) async fn records_after(&self, position: i64) -> Vec<StreamRecord> {
        let mut iterator = self.iterator().await;
        loop {
            let place = json!({ "ShardIterator": iterator });
            let answer = self.call("DynamoDBStreams_20120810.GetRecords", &place).await;
            let mut known = self.known.lock().unwrap();
            if let Some(next) = answer["NextShardIterator"].as_str() {
                next.clone_into(&mut iterator);
            }
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
