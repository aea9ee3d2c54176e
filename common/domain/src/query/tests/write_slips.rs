//! Conditions of writes that a client sends by mistake: they are about something, but every row, or another row,
//! fulfils them.

use super::writes::{refusal, refused, select, selected};
use super::*;

const COMPARISONS: [&str; 6] = ["_eq", "_neq", "_lt", "_lte", "_gt", "_gte"];

/// Asserts that a filter is refused, with a reason that contains one of these texts.
fn says(filter: Value, reasons: &[&str]) {
    let said = refused(filter.clone());
    assert!(reasons.iter().any(|reason| said.contains(reason)), "{filter}: {said}");
}

#[test]
fn null_is_compared_with_nothing() {
    for name in ["quantity", "date_created", "date_updated", "length", "count(codes)", "year(date_created)"] {
        for operator in COMPARISONS {
            says(json!({name: {operator: null}}), &["null is no value", "is never null", "Invalid numeric"]);
        }
    }
    for name in ["reserved_for", "user_created", "code_type", "reference_id", "purchase_order", "export_file"] {
        for operator in ["_eq", "_neq"] {
            says(json!({name: {operator: null}}), &["null is no value", "is never null"]);
        }
    }
    for operator in ["_contains", "_ncontains", "_nstarts_with", "_niends_with"] {
        says(json!({"reference_id": {operator: null}}), &["null is no value"]);
    }
    says(json!({"user_created": {"first_name": {"_neq": null}}}), &["null is no value"]);
    assert_eq!(selected(json!({"reserved_for": {"_null": true}})), "4");
    assert_eq!(selected(json!({"reference_id": {"_nnull": true}})), "123");
}

#[test]
fn a_member_that_every_row_has_is_not_tested_for_being_there() {
    let always = ["user_created", "date_created", "reserved_for", "code_type", "quantity", "export_type"];
    for name in always.into_iter().chain(["count(codes)", "year(date_created)", "second(date_created)"]) {
        for (operator, truth) in [("_nnull", true), ("_null", false)] {
            says(json!({name: {operator: truth}}), &["is never null"]);
        }
    }
    for name in ["reserved_for", "code_type", "export_type"] {
        for (operator, truth) in [("_nempty", json!(true)), ("_nempty", json!("true")), ("_empty", json!(false))] {
            says(json!({name: {operator: truth}}), &["is never null"]);
        }
    }
    for path in [
        json!({"user_created": {"id": {"_nnull": true}}}),
        json!({"user_created": {"status": {"_nempty": true}}}),
        json!({"reserved_for": {"id": {"_null": false}}}),
    ] {
        says(path, &["is never null"]);
    }
    // These say something.
    assert_eq!(selected(json!({"export_file": {"_nnull": true}})), "1");
    assert_eq!(selected(json!({"export_file": {"id": {"_nnull": true}}})), "1");
    assert_eq!(selected(json!({"quantity_reserved": {"_nnull": true}})), "");
    assert_eq!(selected(json!({"quantity": {"_null": true}})), "4");
    assert_eq!(selected(json!({"date_updated": {"_null": true}})), "1234");
}

#[test]
fn an_offset_of_now_is_read_exactly_and_leads_back() {
    for offset in [
        "-0.5 days",
        "-0.9 weeks",
        "-1.9 weeks",
        "-0.5 years",
        "-2.5 months",
        "-0.5",
        "-.5 days",
        "-.5",
        "--5 days",
        "+-5 days",
        "-+5 days",
        "5 days",
        "+5 days",
        "1 hour",
        "1",
        "-5 M",
        "-0.0001 seconds",
        "-1e3 days",
        "- 5 days",
    ] {
        let text = format!("$NOW({offset})");
        for operator in ["_lt", "_gt", "_neq"] {
            let said = refused(json!({"date_created": {operator: text}}));
            assert!(said.starts_with("The variable") && said.contains("no time up to now"), "{text}: {said}");
        }
    }
    for (offset, rows) in [
        ("-2 days", "123"),
        ("-36 hours", "123"),
        ("-36.5 hours", "123"),
        ("-76 DAYS", "12"),
        ("-2 mo", "123"),
        ("-1", "1234"),
        ("-0 days", "1234"),
        ("-5 m", "1234"),
    ] {
        assert_eq!(selected(json!({"date_created": {"_lt": format!("$NOW({offset})")}})), rows, "{offset}");
    }
    // Reads keep what Directus does.
    assert_eq!(filtered(json!({"date_created": {"_lt": "$NOW(-0.5 days)"}})), "1234");
    assert_eq!(filtered(json!({"date_created": {"_lt": "$NOW(--5 days)"}})), "1234");
}

