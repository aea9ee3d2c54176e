//! `local --explain`: the answers to lists say what was read and why.

use common::directory::Role;
use serde_json::json;

use crate::support::{
    api::{RESERVATIONS, sgtin},
    harness::{Running, Setup},
    rows::user,
};

async fn plan_of(running: &Running, method: &str, path: &str, body: Option<serde_json::Value>) -> Option<String> {
    let body = body.map(|body| body.to_string().into_bytes());
    let token = Some(crate::support::harness::TOKEN);
    let reply = running.send(method, path, token, &[("content-type", "application/json")], body).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.headers.get("x-plan").map(|plan| plan.to_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_name_their_index_what_was_read_and_why() {
    let running = Setup::new().paused().explain().parameter("Shards", 2).start().await;
    for _ in 0..3 {
        running.api.post(&sgtin(5)).await;
    }
    let list = |query: &str| format!("{RESERVATIONS}?{query}");
    for (query, parts) in [
        ("limit=2", &["by_shard x 2, in the order of the query, every entry matches; read: ", "2 rows"][..]),
        ("sort=-date_created&limit=1", &["by_shard_created x 2, from the end", "1 rows"]),
        ("sort=quantity", &["by_shard x 2, all, no index has the order of the query", "3 entries, 3 rows"]),
        ("search=x", &["by_shard x 2", "conditions are evaluated on rows"]),
        ("filter[status]=new&sort=date_created", &["by_shard_status x 2", "new"]),
        ("filter[id]=0190a5a5-0000-7000-8000-000000000000", &["1 keys", "0 entries"]),
        ("filter[status]=none", &["nothing: no row can match"]),
        ("aggregate[count]=*", &["by_shard x 2"]),
    ] {
        let plan = plan_of(&running, "GET", &list(query), None).await.unwrap();
        assert!(parts.iter().all(|part| plan.contains(part)), "{query}: {plan}");
    }
    let document =
        json!({"query": "{ a: code_reservation(limit: 1) { id } b: code_reservation(sort: [\"quantity\"]) { id } }"});
    let plan = plan_of(&running, "POST", "/graphql", Some(document)).await.unwrap();
    let plans: Vec<&str> = plan.split(" | ").collect();
    assert_eq!(plans.len(), 2, "{plan}");
    assert!(plans.iter().all(|plan| plan.starts_with("by_shard x 2")), "{plan}");
    assert_eq!(plan_of(&running, "GET", "/server/ping", None).await, None);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_list_names_its_plan_too_and_without_the_switch_there_is_none() {
    let running = Running::paused().await;
    running.api.post(&sgtin(5)).await;
    assert_eq!(plan_of(&running, "GET", RESERVATIONS, None).await, None);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_was_thrown_away_leaves_no_plan() {
    let running = Setup::new().paused().explain().start().await;
    running.api.post(&sgtin(5)).await;
    let reader = user(Role::Reader, None);
    running.store().seed_user(&reader, Some("reader")).await.unwrap();
    for _ in 0..2 {
        let reply = running.get(RESERVATIONS, "reader").await;
        assert_eq!((reply.status, reply.headers.contains_key("x-plan")), (200, true));
    }
    running.store().revoke_other_tokens(&reader.id, "").await.unwrap();
    let reply = running.get(RESERVATIONS, "reader").await;
    assert_eq!((reply.status, reply.headers.contains_key("x-plan")), (401, false));
    running.stop().await;
}
