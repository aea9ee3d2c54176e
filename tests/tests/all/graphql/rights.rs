//! Rights: the same as over REST, for every way to reach a row (RSV-6).

use serde_json::{Value, json};

use super::{FAILED, NORTH, SOUTH, Service, code};

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_other_organisations_do_not_exist() {
    let service = Service::start().await;
    let ask = async |query: &str| service.ask("graphql-north", query).await.1;
    let body = ask("{ code_reservation { id } code_reservation_aggregated { countAll sum { quantity } } }").await;
    assert_eq!(body["data"]["code_reservation"], json!([{ "id": NORTH }, { "id": FAILED }]));
    assert_eq!(body["data"]["code_reservation_aggregated"], json!([{ "countAll": 2, "sum": { "quantity": 53 } }]));
    let body = ask(
        "{ code_reservation(filter: { reserved_for: { _eq: \"/417/5555999200016\" } }, search: \"south\") { id } }",
    )
    .await;
    assert_eq!(body, json!({ "data": { "code_reservation": [] } }));
    let unknown = "deadbeef-0000-4000-8000-00000000dead";
    let roots = ["code_reservation_by_id(id: \"ID\") { id }", "unique_code_by_id(id: \"ID\") { id }"];
    for root in roots {
        let hidden = ask(&format!("{{ x: {} }}", root.replace("ID", SOUTH))).await;
        assert_eq!(hidden, ask(&format!("{{ x: {} }}", root.replace("ID", unknown))).await, "{root}");
        assert_eq!((code(&hidden), &hidden["data"]), ("FORBIDDEN", &json!({ "x": null })), "{root}");
    }
    let mutations = [
        "update_code_reservation_item(id: \"ID\", data: { reference_id: \"x\" }) { id }",
        "update_code_reservation_items(ids: [\"ID\"], data: { reference_id: \"x\" }) { id }",
        "update_code_reservation_batch(data: [{ id: \"ID\", reference_id: \"x\" }]) { id }",
        "delete_code_reservation_item(id: \"ID\") { id }",
        "delete_code_reservation_items(ids: [\"ID\"]) { ids }",
    ];
    for root in mutations {
        let hidden = ask(&format!("mutation {{ x: {} }}", root.replace("ID", SOUTH))).await;
        assert_eq!(hidden, ask(&format!("mutation {{ x: {} }}", root.replace("ID", unknown))).await, "{root}");
        assert_eq!(code(&hidden), "FORBIDDEN", "{root}");
    }
    let body = ask("mutation { create_code_reservation_item(data: { reserved_for: \"/417/5555999200016\", code_type: \"sscc\", quantity: 1 }) { id } }").await;
    assert_eq!(code(&body), "FORBIDDEN");
    let file = |id: &str| json!({ "query": format!("{{ files_by_id(id: \"{id}\") {{ id }} files {{ id }} }}") });
    let (_, body) =
        service.post("/graphql/system", "graphql-north", &file("f0000000-0000-4000-8000-000000000002")).await;
    assert_eq!((code(&body), &body["data"]["files_by_id"]), ("FORBIDDEN", &Value::Null));
    assert_eq!(body["data"]["files"], json!([{ "id": "f0000000-0000-4000-8000-000000000001" }]));
    let south = service.data(&format!("{{ code_reservation_by_id(id: \"{SOUTH}\") {{ reference_id }} }}")).await;
    assert_eq!(south["code_reservation_by_id"]["reference_id"], "south-1", "nothing was changed");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_role_lacks_is_no_member_of_its_schema() {
    let service = Service::start().await;
    let cases = [
        ("graphql-none", "{ code_reservation { id } }"),
        ("graphql-none", "{ code_reservation_by_id(id: \"x\") { id } }"),
        ("graphql-none", "{ unique_code { id } }"),
        ("graphql-reader", "mutation { create_code_reservation_item(data: {}) { id } }"),
        ("graphql-reader", "mutation { update_code_reservation_item(id: \"x\", data: {}) { id } }"),
        ("graphql-reader", "mutation { delete_code_reservation_items(ids: []) { ids } }"),
    ];
    for (token, document) in cases {
        let (status, body) = service.ask(token, document).await;
        assert_eq!((status, code(&body)), (400, "GRAPHQL_VALIDATION"), "{token} {document}");
    }
    for (path, document) in [("/graphql", "{ code_reservation { id } }"), ("/graphql/system", "{ users_me { id } }")] {
        let body = json!({ "query": document }).to_string().into_bytes();
        let reply = service.running.send("POST", path, None, &[("content-type", "application/json")], Some(body)).await;
        assert_eq!(reply.status, 400, "nobody sees {document}");
    }
    let (status, body) = service.ask("no-such-token", "{ __typename }").await;
    assert_eq!((status, code(&body)), (401, "INVALID_CREDENTIALS"));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_a_reader_may_not_see_are_null_and_cannot_be_asked_about() {
    let service = Service::start().await;
    let (_, body) = service
        .ask(
            "graphql-reader",
            "{ code_reservation(limit: 1) { id user_created { id first_name } export_file { id } } }",
        )
        .await;
    let row =
        json!({ "id": NORTH, "user_created": null, "export_file": { "id": "f0000000-0000-4000-8000-000000000001" } });
    assert_eq!(body, json!({ "data": { "code_reservation": [row] } }));
    let filters = ["filter: { user_created: { first_name: { _eq: \"Ada\" } } }", "sort: [\"user_created.email\"]"];
    for argument in filters {
        let (_, body) = service.ask("graphql-reader", &format!("{{ code_reservation({argument}) {{ id }} }}")).await;
        assert_eq!(code(&body), "FORBIDDEN", "{argument}");
    }
    let me = |members: &str| json!({ "query": format!("{{ users_me {{ {members} }} }}") });
    let (_, body) = service.post("/graphql/system", "graphql-reader", &me("id")).await;
    assert_eq!(body, json!({ "data": { "users_me": { "id": "a0000000-0000-4000-8000-000000000004" } } }));
    let (_, body) = service.post("/graphql/system", "graphql-reader", &me("id email")).await;
    assert_eq!((code(&body), &body["data"]["users_me"]), ("FORBIDDEN", &Value::Null));
    service.stop().await;
}
