//! `admin user`.

use futures::future::join_all;
use serde_json::{Value, json};

use super::Operated;
use crate::support::harness::TOKEN;

/// The administrator of the running system.
const LOCAL: &str = "00000000-0000-4000-8000-000000000001";

async fn token(operated: &Operated, user: &str) -> String {
    operated.json("new_token", &["token", "create", user]).await["token"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_added_changed_disabled_and_enabled() {
    let operated = Operated::start().await;
    let add = [
        "user",
        "add",
        "--role",
        "writer",
        "--organisation",
        "A",
        "--organisation",
        "B",
        "--email",
        "W@example.com",
        "--first-name",
        "Wim",
        "--last-name",
        "Writer",
        "--external-id",
        "sub-1",
    ];
    let done = operated.json("user_change", &add).await;
    assert_eq!((&done["effect"], &done["user"]["organisations"]), (&json!("created"), &json!(["A", "B"])));
    let id = done["user"]["id"].as_str().unwrap();

    let token = token(&operated, "w@EXAMPLE.com").await;
    let me = async || operated.running.get("/users/me?fields=id", &token).await;
    assert_eq!(me().await.data()["id"], id);
    let done = operated
        .json("user_change", &["user", "set", id, "--role", "reader", "--organisation", "B", "--unset", "last_name"])
        .await;
    assert_eq!((&done["user"]["role"], &done["user"]["organisations"]), (&json!("reader"), &json!(["B"])));
    assert!(done["user"].get("last_name").is_none());

    assert_eq!(operated.json("user_change", &["user", "disable", id]).await["user"]["status"], "suspended");
    assert_eq!(me().await.status, 401);
    assert_eq!(operated.json("user_change", &["user", "disable", id]).await["effect"], "unchanged");
    operated.done(&["user", "enable", "w@example.com"]).await;
    assert_eq!(me().await.status, 200);

    let listed = operated.json("users", &["user", "list", "--organisation", "B"]).await;
    assert_eq!(listed.as_array().unwrap().iter().map(|user| &user["id"]).collect::<Vec<_>>(), [id]);
    let table = operated.done(&["user", "list"]).await;
    assert!(table.contains("W@example.com") && table.contains(LOCAL) && !table.contains(&token), "{table}");
    assert_eq!(operated.done(&["user", "list", "--organisation", "C"]).await, "There are no users.\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_organisations_must_be_said() {
    let operated = Operated::start().await;
    let reason = operated.ran(&["user", "add", "--role", "admin"]).await.wrong_use();
    assert!(reason.contains("--all-organisations"), "{reason}");
    operated.ran(&["user", "add", "--role", "admin", "--all-organisations", "--organisation", "A"]).await.wrong_use();
    operated.ran(&["user", "add", "--all-organisations"]).await.wrong_use();
    operated.ran(&["user", "add", "--role", "admin", "--organisation", "*"]).await.refused();
    let done = operated.json("user_change", &["user", "add", "--role", "admin", "--all-organisations"]).await;
    assert_eq!(done["user"]["organisations"], "*");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_and_an_external_identifier_have_one_user() {
    let operated = Operated::start().await;
    let add = |email: &'static str, subject: &'static str| {
        let operated = &operated;
        async move {
            operated
                .ran(&[
                    "user",
                    "add",
                    "--role",
                    "reader",
                    "--organisation",
                    "A",
                    "--email",
                    email,
                    "--external-id",
                    subject,
                ])
                .await
        }
    };
    add("a@example.com", "sub-a").await.done();
    assert!(add("A@Example.com", "sub-b").await.refused().contains("email"));
    assert!(add("b@example.com", "sub-a").await.refused().contains("external_identifier"));
    add("b@example.com", "sub-b").await.done();
    assert!(
        operated.ran(&["user", "set", "b@example.com", "--external-id", "sub-a"]).await.refused().contains("sub-a")
    );
    // What a user gives up is free for another one.
    operated.done(&["user", "set", "a@example.com", "--external-id", "sub-c", "--email", "c@example.com"]).await;
    operated.done(&["user", "set", "b@example.com", "--external-id", "sub-a", "--email", "a@example.com"]).await;

    let runs = join_all((0..6).map(|_| add("same@example.com", "same"))).await;
    assert_eq!(runs.iter().filter(|ran| ran.err.is_empty()).count(), 1, "{runs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_administrator_of_all_organisations_stays() {
    let operated = Operated::start().await;
    let last = async |arguments: &[&str]| {
        let reason = operated.ran(arguments).await.refused();
        assert!(reason.contains("last active administrator"), "{reason}");
    };
    last(&["user", "disable", LOCAL]).await;
    last(&["user", "set", LOCAL, "--role", "writer"]).await;
    last(&["user", "set", LOCAL, "--organisation", "A"]).await;
    // An administrator of one organisation, and one who is disabled, do not count.
    operated.done(&["user", "add", "--role", "admin", "--organisation", "A"]).await;
    operated.done(&["user", "add", "--role", "admin", "--all-organisations", "--email", "second@example.com"]).await;
    operated.done(&["user", "disable", "second@example.com"]).await;
    last(&["user", "disable", LOCAL]).await;
    operated.done(&["user", "enable", "second@example.com"]).await;
    operated.done(&["user", "disable", LOCAL]).await;
    last(&["user", "disable", "second@example.com"]).await;
    operated.done(&["user", "set", "second@example.com", "--first-name", "Only"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_administrators_who_are_disabled_at_once_one_stays() {
    let operated = Operated::start().await;
    let mut ids = vec![LOCAL.to_owned()];
    for _ in 0..4 {
        let done = operated.json("user_change", &["user", "add", "--role", "admin", "--all-organisations"]).await;
        ids.push(done["user"]["id"].as_str().unwrap().to_owned());
    }
    let runs = join_all(ids.iter().map(async |id| operated.ran(&["user", "disable", id]).await)).await;
    let users = operated.json("users", &["user", "list"]).await;
    let active = users.as_array().unwrap().iter().filter(|user| user["status"] == "active").count();
    assert_eq!(active, 1, "{users:#} {runs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_found_under_a_wrong_name() {
    let operated = Operated::start().await;
    for name in ["nobody@example.com", "00000000-0000-4000-8000-00000000000f", "x"] {
        for command in [&["user", "disable"][..], &["user", "enable"], &["token", "create"], &["token", "list"]] {
            let all: Vec<_> = command.iter().copied().chain([name]).collect();
            let reason = operated.ran(&all).await.refused();
            assert_eq!(reason, format!("admin: There is no user {name}.\n"));
        }
    }
    let ran = operated.ran(&["user", "disable", "x", "--json"]).await;
    let error: Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!(error, json!({"error": "refused", "message": "There is no user x."}));
    operated.ran(&["user", "set", LOCAL]).await.wrong_use();
    operated.ran(&["user", "set", LOCAL, "--unset", "role"]).await.refused();
    assert_eq!(operated.running.get("/users/me", TOKEN).await.status, 200);
}
