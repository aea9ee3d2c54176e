//! Nobody but administrators of all organisations writes users and organisations, so nobody raises their own rights; and
//! the last administrator stays.

use serde_json::{Value, json};

use super::{
    ACME, ADA, ADMIN, BEA, CHOSEN, LEA, LIMITED, ORGANISATIONS, OTHER_ADMIN, USERS, WIM, WRITER, administered, audits,
    directory, refusal, setup,
};

/// What somebody would write to get more rights.
fn attempts(own: &str) -> Vec<(&'static str, String, Value)> {
    let more = json!({"role": "admin", "organisations": "*"});
    let row = json!({"id": own, "role": "admin", "organisations": "*"});
    let new = json!({"email": "new@example.com", "role": "admin", "organisations": "*", "token": CHOSEN});
    vec![
        ("PATCH", format!("{USERS}/{own}"), more.clone()),
        ("PATCH", format!("{USERS}/{}", own.to_uppercase()), more.clone()),
        ("PATCH", format!("{USERS}/{}", own.replace('-', "%2D")), more.clone()),
        ("PATCH", format!("{USERS}/{own}/"), more.clone()),
        ("PATCH", format!("{USERS}/me"), more.clone()),
        ("PATCH", format!("{USERS}/me/"), more.clone()),
        ("PATCH", format!("{USERS}/{own}"), json!({"first_name": "harmless"})),
        ("PATCH", format!("{USERS}/{own}"), json!({ "token": CHOSEN })),
        ("PATCH", format!("{USERS}/{ADA}"), json!({ "token": CHOSEN })),
        ("PATCH", USERS.to_owned(), json!([row])),
        ("PATCH", USERS.to_owned(), json!({"keys": [own], "data": more})),
        ("PATCH", USERS.to_owned(), json!({"query": {"filter": {"id": {"_eq": "$CURRENT_USER"}}}, "data": more})),
        ("PATCH", USERS.to_owned(), json!({"query": {"limit": -1}, "data": more})),
        ("POST", USERS.to_owned(), new.clone()),
        ("POST", USERS.to_owned(), json!([new])),
        ("DELETE", format!("{USERS}/{ADA}"), Value::Null),
        ("DELETE", USERS.to_owned(), json!([ADA, BEA])),
        ("POST", ORGANISATIONS.to_owned(), json!({"id": "ORG-9"})),
        ("PATCH", format!("{ORGANISATIONS}/ORG-2"), json!({"city": "x"})),
        ("PATCH", ORGANISATIONS.to_owned(), json!({"keys": [ACME], "data": {"max_codes_per_day": 0}})),
        ("DELETE", format!("{ORGANISATIONS}/ORG-2"), Value::Null),
        ("DELETE", ORGANISATIONS.to_owned(), json!(["ORG-2"])),
        // Over other collections.
        ("PATCH", "/items/directus_users".to_owned(), json!({"keys": [own], "data": more})),
        ("POST", "/items/directus_users".to_owned(), new),
        ("PATCH", format!("/items/directus_users/{own}"), more.clone()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_administrators_of_all_organisations_writes_anything() {
    let (running, _) = administered().await;
    let before = directory(&running).await;
    for (token, own, status) in
        [(Some(WRITER), WIM, 403), (Some(LIMITED), LEA, 403), (None, WIM, 403), (Some("bad"), WIM, 401)]
    {
        let api = running.api.with_token(token);
        for (method, path, body) in attempts(own) {
            let reply = match &body {
                Value::Null => api.send(method, &path).await,
                body => api.send_json(method, &path, body).await,
            };
            assert_eq!(reply.status, status, "{token:?} {method} {path} {body}: {}", reply.text);
            let is_hidden = reply.text.contains("ada@example.com") || reply.text.contains("Second");
            assert!(!is_hidden, "{}", reply.text);
        }
    }
    // A relation of a reservation writes no user and no organisation.
    let api = running.api.with_token(Some(WRITER));
    let nested = json!({"reserved_for": {"id": ACME, "max_codes_per_day": 0}, "code_type": "sscc", "quantity": 1,
        "user_created": {"id": WIM, "role": "admin"}});
    assert_eq!(api.send_json("POST", "/items/code_reservation", &nested).await.status, 403);
    let mutation = json!({"query": format!("mutation {{ update_users_me(data: {{role: \"admin\"}}) {{ id }} }}")});
    assert_eq!(api.send_json("POST", "/graphql/system", &mutation).await.status, 400);
    assert_eq!(directory(&running).await, before);
    assert_eq!(audits(&running).await.len(), 0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_members_that_stand_twice_the_last_one_counts_and_is_judged() {
    let (running, _) = administered().await;
    let body = br#"{"role": "writer", "role": "root", "organisations": "*"}"#.to_vec();
    let json = [("content-type", "application/json")];
    let reply = running.send("PATCH", &format!("{USERS}/{WIM}"), Some(ADMIN), &json, Some(body)).await;
    assert_eq!(refusal(&reply), (400, "FAILED_VALIDATION".to_owned(), "role".to_owned()));
    let body = br#"{"token": "short", "token": "chosen-0123456789-0123456789-abcd"}"#.to_vec();
    let reply = running.send("PATCH", &format!("{USERS}/{WIM}"), Some(ADMIN), &json, Some(body)).await;
    assert_eq!((reply.status, running.get("/users/me", CHOSEN).await.status), (200, 200));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_who_is_limited_does_not_see_what_only_operators_decide() {
    let (running, api) = administered().await;
    let limited = running.api.with_token(Some(LIMITED));
    for path in [
        format!("{USERS}?fields=organisations"),
        format!("{USERS}?filter[organisations][_null]=true"),
        format!("{USERS}/{WIM}?fields=organisations"),
        format!("{ORGANISATIONS}?fields=organisation_company_prefix"),
        format!("{ORGANISATIONS}?sort=max_codes_per_day"),
        "/items/code_reservation?filter[reserved_for][organisation_company_prefix][_eq]=9506000".to_owned(),
    ] {
        assert_eq!(limited.send("GET", &path).await.status, 403, "{path}");
        assert_eq!(running.api.with_token(Some(WRITER)).send("GET", &path).await.status, 403, "{path}");
        assert_eq!(api.send("GET", &path).await.status, 200, "{path}");
    }
    let own = limited.send("GET", "/users/me?fields=organisations").await.data();
    assert_eq!(own, json!({ "organisations": [ACME] }));
    assert_eq!(api.send("GET", &format!("{USERS}/{WIM}")).await.data().get("organisations"), None);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_administrator_stays_in_every_way_to_end_one() {
    let (running, api) = administered().await;
    let status = |reply: &crate::support::api::Reply| (reply.status, reply.code());
    let kept = (422, "UNPROCESSABLE_CONTENT".to_owned());
    // Both at once.
    let both = api.send_json("DELETE", USERS, &json!([ADA, BEA])).await;
    assert_eq!(status(&both), kept, "{}", both.text);
    assert!(both.reason().contains("last active administrator"), "{}", both.text);
    let both = json!({"keys": [ADA, BEA], "data": {"status": "suspended"}});
    assert_eq!(status(&api.send_json("PATCH", USERS, &both).await), kept);
    let both = json!([{"id": ADA, "role": "writer"}, {"id": BEA, "organisations": [ACME]}]);
    let reply = api.send_json("PATCH", USERS, &both).await;
    assert_eq!((status(&reply), &reply.json()["errors"][0]["extensions"]["index"]), (kept.clone(), &json!(1)));
    // In one request, another one may become one.
    let handed = json!([{"id": BEA, "role": "writer"}, {"id": WIM, "role": "admin", "organisations": "*"}]);
    assert_eq!(api.send_json("PATCH", USERS, &handed).await.status, 200);
    let back = json!([{"id": WIM, "role": "writer", "organisations": [ACME]}]);
    assert_eq!(api.send_json("PATCH", USERS, &back).await.status, 200);

    let before = directory(&running).await;
    for change in [
        json!({"status": "suspended"}),
        json!({"status": "archived"}),
        json!({"role": "writer"}),
        json!({"role": null}),
        json!({"organisations": [ACME]}),
        json!({"organisations": []}),
        json!({"first_name": "A", "role": "reader", "token": CHOSEN}),
    ] {
        let reply = api.send_json("PATCH", &format!("{USERS}/{ADA}"), &change).await;
        assert_eq!(status(&reply), kept, "{change}: {}", reply.text);
    }
    let query = json!({"query": {"filter": {"role": {"name": {"_eq": "Administrator"}}}}});
    assert_eq!(status(&api.send_json("DELETE", USERS, &query).await), kept);
    assert_eq!(status(&api.send("DELETE", &format!("{USERS}/{ADA}")).await), kept);
    assert_eq!(directory(&running).await, before);
    // What does not end the rights is allowed.
    assert_eq!(api.send_json("PATCH", &format!("{USERS}/{ADA}"), &json!({"first_name": "A"})).await.status, 200);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_of_all_organisations_may_leave_while_another_one_stays() {
    let (running, api) = administered().await;
    assert_eq!(api.send("DELETE", &format!("{USERS}/{ADA}")).await.status, 204);
    assert_eq!(api.send("GET", USERS).await.status, 401);
    let other = running.api.with_token(Some(OTHER_ADMIN));
    assert_eq!(other.send("DELETE", &format!("{USERS}/{BEA}")).await.status, 422);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_overtaken_by_the_end_of_the_rights_is_the_last_one() {
    // The other administrator's token ends while a request with it is answered: the next one is refused.
    let running = setup().start().await;
    let (ada, bea) = (running.api.with_token(Some(ADMIN)), running.api.with_token(Some(OTHER_ADMIN)));
    for round in 0..5 {
        let path = format!("{USERS}/{BEA}");
        let suspend = json!({"status": "suspended"});
        let name = json!({"first_name": format!("B{round}")});
        let wim = format!("{USERS}/{WIM}");
        let (suspended, _) = tokio::join!(ada.send_json("PATCH", &path, &suspend), bea.send_json("PATCH", &wim, &name));
        assert_eq!(suspended.status, 200);
        assert_eq!(bea.send("GET", USERS).await.status, 401);
        assert_eq!(ada.send_json("PATCH", &path, &json!({"status": "active"})).await.status, 200);
    }
    running.stop().await;
}
