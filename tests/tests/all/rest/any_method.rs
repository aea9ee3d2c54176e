//! The routes for any method of the reservations: SEARCH arrives by them, all other methods are answered as before.

use serde_json::{Value, json};

use super::{ADMIN, READER, seeded};
use crate::support::api::RESERVATIONS;

const ROW: &str = "/items/code_reservation/03343178-982f-4b83-8dcb-916595070e51";

#[tokio::test(flavor = "multi_thread")]
async fn search_lists_and_does_not_read_a_single_row() {
    let server = seeded().start().await;
    let query = json!({"filter": {"status": {"_eq": "error"}}, "fields": ["id", "status"], "sort": ["id"], "limit": 2});
    let by_get = format!("{RESERVATIONS}?filter[status][_eq]=error&fields=id,status&sort=id&limit=2");
    let expected = server.get(&by_get, ADMIN).await.data();
    for path in [RESERVATIONS.to_owned(), format!("{RESERVATIONS}/")] {
        for token in [ADMIN, READER] {
            let reply = server.json("SEARCH", &path, token, &json!({"query": query})).await;
            assert_eq!(reply.data(), expected, "{path} {token}");
        }
        let nobody = server.send("SEARCH", &path, None, &[], None).await;
        assert_eq!((nobody.status, nobody.code().as_str()), (403, "FORBIDDEN"), "{path}");
        assert_eq!(server.json("SEARCH", &path, "bad", &json!({})).await.status, 401, "{path}");
    }
    for path in [ROW.to_owned(), format!("{ROW}/"), format!("{ROW}/x"), format!("{RESERVATIONS}/nope")] {
        let reply = server.json("SEARCH", &path, ADMIN, &json!({"query": query})).await;
        assert_eq!((reply.status, reply.code().as_str()), (404, "ROUTE_NOT_FOUND"), "{path}: {}", reply.text);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_without_a_route_of_its_own_is_no_route() {
    let server = seeded().start().await;
    for method in ["PUT", "TRACE", "LINK", "PROPFIND", "search", "QUERY"] {
        for path in [
            RESERVATIONS.to_owned(),
            format!("{RESERVATIONS}/"),
            ROW.to_owned(),
            format!("{ROW}/"),
            format!("{ROW}/x/y"),
        ] {
            let reply = server.json(method, &path, ADMIN, &json!({"quantity": 1})).await;
            let extensions = json!({"path": path, "code": "ROUTE_NOT_FOUND"});
            let entry = json!({"message": format!("Route {path} doesn't exist."), "extensions": extensions});
            assert_eq!((reply.status, reply.json()), (404, json!({"errors": [entry]})), "{method} {path}");
            assert_eq!(server.json(method, &path, "bad", &Value::Null).await.status, 401, "{method} {path}");
        }
    }
    for (path, methods) in [
        (RESERVATIONS.to_owned(), "POST,SEARCH,GET,HEAD,PATCH,DELETE"),
        (format!("{RESERVATIONS}/"), "POST,SEARCH,GET,HEAD,PATCH,DELETE"),
        (ROW.to_owned(), "GET,HEAD,PATCH,DELETE"),
        (format!("{ROW}/"), "GET,HEAD,PATCH,DELETE"),
    ] {
        let reply = server.send("OPTIONS", &path, None, &[], None).await;
        assert_eq!(reply.shape(), (200, methods.to_owned()), "{path}");
        assert_eq!(reply.header("allow"), methods, "{path}");
    }
    server.stop().await;
}
