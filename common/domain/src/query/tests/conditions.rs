//! Filters, rights and keys.

use super::*;
use crate::query::{CodeLookup, Filter, Scalar, Test};

#[test]
fn a_filter_means_the_same_in_json_and_in_brackets() {
    assert_eq!(filtered(json!({"status": {"_eq": "new"}})), "13");
    assert_eq!(ids("filter[status][_eq]=new"), "13");
    assert_eq!(ids("filter[status]=new"), "13");
    assert_eq!(ids("filter[_or][0][status][_eq]=error&filter[_or][1][quantity][_gt]=20"), "23");
    assert_eq!(filtered(json!({"_or": [{"status": "error"}, {"quantity": {"_gt": 20}}]})), "23");
}

#[test]
fn logic_may_stand_below_a_member() {
    assert_eq!(filtered(json!({"status": {"_or": [{"_eq": "error"}, {"_eq": "complete"}]}})), "24");
    assert_eq!(filtered(json!({"quantity": {"_gt": 2, "_lt": 30}})), "1");
    assert_eq!(
        filtered(json!({"user_created": {"_and": [{"first_name": {"_eq": "Alice"}}, {"id": {"_neq": BOB}}]}})),
        "124"
    );
}

#[test]
fn negative_operators_leave_nulls_out() {
    assert_eq!(filtered(json!({"reserved_for": {"_neq": "ORG-1"}})), "3");
    assert_eq!(filtered(json!({"reserved_for": {"_nin": ["ORG-1"]}})), "3");
    assert_eq!(filtered(json!({"reference_id": {"_ncontains": "zzz"}})), "123");
    assert_eq!(filtered(json!({"quantity": {"_nbetween": [1, 5]}})), "13");
    assert_eq!(filtered(json!({"reserved_for": {"_nin": ["ORG-2", null]}})), "");
}

#[test]
fn case_matters_except_for_the_i_forms() {
    assert_eq!(filtered(json!({"reference_id": {"_contains": "batch"}})), "2");
    assert_eq!(filtered(json!({"reference_id": {"_icontains": "BATCH"}})), "12");
    assert_eq!(filtered(json!({"reference_id": {"_starts_with": "Batch"}})), "1");
    assert_eq!(filtered(json!({"reference_id": {"_nistarts_with": "BATCH"}})), "3");
    assert_eq!(filtered(json!({"reference_id": {"_iends_with": "DONE"}})), "3");
    assert_eq!(filtered(json!({"reference_id": {"_nends_with": "-1"}})), "23");
}

#[test]
fn percent_and_underscore_are_plain_characters() {
    assert_eq!(filtered(json!({"reference_id": {"_contains": "%"}})), "3");
    assert_eq!(filtered(json!({"reference_id": {"_contains": "_"}})), "3");
    assert_eq!(filtered(json!({"reference_id": {"_starts_with": "B%"}})), "");
    assert_eq!(ids("search=%25"), "3");
}

#[test]
fn words_of_a_query_string_stand_for_values() {
    assert_eq!(ids("filter[reserved_for][_null]=true"), "4");
    assert_eq!(ids("filter[reserved_for][_null]=false"), "123");
    assert_eq!(ids("filter[reserved_for][_null]="), "4");
    assert_eq!(ids("filter[reference_id][_eq]=null"), "4");
    assert_eq!(ids("filter[reference_id][_neq]=NULL"), "123");
    assert_eq!(ids("filter[reference_id][_empty]=true"), "4");
    assert_eq!(ids("filter[reference_id][_nempty]=true"), "123");
}

#[test]
fn numbers_are_read_from_texts() {
    assert_eq!(ids("filter[quantity][_eq]=10"), "1");
    assert_eq!(ids("filter[quantity][_in]=2,0xA"), "12");
    assert_eq!(filtered(json!({"quantity": {"_lte": "2"}})), "2");
    assert_eq!(reason("filter[quantity][_eq]=many"), "400 Invalid numeric value");
}

#[test]
fn a_range_with_one_end_says_nothing() {
    assert_eq!(filtered(json!({"quantity": {"_between": [25]}})), "1234");
    assert_eq!(filtered(json!({"quantity": {"_between": [2, 10]}})), "12");
    assert_eq!(ids("filter[quantity][_between]=10,2"), "");
}

#[test]
fn instants_compare_by_time_and_not_by_text() {
    assert_eq!(filtered(json!({"date_created": {"_eq": "2025-01-15T13:34:56.789+01:00"}})), "3");
    assert_eq!(filtered(json!({"date_created": {"_gte": "2025-01-01"}})), "234");
    assert_eq!(filtered(json!({"date_created": {"_lt": "2025-01-01 00:00"}})), "1");
    assert_eq!(filtered(json!({"date_created": {"_neq": "no date"}})), "");
}

