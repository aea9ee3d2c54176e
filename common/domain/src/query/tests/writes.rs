//! Queries that select the rows of a write: what a read ignores is an error here.

use super::*;
use crate::query::{RawQuery, parse_for_write};

pub(super) fn select(query: Value) -> Result<Query, QueryError> {
    let raw = RawQuery::from_json(members(query));
    parse_for_write(&raw, Collection::CodeReservation, &admin(), now(), &Budget::default())
}

pub(super) fn refusal(query: Value) -> String {
    match select(query.clone()) {
        Err(QueryError::InvalidQuery { reason }) => reason,
        other => panic!("{query}: {other:?}"),
    }
}

/// The reason why a filter is refused.
pub(super) fn refused(filter: Value) -> String {
    refusal(json!({ "filter": filter }))
}

/// The last digits of the keys of the rows that a filter selects.
pub(super) fn selected(filter: Value) -> String {
    let query = select(json!({ "filter": filter })).unwrap_or_else(|error| panic!("{filter}: {error}"));
    let rows = rows();
    let matching = rows.iter().filter(|row| query.matches(row, &related()));
    matching.filter_map(|row| row["id"].as_str()?.chars().last()).collect()
}

const ID: &str = "00000000-0000-4000-8000-000000000001";

#[test]
fn a_part_that_says_nothing_is_refused_at_every_place() {
    let nothing = [
        json!({}),
        json!({"_and": []}),
        json!({"_or": []}),
        json!({"id": {}}),
        json!({"id": []}),
        json!({"user_created": {"first_name": {}}}),
        json!({"codes": {}}),
        json!({"codes": {"_some": {}}}),
        json!({"quantity": {"_between": [1]}}),
        json!({"quantity": {"_between": [1, 2, 3]}}),
        json!({"quantity": {"_nbetween": "1"}}),
        json!({"year(date_created)": {}}),
    ];
    let one = || json!({"id": {"_eq": ID}});
    for part in nothing {
        for filter in [
            part.clone(),
            json!({"_and": [part]}),
            json!({"_or": [part]}),
            json!({"_and": [one(), part]}),
            json!({"_or": [one(), part]}),
            json!({"_and": [one(), {"_or": [one(), {"_and": [part]}]}]}),
        ] {
            let reason = refused(filter.clone());
            assert!(reason.contains("says nothing"), "{filter}: {reason}");
        }
    }
    // Beside a condition, too: the client meant both.
    assert!(refused(json!({"status": {"_eq": "new"}, "id": {}})).contains("\"id\" without an operator"));
    assert!(refused(json!({"id": {"_or": []}})).contains("says nothing"));
    for text in ["{}", "[]", "{\"id\":{}}"] {
        assert!(refused(json!(text)).contains("says nothing"), "{text}");
    }
    for (filter, reason) in [
        (json!({"_and": {}}), "Invalid filter object"),
        (json!({"_or": null}), "Invalid filter object"),
        (json!({"_and": [null]}), "Invalid filter object"),
        (json!({"id": null}), "Invalid filter object"),
        (json!("null"), "\"filter\" must be of type object"),
        (json!({"id": {"_in": []}}), "\"_in\" has to be an array of values"),
        (json!({"id": {"_nin": []}}), "\"_nin\" has to be an array of values"),
        (json!({"id": {"_nin": {}}}), "\"_nin\" has to be an array of values"),
    ] {
        assert_eq!(refused(filter), reason);
    }
}

