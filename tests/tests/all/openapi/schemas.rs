//! The GraphQL schemas: what each caller is shown, over HTTP and by introspection, and that it can be used.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{ADMIN, EDITOR, NONE, READER, WRITER, described};
use crate::support::harness::Running;

const ITEMS: &str = "/server/specs/graphql";
const SYSTEM: &str = "/server/specs/graphql/system";

/// The types of a schema definition with their members.
fn types(definition: &str) -> BTreeMap<String, Vec<String>> {
    let mut types = BTreeMap::new();
    let mut open: Option<(String, Vec<String>)> = None;
    let mut in_text = false;
    for line in definition.lines() {
        // Descriptions stand between lines of three quotes.
        if line.trim() == "\"\"\"" {
            in_text = !in_text;
        }
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            _ if in_text => {}
            (Some("type" | "input"), Some(name)) => open = Some((name.to_owned(), Vec::new())),
            (Some("}"), _) => types.extend(open.take()),
            (Some(member), _) if line.starts_with(['\t', ' ']) => {
                let name: String = member.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if let (Some((_, members)), false) = (&mut open, name.is_empty()) {
                    members.push(name);
                }
            }
            _ => {}
        }
    }
    types
}

async fn definition(running: &Running, path: &str, token: Option<&str>) -> BTreeMap<String, Vec<String>> {
    let reply = running.send("GET", path, token, &[], None).await;
    assert_eq!(reply.status, 200, "{token:?}: {}", reply.text);
    types(&reply.text)
}

