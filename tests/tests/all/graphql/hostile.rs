//! Hostile documents: each is refused, and the service keeps working.

use serde_json::json;

use super::{NORTH, Service, code, refusal};

#[tokio::test(flavor = "multi_thread")]
async fn documents_that_mean_harm_are_refused() {
    let service = Service::start().await;
    let deep = format!("{{ code_reservation {{ {} id {} }} }}", "user_created { avatar { ".repeat(8), "} } ".repeat(8));
    let aliases: String = (0..1_000).map(|n| format!("a{n}: code_reservation {{ id }} ")).collect();
    let by_id: String =
        (0..1_000).map(|n| format!("a{n}: code_reservation_by_id(id: \"{NORTH}\") {{ id }} ")).collect();
    let aggregates: String = (0..20).map(|n| format!("a{n}: code_reservation_aggregated {{ countAll }} ")).collect();
    let codes: String = (0..20).map(|n| format!("a{n}: codes(limit: 10000) {{ id code }} ")).collect();
    let doubling: String =
        (0..60).map(|n| format!("fragment F{n} on Query {{ ...F{m} ...F{m} }} ", m = n + 1)).collect();
    let unused: String =
        (0..60).map(|n| format!("fragment U{n} on code_reservation {{ ...U{m} ...U{m} }} ", m = n + 1)).collect();
    let introspection =
        format!("{{ __schema {{ types {{ {} name {} }} }} }}", "fields { type { ".repeat(4), "} } ".repeat(4));
    let directives = format!("{{ code_reservation {{ id {} }} }}", "@include(if: true) ".repeat(3_000));
    let documents = [
        ("deep", deep),
        ("deeper than a stack", "{ a ".repeat(100_000)),
        ("lists", format!("{{ code_reservation(filter: {}) {{ id }} }}", "[".repeat(100_000))),
        ("objects", format!("{{ code_reservation(filter: {}", "{ _and: ".repeat(100_000))),
        ("aliases", format!("{{ {aliases} }}")),
        ("single rows", format!("{{ {by_id} }}")),
        ("aggregates", format!("{{ {aggregates} }}")),
        ("codes", format!("{{ code_reservation {{ {codes} }} }}")),
        ("a fragment in itself", "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }".to_owned()),
        ("fragments that double", format!("{{ ...F0 }} {doubling} fragment F60 on Query {{ __typename }}")),
        (
            "fragments that double, unused",
            format!("{{ __typename }} {unused} fragment U60 on code_reservation {{ id }}"),
        ),
        ("introspection", introspection),
        ("directives", directives),
        (
            "lists of an introspection",
            format!(
                "{{ __schema {{ types {{ {} }} }} }}",
                (0..240)
                    .map(|n| format!("i{n}: inputFields {{ type {{ inputFields {{ name }} }} }} "))
                    .collect::<String>()
            ),
        ),
        ("braces", "{".repeat(900_000)),
        ("words", "a ".repeat(450_000)),
        ("one word", "a".repeat(900_000)),
        ("a string without end", format!("{{ code_reservation(search: \"{}", "x".repeat(900_000))),
        ("quotes", "\"".repeat(400_000)),
        ("block strings", "\"\"\"".repeat(130_000)),
        ("a comment", format!("#{}", "x".repeat(900_000))),
        ("commas", ",".repeat(900_000)),
        ("half a character", r#"{ code_reservation(search: "\uD800") { id } }"#.to_owned()),
        ("numbers", "{ code_reservation(limit: 1e999999) { id } }".to_owned()),
        ("zero bytes", "{\0\0}".to_owned()),
    ];
    for (name, document) in documents {
        let (status, body) = service.ask("graphql-admin", &document).await;
        assert_eq!((status, code(&body)), (400, "GRAPHQL_VALIDATION"), "{name}: {body}");
        assert!(!refusal(&body).is_empty(), "{name}");
    }
    assert_eq!(
        service.data("{ code_reservation(limit: 1) { id } }").await,
        json!({ "code_reservation": [{ "id": NORTH }] })
    );
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_document_reads_is_bounded_over_all_its_roots() {
    let service = Service::start().await;
    let refused = [
        "{ code_reservation(limit: 10001) { id } }",
        "{ code_reservation(limit: 2147483647) { id } }",
        "{ unique_code(filter: { reservation: { id: { _eq: \"c0000000-0000-4000-8000-000000000001\" } } }, limit: 1000000) { id } }",
        "{ code_reservation { codes { reservation { codes { id } } } } }",
        "{ unique_code(filter: { reservation: { id: { _eq: \"c0000000-0000-4000-8000-000000000001\" } } }) { reservation { codes { id } } } }",
    ];
    for document in refused {
        let (status, body) = service.ask("graphql-admin", document).await;
        assert_eq!((status, code(&body), body.get("data")), (200, "INVALID_QUERY", None), "{document}");
    }
    let (_, body) = service.ask("graphql-admin", "{ code_reservation(limit: 10001) { id } }").await;
    assert!(body["errors"][0]["extensions"]["reason"].as_str().unwrap().contains("10000 rows"));
    // The limit counts the rows that are read, not those that a document may ask for.
    let data = service.data("{ a: code_reservation(limit: -1) { id } b: code_reservation(limit: 9997) { id } c: code_reservation { id } }").await;
    assert_eq!(data["c"].as_array().unwrap().len(), 3);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_count_as_rows_that_are_read() {
    let service = Service::start().await;
    let data = service
        .data(
            "mutation { create_code_reservation_item(data: { reserved_for: \"/417/9312345000012\", code_type: \"sgtin\",
                quantity: 6000, product: \"/01/19361758000003\" }) { id } }",
        )
        .await;
    let id = data["create_code_reservation_item"]["id"].as_str().unwrap().to_owned();
    service.settled(&id).await;
    let root = format!("code_reservation_by_id(id: \"{id}\") {{ codes(limit: 6000) {{ id }} }}");
    let (_, body) = service.ask("graphql-admin", &format!("{{ a: {root} b: {root} }}")).await;
    assert_eq!(body["data"]["a"]["codes"].as_array().unwrap().len(), 6_000);
    assert_eq!((&body["data"]["b"], code(&body)), (&json!(null), "INVALID_QUERY"));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_variable_cannot_be_multiplied() {
    let service = Service::start().await;
    let large = "x".repeat(500_000);
    let uses: String =
        (0..200).map(|n| format!("{{ status: {{ _eq: $v, _neq: $v }}, quantity: {{ _eq: {n} }} }} ")).collect();
    let document = format!("query Q($v: String) {{ code_reservation(filter: {{ _and: [{uses}] }}) {{ id }} }}");
    let (status, body) = service.ask_with("graphql-admin", &document, json!({ "v": large })).await;
    assert_eq!((status, code(&body)), (400, "GRAPHQL_VALIDATION"), "in one place");
    let spreads: String = (0..40).map(|n| format!("a{n}: code_reservation {{ ...F }} ")).collect();
    let document = format!(
        "query Q($v: String) {{ {spreads} }}
         fragment F on code_reservation {{ user_created(search: $v) {{ id }} user_updated(search: $v) {{ id }} }}"
    );
    let (status, body) = service.ask_with("graphql-admin", &document, json!({ "v": large })).await;
    assert_eq!((status, code(&body)), (400, "GRAPHQL_VALIDATION"), "in a fragment that is used often");
    service.stop().await;
}