#[test]
fn an_operand_that_is_no_value_of_its_field_is_refused() {
    for filter in [
        json!({"id": {"_neq": "foo"}}),
        json!({"id": {"_nin": [ID, "foo"]}}),
        json!({"id": "undefined"}),
        json!({"id": {"_neq": 5}}),
        json!({"id": {"_neq": true}}),
        json!({"user_created": {"id": {"_neq": "foo"}}}),
        json!({"export_file": {"_neq": "[object Object]"}}),
        json!({"quantity": {"_neq": 1.5}}),
        json!({"quantity": {"_lt": "Infinity"}}),
        json!({"quantity": {"_lt": 4_294_967_296_u64}}),
        json!({"quantity": {"_gte": "  "}}),
        json!({"quantity": {"_gte": true}}),
        json!({"quantity": {"_nbetween": [1, null]}}),
        json!({"quantity": {"_nin": [null]}}),
        json!({"quantity": {"_in": [1, null]}}),
        json!({"quantity": {"_in": null}}),
        json!({"count(codes)": {"_neq": 0.5}}),
        json!({"date_created": {"_neq": "no date"}}),
        json!({"date_created": {"_lt": "2025-13-01"}}),
        json!({"date_created": {"_lt": false}}),
        json!({"date_created": {"_lt": 1.5}}),
        json!({"date_created": {"_nin": ["2025-01-01", "Invalid Date"]}}),
        json!({"reference_id": {"_nin": ["a", null]}}),
        json!({"reference_id": {"_nin": [""]}}),
        json!({"export_file": {"filesize": {"_neq": "many"}}}),
        json!({"user_created": {"email_notifications": {"_neq": "maybe"}}}),
        json!({"_and": [{"id": {"_eq": ID}}, {"id": {"_neq": "foo"}}]}),
        json!({"_or": [{"id": {"_eq": ID}}, {"id": {"_neq": "foo"}}]}),
    ] {
        let reason = refused(filter.clone());
        let numeric = reason == "Invalid numeric value";
        assert!(numeric || reason.contains("is no value of"), "{filter}: {reason}");
    }
    for (filter, reason) in [
        (json!({"quantity": {"_neq": ""}}), "You can't filter for an empty string in \"_neq\""),
        (json!({"reference_id": {"_contains": ""}}), "You can't filter for an empty string in \"_contains\""),
        (json!({"id": {"_neq": {}}}), "has to be a string, number, or boolean"),
        (json!({"quantity": {"_nbetween": [9, 1]}}), "is above the second one"),
        (json!({"date_created": {"_nbetween": ["2025-02-01", "2025-01-01"]}}), "is above the second one"),
        (json!({"reserved_for": {"_null": null}}), "has to be true or false"),
        (json!({"reserved_for": {"_nnull": ""}}), "has to be true or false"),
    ] {
        let said = refused(filter.clone());
        assert!(said.contains(reason), "{filter}: {said}");
    }
}

#[test]
fn a_value_outside_of_an_enumeration_is_refused_with_the_values() {
    for filter in [
        json!({"status": {"_neq": "compelte"}}),
        json!({"status": "New"}),
        json!({"status": {"_nin": ["new", "done"]}}),
        json!({"status": {"_ncontains": "xyz"}}),
        json!({"status": {"_neq": true}}),
    ] {
        let reason = refused(filter.clone());
        assert!(reason.ends_with("\"status\": new, in_progress, complete, error"), "{filter}: {reason}");
    }
    for (name, wrong) in [("code_type", "SGTIN"), ("export_type", "csv.zip"), ("character_set", "emoji")] {
        assert!(refused(json!({ name: { "_neq": wrong } })).contains("fits no value"), "{name}");
    }
    assert_eq!(selected(json!({"status": {"_neq": "new"}})), "24");
    assert_eq!(selected(json!({"status": {"_ncontains": "new"}})), "24");
    assert_eq!(selected(json!({"status": {"_istarts_with": "NE"}})), "13");
    assert_eq!(selected(json!({"code_type": {"_in": ["sgtin", "sscc"]}})), "1234");
}

#[test]
fn a_field_that_is_never_null_is_not_tested_for_null() {
    for name in ["id", "status"] {
        for test in [json!({"_neq": null}), json!({"_eq": null}), json!({"_nnull": true}), json!({"_null": false})] {
            let reason = refused(json!({ name: test }));
            assert!(reason.contains("is never null"), "{name} {test}: {reason}");
        }
    }
    assert_eq!(selected(json!({"reserved_for": {"_null": true}})), "4");
    assert_eq!(selected(json!({"reference_id": {"_nempty": "true"}})), "123");
}

