//! An administrator of all organisations who has no way to sign in is as good as none: the last one keeps a token.

use serde_json::{Value, json};

use super::{ADA, ADMIN, BEA, CHOSEN, USERS, administered, directory, refusal};
use crate::support::{api::Api, harness::Running};

/// Ada alone has a token; Bea is an administrator without one.
async fn only_ada_has_a_token() -> (Running, Api) {
    let (running, api) = administered().await;
    assert_eq!(api.send_json("PATCH", &format!("{USERS}/{BEA}"), &json!({"token": null})).await.status, 200);
    (running, api)
}

fn of(user: &str) -> String {
    format!("{USERS}/{user}")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_administrator_with_a_token_keeps_it() {
    let (running, api) = only_ada_has_a_token().await;
    let before = directory(&running).await;
    let changes = [
        ("PATCH", of(ADA), json!({"token": null, "last_name": "Gone"})),
        ("PATCH", USERS.to_owned(), json!([{"id": BEA, "last_name": "X"}, {"id": ADA, "token": null}])),
        ("PATCH", USERS.to_owned(), json!({"keys": [ADA, BEA], "data": {"token": null}})),
        ("PATCH", of(ADA), json!({"status": "suspended"})),
        ("PATCH", of(ADA), json!({"role": "writer"})),
        ("PATCH", of(ADA), json!({"organisations": []})),
        ("DELETE", of(ADA), Value::Null),
        ("DELETE", USERS.to_owned(), json!([ADA])),
    ];
    for (method, path, body) in changes {
        let reply = api.send_json(method, &path, &body).await;
        let (status, code, reason) = refusal(&reply);
        assert_eq!((status, code.as_str()), (422, "UNPROCESSABLE_CONTENT"), "{method} {path} {body}");
        assert!(reason.contains("with a way to sign in"), "{reason}");
        assert_eq!(directory(&running).await, before, "{method} {path} {body}");
    }
    // What leaves her a token, or takes nothing of it, is done.
    assert_eq!(api.send_json("PATCH", &of(ADA), &json!({"first_name": "Ada B."})).await.status, 200);
    assert_eq!(api.send_json("PATCH", &of(ADA), &json!({"external_identifier": null})).await.status, 200);
    assert_eq!(api.send_json("PATCH", &of(ADA), &json!({"token": CHOSEN})).await.status, 200);
    assert_eq!(running.get("/users/me", ADMIN).await.status, 401);
    assert_eq!(running.get("/users/me", CHOSEN).await.status, 200);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_another_administrator_frees_the_last_one() {
    let (running, api) = only_ada_has_a_token().await;
    // In one request: Bea gets the token that makes Ada's one dispensable.
    let both = json!([{"id": BEA, "token": CHOSEN}, {"id": ADA, "token": null}]);
    assert_eq!(api.send_json("PATCH", USERS, &both).await.status, 200);
    assert_eq!(running.get("/users/me", ADMIN).await.status, 401);
    let bea = running.api.with_token(Some(CHOSEN));
    assert_eq!(bea.send("DELETE", &of(ADA)).await.status, 204);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_administrators_who_end_their_tokens_at_once_one_keeps_a_token() {
    for _ in 0..5 {
        let (running, api) = administered().await;
        let end = async |user: &str| api.send_json("PATCH", &of(user), &json!({"token": null})).await;
        let (ada, bea) = tokio::join!(end(ADA), end(BEA));
        let done = [&ada, &bea].into_iter().filter(|reply| reply.status == 200).count();
        // The second request may come when Ada's token has ended.
        assert!(
            done == 1 && [&ada, &bea].iter().all(|reply| [200, 401, 422].contains(&reply.status)),
            "{ada:?} {bea:?}"
        );
        let tokens = directory(&running).await.into_keys().filter(|(kind, _)| kind == "token").count();
        assert_eq!(tokens, 3, "one of the two, and those of the others");
        running.stop().await;
    }
}
