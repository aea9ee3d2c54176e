//! A PATCH or DELETE by query names its rows. What a client sends when it left out a condition by mistake is refused with
//! the reason, and nothing is written.

use serde_json::{Value, json};

use super::{ADMIN, READER, WRITER, seeded};
use crate::support::{api::RESERVATIONS, harness::Running, invariants::everything};

const ONE: &str = "10000000-0000-4000-8000-000000000001";

/// Queries that would match rows that nobody meant, most of them in the form that `@directus/sdk` gives to a mistake.
fn mistakes() -> Vec<Value> {
    let filters = [
        // `{id: {_eq: undefined}}`, `{id: undefined}`, `{_and: [{id: {_in: undefined}}]}`.
        json!({"id": {}}),
        json!({}),
        json!({"_and": [{"id": {}}]}),
        json!({"_and": []}),
        json!({"_or": []}),
        json!({"_or": [{"id": {"_eq": ONE}}, {}]}),
        json!({"id": {"_eq": ONE}, "status": {}}),
        json!({"id": {"_neq": "foo"}}),
        json!({"id": {"_neq": null}}),
        json!({"id": {"_nin": []}}),
        // `[undefined]`.
        json!({"id": {"_nin": [null]}}),
        json!({"id": {"_in": []}}),
        json!({"id": null}),
        json!({"id": {"_nnull": true}}),
        json!({"quantity": {"_neq": "many"}}),
        // `NaN`.
        json!({"quantity": {"_gt": null}}),
        // `NaN` and `new Date(NaN)`.
        json!({"quantity": {"_neq": null}}),
        json!({"date_created": {"_neq": null}}),
        json!({"reserved_for": {"_nnull": true}}),
        json!({"export_type": {"_nempty": true}}),
        json!({"count(codes)": {"_nnull": true}}),
        json!({"date_created": {"_lt": "$NOW(-0.5 days)"}}),
        json!({"date_created": {"_lt": "$NOW(--5 days)"}}),
        json!({"date_created": {"_lt": "$NOW(5 days)"}}),
        json!({"date_created": {"_gt": 1_735_689_600}}),
        json!({"date_created": {"_neq": "2025-01-15"}}),
        json!({"reference_id": {"_nin": [12_345_678_901_234_567_890_u64]}}),
        json!({"reserved_for": {"_neq": true}}),
        json!({"product": {"_ncontains": false}}),
        json!({"product": {"_neq": "19361758000003"}}),
        json!({"user_created": {"status": {"_neq": "foo"}}}),
        json!({"month(date_created)": {"_neq": 13}}),
        json!({"quantity": {"_between": [1]}}),
        json!({"quantity": {"_nbetween": [9, 1]}}),
        json!({"date_created": {"_neq": "Invalid Date"}}),
        json!({"date_created": {"_lt": "$NOW(-1 yaer)"}}),
        json!({"status": {"_neq": "compelte"}}),
        json!({"code_type": {"_nin": ["SGTIN"]}}),
        json!({"reference_id": {"_ncontains": null}}),
        json!({"reference_id": {"_contains": ""}}),
        json!({"reference_id": {"_neq": "null"}}),
        json!({"user_created": {"first_name": {}}}),
        json!({"codes": {"_none": {"digital_link": {"_eq": "nope"}}}}),
        json!([]),
        json!("{}"),
        json!(""),
        json!(null),
        json!(false),
    ];
    let with_filters = filters.into_iter().flat_map(|filter| {
        [
            json!({"filter": filter}),
            json!({"filter": filter, "limit": -1}),
            json!({"filter": filter, "search": "BATCH"}),
        ]
    });
    let others = [
        json!({}),
        json!({"limit": 5}),
        json!({"sort": ["-id"]}),
        json!({"search": ""}),
        json!({"search": null, "limit": -1}),
        json!({"search": " ", "limit": -1}),
        json!({"filters": {"id": {"_eq": ONE}}, "limit": -1}),
        json!({"aggregate": {"count": "*"}, "limit": -1}),
        json!({"deep": {"codes": {"_limit": 1}}, "limit": -1}),
        json!({"page": 2, "limit": -1}),
        json!({"limit": [-1]}),
        json!({"filter": {"id": {"_eq": ONE}}, "limit": true}),
    ];
    with_filters.chain(others).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_by_a_query_that_names_no_rows_writes_nothing_and_says_why() {
    let server = seeded().start().await;
    let before = everything(server.context()).await;
    for token in [ADMIN, WRITER] {
        for query in mistakes() {
            let data = json!({"reference_id": "changed"});
            for (method, body) in
                [("DELETE", json!({"query": query})), ("PATCH", json!({"query": query, "data": data}))]
            {
                let reply = server.json(method, RESERVATIONS, token, &body).await;
                assert_eq!(
                    (reply.status, reply.code().as_str()),
                    (400, "INVALID_QUERY"),
                    "{method} {body}: {}",
                    reply.text
                );
                assert!(!reply.reason().is_empty(), "{method} {body}");
                assert_eq!(everything(server.context()).await, before, "{method} {body} wrote something");
            }
        }
    }
    // Rights come first.
    let reply = server.json("DELETE", RESERVATIONS, READER, &json!({"query": {}})).await;
    assert_eq!(reply.status, 403);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_another_form_names_no_rows_either() {
    let server = seeded().start().await;
    let before = everything(server.context()).await;
    let filter = json!({"id": {"_eq": ONE}});
    for (body, reason) in [
        (Value::Null, "must contain at least one of [query, keys]"),
        (json!({}), "must contain at least one of [query, keys]"),
        (json!({"query": null}), "\"query\" must be of type object"),
        (json!({"query": []}), "\"query\" must be of type object"),
        (json!({"query": "{}"}), "\"query\" must be of type object"),
        (json!({"keys": null}), "\"keys\" must be an array"),
        (json!({"keys": ONE}), "\"keys\" must be an array"),
        (json!({"filter": filter}), "\"filter\" is not allowed"),
        (json!({"query": {"limit": -1}, "filter": filter}), "\"filter\" is not allowed"),
        (json!({"keys": [ONE], "query": {"filter": filter}}), "conflict between exclusive peers"),
    ] {
        let reply = server.json("DELETE", RESERVATIONS, ADMIN, &body).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "INVALID_PAYLOAD"), "{body}: {}", reply.text);
        assert!(reply.reason().contains(reason), "{body}: {}", reply.reason());
        if let Some(members) = body.as_object() {
            let mut body = members.clone();
            body.insert("data".to_owned(), json!({"reference_id": "changed"}));
            let reply = server.json("PATCH", RESERVATIONS, ADMIN, &Value::Object(body)).await;
            assert_eq!((reply.status, reply.code().as_str()), (400, "INVALID_PAYLOAD"), "{}", reply.text);
        }
    }
    // What stands in the query string selects nothing, so it must not look as if it did.
    let everything_but = json!({"query": {"limit": -1}});
    for (path, body) in [
        (format!("{RESERVATIONS}?filter[id][_eq]={ONE}"), everything_but.clone()),
        (format!("{RESERVATIONS}?filter={{}}"), everything_but.clone()),
        (format!("{RESERVATIONS}?search=BATCH"), everything_but.clone()),
        (format!("{RESERVATIONS}?limit=1"), everything_but),
        (format!("{RESERVATIONS}?filter[status][_eq]=error"), json!([ONE])),
        (format!("{RESERVATIONS}?filter[status][_eq]=error"), json!({"keys": [ONE]})),
        (format!("{RESERVATIONS}/{ONE}?filter[status][_eq]=error"), Value::Null),
    ] {
        let reply = server.json("DELETE", &path, ADMIN, &body).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "INVALID_QUERY"), "{path} {body}: {}", reply.text);
        assert!(reply.reason().contains("in the query string"), "{}", reply.reason());
    }
    assert_eq!(everything(server.context()).await, before);
    // As recorded: an empty list names no rows, and no row is written.
    for body in [json!([]), json!({"keys": []})] {
        assert_eq!(server.json("DELETE", RESERVATIONS, ADMIN, &body).await.shape(), (204, String::new()));
    }
    for body in [json!([]), json!({"keys": [], "data": {"reference_id": "changed"}})] {
        assert_eq!(server.json("PATCH", RESERVATIONS, ADMIN, &body).await.data(), json!([]));
    }
    assert_eq!(everything(server.context()).await, before);
    server.stop().await;
}

