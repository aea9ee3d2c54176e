//! `admin audit`.

use common::{operations::directory::Author, store::Kind};
use serde_json::{Value, json};

use super::Operated;

#[tokio::test(flavor = "multi_thread")]
async fn every_change_leaves_one_row_and_no_other_command_does() {
    let operated = Operated::start().await;
    let user = "0b0e0000-0000-4000-8000-000000000001";
    operated.done(&["organisation", "add", "A", "--name", "Acme"]).await;
    operated.done(&["organisation", "set", "A", "--name", "Acme Ltd"]).await;
    operated.done(&["organisation", "set", "A", "--name", "Acme Ltd"]).await;
    operated.done(&["user", "add", "--id", user, "--role", "reader", "--organisation", "A"]).await;
    operated.done(&["user", "disable", user]).await;
    let made = operated.json("new_token", &["token", "create", user]).await;
    let id = made["id"].as_str().unwrap();
    operated.done(&["token", "revoke", id]).await;
    operated.ran(&["organisation", "add", "A"]).await.refused();
    operated.ran(&["organisation", "remove", "A", "--yes"]).await.done();
    operated.done(&["user", "list"]).await;

    let listed = operated.json("audits", &["audit"]).await;
    let actions: Vec<_> = listed.as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap()).collect();
    let newest_first = [
        "organisation.remove",
        "token.revoke",
        "token.create",
        "user.disable",
        "user.add",
        "organisation.set",
        "organisation.add",
    ];
    assert_eq!(actions, newest_first);
    let at = |index: usize| &listed[index];
    assert!(at(0)["by"].as_str().unwrap().starts_with("local:"));
    assert_eq!(
        (&at(5)["before"], &at(5)["after"]),
        (&json!({"organisation_name": "Acme"}), &json!({"organisation_name": "Acme Ltd"}))
    );
    assert_eq!((&at(3)["object"], &at(3)["after"]), (&json!(format!("user {user}")), &json!({"status": "suspended"})));
    assert_eq!(at(1)["before"]["token"]["id"], made["id"]);
    assert_eq!((&at(0)["before"], at(0).get("after")), (&json!({"id": "A", "organisation_name": "Acme Ltd"}), None));
    let kept = at(0)["expires_at"].as_i64().unwrap() - chrono::Utc::now().timestamp();
    assert!((1_095 * 86_400..=1_096 * 86_400).contains(&kept), "{kept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_found_by_time_author_action_and_object() {
    let operated = Operated::start().await;
    for id in ["A", "B", "C"] {
        operated.done(&["organisation", "add", id]).await;
    }
    operated.done(&["organisation", "set", "B", "--name", "Beta"]).await;
    let found = async |arguments: &[&str]| {
        let all: Vec<_> = ["audit"].iter().chain(arguments).copied().collect();
        let listed = operated.json("audits", &all).await;
        listed.as_array().unwrap().iter().map(|row| row["object"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found(&["--limit", "2"]).await, ["organisation B", "organisation C"]);
    assert_eq!(found(&["--object", "organisation B"]).await.len(), 2);
    assert_eq!(found(&["--action", "organisation.set"]).await, ["organisation B"]);
    assert_eq!(found(&["--action", "user"]).await.len(), 0);
    assert_eq!(found(&["--by", "local:", "--since", "1h"]).await.len(), 4);
    assert_eq!(found(&["--until", "1h"]).await.len(), 0);
    assert_eq!(found(&["--since", "2099-01-01"]).await.len(), 0);
    assert_eq!(found(&["--since", "1h", "--until", "2h"]).await.len(), 0);
    let middle =
        operated.json("audits", &["audit", "--object", "organisation C"]).await[0]["at"].as_str().unwrap().to_owned();
    assert_eq!(found(&["--since", &middle]).await.last().unwrap(), "organisation C");
    assert!(!found(&["--until", &middle]).await.contains(&"organisation C".to_owned()));
    operated.ran(&["audit", "--since", "yesterday"]).await.wrong_use();
    operated.ran(&["audit", "--limit", "0"]).await.wrong_use();
    assert_eq!(operated.done(&["audit", "--by", "nobody"]).await, "There are no such changes.\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_audit_row_cannot_be_written_is_not_made() {
    let operated = Operated::start().await;
    let context = operated.running.context();
    let store = context.store();
    let author = Author { by: "test".to_owned(), now: context.now() };
    let audit = author.audit("organisation.add", "organisation", "A");
    let create =
        |id: &str| common::store::DirectoryWrite::Create(Kind::Organisation, id.to_owned(), Default::default());
    assert_eq!(
        store.change_directory(&[create("A")], std::slice::from_ref(&audit)).await.unwrap(),
        common::store::Changed::Done
    );
    // The same audit row again: its condition is the last of the transaction.
    assert_eq!(
        store.change_directory(&[create("B")], std::slice::from_ref(&audit)).await.unwrap(),
        common::store::Changed::Failed(1)
    );
    let rows = operated.json("organisations", &["organisation", "list"]).await;
    assert_eq!(rows, json!([{"id": "A"}]));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_in_the_audit_do_not_control_the_terminal() {
    let operated = Operated::start().await;
    operated.done(&["organisation", "add", "A", "--set", "note=\u{1b}[2J"]).await;
    let text = operated.done(&["audit"]).await;
    assert!(!text.contains('\u{1b}') && text.contains("\\u{1b}"), "{text}");
    let listed: Value = operated.json("audits", &["audit"]).await;
    assert_eq!(listed[0]["after"]["note"], "\u{1b}[2J");
}
