//! The language: valid documents, and documents with one error, as the GraphQL specification and Directus answer them.

use serde_json::{Value, json};

use super::{FAILED, NORTH, SOUTH, Service, code, refusal};
use crate::support::harness::Setup;

#[tokio::test(flavor = "multi_thread")]
async fn fragments_aliases_directives_and_variables_do_what_they_say() {
    let service = Service::start().await;
    let document = "query Q($id: ID!, $with: Boolean = true, $n: Int = 1) {
        one: code_reservation_by_id(id: $id) { ...Names ...Names state: status user_created @include(if: $with) { id } }
        many: code_reservation(limit: $n) { __typename ... on code_reservation { id } ... @skip(if: $with) { quantity } }
        again: code_reservation(limit: $n) { user_created { first_name } user_created { last_name } }
        __typename
    }
    fragment Names on code_reservation { reference_id user_created { first_name } }";
    let (_, body) = service.ask_with("graphql-admin", document, json!({ "id": NORTH })).await;
    assert_eq!(
        body,
        json!({ "data": {
            "one": {
                "reference_id": "north-1",
                "user_created": { "first_name": "Ada", "id": "a0000000-0000-4000-8000-000000000001" },
                "state": "complete",
            },
            "many": [{ "__typename": "code_reservation", "id": NORTH }],
            "again": [{ "user_created": { "first_name": "Ada", "last_name": "Admin" } }],
            "__typename": "Query",
        } })
    );
    let keys: Vec<&String> = body["data"]["one"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["reference_id", "user_created", "state"], "members come in the order of the document");
    let (_, body) = service.ask_with("graphql-admin", document, json!({ "id": NORTH, "with": false, "n": 2 })).await;
    assert_eq!(body["data"]["one"]["user_created"], json!({ "first_name": "Ada" }));
    assert_eq!(body["data"]["many"][1], json!({ "__typename": "code_reservation", "id": SOUTH, "quantity": 7 }));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_mean_what_the_parameters_of_rest_mean() {
    let service = Service::start().await;
    let ids = async |arguments: &str| {
        let data = service.data(&format!("{{ code_reservation({arguments}) {{ id }} }}")).await;
        let rows = data["code_reservation"].as_array().unwrap().clone();
        rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(r#"filter: { status: { _eq: "error" } }"#).await, [FAILED]);
    assert_eq!(
        ids(r#"filter: { _or: [{ quantity: { _lt: 5 } }, { code_type: { _in: ["sscc"] } }] }"#).await,
        [SOUTH, FAILED]
    );
    assert_eq!(ids(r#"filter: { date_created_func: { year: { _eq: 2025 }, day: { _gt: 15 } } }"#).await, [FAILED]);
    assert_eq!(ids(r#"filter: { user_created: { first_name: { _eq: "Ada" } } }"#).await, [NORTH]);
    assert_eq!(
        ids(r#"filter: { export_file: { uploaded_by: { last_name: { _nnull: true } } } }, sort: "-id""#).await,
        [SOUTH, NORTH]
    );
    assert_eq!(ids(r#"filter: { reserved_for: { _ends_with: "0016" } }"#).await, [SOUTH]);
    assert_eq!(ids(r#"sort: ["-quantity"], limit: 1, page: 2"#).await, [SOUTH]);
    assert_eq!(ids(r#"search: "north", offset: 1"#).await, [FAILED]);
    assert_eq!(ids("limit: 0").await, [""; 0]);
    assert_eq!(ids("limit: -1, filter: null, sort: null").await.len(), 3);
    let versions = format!(
        "{{ main: code_reservation_by_id(id: \"{NORTH}\", version: \"main\") {{ id }}
            other: code_reservation_by_id(id: \"{NORTH}\", version: \"draft\") {{ id }} }}"
    );
    let (_, body) = service.ask("graphql-admin", &versions).await;
    assert_eq!((code(&body), &body["data"]), ("FORBIDDEN", &json!({ "main": { "id": NORTH }, "other": null })));
    let (_, body) = service.ask("graphql-admin", "{ code_reservation(limit: -2) { id } }").await;
    assert_eq!((code(&body), body.get("data")), ("INVALID_QUERY", None), "a list that must be there is not");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_and_aggregates_are_numbers() {
    let service = Service::start().await;
    let data = service
        .data(&format!(
            "{{ code_reservation_by_id(id: \"{SOUTH}\") {{
                date_created_func {{ year month week day weekday hour minute second }} codes_func {{ count }} date_updated_func {{ year }} }} }}"
        ))
        .await;
    assert_eq!(
        data["code_reservation_by_id"],
        json!({
            "date_created_func": { "year": 2025, "month": 1, "week": 3, "day": 15, "weekday": 3, "hour": 12, "minute": 30, "second": 0 },
            "codes_func": { "count": 0 },
            "date_updated_func": { "year": null },
        })
    );
    let data = service
        .data(
            "{ code_reservation_aggregated(groupBy: [\"code_type\"], sort: [\"code_type\"]) {
                group countAll count { id error_message } countDistinct { status } sum { quantity } avg { quantity }
                min { quantity } max { quantity_reserved } } }",
        )
        .await;
    assert_eq!(
        data["code_reservation_aggregated"],
        json!([
            {
                "group": { "code_type": "sgtin" }, "countAll": 2, "count": { "id": 2, "error_message": 1 },
                "countDistinct": { "status": 2 }, "sum": { "quantity": 53 }, "avg": { "quantity": 26.5 },
                "min": { "quantity": 3 }, "max": { "quantity_reserved": 50 },
            },
            {
                "group": { "code_type": "sscc" }, "countAll": 1, "count": { "id": 1, "error_message": 0 },
                "countDistinct": { "status": 1 }, "sum": { "quantity": 7 }, "avg": { "quantity": 7.0 },
                "min": { "quantity": 7 }, "max": { "quantity_reserved": 7 },
            },
        ])
    );
    let all = service.data("{ code_reservation_aggregated { __typename group countAll } }").await;
    let one = json!([{ "__typename": "code_reservation_aggregated", "group": null, "countAll": 3 }]);
    assert_eq!(all["code_reservation_aggregated"], one);
    // A fraction of a second is no Int: the member is null, and the error has its path.
    let (status, body) = service
        .ask(
            "graphql-admin",
            &format!("{{ code_reservation_by_id(id: \"{NORTH}\") {{ date_updated_func {{ second }} }} }}"),
        )
        .await;
    assert_eq!((status, &body["data"]["code_reservation_by_id"]["date_updated_func"]["second"]), (200, &Value::Null));
    assert_eq!(body["errors"][0]["path"], json!(["code_reservation_by_id", "date_updated_func", "second"]));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_are_windows_and_a_collection() {
    let service = Service::start().await;
    let data = service
        .data(
            "mutation { create_code_reservation_item(data: { reserved_for: \"/417/9312345000012\", code_type: \"sgtin\",
                quantity: 5, product: \"/01/19361758000003\" }) { id } }",
        )
        .await;
    let id = data["create_code_reservation_item"]["id"].as_str().unwrap().to_owned();
    service.settled(&id).await;
    let data = service
        .data(&format!(
            "{{ code_reservation_by_id(id: \"{id}\") {{ codes_func {{ count }} codes {{ id position }}
                first: codes(limit: 2) {{ position code }} second: codes(limit: 2, page: 2) {{ position reservation {{ id }} }} last: codes(offset: 4) {{ position }} }}
              unique_code(filter: {{ reservation: {{ id: {{ _eq: \"{id}\" }} }} }}, limit: 1) {{ id code reservation {{ status }} }}
              unique_code_aggregated(filter: {{ reservation: {{ id: {{ _eq: \"{id}\" }} }} }}) {{ countAll }} }}"
        ))
        .await;
    let row = &data["code_reservation_by_id"];
    assert_eq!(row["codes_func"]["count"], 5);
    let positions = |name: &str| {
        row[name].as_array().unwrap().iter().map(|code| code["position"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(positions("codes"), [1, 2, 3, 4, 5]);
    assert_eq!((positions("first"), positions("second"), positions("last")), (vec![1, 2], vec![3, 4], vec![5]));
    assert_eq!(row["second"][0]["reservation"]["id"], json!(id));
    assert_eq!(data["unique_code_aggregated"], json!([{ "countAll": 5 }]));
    let code = &data["unique_code"][0];
    assert_eq!((&code["id"], &code["code"]), (&row["codes"][0]["id"], &row["first"][0]["code"]));
    let by_id = service.data(&format!("{{ unique_code_by_id(id: {}) {{ code position }} }}", code["id"])).await;
    assert_eq!(by_id["unique_code_by_id"], json!({ "code": code["code"], "position": 1 }));
    let (_, body) = service.ask("graphql-admin", "{ unique_code { id } }").await;
    assert_eq!(super::code(&body), "INVALID_QUERY", "a list of codes names what it wants");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mutations_write_many_in_order_and_once() {
    let service = Service::with(Setup::new().paused()).await;
    let item = |reference: &str| json!({ "reserved_for": "/417/9312345000012", "code_type": "sscc", "quantity": 3, "reference_id": reference });
    let document = "mutation M($data: [create_code_reservation_input!]!) {
        create_code_reservation_items(data: $data, sort: [\"-reference_id\"], limit: 2) { id reference_id }
        create_code_reservation_items(data: $data, sort: [\"-reference_id\"], limit: 2) { quantity } }";
    let variables = json!({ "data": [item("a"), item("b"), item("c")] });
    let (_, body) = service.ask_with("graphql-writer", document, variables).await;
    let rows = body["data"]["create_code_reservation_items"].as_array().unwrap();
    assert_eq!(rows.iter().map(|row| &row["reference_id"]).collect::<Vec<_>>(), ["c", "b"]);
    assert_eq!(rows[0]["quantity"], 3);
    let counted =
        service.data("{ code_reservation_aggregated(filter: { code_type: { _eq: \"sscc\" } }) { countAll } }").await;
    assert_eq!(counted["code_reservation_aggregated"][0]["countAll"], 4, "members of one name are one mutation");

    let (c, b) = (rows[0]["id"].as_str().unwrap(), rows[1]["id"].as_str().unwrap());
    let data = service
        .data(&format!(
            "mutation {{
                a: update_code_reservation_item(id: \"{b}\", data: {{ quantity: 4 }}) {{ quantity }}
                b: update_code_reservation_item(id: \"{b}\", data: {{ quantity: 5 }}) {{ quantity }}
                c: update_code_reservation_items(ids: [\"{b}\", \"{c}\"], data: {{ export_type: \"xml\" }}) {{ export_type quantity }}
                d: update_code_reservation_batch(data: [{{ id: \"{b}\", reference_id: null }}, {{ id: \"{c}\", quantity: 9 }}]) {{ reference_id quantity }}
                e: delete_code_reservation_items(ids: [\"{c}\"]) {{ ids __typename }} f: delete_code_reservation_items(ids: []) {{ ids }} }}"
        ))
        .await;
    assert_eq!((&data["a"]["quantity"], &data["b"]["quantity"]), (&json!(4), &json!(5)));
    assert_eq!(data["c"], json!([{ "export_type": "xml", "quantity": 5 }, { "export_type": "xml", "quantity": 3 }]));
    assert_eq!(data["d"], json!([{ "reference_id": null, "quantity": 5 }, { "reference_id": "c", "quantity": 9 }]));
    assert_eq!(data["e"], json!({ "ids": [c], "__typename": "delete_many" }));
    assert_eq!(data["f"], json!({ "ids": [] }));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_that_fails_says_why_and_leaves_the_others() {
    let service = Service::start().await;
    let document = "mutation { bad: create_code_reservation_item(data: { reserved_for: \"/417/9312345000012\" }) { id }
        good: update_code_reservation_item(id: \"c0000000-0000-4000-8000-000000000003\", data: { reference_id: \"x\" }) { reference_id } }";
    let (status, body) = service.ask("graphql-writer", document).await;
    assert_eq!((status, &body["data"]), (200, &json!({ "bad": null, "good": { "reference_id": "x" } })));
    let errors = body["errors"].as_array().unwrap();
    let fields: Vec<&Value> = errors.iter().map(|error| &error["extensions"]["field"]).collect();
    assert_eq!(fields, ["code_type", "quantity"], "every rule that is broken");
    assert!(errors.iter().all(|error| error["path"] == json!(["bad"]) && error["locations"][0]["line"] == 1));
    assert!(errors.iter().all(|error| error["extensions"]["code"] == "FAILED_VALIDATION"));
    let (_, body) = service
        .ask("graphql-writer", "mutation { update_code_reservation_batch(data: [{ quantity: 1 }]) { id } }")
        .await;
    assert_eq!((code(&body), body.get("data")), ("INVALID_PAYLOAD", None));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_holds_for_a_document() {
    let service = Service::with(Setup::new().paused()).await;
    let create = "create_code_reservation_item(data: { reserved_for: \"/417/9312345000012\", code_type: \"sscc\", quantity: 1 })";
    let body = json!({ "query": format!("mutation {{ a: {create} {{ id }} b: {create} {{ id }} }}") });
    let send = async |body: &Value| {
        let headers = [("content-type", "application/json"), ("idempotency-key", "key-1")];
        let body = Some(body.to_string().into_bytes());
        service.running.send("POST", "/graphql", Some("graphql-writer"), &headers, body).await.parsed()
    };
    let first = send(&body).await;
    assert_ne!(first["data"]["a"]["id"], first["data"]["b"]["id"]);
    assert_eq!(send(&body).await, first);
    let other = send(&json!({ "query": format!("mutation {{ {create} {{ id }} }}") })).await;
    assert_eq!(code(&other), "INVALID_PAYLOAD", "the key was used with another body");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_read_as_directus_reads_them() {
    let service = Service::start().await;
    let get = "/graphql?query=query%20Q(%24n%3AInt)%7Bcode_reservation(limit%3A%24n)%7Bid%7D%7D&variables=%7B%22n%22%3A1%7D&operationName=Q";
    assert_eq!(
        service.request("GET", get, None).await,
        (200, json!({ "data": { "code_reservation": [{ "id": NORTH }] } }))
    );
    let (status, body) = service.request("GET", "/graphql?query=%7B__typename%7D&variables=%7B", None).await;
    assert_eq!((status, code(&body)), (400, "INVALID_QUERY"));
    let mutation =
        "mutation%7Bdelete_code_reservation_item(id%3A%22c0000000-0000-4000-8000-000000000003%22)%7Bid%7D%7D";
    let (status, body) = service.request("GET", &format!("/graphql?query={mutation}"), None).await;
    assert_eq!(
        (status, &body["errors"][0]["extensions"]),
        (405, &json!({ "current": "GET", "allowed": ["POST"], "code": "METHOD_NOT_ALLOWED" }))
    );
    assert_eq!(service.data("{ code_reservation { id } }").await["code_reservation"].as_array().unwrap().len(), 3);
    for method in ["PUT", "PATCH", "DELETE"] {
        for path in ["/graphql", "/graphql/system"] {
            let (status, body) = service.request(method, path, Some("{}")).await;
            assert_eq!(
                (status, &body["errors"][0]["extensions"]["allowed"]),
                (405, &json!(["GET", "POST"])),
                "{method} {path}"
            );
        }
    }
    for body in ["{}", "[]", r#"[{"query":"{__typename}"}]"#, r#"{"query":null}"#, r#"{"query":""}"#] {
        let (status, answer) = service.request("POST", "/graphql", Some(body)).await;
        assert_eq!((status, code(&answer)), (400, "INVALID_PAYLOAD"), "{body}");
    }
    let two = "query A { a: __typename } query B { b: __typename }";
    let named = |name: Value| json!({ "query": two, "operationName": name }).to_string();
    let (_, body) = service.request("POST", "/graphql", Some(&named(json!("B")))).await;
    assert_eq!(body, json!({ "data": { "b": "Query" } }));
    for name in [json!("Z"), Value::Null] {
        let (status, body) = service.request("POST", "/graphql", Some(&named(name))).await;
        assert_eq!((status, code(&body), body.get("data")), (200, "INTERNAL_SERVER_ERROR", None));
    }
    let (status, body) = service
        .ask_with("graphql-admin", "query Q($n: Int) { code_reservation(limit: $n) { id } }", json!({ "n": "x" }))
        .await;
    assert_eq!((status, code(&body)), (200, "INTERNAL_SERVER_ERROR"));
    assert!(body["errors"][0]["message"].as_str().unwrap().starts_with("Variable \"$n\" got invalid value \"x\""));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_the_schema_does_not_allow_is_refused_whole() {
    let service = Service::start().await;
    let refused = [
        "{ code_reservation { nope } }",
        "{ nope { id } }",
        "{ code_reservation }",
        "{ code_reservation { status { x } } }",
        "{ code_reservation(nope: 1) { id } }",
        "{ code_reservation(limit: \"x\") { id } }",
        "{ code_reservation(limit: 2147483648) { id } }",
        "{ code_reservation(filter: { status: { _wat: 1 } }) { id } }",
        "{ code_reservation(filter: \"x\") { id } }",
        "query Q($n: Int) { code_reservation(filter: { quantity: { _eq: $n }, nope: {} }) { id } }",
        "{ code_reservation_by_id { id } }",
        "{ code_reservation_by_id(id: null) { id } }",
        "query Q($id: ID) { code_reservation_by_id(id: $id) { id } }",
        "query Q($id: Nope) { code_reservation_by_id(id: $id) { id } }",
        "{ code_reservation { id ...F } } fragment F on directus_users { id }",
        "{ code_reservation { id ...G } }",
        "{ code_reservation { x: id x: status } }",
        "{ code_reservation { user_created { x: id } user_created { x: email } } }",
        "{ code_reservation(limit: 1) { id } code_reservation(limit: 2) { id } }",
        "{ code_reservation @nope { id } }",
        "{ code_reservation { reserved_for { id } } }",
        "subscription { code_reservation_mutated { key } }",
        "query { delete_code_reservation_item(id: \"x\") { id } }",
        "mutation { create_code_reservation_item(data: { quantity: \"many\" }) { id } }",
        "mutation { create_code_reservation_item(data: { quantity: 1.5 }) { id } }",
        "mutation { create_code_reservation_item(data: \"x\") { id } }",
        "{ code_reservation { id ",
        "",
        " ",
        "}",
    ];
    for document in refused.iter().filter(|document| !document.is_empty()) {
        let (status, body) = service.ask("graphql-admin", document).await;
        assert_eq!((status, code(&body)), (400, "GRAPHQL_VALIDATION"), "{document}: {body}");
        assert!(!refusal(&body).is_empty() && body.get("data").is_none(), "{document}: {body}");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_system_endpoint_has_the_caller_and_the_files() {
    let service = Service::start().await;
    let ask = async |query: &str| service.post("/graphql/system", "graphql-admin", &json!({ "query": query })).await.1;
    let body = ask("{ users_me { id first_name role } files(sort: [\"filename_download\"]) { filename_download filesize uploaded_by { last_name } } }").await;
    assert_eq!(body["data"]["users_me"]["first_name"], "Ada");
    assert_eq!(
        body["data"]["files"][0],
        json!({ "filename_download": "north.csv", "filesize": "7", "uploaded_by": { "last_name": "Admin" } })
    );
    let body =
        ask("{ files_by_id(id: \"f0000000-0000-4000-8000-000000000002\") { id type created_on_func { year } } }").await;
    assert_eq!(body["data"]["files_by_id"]["type"], "text/csv");
    assert_eq!(code(&ask("{ code_reservation { id } }").await), "GRAPHQL_VALIDATION");
    assert_eq!(code(&ask("mutation { create_code_reservation_item(data: {}) { id } }").await), "GRAPHQL_VALIDATION");
    service.stop().await;
}
