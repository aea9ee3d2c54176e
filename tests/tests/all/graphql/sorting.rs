//! `sort` by response keys, as REST sorts by aliases.

use serde_json::json;

use super::{Service, code, refusal};

#[tokio::test(flavor = "multi_thread")]
async fn a_sort_key_that_is_a_response_key_sorts_by_its_member() {
    let service = Service::start().await;
    let ids = async |arguments: &str, selected: &str| {
        let data = service.data(&format!("{{ code_reservation({arguments}) {{ id {selected} }} }}")).await;
        let rows = data["code_reservation"].as_array().unwrap().clone();
        rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for (member, selected) in [
        ("quantity", "x: quantity"),
        ("reference_id", "...F } } fragment F on code_reservation { x: reference_id ... on code_reservation { id"),
        ("user_created", "x: user_created { first_name }"),
        ("reserved_for", "x: reserved_for"),
    ] {
        for minus in ["", "-"] {
            let same = ids(&format!(r#"sort: ["{minus}{member}", "-id"]"#), "").await;
            assert_eq!(ids(&format!(r#"sort: ["{minus}x", "-id"]"#), selected).await, same, "{minus}{member}");
        }
    }
    let by_quantity = ids(r#"sort: ["-quantity"]"#, "").await;
    assert_ne!(by_quantity, ids(r#"sort: ["-status"]"#, "").await);
    assert_eq!(
        ids(r#"sort: ["-status"]"#, "status: quantity quantity: status").await,
        by_quantity,
        "a response key hides the member of the same name"
    );
    assert_eq!(ids(r#"sort: "-x""#, "x: quantity").await, by_quantity);
    let variable = "query ($by: [String]) { code_reservation(sort: $by) { x: quantity id } }";
    let (_, body) = service.ask_with("graphql-admin", variable, json!({ "by": ["-x"] })).await;
    assert_eq!(body["data"]["code_reservation"][0]["id"], json!(by_quantity[0]));
    for (arguments, selected) in [
        (r#"sort: ["y"]"#, "x: quantity"),
        (r#"sort: ["x.email"]"#, "x: user_created { email }"),
        (r#"sort: ["x"]"#, "y: quantity"),
    ] {
        let (_, body) =
            service.ask("graphql-admin", &format!("{{ code_reservation({arguments}) {{ {selected} }} }}")).await;
        assert_eq!((code(&body), refusal(&body)), ("FORBIDDEN", ""), "{arguments} {body}");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sort_key_may_be_a_response_key_that_a_directive_leaves_out() {
    let service = Service::start().await;
    let plain = service.data(r#"{ code_reservation(sort: ["-quantity"]) { id } }"#).await;
    for selected in [
        "q: quantity @include(if: $x) id",
        "q: quantity @skip(if: true) id @skip(if: $x)",
        "... @include(if: $x) { q: quantity } id",
        "...F @include(if: $x) id } } fragment F on code_reservation { ... on code_reservation { q: quantity",
    ] {
        let document = format!("query ($x: Boolean = false) {{ code_reservation(sort: [\"-q\"]) {{ {selected} }} }}");
        let (_, body) = service.ask_with("graphql-admin", &document, json!({ "x": false })).await;
        assert_eq!(body["data"], plain, "{document} {body}");
    }
    let hidden = r#"{ code_reservation(sort: ["status"]) { id status: quantity @skip(if: true) } }"#;
    let by_quantity = service.data(r#"{ code_reservation(sort: ["quantity"]) { id } }"#).await;
    assert_eq!(service.data(hidden).await, by_quantity, "as if it were selected");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nested_lists_and_groups_are_sorted_by_their_own_response_keys() {
    let service = Service::start().await;
    let codes = service.data("{ code_reservation { codes(sort: [\"x\"], limit: 2) { x: position code } } }").await;
    let plain =
        service.data("{ code_reservation { codes(sort: [\"position\"], limit: 2) { x: position code } } }").await;
    assert_eq!(codes, plain);
    let outer = "{ code_reservation { x: quantity codes(sort: [\"x\"]) { code } } }";
    let (_, body) = service.ask("graphql-admin", outer).await;
    assert_eq!(code(&body), "FORBIDDEN", "{body}");
    let groups = async |sort: &str| {
        let document = format!(
            "{{ code_reservation_aggregated(groupBy: [\"status\"], sort: [\"{sort}\"]) {{ group n: count {{ id }} most: max {{ quantity }} }} }}"
        );
        service.data(&document).await["code_reservation_aggregated"].clone()
    };
    for (alias, name) in [("n", "count"), ("-n", "-count"), ("most", "max"), ("-most", "-max")] {
        assert_eq!(groups(alias).await, groups(name).await, "{alias}");
    }
    assert_ne!(groups("-most").await, groups("most").await);
    service.stop().await;
}