/// The types that introspection shows, with their members.
async fn introspected(running: &Running, path: &str, token: Option<&str>) -> BTreeMap<String, Vec<String>> {
    let query = "{ __schema { types { kind name fields { name } inputFields { name } } } }";
    let body = json!({ "query": query }).to_string().into_bytes();
    let reply = running.send("POST", path, token, &[("content-type", "application/json")], Some(body)).await;
    let types = reply.parsed()["data"]["__schema"]["types"].as_array().unwrap().clone();
    let kept = types.into_iter().filter(|kind| {
        let is_own = !kind["name"].as_str().unwrap().starts_with("__");
        is_own && (kind["kind"] == "OBJECT" || kind["kind"] == "INPUT_OBJECT")
    });
    kept.map(|kind| {
        let members = if kind["fields"].is_array() { &kind["fields"] } else { &kind["inputFields"] };
        let names = members.as_array().unwrap().iter().map(|member| member["name"].as_str().unwrap().to_owned());
        (kind["name"].as_str().unwrap().to_owned(), names.collect())
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn introspection_and_the_definition_show_every_caller_the_same() {
    let running = described().await;
    for token in [Some(ADMIN), Some(EDITOR), Some(WRITER), Some(READER), Some(NONE), None] {
        for (specification, endpoint) in [(ITEMS, "/graphql"), (SYSTEM, "/graphql/system")] {
            let defined = definition(&running, specification, token).await;
            assert!(defined.contains_key("Query"), "{token:?} {specification}: {defined:?}");
            assert_eq!(defined, introspected(&running, endpoint, token).await, "{token:?} {specification}");
        }
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_is_shown_the_roots_and_members_that_may_be_used() {
    let running = described().await;
    let members = async |path: &str, token: Option<&str>, name: &str| -> Vec<String> {
        definition(&running, path, token).await.remove(name).unwrap_or_default()
    };
    for token in [ADMIN, EDITOR] {
        assert_eq!(members(ITEMS, Some(token), "Query").await.len(), 9);
        assert_eq!(members(ITEMS, Some(token), "Mutation").await.len(), 7);
        assert!(members(ITEMS, Some(token), "directus_users").await.contains(&"email".to_owned()));
        assert_eq!(members(SYSTEM, Some(token), "Query").await, ["users_me", "files", "files_by_id"]);
    }
    // A caller who is limited to organisations sees the names of colleagues, and all of the own account.
    assert_eq!(members(ITEMS, Some(WRITER), "directus_users").await, ["id", "first_name", "last_name"]);
    let filter = members(ITEMS, Some(WRITER), "directus_users_filter").await;
    assert_eq!(filter, ["id", "first_name", "last_name", "_and", "_or"]);
    assert!(members(SYSTEM, Some(WRITER), "directus_users").await.contains(&"email".to_owned()));

    assert_eq!(members(ITEMS, Some(READER), "Query").await.len(), 9);
    assert_eq!(members(ITEMS, Some(READER), "Mutation").await, [""; 0]);
    let shown = members(ITEMS, Some(READER), "code_reservation").await;
    assert!(shown.contains(&"status".to_owned()) && !shown.contains(&"user_created".to_owned()), "{shown:?}");
    assert_eq!(members(SYSTEM, Some(READER), "directus_users").await, ["id"]);

    assert_eq!(members(SYSTEM, Some(NONE), "Query").await, ["users_me"]);
    for (path, token) in [(ITEMS, Some(NONE)), (ITEMS, None), (SYSTEM, None)] {
        let defined = definition(&running, path, token).await;
        assert_eq!(defined, BTreeMap::from([("Query".to_owned(), vec!["_empty".to_owned()])]), "{path} {token:?}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_caller_is_shown_can_be_asked_for() {
    let running = described().await;
    for (token, endpoint, specification) in [
        (Some(EDITOR), "/graphql", ITEMS),
        (Some(WRITER), "/graphql", ITEMS),
        (Some(READER), "/graphql", ITEMS),
        (Some(READER), "/graphql/system", SYSTEM),
        (Some(NONE), "/graphql/system", SYSTEM),
        (None, "/graphql", ITEMS),
    ] {
        let defined = definition(&running, specification, token).await;
        let ask = async |query: String| {
            let body = json!({ "query": query }).to_string().into_bytes();
            let headers = [("content-type", "application/json")];
            let reply = running.send("POST", endpoint, token, &headers, Some(body)).await;
            let body = reply.parsed();
            assert!(reply.status == 200 && body.get("errors").is_none(), "{token:?}: {query}: {body}");
            body["data"].clone()
        };
        for (name, collection) in
            [("code_reservation", "code_reservation"), ("files", "directus_files"), ("users_me", "directus_users")]
        {
            if !defined["Query"].contains(&name.to_owned()) {
                continue;
            }
            // Every member without members of its own.
            let objects =
                ["user_created", "user_updated", "uploaded_by", "modified_by", "export_file", "avatar", "codes"];
            let plain = |member: &&String| !member.ends_with("_func") && !objects.contains(&member.as_str());
            let members: Vec<&str> = defined[collection].iter().filter(plain).map(String::as_str).collect();
            ask(format!("{{ {name} {{ {} }} }}", members.join(" "))).await;
        }
        if defined["Query"] == ["_empty"] {
            assert_eq!(ask("{ _empty }".to_owned()).await, json!({ "_empty": Value::Null }), "{token:?}");
        }
    }
    // Somebody who has other members does not have that one.
    let body = json!({ "query": "{ _empty }" });
    let reply = running.json("POST", "/graphql", READER, &body).await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "GRAPHQL_VALIDATION"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_is_a_file_that_is_read_like_other_answers() {
    let running = described().await;
    for (path, name) in [(ITEMS, "code-reservation"), (SYSTEM, "code-reservation-system")] {
        let reply = running.get(path, ADMIN).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, "text/plain; charset=utf-8"));
        let file = reply.header("content-disposition");
        assert!(file.starts_with(&format!("attachment; filename=\"{name} 20")) && file.contains(".graphql"), "{file}");
        let tag = reply.header("etag").to_owned();
        let again = running.send("GET", path, Some(ADMIN), &[("if-none-match", &tag)], None).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""));
        let head = running.send("HEAD", path, Some(ADMIN), &[], None).await;
        assert_eq!((head.status, head.text.as_str(), head.header("etag")), (200, "", tag.as_str()));
        assert_eq!(running.get(&format!("{path}/"), ADMIN).await.text, reply.text);
        for below in ["more", "system/more"] {
            assert_eq!(running.get(&format!("{path}/{below}"), ADMIN).await.status, 404, "{path}/{below}");
        }
    }
    running.stop().await;
}
