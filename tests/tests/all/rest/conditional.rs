//! ETag and 304, HEAD, OPTIONS and CORS, the paths of `/server`, and users.

use serde_json::{Value, json};

use super::{ADMIN, READER, WRITER, seeded};
use crate::support::api::RESERVATIONS;

const ROW: &str = "/items/code_reservation/03343178-982f-4b83-8dcb-916595070e51";

#[tokio::test(flavor = "multi_thread")]
async fn who_has_an_answer_gets_304_until_it_changes() {
    let server = seeded().start().await;
    for path in [RESERVATIONS, ROW, "/users/me", "/files", "/items/code_reservation?export=csv&fields=id"] {
        let first = server.get(path, ADMIN).await;
        let tag = first.header("etag").to_owned();
        assert!(tag.starts_with("W/\"") && tag.ends_with('"'), "{path}: {tag}");
        let strong = tag.trim_start_matches("W/").to_owned();
        let list = format!("\"other\", {tag}");
        for known in [tag.as_str(), strong.as_str(), list.as_str(), "*"] {
            let again = server.send("GET", path, Some(ADMIN), &[("if-none-match", known)], None).await;
            assert_eq!(
                (again.status, again.text.as_str(), again.header("etag")),
                (304, "", tag.as_str()),
                "{path} {known}"
            );
            assert_eq!(again.header("content-type"), "");
        }
        let other = server.send("GET", path, Some(ADMIN), &[("if-none-match", "W/\"other\"")], None).await;
        assert_eq!(other.shape(), first.shape());
        // A caller without the right gets no 304.
        let stranger = server.send("GET", path, Some("bad"), &[("if-none-match", &tag)], None).await;
        assert_eq!(stranger.status, 401);
    }
    let tag = server.get(ROW, ADMIN).await.header("etag").to_owned();
    let written = server.json("PATCH", ROW, ADMIN, &json!({"reference_id": "other"})).await;
    assert_eq!((written.status, written.header("etag")), (200, ""));
    let changed = server.send("GET", ROW, Some(ADMIN), &[("if-none-match", &tag)], None).await;
    assert_eq!((changed.status, &changed.data()["reference_id"]), (200, &json!("other")));
    assert_ne!(changed.header("etag"), tag);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn head_is_get_without_its_body() {
    let server = seeded().start().await;
    for (path, token) in [
        (RESERVATIONS, Some(ADMIN)),
        (ROW, Some(ADMIN)),
        ("/items/code_reservation/deadbeef-0000-4000-8000-00000000dead", Some(ADMIN)),
        (RESERVATIONS, None),
        ("/users/me", Some(READER)),
        ("/server/ping", None),
        ("/server/health", Some(ADMIN)),
        ("/nowhere", Some(ADMIN)),
        ("/assets/f11e0000-0000-4000-8000-000000000001", Some(ADMIN)),
    ] {
        let get = server.send("GET", path, token, &[], None).await;
        let head = server.send("HEAD", path, token, &[], None).await;
        assert_eq!((head.status, head.text.as_str()), (get.status, ""), "{path}");
        for header in ["content-type", "content-length", "etag", "cache-control", "vary"] {
            assert_eq!(head.header(header), get.header(header), "{path} {header}");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_of_the_configured_origins_may_call() {
    let here = "https://app.example.com";
    let server = seeded().parameter("CorsOrigins", format!("{here},https://b.example")).start().await;
    let preflight = [
        ("origin", here),
        ("access-control-request-method", "PATCH"),
        ("access-control-request-headers", "authorization,content-type,idempotency-key"),
    ];
    let reply = server.send("OPTIONS", ROW, None, &preflight, None).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("access-control-allow-origin"), here);
    assert!(reply.header("access-control-allow-methods").contains("PATCH"));
    let allowed = reply.header("access-control-allow-headers").to_lowercase();
    for header in ["authorization", "content-type", "idempotency-key", "if-none-match"] {
        assert!(allowed.contains(header), "{header}");
    }
    assert_eq!(reply.header("access-control-allow-credentials"), "true");
    assert_eq!(reply.header("allow"), "GET,HEAD,PATCH,DELETE");
    // Errors have the headers too; otherwise a browser hides them from the page.
    for (path, token, status) in [
        (RESERVATIONS, Some(ADMIN), 200),
        (RESERVATIONS, None, 403),
        (RESERVATIONS, Some("bad"), 401),
        ("/x", Some(ADMIN), 404),
    ] {
        let reply = server.send("GET", path, token, &[("origin", here)], None).await;
        assert_eq!((reply.status, reply.header("access-control-allow-origin")), (status, here));
        assert!(reply.header("access-control-expose-headers").to_lowercase().contains("etag"));
        assert!(reply.header("vary").contains("Origin"));
    }
    let stranger = server.send("GET", RESERVATIONS, Some(ADMIN), &[("origin", "https://evil.example")], None).await;
    assert_eq!((stranger.status, stranger.header("access-control-allow-origin")), (200, ""));
    server.stop().await;

    let server = seeded().parameter("CorsOrigins", "*").start().await;
    let reply = server.send("GET", RESERVATIONS, Some(ADMIN), &[("origin", "https://any.example")], None).await;
    assert_eq!(reply.header("access-control-allow-origin"), "*");
    // With `*`, pages of every origin may call, but without credentials.
    assert_eq!(reply.header("access-control-allow-credentials"), "");
    server.stop().await;

    let server = seeded().start().await;
    let reply = server.send("GET", RESERVATIONS, Some(ADMIN), &[("origin", here)], None).await;
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, ""));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_own_paths() {
    let server = seeded().start().await;
    for token in [None, Some("bad"), Some(READER)] {
        let ping = server.send("GET", "/server/ping", token, &[], None).await;
        assert_eq!((ping.status, ping.text.as_str()), (200, "pong"));
    }
    let health = server.send("GET", "/server/health", None, &[], None).await;
    assert_eq!((health.status, health.json()), (200, json!({"status": "ok"})));

    let not_found = |path: &str| {
        json!({"errors": [{"message": format!("Route {path} doesn't exist."),
        "extensions": {"path": path, "code": "ROUTE_NOT_FOUND"}}]})
    };
    for (method, path) in [
        ("POST", "/"),
        ("GET", "/nowhere"),
        ("POST", "/nowhere/at/all"),
        ("PUT", ROW),
        ("PUT", "/users"),
        ("DELETE", "/files/f11e0000-0000-4000-8000-000000000001"),
        ("POST", "/server/ping"),
        ("GET", "/server/info/more"),
    ] {
        let reply = server.send(method, path, Some(ADMIN), &[], None).await;
        assert_eq!((reply.status, reply.json()), (404, not_found(path)), "{method} {path}");
        assert_eq!(server.send(method, path, Some("bad"), &[], None).await.status, 401, "{method} {path}");
    }
    for collection in ["product", "purchase_order", "nope"] {
        let reply = server.get(&format!("/items/{collection}"), ADMIN).await;
        assert_eq!((reply.status, reply.code().as_str()), (403, "FORBIDDEN"));
        assert!(reply.reason().contains(&format!("collection \"{collection}\"")));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_shown_as_the_role_allows() {
    let server = seeded().start().await;
    let me = async |token: &str| server.get("/users/me", token).await;
    assert_eq!(me(READER).await.data(), json!({"id": "b0b00000-0000-4000-8000-000000000002"}));
    assert_eq!(me("noperm-token").await.data(), json!({"id": "ca401000-0000-4000-8000-000000000003"}));
    assert_eq!(me(ADMIN).await.data()["email"], json!("alice@example.com"));
    let alice = "/users/a11ce000-0000-4000-8000-000000000001";
    assert_eq!(server.get(alice, WRITER).await.data()["first_name"], json!("Alice"));
    assert_eq!(server.get(alice, READER).await.status, 403);
    assert_eq!(server.get("/users", READER).await.status, 403);
    assert_eq!(server.get("/users", WRITER).await.data().as_array().map(Vec::len), Some(4));
    assert_eq!(server.send("GET", "/users/me", None, &[], None).await.status, 401);
    assert_eq!(server.get("/users/deadbeef-0000-4000-8000-00000000dead", ADMIN).await.status, 403);
    // Each role and action. A missing right is an error before the row is read.
    let new = json!({"reserved_for": "ORG-CUSTOM-3", "code_type": "short_code", "quantity": 1});
    for (token, reads, writes) in
        [(ADMIN, 200, 200), (WRITER, 200, 200), (READER, 200, 403), ("noperm-token", 403, 403)]
    {
        assert_eq!(server.get(RESERVATIONS, token).await.status, reads, "{token}");
        assert_eq!(server.get(ROW, token).await.status, reads, "{token}");
        assert_eq!(server.json("POST", RESERVATIONS, token, &new).await.status, writes, "{token}");
        let patched = server.json("PATCH", ROW, token, &json!({"reference_id": "x"})).await;
        assert_eq!(patched.status, writes, "{token}");
        if writes == 403 {
            let unknown = "/items/code_reservation/deadbeef-0000-4000-8000-00000000dead";
            for method in ["PATCH", "DELETE"] {
                let known = server.json(method, ROW, token, &Value::Null).await;
                assert_eq!(known.shape(), server.json(method, unknown, token, &Value::Null).await.shape(), "{token}");
                assert!(known.reason().contains("collection \"code_reservation\""), "{token} {method}");
            }
        }
    }
    server.stop().await;
}