#[test]
fn variables_have_a_value_and_the_word_null_is_not_null() {
    for text in [
        "$NOW(-1 yaer)",
        "$NOW()",
        "$NOW(-1 year",
        "$NOW-1",
        "$NOWADAYS",
        "$CURRENT_USER.nope",
        "$CURRENT_USERS",
        "$CURRENT_POLICIES",
    ] {
        let reason = refused(json!({"date_created": {"_lt": text}}));
        assert!(reason.starts_with("The variable"), "{text}: {reason}");
        assert!(refused(json!({"reference_id": {"_nin": ["a", text]}})).starts_with("The variable"), "{text}");
    }
    assert_eq!(selected(json!({"date_created": {"_lt": "$NOW"}})), "1234");
    assert_eq!(selected(json!({"date_created": {"_lt": "$NOW(-1 month)"}})), "123");
    assert_eq!(selected(json!({"user_created": {"_eq": "$CURRENT_USER"}})), "124");
    for word in ["null", "NULL"] {
        assert!(refused(json!({"reference_id": {"_neq": word}})).contains("would stand for null"));
        assert!(refused(json!({"reference_id": {"_nin": format!("a,{word}")}})).contains("would stand for null"));
        assert!(refused(json!({"reserved_for": {"_null": word}})).contains("would stand for null"));
    }
}

#[test]
fn codes_are_named_whole() {
    let link = "https://id.gs1.org/01/19361758000003/21/9L7cjZjJ";
    for quantifier in ["_some", "_none"] {
        let by = |name: &str, value: &str| json!({"codes": {quantifier: {name: {"_eq": value}}}});
        assert!(refused(by("digital_link", "foo")).contains("\"foo\" is no code"));
        assert!(refused(by("epc_join_key", "foo")).contains("is no code"));
        assert!(select(json!({"filter": by("digital_link", link)})).is_ok());
        assert!(
            refused(json!({"codes": {quantifier: {"digital_link": {"_in": [link, "foo"]}}}})).contains("is no code")
        );
    }
}

#[test]
fn a_query_without_a_condition_is_refused_unless_it_says_that_it_means_everything() {
    let condition = "The query has no condition";
    for query in [json!({}), json!({"limit": 5}), json!({"limit": 0}), json!({"sort": "id", "page": 2})] {
        assert!(refusal(query.clone()).starts_with(condition), "{query}");
    }
    for limit in [json!(-1), json!("-1")] {
        let everything = select(json!({"limit": limit, "fields": ["id"], "sort": ["-id"]})).unwrap();
        assert!(everything.filter.is_none() && everything.limit_or_default() == -1);
    }
    for filter in [json!(null), json!(""), json!(false), json!(0)] {
        for more in [json!({}), json!({"limit": -1}), json!({"search": "x"})] {
            let mut query = more.clone();
            query["filter"] = filter.clone();
            assert_eq!(refusal(query), "\"filter\" must be of type object", "{filter} {more}");
        }
    }
    for search in [json!(null), json!(""), json!("  "), json!(5), json!(["x"])] {
        let reason = refusal(json!({"limit": -1, "search": search}));
        assert_eq!(reason, "\"search\" must be a text that is not empty", "{search}");
    }
    assert!(select(json!({"search": "Batch"})).is_ok());
    for name in ["filters", "Filter", "where", "aggregate", "groupBy", "keys", "data"] {
        let reason = refusal(json!({"limit": -1, name: {"id": {"_eq": ID}}}));
        assert_eq!(reason, format!("\"{name}\" is not allowed in the query of a write"));
    }
}

#[test]
fn a_write_reports_long_operands_in_part() {
    let reason = refused(json!({"id": {"_neq": "x".repeat(10_000)}}));
    assert!(reason.len() < 300, "{}", reason.len());
}

#[test]
fn reads_keep_what_directus_does() {
    for filter in [json!({}), json!({"id": {}}), json!({"_or": []}), json!({"id": {"_neq": "foo"}})] {
        assert_eq!(filtered(filter.clone()), "1234", "{filter}");
    }
}
