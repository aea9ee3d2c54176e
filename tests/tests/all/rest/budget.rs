//! What one request may compute and hold. Each limit is exceeded by a small request, which is refused by its name;
//! `tests/hostile/run` measures memory and time of such requests on a release build.

use common::directory::{Role, User};
use serde_json::{Value, json};

use super::{ADMIN, READER, WRITER, seeded};
use crate::support::{
    api::{CODES, RESERVATIONS, Reply, encoded},
    harness::{Running, Setup, TOKEN},
    rows::{allocate, reservation, store, user},
};

const ORGANISATION: &str = "/417/9312345000012";

fn input(quantity: u64) -> Value {
    json!({ "reserved_for": ORGANISATION, "code_type": "sgtin", "quantity": quantity, "product": "/01/09521234543213" })
}

/// A reservation with 6,000 codes, and 300 rows with a long text.
async fn filled() -> (Running, String) {
    // The limits are those of the functions. Some need a query string that the gateway of `local` would refuse.
    let server = Setup::new().paused().long_requests().start().await;
    let with_codes = allocate(server.context(), "09521234543213", &[reservation(&input(6_000))]).await;
    let rows: Vec<_> = (0..300)
        .map(|n| {
            let mut row = reservation(&input(1));
            row.reference_id = Some(format!("r{n}"));
            row
        })
        .collect();
    store(server.context(), &rows).await;
    for rows in rows.chunks(100) {
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let body = json!({ "keys": ids, "data": { "error_message": "x".repeat(8_000) } });
        assert_eq!(server.json("PATCH", &format!("{RESERVATIONS}?fields=id"), TOKEN, &body).await.status, 200);
    }
    let id = with_codes.first().unwrap().id.to_string();
    (server, id)
}

async fn search(server: &Running, query: Value) -> Reply {
    server.json("SEARCH", RESERVATIONS, TOKEN, &json!({ "query": query })).await
}

fn aliases(count: usize, of: &str) -> Value {
    (0..count).map(|n| (format!("a{n}"), json!(of))).collect::<serde_json::Map<_, _>>().into()
}