#[test]
fn a_timestamp_is_a_text_with_its_unit() {
    for number in
        [json!(0), json!(-1), json!(20_260_101), json!(1_735_689_600), json!(1_735_689_600_000_i64), json!(true)]
    {
        for operator in ["_gt", "_lt", "_neq", "_eq"] {
            says(json!({"date_created": {operator: number}}), &["is no value"]);
        }
        says(json!({"date_created": {"_nin": [number]}}), &["is no value"]);
    }
    // A day is not an instant: no row has its midnight.
    for day in ["2025-01-15", "2025-01", "2025"] {
        says(json!({"date_created": {"_neq": day}}), &["is no value"]);
        says(json!({"date_created": {"_nin": [day]}}), &["is no value"]);
    }
    assert_eq!(selected(json!({"date_created": {"_lt": "2025-01-15"}})), "12");
    assert_eq!(selected(json!({"date_created": {"_neq": "2025-01-01T00:00:00.000Z"}})), "134");
    // Before every clock, and after now.
    let nothing = &["holds for every value"];
    for (operator, at) in [
        ("_gt", "1970-01-01T00:00:00.000Z"),
        ("_gte", "0001-01-01T00:00:00Z"),
        ("_neq", "1970-01-01T00:00:00.000Z"),
        ("_lt", "2052-01-15"),
        ("_lte", "2025-04-02T00:00:00Z"),
        ("_neq", "2052-01-15T00:00:00Z"),
    ] {
        says(json!({"date_created": {operator: at}}), nothing);
    }
    says(json!({"date_created": {"_between": ["1970-01-01", "2052-01-15"]}}), nothing);
    says(json!({"date_created": {"_nbetween": ["2052-01-15", "2052-01-16"]}}), nothing);
    // Until the end of today.
    assert_eq!(selected(json!({"date_created": {"_lt": "2025-04-01"}})), "1234");
}

#[test]
fn a_condition_that_every_value_fulfils_is_refused() {
    for filter in [
        json!({"status": {"_contains": "e"}}),
        json!({"status": {"_in": ["new", "in_progress", "complete", "error"]}}),
        json!({"quantity": {"_gte": 0}}),
        json!({"quantity": {"_gt": -1}}),
        json!({"quantity": {"_between": [0, 2_147_483_647]}}),
        json!({"count(codes)": {"_gte": 0}}),
        json!({"month(date_created)": {"_lt": 13}}),
        json!({"month(date_created)": {"_lte": 12}}),
        json!({"month(date_created)": {"_between": [1, 12]}}),
        json!({"month(date_created)": {"_nbetween": [13, 24]}}),
        json!({"weekday(date_created)": {"_in": [0, 1, 2, 3, 4, 5, 6]}}),
        json!({"hour(date_created)": {"_lt": 24}}),
        json!({"year(date_created)": {"_gt": 25}}),
        json!({"user_created": {"email_notifications": {"_in": [true, false]}}}),
    ] {
        let filter_text = filter.to_string();
        let said = refused(filter);
        assert!(said.contains("says nothing") || said.contains("does not contain"), "{filter_text}: {said}");
    }
    for filter in [
        json!({"quantity": {"_neq": -1}}),
        json!({"count(codes)": {"_neq": -1}}),
        json!({"month(date_created)": {"_neq": 13}}),
        json!({"month(date_created)": {"_nin": [0, 1]}}),
        json!({"weekday(date_created)": {"_neq": 7}}),
        json!({"year(date_created)": {"_neq": 25}}),
    ] {
        says(filter, &["is no value of"]);
    }
    // True for the rows that happen to exist.
    assert_eq!(selected(json!({"quantity": {"_gt": 0}})), "123");
    assert_eq!(selected(json!({"quantity": {"_lt": 1_000_000}})), "123");
    assert_eq!(selected(json!({"month(date_created)": {"_neq": 12}})), "234");
    assert_eq!(selected(json!({"year(date_created)": {"_gt": 2000}})), "1234");
}

