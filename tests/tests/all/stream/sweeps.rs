//! The sweep: what makes no progress gets another try, and an end after eight; what may still be written is left alone.

use common::{
    bucket::ObjectHead,
    context::Context,
    reservation::{Reservation, Status, Timestamp},
};
use lambda_runtime::LambdaEvent;
use local::{calls, options::Options};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    api::{id, sgtin},
    invariants::stored,
    stream_events::deliver,
    system::{PATIENCE, Running},
};

async fn sweep(context: &Context, task: &str) -> Value {
    let mut invocation = lambda_runtime::Context::default();
    let deadline = (std::time::SystemTime::now() + PATIENCE).duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap();
    invocation.deadline = deadline.as_millis().try_into().unwrap();
    let recorded = calls::recorded(context, "sweep");
    let context = recorded.as_deref().unwrap_or(context);
    sweep::handle(context, LambdaEvent::new(json!({ "task": task }), invocation)).await.unwrap()
}

fn minutes_ago(minutes: i64) -> Timestamp {
    Timestamp::new(chrono::Utc::now() - chrono::TimeDelta::minutes(minutes))
}

/// A new reservation as it was stored so many minutes ago.
async fn old(running: &Running, minutes: i64, attempts: u32) -> Uuid {
    let posted = running.api.post(&sgtin(10)).await;
    let store = running.context().store();
    let item = store.reservation(id(&posted).parse().unwrap()).await.unwrap().unwrap();
    let (own, incarnation) = (Uuid::new_v4(), Uuid::new_v4());
    let progress_at = Some(minutes_ago(minutes));
    store.seed_reservation(&Reservation { id: own, incarnation, attempts, progress_at, ..item }).await.unwrap();
    running.api.delete(id(&posted)).await;
    own
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_progress_is_tried_again_and_ends_after_eight_tries() {
    let running = Running::start(Options { pause_stream: true, ..Options::in_memory() }).await;
    let context = running.context();
    let (young, stale, last) = (old(&running, 14, 0).await, old(&running, 16, 7).await, old(&running, 16, 8).await);
    let item = async |id| context.store().reservation(id).await.unwrap().unwrap();
    let before = item(young).await;

    assert_eq!(sweep(context, "wake").await, json!({ "woken": 1, "ended": 1 }));
    assert_eq!(item(young).await, before);
    let woken = item(stale).await;
    assert_eq!((woken.status, woken.attempts), (Status::New, 8));
    assert!(woken.progress_at > Some(minutes_ago(1)), "the next try comes after as long again");
    let ended = item(last).await;
    assert_eq!(ended.status, Status::Error);
    assert_eq!(ended.error_message.as_deref(), Some("It failed 8 times. Set the status to \"new\" to try again."));
    assert_eq!(sweep(context, "wake").await, json!({ "woken": 0, "ended": 0 }));

    // Its write is a record; progress begins the count anew. Whoever asks again gets all tries again.
    deliver(context, &[&stale.to_string()]).await;
    let done = item(stale).await;
    assert_eq!((done.status, done.attempts), (Status::Complete, 0));
    running.api.patch(&last.to_string(), &json!({ "status": "new" })).await;
    assert_eq!((item(last).await.status, item(last).await.attempts), (Status::New, 0));
    running.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_still_be_written_is_not_tidied() {
    let running = Running::start(Options { pause_stream: true, ..Options::in_memory() }).await;
    let context = running.context();
    let posted = running.api.post(&sgtin(10)).await;
    deliver(context, &[id(&posted)]).await;
    // An object that no item refers to, but a minute old.
    let key = format!("exports/{}/{}/1.csv", Uuid::new_v4(), Uuid::new_v4());
    let head = ObjectHead { key: &key, content_type: "text/csv", reservation: String::new(), rows: 1 };
    context.bucket().put(&head, b"a\n".to_vec()).await.unwrap();
    let before = stored(context).await.exports;
    assert_eq!(sweep(context, "tidy").await, json!({ "looked": 2 }));
    let after = stored(context).await.exports;
    assert_eq!((after.objects, after.files), (before.objects, before.files));
    running.system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_partitions_that_no_list_reads_are_found_once_shards_was_lowered() {
    let running = Running::start(Options { pause_stream: true, ..Options::in_memory() }).await;
    let with_shards = |shards| {
        let config = common::config::Config { shards, ..running.context().config().clone() };
        Context::new(config, &local::system::sdk_config(running.system.s3()))
    };
    let sweep = async |context: &Context| sweep(context, "shards").await["stray_shards"].clone();
    let (many, few) = (with_shards(256), with_shards(3));
    // The shard of an id are its last four bytes, modulo the number of shards.
    let posted = running.api.post(&sgtin(10)).await;
    let item = many.store().reservation(id(&posted).parse().unwrap()).await.unwrap().unwrap();
    for shard in [0, 2, 3, 255] {
        let (own, incarnation) = (Uuid::from_u128(0x4000_8000_0000_0000_0000 << 48 | shard), Uuid::new_v4());
        many.store().seed_reservation(&Reservation { id: own, incarnation, ..item.clone() }).await.unwrap();
    }
    assert_eq!(sweep(&many).await, json!([]), "every partition that there may be is read");
    assert_eq!(sweep(&few).await, json!([3, 255]));
    let figures = few.metrics().take().to_string();
    assert_eq!(figures, "StrayShards=2", "what the alarm rings at");
    assert_eq!(sweep(&with_shards(4)).await, json!([255]), "what is covered again is no longer told");
    running.system.stop().await;
}
