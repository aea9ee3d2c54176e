//! `admin token`.

use futures::future::join_all;
use serde_json::{Value, json};

use super::Operated;
use crate::support::harness::{TOKEN, wait_until};

const LOCAL: &str = "00000000-0000-4000-8000-000000000001";

impl Operated {
    async fn status(&self, token: &str) -> u16 {
        self.running.get("/users/me", token).await.status
    }

    async fn has_token(&self) -> Value {
        let users = self.json("users", &["user", "list"]).await;
        users[0]["has_token"].clone()
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_works_in_both_places_until_it_is_revoked() {
    let operated = Operated::start().await;
    let made = operated.json("new_token", &["token", "create", LOCAL, "--label", "ERP", "--expires", "90d"]).await;
    let token = text(&made, "token");
    assert_eq!(token.len(), 43, "32 bytes in base64url");
    assert_eq!(operated.status(token).await, 200);
    let by_parameter = operated.running.send("GET", &format!("/users/me?access_token={token}"), None, &[], None).await;
    assert_eq!(by_parameter.status, 200);

    let listed = operated.json("tokens", &["token", "list", LOCAL]).await;
    let row = listed.as_array().unwrap().iter().find(|row| row["id"] == made["id"]).unwrap().clone();
    assert_eq!((&row["label"], &row["has_ended"]), (&json!("ERP"), &json!(false)));
    for arguments in [&["token", "list"][..], &["token", "list", "--json"], &["audit"], &["audit", "--json"]] {
        assert!(!operated.done(arguments).await.contains(token));
    }

    // The very next request is refused, although the process has just seen the token.
    assert_eq!(operated.status(token).await, 200);
    let revoked = operated.json("token", &["token", "revoke", text(&made, "id")]).await;
    assert_eq!(revoked["id"], made["id"]);
    assert_eq!(operated.status(token).await, 401);
    assert_eq!(operated.status(TOKEN).await, 200);
    assert!(operated.ran(&["token", "revoke", text(&made, "id")]).await.refused().contains("There is no token"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_at_its_end() {
    let operated = Operated::start().await;
    let end = chrono::Utc::now() + chrono::TimeDelta::milliseconds(1_500);
    let end = end.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let made = operated.json("new_token", &["token", "create", LOCAL, "--expires", &end]).await;
    assert_eq!(text(&made, "valid_until"), end);
    let token = text(&made, "token");
    wait_until("the token has ended", || async { (operated.status(token).await == 401).then_some(()) }).await;
    assert!(chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true) >= end);
    let listed = operated.done(&["token", "list"]).await;
    assert!(listed.contains("(ended)"), "{listed}");
    assert!(operated.ran(&["token", "rotate", text(&made, "id")]).await.refused().contains("has ended"));
    operated.done(&["token", "revoke", text(&made, "id")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_token_ends_at_once_or_after_its_grace() {
    let operated = Operated::start().await;
    let old = operated.json("new_token", &["token", "create", LOCAL, "--label", "ERP"]).await;
    let new = operated.json("new_token", &["token", "rotate", text(&old, "id")]).await;
    assert_eq!((operated.status(text(&old, "token")).await, operated.status(text(&new, "token")).await), (401, 200));
    assert_eq!(new["label"], "ERP");

    let newer = operated.json("new_token", &["token", "rotate", text(&new, "id"), "--grace", "24h"]).await;
    assert_eq!((operated.status(text(&new, "token")).await, operated.status(text(&newer, "token")).await), (200, 200));
    let listed = operated.json("tokens", &["token", "list"]).await;
    let of = |id: &Value| listed.as_array().unwrap().iter().find(|row| row["id"] == *id).unwrap().clone();
    assert!(of(&new["id"])["valid_until"].is_string() && of(&newer["id"])["valid_until"].is_null());
    // A second rotation must not let the old one live longer.
    let end = of(&new["id"])["valid_until"].clone();
    operated.done(&["token", "rotate", text(&new, "id"), "--grace", "48h"]).await;
    let again = operated.json("tokens", &["token", "list"]).await;
    let row = again.as_array().unwrap().iter().find(|row| row["id"] == new["id"]).unwrap();
    assert_eq!(row["valid_until"], end);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_a_token_as_long_as_there_is_one() {
    let operated = Operated::start().await;
    let listed = operated.json("tokens", &["token", "list"]).await;
    let own = text(&listed[0], "id").to_owned();
    assert_eq!(operated.has_token().await, true);
    let made = join_all((0..5).map(|_| operated.ran(&["token", "create", LOCAL, "--json"]))).await;
    let made: Vec<Value> = made.into_iter().map(|ran| serde_json::from_str(&ran.done()).unwrap()).collect();
    operated.done(&["token", "revoke", &own]).await;
    assert_eq!(operated.has_token().await, true);
    let (first, rest) = made.split_first().unwrap();
    let runs = join_all(rest.iter().map(async |made| operated.ran(&["token", "revoke", text(made, "id")]).await)).await;
    for ran in runs {
        ran.done();
    }
    assert_eq!(operated.has_token().await, true);
    operated.done(&["token", "revoke", text(first, "id")]).await;
    assert_eq!(operated.has_token().await, Value::Null);
    assert_eq!(operated.done(&["token", "list"]).await, "There are no tokens.\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_named_by_enough_digits_of_its_hash() {
    let operated = Operated::start().await;
    let made = operated.json("new_token", &["token", "create", LOCAL]).await;
    let id = text(&made, "id");
    for name in ["", "0", &id[..7], "zzzzzzzzzzzz", text(&made, "token")] {
        operated.ran(&["token", "revoke", "--", name]).await.refused();
    }
    assert!(operated.ran(&["token", "revoke", "0000000000000000"]).await.refused().contains("There is no token"));
    operated.done(&["token", "revoke", &id[..8].to_uppercase()]).await;
    operated.ran(&["token", "create", LOCAL, "--label", ""]).await.refused();
    operated.ran(&["token", "rotate", id, "--grace", "1w"]).await.wrong_use();
}
