//! Every endpoint that selects rows by a query reads every index. The recorded calls of this test are what the functions
//! need rights for.

use common::reservation::{Reservation, Status};
use serde_json::{Value, json};

use crate::support::{
    api::{Api, RESERVATIONS, id, sgtin, with},
    harness::Running,
    rows::{reservation, store},
    tallies::tallied,
};

/// One query for each index, in its order; `created` selects what it should find.
fn queries(created: &Value) -> Vec<Value> {
    let equals = |member: &str| json!({ member: { "_eq": created[member] } });
    let partitions = ["reserved_for", "product", "reference_id"].map(equals);
    let by_id = partitions.iter().map(|filter| json!({ "filter": filter }));
    let by_time = partitions.iter().cloned().chain([equals("user_created")]);
    let by_time = by_time.map(|filter| json!({ "filter": filter, "sort": ["-date_created"] }));
    let by_status = [json!({}), partitions[0].clone(), partitions[1].clone()].map(|filter| {
        let filter = json!({ "_and": [filter, { "status": { "_neq": "complete" } }] });
        json!({ "filter": filter, "sort": ["-date_created"] })
    });
    let all = json!({ "quantity": { "_gte": 1 } });
    let of_all = [json!({ "filter": all }), json!({ "filter": all, "sort": ["date_created"] })];
    let mut queries: Vec<Value> = by_id.chain(by_time).chain(by_status).chain(of_all).collect();
    // A write takes no filter that says nothing.
    for query in &mut queries {
        let filter = query.pointer_mut("/filter/_and").and_then(Value::as_array_mut);
        filter.into_iter().for_each(|all| all.retain(|one| *one != json!({})));
    }
    queries
}

async fn ids(api: &Api, method: &str, path: &str, body: &Value) -> Value {
    let reply = api.send_json(method, path, body).await;
    assert!(reply.status < 300, "{method} {body}: {}", reply.text);
    if reply.text.is_empty() { Value::Null } else { reply.json() }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_writes_by_query_find_a_row_by_every_index() {
    let running = Running::paused().await;
    let api = &running.api;
    let new = with(&sgtin(5), json!({ "reference_id": "PO-1" }));
    let created = api.post(&new).await;
    let queries = queries(&created);
    assert_eq!(queries.len(), 12);
    for query in &queries {
        let found = ids(api, "SEARCH", RESERVATIONS, &json!({ "query": query })).await;
        assert_eq!(found["data"][0]["id"], created["id"], "SEARCH {query}");
        let body = json!({ "query": query, "data": { "reference_id": created["reference_id"] } });
        let changed = ids(api, "PATCH", RESERVATIONS, &body).await;
        assert_eq!(changed["data"][0]["id"], created["id"], "PATCH {query}");
        let document = "query ($filter: code_reservation_filter, $sort: [String]) \
                        { code_reservation(filter: $filter, sort: $sort) { id } }";
        // There, a user is named by the key of the related row.
        let mut query = query.clone();
        if let Some(user) = query.pointer_mut("/filter/user_created") {
            *user = json!({ "id": user.take() });
        }
        let body = json!({ "query": document, "variables": query });
        let found = ids(api, "POST", "/graphql", &body).await;
        assert_eq!(found["data"]["code_reservation"][0]["id"], created["id"], "GraphQL {query}: {found}");
    }
    let mut last = created.clone();
    for query in &queries {
        ids(api, "DELETE", RESERVATIONS, &json!({ "query": query })).await;
        let gone = api.send("GET", &format!("{RESERVATIONS}/{}", id(&last))).await;
        assert_eq!(gone.status, 403, "DELETE {query}");
        last = api.post(&new).await;
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_find_failed_rows_by_the_index_of_marks() {
    let running = Running::paused().await;
    let failed = || Reservation { status: Status::Error, seeded: true, ..reservation(&sgtin(5)) };
    let mut rows: Vec<Reservation> = (0..120).map(|_| failed()).collect();
    store(running.context(), &rows).await;
    tallied(running.context()).await;
    rows.sort_by_key(|row| row.id);
    let first: Vec<Value> = rows.iter().take(30).map(|row| json!({ "id": row.id })).collect();
    let filter = json!({ "status": { "_eq": "error" } });
    let query = json!({ "query": { "filter": filter, "fields": ["id"], "limit": 30 } });
    let found = ids(&running.api, "SEARCH", RESERVATIONS, &query).await;
    assert_eq!(found["data"], json!(first));
    let document = "query ($filter: code_reservation_filter) { code_reservation(filter: $filter, limit: 30) { id } }";
    let body = json!({ "query": document, "variables": { "filter": filter } });
    let found = ids(&running.api, "POST", "/graphql", &body).await;
    assert_eq!(found["data"]["code_reservation"], json!(first));
    running.stop().await;
}