/// The names of such aliases, and the key: a row that shows aliases alone is shown as its key.
fn names(count: usize, suffix: &str) -> Vec<String> {
    (0..count).map(|n| format!("a{n}{suffix}")).chain(["id".to_owned()]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_request_that_asks_for_too_much_is_refused_by_the_name_of_the_limit() {
    let (server, id) = filled().await;
    let contains = |count: usize| -> Vec<Value> {
        (0..count).map(|n| json!({ "error_message": { "_ncontains": format!("y{n}") } })).collect()
    };
    let lookups = |branches: usize, codes: usize| -> Vec<Value> {
        let links = |branch| (0..codes).map(|n| format!("https://x/{branch}/{n}")).collect::<Vec<_>>();
        (0..branches).map(|b| json!({ "codes": { "_some": { "digital_link": { "_in": links(b) } } } })).collect()
    };
    let nested = |leaves: usize| {
        let below: Vec<Value> = (0..leaves).map(|n| json!({ "_eq": n })).collect();
        json!({ "n".repeat(5_000): { "_or": below } })
    };
    let long = |n: usize| format!("{n}{}", "a".repeat(95));
    let cases = [
        ("MAX_VALUES", json!({ "filter": { "_and": contains(6_000) } })),
        ("MAX_VALUES", json!({ "filter": nested(1_000) })),
        ("MAX_VALUES", json!({ "fields": vec!["*"; 2_000], "alias": aliases(1_000, "status") })),
        (
            "MAX_VALUES",
            json!({ "fields": [format!("*.*.{}", "x".repeat(100_000))], "alias": aliases(50, "user_created") }),
        ),
        ("MAX_VALUES", json!({ "filter": { "id": { "_in": ",".repeat(30_000) } } })),
        ("MAX_MEMBERS", json!({ "limit": -1, "fields": names(800, ""), "alias": aliases(800, "status") })),
        (
            "MAX_MEMBERS",
            json!({ "limit": -1, "export": "csv", "fields": names(800, ""), "alias": aliases(800, "status") }),
        ),
        (
            "MAX_MEMBERS",
            json!({ "filter": { "id": { "_eq": id } }, "fields": names(60, ".custom_id"), "alias": aliases(60, "codes"),
            "deep": names(60, "").into_iter().map(|name| (name, json!({ "_limit": 6_000 }))).collect::<serde_json::Map<_, _>>() }),
        ),
        ("MAX_TEXT", json!({ "limit": -1, "fields": names(100, ""), "alias": aliases(100, "error_message") })),
        (
            "MAX_TEXT",
            json!({ "limit": -1, "export": "yaml", "fields": names(100, ""), "alias": aliases(100, "error_message") }),
        ),
        ("MAX_SORT_VALUES", json!({ "limit": -1, "sort": vec!["error_message"; 50] })),
        ("MAX_SORT_VALUES", json!({ "limit": -1, "sort": (["error_message", "-reference_id"].repeat(50)) })),
        ("MAX_EVALUATION", json!({ "limit": 1, "filter": { "_and": contains(2_000) } })),
        ("MAX_EVALUATION", json!({ "aggregate": { "count": "*" }, "filter": { "_and": contains(2_000) } })),
        ("MAX_EVALUATION", json!({ "limit": 1, "sort": "-quantity", "filter": { "_and": contains(2_000) } })),
        (
            "MAX_TEXT",
            json!({ "limit": -1, "groupBy": ["id"], "aggregate": { "max": ["error_message"], "min": ["error_message"] } }),
        ),
        (
            "MAX_TEXT",
            json!({ "limit": -1, "fields": (0..200).map(long).chain(["id".to_owned()]).collect::<Vec<_>>(),
            "alias": (0..200).map(|n| (long(n), json!("year(date_created)"))).collect::<serde_json::Map<_, _>>() }),
        ),
        (
            "MAX_CODES",
            json!({ "filter": { "_or": vec![json!({ "codes": { "_some": { "_and": [
            { "code": { "_in": "a,b,c,d,e,f,g,h,i,j" } }, { "product": { "_in": "a,b,c,d,e,f,g,h,i,j" } }] } } }); 40] } }),
        ),
        ("MAX_CODES", json!({ "filter": { "_or": lookups(4, 90) } })),
        ("MAX_CODES", json!({ "filter": { "_and": lookups(101, 1) } })),
    ];
    for (limit, query) in cases {
        let shown: String = query.to_string().chars().take(120).collect();
        let reply = search(&server, query).await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (400, "INVALID_QUERY"),
            "{limit}: {shown}: {}",
            reply.reason()
        );
        assert!(reply.reason().contains(&format!("limit {limit})")), "{shown}: {}", reply.reason());
    }

    let codes = format!("{CODES}?filter[reservation][_eq]={id}");
    let many: Vec<Value> = (0..700).map(|n| json!({ "code": { "_ncontains": format!("z{n}") } })).collect();
    let many = encoded(&json!({ "_and": [{ "reservation": { "_eq": id } }, { "_and": many }] }));
    let aliased: String = (0..80).map(|n| format!("&alias[a{n}]=code")).collect();
    for (limit, path) in [
        ("MAX_EVALUATION", format!("{CODES}?filter={many}")),
        ("MAX_MEMBERS", format!("{codes}&limit=6000&fields={}{aliased}", names(80, "").join(","))),
    ] {
        let reply = server.get(&path, TOKEN).await;
        assert!(reply.reason().contains(&format!("limit {limit})")), "{limit}: {}", reply.reason());
    }
    // Nothing that was refused counts against the next request.
    let reply = search(&server, json!({ "limit": 3, "fields": ["id", "error_message"] })).await;
    assert_eq!((reply.status, reply.data().as_array().map_or(0, Vec::len)), (200, 3));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batch_writes_by_query_that_match_too_many_rows_change_nothing() {
    let (server, _) = filled().await;
    for (method, body) in [
        ("PATCH", json!({ "query": { "limit": -1 }, "data": { "reference_id": "changed" } })),
        (
            "PATCH",
            json!({ "query": { "filter": { "quantity": { "_gt": 0 } }, "limit": 150, "sort": "-quantity" }, "data": { "reference_id": "changed" } }),
        ),
        ("DELETE", json!({ "query": { "limit": -1 } })),
    ] {
        let reply = server.json(method, RESERVATIONS, TOKEN, &body).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "INVALID_PAYLOAD"), "{method}");
        assert!(reply.reason().contains("More than 100 rows match"), "{}", reply.reason());
    }
    let changed = search(&server, json!({ "filter": { "reference_id": { "_eq": "changed" } } })).await;
    assert_eq!(changed.data(), json!([]));
    let all = search(&server, json!({ "aggregate": { "count": "*" } })).await;
    assert_eq!(all.data(), json!([{ "count": "301" }]));
    // The second hundred by page and limit.
    let second =
        json!({ "filter": { "quantity": { "_gt": 0 } }, "limit": 100, "page": 2, "sort": "id", "fields": ["id"] });
    let body = json!({ "query": second, "data": { "reference_id": "changed" } });
    let reply = server.json("PATCH", &format!("{RESERVATIONS}?fields=id"), TOKEN, &body).await;
    assert_eq!((reply.status, reply.data().as_array().map_or(0, Vec::len)), (200, 100));
    let second = search(&server, json!({ "limit": 100, "page": 2, "fields": ["reference_id"] })).await;
    assert!(second.data().as_array().unwrap().iter().all(|row| row["reference_id"] == "changed"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_come_before_what_a_request_asks_for() {
    let server = seeded().start().await;
    let values = json!([vec![1; 60_000]]);
    let too_many = |token: Option<&'static str>| (token, 400, "INVALID_PAYLOAD");
    for (method, path) in
        [("POST", RESERVATIONS), ("PATCH", RESERVATIONS), ("DELETE", RESERVATIONS), ("SEARCH", RESERVATIONS)]
    {
        let forbidden_to_readers = method != "SEARCH";
        for (token, status, code) in [
            (None, 403, "FORBIDDEN"),
            (Some("nobody"), 401, "INVALID_CREDENTIALS"),
            if forbidden_to_readers { (Some(READER), 403, "FORBIDDEN") } else { too_many(Some(READER)) },
            too_many(Some(WRITER)),
            too_many(Some(ADMIN)),
        ] {
            let body = values.to_string().into_bytes();
            let reply = server.send(method, path, token, &[("content-type", "application/json")], Some(body)).await;
            assert_eq!((reply.status, reply.code().as_str()), (status, code), "{method} {token:?}: {}", reply.reason());
        }
    }
    server.stop().await;
}

/// More related rows than are kept while rows are only read to be ordered.
const MANY: usize = 2_300;

#[tokio::test(flavor = "multi_thread")]
async fn rows_and_groups_are_ordered_by_a_relation_however_many_there_are() {
    let server = Running::paused().await;
    let people: Vec<_> = (0..MANY)
        .map(|n| User { first_name: Some(format!("{:04}", n * 7 % MANY)), ..user(Role::Reader, Some(&[ORGANISATION])) })
        .collect();
    for person in &people {
        server.store().seed_user(person, None).await.unwrap();
    }
    let rows: Vec<_> = people
        .iter()
        .map(|person| {
            let mut row = reservation(&input(1));
            row.user_created = Some(person.id.clone());
            row.reference_id = person.first_name.clone();
            row
        })
        .collect();
    store(server.context(), &rows).await;
    let expected: Vec<String> = (0..MANY).rev().map(|n| format!("{n:04}")).collect();
    let shown = |reply: &Reply| -> Vec<String> {
        let rows = reply.data();
        rows.as_array().unwrap().iter().map(|row| row["reference_id"].as_str().unwrap().to_owned()).collect()
    };
    let sort = "-user_created.first_name";
    let listed = search(&server, json!({ "limit": -1, "sort": sort, "fields": ["reference_id"] })).await;
    assert_eq!(shown(&listed), expected);
    let page = search(&server, json!({ "limit": 50, "page": 40, "sort": sort, "fields": ["reference_id"] })).await;
    assert_eq!(shown(&page), expected[1_950..2_000]);
    let groups = json!({ "limit": -1, "sort": sort, "groupBy": ["reference_id"], "aggregate": { "count": "*" } });
    assert_eq!(shown(&search(&server, groups).await), expected);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_answer_is_too_long_changes_nothing() {
    let (server, _) = filled().await;
    let rows =
        search(&server, json!({ "limit": 100, "fields": ["id"], "filter": { "reference_id": { "_nnull": true } } }))
            .await;
    let ids: Vec<String> =
        rows.data().as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    // Each quotation mark takes two bytes in JSON.
    let long = json!({ "keys": ids, "data": { "error_message": "\"".repeat(8_000) } });
    assert_eq!(server.json("PATCH", &format!("{RESERVATIONS}?fields=id"), TOKEN, &long).await.status, 200);
    let aliases: String = (0..4).map(|n| format!("&alias[a{n}]=error_message")).collect();
    let path = format!("{RESERVATIONS}?fields=id,a0,a1,a2,a3{aliases}");
    let body = json!({ "keys": ids, "data": { "reference_id": "changed" } });
    let reply = server.json("PATCH", &path, TOKEN, &body).await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "INVALID_QUERY"), "{}", reply.reason());
    let changed = search(&server, json!({ "filter": { "reference_id": { "_eq": "changed" } } })).await;
    assert_eq!(changed.data(), json!([]));
    server.stop().await;
}