#[test]
fn now_moves_by_calendar_units() {
    // now is 2025-03-31T12:00Z
    assert_eq!(filtered(json!({"date_created": {"_gt": "$NOW(-2 days)"}})), "4");
    assert_eq!(filtered(json!({"date_created": {"_gt": "$NOW(-36 hours)"}})), "");
    assert_eq!(filtered(json!({"date_created": {"_gt": "$NOW(-3 months)"}})), "1234");
    assert_eq!(filtered(json!({"date_created": {"_gt": "$NOW(-89 days)"}})), "34");
    assert_eq!(filtered(json!({"date_created": {"_gt": "$NOW(-1 month)"}})), "4");
    assert_eq!(filtered(json!({"date_created": {"_lt": "$NOW(-1 month)"}})), "123");
    assert_eq!(filtered(json!({"date_created": {"_lt": "$NOW(soon)"}})), "1234");
    assert_eq!(filtered(json!({"date_created": {"_lt": "$NOW(-100000000000 years)"}})), "1234");
}

#[test]
fn the_caller_can_be_named() {
    assert_eq!(filtered(json!({"user_created": {"_neq": "$CURRENT_USER"}})), "3");
    assert_eq!(filtered(json!({"user_created": {"first_name": {"_eq": "$CURRENT_USER.first_name"}}})), "124");
}

#[test]
fn functions_look_at_utc() {
    assert_eq!(ids("filter[year(date_created)][_eq]=2025"), "234");
    assert_eq!(ids("filter[hour(date_created)][_eq]=23"), "1");
    assert_eq!(filtered(json!({"count(codes)": {"_gt": 0}})), "1");
    assert_eq!(
        reason("filter[year(status)][_eq]=1"),
        "400 Invalid filter key \"year(status)\" on \"code_reservation\""
    );
}

#[test]
fn a_relation_is_walked_or_compared_by_key() {
    assert_eq!(ids("filter[reserved_for][city][_eq]=Berlin"), "12");
    assert_eq!(ids("filter[reserved_for][city][_null]=true"), "34");
    assert_eq!(ids("filter[user_created][_eq]=B0000000-0000-4000-8000-000000000002"), "3");
    assert_eq!(ids("filter[export_file][uploaded_by][first_name][_eq]=Bob"), "1");
}

#[test]
fn an_operator_that_the_type_lacks_is_refused() {
    for (text, kind, operator) in [
        ("filter[status][_gt]=a", "string", "gt"),
        ("filter[id][_contains]=a", "uuid", "contains"),
        ("filter[quantity][_empty]=true", "integer", "empty"),
        ("filter[date_created][_contains]=2024", "timestamp", "contains"),
        ("filter[status][_wat]=a", "string", "wat"),
        ("filter[user_created][token][_eq]=a", "hash", "eq"),
    ] {
        assert_eq!(
            reason(text),
            format!("400 \"{kind}\" field type does not contain the \"_{operator}\" filter operator")
        );
    }
    assert_eq!(
        reason("filter[user_created][tfa_secret][_eq]=a"),
        "400 Field with \"conceal\" special does not allow the \"_eq\" filter operator"
    );
}

#[test]
fn an_unknown_member_is_forbidden_where_it_is_named() {
    let text = "You don't have permission to access field \"nope\" in collection";
    assert_eq!(
        reason("filter[nope][_eq]=1"),
        format!("403 {text} \"code_reservation\" or it does not exist. Queried in root.")
    );
    assert_eq!(
        reason("sort=-user_created.nope"),
        format!("403 {text} \"directus_users\" or it does not exist. Queried in \"user_created\".")
    );
    assert_eq!(
        reason("filter[status][foo][_eq]=1&filter[bar][_eq]=1"),
        "403 You don't have permission to access fields \"bar\", \"foo\" in collection \"code_reservation\" or they do not exist. Queried in root."
    );
}

#[test]
fn a_hidden_collection_is_forbidden_in_filter_and_sort() {
    let writer = Access::new(Role::Writer, None);
    let organisation = "403 You don't have permission to access collection \"organisation\" or it does not exist. Queried in \"reserved_for\".";
    assert_eq!(reason_as(&writer, "filter[reserved_for][city][_eq]=x"), organisation);
    assert_eq!(reason_as(&writer, "sort=reserved_for.city"), organisation);
    assert_eq!(
        reason("sort=purchase_order.order_number"),
        "403 You don't have permission to access collection \"purchase_order\" or it does not exist. Queried in \"purchase_order\"."
    );
}