async fn count(server: &Running) -> usize {
    server.get(&format!("{RESERVATIONS}?fields=id&limit=-1"), ADMIN).await.data().as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_by_a_query_that_names_its_rows_writes_these_alone() {
    let server = seeded().start().await;
    let all = count(&server).await;
    let patch = async |query: Value| {
        let body = json!({"query": query, "data": {"purchase_order": "PO-1"}});
        let path = format!("{RESERVATIONS}?fields=id&limit=-1");
        let reply = server.json("PATCH", &path, WRITER, &body).await;
        assert_eq!(reply.status, 200, "{body}: {}", reply.text);
        reply.data().as_array().unwrap().len()
    };
    assert_eq!(patch(json!({"filter": {"id": {"_eq": ONE}}})).await, 1);
    assert_eq!(patch(json!({"filter": {"purchase_order": {"_eq": "PO-1"}}})).await, 1);
    assert_eq!(patch(json!({"filter": format!("{{\"id\":\"{ONE}\"}}")})).await, 1);
    assert_eq!(patch(json!({"filter": {"id": {"_in": [ONE, "0193aaaa-0000-7000-8000-000000000bad"]}}})).await, 1);
    assert_eq!(patch(json!({"filter": {"status": {"_eq": "error"}}, "limit": 1})).await, 1);
    assert_eq!(patch(json!({"filter": {"id": {"_eq": "0193aaaa-0000-7000-8000-000000000bad"}}})).await, 0);
    assert_eq!(patch(json!({"search": "UNICODE"})).await, 1);
    assert_eq!(patch(json!({"filter": {"reserved_for": {"_null": true}, "quantity": {"_gt": 1_000}}})).await, 1);
    assert_eq!(patch(json!({"limit": -1})).await, all);
    assert_eq!(patch(json!({"limit": "-1", "fields": ["id"]})).await, all);

    let delete = async |query: Value| {
        let reply = server.json("DELETE", RESERVATIONS, WRITER, &json!({"query": query})).await;
        assert_eq!(reply.shape(), (204, String::new()), "{query}");
    };
    delete(json!({"filter": {"id": {"_eq": ONE}}})).await;
    assert_eq!(count(&server).await, all - 1);
    delete(json!({"filter": {"date_created": {"_lt": "$NOW(-10000 days)"}}})).await;
    assert_eq!(count(&server).await, all - 1);
    delete(json!({"limit": -1})).await;
    assert_eq!(count(&server).await, 0);
    server.stop().await;
}
