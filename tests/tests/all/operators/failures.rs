//! `admin failures`: the file that stands for the queue on a laptop.

use admin::failure::Exit;
use serde_json::{Value, json};

use super::{body, operated};
use crate::{
    admin::{ran as command, valid},
    support::{api::id, harness::Running},
};

pub(super) fn message(at: &str, first: i64) -> Value {
    let number = |position: i64| (100_000_000_000_000_000_000_i128 + i128::from(position)).to_string();
    json!({
        "requestContext": {
            "requestId": "7f1c", "functionArn": "arn:aws:lambda:eu-west-1:1:function:reserve-codes",
            "condition": "RetryAttemptsExhausted", "approximateInvokeCount": 6,
        },
        "responseContext": { "statusCode": 200, "executedVersion": "$LATEST" },
        "version": "1.0",
        "timestamp": at,
        "DDBStreamBatchInfo": {
            "shardId": "shardId-00000000000000000000-00000000",
            "startSequenceNumber": number(first), "endSequenceNumber": number(first),
            "approximateArrivalOfFirstRecord": at, "approximateArrivalOfLastRecord": at,
            "batchSize": 1, "streamArn": "arn:aws:dynamodb:eu-west-1:1:table/reservations/stream/x",
        },
    })
}

async fn is_woken(running: &Running, object: &Value) -> bool {
    running.store().reservation(id(object).parse().unwrap()).await.unwrap().unwrap().woken
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_listed_and_their_reservations_woken() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let file = folder.path().join("failures.jsonl");
    let running = operated().paused().data_dir(folder.path()).start().await;
    let first = running.api.post(&body("sscc", 5, "csv")).await;
    let second = running.api.post(&body("sscc", 5, "csv")).await;
    let table = &running.context().config().tables.reservations;
    let newest = running.system.dynamodb().newest_position(table).await.unwrap();
    let now = chrono::Utc::now();
    let (fresh, old) = (now.to_rfc3339(), (now - chrono::TimeDelta::days(2)).to_rfc3339());
    let url = format!("http://{}", running.system.address().unwrap());
    assert_eq!(command(&url, &["failures", "list"]).await.out, "There are no failures.\n");
    // The record of the second reservation is in the stream; that of the old message is long gone.
    std::fs::write(&file, format!("{}\n{}\n", message(&fresh, newest), message(&old, 1))).unwrap();
    let list = command(&url, &["failures", "list", "--json"]).await;
    let shown = valid("failures", &list.out);
    assert_eq!((&shown[0]["in_stream"], &shown[1]["in_stream"]), (&json!(true), &json!(false)));
    assert_eq!(shown[0]["condition"], "RetryAttemptsExhausted");
    // While `local` runs, its file is not changed.
    let ran = command(&url, &["failures", "replay", "--yes", "--json"]).await;
    assert_eq!(ran.exit, Exit::Done, "{ran:?}");
    assert!(valid("failures_replay", &ran.out).as_array().unwrap().iter().all(|one| one["removed"] == false));
    let woken = (is_woken(&running, &first).await, is_woken(&running, &second).await);
    running.stop().await;
    assert_eq!(woken, (true, true));

    assert_eq!(command(place, &["failures", "replay"]).await.exit, Exit::WrongUse, "nobody can be asked");
    let ran = command(place, &["failures", "replay", "--yes", "--json"]).await;
    let replayed = valid("failures_replay", &ran.out);
    assert_eq!((&replayed[0]["by"], &replayed[0]["reservations"]), (&json!("stream"), &json!(1)), "{replayed}");
    assert_eq!(replayed[1]["by"], "stuck");
    assert!(replayed.as_array().unwrap().iter().all(|one| one["removed"] == true));
    assert_eq!(command(place, &["failures", "list"]).await.out, "There are no failures.\n");
    // A line that is none of Lambda stays, and is reported.
    std::fs::write(&file, "hello\n").unwrap();
    let ran = command(place, &["failures", "replay", "--yes", "--json"]).await;
    assert_eq!(ran.exit, Exit::Refused);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "hello\n");
    let running = operated().paused().data_dir(folder.path()).start().await;
    let in_use = command(place, &["failures", "list"]).await;
    assert_eq!((in_use.exit, in_use.err.contains("in use")), (Exit::WrongUse, true), "{in_use:?}");
    running.stop().await;
}