#[test]
fn an_operand_of_another_type_is_no_text_of_a_member() {
    for filter in [
        json!({"reserved_for": {"_neq": true}}),
        json!({"reserved_for": {"_nin": [true, false]}}),
        json!({"reserved_for": {"_neq": 1}}),
        json!({"reserved_for": {"id": {"_neq": 1}}}),
        json!({"product": {"_ncontains": false}}),
        json!({"product": {"_neq": 1.5}}),
        json!({"product": {"_neq": 19_361_758_000_003_i64}}),
        json!({"product": {"_neq": "19361758000003"}}),
        json!({"product": {"_nin": ["/01/19361758000003", "19361758000003"]}}),
        json!({"product": {"_ncontains": 1.5}}),
        json!({"user_created": {"first_name": {"_neq": 5}}}),
        json!({"reference_id": {"_neq": true}}),
        json!({"reference_id": {"_neq": " "}}),
        json!({"reference_id": {"_ncontains": " "}}),
        json!({"reference_id": {"_neq": "undefined"}}),
        json!({"reference_id": {"_nin": ["a", "NaN"]}}),
        json!({"reference_id": {"_ncontains": "[object Object]"}}),
        json!({"id": {"_neq": "00000000-0000-0000-0000-000000000000"}}),
        json!({"user_created": {"_neq": "00000000-0000-0000-0000-000000000000"}}),
    ] {
        says(filter, &["is no value of"]);
    }
    says(json!({"user_created": {"status": {"_neq": "foo"}}}), &["fits no value"]);
    says(json!({"user_created": {"role": {"name": {"_neq": "admin"}}}}), &["fits no value"]);
    says(json!({"status": {"_neq": "true"}}), &["fits no value"]);
    // The words are texts here, and a mistake that was stored can be found.
    assert_eq!(selected(json!({"reference_id": {"_eq": "true"}})), "");
    assert_eq!(selected(json!({"reference_id": {"_neq": "false"}})), "123");
    assert_eq!(selected(json!({"reference_id": {"_eq": "undefined"}})), "");
    assert_eq!(selected(json!({"product": {"_in": ["/01/19361758000003", "x"]}})), "");
    assert_eq!(selected(json!({"reference_id": {"_contains": 100}})), "3");
    assert_eq!(selected(json!({"product": {"_ncontains": 19_361_758_000_003_i64}})), "");
    assert_eq!(selected(json!({"reserved_for": {"_null": "true"}})), "4");
}

#[test]
fn a_number_that_clients_round_is_refused_and_reads_find_its_digits() {
    for number in [json!(12_345_678_901_234_567_890_u64), json!(-9_007_199_254_740_993_i64), json!(1e21)] {
        for operator in ["_eq", "_neq", "_in", "_nin", "_contains"] {
            says(json!({"reference_id": {operator: number}}), &["is no value of", "is not a valid number"]);
        }
        says(json!({"reference_id": {"_nin": ["a", number]}}), &["is no value of"]);
        says(json!({"quantity": {"_nin": [number]}}), &["is no value of"]);
    }
    let row = |reference: &str| {
        let mut row = rows().remove(0);
        row.replace("reference_id", || json!(reference));
        row
    };
    for (number, text) in [
        ("12345678901234567890", "12345678901234567890"),
        ("-9223372036854775807", "-9223372036854775807"),
        ("1000.0", "1000"),
        ("1e21", "1e+21"),
    ] {
        for (operator, finds) in [("_in", true), ("_nin", false)] {
            let filter = format!("{{\"reference_id\":{{\"{operator}\":[{number}]}}}}");
            let raw = crate::query::RawQuery::from_json(members(json!({ "filter": filter })));
            let query = parse(&raw, Collection::CodeReservation, &admin(), now(), &Budget::default()).unwrap();
            assert_eq!(query.matches(&row(text), &related()), finds, "{filter}");
        }
    }
}

#[test]
fn a_write_has_no_parameter_that_would_not_be_heeded() {
    let filter = json!({"status": {"_eq": "new"}});
    for (name, value) in [
        ("deep", json!({"codes": {"_limit": 1}})),
        ("deep", json!({"_filter": {"id": {"_null": true}}})),
        ("meta", json!("*")),
        ("export", json!("csv")),
        ("version", json!("draft")),
    ] {
        for query in [json!({"limit": -1, name: value}), json!({"filter": filter, name: value})] {
            assert_eq!(refusal(query), format!("\"{name}\" is not allowed in the query of a write"));
        }
    }
    for name in ["limit", "offset", "page"] {
        for value in
            [json!(true), json!(false), json!([-1]), json!(null), json!(""), json!("0x1"), json!(1.5), json!({})]
        {
            let said = refusal(json!({"filter": filter, name: value}));
            assert_eq!(said, format!("\"{name}\" must be an integer"), "{value}");
        }
    }
    for (limit, page) in [(json!(-1), json!(2)), (json!("-1"), json!(0))] {
        assert!(refusal(json!({"limit": limit, "page": page})).contains("all rows have no pages"));
    }
    assert!(select(json!({"filter": filter, "limit": 2, "page": 2})).is_ok());
    assert!(select(json!({"filter": filter, "limit": "2", "offset": "3"})).is_ok());
    assert!(select(json!({"limit": -1.0})).is_ok());
}
