//! Users: the forms of Directus, tokens, what is refused.

use serde_json::{Value, json};

use super::{ACME, ADA, ADMIN, BEA, CHOSEN, LEA, USERS, WIM, WRITER, administered, audits, directory, refusal, setup};
use crate::support::api::encoded;

const RITA: &str = "0193bbbb-0000-4000-8000-000000000001";

fn rita() -> Value {
    json!({"id": RITA, "email": "Rita@example.com", "first_name": "Rita", "role": "reader", "organisations": [ACME]})
}

fn with(members: Value) -> Value {
    crate::support::api::with(&rita(), members)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_created_read_changed_and_deleted_in_the_shape_of_directus() {
    let (running, api) = administered().await;
    let roles = api.send("GET", "/users/me?fields=role.id").await.data();
    let admin_role = roles["role"]["id"].as_str().unwrap().to_owned();
    let made = api.send_json("POST", USERS, &with(json!({ "token": CHOSEN }))).await.data();
    let read = api.send("GET", &format!("{USERS}/{RITA}")).await.data();
    assert_eq!(made, read, "the answer of a write is that of a read");
    assert_eq!(
        (&made["email"], &made["status"], &made["token"]),
        (&json!("Rita@example.com"), &json!("active"), &json!("**********"))
    );
    assert!(made.get("organisations").is_none(), "only when it is named");
    let named = api.send("GET", &format!("{USERS}/{RITA}?fields=organisations,role.name")).await.data();
    assert_eq!(named, json!({"organisations": [ACME], "role": {"name": "Reader"}}));
    let hers = running.api.with_token(Some(CHOSEN));
    assert_eq!(hers.send("GET", "/users/me").await.data(), json!({ "id": RITA }));

    let path = format!("{USERS}/{RITA}?fields=first_name,email,role.name,organisations");
    for (change, shown) in [
        (
            json!({"first_name": "R", "email": null}),
            json!({"first_name": "R", "email": null, "role": {"name": "Reader"}, "organisations": [ACME]}),
        ),
        (
            json!({"role": admin_role}),
            json!({"first_name": "R", "email": null, "role": {"name": "Administrator"}, "organisations": [ACME]}),
        ),
        (
            json!({"role": {"id": admin_role}}),
            json!({"first_name": "R", "email": null, "role": {"name": "Administrator"}, "organisations": [ACME]}),
        ),
        (
            json!({"role": "writer", "organisations": "*"}),
            json!({"first_name": "R", "email": null, "role": {"name": "Writer"}, "organisations": "*"}),
        ),
        (
            json!({"role": null, "organisations": []}),
            json!({"first_name": "R", "email": null, "role": null, "organisations": []}),
        ),
        (
            json!({"id": RITA, "location": null}),
            json!({"first_name": "R", "email": null, "role": null, "organisations": []}),
        ),
    ] {
        assert_eq!(api.send_json("PATCH", &path, &change).await.data(), shown, "{change}");
        assert_eq!(api.send("GET", &path).await.data(), shown, "{change}");
    }
    // A filter leaves the row out of the answer, not out of the table.
    let left_out =
        api.send_json("PATCH", &format!("{USERS}/{RITA}?filter[first_name][_eq]=x"), &json!({"first_name": "Q"})).await;
    assert_eq!((left_out.status, left_out.text.as_str()), (204, ""));
    let csv = api.send_json("PATCH", &format!("{USERS}/{RITA}?export=csv&fields=id,first_name"), &json!({})).await;
    assert_eq!((csv.status, csv.text.as_str()), (200, format!("\"id\",\"first_name\"\n\"{RITA}\",\"Q\"").as_str()));

    let gone = api.send("DELETE", &format!("{USERS}/{}/", RITA.to_uppercase())).await;
    assert_eq!((gone.status, gone.text.as_str()), (204, ""));
    assert_eq!(hers.send("GET", "/users/me").await.status, 401);
    assert_eq!(api.send("GET", &path).await.status, 403);
    assert_eq!(api.send("DELETE", &format!("{USERS}/{RITA}")).await.status, 403);
    assert!(!directory(&running).await.keys().any(|(_, id)| id == RITA));

    let actions: Vec<_> =
        audits(&running).await.into_iter().map(|audit| (audit.by, audit.action, audit.object)).collect();
    assert!(actions.iter().all(|(by, _, object)| *by == format!("user:{ADA}") && *object == format!("user {RITA}")));
    let names: Vec<&str> = actions.iter().map(|(_, action, _)| action.as_str()).collect();
    assert_eq!(names, ["user.remove", "user.set", "user.set", "user.set", "user.set", "user.set", "user.add"]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_stored_as_a_hash_shown_nowhere_and_ends_with_the_next_request() {
    let (running, api) = administered().await;
    let path = format!("{USERS}/{WIM}");
    let me = async |token: &str| running.get("/users/me?fields=id", token).await.status;
    assert_eq!(me(WRITER).await, 200);
    let set = api.send_json("PATCH", &path, &json!({ "token": CHOSEN })).await;
    assert_eq!((set.data()["token"].as_str(), me(WRITER).await, me(CHOSEN).await), (Some("**********"), 401, 200));
    // The same token again changes nothing and ends nothing.
    let before = audits(&running).await.len();
    assert_eq!(api.send_json("PATCH", &path, &json!({ "token": CHOSEN })).await.status, 200);
    assert_eq!((audits(&running).await.len(), me(CHOSEN).await), (before, 200));
    let other = format!("{CHOSEN}-2");
    api.send_json("PATCH", &path, &json!({"token": other, "first_name": "W"})).await.data();
    assert_eq!((me(CHOSEN).await, me(&other).await), (401, 200));

    // Nobody has it twice, and the error does not repeat it.
    let taken = api.send_json("PATCH", &format!("{USERS}/{BEA}"), &json!({ "token": other })).await;
    assert_eq!((taken.status, taken.code().as_str(), taken.text.contains(&other)), (400, "RECORD_NOT_UNIQUE", false));
    assert_eq!(taken.json()["errors"][0]["extensions"]["field"], "token");
    let all = format!("{:?} {:?}", directory(&running).await, audits(&running).await);
    assert!(!all.contains(CHOSEN), "a token is nowhere but in its hash");
    assert!(all.contains(&common::store::token_hash(&other)));

    let none = api.send_json("PATCH", &path, &json!({ "token": null })).await;
    assert_eq!((none.data()["token"].clone(), me(&other).await), (Value::Null, 401));
    let tokens = directory(&running).await.into_keys().filter(|(kind, _)| kind == "token").count();
    assert_eq!(tokens, 3, "those of the others");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_token_can_be_replaced_and_the_old_one_ends() {
    let (running, api) = administered().await;
    let own = format!("{USERS}/{ADA}");
    assert_eq!(api.send_json("PATCH", &own, &json!({ "token": CHOSEN })).await.status, 200);
    assert_eq!(api.send("GET", USERS).await.status, 401);
    assert_eq!(running.get(USERS, CHOSEN).await.status, 200);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_a_rule_is_refused_with_the_member_and_changes_nothing() {
    let (running, api) = administered().await;
    let before = directory(&running).await;
    let long = "x".repeat(256);
    for (body, status, code, what) in [
        (with(json!({"token": "x".repeat(31)})), 400, "FAILED_VALIDATION", "token"),
        (with(json!({ "token": long })), 400, "FAILED_VALIDATION", "token"),
        (with(json!({"token": "**********"})), 400, "FAILED_VALIDATION", "token"),
        (with(json!({"token": "é".repeat(40)})), 400, "FAILED_VALIDATION", "token"),
        (with(json!({"token": format!("{CHOSEN} {CHOSEN}")})), 400, "FAILED_VALIDATION", "token"),
        (with(json!({"token": 12345678901234567890123456789012_f64})), 400, "FAILED_VALIDATION", "token"),
        (with(json!({"token": [CHOSEN]})), 400, "FAILED_VALIDATION", "token"),
        (with(json!({"role": "root"})), 400, "FAILED_VALIDATION", "role"),
        (with(json!({"role": "Admin"})), 400, "FAILED_VALIDATION", "role"),
        (with(json!({"role": ["admin"]})), 400, "FAILED_VALIDATION", "role"),
        (with(json!({"role": "0193bbbb-0000-4000-8000-000000000099"})), 400, "FAILED_VALIDATION", "role"),
        (with(json!({"role": {"name": "x"}})), 403, "FORBIDDEN", ""),
        (with(json!({"role": {"id": "admin", "policies": []}})), 403, "FORBIDDEN", ""),
        (with(json!({"organisations": "all"})), 400, "FAILED_VALIDATION", "organisations"),
        (with(json!({"organisations": ["*"]})), 400, "FAILED_VALIDATION", "organisations"),
        (with(json!({"organisations": [{"id": ACME}]})), 400, "FAILED_VALIDATION", "organisations"),
        (with(json!({"organisations": [ACME, ACME]})), 400, "FAILED_VALIDATION", "organisations"),
        (with(json!({"organisations": null})), 400, "FAILED_VALIDATION", "organisations"),
        (json!({"email": "n@example.com", "role": "reader"}), 400, "FAILED_VALIDATION", "organisations"),
        (json!({"email": "n@example.com", "organisations": "*"}), 400, "FAILED_VALIDATION", "role"),
        (with(json!({"email": "nobody"})), 400, "FAILED_VALIDATION", "email"),
        (with(json!({"email": "ADA@example.com"})), 400, "RECORD_NOT_UNIQUE", "email"),
        (with(json!({ "id": WIM })), 400, "RECORD_NOT_UNIQUE", "id"),
        (with(json!({ "id": WIM.to_uppercase() })), 400, "RECORD_NOT_UNIQUE", "id"),
        (with(json!({"id": "me"})), 400, "FAILED_VALIDATION", "id"),
        (with(json!({"id": 5})), 400, "FAILED_VALIDATION", "id"),
        (with(json!({"status": "on"})), 400, "FAILED_VALIDATION", "status"),
        (with(json!({"status": null})), 400, "FAILED_VALIDATION", "status"),
        (with(json!({"first_name": " Rita"})), 400, "FAILED_VALIDATION", "first_name"),
        (with(json!({"first_name": "Ri\u{7}ta"})), 400, "FAILED_VALIDATION", "first_name"),
        (with(json!({ "last_name": long })), 400, "FAILED_VALIDATION", "last_name"),
        (with(json!({"password": "secret"})), 400, "INVALID_PAYLOAD", ""),
        (with(json!({"policies": ["x"]})), 400, "INVALID_PAYLOAD", ""),
        (with(json!({"has_token": true})), 403, "FORBIDDEN", ""),
        (with(json!({"kind": "token"})), 403, "FORBIDDEN", ""),
        (json!("text"), 400, "INVALID_PAYLOAD", ""),
        (json!([with(json!({})), 5]), 400, "INVALID_PAYLOAD", ""),
    ] {
        let reply = api.send_json("POST", USERS, &body).await;
        let (given, of, member) = refusal(&reply);
        assert_eq!((given, of.as_str()), (status, code), "{body}: {}", reply.text);
        assert!(what.is_empty() || member == what, "{body}: {}", reply.text);
        // The same in a change, if it is about members that a change may have.
        if body.is_object() && body.get("id") == Some(&json!(RITA)) && what != "organisations" {
            let mut change = body.clone();
            change.as_object_mut().unwrap().remove("id");
            let reply = api.send_json("PATCH", &format!("{USERS}/{WIM}"), &change).await;
            assert_eq!((reply.status, reply.code().as_str()), (status, code), "{change}: {}", reply.text);
        }
        assert_eq!(directory(&running).await, before, "{body}");
    }
    // What the answer cannot show is refused before the write.
    let unknown = api.send_json("POST", &format!("{USERS}?fields=nope"), &rita()).await;
    assert_eq!((unknown.status, directory(&running).await), (403, before.clone()));
    for (path, body) in [
        ("/users/me", json!({"first_name": "A"})),
        ("/users/nobody", json!({"first_name": "A"})),
        ("/users/0193bbbb-0000-4000-8000-0000000000ff", json!({"first_name": "A"})),
        ("/users/a11ce00000004000800000000000000a", json!({"first_name": "A"})),
    ] {
        let reply = api.send_json("PATCH", path, &body).await;
        assert_eq!((reply.status, reply.code().as_str()), (403, "FORBIDDEN"), "{path}");
    }
    let other_key = api.send_json("PATCH", &format!("{USERS}/{WIM}"), &json!({ "id": BEA })).await;
    assert_eq!((other_key.status, other_key.code().as_str()), (400, "INVALID_PAYLOAD"));
    let array = api.send_json("PATCH", &format!("{USERS}/{WIM}"), &json!([{"first_name": "A"}])).await;
    assert_eq!((array.status, array.code().as_str()), (400, "INVALID_PAYLOAD"));
    assert_eq!(api.send_json("PATCH", &format!("{USERS}/{WIM}/token"), &json!({})).await.status, 404);
    assert_eq!(directory(&running).await, before);
    assert_eq!(audits(&running).await.len(), 0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_array_is_written_whole_or_not_at_all_and_names_every_bad_row() {
    let (running, api) = administered().await;
    let before = directory(&running).await;
    let user = |n: u32, more: Value| {
        let plain = json!({"email": format!("u{n}@example.com"), "role": "reader", "organisations": [ACME]});
        crate::support::api::with(&plain, more)
    };
    let indexes = |reply: &crate::support::api::Reply| -> Vec<(u64, String)> {
        let errors = reply.json()["errors"].as_array().cloned().unwrap_or_default();
        let one = |error: &Value| {
            let extensions = &error["extensions"];
            (extensions["index"].as_u64().unwrap(), extensions["field"].as_str().unwrap_or_default().to_owned())
        };
        errors.iter().map(one).collect()
    };
    let bad = json!([
        user(0, json!({})),
        user(1, json!({"role": "root"})),
        user(2, json!({"email": "U0@example.com"})),
        user(3, json!({"external_identifier": "sub", "token": CHOSEN})),
        user(4, json!({"external_identifier": "sub"})),
        user(5, json!({"token": CHOSEN})),
        user(6, json!({"id": RITA})),
        user(7, json!({"id": RITA})),
        user(8, json!({"id": WIM})),
    ]);
    let reply = api.send_json("POST", USERS, &bad).await;
    let named = |rows: &[(u64, &str)]| -> Vec<(u64, String)> {
        rows.iter().map(|(at, field)| (*at, (*field).to_owned())).collect()
    };
    assert_eq!(reply.status, 400);
    assert_eq!(
        indexes(&reply),
        named(&[(1, "role"), (2, "email"), (4, "external_identifier"), (5, "token"), (7, "id"), (8, "id")])
    );
    assert_eq!(directory(&running).await, before);

    let good: Vec<Value> = (10..30).map(|n| user(n, json!({}))).collect();
    let made = api.send_json("POST", &format!("{USERS}?fields=email&sort=email&limit=-1"), &json!(good)).await.data();
    assert_eq!(made.as_array().unwrap().len(), 20);
    assert_eq!(made[0], json!({"email": "u10@example.com"}));
    assert_eq!(api.send_json("POST", USERS, &json!([])).await.data(), json!([]));
    // More than a transaction holds.
    let many: Vec<Value> = (100..160).map(|n| user(n, json!({}))).collect();
    let before = directory(&running).await;
    let refused = api.send_json("POST", USERS, &json!(many)).await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "INVALID_PAYLOAD"));
    assert!(refused.reason().contains("100 at most"), "{}", refused.text);
    let far_more: Vec<Value> = (200..301).map(|n| user(n, json!({}))).collect();
    assert_eq!(api.send_json("POST", USERS, &json!(far_more)).await.status, 400);
    assert_eq!(directory(&running).await, before);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_users_are_changed_and_deleted_by_keys_by_query_and_row_by_row() {
    let (running, api) = administered().await;
    let names = async || -> Value { api.send("GET", &format!("{USERS}?fields=first_name&sort=id")).await.data() };
    let of = |names: &[&str]| -> Value { names.iter().map(|name| json!({ "first_name": name })).collect() };
    let keys = api
        .send_json(
            "PATCH",
            &format!("{USERS}?fields=id"),
            &json!({"keys": [WIM, LEA, WIM], "data": {"first_name": "K"}}),
        )
        .await;
    assert_eq!(keys.data(), json!([{"id": WIM}, {"id": LEA}]));
    assert_eq!(names().await, of(&["Ada", "Bea", "K", "K"]));
    let rows =
        json!([{"id": WIM, "first_name": "W"}, {"id": LEA, "first_name": "L"}, {"id": WIM, "last_name": "Twice"}]);
    api.send_json("PATCH", USERS, &rows).await.data();
    assert_eq!(names().await, of(&["Ada", "Bea", "W", "L"]));
    let query = json!({"query": {"filter": {"first_name": {"_in": ["W", "L"]}}, "sort": ["-id"], "limit": 1}, "data": {"first_name": "Q"}});
    assert_eq!(api.send_json("PATCH", &format!("{USERS}?fields=id"), &query).await.data(), json!([{"id": LEA}]));
    assert_eq!(names().await, of(&["Ada", "Bea", "W", "Q"]));

    // Every row is judged, and none is written.
    let bad = json!([{"id": WIM, "first_name": "Z"}, {"first_name": "Z"}, {"id": "x"}, {"id": RITA, "first_name": "Z"}, {"id": LEA, "email": "ada@example.com"}]);
    let reply = api.send_json("PATCH", USERS, &bad).await;
    let errors = reply.json()["errors"].clone();
    let codes: Vec<(u64, &str)> = errors
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (error["extensions"]["index"].as_u64().unwrap(), error["extensions"]["code"].as_str().unwrap()))
        .collect();
    // What a row says by itself comes before what is stored.
    assert_eq!(codes, [(1, "INVALID_PAYLOAD"), (2, "FORBIDDEN")], "{errors}");
    let bad = json!([{"id": WIM, "first_name": "Z"}, {"id": RITA, "first_name": "Z"}, {"id": LEA, "email": "ada@example.com"}]);
    let errors = api.send_json("PATCH", USERS, &bad).await.json()["errors"].clone();
    let codes: Vec<&str> =
        errors.as_array().unwrap().iter().map(|error| error["extensions"]["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["FORBIDDEN", "RECORD_NOT_UNIQUE"], "{errors}");
    for body in [
        json!({"query": {}, "data": {"first_name": "Z"}}),
        json!({"query": {"filter": {"id": {}}}, "data": {"first_name": "Z"}}),
        json!({"query": {"filter": {"token": {"_eq": "**********"}}}, "data": {"first_name": "Z"}}),
        json!({"keys": [WIM], "data": {"id": BEA}}),
        json!({"keys": [WIM]}),
        json!({"keys": WIM, "data": {}}),
        json!({"keys": [WIM], "query": {}, "data": {}}),
        json!({"keys": [WIM], "data": {"first_name": "Z"}, "filter": {}}),
        json!({"keys": [WIM, LEA], "data": {"token": CHOSEN}}),
        json!({"keys": [WIM, LEA], "data": {"email": "same@example.com"}}),
        json!({"query": {"limit": -1}, "data": {"id": WIM}}),
    ] {
        let reply = api.send_json("PATCH", USERS, &body).await;
        assert_eq!(reply.status, 400, "{body}: {}", reply.text);
    }
    assert_eq!(names().await, of(&["Ada", "Bea", "W", "Q"]));
    for body in [json!({}), json!({"query": {"filter": {}}}), json!({"keys": WIM}), json!("x")] {
        assert_eq!(api.send_json("DELETE", USERS, &body).await.status, 400, "{body}");
    }
    let beside = format!("{USERS}?filter={}", encoded(&json!({"id": {"_eq": BEA}})));
    assert_eq!(api.send_json("DELETE", &beside, &json!([WIM])).await.status, 400, "the query string selects nothing");
    assert_eq!(api.send_json("DELETE", USERS, &json!([WIM, RITA])).await.status, 403);
    assert_eq!(names().await, of(&["Ada", "Bea", "W", "Q"]));
    assert_eq!(
        api.send_json("DELETE", USERS, &json!({"query": {"filter": {"first_name": {"_eq": "nobody"}}}})).await.status,
        204
    );
    assert_eq!(
        api.send_json("DELETE", USERS, &json!({"query": {"filter": {"first_name": {"_eq": "W"}}}})).await.status,
        204
    );
    assert_eq!(names().await, of(&["Ada", "Bea", "Q"]));
    assert_eq!(api.send_json("DELETE", USERS, &json!({"keys": [LEA, LEA]})).await.status, 204);
    assert_eq!(names().await, of(&["Ada", "Bea"]));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_item_and_no_transaction_can_hold_is_refused_before_it_is_written() {
    let (running, api) = administered().await;
    let before = directory(&running).await;
    let long: Vec<String> = (0..1_000).map(|n| format!("{n}-{}", "é".repeat(200))).collect();
    let reply = api.send_json("PATCH", &format!("{USERS}/{WIM}"), &json!({ "organisations": long })).await;
    assert_eq!(refusal(&reply), (400, "FAILED_VALIDATION".to_owned(), "organisations".to_owned()));
    let many: Vec<Value> =
        (0..45).map(|n| json!({"role": "reader", "organisations": [], "first_name": format!("N{n}")})).collect();
    let made = api.send_json("POST", &format!("{USERS}?fields=id&limit=-1"), &json!(many)).await.data();
    let keys: Vec<&Value> = made.as_array().unwrap().iter().map(|row| &row["id"]).collect();
    let list: Vec<String> = (0..250).map(|n| format!("{n}-{}", "x".repeat(200))).collect();
    let reply = api.send_json("PATCH", USERS, &json!({"keys": keys, "data": {"organisations": list}})).await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "INVALID_PAYLOAD"), "{}", reply.text);
    assert!(reply.reason().contains("bytes"), "{}", reply.text);
    assert_eq!(directory(&running).await.len(), before.len() + 45);
    let few = json!({"keys": keys[..3], "data": {"organisations": list}});
    assert_eq!(api.send_json("PATCH", USERS, &few).await.status, 200);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_identifier_and_an_address_become_free_with_the_user() {
    let (running, api) = administered().await;
    let identified = with(json!({"external_identifier": "sub-1", "token": CHOSEN}));
    for _ in 0..2 {
        let made = api.send_json("POST", USERS, &identified).await.data();
        assert_eq!((&made["provider"], &made["external_identifier"]), (&json!("oidc"), &json!("**********")));
        let taken = api.send_json("PATCH", &format!("{USERS}/{WIM}"), &json!({"external_identifier": "sub-1"})).await;
        assert_eq!(refusal(&taken), (400, "RECORD_NOT_UNIQUE".to_owned(), "external_identifier".to_owned()));
        assert_eq!(api.send("DELETE", &format!("{USERS}/{RITA}")).await.status, 204);
        let left = directory(&running).await.into_keys().filter(|(kind, id)| kind == "subject" || id == RITA).count();
        assert_eq!(left, 0);
    }
    // A value that moves from one row of a request to another would be two writes of one item.
    api.send_json("POST", USERS, &identified).await.data();
    let moved = json!([{"id": RITA, "external_identifier": null}, {"id": WIM, "external_identifier": "sub-1"}]);
    assert_eq!(api.send_json("PATCH", USERS, &moved).await.status, 400);
    let moved = json!([{"id": RITA, "email": null}, {"id": WIM, "email": "rita@example.com"}]);
    assert_eq!(api.send_json("PATCH", USERS, &moved).await.status, 200, "an address is no item");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_user_is_refused_and_one_without_a_role_may_do_nothing() {
    let (running, api) = administered().await;
    let wim = async || running.get("/items/code_reservation?limit=1", WRITER).await.status;
    assert_eq!(wim().await, 200);
    for (change, status) in [
        (json!({"status": "suspended"}), 401),
        (json!({"status": "active"}), 200),
        (json!({"role": null}), 403),
        (json!({"role": "reader"}), 200),
        (json!({"status": "draft"}), 401),
    ] {
        api.send_json("PATCH", &format!("{USERS}/{WIM}"), &change).await.data();
        assert_eq!(wim().await, status, "{change}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_administrators_write_here_the_command_reads_and_the_other_way_round() {
    let running = setup().serving_admin().start().await;
    let api = running.api.with_token(Some(ADMIN));
    let operated = crate::admin::Operated { url: format!("http://{}", running.system.address().unwrap()), running };
    api.send_json("POST", USERS, &with(json!({ "token": CHOSEN }))).await.data();
    let tokens = operated.json("tokens", &["token", "list", "rita@EXAMPLE.com"]).await;
    assert_eq!(tokens[0]["id"], common::store::token_hash(CHOSEN)[..16]);
    operated.done(&["token", "revoke", tokens[0]["id"].as_str().unwrap()]).await;
    assert_eq!(operated.running.get("/users/me", CHOSEN).await.status, 401);
    let shown = api.send("GET", &format!("{USERS}/{RITA}?fields=token")).await.data();
    assert_eq!(shown, json!({ "token": null }));
    operated.done(&["user", "set", RITA, "--role", "writer"]).await;
    assert_eq!(api.send("GET", &format!("{USERS}/{RITA}?fields=role.name")).await.data()["role"]["name"], "Writer");
    let audits = operated.done(&["audit", "--by", ADA]).await;
    assert!(audits.contains("user.add") && !audits.contains(CHOSEN), "{audits}");
    operated.running.stop().await;
}
