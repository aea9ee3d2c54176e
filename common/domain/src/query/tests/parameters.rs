//! Query strings, paging, bodies, and what is refused.

use super::*;
use crate::query::{RawQuery, parse_search_body, raw::query_string};

#[test]
fn brackets_nest_and_indexes_make_arrays() {
    let parsed = |text: &str| Value::Object(query_string::parse(text));
    assert_eq!(parsed("a=1&b=x+y%21"), json!({"a": "1", "b": "x y!"}));
    assert_eq!(parsed("a=1&a=2"), json!({"a": ["1", "2"]}));
    assert_eq!(parsed("a[]=1&a[]=2"), json!({"a": ["1", "2"]}));
    assert_eq!(parsed("a[1]=y&a[0]=x"), json!({"a": ["x", "y"]}));
    assert_eq!(parsed("a[7]=y"), json!({"a": ["y"]}));
    assert_eq!(parsed("a[500]=y"), json!({"a": {"500": "y"}}));
    assert_eq!(parsed("a%5Bb%5D[c]=1"), json!({"a": {"b": {"c": "1"}}}));
    assert_eq!(parsed("a[][b]=1&a[][c]=2"), json!({"a": [{"b": "1", "c": "2"}]}));
    assert_eq!(parsed("a[b]=1&a[c]=2&a[b]=3"), json!({"a": {"b": ["1", "3"], "c": "2"}}));
}

#[test]
fn what_is_no_encoding_stays_as_it_is() {
    let parsed = |text: &str| Value::Object(query_string::parse(text));
    assert_eq!(parsed("a=%zz&b=%E9&c=%"), json!({"a": "%zz", "b": "%E9", "c": "%"}));
    assert_eq!(parsed("a&=x&&b="), json!({"a": "", "b": ""}));
    assert_eq!(parsed("a=b=c"), json!({"a": "b=c"}));
    assert_eq!(parsed("f[x]=[y]=1"), json!({"f": {"x": "[y]=1"}}));
}

#[test]
fn nesting_is_bounded() {
    let deep = format!("a{}=1", "[b]".repeat(12));
    let parsed = Value::Object(query_string::parse(&deep));
    let inner = (0..10).fold(&parsed["a"], |v, _| &v["b"]);
    assert_eq!(inner, &json!({"[b][b]": "1"}));
    assert_eq!(query_string::parse("a[__proto__][x]=1&constructor=2&toString[a]=1"), serde_json::Map::new());
    assert_eq!(query_string::parse(&"a=1&".repeat(5_000))["a"].as_array().map_or(0, Vec::len), 0);
    assert_eq!(query_string::parse(&"a=1&".repeat(5_000))["a"].as_object().map_or(0, serde_json::Map::len), 1_000);
}

#[test]
fn a_parameter_that_nobody_knows_is_ignored() {
    assert_eq!(ids("nonsense=1&access_token=x"), "1234");
}

#[test]
fn limit_offset_and_page_cut_the_list() {
    assert_eq!(ids("limit=2"), "12");
    assert_eq!(ids("limit=0"), "");
    assert_eq!(ids("limit="), "");
    assert_eq!(ids("limit=-1&offset=1"), "234");
    assert_eq!(ids("limit=0x2&page=2"), "34");
    assert_eq!(ids("limit=1&page=2&offset=3"), "2");
    assert_eq!(ids("page=2"), "");
    assert_eq!(ids("limit=-1&page=2"), "1234");
    assert_eq!(ids("page=0&offset=3"), "4");
    assert_eq!(query("").unwrap().limit_or_default(), 100);
}

#[test]
fn numbers_of_paging_are_checked_in_the_words_of_the_dialect() {
    for (text, wanted) in [
        ("limit=-2", "\"limit\" must be greater than or equal to -1"),
        ("limit=abc", "\"limit\" must be a number"),
        ("limit=1.5", "\"limit\" must be an integer"),
        ("limit=1&limit=2", "\"limit\" must be a number"),
        ("limit=Infinity", "\"limit\" cannot be infinity"),
        ("limit=1e300", "\"limit\" must be a safe number"),
        ("offset=-1", "\"offset\" must be greater than or equal to 0"),
        ("page=-1", "\"page\" must be greater than or equal to 0"),
        ("meta=total_count,nope", "\"meta[1]\" must be one of [total_count, filter_count]"),
        ("export=xlsx", "\"export\" must be one of [csv, csv_utf8, json, xml, yaml]"),
        ("fields=id,", "\"fields[1]\" is not allowed to be empty"),
        ("sort=id,,status", "\"sort[1]\" is not allowed to be empty"),
        ("fields=a.b.c.d.e.f.g.h.i.j.k", "Max relational depth exceeded"),
        ("aggregate=x", "\"aggregate\" must be of type object"),
    ] {
        assert_eq!(reason(text), format!("400 {wanted}"), "{text}");
    }
}

#[test]
fn a_search_body_is_a_query_or_keys() {
    let body = |v: Value| parse_search_body(&v).map_err(|e| e.extensions()["reason"].as_str().unwrap().to_owned());
    let parsed = body(json!({"query": {"limit": "2"}, "keys": ["a", 5]})).unwrap();
    assert_eq!(parsed.keys, Some(vec!["a".to_owned(), "5".to_owned()]));
    assert_eq!(parsed.query, Some(RawQuery::from_json(members(json!({"limit": "2"})))));
    assert_eq!(body(json!([])).unwrap_err(), "\"value\" must be of type object");
    assert_eq!(body(json!({"keys": "a"})).unwrap_err(), "\"keys\" must be an array");
    assert_eq!(body(json!({"query": null})).unwrap_err(), "\"query\" must be of type object");
    assert_eq!(body(json!({"nope": 1})).unwrap_err(), "\"nope\" is not allowed");
}

#[test]
fn json_and_text_give_the_same_query() {
    let raw =
        members(json!({"fields": ["id", "status"], "filter": {"quantity": {"_gt": 1}}, "sort": "-id", "limit": 2,
        "aggregate": null, "groupBy": null}));
    let from_json =
        parse(&RawQuery::from_json(raw), Collection::CodeReservation, &admin(), now(), &Budget::default()).unwrap();
    assert_eq!(from_json, query("fields=id,status&filter[quantity][_gt]=1&sort[]=-id&limit=2").unwrap());
}

#[test]
fn a_filter_too_large_to_be_meant_is_refused() {
    let many: Vec<u32> = (0..30_000).collect();
    let raw = RawQuery::from_json(members(json!({"filter": {"quantity": {"_in": many}}})));
    let answer = parse(&raw, Collection::CodeReservation, &admin(), now(), &Budget::default());
    assert_eq!(answer.map_err(|e| e.status()), Err(400));
    let mut nested = json!({"status": "new"});
    for _ in 0..200 {
        nested = json!({"_and": [nested]});
    }
    let raw = RawQuery::from_json(members(json!({"filter": nested})));
    assert_eq!(
        parse(&raw, Collection::CodeReservation, &admin(), now(), &Budget::default()).map_err(|e| e.status()),
        Err(400)
    );
}

#[test]
fn wildcards_that_would_explode_are_refused() {
    assert_eq!(reason("fields=*.*.*.*.*.*.*.*.*.*"), "400 More than 2000 fields are selected");
    assert!(query("fields=*.*").is_ok());
}