#[test]
fn malformed_filters_are_refused_before_rights() {
    let nobody = Access::public();
    assert_eq!(reason_as(&nobody, "filter={nope"), "400 Invalid JSON for filter object");
    assert_eq!(reason_as(&nobody, "filter[_and]="), "400 Invalid filter object");
    assert_eq!(reason_as(&nobody, "filter[a][_in][a]=1&filter[_or][x]=1"), "400 Invalid filter object");
    assert_eq!(reason_as(&nobody, "filter=null"), "400 \"filter\" must be of type object");
    assert_eq!(reason("filter=5"), "400 Invalid filter key \"_eq\" on \"code_reservation\"");
    assert_eq!(reason("filter[status][_null]=yes"), "400 \"_null\" has to be a boolean");
    assert_eq!(reason("filter={\"status\":{\"_in\":[]}}"), "400 \"_in\" has to be an array of values");
}

#[test]
fn an_empty_alternative_makes_or_say_nothing() {
    assert_eq!(filtered(json!({"_or": [{"status": "error"}, {}]})), "1234");
    assert_eq!(filtered(json!({"_or": []})), "1234");
    assert_eq!(filtered(json!({"_or": [{"_and": []}, {"status": "error"}]})), "2");
    assert_eq!(filtered(json!({"status": {}})), "1234");
    assert_eq!(filtered(json!({"codes": {"_some": {}}})), "1234");
}

#[test]
fn codes_are_looked_up_and_never_searched() {
    let filter = |f: Value| query(&format!("filter={f}"));
    let found = filter(json!({"codes": {"_some": {"digital_link": {"_eq": "https://x/01/1"}}}})).unwrap();
    assert_eq!(found.code_lookups(), [&CodeLookup::DigitalLink("https://x/01/1".into())]);
    let found = query("filter[codes][code][_eq]=A&filter[codes][product][_eq]=/01/1").unwrap();
    let code = CodeLookup::Code { code: "A".into(), product: Some("/01/1".into()) };
    assert_eq!(found.code_lookups(), [&code]);

    let mut related = related();
    related.set_lookup(code.clone(), ["00000000-0000-4000-8000-000000000003".to_owned()]);
    let matching = |q: &Query| rows().iter().filter(|r| q.matches(r, &related)).count();
    assert_eq!(matching(&found), 1);
    let none = json!({"codes": {"_none": {"code": {"_eq": "A"}, "product": {"_eq": "/01/1"}}}});
    assert_eq!(matching(&filter(none).unwrap()), 3);

    for refused in [
        json!({"codes": {"_some": {"code": {"_contains": "A"}}}}),
        json!({"codes": {"_some": {"status": {"_eq": "reserved"}}}}),
        json!({"codes": {"_null": true}}),
        json!({"codes": {"_some": {"code": {"_in": (0..101).collect::<Vec<_>>()}}}}),
    ] {
        assert_eq!(filter(refused).map_err(|e| e.status()), Err(400));
    }
    assert_eq!(
        reason("filter[reserved_for][_some][city][_eq]=x"),
        "400 \"_some\" can only be used with top level relational alias field"
    );
}

#[test]
fn rights_hide_rows_from_lists_and_counts() {
    let mut query = query("meta=*&filter[status][_eq]=new&fields=id").unwrap();
    query.restrict(Filter::any_of(Collection::CodeReservation, "reserved_for", ["ORG-1".to_owned()]).unwrap());
    let answer = query.run(&rows(), &related()).unwrap();
    assert_eq!(answer.meta, Some(members(json!({"total_count": 2, "filter_count": 1}))));
    assert_eq!(answer.data.as_array().map(Vec::len), Some(1));
    assert_eq!(query.run_one(rows().get(2), &related()), Err(QueryError::forbidden()));
    assert!(
        query.conditions().unwrap().required_equalities().iter().any(|(n, v)| *n == "reserved_for" && v == &["ORG-1"])
    );
}

#[test]
fn keys_that_are_no_uuid_do_not_exist() {
    let mut query = query("fields=id").unwrap();
    assert_eq!(query.restrict_to_keys(&["nope".to_owned()]), Err(QueryError::forbidden()));
    query.restrict_to_keys(&[rows()[1]["id"].as_str().unwrap().to_uppercase()]).unwrap();
    assert_eq!(query.limit_or_default(), 1);
    assert_eq!(query.run(&rows(), &related()).unwrap().data, json!([{"id": "00000000-0000-4000-8000-000000000002"}]));
}

#[test]
fn operands_have_the_type_of_their_member() {
    let test = |text: &str| query(text).unwrap().filter.unwrap().leaves()[0].test.clone();
    assert_eq!(test("filter[status]=1"), Test::Equal(Scalar::Text("1".into())));
    assert_eq!(test("filter[quantity]=1"), Test::Equal(Scalar::Number(1.0)));
    assert_eq!(test("filter[date_created]=soon"), Test::Equal(Scalar::Null));
}
