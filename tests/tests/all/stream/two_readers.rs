//! Two functions read the stream. On a laptop each has its own position, and `--pause-stream` holds only one of them.

use serde_json::json;

use crate::support::{
    api::{id, sgtin},
    harness::{Setup, completed},
    tallies::{assert_tallied, rows, tallied},
};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_counted_while_the_work_was_paused_is_done_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let setup = || Setup::new().data_dir(folder.path());
    let server = setup().paused().start().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(id(&server.api.post(&sgtin(5)).await).to_owned());
    }
    tallied(server.context()).await;
    assert_eq!(rows(server.context()).await.len(), 3);
    assert_eq!(server.api.get(&ids[0]).await["status"], "new");
    server.stop().await;

    let server = setup().start().await;
    for id in &ids {
        completed(&server.api, id).await;
    }
    tallied(server.context()).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_while_nothing_was_counted_is_counted_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let setup = || Setup::new().data_dir(folder.path());
    let server = setup().without_tallies().start().await;
    let posted = server.api.post(&sgtin(5)).await;
    completed(&server.api, id(&posted)).await;
    assert!(!server.store().tally_state().await.unwrap().is_complete());
    server.stop().await;
    let server = setup().paused().start().await;
    tallied(server.context()).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_seed_are_counted() {
    let row = |n: u32, status: &str| {
        json!({"id": format!("00000000-0000-4000-8000-00000000000{n}"), "status": status, "reserved_for": "A",
            "code_type": "sgtin", "quantity": 1})
    };
    let users = json!([{"id": "00000000-0000-4000-8000-0000000000aa", "status": "active", "role": "admin",
        "token": "local-token"}]);
    let seed =
        json!({"directus_users": users, "code_reservation": [row(1, "new"), row(2, "complete"), row(3, "error")]});
    let server = Setup::new().rows(&seed).start().await;
    tallied(server.context()).await;
    assert_eq!(rows(server.context()).await.len(), 3);
    // What is shown of them changes nothing.
    assert_tallied(server.context()).await;
    server.stop().await;
}
