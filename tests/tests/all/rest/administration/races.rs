//! Administrators who write at the same time.

use futures::future::join_all;
use serde_json::{Value, json};

use super::{ACME, ADA, ADMIN, BEA, ORGANISATIONS, OTHER_ADMIN, USERS, WIM, administered, audits, directory, setup};
use crate::support::api::Reply;

fn count(replies: &[Reply], status: u16) -> usize {
    replies.iter().filter(|reply| reply.status == status).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_administrators_who_delete_each_other_one_stays() {
    for change in [None, Some(json!({"role": "reader"})), Some(json!({"status": "suspended"}))] {
        let running = setup().start().await;
        let delete = async |token: &'static str, user: &'static str| {
            let api = running.api.with_token(Some(token));
            match &change {
                None => api.send("DELETE", &format!("{USERS}/{user}")).await,
                Some(change) => api.send_json("PATCH", &format!("{USERS}/{user}"), change).await,
            }
        };
        let (one, other) = tokio::join!(delete(ADMIN, BEA), delete(OTHER_ADMIN, ADA));
        let done = [&one, &other].iter().filter(|reply| reply.status < 300).count();
        assert_eq!(done, 1, "{one:?} {other:?}");
        // The other one was too late: refused, or without rights by then.
        let late = if one.status < 300 { &other } else { &one };
        assert!([401, 403, 422].contains(&late.status), "{late:?}");
        let stay = [ADMIN, OTHER_ADMIN].map(|token| running.get(USERS, token));
        let stay = join_all(stay).await;
        assert_eq!(count(&stay, 200), 1);
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_end_the_rights_of_all_administrators_at_once_one_administrator_stays() {
    let (running, api) = administered().await;
    let more: Vec<Value> =
        (0..6).map(|n| json!({"role": "admin", "organisations": "*", "first_name": format!("A{n}")})).collect();
    let made = api.send_json("POST", &format!("{USERS}?fields=id"), &json!(more)).await.data();
    let ids: Vec<String> = made.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    let all: Vec<String> = ids.into_iter().chain([ADA.to_owned(), BEA.to_owned()]).collect();
    let ends = all.iter().map(|id| {
        let api = api.clone();
        async move { api.send_json("PATCH", &format!("{USERS}/{id}"), &json!({"organisations": [ACME]})).await }
    });
    let replies = join_all(ends).await;
    // Ada's request may come after she lost her rights.
    assert!(replies.iter().all(|reply| [200, 401, 403, 422, 503].contains(&reply.status)), "{replies:?}");
    let rows = directory(&running).await;
    let left = rows
        .iter()
        .filter(|((kind, _), row)| kind == "user" && row.contains("S(\"admin\")") && row.contains("S(\"*\")"));
    assert!(left.count() >= 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_take_one_address_or_one_token_one_gets_it() {
    let (running, api) = administered().await;
    for (member, value) in [
        ("email", json!("one@example.com")),
        ("external_identifier", json!("sub")),
        ("token", json!("chosen-by-many-0123456789-0123456789")),
        ("id", json!("0193bbbb-0000-4000-8000-000000000007")),
    ] {
        let posts = (0..6).map(|_| {
            let mut user = json!({"role": "reader", "organisations": [ACME]});
            user[member] = value.clone();
            let api = api.clone();
            async move { api.send_json("POST", USERS, &user).await }
        });
        let replies = join_all(posts).await;
        assert_eq!((count(&replies, 200), count(&replies, 400)), (1, 5), "{member}: {replies:?}");
        assert!(replies.iter().filter(|reply| reply.status == 400).all(|reply| reply.code() == "RECORD_NOT_UNIQUE"));
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_take_nested_prefixes_those_that_do_not_nest_get_them() {
    let (running, api) = administered().await;
    let posts = ["4012", "40123", "401234", "4012345", "40123456"].map(|prefix| {
        let body = json!({"id": format!("ORG-{prefix}"), "organisation_company_prefix": prefix});
        let api = api.clone();
        async move { api.send_json("POST", ORGANISATIONS, &body).await }
    });
    let replies = join_all(posts).await;
    assert_eq!((count(&replies, 200), count(&replies, 400)), (1, 4), "{replies:?}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_change_of_many_is_lost_and_each_has_its_audit_row() {
    let (running, api) = administered().await;
    let changes = (0..8).map(|n| {
        let api = api.clone();
        let change = match n % 2 {
            0 => json!({"first_name": format!("F{n}")}),
            _ => json!({"token": format!("token-{n}-0123456789-0123456789-01")}),
        };
        async move { api.send_json("PATCH", &format!("{USERS}/{WIM}"), &change).await }
    });
    let replies = join_all(changes).await;
    let done = count(&replies, 200);
    assert_eq!(done + count(&replies, 503), 8, "{replies:?}");
    assert_eq!(audits(&running).await.len(), done);
    let rows = directory(&running).await;
    let tokens = rows.iter().filter(|((kind, _), row)| kind == "token" && row.contains(WIM));
    assert_eq!(tokens.count(), 1, "the last token is the only one");
    running.stop().await;
}
