//! Which queries depend only on what tallies tell apart.

use super::*;

fn members(text: &str) -> Option<Vec<&'static str>> {
    query(text).unwrap().members_of_counts().map(|members| members.into_iter().collect())
}

#[test]
fn counts_by_organisation_product_type_and_status_depend_on_these_alone() {
    for (text, expected) in [
        ("aggregate[count]=*", vec![]),
        ("aggregate[count]=id", vec![]),
        ("aggregate[count]=product", vec!["product"]),
        ("aggregate[countDistinct]=status", vec!["status"]),
        ("groupBy[]=status", vec!["status"]),
        ("groupBy[]=status&sort=-status", vec!["status"]),
        ("groupBy[]=product&aggregate[count]=*&sort=-count", vec!["product"]),
        ("aggregate[count]=*&filter[reserved_for][_contains]=x", vec!["reserved_for"]),
        (
            "aggregate[count]=*&filter={\"_or\":[{\"status\":{\"_eq\":\"new\"}},{\"product\":{\"_null\":true}}]}",
            vec!["product", "status"],
        ),
        ("groupBy[]=code_type&filter[status][_nin]=new", vec!["code_type", "status"]),
    ] {
        assert_eq!(members(text), Some(expected), "{text}");
    }
}

#[test]
fn what_depends_on_anything_else_is_not_counted_by_tallies() {
    for text in [
        "fields=id",
        "aggregate[countDistinct]=id",
        "aggregate[sum]=quantity",
        "aggregate[count]=quantity",
        "aggregate[max]=status",
        "aggregate[unknown]=id",
        "aggregate[count]=*&search=x",
        "aggregate[count]=*&filter[quantity][_gt]=3",
        "aggregate[count]=*&filter[date_created][_gte]=2025-01-01",
        "aggregate[count]=*&filter[year(date_created)][_eq]=2025",
        "aggregate[count]=*&filter[reserved_for][organisation_name][_eq]=One",
        "aggregate[count]=*&filter[codes][_some][code][_eq]=x",
        "aggregate[count]=*&filter={\"_or\":[{\"status\":{\"_eq\":\"new\"}},{\"reference_id\":{\"_null\":true}}]}",
        "groupBy[]=reference_id&aggregate[count]=*",
        "groupBy[]=year(date_created)&aggregate[count]=*",
        "groupBy[]=status&aggregate[count]=*&sort=date_created",
    ] {
        assert_eq!(members(text), None, "{text}");
    }
}

#[test]
fn a_row_that_stands_for_others_counts_as_many() {
    let cell = |status: &str, times| (object(json!({"id": "", "status": status, "product": null})), times);
    let cells = [cell("new", 3), cell("error", 2), cell("new", 4), cell("complete", 0)];
    let data = |text: &str| query(text).unwrap().tallied_data(&cells, &Related::default()).unwrap();
    assert_eq!(data("aggregate[count]=*"), (9, json!([{"count": "9"}])));
    assert_eq!(data("aggregate[count]=id,product"), (9, json!([{"count": {"id": "9", "product": "0"}}])));
    let groups = json!([{"status": "error", "count": "2"}, {"status": "new", "count": "7"}]);
    assert_eq!(data("groupBy[]=status&aggregate[count]=*"), (9, groups), "a group without rows is none");
    assert_eq!(data("aggregate[count]=*&filter[status][_neq]=new"), (2, json!([{"count": "2"}])));
    assert_eq!(data("aggregate[count]=*&aggregate[countDistinct]=status").1[0]["countDistinct"]["status"], "2");
}
