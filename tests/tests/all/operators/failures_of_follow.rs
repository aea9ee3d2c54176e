//! `admin failures` for what `follow` gave up: the tallies get what the message is about before it is removed.

use ::admin::failure::Exit;
use serde_json::{Value, json};

use super::{body, failures::message, operated};
use crate::{
    admin::{ran as command, valid},
    support::{api::id, sweep::sweep, tallies::assert_tallied},
};

/// A message of a function.
fn of(function: &str, at: &str, first: i64) -> Value {
    let mut message = message(at, first);
    message["requestContext"]["functionArn"] = json!(format!("arn:aws:lambda:eu-west-1:1:function:{function}"));
    message
}

#[tokio::test(flavor = "multi_thread")]
async fn reservations_that_follow_gave_up_are_counted_and_not_woken() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let file = folder.path().join("failures.jsonl");
    let setup = operated().paused().without_tallies().data_dir(folder.path());
    let running = setup.clone().start().await;
    sweep(running.context(), &json!({"task": "tallies"})).await;
    let object = running.api.post(&body("sscc", 5, "csv")).await;
    // One that lists by status have is deleted.
    let failed = running.api.post(&body("sscc", 5, "csv")).await;
    running.api.patch(id(&failed), &json!({"status": "error"})).await;
    let both = [id(&object).parse().unwrap(), id(&failed).parse().unwrap()];
    assert_eq!(running.store().count_rows(&both, running.context().now()).await.unwrap().moved, 2);
    running.api.delete(id(&failed)).await;
    let table = &running.context().config().tables.reservations;
    let newest = running.system.dynamodb().newest_position(table).await.unwrap();
    running.stop().await;
    let (now, day) = (chrono::Utc::now(), chrono::TimeDelta::days(2));
    let lines = [
        of("prod-Follow-1A2B3C", &now.to_rfc3339(), newest),
        of("follow", &(now - day).to_rfc3339(), 1),
        of("prod-ReserveCodes-1A2B3C", &(now - day).to_rfc3339(), 1),
    ];
    std::fs::write(&file, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    let ran = command(place, &["failures", "replay", "--yes", "--json"]).await;
    assert_eq!(ran.exit, Exit::Done, "{ran:?}");
    let replayed = valid("failures_replay", &ran.out);
    let shown = |at: usize| {
        let one = &replayed[at];
        json!([one["function"], one["by"], one["woken"], one["counted"], one["removed"]])
    };
    assert_eq!(shown(0), json!(["prod-Follow-1A2B3C", "stream", 0, 1, true]));
    assert_eq!(shown(1), json!(["follow", "again", 0, 0, true]));
    // That of reserve-codes wakes, and counts nothing.
    assert_eq!(shown(2), json!(["prod-ReserveCodes-1A2B3C", "stuck", 0, 0, true]));

    let running = setup.start().await;
    assert_tallied(running.context()).await;
    let row = running.store().reservation(id(&object).parse().unwrap()).await.unwrap().unwrap();
    assert!(!row.woken);
    // The next run of the schedule counts everything once more, although the tallies were complete.
    let state = running.store().tally_state().await.unwrap();
    assert!(state.is_complete() && state.next.is_some());
    let answer = sweep(running.context(), &json!({"task": "tallies"})).await;
    assert_eq!((&answer["complete"], &answer["looked"]), (&json!(true), &json!(2)), "{answer}");
    running.stop().await;
}
