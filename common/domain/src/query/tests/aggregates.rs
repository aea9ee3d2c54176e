//! Aggregates and groups.

use super::*;

#[test]
fn aggregates_are_one_object_in_the_order_asked_for() {
    assert_eq!(
        data("aggregate[count]=*&aggregate[sum]=quantity&aggregate[min]=quantity&aggregate[max]=quantity&aggregate[avg]=quantity").to_string(),
        r#"[{"count":"4","sum":{"quantity":"42"},"min":{"quantity":2},"max":{"quantity":30},"avg":{"quantity":"14.0000000000000000"}}]"#
    );
    assert_eq!(data("aggregate[count]=quantity,id"), json!([{"count": {"quantity": "3", "id": "4"}}]));
    assert_eq!(data("aggregate[countDistinct]=status"), json!([{"countDistinct": {"status": "3"}}]));
    assert_eq!(data("aggregate[min]=date_created"), json!([{"min": {"date_created": "2024-12-31T23:59:59.999Z"}}]));
    assert_eq!(data("aggregate={\"count\":[\"*\"]}"), json!([{"count": "4"}]));
}

#[test]
fn nothing_sums_to_null_and_counts_to_zero() {
    let text = "aggregate[count]=*&aggregate[sum]=quantity&aggregate[avg]=quantity&filter[status][_eq]=x";
    assert_eq!(data(text), json!([{"count": "0", "sum": {"quantity": null}, "avg": {"quantity": null}}]));
}

#[test]
fn averages_have_the_digits_of_numeric_division() {
    let average = |numbers: &[i64]| {
        let rows: Vec<Row> = numbers.iter().map(|n| object(json!({"quantity": n}))).collect();
        let raw = parse_query_string("aggregate[avg]=quantity").unwrap();
        let query = parse(&raw, Collection::CodeReservation, &admin(), now(), &Budget::default()).unwrap();
        let answer = query.run(&rows, &Related::default()).unwrap();
        answer.data[0]["avg"]["quantity"].as_str().unwrap().to_owned()
    };
    // As PostgreSQL 16 prints avg(int4).
    assert_eq!(average(&[1]), "1.00000000000000000000");
    assert_eq!(average(&[1, 2]), "1.5000000000000000");
    assert_eq!(average(&[0, 1]), "0.50000000000000000000");
    assert_eq!(average(&[0, 0]), "0.00000000000000000000");
    assert_eq!(average(&[1_000_000]), "1000000.000000000000");
    assert_eq!(average(&[1, 1, 0]), "0.66666666666666666667");
    assert_eq!(average(&[-1, -2]), "-1.5000000000000000");
    assert_eq!(average(&[2_147_483_647; 3]), "2147483647.00000000");
}

#[test]
fn groups_have_their_members_first_and_sort_by_them() {
    assert_eq!(
        data("aggregate[count]=*&groupBy[]=status").to_string(),
        r#"[{"status":"complete","count":"1"},{"status":"error","count":"1"},{"status":"new","count":"2"}]"#
    );
    assert_eq!(
        data("groupBy=reserved_for&sort=-reserved_for"),
        json!([{"reserved_for": null}, {"reserved_for": "ORG-2"}, {"reserved_for": "ORG-1"}])
    );
    assert_eq!(
        data("aggregate[count]=*&groupBy=year(date_created)"),
        json!([{"date_created_year": "2024", "count": "1"}, {"date_created_year": "2025", "count": "3"}])
    );
    assert_eq!(data("aggregate[count]=*&groupBy=status&sort=-count&limit=1"), json!([{"status": "new", "count": "2"}]));
    assert_eq!(data("aggregate[count]=*&groupBy=status&limit=1&page=2"), json!([{"status": "error", "count": "1"}]));
}

#[test]
fn a_group_sorted_by_a_member_it_does_not_share_goes_by_its_first_row() {
    // Keys in order: row 1 (new, 10), row 2 (error, 2), row 4 (complete, null).
    assert_eq!(
        data("aggregate[count]=id&groupBy=status&sort=quantity"),
        json!([
            {"status": "error", "count": {"id": 1}}, {"status": "new", "count": {"id": 2}},
            {"status": "complete", "count": {"id": 1}},
        ])
    );
}

#[test]
fn unknown_operations_compute_nothing() {
    assert_eq!(data("aggregate[median]=quantity"), json!([{}, {}, {}, {}]));
    assert_eq!(data("aggregate[countAll]=*"), json!([{}]));
    assert!(reason("aggregate[sum]=nope").starts_with("403"));
    assert_eq!(data("aggregate[count]=*&limit=0"), json!([]));
}

#[test]
fn graphql_may_see_the_count_of_all() {
    let mut query = query("aggregate[countAll]=*").unwrap();
    query.shows_count_all = true;
    assert_eq!(query.run(&rows(), &related()).unwrap().data, json!([{"countAll": "4"}]));
    let text = "aggregate[countAll]=*&aggregate[avg]=quantity&aggregate[max]=status";
    let mut query = self::query(text).unwrap();
    (query.shows_count_all, query.plain_numbers) = (true, true);
    assert_eq!(
        query.run(&rows(), &related()).unwrap().data,
        json!([{"countAll": 4, "avg": {"quantity": 14.0}, "max": {"status": "new"}}])
    );
}

#[test]
fn a_sort_without_groups_means_nothing_to_aggregates() {
    assert_eq!(data("aggregate[count]=*&sort=nope"), json!([{"count": "4"}]));
    assert!(reason("aggregate[count]=*&groupBy=status&sort=nope").starts_with("403"));
}

#[test]
fn what_has_no_value_cannot_be_aggregated() {
    for text in [
        "aggregate[sum]=codes",
        "aggregate[sum]=*",
        "groupBy=codes",
        "groupBy=user_created.first_name&aggregate[sum]=user_created.first_name",
    ] {
        assert!(reason(text).starts_with("400"), "{text}");
    }
}
